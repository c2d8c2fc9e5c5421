//! Other real processes: signals from outside, two runs at once, a run that died with the lock, inputs that vanish during a
//! run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::{Run, Started, Workdir, event, files, int, records, text};
use crate::reference::read_table;

/// `SIGSTOP`: a run can be held at any change on disk, and inspected.
const STOP: i32 = 19;

fn run(lake: &str) -> String {
    format!("convert in --out {lake} --step-size 20KB --threads 2 -q")
}

/// A lake of some twenty commits.
fn inputs() -> Workdir {
    let workdir = Workdir::new();
    workdir.run("generate --out in --mix org --archives 30 --events-per-archive 100 --seed 5").expect(0);
    workdir.run(&run("clean")).expect(0);
    assert!(files(&workdir.at("clean/archives")).len() > 8, "{:?}", files(&workdir.at("clean/archives")));
    workdir
}

/// The files with rows, except the manifest.
fn data(workdir: &Workdir, lake: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let tables = ["events", "usage_records", "quarantine"].into_iter();
    let files = tables
        .flat_map(|table| files(&workdir.at(lake).join(table)).into_iter().map(|path| Path::new(table).join(path)));
    files.map(|path| (path.clone(), fs::read(workdir.at(lake).join(path)).expect("a part"))).collect()
}

#[track_caller]
fn check_recovery(workdir: &Workdir, lake: &str) {
    workdir.run(&format!("check {lake}")).expect(0);
    workdir.run(&run(lake)).expect(0);
    workdir.run(&format!("check {lake}")).expect(0);
    assert!(data(workdir, lake) == data(workdir, "clean"), "{:?}", files(&workdir.at(lake)));
    assert!(!workdir.at(lake).join("_trailmill/staging").exists());
}

/// Waits until a condition holds, or fails.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A run that is held at this change on disk.
fn hold(workdir: &Workdir, arguments: &str, change: u32) -> Started {
    let held = workdir.start(arguments, &format!("signal {change} {STOP}"));
    let state = format!("/proc/{}/stat", held.child.id());
    wait_until("a run that stands still", || {
        let state = fs::read_to_string(&state).unwrap_or_default();
        state.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    });
    held
}

#[track_caller]
fn check_end(run: &Run, code: i32, words: &str) {
    assert_eq!(run.code(), code, "{}", run.dump());
    let said = run.stderr();
    assert!(said.starts_with("error: ") && said.lines().count() == 1 && said.contains(words), "{}", run.dump());
}

/// Published steps stay, the current one is gone, and the exit code is the signal's.
#[test]
fn signals_from_outside() {
    let workdir = inputs();
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        for commits in [0, 1, 4] {
            let lake = format!("lake-{signal}-{commits}");
            let going = workdir.start(&run(&lake), "");
            wait_until("commits", || {
                let published = files(&workdir.at(&lake).join("archives")).len();
                published >= commits && workdir.at(&lake).join("_trailmill/lock").exists()
            });
            going.signal(signal);
            let run = going.end();
            // A signal before the handler is installed ends the program like any other.
            if commits > 0 || run.code() != -1 {
                check_end(&run, code, "stopped: ");
            }
            assert!(!workdir.at(&lake).join("_trailmill/staging").exists(), "{}", run.dump());
            assert!(files(&workdir.at(&lake).join("archives")).len() >= commits, "{}", run.dump());
            check_recovery(&workdir, &lake);
        }
    }
}

/// Repeated signals leave no mess.
#[test]
fn several_signals() {
    let workdir = inputs();
    let going = workdir.start(&run("lake"), "");
    wait_until("a commit", || !files(&workdir.at("lake/archives")).is_empty());
    for signal in ["INT", "INT", "TERM", "INT"] {
        going.signal(signal);
    }
    let run = going.end();
    assert!([130, 143].contains(&run.code()), "{}", run.dump());
    check_recovery(&workdir, "lake");
}

#[test]
fn two_runs_at_once() {
    let workdir = inputs();
    for change in [8, 40, 120] {
        let lake = format!("lake-{change}");
        let first = hold(&workdir, &run(&lake), change);
        let before = workdir.snapshot(&lake);
        for command in [run(&lake), format!("check {lake}"), format!("convert in/AWSLogs --out ./{lake}/../{lake}")] {
            check_end(&workdir.run(&command), 75, "lake in use: another run is using ");
        }
        assert!(workdir.snapshot(&lake) == before, "the second run changes nothing");
        first.signal("CONT");
        first.end().expect(0);
        check_recovery(&workdir, &lake);
    }
}

/// It has read nothing yet when another run starts, does all the work and ends.
#[test]
fn a_run_that_is_overtaken() {
    let workdir = inputs();
    let mut overtaken = 0;
    for change in 1..8 {
        let lake = format!("lake-{change}");
        let first = hold(&workdir, &run(&lake), change);
        let second = workdir.run(&run(&lake));
        if second.code() == 0 {
            overtaken += 1;
        } else {
            check_end(&second, 75, "lake in use: another run is using ");
        }
        first.signal("CONT");
        first.end().expect(0);
        check_recovery(&workdir, &lake);
    }
    assert!(overtaken > 0);
}

/// Many at the same moment: one does the work, the others report it, and nothing is doubled.
#[test]
fn many_runs_at_once() {
    let workdir = inputs();
    let started: Vec<Started> = (0..5).map(|_| workdir.start(&run("lake"), "")).collect();
    let codes: Vec<i32> = started
        .into_iter()
        .map(|run| {
            let run = run.end();
            if run.code() != 0 {
                check_end(&run, 75, "lake in use: ");
            }
            run.code()
        })
        .collect();
    assert!(codes.contains(&0), "{codes:?}");
    check_recovery(&workdir, "lake");
}

#[test]
fn the_lock_of_a_dead_run() {
    let workdir = inputs();
    for change in [8, 40, 120] {
        let lake = format!("lake-{change}");
        let held = hold(&workdir, &run(&lake), change);
        held.signal("KILL");
        assert!(held.end().was_killed());
        assert!(workdir.at(&lake).join("_trailmill/lock").exists());
        if change == 40 {
            // Its message does not matter, only that it is held.
            workdir.file(&format!("{lake}/_trailmill/lock"), "1\nsome other machine\n");
        }
        workdir.run(&run(&lake)).expect(0);
        check_recovery(&workdir, &lake);
    }
}

/// It was listed and is gone when it is read: reported, counted, and tried again by the next run.
#[test]
fn an_input_that_vanishes() {
    let workdir = Workdir::new();
    for number in 0..40 {
        let events: Vec<String> = (0..60).map(|at| event(&format!("{number}-{at}"), "")).collect();
        workdir.gzip(&format!("in/{number:02}.json.gz"), records(&events));
    }
    let run = |lake: &str| format!("convert in --out {lake} --step-size 100B --threads 1 -q");
    workdir.run(&run("clean")).expect(0);
    for (what, change) in [("in/39.json.gz", 60), ("in/38.json.gz", 200)] {
        let lake = format!("lake-{change}");
        let held = hold(&workdir, &run(&lake), change);
        assert!(files(&workdir.at(&lake).join("archives")).len() < 30);
        fs::rename(workdir.at(what), workdir.at("away")).expect("an archive");
        held.signal("CONT");
        let run_without = held.end().expect(1);
        workdir.run(&format!("check {lake}")).expect(0);
        let rows = read_table(&workdir.at(&lake), "quarantine");
        assert!(rows.len() == 1 && text(&rows[0], "reason") == "read_failed", "{rows:?}");
        assert!(text(&rows[0], "archive").ends_with(what), "{rows:?}");
        assert_eq!(read_table(&workdir.at(&lake), "events").len(), 39 * 60, "{}", run_without.dump());
        fs::rename(workdir.at("away"), workdir.at(what)).expect("an archive");
        workdir.run(&run(&lake)).expect(0);
        workdir.run(&format!("check {lake}")).expect(0);
        let manifest = read_table(&workdir.at(&lake), "archives");
        assert_eq!((manifest.len(), read_table(&workdir.at(&lake), "quarantine").len()), (40, 0));
        assert!(manifest.iter().all(|row| int(row, "events_written") == 60), "{manifest:?}");
        assert_eq!(read_table(&workdir.at(&lake), "events").len(), 40 * 60);
    }
}

/// A run with `--wait` gets the lake when the other run has ended, and meanwhile says what it waits for.
#[test]
fn a_run_that_waits_for_another() {
    let workdir = inputs();
    let first = hold(&workdir, &run("lake"), 40);
    let command = |wait: &str| format!("{} --wait {wait}", run("lake"));
    let begun = Instant::now();
    check_end(&workdir.run(&command("1")), 75, "lake in use: another run is using ");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let stopped = workdir.start(&command("1h"), "");
    let waiting = workdir.start(&command("1h").replace(" -q", ""), "");
    std::thread::sleep(Duration::from_secs(2));
    stopped.signal("TERM");
    check_end(&stopped.end(), 143, "stopped: ");
    first.signal("CONT");
    first.end().expect(0);
    let waited = waiting.end().expect(0);
    assert!(waited.stderr().contains("waiting: another run is using "), "{}", waited.dump());
    check_recovery(&workdir, "lake");
}
