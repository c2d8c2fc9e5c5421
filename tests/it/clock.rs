//! A delivery may be named after a minute before its newest event: selecting by day finds the event all the same.
//!
//! The first of the files is `data/just-after-midnight`.

use crate::containers::{tar, zip};
use crate::fixtures::midnight;
use crate::harness::{Lake, Workdir, data, event, files, gzip, records};
use crate::s3::server::Server;
use crate::s3::store::{Environment, Store};

const BUCKET: &str = "trail";

/// Archives by their keys: named 23:55 of a day, they hold an event of that day and one of 00:02 of the next.
fn archives() -> Vec<(String, Vec<u8>)> {
    let ends = [
        ("2024/12/30", "2024-12-31"),
        ("2024/12/31", "2025-01-01"),
        ("2025/01/01", "2025-01-02"),
        ("2025/02/28", "2025-03-01"),
    ];
    ends.map(|(day, next)| (midnight::key(day), gzip(midnight::text(day, next).as_bytes()))).into()
}

fn convert(workdir: &Workdir, environment: &Environment, inputs: &str, flags: &str) -> Lake {
    let _ = std::fs::remove_dir_all(workdir.at("lake"));
    let run =
        workdir.run_in(environment, &format!("convert {inputs} --out lake --report report.json {flags}")).expect(0);
    let lake = Lake { report: run.report("report.json"), code: 0, path: workdir.at("lake"), stderr: run.stderr() };
    lake.check_counts();
    lake
}

/// Events of the selected days, in order; at most `seen` archives may be read.
#[track_caller]
fn check(lake: &Lake, expected: &[&str], seen: u64) {
    let mut ids = lake.texts("events", "event_id");
    ids.sort();
    assert_eq!(ids, expected, "{}", lake.stderr);
    assert_eq!(lake.count("/archives/converted"), seen, "{}", lake.stderr);
}

const SINCE_NEW_YEAR: [&str; 5] =
    ["after 2025-01-01", "after 2025-01-02", "after 2025-03-01", "before 2025-01-02", "before 2025-03-01"];

#[test]
fn an_event_of_just_after_midnight_is_not_passed_over() {
    let workdir = Workdir::new();
    workdir.copy(&data("just-after-midnight"), "in");
    let lake = workdir.convert("in", "--from 2025-01-02");
    check(&lake, &["after 2025-01-02"], 1);
    assert_eq!(lake.count("/events/filtered"), 1);
    // Not so two days later.
    let lake = workdir.convert("in", "--from 2025-01-03");
    assert_eq!((lake.code, lake.count("/archives/seen")), (0, 0), "{}", lake.stderr);
}

#[test]
fn it_is_found_across_months_and_years_in_files_buckets_and_notices() {
    let server = Server::with_bucket(BUCKET);
    let workdir = Workdir::new();
    let mut lines = String::new();
    for (key, bytes) in archives() {
        server.put(BUCKET, &key, &bytes);
        workdir.file(&format!("in/{key}"), &bytes);
        lines.push_str(&format!("{{\"s3Bucket\":\"{BUCKET}\",\"s3ObjectKey\":[\"{key}\"]}}\n"));
    }
    workdir.file("lines", lines);
    for inputs in [
        "in",
        "s3://trail",
        "s3://trail/AWSLogs/111122223333/CloudTrail/eu-west-1/2024 s3://trail/AWSLogs/111122223333/CloudTrail/eu-west-1/2025",
        "--inputs-from lines",
    ] {
        for (flags, expected, seen) in [
            ("--from 2025-01-01", SINCE_NEW_YEAR.as_slice(), 3),
            ("--from 2025-01-02 --to 2025-01-02", &["after 2025-01-02"], 1),
            ("--from 2025-03-01", &["after 2025-03-01"], 1),
            ("--from 2025-03-02", &[], 0),
        ] {
            let lake = convert(&workdir, &server.environment(), inputs, flags);
            check(&lake, expected, seen);
        }
    }
}

#[test]
fn it_is_found_in_containers() {
    let members = archives();
    let workdir = Workdir::new();
    workdir.file("tar/a.tar", tar(&members));
    workdir.file("tgz/a.tgz", gzip(&tar(&members)));
    workdir.file("zip/a.zip", zip(&members, true));
    for folder in ["tar", "tgz", "zip"] {
        // One member is skipped, so the container is opened again and has no row yet.
        let lake = convert(&workdir, &Vec::new(), folder, "--from 2025-01-01");
        check(&lake, &SINCE_NEW_YEAR, 3);
    }
}

/// Events of days before the selected ones that a run has left out are not selected by the next run either. It finds the
/// archive again, since one more day is searched.
#[test]
fn a_first_day_that_moves_on_every_night_leaves_nothing_to_report() {
    let workdir = Workdir::new();
    let at = |id: &str, time: String| event(id, "").replace("2025-03-01T08:15:00Z", &time);
    for night in 2..8 {
        let before = at("before", format!("2025-01-{:02}T23:58:00Z", night - 1));
        let after = at("after", format!("2025-01-{night:02}T00:01:00Z"));
        let key = midnight::key(&format!("2025/01/{night:02}")).replace("T2355Z", "T0005Z");
        workdir.gzip(&format!("in/{key}"), records(&[before, after]));
        let lake = workdir.convert("in", &format!("--from 2025-01-{night:02}"));
        assert_eq!((lake.code, lake.count("/changed")), (0, 0), "{}", lake.stderr);
        assert_eq!(lake.rows("events").len(), night - 1, "{}", lake.stderr);
    }
    // A run with an earlier first day reports that something was left out.
    let lake = workdir.convert("in", "--from 2025-01-01");
    assert_eq!((lake.code, lake.count("/changed")), (1, 6), "{}", lake.stderr);
}

#[test]
fn the_checked_in_file_is_named_23_55() {
    let names = files(&data("just-after-midnight"));
    assert!(matches!(names.as_slice(), [name] if name.display().to_string().contains("_20250101T2355Z_")), "{names:?}");
    assert!(records(&[event("a", "")]).contains("2025-03-01T08:15:00Z"), "what `midnight` replaces");
}
