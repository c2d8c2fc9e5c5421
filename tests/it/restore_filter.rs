//! `trailmill restore`: filters and what they cost, the order of events, and what is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use trailmill::restore::{RestoreConfig, RestoreFilter, RestoreSummary, restore};

use crate::harness::{Workdir, event, files, inflated, records};
use crate::reference::{json, source_events};

/// A lake of an organisation's trail.
fn lake(flags: &str) -> Workdir {
    let workdir = Workdir::new();
    workdir.run("generate --out in --mix org --archives 20 --events-per-archive 200 --days 5 --seed 3").expect(0);
    workdir.convert("in", &format!("--no-dedup {flags}"));
    workdir
}

fn sources(workdir: &Workdir) -> Vec<String> {
    let texts =
        files(&workdir.at("in")).into_iter().map(|path| fs::read(workdir.at("in").join(path)).expect("an archive"));
    let texts: Vec<Vec<u8>> = texts.map(|bytes| inflated(&bytes)).collect();
    texts.iter().flat_map(|text| source_events(text)).collect()
}

/// The value of a member of an event; the path has points between its names.
fn said(event: &str, path: &str) -> Option<String> {
    let mut value = event;
    for name in path.split('.') {
        value = json::member(value, name)?;
    }
    json::text(value)
}

/// Ids of the events that a filter selects, in order.
fn ids(workdir: &Workdir, flags: &[&str]) -> Vec<String> {
    let run = workdir.run_with(["restore", "lake"].iter().chain(flags).copied()).expect(0);
    run.stdout().lines().map(|line| said(line, "eventID").unwrap_or_default()).collect()
}

fn sorted<'t>(ids: impl IntoIterator<Item = &'t str>) -> Vec<&'t str> {
    let mut ids: Vec<&str> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}

/// The value that most events have in a member.
fn common(events: &[String], path: &str) -> String {
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    events.iter().filter_map(|event| said(event, path)).for_each(|value| *counts.entry(value).or_default() += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).expect("a value").0
}

#[test]
fn each_filter_gives_the_matching_events_and_no_others() {
    for partitions in ["event_date", "event_month,account", "region,event_source", "event_source"] {
        let workdir = lake(&format!("--partition-by {partitions}"));
        let events = sources(&workdir);
        let check = |flags: &[&str], wants: &dyn Fn(&String) -> bool| {
            let expected: Vec<String> =
                events.iter().filter(|event| wants(event)).filter_map(|event| said(event, "eventID")).collect();
            let found = ids(&workdir, flags);
            assert!(
                sorted(found.iter().map(String::as_str)) == sorted(expected.iter().map(String::as_str)),
                "{partitions} {flags:?}: {} found, {} expected",
                found.len(),
                expected.len()
            );
            assert!(!found.is_empty() && found.len() < events.len(), "{partitions} {flags:?}: {} found", found.len());
        };
        for (flag, member) in [
            ("--account", "recipientAccountId"),
            ("--region", "awsRegion"),
            ("--event-source", "eventSource"),
            ("--event-name", "eventName"),
        ] {
            let value = common(&events, member);
            check(&[flag, &value], &|event| said(event, member).as_ref() == Some(&value));
        }
        let (one, other) = (said(&events[7], "eventID").expect("an id"), said(&events[900], "eventID").expect("an id"));
        check(&["--event-id", &one, "--event-id", &other, "--event-id", "none"], &|event| {
            said(event, "eventID").is_some_and(|id| id == one || id == other)
        });
        let days: BTreeSet<String> =
            events.iter().filter_map(|event| Some(said(event, "eventTime")?[..10].to_owned())).collect();
        let day = days.iter().nth(1).expect("a second day").clone();
        let on = |event: &String| said(event, "eventTime").map(|time| time[..10].to_owned());
        // Aggregated events have no time.
        check(&["--from", &day], &|event| on(event).is_some_and(|on| on >= day));
        check(&["--to", &day], &|event| on(event).is_some_and(|on| on <= day));
        let (name, source) = (common(&events, "eventName"), said(&events[3], "eventSource").expect("a source"));
        check(&["--from", &day, "--to", &day, "--event-name", &name], &|event| {
            on(event).as_ref() == Some(&day) && said(event, "eventName").as_ref() == Some(&name)
        });
        check(&["--event-source", &source, "--event-source", "none"], &|event| {
            said(event, "eventSource").as_ref() == Some(&source)
        });
        let run = workdir.run("restore lake --event-id nothing").expect(0);
        assert!(run.stdout().is_empty() && run.stderr().contains("no event of the lake"), "{}", run.dump());
    }
}

#[test]
fn event_sources_that_no_folder_can_be_named_after_are_found() {
    let long = "é".repeat(60);
    let longer = format!("{long}x");
    // Its folder has the name of the two before.
    let border = "é".repeat(33);
    let values = ["", "__HIVE_DEFAULT_PARTITION__", "a/b", &long, &longer, &border];
    let mut events: Vec<String> =
        values.iter().map(|value| format!("{{\"eventID\":\"{value}\",\"eventSource\":\"{value}\"}}")).collect();
    events.push("{\"eventID\":\"without\"}".to_owned());
    events.push("{\"eventID\":\"odd\",\"eventSource\":7}".to_owned());
    for flags in ["--partition-by event_source", ""] {
        let workdir = Workdir::new();
        workdir.file("in/a.json", records(&events));
        workdir.convert("in", flags);
        assert_eq!(ids(&workdir, &[]).len(), events.len());
        for value in values {
            assert_eq!(ids(&workdir, &["--event-source", value]), [value], "{flags}");
        }
    }
}

/// Restores with the library.
fn restored(workdir: &Workdir, filter: RestoreFilter) -> (String, RestoreSummary) {
    let mut config = RestoreConfig::new(workdir.at("lake"));
    config.filter = filter;
    let mut lines = Vec::new();
    let summary = restore(&config, &mut lines).expect("a lake");
    (String::from_utf8(lines).expect("UTF-8"), summary)
}

/// Bytes read for a filter are counted: one event costs little of a lake of many parts, and a day no more than a day.
#[test]
fn parts_that_cannot_match_are_not_read() {
    let workdir = Workdir::new();
    let sizes = "--archives 40 --events-per-archive 1500 --days 12";
    workdir.run(&format!("generate --out in --mix org --seed 8 {sizes}")).expect(0);
    workdir.convert("in", "--no-dedup");
    let (all, whole) = restored(&workdir, RestoreFilter::default());
    assert!(whole.parts >= 12 && whole.parts_skipped == 0 && whole.events == 60_000, "{whole:?}");
    let stored: u64 = files(&workdir.at("lake/events"))
        .iter()
        .map(|path| fs::metadata(workdir.at("lake/events").join(path)).expect("a part").len())
        .sum();
    assert!(whole.read_bytes > stored / 2, "{whole:?} of {stored} bytes");

    let line = all.lines().nth(31_000).expect("an event");
    let id = said(line, "eventID").expect("an id");
    let (one, by_id) = restored(&workdir, RestoreFilter { event_ids: vec![id.clone()], ..RestoreFilter::default() });
    assert_eq!(one.trim_end(), line);
    // Footers and bloom filters of all parts, and little of one.
    assert!(by_id.parts_skipped + 2 >= by_id.parts, "{by_id:?}");
    assert!(by_id.read_bytes < stored / 5, "{by_id:?} of {stored} bytes");

    let day = said(line, "eventTime").expect("a time")[..10].to_owned();
    let moment = |time: &str| format!("{day}T{time}Z").parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let (first, last) = (moment("00:00:00"), moment("23:59:59.999"));
    let one_day = RestoreFilter { from_ms: Some(first), to_ms: Some(last), ..RestoreFilter::default() };
    let folder = workdir.at(&format!("lake/events/event_date={day}"));
    let day_bytes: u64 = files(&folder).iter().map(|path| fs::metadata(folder.join(path)).expect("a part").len()).sum();
    let (_, by_day) = restored(&workdir, one_day);
    assert!(by_day.read_bytes < day_bytes * 3 / 2, "{by_day:?} of {day_bytes} bytes");
    assert_eq!(by_day.parts - by_day.parts_skipped, files(&folder).len() as u64);
}

/// Rows of one action are together, so that a page has few actions; those of a rare one are in few pages.
#[test]
fn pages_that_cannot_match_are_skipped() {
    let workdir = Workdir::new();
    let bulk = |at: u128| {
        let digits =
            (1..5).map(|part| format!("{:x}", (at * 4 + part).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)));
        digits.collect::<String>()
    };
    let events: Vec<String> = (0..60_000)
        .map(|at| {
            let name = if at == 45_000 { "Rare" } else { "Usual" };
            let time = format!("2025-03-01T{:02}:{:02}:00Z", at / 3_600 % 24, at / 60 % 60);
            format!(r#"{{"eventTime":"{time}","eventID":"{at}","eventSource":"s","eventName":"{name}","requestParameters":{{"a":"{}"}}}}"#, bulk(at))
        })
        .collect();
    for (at, events) in events.chunks(5_000).enumerate() {
        workdir.file(&format!("in/{at:02}.json"), records(events));
    }
    workdir.convert("in", "--no-dedup");
    let (_, whole) = restored(&workdir, RestoreFilter::default());
    for name in ["Rare", "rare", "RARE"] {
        let filter = RestoreFilter { event_names: vec![name.to_owned()], ..RestoreFilter::default() };
        let (line, rare) = restored(&workdir, filter);
        assert_eq!(said(&line, "eventID").as_deref(), Some("45000"));
        assert!(rare.read_bytes < whole.read_bytes / 4, "{name}: {rare:?} {whole:?}");
    }
    // Ids have no bounds, so theirs are all read, and of the others one page.
    let (line, one) =
        restored(&workdir, RestoreFilter { event_ids: vec!["31000".to_owned()], ..RestoreFilter::default() });
    assert_eq!(said(&line, "eventID").as_deref(), Some("31000"));
    assert!(one.read_bytes < whole.read_bytes / 3, "{one:?} {whole:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_lines_and_archives() {
    let workdir = Workdir::new();
    workdir.run("generate --out in --mix org --archives 30 --events-per-archive 1200 --days 4 --seed 2").expect(0);
    workdir.convert("in", "--no-dedup");
    // With so little memory buffers are written early.
    let flags = |threads: usize| format!("--threads {threads} --memory-limit 64MiB -q");
    let lines = workdir.run(&format!("restore lake {}", flags(1))).expect(0).output.stdout;
    assert_eq!(lines.split(|byte| *byte == b'\n').count(), 36_000 + 1);
    let tree = |threads: usize| {
        workdir.run(&format!("restore lake --out tree {}", flags(threads))).expect(0);
        let tree: Vec<(PathBuf, Vec<u8>)> =
            workdir.snapshot("tree").into_iter().map(|(path, (bytes, _))| (path, bytes)).collect();
        fs::remove_dir_all(workdir.at("tree")).expect("a tree");
        tree
    };
    let one = tree(1);
    assert!(one.len() > 4, "{} archives", one.len());
    for threads in [2, 5] {
        assert!(
            workdir.run(&format!("restore lake {}", flags(threads))).expect(0).output.stdout == lines,
            "{threads} threads"
        );
        assert!(tree(threads) == one, "{threads} threads");
    }
    let limited = workdir.run("restore lake --limit 1000 --threads 3").expect(0);
    assert!(limited.stderr().contains("cut short"), "{}", limited.stderr());
    assert!(lines.starts_with(&limited.output.stdout));
    assert_eq!(limited.stdout().lines().count(), 1_000);
}

#[test]
fn lines_come_by_partition_file_and_row() {
    let workdir = Workdir::new();
    for (commit, days) in [["02", "01"], ["01", "03"]].iter().enumerate() {
        for (at, day) in days.iter().enumerate() {
            let event = event(&format!("{day}-{commit}"), "").replace("2025-03-01", &format!("2025-03-{day}"));
            workdir.file(&format!("in/{commit}{at}.json"), records(&[event]));
        }
        workdir.convert("in", "--no-dedup");
    }
    assert_eq!(ids(&workdir, &[]), ["01-0", "01-1", "02-0", "03-1"]);
}

#[test]
fn only_parts_that_commits_list_are_read() {
    let workdir = lake("");
    let before = ids(&workdir, &[]);
    let part = files(&workdir.at("lake/events")).remove(0);
    let from = workdir.at("lake/events").join(&part);
    // A foreign file, and one of a run that died.
    for name in ["part-000001-09999.parquet", "part-000002-00000.parquet"] {
        let copy = from.with_file_name(name);
        fs::copy(&from, &copy).expect("a copy");
        assert!(ids(&workdir, &[]) == before, "rows of {name}");
        fs::remove_file(copy).expect("a copy");
    }
    // Parts that a later commit has replaced are not read either, if they exist again.
    let parts = workdir.snapshot("lake/events");
    let mut wanted = before;
    wanted.push("changed".to_owned());
    for path in files(&workdir.at("in")).iter().take(3) {
        // The rows of an archive stay in the lake, and move to another part.
        fs::write(workdir.at("in").join(path), records(&[event("changed", "")])).expect("a changed archive");
    }
    workdir.run("convert in --out lake --reconvert-changed -q");
    let replaced: Vec<_> = parts.iter().filter(|(path, _)| !workdir.at("lake/events").join(path).exists()).collect();
    assert!(!replaced.is_empty(), "no part was replaced");
    for (path, (bytes, _)) in replaced {
        workdir.file(&format!("lake/events/{}", path.display()), bytes);
    }
    let found = ids(&workdir, &[]);
    assert!(sorted(found.iter().map(String::as_str)) == sorted(wanted.iter().map(String::as_str)), "{}", found.len());
}

#[test]
fn what_cannot_be_restored_is_reported() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("1", "")]));
    let refused = |flags: &str, words: &[&str]| {
        let run = workdir.run(&format!("restore {flags}")).expect(2);
        assert!(run.stdout().is_empty(), "{}", run.dump());
        assert!(words.iter().all(|word| run.stderr().contains(word)), "{words:?}: {}", run.dump());
    };
    refused("in", &["not a usable lake"]);
    refused("nowhere", &["nowhere"]);
    workdir.run("convert in --out metering --tables usage_records").expect(0);
    refused("metering", &["no events", "--tables events"]);
    workdir.run("convert in --out lake").expect(0);
    refused("lake --from 2025-03-02 --to 2025-03-01", &["--from"]);
    refused("lake --overwrite", &["--out"]);
    refused("lake --threads 0", &["--threads"]);
    refused("lake --memory-limit 1MiB", &["--memory-limit"]);
    refused("lake --out in", &["in", "--overwrite"]);
    refused("lake --out lake/events/x", &["part of the lake"]);
    refused("lake --out lake --overwrite", &["part of the lake"]);
    refused("lake --out in/a.json", &["in/a.json"]);
    assert_eq!(files(&workdir.at("in")).len(), 1);
    // Other files stay, and the archive of the same name is written again.
    workdir.run("restore lake --out in --overwrite").expect(0);
    workdir.run("restore lake --out in --overwrite").expect(0);
    assert_eq!(files(&workdir.at("in")).len(), 2);
}

#[test]
fn a_damaged_part_is_reported_and_written_archives_stay_whole() {
    let workdir = lake("");
    let whole = ids(&workdir, &[]);
    let parts = files(&workdir.at("lake/events"));
    let last = workdir.at("lake/events").join(&parts[parts.len() - 1]);
    let sound = fs::read(&last).expect("a part");
    let mut torn = sound.clone();
    // Pages, that is, not the footer.
    let middle = torn.len() / 3;
    torn[middle..middle + 2_000].fill(0xa5);
    for bytes in [&torn[..], &sound[..sound.len() / 2], b"", b"PAR1PAR1"] {
        fs::write(&last, bytes).expect("a damaged part");
        let run = workdir.run("restore lake --threads 3").expect(2);
        let name = last.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(run.stderr().contains(name) && !run.stderr().contains("panicked at src"), "{}", run.stderr());
        let before: Vec<String> = run.stdout().lines().map(|line| said(line, "eventID").unwrap_or_default()).collect();
        assert!(whole.starts_with(&before) && before.len() >= whole.len() / 2, "{} of {}", before.len(), whole.len());
        let run = workdir.run("restore lake --out tree --memory-limit 64MiB").expect(2);
        assert!(run.stderr().contains(name), "{}", run.stderr());
        for path in files(&workdir.at("tree")) {
            let text = inflated(&fs::read(workdir.at("tree").join(path)).expect("an archive"));
            assert!(text.ends_with(b"}]}"));
        }
        fs::remove_dir_all(workdir.at("tree")).expect("a tree");
    }
    fs::remove_file(&last).expect("a part");
    workdir.run("restore lake").expect(2);
}

/// At any failure, and whenever the process dies: archives are whole or absent.
#[test]
fn a_failing_disk_leaves_whole_archives() {
    let workdir = lake("");
    let archives = |tree: &str| {
        files(&workdir.at(tree)).into_iter().filter(|path| path.starts_with("AWSLogs")).collect::<Vec<_>>()
    };
    workdir.run("restore lake --out sound").expect(0);
    let sound = archives("sound");
    for wish in
        ["error 1 28", "error 3 5", "full 4", "error 6 28", "full 9", "signal 5 9", "signal 12 9", "signal 21 9"]
    {
        let run = workdir.run_with_fault("restore lake --out tree --threads 1", wish);
        assert!(run.code() == 2 || run.was_killed(), "{wish}: {}", run.dump());
        for path in archives("tree") {
            let [one, other] = ["tree", "sound"].map(|tree| fs::read(workdir.at(tree).join(&path)));
            assert!(
                sound.contains(&path) && one.expect("an archive") == other.expect("an archive"),
                "{wish}: {}",
                path.display()
            );
        }
        workdir.run("restore lake --out tree --overwrite").expect(0);
        assert_eq!(files(&workdir.at("tree")), files(&workdir.at("sound")), "{wish}");
        fs::remove_dir_all(workdir.at("tree")).expect("a tree");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let workdir = Workdir::new();
    workdir.run("generate --out in --mix org --archives 10 --events-per-archive 2000 --seed 6").expect(0);
    workdir.convert("in", "--no-dedup");
    let program = env!("CARGO_BIN_EXE_trailmill");
    let line = format!("{program} restore lake | head -n 1; test ${{PIPESTATUS[0]}} -eq 0");
    let output = std::process::Command::new("bash").args(["-c", &line]).current_dir(workdir.path()).output();
    let output = output.expect("a shell");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.contains("cut short"), "{printed}");
    let run = workdir.run_behind("true", "restore lake -q > /dev/full");
    assert!(run.code() == 2 && run.stderr().contains("cannot write the output"), "{}", run.stderr());
}
