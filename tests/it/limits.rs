//! System failures: a run either converts everything or ends with one line that names the place, with nothing of the step
//! published, a sound lake, and a next run that completes it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::harness::{Run, Workdir, event, files, records, say};

/// Archives of three days: a step of three small ones, and a step of a large one.
fn inputs() -> Workdir {
    let workdir = Workdir::new();
    let mut random = 1_u64;
    for (number, events) in [5, 5, 5, 1_500].into_iter().enumerate() {
        let events: Vec<String> = (0..events)
            .map(|at| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let noise = format!(r#""requestID":"{random:016x}{:016x}""#, random.rotate_left(17) ^ 0xabcd);
                event(&format!("{number}-{at}"), &noise).replace("03-01", &format!("03-0{}", 1 + at % 3))
            })
            .collect();
        workdir.gzip(&format!("in/{number}.json.gz"), records(&events));
    }
    workdir.run(&run("clean", "")).expect(0);
    workdir
}

fn run(lake: &str, flags: &str) -> String {
    let blank = if flags.is_empty() { "" } else { " " };
    format!("convert in --out {lake} --step-size 1KB --threads 2 -q{blank}{flags}")
}

/// The files with rows, except the manifest.
fn data(workdir: &Workdir, lake: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = ["events", "usage_records", "quarantine"].map(|table| {
        let files = workdir.snapshot(&format!("{lake}/{table}")).into_iter();
        files.map(move |(path, (bytes, _))| (PathBuf::from(table).join(path), bytes))
    });
    files.into_iter().flatten().collect()
}

/// One line with the place and the cause.
#[track_caller]
fn check_message(run: Run, place: &str, cause: &str) -> Run {
    let run = run.expect(2);
    let said = run.stderr();
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{}", run.dump());
    assert!(said.contains(place) && said.contains(cause), "no {place} or {cause}: {}", run.dump());
    run
}

/// The lake is sound, has the rows of these commits, and the next run completes it.
#[track_caller]
fn check_recovery(workdir: &Workdir, lake: &str, commits: Option<usize>) {
    let published = files(&workdir.at(lake).join("archives")).len();
    assert!(commits.is_none_or(|commits| commits == published), "{published} commits");
    if workdir.at(lake).join("_trailmill").is_dir() {
        workdir.run(&format!("check {lake}")).expect(0);
    }
    workdir.run(&run(lake, "")).expect(0);
    workdir.run(&format!("check {lake}")).expect(0);
    assert!(data(workdir, lake) == data(workdir, "clean"), "{:?}", files(&workdir.at(lake)));
    assert!(!workdir.at(lake).join("_trailmill/staging").exists());
}

/// A file system of this test alone, unmounted when it ends.
struct Mount(PathBuf);

impl Mount {
    /// `None`, with a message, where this user may not mount.
    fn new(arguments: &[&str], on: PathBuf) -> Option<Self> {
        fs::create_dir_all(&on).expect("a folder");
        let done = Command::new("mount").args(arguments).arg(&on).output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self(on));
        }
        say(&format!("limits: skipped, `mount {}` is not allowed here", arguments.join(" ")));
        None
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "remount,{options}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_limit_of_the_size_of_files() {
    let workdir = inputs();
    // Blocks of 512 bytes or of 1 KiB: enough for the parts of the small archives, not for those of the large one.
    let stopped = workdir.run_behind("ulimit -f 40", &run("lake", ""));
    check_message(stopped, "lake/_trailmill/staging/events/event_date=2025-03-0", "File too large");
    check_recovery(&workdir, "lake", Some(1));
}

#[test]
fn a_limit_of_open_files() {
    let workdir = inputs();
    let mut failed = 0;
    for limit in [4, 5, 6, 7, 8, 9, 10, 12, 16, 24] {
        let lake = format!("lake-{limit}");
        let limited =
            workdir.run_behind(&format!("ulimit -n {limit}"), &run(&lake, "--threads 4").replace("--threads 2 ", ""));
        // A file that cannot be opened now is not bad input.
        if limited.code() != 0 {
            check_message(limited, "", "Too many open files");
            failed += 1;
        }
        check_recovery(&workdir, &lake, None);
    }
    assert!(failed > 0);
}

#[test]
fn a_full_file_system() {
    let workdir = inputs();
    let Some(disk) = Mount::new(&["-t", "tmpfs", "-o", "size=64k", "none"], workdir.at("disk")) else { return };
    let mut failed = 0;
    for kib in (32..400).step_by(24) {
        disk.remount(&format!("size={kib}k"));
        let full = workdir.run(&run("disk/lake", ""));
        if full.code() != 0 {
            check_message(full, "disk/lake", "No space left on device");
            failed += 1;
        }
        disk.remount("size=4m");
        check_recovery(&workdir, "disk/lake", None);
        fs::remove_dir_all(workdir.at("disk/lake")).expect("a lake");
    }
    assert!(failed > 2, "{failed}");
}

#[test]
fn a_read_only_lake() {
    let workdir = inputs();
    workdir.run(&run("lake", "").replace("in ", "in/0.json.gz in/1.json.gz in/2.json.gz ")).expect(0);
    let lake = workdir.at("lake");
    let path = lake.to_str().expect("UTF-8");
    let Some(mount) = Mount::new(&["--bind", path], workdir.at("view")) else { return };
    mount.remount("ro,bind");
    let before = workdir.snapshot("lake");
    check_message(workdir.run(&run("view", "")), "view/", "Read-only file system");
    check_message(workdir.run(&run("view/new", "")), "view/new", "Read-only file system");
    workdir.run("check view").expect(0);
    assert!(workdir.snapshot("lake") == before);
    workdir.run("convert in --out view --dry-run -q").expect(0);
    drop(mount);
    check_recovery(&workdir, "lake", Some(1));
}

#[test]
fn an_input_on_a_read_only_file_system() {
    let workdir = inputs();
    let input = workdir.at("in");
    let Some(mount) = Mount::new(&["--bind", input.to_str().expect("UTF-8")], workdir.at("in")) else { return };
    mount.remount("ro,bind");
    check_recovery(&workdir, "lake", Some(0));
}

#[test]
fn a_file_in_the_place_of_a_folder() {
    let workdir = inputs();
    let places = [
        "lake",
        "lake/_trailmill",
        "lake/events",
        "lake/usage_records",
        "lake/archives",
        "lake/quarantine",
        "lake/events/event_date=2025-03-02",
    ];
    for place in places {
        let path = workdir.file(place, "mine");
        let stopped = workdir.run(&run("lake", ""));
        // Nothing is refused here, so these two are not opened.
        if stopped.code() != 0 || !["lake/usage_records", "lake/quarantine"].contains(&place) {
            // For its own folder only the lake is named.
            check_message(stopped, place.trim_end_matches("/_trailmill"), "");
        }
        assert_eq!(fs::read(&path).ok().as_deref(), Some(&b"mine"[..]), "{place}");
        assert_eq!(fs::read_dir(workdir.at("lake/archives")).map_or(0, Iterator::count), 0, "{place}");
        fs::remove_file(&path).expect("my file");
        check_recovery(&workdir, "lake", None);
        fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    }
}

/// The file blocks a later step: what was published before stays.
#[test]
fn a_file_in_the_place_of_a_folder_of_a_later_step() {
    let workdir = inputs();
    workdir.gzip("in/4.json.gz", records(&[event("later", "").replace("03-01", "04-01")]));
    fs::remove_dir_all(workdir.at("clean")).expect("a lake");
    workdir.run(&run("clean", "")).expect(0);
    let path = workdir.file("lake/events/event_date=2025-04-01", "mine");
    check_message(workdir.run(&run("lake", "")), "lake/events/event_date=2025-04-01", "");
    fs::remove_file(path).expect("my file");
    check_recovery(&workdir, "lake", None);
}

#[test]
fn an_input_that_is_not_there() {
    let workdir = inputs();
    check_message(workdir.run("convert in nowhere/at-all --out lake -q"), "nowhere/at-all", "check the path");
    assert_eq!(files(&workdir.at("lake/events")).len(), 0);
    check_recovery(&workdir, "lake", Some(0));
    let before = workdir.snapshot("lake");
    check_message(workdir.run("convert nowhere/at-all in --out lake -q"), "nowhere/at-all", "check the path");
    assert!(workdir.snapshot("lake") == before);
}

#[test]
fn a_lake_filled_in_another_way() {
    let workdir = inputs();
    let before = workdir.snapshot("clean");
    for flags in [
        "--tables events",
        "--tables usage_records",
        "--partition-by region",
        "--partition-by event_month",
        "--partition-by event_date,region",
        "--partition-by event_month --tables events",
    ] {
        let flag = flags.split(' ').next().unwrap_or_default();
        let refused = check_message(workdir.run(&run("clean", flags)), "clean", "choose another --out");
        assert!(refused.stderr().contains(flag) || flags.contains(" --"), "{}", refused.dump());
        assert!(workdir.snapshot("clean") == before, "{flags}");
    }
    // The same tables in another order are the same.
    workdir.run(&run("clean", "--tables events,usage_records")).expect(0);
    assert!(workdir.snapshot("clean") == before);
}

/// Rewrites a part with other metadata.
fn rewrite(path: &Path, change: impl Fn(&mut KeyValue)) {
    let file = fs::File::open(path).expect("a part");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a part");
    let mut entries = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    entries.retain(|entry| entry.key != "ARROW:schema");
    entries.iter_mut().for_each(change);
    let schema = Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().expect("rows").map(|batch| batch.expect("rows")).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(entries)).build();
    let file = fs::File::create(path).expect("a part");
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).expect("a writer");
    for batch in &batches {
        writer.write(batch).expect("rows");
    }
    writer.close().expect("a part");
}

#[test]
fn a_lake_of_a_newer_version() {
    let workdir = inputs();
    let manifest = files(&workdir.at("clean/archives"));
    // Only the last commit may be newer: an older version has begun the lake.
    for part in [manifest.first(), manifest.last()].into_iter().flatten() {
        workdir.copy(&workdir.at("clean"), "lake");
        let path = workdir.at("lake/archives").join(part);
        rewrite(&path, |_| {});
        workdir.run("convert in --out lake -q").expect(0);
        let mut is_changed = std::cell::Cell::new(false);
        rewrite(&path, |entry| {
            if entry.key == "trailmill.schema_version" {
                entry.value = Some("1000000".to_owned());
                is_changed.set(true);
            }
        });
        assert!(*is_changed.get_mut());
        workdir.gzip("more/a.json.gz", records(&[event("new", "")]));
        let before = workdir.snapshot("lake");
        check_message(workdir.run("convert more --out lake -q"), "lake", "use a later version");
        check_message(workdir.run("convert more --out lake -q --dry-run"), "lake", "use a later version");
        let check = workdir.run("check lake");
        let said = check.stdout() + &check.stderr();
        assert!([1, 2].contains(&check.code()) && said.contains("use a later version"), "{}", check.dump());
        assert!(workdir.snapshot("lake") == before);
        fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    }
}
