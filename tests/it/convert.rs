//! What counts as an archive, whatever its place, its name and the layout of its text.

use crate::harness::{Lake, Workdir, event, gzip, int, records, text};

const REGION: &str = "us-east-1/2025/03/01";

/// A file name of CloudTrail; the day in it is that of the delivery.
fn name(account: &str, kind: &str) -> String {
    format!("{account}_{kind}_us-east-1_20250301T0820Z_aB3dE5fG7hJ9kL1m.json.gz")
}

/// The manifest: path below `in/`, kind, status, events seen.
fn manifest(workdir: &Workdir, lake: &Lake) -> Vec<String> {
    let below = format!("file://{}/in/", workdir.path().display());
    let line = |row: &crate::reference::Row| {
        let path = text(row, "archive").strip_prefix(&below).expect("an archive below in/");
        format!("{path} {} {} {}", text(row, "kind"), text(row, "status"), int(row, "events_seen"))
    };
    let mut lines: Vec<String> = lake.rows("archives").iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn every_key_layout_is_found() {
    let workdir = Workdir::new();
    let one = |kind: &str, text: &str, path: &str| {
        workdir.gzip(&format!("in/{path}/{}", name("111111111111", kind)), text);
    };
    let log = records(&[event("1", "")]);
    one("CloudTrail", &log, &format!("AWSLogs/111111111111/CloudTrail/{REGION}"));
    one("CloudTrail", &log, &format!("a/prefix/AWSLogs/o-exampleorg1/111111111111/CloudTrail/{REGION}"));
    let insight = r#"{"eventVersion":"1.07","eventTime":"2025-03-01T08:15:00Z","eventID":"2","eventType":"AwsCloudTrailInsight","eventCategory":"Insight","insightDetails":{"state":"Start"}}"#;
    one("CloudTrail-Insight", &records(&[insight]), &format!("AWSLogs/111111111111/CloudTrail-Insight/{REGION}"));
    let network = event("3", r#""eventCategory":"NetworkActivity""#);
    let folder = format!("AWSLogs/111111111111/CloudTrail-NetworkActivity/{REGION}");
    one("CloudTrail-NetworkActivity", &records(&[network]), &folder);
    let aggregated = r#"[{"eventVersion":"1.0","accountId":"111111111111","eventId":"4","eventCategory":"Aggregated","eventType":"AwsAggregatedEvent"}]"#;
    one("CloudTrail-Aggregated", aggregated, &format!("AWSLogs/111111111111/CloudTrail-Aggregated/{REGION}"));
    let digest = r#"{"awsAccountId":"111111111111","digestS3Object":"x","logFiles":[]}"#;
    one("CloudTrail-Digest", digest, &format!("AWSLogs/111111111111/CloudTrail-Digest/{REGION}"));

    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    lake.check_counts();
    let logs = "AWSLogs/111111111111";
    let line =
        |path: &str, kind: &str, rest: &str| format!("{path}/{kind}/{REGION}/{} {rest}", name("111111111111", kind));
    let expected = [
        line(logs, "CloudTrail-Aggregated", "aggregated converted 1"),
        line(logs, "CloudTrail-Digest", "digest foreign 0"),
        line(logs, "CloudTrail-Insight", "insight converted 1"),
        line(logs, "CloudTrail-NetworkActivity", "network_activity converted 1"),
        line(logs, "CloudTrail", "log converted 1"),
        line("a/prefix/AWSLogs/o-exampleorg1/111111111111", "CloudTrail", "log converted 1"),
    ];
    assert_eq!(manifest(&workdir, &lake), expected);
    let mut ids = lake.texts("events", "event_id");
    ids.sort();
    assert_eq!(ids, ["1", "1", "2", "3", "4"]);
}

#[test]
fn content_and_not_the_name_decides_what_a_file_is() {
    let workdir = Workdir::new();
    let log = records(&[event("1", "")]);
    workdir.file("in/plain.json", &log);
    workdir.file("in/plain.json.gz", &log);
    workdir.gzip("in/zipped.json", &log);
    workdir.gzip("in/no-extension", &log);
    workdir.gzip("in/.hidden", &log);
    workdir.gzip("in/_underscore.parquet", &log);
    workdir.gzip(&format!("in/AWSLogs/111111111111/CloudTrail-Digest/{REGION}/log.json.gz"), &log);
    workdir.file("in/with blank & ümlaut?.json", &log);
    workdir.file("in/README.md", "# Records\n");
    workdir.file("in/notes.csv", "Records,eventVersion\n");
    let lake = workdir.convert("in", "");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    let lines = manifest(&workdir, &lake);
    let converted: Vec<&String> = lines.iter().filter(|line| line.ends_with("log converted 1")).collect();
    assert_eq!(converted.len(), 8, "{lines:#?}");
    assert!(converted.iter().any(|line| line.starts_with("with%20blank%20&%20%C3%BCmlaut%3F.json ")), "{lines:#?}");
    let foreign: Vec<&String> = lines.iter().filter(|line| line.ends_with("foreign 0")).collect();
    assert_eq!(foreign.len(), 2, "{lines:#?}");
}

/// Converts one file; its status and the ids of its events in order.
#[track_caller]
fn check(stored: impl AsRef<[u8]>, status: &str, ids: &[&str]) {
    let workdir = Workdir::new();
    let path = workdir.file("in/archive", &stored);
    let lake = workdir.convert("in", "");
    lake.check_counts();
    let archive = lake.archive(&path);
    let shown = String::from_utf8_lossy(stored.as_ref()).into_owned();
    assert_eq!((lake.code, text(&archive, "status")), (0, status), "{shown}\n{}", lake.stderr);
    assert_eq!(lake.texts("events", "event_id"), ids, "{shown}");
    let indexes: Vec<i64> = lake.rows("events").iter().map(|row| int(row, "event_index")).collect();
    assert_eq!(indexes, (0..ids.len() as i64).collect::<Vec<_>>(), "{shown}");
}

#[test]
fn texts_of_an_archive_in_every_layout() {
    let [a, b] = ["a", "b"].map(|id| event(id, ""));
    check(records(&[&a, &b]), "converted", &["a", "b"]);
    check(gzip(records(&[&a, &b]).as_bytes()), "converted", &["a", "b"]);
    let empty: [&str; 0] = [];
    check(records(&empty), "converted", &[]);
    check(gzip(b"{ \"Records\" : [ ] }\n"), "converted", &[]);
    check(format!("[{a},{b}]"), "converted", &["a", "b"]);
    let pretty: serde_json::Value = serde_json::from_str(&records(&[&a, &b])).expect("JSON");
    check(format!("{pretty:#}"), "converted", &["a", "b"]);
    check(format!("{pretty:#}").replace('\n', "\r\n\t "), "converted", &["a", "b"]);
    check(format!(r#"{{"version":1,"more":{{"Records":[7]}},"Records":[{a}],"after":[[]]}}"#), "converted", &["a"]);
    check(format!(r#"{{"Records":[{a}],"Records":[{b}]}}"#), "converted", &["a", "b"]);
    check(format!(r#"{{"\u0052ecords":[{a}]}}"#), "converted", &["a"]);
}

#[test]
fn documents_may_follow_each_other_in_one_member_or_in_many() {
    let [first, second, third] = ["a", "b", "c"].map(|id| records(&[event(id, "")]));
    check(format!("{first}{second}\n\n {third}\n"), "converted", &["a", "b", "c"]);
    let members = [&first, &second, &third].map(|text| gzip(text.as_bytes()));
    check(members.concat(), "converted", &["a", "b", "c"]);
    let (head, tail) = first.split_at(first.len() / 2);
    check([gzip(head.as_bytes()), gzip(b""), gzip(tail.as_bytes())].concat(), "converted", &["a"]);
    check([gzip(first.as_bytes()), gzip(second.as_bytes())].concat(), "converted", &["a", "b"]);
}

#[test]
fn members_of_an_event_come_in_any_order() {
    let workdir = Workdir::new();
    let caller = r#""userIdentity":{"sessionContext":{"sessionIssuer":{"userName":"r"}},"type":"AssumedRole"}"#;
    let members = [r#""eventID":"a""#, r#""eventTime":"2025-03-01T08:15:00Z""#, caller, r#""eventVersion":"1.08""#];
    let mut events = Vec::new();
    for turn in 0..members.len() {
        let mut turned = members;
        turned.rotate_left(turn);
        events.push(format!("{{{}}}", turned.join(",")));
        turned.reverse();
        events.push(format!("{{{}}}", turned.join(" , ")));
    }
    workdir.gzip("in/a.json.gz", records(&events));
    let mut rows = workdir.convert("in", "--no-dedup").rows("events");
    for row in &mut rows {
        row.remove("event_index");
    }
    assert_eq!(rows.len(), events.len());
    assert!(rows.iter().all(|row| *row == rows[0]), "{rows:#?}");
    assert_eq!(text(&rows[0], "session_issuer_user_name"), "r");
}

#[test]
fn a_file_without_events_is_foreign_whatever_it_looks_like() {
    for text in [
        "",
        " \n",
        "7",
        "\"Records\"",
        "null",
        "{}",
        "[]",
        "[[]]",
        "[1,2,3]",
        r#"{"records":[]}"#,
        r#"{"Events":[{"EventId":"x","CloudTrailEvent":"{}"}]}"#,
        r#"[{"EventId":"x"}]"#,
        r#"{"Records":[{"s3":{"bucket":{"name":"b"}}}]}"#,
        r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3"}]}"#,
        r#"{"Records":[{"EventSource":"aws:sns","eventVersion":"1.0"}]}"#,
        "PAR1 and so on",
    ] {
        check(text, "foreign", &[]);
        check(gzip(text.as_bytes()), "foreign", &[]);
    }
}

#[test]
fn the_first_object_decides_and_later_ones_are_events_whatever_they_hold() {
    let workdir = Workdir::new();
    let odd = r#"{"eventSource":"aws:s3"},{},{"x":1}"#;
    workdir.file("in/a.json", format!(r#"{{"Records":[{},{odd}]}}"#, event("a", "")));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (0, 4), "{}", lake.stderr);
    // Within a batch, rows of one kind are together; the index says where each came from.
    let mut rows = lake.rows("events");
    rows.sort_by_key(|row| int(row, "event_index"));
    assert_eq!(rows.iter().map(|row| text(row, "unmapped")).collect::<Vec<_>>(), ["", "", "", r#"{"x":1}"#]);
}

#[test]
fn with_usage_records_alone_other_events_are_counted_unread_unless_on_bad_is_fail() {
    let workdir = Workdir::new();
    let call = event("a", r#""requestParameters":{"usageRecords":[{"quantity":3}]}"#)
        .replace("ec2.amazonaws.com", "metering\\u002dmarketplace.amazonaws.com")
        .replace("DescribeInstances", "BatchMeterUsage");
    workdir.gzip("in/a.json.gz", records(&[call, event("b", ""), r#"{"eventName":tru}"#.to_owned()]));
    let lake = workdir.convert("in", "--tables usage_records");
    assert_eq!((lake.code, lake.count("/events/seen"), lake.count("/events/written")), (0, 3, 3), "{}", lake.stderr);
    assert_eq!(lake.count("/usage_records/written"), 1);
    let archive = &lake.rows("archives")[0];
    assert!(!archive.contains_key("oldest_event_time"), "the times of unread events are not known: {archive:?}");
    let strict = workdir.run("convert in --out strict --tables usage_records --on-bad fail");
    assert!(strict.stderr().contains("json_invalid"), "{}", strict.dump());
    strict.expect(2);
}

#[test]
fn an_input_may_be_a_file_a_folder_or_several() {
    let workdir = Workdir::new();
    for id in ["a", "b", "c"] {
        workdir.gzip(&format!("in/{id}/x.json.gz"), records(&[event(id, "")]));
    }
    let lake = workdir.convert("in/a/x.json.gz in/b", "");
    assert_eq!((lake.code, lake.texts("events", "event_id")), (0, vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn names_that_are_no_utf_8_are_names_too() -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let workdir = Workdir::new();
    for (name, id) in [(&b"caf\xe9.json"[..], "a"), (b"caf\xe8.json", "b"), (b"\xff", "c")] {
        workdir.file("in/x", records(&[event(id, "")]));
        std::fs::rename(workdir.at("in/x"), workdir.at("in").join(std::ffi::OsStr::from_bytes(name)))?;
    }
    for converted in [3, 0] {
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/archives/converted")), (0, converted), "{}", lake.stderr);
        let mut names = lake.texts("archives", "archive");
        names.sort();
        let ends = names.iter().zip(["/in/%FF", "/in/caf%E8.json", "/in/caf%E9.json"]);
        assert!(names.len() == 3 && ends.into_iter().all(|(name, end)| name.ends_with(end)), "{names:?}");
    }
    Ok(())
}

#[test]
fn unusual_files_and_folders_stop_nothing() -> std::io::Result<()> {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("a", "")]));
    std::fs::create_dir_all(workdir.at("in/empty/folders"))?;
    std::os::unix::fs::symlink("nowhere", workdir.at("in/broken-link.json.gz"))?;
    std::os::unix::net::UnixListener::bind(workdir.at("in/socket"))?;
    let lake = workdir.convert("in", "");
    // A listed file that cannot be read is reported; what is not a file holds no archive.
    assert_eq!((lake.code, lake.texts("events", "event_id")), (1, vec!["a".to_owned()]), "{}", lake.stderr);
    lake.check_counts();
    let lines = manifest(&workdir, &lake);
    assert!(lines.contains(&"broken-link.json.gz unreadable quarantined 0".to_owned()), "{lines:?}");
    assert_eq!(lake.texts("quarantine", "reason"), ["read_failed"]);
    Ok(())
}
