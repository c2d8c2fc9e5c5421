//! A run that dies, at any moment: readers see whole files all the time, and the next run completes the lake, byte for byte
//! as if there had been no crash.

use std::collections::BTreeMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use trailmill::config::Config;
use trailmill::disk::{Effect, FaultInjector};
use trailmill::restore::{OutFolder, RestoreConfig};
use trailmill::{Error, ErrorKind};

use crate::harness::{Workdir, data, event, files, records, say, text};
use crate::reference::Row;

/// Several commits, some of them with bad input.
fn run(lake: &str) -> String {
    format!("convert in --out {lake} --step-size 600B --threads 2 -q")
}

fn inputs() -> Workdir {
    let workdir = Workdir::new();
    for (number, day) in ["01", "02", "03", "02", "01"].into_iter().enumerate() {
        let dated = |id: String, day: &str| event(&id, "").replace("2025-03-01", &format!("2025-03-{day}"));
        let mut events: Vec<String> = (0..20).map(|at| dated(format!("{number}-{at}"), day)).collect();
        // Delivered before, or twice.
        events.push(dated("0-0".to_owned(), "01"));
        workdir.gzip(&format!("in/{number}.json.gz"), records(&events));
    }
    workdir.copy(&data("corrupt/missing-comma.json"), "in/3-corrupt.json");
    workdir.copy(&data("corrupt/gzip-wrong-crc.json.gz"), "in/4-corrupt.json.gz");
    workdir.copy(&data("golden/metering-outcomes.json"), "in/5.json");
    workdir
}

/// The files that readers see except the manifest, and its rows without the time of day.
type Content = (BTreeMap<PathBuf, Vec<u8>>, Vec<Row>);

fn content(workdir: &Workdir, lake: &str) -> Content {
    let parts = ["events", "usage_records", "quarantine"].map(|table| {
        let files = workdir.snapshot(&format!("{lake}/{table}")).into_iter();
        files.map(move |(path, (bytes, _))| (PathBuf::from(table).join(path), bytes))
    });
    let mut manifest = crate::reference::read_table(&workdir.at(lake), "archives");
    for row in &mut manifest {
        row.remove("converted_at");
    }
    manifest.sort_by_key(|row| text(row, "archive").to_owned());
    (parts.into_iter().flatten().collect(), manifest)
}

/// Every file with a name that readers look at is whole.
fn check_files(workdir: &Workdir, lake: &str, moment: &str) {
    for table in ["events", "usage_records", "archives", "quarantine"] {
        let folder = workdir.at(&format!("{lake}/{table}"));
        for path in files(&folder) {
            let file = std::fs::File::open(folder.join(&path)).expect("a file");
            let reader = SerializedFileReader::new(file);
            let reader = reader.unwrap_or_else(|error| panic!("{moment}: {} is torn: {error}", path.display()));
            let rows: i64 = reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).sum();
            assert_eq!(rows, reader.metadata().file_metadata().num_rows(), "{moment}: {}", path.display());
        }
    }
}

/// Lets another run finish, and checks its result.
fn check_recovery(workdir: &Workdir, lake: &str, expected: &Content, moment: &str) {
    check_files(workdir, lake, moment);
    let run = workdir.run(&run(lake));
    assert!(run.code() == 1 || run.code() == 0, "{moment}: {}", run.dump());
    let found = content(workdir, lake);
    let names = |content: &Content| content.0.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(expected), "{moment}");
    assert!(found.0 == expected.0, "{moment}: files differ");
    assert_eq!(found.1, expected.1, "{moment}");
    assert!(!workdir.at(lake).join("_trailmill/staging").exists(), "{moment}: {}", run.dump());
    workdir.run(&format!("check {lake}")).expect(0);
    std::fs::remove_dir_all(workdir.at(lake)).expect("a lake");
}

/// Inputs, and the result of an uninterrupted run.
fn uninterrupted() -> (Workdir, Content) {
    let workdir = inputs();
    let run = workdir.run(&run("lake")).expect(1);
    let commits = files(&workdir.at("lake/archives")).len();
    assert!(commits >= 3, "{commits} commits: {}", run.dump());
    let content = content(&workdir, "lake");
    (workdir, content)
}

/// On two threads, a lake for each number until `attempt` says that there are no more.
pub fn for_each_number(attempt: impl Fn(u64, &str) -> bool + Sync) {
    let next = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !attempt(number, &format!("lake-{number}")) {
                        break;
                    }
                }
            });
        }
    });
}

/// Kills a run at each change on disk in turn, then lets another finish.
#[test]
fn killed_between_any_two_changes_on_disk() {
    let (workdir, expected) = uninterrupted();
    let kills = AtomicU64::new(0);
    for_each_number(|number, lake| {
        let run = workdir.run_with_fault(&run(lake), &format!("signal {number} 9"));
        if !run.was_killed() {
            assert_eq!(run.code(), 1, "{}", run.dump());
            return false;
        }
        kills.fetch_add(1, Ordering::Relaxed);
        check_recovery(&workdir, lake, &expected, &format!("killed at change {number}"));
        true
    });
    let kills = kills.into_inner();
    say(&format!("crash: {kills} kills survived, one at each change on disk"));
    assert!(kills > 100, "{kills}");
}

/// A recovery may be killed, too, repeatedly.
#[test]
fn killed_while_recovering() {
    let (workdir, expected) = uninterrupted();
    let mut kills = 0;
    for first in (10..).step_by(29) {
        let lake = format!("lake-{first}");
        if !workdir.run_with_fault(&run(&lake), &format!("signal {first} 9")).was_killed() {
            break;
        }
        kills += 1;
        for next in [1, 2, 3, 5, 8, 13, 21, 34, 55] {
            if workdir.run_with_fault(&run(&lake), &format!("signal {next} 9")).was_killed() {
                kills += 1;
                check_files(&workdir, &lake, &format!("killed at change {first} and {next}"));
            }
        }
        check_recovery(&workdir, &lake, &expected, &format!("killed again and again since change {first}"));
    }
    say(&format!("crash: {kills} kills survived, ten in a row"));
    assert!(kills > 30, "{kills}");
}

/// An I/O error, once, or a disk that is full from then on, ends the run with a message that names the place; what it had
/// published stays, and the next run completes the lake.
#[test]
fn an_io_error_at_any_change_is_reported_and_survived() {
    const EIO: i32 = 5;
    let (workdir, expected) = uninterrupted();
    for wish in [format!("error N {EIO}"), "full N".to_owned()] {
        let errors = AtomicU64::new(0);
        for_each_number(|number, lake| {
            let run = workdir.run_with_fault(&run(lake), &wish.replace('N', &number.to_string()));
            let moment = format!("{wish} at change {number}");
            if run.code() == 1 {
                // Nothing failed, or only the removal of an empty staging folder.
                assert!(content(&workdir, lake) == expected, "{moment}: {}", run.dump());
                std::fs::remove_dir_all(workdir.at(lake)).expect("a lake");
                return number < 100;
            }
            assert_eq!(run.code(), 2, "{moment}: {}", run.dump());
            let said = if wish.starts_with("full") { "No space left on device" } else { "Input/output error" };
            assert!(run.stderr().contains(said) && run.stderr().contains(lake), "{moment}: {}", run.dump());
            assert_eq!(run.stderr().lines().count(), 1, "{moment}: {}", run.dump());
            errors.fetch_add(1, Ordering::Relaxed);
            check_recovery(&workdir, lake, &expected, &moment);
            true
        });
        let errors = errors.into_inner();
        say(&format!("crash: {errors} disk errors survived ({wish})"));
        assert!(errors > 100, "{errors}");
    }
}

/// An interrupted run ends cleanly: what it has published stays, and the exit code is the signal's.
#[test]
fn a_signal_ends_a_run_cleanly() {
    let (workdir, expected) = uninterrupted();
    for (signal, code) in [(1, 129), (2, 130), (15, 143)] {
        let mut published = Vec::new();
        for number in [1, 30, 60, 90] {
            let lake = format!("lake-{signal}-{number}");
            let run = workdir.run_with_fault(&run(&lake), &format!("signal {number} {signal}")).expect(code);
            assert!(run.stderr().starts_with("error: stopped: "), "{}", run.dump());
            assert!(!workdir.at(&lake).join("_trailmill/staging").exists(), "{}", run.dump());
            let commits = files(&workdir.at(&lake).join("archives")).len();
            assert!(commits == 0 || run.stderr().contains("published; run again to go on"), "{}", run.dump());
            published.push(commits);
            check_recovery(&workdir, &lake, &expected, &format!("signal {signal} at change {number}"));
        }
        assert!(published[0] == 0 && published.is_sorted() && published[3] > 0, "{published:?}");
    }
}

/// A bug in a task: at one of its changes on disk it panics.
#[derive(Debug)]
struct PanicAt {
    number: u64,
    changes: AtomicU64,
}

impl FaultInjector for PanicAt {
    fn before(&self, _: Effect, _: &Path) -> io::Result<()> {
        let is_task = std::thread::current().name().is_some_and(|name| name.starts_with("trailmill-"));
        if is_task && self.changes.fetch_add(1, Ordering::Relaxed) + 1 == self.number {
            // No panic message in the output of tests.
            std::panic::resume_unwind(Box::new("a bug"));
        }
        Ok(())
    }
}

/// Runs with a panic at each change on a thread of the library, and checks what is left; returns how many were errors.
/// A panic on the caller's thread, as when a lake is opened, reaches the caller.
fn panics_of_tasks(
    run: impl Fn(&str, Arc<dyn FaultInjector>) -> Result<(), Error> + Sync,
    after: impl Fn(&str) + Sync,
) -> u64 {
    let panics = AtomicU64::new(0);
    for_each_number(|number, place| {
        let faults = Arc::new(PanicAt { number, changes: AtomicU64::new(0) });
        match std::panic::catch_unwind(AssertUnwindSafe(|| run(place, faults))) {
            Ok(Ok(())) => return false,
            Ok(Err(error)) => {
                let is_reported = error.kind() == ErrorKind::Internal && error.to_string().contains("panicked");
                assert!(is_reported, "{number}: {error}");
                panics.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        after(place);
        true
    });
    panics.into_inner()
}

/// A task that panics ends the run with an error, like any other failure: never the process, and never in a deadlock.
#[test]
fn a_task_that_panics_ends_the_run_and_nothing_else() {
    let (workdir, expected) = uninterrupted();
    let convert = |lake: &str, faults| {
        let mut config = Config::new(vec![workdir.at("in")], workdir.at(lake));
        (config.step_bytes, config.threads, config.faults) = (600, 2, Some(faults));
        trailmill::convert(&config, &Arc::default()).map(drop)
    };
    let conversions = panics_of_tasks(convert, |lake| check_recovery(&workdir, lake, &expected, "after a panic"));
    let restore = |folder: &str, faults| {
        let mut config = RestoreConfig::new(workdir.at("lake"));
        let path = workdir.at(&format!("restored-{folder}"));
        config.out = Some(OutFolder { path, may_hold_files: false });
        (config.threads, config.faults) = (2, Some(faults));
        trailmill::restore::restore(&config, &mut io::sink()).map(drop)
    };
    let restorations = panics_of_tasks(restore, |_| ());
    say(&format!("crash: {conversions} panics of conversions, {restorations} of restorations"));
    assert!(conversions > 20 && restorations > 0, "{conversions}, {restorations}");
}

/// Two runs at once: the second says so, and the lock of a killed run blocks no other.
#[test]
fn one_run_writes_at_a_time() {
    let (workdir, expected) = uninterrupted();
    let state = workdir.at("held/_trailmill");
    std::fs::create_dir_all(&state).expect("a folder");
    let held = std::fs::File::create(state.join("lock")).expect("a file");
    held.lock().expect("a lock");
    for command in [run("held"), "check held".to_owned()] {
        let refused = workdir.run(&command).expect(75);
        assert!(refused.stderr().starts_with("error: lake in use: another run is using "), "{}", refused.dump());
    }
    drop(held);
    check_recovery(&workdir, "held", &expected, "after another run");
}
