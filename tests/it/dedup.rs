//! An event is written once, however often it is delivered: in one archive, in two, under another prefix, in another run.
//! What makes two events one is their identifier, account, time and name.

use std::collections::BTreeSet;

use crate::harness::{Lake, Workdir, int, records, text};

/// An event of these four; `mark` distinguishes it from its copies.
fn event(id: &str, account: &str, time: &str, name: &str, mark: &str) -> String {
    let id = if id.is_empty() { String::new() } else { format!(r#""eventID":"{id}","#) };
    format!(
        r#"{{"eventVersion":"1.08",{id}"eventTime":"{time}","eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","userAgent":"{mark}","recipientAccountId":"{account}"}}"#
    )
}

fn plain(id: &str, mark: &str) -> String {
    event(id, "123456789012", "2025-03-01T08:15:00Z", "DescribeInstances", mark)
}

/// A metering call with two usage records.
fn metering(id: &str) -> String {
    let record = |customer: &str| {
        format!(
            r#"{{"customerIdentifier":"{customer}","dimension":"d","quantity":3,"timestamp":"Mar 1, 2025 8:00:00 AM"}}"#
        )
    };
    let (one, two) = (record("c1"), record("c2"));
    format!(
        r#"{{"eventVersion":"1.08","eventID":"{id}","eventTime":"2025-03-01T08:15:00Z","eventSource":"metering-marketplace.amazonaws.com","eventName":"BatchMeterUsage","awsRegion":"us-east-1","recipientAccountId":"123456789012","requestParameters":{{"productCode":"p","usageRecords":[{one},{two}]}},"responseElements":{{"results":[{{"usageRecord":{one},"meteringRecordId":"m1","status":"Success"}},{{"usageRecord":{two},"meteringRecordId":"m2","status":"DuplicateRecord"}}],"unprocessedRecords":[]}}}}"#
    )
}

/// The key of an archive that was delivered at this minute to a trail under this prefix.
fn key(prefix: &str, minute: u32) -> String {
    let hour = minute / 60;
    let minute = minute % 60;
    format!(
        "in/{prefix}/AWSLogs/123456789012/CloudTrail/us-east-1/2025/03/01/123456789012_CloudTrail_us-east-1_20250301T{hour:02}{minute:02}Z_aaaaaaaaaaaaaaaa.json.gz"
    )
}

fn marks(lake: &Lake) -> Vec<String> {
    let mut marks = lake.texts("events", "user_agent");
    marks.sort();
    marks
}

/// `events_seen`, `events_written` and `duplicates` by archive, in the order of their names.
fn counts(lake: &Lake) -> Vec<(i64, i64, i64)> {
    let mut rows = lake.rows("archives");
    rows.sort_by_key(|row| text(row, "archive").to_owned());
    rows.iter().map(|row| (int(row, "events_seen"), int(row, "events_written"), int(row, "duplicates"))).collect()
}

#[test]
fn the_first_delivery_is_kept_and_the_others_are_counted() {
    let workdir = Workdir::new();
    // By path the later delivery comes first.
    workdir.gzip(&key("a", 20), records(&[plain("1", "second"), plain("2", "only")]));
    workdir.gzip(&key("b", 10), records(&[plain("1", "first"), plain("1", "again")]));
    let lake = workdir.convert("in", "");
    lake.check_counts();
    assert_eq!(marks(&lake), ["first", "only"]);
    assert_eq!(counts(&lake), [(2, 1, 1), (2, 1, 1)]);
    assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (2, 2));
    assert!(lake.stderr.contains("2 duplicates"), "{}", lake.stderr);
}

#[test]
fn each_part_of_the_identity_distinguishes_events() {
    let workdir = Workdir::new();
    let event = |id, account, time, name| event(id, account, time, name, "x");
    let (time, other_time) = ("2025-03-01T08:15:00Z", "2025-03-01T08:15:01Z");
    let different = [
        event("1", "111111111111", time, "A"),
        event("2", "111111111111", time, "A"),
        event("1", "222222222222", time, "A"),
        event("1", "111111111111", other_time, "A"),
        event("1", "111111111111", time, "B"),
    ];
    workdir.gzip("in/a.json.gz", records(&different));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (5, 0));
    // The same again, from elsewhere.
    workdir.gzip("more/a.json.gz", records(&different));
    let lake = workdir.convert("more", "");
    assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (0, 5));
    assert_eq!(lake.rows("events").len(), 5);
}

#[test]
fn events_without_an_identifier_are_all_kept() {
    let workdir = Workdir::new();
    let nameless = plain("", "x");
    let empty = nameless.replacen('{', r#"{"eventID":"","#, 1);
    let odd = nameless.replacen('{', r#"{"eventID":7,"#, 1);
    workdir.gzip("in/a.json.gz", records(&[&nameless, &nameless, &empty, &empty, &odd, &odd]));
    workdir.gzip("in/b.json.gz", records(&[&nameless]));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (7, 0));
}

#[test]
fn usage_records_follow_their_event() {
    for tables in ["usage_records,events", "usage_records", "events"] {
        let workdir = Workdir::new();
        workdir.gzip(&key("a", 10), records(&[metering("1"), metering("1"), metering("2")]));
        workdir.gzip(&key("b", 10), records(&[metering("2"), metering("3")]));
        let lake = workdir.convert("in", &format!("--tables {tables}"));
        assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (3, 2), "{tables}");
        if tables != "events" {
            assert_eq!(lake.count("/usage_records/written"), 6, "{tables}");
            assert_eq!(lake.count("/usage_records/by_outcome/success"), 3, "{tables}");
            assert_eq!(lake.count("/usage_records/by_outcome/duplicate_record"), 3, "{tables}");
            assert_eq!(lake.rows("usage_records").len(), 6, "{tables}");
        }
        workdir.gzip("more/c.json.gz", records(&[metering("3"), metering("4")]));
        let lake = workdir.convert("more", &format!("--tables {tables}"));
        assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (1, 1), "{tables}");
        let rows = lake.rows(if tables == "events" { "events" } else { "usage_records" }).len();
        assert_eq!(rows, if tables == "events" { 4 } else { 8 }, "{tables}");
    }
}

/// In any layout of the files, an event of an earlier run is found.
#[test]
fn earlier_runs_are_remembered_by_every_layout() {
    for partition_by in ["event_date", "event_month", "region", "account,event_source,event_date", "event_source"] {
        let workdir = Workdir::new();
        let of_day = |day: u32, id: &str, mark: &str| {
            event(id, "123456789012", &format!("2025-0{}-0{}T00:00:00Z", 1 + day % 3, 1 + day), "A", mark)
        };
        let timeless = |mark: &str| plain("t", mark).replace("2025-03-01T08:15:00Z", "some day");
        let all = |mark: &str| -> Vec<String> {
            (0..8).map(|day| of_day(day, &format!("e{day}"), mark)).chain([timeless(mark)]).collect()
        };
        let flags = format!("--partition-by {partition_by}");
        workdir.gzip("in/a.json.gz", records(&all("first")));
        assert_eq!(workdir.convert("in", &flags).count("/events/written"), 9);
        workdir.gzip("more/b.json.gz", records(&[all("second"), vec![of_day(3, "new", "new")]].concat()));
        let lake = workdir.convert("more", &flags);
        assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (1, 9), "{partition_by}");
        assert_eq!(marks(&lake).iter().collect::<BTreeSet<_>>().len(), 2, "{partition_by}");
        assert_eq!(lake.rows("events").len(), 10, "{partition_by}");
    }
}

#[test]
fn no_dedup_writes_events_as_often_as_they_come() {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[plain("1", "x"), plain("1", "x")]));
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (2, 0));
    // And duplicates of such a run do not disturb another.
    workdir.gzip("more/a.json.gz", records(&[plain("1", "x"), plain("2", "x")]));
    let lake = workdir.convert("more", "");
    assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (1, 1));
}

#[test]
fn an_event_that_a_selector_leaves_out_is_no_duplicate() {
    let workdir = Workdir::new();
    let elsewhere = plain("1", "x").replace("us-east-1", "eu-west-1");
    workdir.gzip(&key("a", 10), records(&[elsewhere.clone(), plain("1", "y")]));
    let lake = workdir.convert("in", "--region us-east-1");
    assert_eq!((lake.count("/events/written"), lake.count("/events/filtered")), (1, 1));
    assert_eq!(marks(&lake), ["y"]);
}

#[test]
fn a_dry_run_counts_duplicates_of_its_input_and_of_the_lake() {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[plain("1", "x")]));
    workdir.convert("in", "");
    workdir.gzip("more/b.json.gz", records(&[plain("1", "x"), plain("2", "x"), plain("2", "x")]));
    let report = workdir.run("convert more --out lake --dry-run --report dry.json").expect(0).report("dry.json");
    assert_eq!((report["events"]["written"].as_u64(), report["events"]["duplicates"].as_u64()), (Some(1), Some(2)));
}

/// Two trails deliver the same events at the same minutes, so that workers meet the copies of an event at the same time:
/// which is first must not show, neither in the kept events nor in the bytes of the files.
#[test]
fn overlapping_trails_give_the_same_files_on_any_number_of_threads() {
    let workdir = Workdir::new();
    for trail in ["one", "two", "three"] {
        for minute in 0..40 {
            let events: Vec<String> = (0..150)
                .filter(|number| trail != "two" || number % 3 != 0)
                .map(|number| match number % 10 {
                    0 => metering(&format!("{minute}-{number}")),
                    _ => plain(&format!("{minute}-{number}"), &format!("{trail} {minute}")),
                })
                .collect();
            workdir.gzip(&key(trail, minute), records(&events));
        }
    }
    let mut first = None;
    for (threads, attempt) in [(1, 0), (2, 0), (8, 0), (8, 1), (8, 2)] {
        let lake = workdir.convert("in", &format!("--threads {threads}"));
        lake.check_counts();
        assert_eq!((lake.count("/events/written"), lake.count("/events/duplicates")), (6_000, 10_000));
        assert_eq!(lake.count("/usage_records/written"), 1_200);
        // Paths rise with "one", "three", "two"; all are delivered at the same minute.
        assert!(marks(&lake).iter().all(|mark| mark.is_empty() || mark.starts_with("one")));
        let data = (workdir.snapshot("lake/events"), workdir.snapshot("lake/usage_records"));
        let bytes =
            [data.0, data.1].map(|files| files.into_iter().map(|(path, (bytes, _))| (path, bytes)).collect::<Vec<_>>());
        let same = first.get_or_insert_with(|| bytes.clone());
        assert!(*same == bytes, "{threads} threads, attempt {attempt}");
        std::fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    }
}

/// A copy in an archive that turns out to be unusable does not count.
#[test]
fn refused_events_make_no_duplicates() {
    let workdir = Workdir::new();
    // Too large to be inflated at once: it is converted while it is read, and its checksum is at its end.
    let filler: Vec<String> = (0..90_000).map(|number| plain(&format!("f{number}"), &"x".repeat(200))).collect();
    let mut damaged = crate::harness::gzip(records(&[filler, vec![plain("1", "worthless")]].concat()).as_bytes());
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    workdir.file(&key("a", 10), damaged);
    workdir.gzip(&key("b", 20), records(&[plain("1", "sound"), plain("f7", "sound, too")]));
    let lake = workdir.convert("in", "");
    lake.check_counts();
    assert_eq!((lake.code, marks(&lake)), (1, vec!["sound".to_owned(), "sound, too".to_owned()]), "{}", lake.stderr);
    assert_eq!(lake.count("/events/duplicates"), 0);
}

/// Its end is read before its first events are converted: when it is refused they have claims, but no rows yet.
#[test]
fn events_refused_early_make_no_duplicates() {
    let workdir = Workdir::new();
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{state:016x}")
    };
    let events: Vec<String> =
        (0..6_000).map(|number| plain(&format!("f{number}"), &(0..60).map(|_| noise()).collect::<String>())).collect();
    let mut damaged = crate::harness::gzip(records(&events).as_bytes());
    assert!(damaged.len() > 3 << 20, "large enough to be converted while it is read: {}", damaged.len());
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    workdir.file(&key("a", 10), damaged);
    workdir.gzip(&key("b", 20), records(&[plain("f1", "sound"), plain("f2", "sound")]));
    let lake = workdir.convert("in", "--threads 2");
    lake.check_counts();
    assert_eq!((lake.code, marks(&lake).len()), (1, 2), "{}", lake.stderr);
    assert_eq!(lake.count("/events/duplicates"), 0);
}

/// With little memory keys go to disk, and nothing is forgotten or invented.
#[test]
fn keys_beyond_the_bound_are_remembered_on_disk() {
    let workdir = Workdir::new();
    // 64 MiB leave room for some 190,000 keys.
    workdir.run("generate --out in/one --mix tiny --archives 3000 --events-per-archive 100 --seed 3").expect(0);
    let lake = workdir.convert("in/one", "--memory-limit 64MiB");
    let (seen, written) = (lake.count("/events/seen"), lake.count("/events/written"));
    assert!(seen == 300_000 && written > 290_000, "{written} of {seen}");
    workdir.run("generate --out in/two --mix tiny --archives 3000 --events-per-archive 100 --seed 3").expect(0);
    let again = workdir.convert("in/two", "--memory-limit 64MiB");
    // Events of the first years have no identifier.
    let nameless = again.rows("events").iter().filter(|row| !row.contains_key("event_id")).count() as u64 / 2;
    assert!(nameless > 0 && again.count("/events/written") == nameless, "{nameless}: {}", again.stderr);
    assert_eq!(again.count("/events/duplicates"), seen - nameless);
}
