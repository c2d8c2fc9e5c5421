//! What the fuzz targets share: the slow reference of the tests, inputs that are more than bytes, and the comparison.
//!
//! Every target takes arbitrary bytes and fails on the first difference from an oracle: the reference, `flate2`,
//! `jiff`, or another code path of the program itself. See `run.sh` for how to run them.

/// Linted where it belongs, with the tests, which use all of it.
#[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
#[path = "../../it/reference/mod.rs"]
pub mod reference;

/// The same.
#[allow(clippy::all, clippy::pedantic)]
#[path = "../../it/parquet_pages.rs"]
pub mod pages;

pub mod compare;
pub mod json;

use std::cell::RefCell;

use trailmill::error::Finding;
use trailmill::reader::{Decoder, ReadOptions};
use trailmill::schema::Table;

use reference::Row;
use reference::lake::rows_of_batch;

/// Name of every archive.
pub const URI: &str = "file:///fuzz.json.gz";

/// The result of an archive.
#[derive(Debug, PartialEq)]
pub struct Decoded {
    /// As in the table `archives`.
    pub status: &'static str,
    /// Kind, likewise.
    pub kind: &'static str,
    /// Events, the refused ones included.
    pub events_seen: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Rows of `events`.
    pub events: Vec<Row>,
    /// Rows of `usage_records`.
    pub usage_records: Vec<Row>,
}

const BOTH: [Table; 2] = [Table::Events, Table::UsageRecords];

thread_local! {
    // One decoder for all archives of this process: a worker has one for all of its own, too.
    static BOTH_TABLES: RefCell<Decoder> = RefCell::new(decoder(&BOTH, ReadOptions::default().segment_bytes));
    static USAGE_RECORDS: RefCell<Decoder> =
        RefCell::new(decoder(&[Table::UsageRecords], ReadOptions::default().segment_bytes));
}

fn decoder(tables: &[Table], segment_bytes: usize) -> Decoder {
    let options = ReadOptions::default().tables(tables.iter().copied()).segment_bytes(segment_bytes);
    Decoder::new(&options).expect("options that make sense")
}

/// Decodes the stored bytes of an archive that is no container.
pub fn decode(stored: &[u8]) -> Decoded {
    BOTH_TABLES.with_borrow_mut(|decoder| decode_by(decoder, stored))
}

/// Decodes usage records alone, and skips events that cannot hold any.
pub fn decode_usage_records(stored: &[u8]) -> Decoded {
    USAGE_RECORDS.with_borrow_mut(|decoder| decode_by(decoder, stored))
}

/// Decodes an archive as a large one, in segments of a size that follows from its bytes, so that an input always fails in
/// the same way.
pub fn decode_in_segments(stored: &[u8]) -> Decoded {
    decode_by(&mut decoder(&BOTH, segment_bytes(stored)), stored)
}

/// Decodes an archive.
pub fn decode_by(decoder: &mut Decoder, stored: &[u8]) -> Decoded {
    decoder.begin(URI);
    decoder.decode(stored).expect("few bytes");
    let (mut events, mut usage_records) = (Vec::new(), Vec::new());
    while let Some(batch) = decoder.flush().expect("no internal error") {
        let rows = if batch.table == Table::Events { &mut events } else { &mut usage_records };
        rows.extend(rows_of_batch(batch.rows, &Row::new()));
    }
    let ends = decoder.finish().expect("no internal error");
    let [end] = <[_; 1]>::try_from(ends).expect("one archive");
    Decoded {
        status: end.status,
        kind: end.kind,
        events_seen: end.events,
        findings: end.findings,
        events,
        usage_records,
    }
}

/// An archive with a metering call: the event time, and its record's timestamp and quantity, each as spelled in the JSON.
pub fn metering_call(time: &str, timestamp: &str, quantity: &str) -> String {
    let record = format!(r#""timestamp":{timestamp},"usageDimension":"d","usageQuantity":{quantity}"#);
    let call = r#""eventSource":"metering-marketplace.amazonaws.com","eventName":"MeterUsage","responseElements":{}"#;
    let request = format!(r#""requestParameters":{{"productCode":"p",{record}}}"#);
    format!(r#"{{"Records":[{{"eventVersion":"1.08","eventTime":{time},{call},{request}}}]}}"#)
}

/// Names of the members of a zip, sorted, those of nested zips after the name of the inner one; and whether damage was
/// reported.
pub fn list_zip(zip: &[u8]) -> (Vec<String>, bool) {
    let mut decoder = decoder(&BOTH, ReadOptions::default().segment_bytes);
    decoder.begin("file:///fuzz.zip");
    decoder.decode(zip).expect("few bytes");
    let ends = decoder.finish().expect("no internal error");
    let of_container = |finding: &Finding| finding.reason == trailmill::error::Reason::ContainerDamaged;
    let is_damaged = ends.iter().any(|end| end.kind == "zip" && end.findings.iter().any(of_container));
    let is_member = |end: &trailmill::reader::ArchiveEnd| end.kind != "zip";
    let name = |end: &trailmill::reader::ArchiveEnd| end.archive.strip_prefix("file:///fuzz.zip!").map(str::to_owned);
    let mut members: Vec<String> = ends.iter().filter(|end| is_member(end)).filter_map(name).collect();
    members.sort();
    // A zip that has become something else has none.
    let is_zip = ends.iter().any(|end| end.kind == "zip");
    (members, is_damaged || !is_zip)
}

/// Whether bytes are not plain text: they are compressed, or in UTF-16.
pub fn is_no_plain_text(stored: &[u8]) -> bool {
    let starts = [b"\x1f\x8b".as_slice(), b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff"];
    starts.iter().any(|start| stored.starts_with(start)) || stored.get(1..4) == Some(b"\x2a\x4d\x18")
}

/// The text of an input: after a zero byte a tape that an archive is drawn from, otherwise itself.
pub fn archive_text(data: &[u8]) -> Vec<u8> {
    match data.split_first() {
        Some((0, tape)) => {
            let words: Vec<u16> = tape.as_chunks().0.iter().map(|word| u16::from_le_bytes(*word)).collect();
            reference::strategies::archive_of(&words).into_bytes()
        }
        _ => data.to_vec(),
    }
}

/// Mostly small; but an incomplete event is scanned again with every window, so long texts come in larger ones.
fn segment_bytes(text: &[u8]) -> usize {
    let scale = 1 + text.len() / 8_192;
    let hash = text
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let most = [2, 16, 200, 3_000][(hash >> 40) as usize % 4] * scale;
    1 + (hash >> 20) as usize % most
}
