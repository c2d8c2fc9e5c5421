//! The program's result for an archive against the expected one.

use std::fmt::Write as _;

use trailmill::error::Finding;
use trailmill::schema::Table;

use crate::reference::json;
use crate::reference::{self, ReferenceArchive, Row, Value, compare_rows};
use crate::{Decoded, decode, decode_in_segments, decode_usage_records};

/// Levels of nesting up to which everything can be searched.
const DEEPEST: usize = 1_000;

/// The result of an archive, for messages.
pub fn shown(archive: &Decoded) -> String {
    let Decoded { status, kind, events_seen, findings, .. } = archive;
    let mut shown = format!("{status} {kind}, {events_seen} events");
    for Finding { event_index, byte_offset, reason, message, original } in findings {
        let original = String::from_utf8_lossy(original);
        let _ = write!(shown, "\n  event {event_index:?} at {byte_offset:?}: {reason}, {message}: {original}");
    }
    shown
}

/// Checks that two code paths give the same result.
pub fn check_same(one: &Decoded, other: &Decoded, what: &str) {
    assert!(one == other, "{what}:\n{}\nagainst\n{}", shown(one), shown(other));
}

/// Checks that each event is a row or refused, at its index.
pub fn check_counts(archive: &Decoded) {
    let refused = archive.findings.iter().filter_map(|finding| finding.event_index.map(u64::from));
    let mut indexes: Vec<u64> = archive.events.iter().map(event_index).chain(refused).collect();
    indexes.sort_unstable();
    assert!((0..archive.events_seen).eq(indexes.iter().copied()), "{indexes:?}\n{}", shown(archive));
    assert!(archive.status != "foreign" || indexes.is_empty(), "{}", shown(archive));
}

fn event_index(row: &Row) -> u64 {
    match row.get("event_index") {
        Some(Value::Int(index)) => u64::try_from(*index).expect("an index"),
        other => panic!("event_index {other:?}"),
    }
}

/// Checks the rows of both tables.
pub fn check_rows(expected: &ReferenceArchive, found: &Decoded, text: &[u8]) {
    let tables = [
        (Table::Events, &expected.events, &found.events),
        (Table::UsageRecords, &expected.usage_records, &found.usage_records),
    ];
    for (table, expected, found) in tables {
        // Rows that are in no lake have no partition.
        let mut expected = expected.clone();
        expected.iter_mut().for_each(|row: &mut Row| row.retain(|name, _| table.column_index(name).is_some()));
        if let Err(difference) = compare_rows(&expected, found) {
            panic!("{table}: {difference}\n{}", String::from_utf8_lossy(text));
        }
    }
}

/// Converts a text at once and in segments, and checks that both results equal the reference's.
pub fn check_archive(text: &[u8]) {
    let text_shown = || String::from_utf8_lossy(text);
    let at_once = decode(text);
    check_counts(&at_once);
    check_same(&at_once, &decode_in_segments(text), &format!("at once and in segments, {}", text_shown()));
    check_usage_records_alone(&at_once, text);
    let expected = reference::reference_archive(crate::URI, text);
    if !is_settled(&expected, text) {
        return;
    }
    let shown = || format!("{}\n{}", shown(&at_once), text_shown());
    assert_eq!(at_once.status, expected.status, "{}", shown());
    assert_eq!(at_once.events_seen, expected.events_seen, "{}", shown());
    let mut wanted = expected.quarantined.clone();
    wanted.sort_unstable();
    assert_eq!(refused(&at_once), wanted, "{}", shown());
    check_rows(&expected, &at_once, text);
}

/// Which events were refused, or parts of the archive, and why; sorted.
pub fn refused(archive: &Decoded) -> Vec<(Option<u64>, &'static str)> {
    let refused = archive.findings.iter().map(|finding| (finding.event_index.map(u64::from), finding.reason.as_str()));
    let mut refused: Vec<_> = refused.collect();
    refused.sort_unstable();
    refused
}

/// Checks that an archive has the same usage records when its events are not requested.
fn check_usage_records_alone(all: &Decoded, text: &[u8]) {
    let alone = decode_usage_records(text);
    let seen = |archive: &Decoded| (archive.status, archive.kind, archive.events_seen);
    assert_eq!(seen(all), seen(&alone), "{}\nagainst\n{}", shown(all), shown(&alone));
    // Defects of an event are found only when it is read.
    assert!(alone.findings.iter().all(|finding| all.findings.contains(finding)), "{}", shown(&alone));
    if let Err(difference) = compare_rows(&all.usage_records, &alone.usage_records) {
        panic!("usage records alone: {difference}\n{}", String::from_utf8_lossy(text));
    }
}

/// Whether the contract defines the result of an archive. It does not for text that is not JSON, for a `Records` of another
/// type beside others, for events beside documents without any, and for values too deep to be searched.
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
