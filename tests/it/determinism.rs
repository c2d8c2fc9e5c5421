//! The same inputs and flags give byte-identical data files, for any number of threads and any order of the arguments.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::harness::{Workdir, records};

/// Files of both data tables with their bytes.
type DataFiles = BTreeMap<PathBuf, Vec<u8>>;

/// Enough archives for several units of work, and enough days for row groups to be closed early.
fn workdir() -> Workdir {
    let workdir = Workdir::new();
    let generate = |mix: &str, sizes: &str| {
        workdir.run(&format!("generate --out in/{mix} --mix {mix} {sizes} --seed 9 --days 24")).expect(0);
    };
    generate("org", "--archives 48 --events-per-archive 150");
    generate("metering", "--archives 12 --events-per-archive 60");
    generate("tiny", "--archives 200");
    workdir
}

fn convert(workdir: &Workdir, inputs: &str, flags: &str) -> DataFiles {
    workdir.run(&format!("convert {inputs} --out lake {flags}")).expect(0);
    let files = ["events", "usage_records"].into_iter().flat_map(|table| {
        let files = workdir.snapshot(&format!("lake/{table}")).into_iter();
        files.map(move |(path, (bytes, _))| (PathBuf::from(table).join(path), bytes))
    });
    let files = files.collect();
    std::fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    files
}

#[track_caller]
fn check_same(what: &str, one: &DataFiles, other: &DataFiles) {
    assert!(one.keys().eq(other.keys()), "{what}: {:?} and {:?}", one.keys(), other.keys());
    let differing: Vec<_> = one.keys().filter(|path| one[*path] != other[*path]).collect();
    assert!(differing.is_empty(), "{what}: these files differ: {differing:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let workdir = workdir();
    let one = convert(&workdir, "in", "--threads 1");
    assert!(one.len() > 40, "{:?}", one.keys());
    for threads in [2, 3, 7] {
        check_same(&format!("{threads} threads"), &one, &convert(&workdir, "in", &format!("--threads {threads}")));
    }
    check_same("the default", &one, &convert(&workdir, "in", ""));
}

#[test]
fn any_order_of_the_arguments_gives_the_same_bytes() {
    let workdir = workdir();
    let ordered = convert(&workdir, "in/metering in/org in/tiny", "");
    check_same("shuffled", &ordered, &convert(&workdir, "in/tiny in/org in/metering", ""));
    check_same("doubled", &ordered, &convert(&workdir, "in/org in in/tiny/../org in/metering ./in", ""));
    let absolute = workdir.at("in");
    check_same("absolute", &ordered, &convert(&workdir, &absolute.display().to_string(), ""));
}

#[test]
fn little_memory_and_many_partitions_give_the_same_bytes_every_time() {
    let workdir = workdir();
    let flags = "--memory-limit 64MiB --partition-by event_date,region,event_source";
    let one = convert(&workdir, "in", &format!("{flags} --threads 1"));
    check_same("7 threads", &one, &convert(&workdir, "in", &format!("{flags} --threads 7")));
}

#[test]
fn parts_roll_at_their_target_size_and_the_same_way_every_time() {
    let workdir = Workdir::new();
    // One day, three full row groups: points at which a part may end.
    let events: Vec<String> =
        (0..300_000).map(|at| format!(r#"{{"eventTime":"2025-03-01T00:00:00Z","eventID":"{at}"}}"#)).collect();
    for (at, events) in events.chunks(60_000).enumerate() {
        workdir.file(&format!("in/{at}.json"), records(events));
    }
    let names = |files: &DataFiles| files.keys().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let whole = convert(&workdir, "in", "");
    assert_eq!(whole.len(), 1, "{:?}", names(&whole));
    let rolled = convert(&workdir, "in", "--part-size 1KiB --threads 1");
    assert_eq!(rolled.len(), 3, "{:?}", names(&rolled));
    check_same("7 threads", &rolled, &convert(&workdir, "in", "--part-size 1KiB --threads 7"));
}
