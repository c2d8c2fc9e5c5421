//! Memory is bounded whatever the input: many archives, one huge one, thousands of partitions.

use crate::harness::{Lake, Workdir, say};

/// Bytes that a run with two threads and the default limit may take.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes that each further thread may take.
const MOST_THREAD_BYTES: u64 = 32 << 20;

/// Generates archives, converts them with two threads and checks the peak memory.
#[track_caller]
fn check(what: &str, archives: &str, inspect: fn(&Lake)) {
    check_with(2, what, archives, inspect);
}

#[track_caller]
fn check_with(threads: u64, what: &str, archives: &str, inspect: fn(&Lake)) {
    let most_bytes = MOST_BYTES + (threads - 2) * MOST_THREAD_BYTES;
    let workdir = Workdir::new();
    workdir.run(&format!("generate --out in --seed 5 {archives}")).expect(0);
    let lake = workdir.convert("in", &format!("--threads {threads}"));
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    assert_eq!(lake.count("/events/written") + lake.count("/events/duplicates"), lake.count("/events/seen"));
    inspect(&lake);
    match lake.report["peak_rss_bytes"].as_u64() {
        None => say(&format!("skipped: this system does not tell how much memory {what} took")),
        Some(peak_bytes) => {
            say(&format!("memory: {what} took {} MiB", peak_bytes >> 20));
            assert!(peak_bytes <= most_bytes, "{what} took {} MiB", peak_bytes >> 20);
        }
    }
}

#[test]
fn ten_times_the_data_takes_no_more_than_the_limit() {
    check("16 archives of 2,500 events", "--mix org --archives 16", |_| ());
    check("160 archives of 2,500 events", "--mix org --archives 160", |_| ());
}

#[test]
fn metering_takes_no_more_than_the_limit() {
    check("60 archives of 1,000 metering calls", "--mix metering --archives 60", |_| ());
}

#[test]
fn a_huge_archive_takes_no_more_than_the_limit() {
    check("one archive of 200,000 events", "--mix org --archives 1 --events-per-archive 200000", |_| ());
}

#[test]
fn large_archives_side_by_side_take_no_more_than_the_limit() {
    let archives = "--mix org --archives 16 --events-per-archive 20000";
    check_with(8, "16 archives of 20,000 events on eight threads", archives, |lake| {
        assert!(lake.count("/bytes/compressed") / 16 >= 3 << 20, "they are not large");
    });
}

#[test]
fn thousands_of_partitions_take_no_more_than_the_limit() {
    check("3,000 dates", "--mix tiny --archives 6000 --days 3000", |lake| {
        let partitions = lake.partitions("events");
        assert!(partitions.len() >= 3_000, "{} partitions", partitions.len());
        // Late rows join those of their day: few parts, however often a part was set aside.
        assert!(lake.parts("events").len() <= partitions.len());
    });
}

#[test]
fn restoring_takes_no_more_than_the_limit() {
    let workdir = Workdir::new();
    workdir.run("generate --out in --mix org --archives 60 --seed 5").expect(0);
    workdir.convert("in", "");
    for flags in ["", "--out tree"] {
        let line =
            format!("exec /usr/bin/time -f %M {} restore lake -q --threads 2 {flags}", env!("CARGO_BIN_EXE_trailmill"));
        let output = std::process::Command::new("sh").args(["-c", &line]).current_dir(workdir.path()).output();
        let printed = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
        let Ok(peak_kib) = printed.trim().parse::<u64>() else {
            say(&format!("skipped: there is no /usr/bin/time to measure how much memory restoring took: {printed}"));
            return;
        };
        say(&format!("memory: restoring 150,000 events took {} MiB {flags}", peak_kib >> 10));
        assert!(peak_kib << 10 <= MOST_BYTES, "restoring took {} MiB {flags}", peak_kib >> 10);
    }
}
