//! What the program made of a text against what it should be.

use std::fmt::Write as _;

use trailmill::error::Finding;
use trailmill::schema::Table;
use trailmill::stages::{ArchiveConverter, Batches, ConvertedArchive, CutVerdict};

use crate::reference::json;
use crate::reference::lake::rows_of_batch;
use crate::reference::{self, ReferenceArchive, Row, Value, compare_rows};
use crate::{URI, window_sizes, with_usage_converter};

/// Levels of nesting with which everything can be looked through.
const DEEPEST: usize = 1_000;

/// The rows of a table.
pub fn rows(batches: &Batches, table: Table) -> Vec<Row> {
    let batches = batches.record_batches(table).expect("columns of the declared types");
    let rows = batches.into_iter().flat_map(|(partition, batch)| {
        let (column, value) = partition.split_once('=').expect("one partition column");
        rows_of_batch(batch, &Row::from([(column.to_owned(), Value::Text(value.to_owned()))]))
    });
    rows.collect()
}

/// What is known of an archive, for a person to read.
pub fn shown(verdict: &CutVerdict) -> String {
    let CutVerdict { status, kind, events_seen, quarantined, findings } = verdict;
    let mut shown = format!("{status:?} {kind}, {events_seen} events, {quarantined} of them quarantined");
    for Finding { event_index, byte_offset, reason, message, original } in findings {
        let original = String::from_utf8_lossy(original);
        let _ = write!(shown, "\n  event {event_index:?} at {byte_offset:?}: {reason}, {message}: {original}");
    }
    shown
}

/// Checks that two verdicts are one.
pub fn check_same(one: &CutVerdict, other: &CutVerdict, what: &str) {
    assert!(one == other, "{what}:\n{}\nagainst\n{}", shown(one), shown(other));
}

/// Checks that the counts of an archive add up, and are those of its rows.
pub fn check_counts(archive: &ConvertedArchive) {
    let ConvertedArchive { verdict, events_written, filtered, usage_records, batches } = archive;
    assert_eq!(verdict.events_seen, events_written + verdict.quarantined + filtered, "{}", shown(verdict));
    assert_eq!(*filtered, 0, "nothing is selected");
    let refused = verdict.findings.iter().filter(|finding| finding.is_event()).count();
    assert_eq!(verdict.quarantined, refused as u64, "{}", shown(verdict));
    assert_eq!(*events_written, batches.rows(Table::Events) as u64, "{}", shown(verdict));
    assert_eq!(*usage_records, batches.rows(Table::UsageRecords) as u64, "{}", shown(verdict));
}

/// Checks both tables' rows.
pub fn check_rows(expected: &ReferenceArchive, found: &ConvertedArchive, text: &[u8]) {
    for (table, expected) in [(Table::Events, &expected.events), (Table::UsageRecords, &expected.usage_records)] {
        if let Err(difference) = compare_rows(expected, &rows(&found.batches, table)) {
            panic!("{table}: {difference}\n{}", String::from_utf8_lossy(text));
        }
    }
}

/// Converts a text at once and window by window, and checks that both come to the same, and to what the reference says.
pub fn check_archive(converter: &mut ArchiveConverter, text: &[u8]) {
    let text_shown = || String::from_utf8_lossy(text);
    let at_once = converter.convert_any(URI, text).expect("no internal error");
    check_counts(&at_once);
    let piecewise = converter.convert_in_windows(URI, text, window_sizes(text)).expect("no internal error");
    check_counts(&piecewise);
    check_same(&at_once.verdict, &piecewise.verdict, &format!("at once and piece by piece, {}", text_shown()));
    for table in [Table::Events, Table::UsageRecords] {
        let batches = |archive: &ConvertedArchive| archive.batches.record_batches(table).expect("declared types");
        assert!(batches(&at_once) == batches(&piecewise), "{table}, piece by piece\n{}", text_shown());
    }
    check_usage_records_alone(&at_once, text);
    let expected = reference::reference_archive(URI, text);
    if !is_settled(&expected, text) {
        return;
    }
    let verdict = &at_once.verdict;
    assert_eq!(verdict.status, Some(expected.status), "{}\n{}", shown(verdict), text_shown());
    assert_eq!(verdict.events_seen, expected.events_seen, "{}\n{}", shown(verdict), text_shown());
    let refused = verdict.findings.iter().map(|finding| (finding.event_index.map(u64::from), finding.reason.as_str()));
    let mut refused: Vec<_> = refused.collect();
    refused.sort_unstable();
    let mut wanted = expected.quarantined.clone();
    wanted.sort_unstable();
    assert_eq!(refused, wanted, "{}\n{}", shown(verdict), text_shown());
    check_rows(&expected, &at_once, text);
}

/// Checks that an archive has the same usage records when nobody wants its events.
fn check_usage_records_alone(all: &ConvertedArchive, text: &[u8]) {
    let alone = with_usage_converter(|converter| converter.convert_any(URI, text)).expect("no internal error");
    let (wanted, found) = (&all.verdict, &alone.verdict);
    let seen = |verdict: &CutVerdict| (verdict.status, verdict.kind, verdict.events_seen);
    assert_eq!(seen(wanted), seen(found), "{}\nagainst\n{}", shown(wanted), shown(found));
    // What is wrong with an event is found when it is read.
    assert!(found.findings.iter().all(|finding| wanted.findings.contains(finding)), "{}", shown(found));
    assert_eq!(all.usage_records, alone.usage_records, "{}", String::from_utf8_lossy(text));
    let table = Table::UsageRecords;
    if let Err(difference) = compare_rows(&rows(&all.batches, table), &rows(&alone.batches, table)) {
        panic!("{table} alone: {difference}\n{}", String::from_utf8_lossy(text));
    }
}

/// Whether the contract says what becomes of an archive. It does not for text that is no JSON, for a `Records` of
/// another type beside others, for events beside documents without any, and for what is too deep to be looked through.
fn is_settled(expected: &ReferenceArchive, text: &[u8]) -> bool {
    let documents = || std::str::from_utf8(text).ok().and_then(json::documents).unwrap_or_default();
    let has_one = || {
        let records = |document: &&str| {
            let members = json::members(document).unwrap_or_default();
            members.iter().filter(|(name, _)| *name == json::name("Records")).count()
        };
        documents().len() <= 1
            && documents().iter().all(|document| records(document) <= 1 && json::depth(document) <= DEEPEST)
    };
    match expected.status {
        "invalid" => false,
        "converted" => true,
        _ => has_one(),
    }
}
