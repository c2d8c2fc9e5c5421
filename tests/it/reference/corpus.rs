//! Runs the reference over real and documented data, where available: it must understand all of it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{Row, expected_outcome_totals, reference_archive};

/// Variable with the folder of the data, which is not part of the project.
const CORPUS: &str = "TRAILMILL_CORPUS";

#[test]
fn the_corpus_is_understood() {
    let Some(corpus) = std::env::var_os(CORPUS) else {
        eprintln!("skipped: {CORPUS} is not set");
        return;
    };
    let mut statuses = std::collections::BTreeMap::<&str, u64>::new();
    let mut usage_records: Vec<Row> = Vec::new();
    for path in files(Path::new(&corpus)) {
        let mut bytes = fs::read(&path).expect("a readable file");
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut inflated = Vec::new();
            MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut inflated).expect("a gzip file");
            bytes = inflated;
        }
        let uri = format!("file://{}", path.display());
        let archive = reference_archive(&uri, &bytes);
        *statuses.entry(archive.status).or_default() += 1;
        assert_eq!(
            archive.events_seen,
            u64::try_from(archive.events.len() + archive.quarantined.len()).expect("a count"),
            "{uri}"
        );
        usage_records.extend(archive.usage_records);
        // A single event is foreign as a file, but is the same within an archive.
        if archive.status == "foreign"
            && let Ok(text) = str::from_utf8(&bytes)
        {
            let wrapped = reference_archive(&uri, format!("{{\"Records\":[{text}]}}").as_bytes());
            usage_records.extend(wrapped.usage_records);
        }
    }
    eprintln!("{statuses:?}, usage records {:?}", expected_outcome_totals(&usage_records));
    if std::env::var_os("TRAILMILL_CORPUS_ROWS").is_some() {
        for row in &usage_records {
            eprintln!("{row:#?}");
        }
    }
    assert!(statuses["converted"] > 0, "{statuses:?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
