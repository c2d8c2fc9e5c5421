//! Real and documented data, where available: all of it in one run, every file and every event accounted for,
//! every row as the reference says.
//!
//! `TRAILMILL_CORPUS` names the folder; it is not part of the project.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Lake, Workdir, files, inflated, int, say, text, uri};
use crate::reference::{self, Row, compare_rows};

const CORPUS: &str = "TRAILMILL_CORPUS";

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os(CORPUS);
    if folder.is_none() {
        say(&format!("skipped: {CORPUS} is not set, so no real data is converted"));
    }
    folder.map(|folder| fs::canonicalize(folder).expect("the corpus"))
}

/// Converts all of it.
fn convert(workdir: &Workdir, corpus: &Path) -> Lake {
    let lake = workdir.convert(corpus.to_str().expect("a UTF-8 path"), "--no-dedup");
    assert!(!lake.stderr.contains("panicked"), "{}", lake.stderr);
    lake
}

fn by_archive(rows: Vec<Row>) -> BTreeMap<String, Vec<Row>> {
    let mut sorted: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows {
        sorted.entry(text(&row, "archive").to_owned()).or_default().push(row);
    }
    sorted
}

#[test]
fn the_whole_corpus_converts_as_the_reference_says() {
    let Some(corpus) = corpus() else { return };
    let workdir = Workdir::new();
    let lake = convert(&workdir, &corpus);
    assert_eq!(lake.code, 1, "the corpus holds invalid JSON: {}", lake.stderr);
    lake.check_counts();

    let manifest = by_archive(lake.rows("archives"));
    let paths = files(&corpus);
    let expected: BTreeSet<String> = paths.iter().map(|path| uri(&corpus.join(path))).collect();
    assert_eq!(manifest.keys().cloned().collect::<BTreeSet<_>>(), expected);
    assert!(manifest.values().all(|rows| rows.len() == 1), "an archive twice in the manifest");

    let events = by_archive(lake.rows("events"));
    let usage_records = by_archive(lake.rows("usage_records"));
    let quarantine = by_archive(lake.rows("quarantine"));
    let mut wrong = Vec::new();
    let mut compared = 0;
    for path in &paths {
        let path = corpus.join(path);
        let uri = uri(&path);
        let of = |table: &BTreeMap<String, Vec<Row>>| table.get(&uri).cloned().unwrap_or_default();
        let reference = reference::reference_archive(&uri, &inflated(&fs::read(&path).expect("a readable file")));
        let row = &manifest[&uri][0];
        let status = text(row, "status");
        compared += reference.events.len();
        let result = if reference.status == "invalid" {
            check_damaged(row, &of(&events), &of(&quarantine))
        } else if status == reference.status {
            compare_rows(&reference.events, &of(&events))
                .and_then(|()| compare_rows(&reference.usage_records, &of(&usage_records)))
        } else {
            Err(format!("status {status}, the reference says {}", reference.status))
        };
        wrong.extend(result.err().map(|error| format!("{uri}: {error}")));
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), paths.len(), wrong.join("\n"));
    assert!(compared > 2_000, "{compared} events are too few to say anything");
    say(&format!(
        "corpus: {} files, {compared} events and {} usage records are as the reference says",
        paths.len(),
        lake.count("/usage_records/written")
    ));
}

/// Text that is not JSON is reported; its kept and its refused events add up to those seen.
fn check_damaged(manifest: &Row, events: &[Row], quarantine: &[Row]) -> Result<(), String> {
    if text(manifest, "status") == "foreign" {
        return if quarantine.is_empty() && events.is_empty() { Ok(()) } else { Err("foreign with rows".to_owned()) };
    }
    if quarantine.is_empty() {
        return Err("it is not JSON, and nothing is reported".to_owned());
    }
    let indexes = events.iter().chain(quarantine.iter().filter(|row| row.contains_key("event_index")));
    let indexes: Vec<i64> = indexes.map(|row| int(row, "event_index")).collect();
    let distinct: BTreeSet<i64> = indexes.iter().copied().collect();
    let seen = int(manifest, "events_seen");
    if indexes.len() as i64 == seen && distinct == (0..seen).collect() {
        Ok(())
    } else {
        Err(format!("{seen} events were seen, {indexes:?} are accounted for"))
    }
}

/// Every shape of the issue is there, whatever the file is named, and no event in a foreign shape is missed.
#[test]
fn every_published_metering_event_is_found_or_named_foreign() {
    let Some(corpus) = corpus() else { return };
    let workdir = Workdir::new();
    let lake = convert(&workdir, &corpus);
    let manifest = by_archive(lake.rows("archives"));
    let mut found = 0;
    for path in files(&corpus) {
        let path = corpus.join(path);
        let bytes = inflated(&fs::read(&path).expect("a readable file"));
        if !String::from_utf8_lossy(&bytes).contains("BatchMeterUsage") {
            continue;
        }
        let row = &manifest[&uri(&path)][0];
        // A document that mentions the call is not one; an archive with a call has rows for it.
        match text(row, "status") {
            "converted" => found += int(row, "usage_records_written"),
            "foreign" | "quarantined" => assert!(!text(row, "kind").is_empty(), "{row:?}"),
            other => panic!("{other}: {row:?}"),
        }
    }
    assert!(found > 0, "the corpus holds every published metering event");
}
