//! `trailmill check`: a sound lake is called sound, and each kind of fault is found and named.

use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::harness::{Run, Workdir, data, event, records};

/// A lake of the sample and of corrupt archives, in two commits.
fn lake() -> Workdir {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("corrupt"), "in/corrupt");
    workdir.convert("in/sample", "");
    workdir.convert("in/corrupt", "");
    workdir
}

fn check(workdir: &Workdir, flags: &str) -> (Run, Json) {
    let run = workdir.run(&format!("check lake --format json {flags}"));
    let report = serde_json::from_str(&run.stdout()).unwrap_or_else(|error| panic!("{error}\n{}", run.dump()));
    (run, report)
}

/// Kinds of reported problems.
fn kinds(workdir: &Workdir, flags: &str) -> Vec<String> {
    let (run, report) = check(workdir, flags);
    let kinds: Vec<String> = report["problem_counts"].as_object().expect("counts").keys().cloned().collect();
    assert_eq!(run.code(), i32::from(!kinds.is_empty()), "{}", run.dump());
    let text = workdir.run("check lake");
    assert_eq!(text.code(), run.code());
    assert!(kinds.iter().all(|kind| text.stdout().contains(kind)), "{}", text.dump());
    kinds
}

fn part(workdir: &Workdir, table: &str) -> PathBuf {
    let parts = crate::harness::files(&workdir.at(&format!("lake/{table}")));
    workdir.at(&format!("lake/{table}")).join(&parts[0])
}

#[test]
fn a_lake_written_by_runs_is_sound() {
    let workdir = lake();
    let before = workdir.snapshot("lake");
    for flags in ["", "--quick", "--threads 1", "--memory-limit 64MiB"] {
        let (run, report) = check(&workdir, flags);
        assert_eq!(run.code(), 0, "{}", run.dump());
        assert_eq!(report["commits"].as_u64(), Some(2));
        let lake = crate::harness::files(&workdir.at("lake"));
        let parts = lake.iter().filter(|path| path.extension().is_some_and(|name| name == "parquet")).count();
        assert_eq!(report["parts"].as_u64(), Some(parts as u64));
    }
    let text = workdir.run("check lake").expect(0).stdout();
    assert!(text.contains("nothing is missing, torn or doubled"), "{text}");
    assert!(workdir.snapshot("lake") == before, "a check changes nothing");
}

#[test]
fn other_tables_and_partitions_are_sound_too() {
    for flags in ["--tables usage_records", "--partition-by region,event_source,event_month", "--no-dedup"] {
        let workdir = Workdir::new();
        workdir.copy(&data("sample"), "in");
        workdir.copy(&data("sample"), "again");
        workdir.convert("in", flags);
        workdir.convert("again", flags);
        let (run, report) = check(&workdir, "");
        assert_eq!(run.code(), 0, "{flags}: {}", run.dump());
        assert_eq!(report["copies"].as_u64() > Some(0), flags == "--no-dedup", "{report}");
    }
}

#[test]
fn a_path_that_is_no_lake_is_an_error() {
    let workdir = Workdir::new();
    workdir.file("in/a", "x");
    for place in ["in", "nowhere", "in/a"] {
        let run = workdir.run(&format!("check {place}")).expect(2);
        assert!(run.stderr().contains(place) && run.stdout().is_empty(), "{}", run.dump());
    }
}

#[test]
fn a_copy_of_the_tables_alone_can_be_checked() {
    let workdir = lake();
    fs::remove_dir_all(workdir.at("lake/_trailmill")).expect("a folder");
    assert!(kinds(&workdir, "").is_empty());
}

#[test]
fn a_missing_file_is_found() {
    let workdir = lake();
    fs::remove_file(part(&workdir, "events")).expect("a part");
    assert_eq!(kinds(&workdir, ""), ["part_missing", "rows_differ"]);
    let workdir = lake();
    fs::remove_file(part(&workdir, "quarantine")).expect("a part");
    assert_eq!(kinds(&workdir, "--quick"), ["part_missing", "rows_differ"]);
}

#[test]
fn a_torn_file_is_found() {
    let workdir = lake();
    let path = part(&workdir, "events");
    let bytes = fs::read(&path).expect("a part");
    fs::write(&path, &bytes[..bytes.len() - 9]).expect("a part");
    assert_eq!(kinds(&workdir, ""), ["part_damaged", "rows_differ"]);
}

/// A footer says nothing about the pages.
#[test]
fn wrong_bytes_in_the_middle_are_found_by_reading_all() {
    let workdir = lake();
    let path = part(&workdir, "events");
    let mut bytes = fs::read(&path).expect("a part");
    for at in (bytes.len() / 4)..(bytes.len() / 2) {
        bytes[at] = !bytes[at];
    }
    fs::write(&path, &bytes).expect("a part");
    assert!(kinds(&workdir, "").contains(&"part_damaged".to_owned()));
}

/// Also where no page looks wrong.
#[test]
fn a_single_wrong_bit_is_found() {
    let workdir = lake();
    let path = part(&workdir, "events");
    let sound = fs::read(&path).expect("a part");
    for at in (4..sound.len()).step_by(sound.len() / 50) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).expect("a part");
        assert!(!kinds(&workdir, "").is_empty(), "byte {at}");
    }
}

/// Usage records of a call may go on in the next file.
#[test]
fn an_event_whose_rows_are_in_two_files_is_there_once() {
    let workdir = Workdir::new();
    // A file ends with its first row group, whichever event its last row belongs to.
    workdir.run("generate --out in --mix metering --archives 45").expect(0);
    let flags = "--tables usage_records --partition-by event_source --part-size 1";
    let lake = workdir.convert("in", flags);
    assert!(lake.parts("usage_records").len() > 1, "{}", lake.stderr);
    assert!(kinds(&workdir, "").is_empty());
}

#[test]
fn a_lake_whose_manifest_is_gone_is_not_sound() {
    let workdir = lake();
    fs::remove_dir_all(workdir.at("lake/archives")).expect("a folder");
    assert_eq!(kinds(&workdir, ""), ["unpublished"]);
}

/// Duplicates that `--no-dedup` wrote are no finding; others are.
#[test]
fn one_run_without_dedup_excuses_no_other_run() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    workdir.copy(&data("sample"), "again");
    workdir.convert("in", "");
    workdir.convert("again", "--no-dedup");
    let (run, report) = check(&workdir, "");
    assert!(run.code() == 0 && report["copies"].as_u64() > Some(0), "{}", run.dump());
}

#[test]
fn a_file_in_place_of_another_is_found() {
    let workdir = lake();
    let parts = crate::harness::files(&workdir.at("lake/events"));
    let at = |index: usize| workdir.at("lake/events").join(&parts[index]);
    fs::copy(at(0), at(1)).expect("a part");
    let kinds = kinds(&workdir, "");
    for kind in ["part_changed", "rows_differ", "event_twice"] {
        assert!(kinds.contains(&kind.to_owned()), "{kinds:?}");
    }
}

#[test]
fn a_file_of_another_table_is_found() {
    let workdir = lake();
    fs::copy(part(&workdir, "usage_records"), part(&workdir, "events")).expect("a part");
    assert!(kinds(&workdir, "").contains(&"schema_differs".to_owned()));
}

#[test]
fn files_that_no_run_has_published_are_found() {
    let workdir = lake();
    let path = part(&workdir, "events");
    fs::copy(&path, path.with_file_name("part-000003-00000.parquet")).expect("a part");
    fs::copy(&path, path.with_file_name("mine.parquet")).expect("a part");
    let (_, report) = check(&workdir, "");
    let counts = &report["problem_counts"];
    assert_eq!((counts["unpublished"].as_u64(), counts["stranger"].as_u64()), (Some(1), Some(1)), "{report}");
    // The next run removes what a dead one left, and nothing else.
    workdir.gzip("more/a.json.gz", records(&[event("new", "")]));
    workdir.convert("more", "");
    assert_eq!(kinds(&workdir, ""), ["stranger"]);
}

#[test]
fn a_damaged_manifest_is_found() {
    let workdir = lake();
    let path = part(&workdir, "archives");
    let bytes = fs::read(&path).expect("a part");
    fs::write(&path, &bytes[..bytes.len() - 1]).expect("a part");
    assert_eq!(kinds(&workdir, ""), ["manifest_damaged"]);
}

#[test]
fn files_of_a_lost_commit_are_unknown() {
    let workdir = lake();
    fs::remove_file(part(&workdir, "archives")).expect("a part");
    assert_eq!(kinds(&workdir, ""), ["stranger"]);
}

#[test]
fn a_file_of_another_lake_is_found() {
    let workdir = lake();
    let other = Workdir::new();
    other.copy(&data("sample"), "in/sample");
    other.convert("in/sample", "");
    fs::copy(part(&other, "events"), part(&workdir, "events")).expect("a part");
    let kinds = kinds(&workdir, "");
    for kind in ["archive_unknown", "rows_differ"] {
        assert!(kinds.contains(&kind.to_owned()), "{kinds:?}");
    }
}
