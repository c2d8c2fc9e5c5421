//! Running again: archives that the lake has are not read again, by whatever path, and its rows stay as they are.

use std::os::unix::fs::symlink;

use crate::harness::{Lake, Workdir, data, event, files, records, text};
use crate::reference::compare_rows;

fn ids(lake: &Lake) -> Vec<String> {
    let mut ids = lake.texts("events", "event_id");
    ids.sort();
    ids
}

/// An archive with one event of this id.
fn archive(workdir: &Workdir, below: &str, id: &str) {
    workdir.gzip(below, records(&[event(id, "")]));
}

#[test]
fn a_second_run_converts_nothing_and_changes_no_file() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("corrupt"), "in/corrupt");
    let first = workdir.convert("in", "");
    assert_eq!(first.code, 1, "{}", first.stderr);
    let seen = first.count("/archives/seen");
    assert_eq!(first.count("/archives/already_converted"), 0);
    let before = workdir.snapshot("lake");

    let second = workdir.convert("in", "");
    assert_eq!(second.code, 0, "nothing new was refused: {}", second.stderr);
    assert_eq!(second.count("/archives/already_converted"), seen);
    for none in ["/archives/converted", "/archives/quarantined", "/archives/foreign", "/events/seen", "/parts"] {
        assert_eq!(second.count(none), 0, "{none}");
    }
    assert_eq!(second.count("/usage_records/written"), 0);
    let after = workdir.snapshot("lake");
    let tables = |path: &&std::path::PathBuf| !path.starts_with("_trailmill");
    assert!(before.keys().filter(tables).eq(after.keys().filter(tables)), "{:?}", after.keys());
    for path in before.keys().filter(tables) {
        assert!(before[path] == after[path], "{} has changed", path.display());
    }
}

#[test]
fn only_new_archives_are_read_and_old_parts_stay() {
    let workdir = Workdir::new();
    archive(&workdir, "in/a.json.gz", "a");
    workdir.convert("in", "");
    let before = workdir.snapshot("lake/events");
    archive(&workdir, "in/b.json.gz", "b");
    let lake = workdir.convert("in", "");
    assert_eq!((lake.count("/archives/converted"), lake.count("/archives/already_converted")), (1, 1));
    assert_eq!(ids(&lake), ["a", "b"]);
    let after = workdir.snapshot("lake/events");
    assert!(before.iter().all(|(path, state)| after.get(path) == Some(state)));
    assert_eq!((before.len(), after.len()), (1, 2));
    let commits = lake.texts("archives", "commit_id");
    assert!(commits.len() == 2 && commits[0] != commits[1], "{commits:?}");
}

#[test]
fn in_pieces_is_the_same_as_at_once() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    let folders: Vec<String> = std::fs::read_dir(workdir.at("in/AWSLogs"))
        .expect("a folder")
        .map(|entry| format!("in/AWSLogs/{}", entry.expect("an entry").file_name().display()))
        .collect();
    assert!(folders.len() >= 3);
    let mut pieces = None;
    for folder in &folders {
        let lake = workdir.convert(folder, "");
        assert_eq!(lake.code, 0, "{}", lake.stderr);
        pieces = Some((lake.rows("events"), lake.rows("usage_records"), lake.rows("archives").len()));
    }
    let (events, usage_records, archives) = pieces.expect("folders");
    std::fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    let whole = workdir.convert("in", "");
    compare_rows(&whole.rows("events"), &events).unwrap_or_else(|difference| panic!("{difference}"));
    compare_rows(&whole.rows("usage_records"), &usage_records).unwrap_or_else(|difference| panic!("{difference}"));
    assert_eq!(whole.rows("archives").len(), archives);
}

#[test]
fn overlapping_inputs_are_converted_once() {
    let workdir = Workdir::new();
    archive(&workdir, "in/x/a.json.gz", "a");
    archive(&workdir, "in/y/b.json.gz", "b");
    let absolute = workdir.at("in/y");
    let inputs = format!("in in/x in/x/a.json.gz ./in/../in/y {} in", absolute.display());
    let lake = workdir.convert(&inputs, "");
    assert_eq!((lake.code, lake.count("/archives/seen")), (0, 2), "{}", lake.stderr);
    assert_eq!(ids(&lake), ["a", "b"]);
    let again = workdir.convert("in/x/../x", "");
    assert_eq!((again.count("/archives/already_converted"), again.count("/archives/converted")), (1, 0));
}

#[test]
fn links_lead_to_each_archive_once() -> std::io::Result<()> {
    let workdir = Workdir::new();
    archive(&workdir, "in/real/a.json.gz", "a");
    archive(&workdir, "elsewhere/b.json.gz", "b");
    archive(&workdir, "elsewhere/deep/c.json.gz", "c");
    // Outside the input: found through the links.
    symlink(workdir.at("elsewhere/b.json.gz"), workdir.at("in/b-by-link.json.gz"))?;
    symlink(workdir.at("elsewhere/deep"), workdir.at("in/folder-by-link"))?;
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, ids(&lake)), (0, ["a", "b", "c"].map(str::to_owned).into()), "{}", lake.stderr);
    let again = workdir.convert("in", "");
    assert_eq!((again.count("/archives/already_converted"), again.count("/archives/converted")), (3, 0));
    Ok(())
}

#[test]
fn an_input_that_is_a_link_is_its_target() -> std::io::Result<()> {
    let workdir = Workdir::new();
    archive(&workdir, "in/real/a.json.gz", "a");
    symlink("in", workdir.at("input"))?;
    workdir.convert("input", "");
    let again = workdir.convert("in input/real/a.json.gz", "");
    assert_eq!((again.count("/archives/already_converted"), again.count("/archives/converted")), (1, 0));
    assert_eq!(ids(&again), ["a"], "{}", again.stderr);
    Ok(())
}

/// Two ways to the same file, in two runs.
#[test]
fn an_archive_reached_by_a_link_before_is_known() -> std::io::Result<()> {
    let workdir = Workdir::new();
    archive(&workdir, "elsewhere/a.json.gz", "a");
    std::fs::create_dir(workdir.at("in"))?;
    symlink(workdir.at("elsewhere"), workdir.at("in/by-link"))?;
    workdir.convert("in", "");
    let again = workdir.convert("elsewhere", "");
    assert_eq!(ids(&again), ["a"], "{}", again.stderr);
    Ok(())
}

#[test]
fn an_archive_and_a_link_to_it_are_one_archive() -> std::io::Result<()> {
    let workdir = Workdir::new();
    archive(&workdir, "in/real/a.json.gz", "a");
    symlink("real/a.json.gz", workdir.at("in/also-a.json.gz"))?;
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, ids(&lake)), (0, vec!["a".to_owned()]), "{}", lake.stderr);
    Ok(())
}

#[test]
fn a_folder_and_a_link_to_it_are_one_folder() -> std::io::Result<()> {
    let workdir = Workdir::new();
    archive(&workdir, "in/real/a.json.gz", "a");
    symlink("real", workdir.at("in/also-real"))?;
    // Links may lead back to their own folder.
    symlink(".", workdir.at("in/real/loop"))?;
    symlink("..", workdir.at("in/real/up"))?;
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, ids(&lake)), (0, vec!["a".to_owned()]), "{}", lake.stderr);
    Ok(())
}

#[test]
fn a_lake_inside_its_input_is_no_input() {
    let workdir = Workdir::new();
    archive(&workdir, "in/a.json.gz", "a");
    for (converted, already) in [(1, 0), (0, 1)] {
        let run = workdir.run("convert in --out in/lake --report report.json").expect(0);
        let report = run.report("report.json");
        assert_eq!(report["archives"]["seen"].as_u64(), Some(1), "{report}");
        assert_eq!(report["archives"]["converted"].as_u64(), Some(converted), "{report}");
        assert_eq!(report["archives"]["already_converted"].as_u64(), Some(already), "{report}");
    }
}

#[test]
fn a_dry_run_counts_as_a_real_one_and_writes_nothing() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("corrupt"), "in/corrupt");
    let run = workdir.run("convert in --out lake --dry-run --report dry.json").expect(1);
    assert!(!workdir.at("lake").exists(), "{}", run.dump());
    let dry = run.report("dry.json");
    let real = workdir.convert("in", "").report;
    for counts in ["archives", "events", "usage_records", "findings", "foreign_kinds"] {
        assert_eq!(dry[counts], real[counts], "{counts}");
    }
    assert_eq!(dry["bytes"]["written"].as_u64(), Some(0));
}

#[test]
fn a_dry_run_against_a_lake_reports_what_is_new() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    let real = workdir.convert("in", "").report;
    archive(&workdir, "in/new.json.gz", "a");
    let before = workdir.snapshot("lake");
    let report = workdir.run("convert in --out lake --dry-run --report dry.json").expect(0).report("dry.json");
    assert_eq!(report["archives"]["converted"].as_u64(), Some(1), "{report}");
    assert_eq!(report["archives"]["already_converted"], real["archives"]["seen"], "{report}");
    assert!(before == workdir.snapshot("lake"));
}

#[test]
fn nothing_but_whole_files_is_left_after_a_run() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    let lake = workdir.convert("in", "");
    for path in files(&lake.path) {
        let is_state = path.starts_with("_trailmill");
        let is_part = path.extension().is_some_and(|name| name == "parquet");
        assert!(is_state || is_part, "{}", path.display());
        assert!(!is_state || !path.starts_with("_trailmill/staging"), "{}", path.display());
    }
    let report = &lake.report;
    assert_eq!(
        report["parts"].as_u64(),
        Some(files(&lake.path).iter().filter(|path| !path.starts_with("_trailmill")).count() as u64)
    );
    let bytes: u64 = ["events", "usage_records", "archives", "quarantine"]
        .iter()
        .flat_map(|table| lake.parts(table))
        .map(|path| std::fs::metadata(path).expect("a part").len())
        .sum();
    assert_eq!(lake.count("/bytes/written"), bytes);
    let lines = lake.rows("archives");
    assert!(lines.iter().all(|row| !text(row, "commit_id").is_empty() && text(row, "integrity") == "not_checked"));
}

/// A file in the folders of a lake that no commit lists is not part of it.
#[test]
fn files_of_lost_commits_are_no_rows_of_the_lake() {
    let workdir = Workdir::new();
    for name in ["a", "b", "c"] {
        archive(&workdir, &format!("in/{name}.json.gz"), name);
        workdir.convert(&format!("in/{name}.json.gz"), "");
    }
    for number in [2, 3] {
        std::fs::remove_file(workdir.at(&format!("lake/archives/part-{number:06}-00000.parquet"))).expect("a part");
    }
    // Two commits are gone: that is no crash.
    let before = workdir.snapshot("lake");
    let run = workdir.run("convert in --out lake").expect(2);
    assert!(run.stderr().contains("bring the missing files of `archives` back"), "{}", run.dump());
    assert!(workdir.snapshot("lake") == before);
    // One may be a crash, and its remains are removed.
    std::fs::remove_file(workdir.at("lake/events/event_date=2025-03-01/part-000003-00000.parquet")).expect("a part");
    let dry = workdir.run("convert in --out lake --dry-run --report dry.json").expect(0).report("dry.json");
    assert_eq!((dry["events"]["written"].as_u64(), dry["events"]["duplicates"].as_u64()), (Some(2), Some(0)));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, ids(&lake)), (0, ["a", "b", "c"].map(str::to_owned).into()), "{}", lake.stderr);
    workdir.run("check lake").expect(0);
}

#[test]
fn a_lake_that_was_copied_without_its_state_can_be_added_to() {
    let workdir = Workdir::new();
    archive(&workdir, "in/a.json.gz", "a");
    workdir.convert("in", "");
    std::fs::remove_dir_all(workdir.at("lake/_trailmill")).expect("a folder");
    archive(&workdir, "in/b.json.gz", "b");
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, ids(&lake)), (0, ["a", "b"].map(str::to_owned).into()), "{}", lake.stderr);
}

#[test]
fn selectors_in_another_order_are_the_same_selectors() {
    let workdir = Workdir::new();
    archive(&workdir, "in/a.json.gz", "a");
    workdir.convert("in", "--account 1 --account 2 --region x");
    let again = workdir.convert("in", "--region x --account 2 --account 1 --account 2");
    assert_eq!((again.code, again.count("/archives/already_converted")), (0, 1), "{}", again.stderr);
}
