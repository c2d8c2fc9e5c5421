//! Archives in buckets: the same rows as from files, whatever happens to requests, and no more requests than it takes.

use std::path::Path;
use std::time::Duration;

use crate::containers::{tar, zip};
use crate::harness::{Lake, Workdir, data, event, gzip, int, records, text};
use crate::reference::{Row, Value, compare_rows};
use crate::s3::fault::{Fault, Operation, Rule};
use crate::s3::moto::Moto;
use crate::s3::proxy::Proxy;
use crate::s3::server::Server;
use crate::s3::store::{ACCESS_KEY, Environment, OTHER_ACCESS_KEY, SECRET_KEY, Store};

const BUCKET: &str = "trail";
/// Retries that do not take long.
const FAST: &str = "--s3-retries 2 --s3-timeout 2";

const TABLES: [&str; 4] = ["events", "usage_records", "quarantine", "archives"];

/// Converts into `lake` with the variables of a store.
fn convert(workdir: &Workdir, environment: &Environment, input: &str, lake: &str, flags: &str) -> Lake {
    let run = workdir.run_in(environment, &format!("convert {input} --out {lake} --report report.json {flags}"));
    assert!([0, 1].contains(&run.code()), "{}", run.dump());
    Lake { report: run.report("report.json"), code: run.code(), path: workdir.at(lake), stderr: run.stderr() }
}

/// Rows without what depends on the place of archives and the time of the run; `root` is the prefix of their URIs.
fn rows(lake: &Lake, table: &str, root: &str) -> Vec<Row> {
    let place = |mut row: Row| {
        for column in ["etag_or_mtime", "commit_id", "converted_at"] {
            row.remove(column);
        }
        if let Some(Value::Text(uri)) = row.get_mut("archive") {
            *uri = uri.strip_prefix(root).unwrap_or_else(|| panic!("{uri} is not below {root}")).to_owned();
        }
        row
    };
    lake.rows(table).into_iter().map(place).collect()
}

#[track_caller]
fn check_same(local: &Lake, local_root: &Path, remote: &Lake, remote_root: &str) {
    assert_eq!(local.code, remote.code, "{}\n{}", local.stderr, remote.stderr);
    remote.check_counts();
    for table in TABLES {
        let expected = rows(local, table, &format!("file://{}/", local_root.display()));
        let found = rows(remote, table, remote_root);
        compare_rows(&expected, &found).unwrap_or_else(|difference| panic!("{table}: {difference}"));
    }
}

fn key(account: &str, region: &str, day: &str, number: usize) -> String {
    let name =
        format!("{account}_CloudTrail_{region}_{}T08{number:02}Z_aB3dE5fG7hJ9kL1m.json.gz", day.replace('/', ""));
    format!("AWSLogs/{account}/CloudTrail/{region}/{day}/{name}")
}

/// An archive of some events of a day such as `2025/03/01`.
fn archive(account: &str, region: &str, day: &str, number: usize) -> (String, Vec<u8>) {
    let key = key(account, region, day, number);
    let event = |at: usize| {
        let text = event(&format!("{key} {at}"), "").replace("2025-03-01", &day.replace('/', "-"));
        text.replace("us-east-1", region).replace("123456789012", account)
    };
    let text = records(&(0..5).map(event).collect::<Vec<_>>());
    (key, gzip(text.as_bytes()))
}

/// A server with archives of two accounts, three Regions and some days.
fn many() -> (Server, usize) {
    let server = Server::with_bucket(BUCKET);
    let mut count = 0;
    for account in ["111122223333", "444455556666"] {
        for region in ["us-east-1", "eu-west-1", "eu-central-1"] {
            for day in
                ["2024/12/31", "2025/03/01", "2025/03/02", "2025/03/20", "2025/04/01", "2025/04/02", "2025/06/01"]
            {
                for number in 0..2 {
                    let (key, bytes) = archive(account, region, day, number);
                    server.put(BUCKET, &key, &bytes);
                    count += 1;
                }
            }
        }
    }
    (server, count)
}

#[test]
fn rows_are_those_of_the_files() {
    let server = Server::with_bucket(BUCKET);
    server.set_page(3);
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    workdir.copy(&data("corrupt"), "in/corrupt");
    workdir.copy(&data("shapes"), "in/shapes");
    workdir.file("in/empty.json", "");
    workdir.file("in/a b/é%?#!.json", records(&[event("odd", "")]));
    server.put_tree(BUCKET, "pre/fix", &workdir.at("in"));
    let local = workdir.convert("in", "");
    for input in ["s3://trail", "s3://trail/pre/fix/"] {
        let remote = convert(&workdir, &server.environment(), input, &format!("lake{}", input.len()), "");
        check_same(&local, &workdir.at("in"), &remote, "s3://trail/pre/fix/");
        for row in remote.rows("archives") {
            let key = text(&row, "archive").trim_start_matches("s3://trail/");
            if !key.contains(['%', '!']) {
                let bytes = server.bytes(BUCKET, key).expect("an object");
                assert_eq!(text(&row, "etag_or_mtime"), format!("{:x}", md5::compute(bytes)), "{key}");
            }
        }
        let again = convert(&workdir, &server.environment(), input, &format!("lake{}", input.len()), "");
        // Archives that could not be read are read again; all others are known.
        assert_eq!(again.count("/archives/seen"), remote.count("/archives/seen"));
        assert_eq!(again.count("/archives/already_converted"), remote.count("/archives/seen"));
    }
}

#[test]
fn an_input_is_an_object_a_prefix_or_a_clear_error() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let one = key("111122223333", "us-east-1", "2025/03/01", 0);
    let lake = convert(&workdir, &server.environment(), &format!("s3://trail/{one}"), "one", "");
    assert_eq!(lake.texts("archives", "archive"), [format!("s3://trail/{one}")]);
    // Overlapping inputs are found once.
    let both = format!("s3://trail/AWSLogs/111122223333 s3://trail/{one} s3://trail/AWSLogs/111122223333/CloudTrail/");
    let lake = convert(&workdir, &server.environment(), &both, "both", "");
    assert_eq!(lake.count("/archives/seen"), 42);
    for (input, printed) in [
        ("s3://trail/AWSLogs/1111", "input not found: s3://trail/AWSLogs/1111"),
        ("s3://nobucket/a", "s3://nobucket"),
        ("s3://", "names no bucket"),
        ("gs://trail", "only s3://"),
    ] {
        let run = workdir.run_in(&server.environment(), &format!("convert {input} --out none {FAST}")).expect(2);
        assert!(run.stderr().contains(printed), "{}", run.dump());
    }
}

#[test]
fn selectors_list_and_fetch_only_what_they_can_match() {
    let (server, _) = many();
    let workdir = Workdir::new();
    server.get_tree(BUCKET, "", &workdir.at("in"));
    let proxy = Proxy::before(&server);
    // Lists are: the bucket, `AWSLogs`, and for each account its folders, Regions, years, months, and for a month that is
    // selected in part its folders and its days.
    for (flags, most_lists, archives) in [
        ("", 2 + 2 * 2 + 6, 84),
        ("--account 111122223333", 2 + 2 + 3, 42),
        ("--region eu-west-1", 2 + 2 * 2 + 2, 28),
        ("--account 111122223333 --region eu-west-1", 2 + 2 + 1, 14),
        // Deliveries of up to 31 days later count: to the 1st of April.
        ("--account 111122223333 --region eu-west-1 --from 2025-03-01 --to 2025-03-01", 2 + 2 + 1 + 1 + 1 + 2, 8),
        ("--region us-east-1 --from 2025-05-02", 2 + 2 * 2 + 2 * (1 + 1 + 1), 4),
        ("--account 999999999999", 2, 0),
    ] {
        proxy.forget();
        let name = format!("lake{}", flags.replace([' ', '-'], ""));
        let remote = convert(&workdir, &proxy.environment(), "s3://trail", &name, flags);
        assert_eq!(remote.code, 0, "{flags}: {}", remote.stderr);
        assert_eq!(remote.count("/archives/seen"), archives, "{flags}");
        assert_eq!(proxy.count(Operation::Get) as u64, archives, "{flags}");
        assert!(proxy.count(Operation::List) <= most_lists, "{flags}: {} lists", proxy.count(Operation::List));
        let local = workdir.run(&format!("convert in --out local{name} --report report.json {flags}"));
        let local = Lake {
            report: local.report("report.json"),
            code: local.code(),
            path: workdir.at(&format!("local{name}")),
            stderr: local.stderr(),
        };
        check_same(&local, &workdir.at("in"), &remote, "s3://trail/");
    }
}

#[test]
fn the_next_run_requests_only_new_objects() {
    let (server, count) = many();
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
    // A key that sorts before all others, and one that has changed.
    let (belated, bytes) = archive("111122223333", "eu-central-1", "2024/12/30", 7);
    server.put(BUCKET, &belated, &bytes);
    let changed = key("444455556666", "us-east-1", "2025/06/01", 1);
    server.put(BUCKET, &changed, &gzip(records(&[event("new", "")]).as_bytes()));
    proxy.forget();
    let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
    let gets: Vec<String> =
        proxy.requests().iter().filter(|it| it.operation == Operation::Get).map(|it| it.path.clone()).collect();
    assert_eq!(gets, [format!("/trail/{belated}")]);
    assert_eq!((lake.count("/archives/seen"), lake.count("/changed")), (count as u64 + 1, 1));
    assert_eq!(lake.count("/archives/already_converted"), count as u64);
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "--reconvert-changed");
    assert_eq!((lake.code, lake.count("/archives/converted")), (0, 1), "{}", lake.stderr);
    lake.check_counts();
}

/// Files that do not begin like JSON are known once they were read: logs of load balancers and networks lie beside trails.
#[test]
fn foreign_objects_are_fetched_once() {
    let line = |at: u64| {
        format!("2 111122223333 eni-{:016x} 10.0.0.1 10.0.0.2 443 {at}\n", at.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    let lines = |count| (0..count).map(line).collect::<String>().into_bytes();
    let server = Server::with_bucket(BUCKET);
    let workdir = Workdir::new();
    let objects = [
        ("flow/long.log.gz", gzip(&lines(60_000))),
        ("flow/small.log.gz", gzip(&lines(1_000))),
        ("flow/one-line.log.gz", gzip(&lines(1))),
        ("flow/text.log", lines(500)),
        ("flow/layers.log.gz", gzip(&gzip(&lines(1_000)))),
        ("flow/table.parquet", [b"PAR1".to_vec(), vec![7; 9_000]].concat()),
        ("flow/empty.log", Vec::new()),
    ];
    assert!(objects[0].1.len() > 1 << 20, "it is larger than what is looked at");
    for (key, bytes) in &objects {
        server.put(BUCKET, key, bytes);
        workdir.file(&format!("in/{key}"), bytes);
    }
    // A file with events under such a name is not foreign.
    let archive = gzip(records(&[event("a", "")]).as_bytes());
    server.put(BUCKET, "flow/trail.log.gz", &archive);
    workdir.file("in/flow/trail.log.gz", &archive);
    let proxy = Proxy::before(&server);
    let remote = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
    for (key, bytes) in &objects {
        let gets =
            proxy.requests().iter().filter(|it| it.operation == Operation::Get && it.path.ends_with(key)).count();
        assert_eq!(gets, usize::from(!bytes.is_empty()), "{key}: {}", proxy.dump());
    }
    assert_eq!((remote.code, remote.count("/archives/foreign"), remote.count("/events/written")), (0, 7, 1));
    let local = convert(&workdir, &server.environment(), "in", "local", "");
    check_same(&local, &workdir.at("in"), &remote, "s3://trail/");
    let kinds: std::collections::BTreeSet<String> =
        remote.rows("archives").iter().map(|row| text(row, "kind").to_owned()).collect();
    assert!(["text", "parquet", "empty"].iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    // Their first 4 KiB are enough to classify them.
    let looked_at: usize = objects.iter().map(|(_, bytes)| bytes.len().min(4 << 10)).sum();
    assert_eq!(remote.count("/bytes/compressed"), (looked_at + archive.len()) as u64);
}

#[test]
fn requests_that_fail_once_or_twice_go_unnoticed() {
    let (server, count) = many();
    let workdir = Workdir::new();
    let sound = convert(&workdir, &server.environment(), "s3://trail", "sound", "");
    let all = [Operation::Get, Operation::List];
    for (number, fault) in [
        Fault::Delay(Duration::from_millis(300)),
        Fault::Reset,
        Fault::ResetAfter(40),
        Fault::Truncate(100),
        Fault::Status(500),
        Fault::Status(503),
        Fault::Hang,
    ]
    .into_iter()
    .enumerate()
    {
        let proxy = Proxy::before(&server);
        // Requests that resume an object have no fault.
        let rule = Rule::of(&all).when(|it| it.range.is_none()).attempts(1).chance(0.4, 7);
        proxy.rule(rule, fault.clone());
        let lake = convert(&workdir, &proxy.environment(), "s3://trail", &format!("lake{number}"), FAST);
        assert!(proxy.faults() > 10, "{fault:?}");
        assert_eq!((lake.code, lake.count("/archives/converted")), (0, count as u64), "{fault:?}: {}", lake.stderr);
        lake.check_counts();
        for table in TABLES {
            let (expected, found) = (rows(&sound, table, ""), rows(&lake, table, ""));
            compare_rows(&expected, &found).unwrap_or_else(|difference| panic!("{fault:?}: {table}: {difference}"));
        }
    }
}

#[test]
fn an_object_that_keeps_failing_is_reported_and_tried_again() {
    let (server, count) = many();
    let doomed = key("111122223333", "us-east-1", "2025/03/01", 1);
    for (fault, printed) in [
        (Fault::Reset, "tried 3 times"),
        (Fault::ResetAfter(40), ""),
        (Fault::Truncate(100), ""),
        (Fault::Status(500), "InternalError"),
        (Fault::Status(503), "SlowDown"),
        (Fault::Hang, "tried 3 times"),
        (Fault::Status(404), "NoSuchKey"),
        (Fault::Status(403), "access denied (AccessDenied"),
        (Fault::Status(412), "changed since it was listed"),
    ] {
        let workdir = Workdir::new();
        let proxy = Proxy::before(&server);
        proxy.rule(Rule::get().key_contains(&doomed), fault.clone());
        let flags = "--s3-retries 2 --s3-timeout 1";
        let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", flags);
        assert_eq!((lake.code, lake.count("/archives/quarantined")), (1, 1), "{fault:?}: {}", lake.stderr);
        assert_eq!(lake.count("/archives/converted"), count as u64 - 1, "{fault:?}");
        lake.check_counts();
        let findings = lake.rows("quarantine");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(text(&findings[0], "reason"), "read_failed", "{fault:?}");
        assert_eq!(text(&findings[0], "archive"), format!("s3://trail/{doomed}"));
        let message = text(&findings[0], "message");
        assert!(message.contains(printed), "{fault:?}: {message}");
        assert!(!message.contains('<') && !message.contains("Signature="), "{fault:?}: {message}");
        proxy.heal();
        let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
        assert_eq!((lake.code, lake.count("/archives/converted")), (0, 1), "{fault:?}: {}", lake.stderr);
        assert_eq!(lake.rows("events").len(), count * 5, "{fault:?}");
        assert_eq!(lake.rows("quarantine").len(), 0, "{fault:?}");
        lake.check_counts();
    }
}

#[test]
fn a_list_that_is_refused_ends_the_run() {
    let (server, _) = many();
    // More keys than one list has, so folders are listed.
    server.set_page(50);
    let workdir = Workdir::new();
    for (fault, printed) in [
        (Fault::Status(403), "access denied (AccessDenied"),
        (Fault::Status(500), "InternalError"),
        (Fault::Status(503), "SlowDown"),
        (Fault::Reset, "tried 3 times"),
        (Fault::Hang, "tried 3 times"),
    ] {
        let proxy = Proxy::before(&server);
        proxy.rule(Rule::list().query_contains("eu-west-1"), fault.clone());
        let run = workdir.run_in(&proxy.environment(), "convert s3://trail --out lake --s3-retries 2 --s3-timeout 1");
        let run = run.expect(2);
        assert!(run.stderr().contains("cannot read input: s3://trail/AWSLogs/"), "{fault:?}: {}", run.dump());
        assert!(run.stderr().contains("eu-west-1") && run.stderr().contains(printed), "{fault:?}: {}", run.dump());
        assert!(!run.stderr().contains('<'), "{}", run.dump());
    }
}

#[test]
fn files_of_another_lake_are_foreign() {
    let (server, count) = many();
    let workdir = Workdir::new();
    convert(&workdir, &server.environment(), "s3://trail", "lake", "");
    server.put_tree(BUCKET, "AWSLogs/lake", &workdir.at("lake"));
    let lake = convert(&workdir, &server.environment(), "s3://trail", "again", "");
    assert!(lake.count("/archives/foreign") > 0 && lake.count("/archives/converted") == count as u64);
}

#[test]
fn containers_in_buckets() {
    let workdir = Workdir::new();
    let members: Vec<(String, Vec<u8>)> =
        (0..40).map(|number| archive("123456789012", "us-east-1", "2025/03/01", number)).collect();
    // Larger than the blocks in which a store is read.
    let noise: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let more = [members.clone(), vec![("noise".to_owned(), noise)]].concat();
    workdir.file("in/a.tar", tar(&more));
    workdir.file("in/b.tar.gz", gzip(&tar(&more)));
    workdir.file("in/c.tar.zst", zstd::encode_all(tar(&more).as_slice(), 3).expect("memory"));
    workdir.file("in/d.zip", zip(&more, true));
    workdir.file("in/e.zip", zip(&more, false));
    workdir.file("in/f.gz", gzip(records(&[event("plain", "")]).as_bytes()));
    let server = Server::with_bucket(BUCKET);
    server.put_tree(BUCKET, "", &workdir.at("in"));
    let local = workdir.convert("in", "--no-dedup");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::get().attempts(1).chance(0.3, 3), Fault::ResetAfter(100_000));
    let remote = convert(&workdir, &proxy.environment(), "s3://trail", "remote", "--no-dedup");
    check_same(&local, &workdir.at("in"), &remote, "s3://trail/");
    assert_eq!(remote.rows("events").len(), 5 * 40 * 5 + 1);
}

/// Bytes that do not become fewer when they are compressed.
fn noise(bytes: u64) -> (String, Vec<u8>) {
    let byte = |at: u64| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_pow(3) >> 56) as u8;
    (format!("noise {bytes}"), (0..bytes).map(byte).collect())
}

#[test]
fn containers_that_a_store_does_not_deliver_are_opened_by_the_next_run() {
    let member = |number| archive("123456789012", "us-east-1", "2025/03/01", number);
    // The store fails in blocks and pieces after the first.
    let members = vec![member(0), member(1), noise(1_500_000), member(2), noise(1_500_001), member(3)];
    let inner = [vec![("inner.tar".to_owned(), tar(&members))], vec![member(4)]].concat();
    let (tar, tgz, zip, nested) = (tar(&members), gzip(&tar(&members)), zip(&members, false), tar(&inner));
    assert!(tgz.len() > 3_000_000, "{}", tgz.len());
    for (name, bytes, events, unread) in [
        ("x.tar", tar, 20, "x.tar"),
        ("x.tgz", tgz, 20, "x.tgz"),
        ("x.zip", zip, 20, "x.zip"),
        ("n", nested, 25, "n!inner.tar"),
    ] {
        let server = Server::with_bucket(BUCKET);
        server.put(BUCKET, name, &bytes);
        server.put(BUCKET, "plain", records(&[event("plain", "")]).as_bytes());
        for (place, requests) in [("", 6), ("bytes=1048576-", 3), ("bytes=2097152-", 3)] {
            // A zip has its directory at its end, and a compressed file is read in larger pieces.
            if place == "bytes=1048576-" && ["x.zip", "x.tgz"].contains(&name) {
                continue;
            }
            let workdir = Workdir::new();
            let proxy = Proxy::before(&server);
            // The store is back by the time of the conversion; pieces of a compressed file are requested ahead and given up.
            let requests = if place == "bytes=2097152-" && name == "x.tgz" { usize::MAX } else { requests };
            let rule = Rule::get().key_contains(&format!("/{name}"));
            let rule = rule.when(move |it| it.range.as_deref().is_some_and(|range| range.starts_with(place)));
            proxy.rule(rule.times(requests), Fault::Status(503));
            let case = format!("{name} {place}");
            let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", FAST);
            assert!(proxy.faults() >= 3, "{case}");
            proxy.heal();
            assert_eq!((lake.code, lake.count("/archives/quarantined")), (1, 1), "{case}: {}", lake.stderr);
            lake.check_counts();
            assert_eq!(lake.texts("quarantine", "reason"), ["read_failed"], "{case}");
            assert!(lake.texts("quarantine", "message")[0].contains("SlowDown"), "{case}");
            let expected = if place == "bytes=1048576-" { unread } else { name };
            assert_eq!(lake.texts("quarantine", "archive"), [format!("s3://trail/{expected}")], "{case}");
            let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
            assert_eq!((lake.code, lake.rows("events").len()), (0, events + 1), "{case}: {}", lake.stderr);
            assert_eq!(lake.rows("quarantine").len(), 0, "{case}");
            lake.check_counts();
            let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
            assert_eq!((lake.code, lake.count("/archives/converted")), (0, 0), "{case}: {}", lake.stderr);
        }
    }
}

#[test]
fn large_objects_are_read_in_pieces() {
    let workdir = Workdir::new();
    // What does not compress makes the archive large.
    let noise = |seed: u64| -> String {
        let next = |at: u64| (seed * 1_000_003 + at).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (0..4_000).map(|at| format!("{:06x}", next(at))).collect()
    };
    let events: Vec<String> = (0..800)
        .map(|at| event(&format!("e{at}"), &format!(r#""requestParameters":{{"x":"{}"}}"#, noise(at))))
        .collect();
    let path = workdir.gzip("in/large.json.gz", records(&events));
    let size = std::fs::metadata(path).expect("a file").len();
    assert!(size > 9 << 20, "{size}");
    let server = Server::with_bucket(BUCKET);
    server.put_tree(BUCKET, "", &workdir.at("in"));
    let local = workdir.convert("in", "");
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::get().times(5), Fault::ResetAfter(1_000_000));
    let remote = convert(&workdir, &proxy.environment(), "s3://trail", "remote", "");
    check_same(&local, &workdir.at("in"), &remote, "s3://trail/");
    assert!(proxy.faults() >= 3);
    // The second piece fails permanently: nothing of the archive stays.
    proxy.heal();
    proxy.rule(
        Rule::get().when(|it| it.range.as_deref().is_some_and(|range| !range.starts_with("bytes=0-"))),
        Fault::Status(500),
    );
    let cut = convert(&workdir, &proxy.environment(), "s3://trail", "cut", FAST);
    assert_eq!((cut.code, cut.rows("events").len(), cut.count("/archives/quarantined")), (1, 0, 1), "{}", cut.stderr);
    assert_eq!(cut.texts("quarantine", "reason"), ["read_failed"]);
    proxy.heal();
    let mended = convert(&workdir, &proxy.environment(), "s3://trail", "cut", "");
    check_same(&local, &workdir.at("in"), &mended, "s3://trail/");
}

#[test]
fn part_files_do_not_depend_on_threads_or_delays() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    convert(&workdir, &server.environment(), "s3://trail", "one", "--threads 1");
    proxy.rule(Rule::get().chance(0.5, 11), Fault::Delay(Duration::from_millis(200)));
    convert(&workdir, &proxy.environment(), "s3://trail", "two", "--threads 3");
    let parts = |lake: &str| -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let parts = workdir.snapshot(lake).into_iter().map(|(path, (bytes, _))| (path, bytes));
        // The manifest has the time of the run.
        parts.filter(|(path, _)| path.starts_with("events")).collect()
    };
    assert!(!parts("one").is_empty() && parts("one") == parts("two"));
}

#[test]
fn many_requests_are_under_way_at_once_for_small_archives() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::get(), Fault::Delay(Duration::from_millis(500)));
    convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
    assert!(proxy.most_in_flight() >= 80, "{}", proxy.most_in_flight());
}

/// A store that refuses requests beyond a number gets fewer at once, and all are answered in the end.
#[test]
fn a_busy_store_gets_half_as_many_requests_at_once() {
    const BEARABLE: usize = 20;
    let server = Server::with_bucket(BUCKET);
    for number in 0..600 {
        let text = records(&[event(&format!("busy {number}"), "")]);
        server.put(BUCKET, &format!("{number:03}.json.gz"), &gzip(text.as_bytes()));
    }
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    let latency = Duration::from_millis(30);
    proxy.rule(Rule::get().when(|request| request.in_flight > BEARABLE), Fault::SlowDown(latency));
    proxy.rule(Rule::get(), Fault::Delay(latency));
    let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
    assert_eq!((lake.code, lake.count("/archives/converted")), (0, 600), "{}", lake.stderr);
    let requests = proxy.requests();
    let most = |requests: &[crate::s3::fault::Request]| requests.iter().map(|request| request.in_flight).max();
    let (first, last) = (most(&requests[..200]), most(&requests[requests.len() - 200..]));
    assert!(first > Some(2 * BEARABLE) && last <= Some(2 * BEARABLE), "{first:?}, then {last:?}");
}

/// A few keys are listed with one request, however deep their folders are.
#[test]
fn few_keys_are_one_list() {
    let (server, _) = many();
    let (workdir, proxy) = (Workdir::new(), Proxy::before(&server));
    for (input, name) in [("s3://trail", "one"), ("s3://trail/AWSLogs", "two")] {
        proxy.forget();
        let lake = convert(&workdir, &proxy.environment(), input, name, "");
        assert_eq!((lake.count("/archives/seen"), proxy.count(Operation::List)), (84, 1), "{}", proxy.dump());
    }
}

#[test]
fn a_run_that_waits_for_a_store_can_be_stopped() {
    let (server, _) = many();
    let workdir = Workdir::new();
    for rule in [Rule::get(), Rule::list()] {
        let proxy = Proxy::before(&server);
        proxy.rule(rule, Fault::HoldBefore);
        let started = workdir.start_in(&proxy.environment(), "convert s3://trail --out lake");
        assert!(proxy.wait_for_held(1, Duration::from_mins(1)));
        started.signal("TERM");
        let run = started.end().expect(128 + 15);
        assert!(run.stderr().contains("stopped"), "{}", run.dump());
    }
    let lake = convert(&workdir, &server.environment(), "s3://trail", "lake", "");
    lake.check_counts();
    assert_eq!(lake.code, 0);
}

#[test]
fn notices_name_archives() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let day = |day: &str, number| key("111122223333", "us-east-1", day, number);
    let (first, second, third) = (day("2025/03/01", 0), day("2025/03/01", 1), day("2025/03/02", 0));
    let local = workdir.gzip("local file.json.gz", records(&[event("local", "")]));
    let cloudtrail = serde_json::json!({"s3Bucket": BUCKET, "s3ObjectKey": [&second]}).to_string();
    let sns = serde_json::json!({"Type": "Notification", "Message": cloudtrail}).to_string();
    let lines = [
        format!("s3://trail/{first}"),
        String::new(),
        serde_json::json!({"Messages": [{"Body": sns}, {"Body": "CloudTrail validation message."}]}).to_string(),
        serde_json::json!({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": BUCKET}, "object": {"key": third.replace('_', "%5F")}}}]}).to_string(),
        local.display().to_string(),
        format!("s3://trail/{first}"),
    ];
    let lake = {
        workdir.file("lines", lines.join("\n"));
        convert(&workdir, &server.environment(), "--inputs-from lines", "lake", "")
    };
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    let mut archives = lake.texts("archives", "archive");
    archives.sort();
    let expected = [&first, &second, &third].map(|key| format!("s3://trail/{key}"));
    assert_eq!(archives[1..], expected);
    assert!(archives[0].starts_with("file:///") && archives[0].ends_with("/local%20file.json.gz"), "{archives:?}");
    assert_eq!(lake.report["notices"], serde_json::json!({"lines": 6, "references": 5, "passed_over": 1, "wrong": 0}));
    lake.check_counts();
    // The same version is known, whether it was listed or named.
    let again = convert(&workdir, &server.environment(), "s3://trail --inputs-from lines", "lake", "");
    assert_eq!(again.count("/archives/converted"), 84 - 3);
    // A bad line, and an object that is gone or denied, do not stop the others.
    let gone = day("2025/03/01", 59);
    workdir.file("bad", format!("{{\"hello\":1}}\n\ns3://trail/{gone}\nno such file\ns3://trail/{first}\n"));
    let lake = convert(&workdir, &server.environment(), "--inputs-from bad", "bad-lake", "");
    assert_eq!((lake.code, lake.count("/archives/converted"), lake.count("/archives/quarantined")), (1, 1, 1));
    assert_eq!(lake.count("/notices/wrong"), 2);
    assert!(
        lake.stderr.contains("bad:1: it is not a message") && lake.stderr.contains("bad:4: neither"),
        "{}",
        lake.stderr
    );
    assert_eq!(lake.texts("quarantine", "archive"), [format!("s3://trail/{gone}")]);
    lake.check_counts();
    let run = workdir.run_in(&server.environment(), "convert --inputs-from bad --out fail --on-bad fail").expect(2);
    assert!(run.stderr().contains("bad:1: it is not a message"), "{}", run.dump());
    // It appears, and is named again.
    let (_, bytes) = archive("111122223333", "us-east-1", "2025/03/01", 59);
    server.put(BUCKET, &gone, &bytes);
    let lake = convert(&workdir, &server.environment(), "--inputs-from bad", "bad-lake", "");
    assert_eq!((lake.count("/archives/converted"), lake.rows("quarantine").len()), (1, 0), "{}", lake.stderr);
}

#[test]
fn inspect_reports_the_same_of_objects_and_files() {
    let (server, _) = many();
    let workdir = Workdir::new();
    server.get_tree(BUCKET, "", &workdir.at("in"));
    let local = workdir.run("inspect in --format json").expect(0);
    let remote = workdir.run_in(&server.environment(), "inspect s3://trail --format json").expect(0);
    let archives = |run: &crate::harness::Run| -> serde_json::Value {
        let report: serde_json::Value = serde_json::from_str(&run.stdout()).expect("JSON");
        report["archives"].clone()
    };
    assert_eq!(archives(&local), archives(&remote));
    assert_eq!(archives(&remote)["events"]["found"], 84 * 5);
}

#[test]
fn day_selectors_skip_nothing_with_an_unusual_name() {
    let server = Server::with_bucket(BUCKET);
    server.set_page(2);
    let region = "AWSLogs/111122223333/CloudTrail/us-east-1";
    let texts = ["2025/x", "2025/other/x", "2025/04/x", "2025/04/00/x", "2025/04/a/x", "2025/04/1/x", "2025/13/x"];
    for (at, key) in texts.iter().enumerate() {
        let text = records(&[event(&format!("odd {at}"), "")]);
        server.put(BUCKET, &format!("{region}/{key}.json.gz"), &gzip(text.as_bytes()));
        server.put(BUCKET, &format!("{region}/{key}.tar"), &tar(&[(format!("{at}"), text.into_bytes())]));
    }
    for day in ["2025/02/01", "2025/03/01", "2025/04/02", "2025/04/03", "2025/04/30"] {
        let (key, bytes) = archive("111122223333", "us-east-1", day, 0);
        server.put(BUCKET, &format!("{key}.tar"), &tar(&[("a".to_owned(), bytes.clone())]));
        server.put(BUCKET, &key, &bytes);
    }
    let workdir = Workdir::new();
    server.get_tree(BUCKET, "", &workdir.at("in"));
    for (number, flags) in
        ["--from 2025-03-01 --to 2025-03-02", "--from 2025-03-10", "--to 2025-03-02"].iter().enumerate()
    {
        let remote = convert(&workdir, &server.environment(), "s3://trail", &format!("remote{number}"), flags);
        let run = workdir.run(&format!("convert in --out local{number} --report report.json {flags}"));
        let path = workdir.at(&format!("local{number}"));
        let local = Lake { report: run.report("report.json"), code: run.code(), path, stderr: run.stderr() };
        check_same(&local, &workdir.at("in"), &remote, "s3://trail/");
        assert_eq!(remote.count("/archives/seen"), local.count("/archives/seen"), "{flags}");
        assert!(remote.rows("archives").len() >= 3 * texts.len(), "{flags}");
    }
}

#[test]
fn with_many_folders_selectors_still_skip_by_layout() {
    let server = Server::with_bucket(BUCKET);
    let text = records(&[event("unwanted", "")]);
    for number in 0..260 {
        let member = tar(&[("a".to_owned(), text.clone().into_bytes())]);
        server.put(BUCKET, &format!("f{number}/AWSLogs/444455556666/x.tar"), &member);
    }
    let workdir = Workdir::new();
    let lake = convert(&workdir, &server.environment(), "s3://trail", "lake", "--account 111122223333");
    assert_eq!((lake.code, lake.count("/archives/seen")), (0, 0), "{}", lake.stderr);
}

#[test]
fn keys_that_the_client_cannot_distinguish_are_reported() {
    let (server, _) = many();
    let workdir = Workdir::new();
    // The notice of a new folder names nothing to convert; similar keys are not mixed up.
    server.put(BUCKET, "a", records(&[event("a", "")]).as_bytes());
    let notice = |key: &str| serde_json::json!({"s3Bucket": BUCKET, "s3ObjectKey": [key]}).to_string();
    workdir.file("lines", format!("{}\n{}\n{}\n", notice("AWSLogs/"), notice("/a"), notice("a")));
    let lake = convert(&workdir, &server.environment(), "--inputs-from lines", "lake", "");
    assert_eq!(lake.report["notices"], serde_json::json!({"lines": 3, "references": 1, "passed_over": 1, "wrong": 1}));
    assert_eq!((lake.code, lake.count("/archives/quarantined")), (1, 0), "{}", lake.stderr);
    assert_eq!(lake.texts("events", "event_id"), ["a"]);
}

/// Markers that consoles create for folders. The other server keeps objects as files and cannot have them.
#[test]
fn the_marker_of_a_folder_is_no_archive() {
    let Some(store) = Moto::start() else { return };
    let text = |name: &str| records(&[event(name, "")]).into_bytes();
    store.create_bucket(BUCKET);
    for (key, bytes) in [
        ("one/AWSLogs/1/CloudTrail-Digest/", Vec::new()),
        ("one/AWSLogs/1/CloudTrail/a.json", text("a")),
        ("two/x", text("x")),
        ("two/x.json", text("x.json")),
        ("two/x/", Vec::new()),
    ] {
        store.put(BUCKET, key, &bytes);
    }
    let workdir = Workdir::new();
    for (input, expected) in [("s3://trail/one", ["a"].as_slice()), ("s3://trail/two", &["x", "x.json"])] {
        let name = input.rsplit('/').next().expect("a name");
        let lake = convert(&workdir, &store.environment(), input, name, "");
        assert_eq!((lake.code, lake.count("/archives/seen")), (0, expected.len() as u64), "{}", lake.stderr);
        assert_eq!(lake.texts("events", "event_id"), expected);
    }
}

#[test]
fn an_impossible_bucket_name_causes_no_request() {
    let (server, _) = many();
    let proxy = Proxy::before(&server);
    let workdir = Workdir::new();
    workdir.file("lines", serde_json::json!({"s3Bucket": "intranet:8443?", "s3ObjectKey": ["a"]}).to_string());
    let lake = convert(&workdir, &proxy.environment(), "--inputs-from lines", "lake", "");
    assert_eq!((lake.code, lake.count("/notices/wrong"), proxy.requests().len()), (1, 1, 0), "{}", lake.stderr);
    workdir.run_in(&proxy.environment(), "convert s3://intranet:8443?/a --out none").expect(2);
    assert_eq!(proxy.requests().len(), 0);
}

#[test]
fn an_object_that_is_named_and_listed_is_counted_once() {
    let (server, count) = many();
    let workdir = Workdir::new();
    convert(&workdir, &server.environment(), "s3://trail", "lake", "");
    let known = key("111122223333", "us-east-1", "2025/03/01", 0);
    workdir.file("lines", format!("s3://trail/{known}\n"));
    let lake = convert(&workdir, &server.environment(), "s3://trail --inputs-from lines", "lake", "");
    assert_eq!(lake.count("/archives/already_converted"), count as u64);
    assert_eq!(lake.count("/archives/seen"), count as u64);
    lake.check_counts();
}

#[test]
fn an_object_is_inspected_without_a_list() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::list(), Fault::Status(403));
    let one = key("111122223333", "us-east-1", "2025/03/01", 0);
    let run = workdir.run_in(&proxy.environment(), &format!("inspect s3://trail/{one} --format json")).expect(0);
    let report: serde_json::Value = serde_json::from_str(&run.stdout()).expect("JSON");
    assert_eq!(report["archives"]["events"]["found"], 5);
}

#[test]
fn requests_are_signed_by_default() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    for (flags, is_signed) in [("", true), ("--s3-anonymous", false), ("--s3-anonymous --s3-path-style", false)] {
        proxy.forget();
        workdir.run_in(&proxy.environment(), &format!("inspect s3://trail {flags}"));
        let requests = proxy.requests();
        assert!(!requests.is_empty() && requests.iter().all(|it| it.is_signed == is_signed), "{flags}: {requests:?}");
        assert!(requests.iter().all(|it| it.path.starts_with("/trail")), "{flags}: {requests:?}");
    }
}

#[test]
fn a_lake_below_an_input_is_skipped() {
    let (server, count) = many();
    let workdir = Workdir::new();
    for _ in 0..2 {
        let flags = "convert s3://trail --out s3://trail/AWSLogs/lake --report report.json";
        let run = workdir.run_in(&server.environment(), flags).expect(0);
        let report = run.report("report.json");
        assert_eq!(report["archives"]["seen"], count as u64, "{}", run.dump());
        assert_eq!(report["archives"]["foreign"], 0, "{}", run.dump());
    }
    assert!(server.objects(BUCKET).iter().any(|key| key.starts_with("AWSLogs/lake/events/")));
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let workdir = Workdir::new();
    for flag in ["--s3-timeout 0", "--s3-lease 0", "--s3-lease 1e19", "--s3-lease 86401"] {
        let run = workdir.run(&format!("convert s3://trail --out lake {flag}")).expect(2);
        assert!(run.stderr().contains("invalid value"), "{}", run.dump());
    }
}

/// Every value is accepted, or refused with a message that names it.
#[test]
fn invalid_store_options_are_refused_with_the_flag_or_variable() {
    let server = Server::with_bucket(BUCKET);
    let workdir = Workdir::new();
    for typed in [
        "",
        "localhost:9000",
        "localhost",
        "http://",
        "http://:9000",
        "http://host:99999",
        "http://host:-1",
        "ftp://host",
    ] {
        let flags = ["check", "s3://trail/lake", "--s3-region", "a", "--s3-anonymous", "--s3-endpoint", typed];
        let run = workdir.run_with(flags).expect(2);
        let printed = run.stderr();
        assert!(
            printed.starts_with("error: invalid option: --s3-endpoint: ") && printed.lines().count() == 1,
            "{}",
            run.dump()
        );
        assert!(printed.contains("such as https://s3.example.com"), "{}", run.dump());
    }
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "localhost:9000"),
        ("AWS_REGION", "eu central/1"),
        ("AWS_SKIP_SIGNATURE", "perhaps"),
        ("AWS_SSE_KMS_KEY_ID", "a\nb"),
        ("AWS_DEFAULT_CONTENT_TYPE", "a\nb"),
    ] {
        let mut environment = server.environment();
        environment.retain(|(other, _)| *other != name);
        environment.push((name, value.to_owned()));
        let run = workdir.run_in(&environment, "check s3://trail/lake").expect(2);
        assert!(run.stderr().contains(name) && run.stderr().lines().count() == 1, "{}", run.dump());
    }
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"] {
        let mut environment = server.environment();
        environment.retain(|(other, _)| *other != name);
        environment.push((name, "a\nb".to_owned()));
        let run = workdir.run_in(&environment, "check s3://trail/lake").expect(2);
        assert!(run.stderr().contains("hold characters that none can have"), "{}", run.dump());
    }
    // An empty variable is ignored, and a flag overrides variables.
    let mut environment = server.environment();
    environment.retain(|(other, _)| *other != "AWS_ENDPOINT_URL");
    environment.extend([("AWS_ENDPOINT_URL", String::new()), ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1".to_owned())]);
    let command = format!("check s3://trail/lake --s3-endpoint {}", server.endpoint());
    let run = workdir.run_in(&environment, &command).expect(2);
    assert!(run.stderr().contains("no run of trailmill has begun a lake there"), "{}", run.dump());
}

/// Names that no object can have, from any source.
#[test]
fn keys_too_long_for_a_request_are_refused_or_not_there() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let long = "a".repeat(70_000);
    workdir.file("lines", format!("s3://trail/{long}\n"));
    for (input, code) in [
        (format!("s3://trail/{long}"), 2),
        (format!("s3://trail --account {long}"), 0),
        ("--inputs-from lines".to_owned(), 1),
    ] {
        let run = workdir.run_in(&server.environment(), &format!("convert {input} --out lake -q"));
        assert_eq!(run.code(), code, "{}", run.stderr());
    }
}

#[test]
fn rows_of_converted_archives_have_their_size() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let lake = convert(&workdir, &server.environment(), "s3://trail --dry-run", "none", "");
    assert_eq!(lake.count("/events/seen"), 84 * 5);
    let lake = convert(&workdir, &server.environment(), "s3://trail", "lake", "");
    for row in lake.rows("archives") {
        let key = text(&row, "archive").trim_start_matches("s3://trail/").to_owned();
        assert_eq!(int(&row, "compressed_bytes"), server.bytes(BUCKET, &key).expect("an object").len() as i64);
    }
}

/// An environment in which a program provides keys: the first keys, and others from the second time on.
fn with_program(workdir: &Workdir, environment: &Environment, later: &str) -> Environment {
    let keys = |key: &str| {
        format!(r#"{{"Version":1,"AccessKeyId":"{key}","SecretAccessKey":"{SECRET_KEY}","SessionToken":""}}"#)
    };
    let mark = workdir.at("asked");
    let _ = std::fs::remove_file(&mark);
    let (first, mark) = (keys(ACCESS_KEY), mark.display());
    let script = format!(
        "#!/bin/sh\nif [ -e {mark} ]; then printf '%s' '{}'; else touch {mark}; printf '%s' '{first}'; fi\n",
        keys(later)
    );
    let script = workdir.file("process", script);
    let config = workdir.file("config", format!("[default]\ncredential_process = /bin/sh {}\n", script.display()));
    let mut environment = environment.clone();
    environment.retain(|(name, _)| !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE"].contains(name));
    environment.push(("AWS_CONFIG_FILE", config.display().to_string()));
    environment
}

/// Answers of a store when a session has expired: to a GET, to a HEAD (without a message), by other stores, and when a role
/// is revoked.
const EXPIRED: [Fault; 4] = [
    Fault::Answer(400, "ExpiredToken"),
    Fault::Answer(403, "InvalidAccessKeyId"),
    Fault::Status(403),
    Fault::Answer(401, "Unauthorized"),
];

#[test]
fn credentials_that_expire_while_archives_are_read_publish_nothing_without_others() {
    let (server, count) = many();
    for (number, fault) in EXPIRED.into_iter().enumerate() {
        // All requests, or those for objects alone: permission to list does not imply permission to read.
        for rule in [Rule::any().skip(25 + 7 * number), Rule::get().skip(1 + 11 * number)] {
            let workdir = Workdir::new();
            let proxy = Proxy::before(&server);
            proxy.rule(rule, fault.clone());
            let run = workdir.run_in(&proxy.environment(), &format!("convert s3://trail --out lake -q {FAST}"));
            let run = run.expect(2);
            let printed = run.stderr();
            assert_eq!(printed.lines().count(), 1, "{fault:?}: {}", run.dump());
            let is_reported = printed.contains("s3://trail") && printed.contains("access denied (");
            assert!(is_reported, "{fault:?}: {}", run.dump());
            let left = crate::harness::files(&workdir.at("lake"));
            assert!(left.iter().all(|path| path.starts_with("_trailmill")), "{fault:?}: {left:?}");
            let lake = convert(&workdir, &server.environment(), "s3://trail", "lake", "");
            assert_eq!((lake.code, lake.count("/archives/converted")), (0, count as u64), "{fault:?}: {}", lake.stderr);
            lake.check_counts();
        }
    }
}

#[test]
fn expired_credentials_are_renewed_and_everything_is_read() {
    let (server, count) = many();
    for (number, fault) in EXPIRED.into_iter().enumerate() {
        for rule in [Rule::any().skip(30 + 9 * number), Rule::get().skip(3 * number), Rule::any().skip(3)] {
            let workdir = Workdir::new();
            let proxy = Proxy::before(&server);
            proxy.rule(rule.when(|request| request.access_key.as_deref() == Some(ACCESS_KEY)), fault.clone());
            let environment = with_program(&workdir, &proxy.environment(), OTHER_ACCESS_KEY);
            let lake = convert(&workdir, &environment, "s3://trail", "lake", FAST);
            assert_eq!((lake.code, lake.count("/archives/converted")), (0, count as u64), "{fault:?}: {}", lake.stderr);
            assert!(proxy.faults() > 0, "{fault:?}");
            lake.check_counts();
            // The others are no better.
            let environment = with_program(&workdir, &proxy.environment(), "nobody");
            workdir.run_in(&environment, &format!("convert s3://trail --out other -q {FAST}")).expect(2);
        }
    }
}

/// A revoked role: its provider always has other credentials, and none of them works.
#[test]
fn credentials_that_are_new_each_time_and_never_accepted_end_the_run() {
    let (server, _) = many();
    let workdir = Workdir::new();
    let proxy = Proxy::before(&server);
    proxy.rule(Rule::get().skip(5), Fault::Status(403));
    let environment = with_program(&workdir, &proxy.environment(), ACCESS_KEY);
    let script = std::fs::read_to_string(workdir.at("process")).expect("a script");
    workdir.file("process", script.replace(r#""SessionToken":"""#, r#""SessionToken":"'$$'""#));
    let run = workdir.run_in(&environment, &format!("convert s3://trail --out lake -q {FAST}")).expect(2);
    assert!(run.stderr().contains("access denied (AccessDenied"), "{}", run.dump());
    let left = crate::harness::files(&workdir.at("lake"));
    assert!(left.iter().all(|path| path.starts_with("_trailmill")), "{left:?}");
}

#[test]
fn credentials_that_expire_while_a_lake_is_written_or_read_are_renewed() {
    let (server, _) = many();
    server.bucket("lakes");
    let workdir = Workdir::new();
    let old = |rule: Rule| rule.when(|request| request.access_key.as_deref() == Some(ACCESS_KEY));
    let proxy = Proxy::before(&server);
    proxy.rule(old(Rule::put().key_contains("/events/")), Fault::Answer(400, "ExpiredToken"));
    let environment = with_program(&workdir, &proxy.environment(), OTHER_ACCESS_KEY);
    workdir.run_in(&environment, "convert s3://trail --out s3://lakes/lake -q").expect(0);
    for command in
        ["check s3://lakes/lake", "restore s3://lakes/lake", "inspect s3://lakes/lake -q", "inspect s3://trail -q"]
    {
        proxy.heal();
        proxy.rule(old(Rule::get().skip(2)), Fault::Answer(400, "ExpiredToken"));
        let environment = with_program(&workdir, &proxy.environment(), OTHER_ACCESS_KEY);
        workdir.run_in(&environment, command).expect(0);
        proxy.heal();
        proxy.rule(Rule::get().skip(2), Fault::Answer(400, "ExpiredToken"));
        let run = workdir.run_in(&proxy.environment(), command).expect(2);
        assert!(run.stderr().contains("ExpiredToken") && run.stderr().lines().count() == 1, "{}", run.dump());
        // A store that is gone does not mean a damaged lake.
        proxy.heal();
        proxy.rule(Rule::any().skip(9), Fault::Reset);
        let run = workdir.run_in(&proxy.environment(), &format!("{command} {FAST}")).expect(2);
        assert!(run.stderr().contains("tried 3 times") && run.stderr().lines().count() == 1, "{}", run.dump());
    }
}

#[test]
fn denied_objects_among_others_are_findings() {
    let (server, count) = many();
    for (denied, objects) in [("AWSLogs/111122223333/CloudTrail/eu-central-1", 14), ("AWSLogs/444455556666", 42)] {
        let workdir = Workdir::new();
        let proxy = Proxy::before(&server);
        proxy.rule(Rule::get().key_contains(denied), Fault::Status(403));
        let lake = convert(&workdir, &proxy.environment(), "s3://trail", "lake", "");
        assert_eq!((lake.code, lake.count("/archives/quarantined")), (1, objects), "{}", lake.stderr);
        assert_eq!(lake.count("/archives/converted"), count as u64 - objects);
        lake.check_counts();
    }
}

#[test]
fn a_store_that_is_gone_ends_the_run() {
    let (server, count) = many();
    for fault in [Fault::Reset, Fault::Status(500), Fault::Status(503), Fault::Truncate(0)] {
        for rule in [Rule::any().skip(40), Rule::get().skip(5)] {
            let workdir = Workdir::new();
            let proxy = Proxy::before(&server);
            proxy.rule(rule, fault.clone());
            let run = workdir.run_in(&proxy.environment(), &format!("convert s3://trail --out lake -q {FAST}"));
            let run = run.expect(2);
            assert!(
                run.stderr().contains("s3://trail") && run.stderr().lines().count() == 1,
                "{fault:?}: {}",
                run.dump()
            );
            let left = crate::harness::files(&workdir.at("lake"));
            assert!(left.iter().all(|path| path.starts_with("_trailmill")), "{fault:?}: {left:?}");
            let lake = convert(&workdir, &server.environment(), "s3://trail", "lake", "");
            assert_eq!((lake.code, lake.count("/archives/converted")), (0, count as u64), "{fault:?}: {}", lake.stderr);
        }
    }
}

/// Containers and large archives are read piece by piece, by names from a list and by names from a queue.
#[test]
fn credentials_that_expire_inside_an_object_publish_nothing_of_it() {
    let members: Vec<_> = (0..4).map(|number| archive("111122223333", "us-east-1", "2025/03/01", number)).collect();
    let large = [members, vec![noise(7_000_000)]].concat();
    let server = Server::with_bucket(BUCKET);
    for (name, bytes) in [("a.tar", tar(&large)), ("b.tgz", gzip(&tar(&large))), ("c.zip", zip(&large, false))] {
        server.put(BUCKET, name, &bytes);
    }
    let workdir = Workdir::new();
    workdir.file("lines", "s3://trail/a.tar\ns3://trail/b.tgz\ns3://trail/c.zip\n");
    for (number, input) in ["s3://trail", "--inputs-from lines"].into_iter().enumerate() {
        for skip in [0, 1, 4, 6, 9] {
            let proxy = Proxy::before(&server);
            proxy.rule(Rule::of(&[Operation::Get, Operation::Head]).skip(skip), Fault::Answer(400, "ExpiredToken"));
            let lake = format!("lake-{number}-{skip}");
            let run = workdir.run_in(&proxy.environment(), &format!("convert {input} --out {lake} -q {FAST}"));
            assert!(proxy.faults() > 0, "{input} {skip}");
            // Where nothing was ever read, the run cannot know that the credentials worked; elsewhere it does.
            let (code, left) = (run.code(), crate::harness::files(&workdir.at(&lake)));
            let is_published = left.iter().any(|path| !path.starts_with("_trailmill"));
            assert!(code == 2 && !is_published || skip == 0 && code == 1, "{input} {skip}: {}", run.dump());
        }
    }
}
