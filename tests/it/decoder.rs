//! The push decoder: the bytes of an archive, in pieces of any size, against a reader of the same file.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use trailmill::error::Finding;
use trailmill::reader::{ArchiveEnd, Decoder, ReadOptions, Reader, Sink, TableBatch};
use trailmill::schema::Table;

use crate::harness::{data, event, files, gzip, records, text};
use crate::large::damaged_archives;
use crate::reference::{Row, rows_of_batch, strategies};

/// What a file was decoded to.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    rows: Vec<(&'static str, Row)>,
    archives: Vec<(String, &'static str, &'static str, u64, Vec<Finding>)>,
}

impl Decoded {
    fn take(&mut self, batch: TableBatch) {
        let rows = rows_of_batch(batch.rows, &Row::new());
        self.rows.extend(rows.into_iter().map(|row| (batch.table.name(), row)));
    }

    fn end(&mut self, archive: ArchiveEnd) {
        let ArchiveEnd { archive, status, kind, events, findings, .. } = archive;
        self.archives.push((archive, status, kind, events, findings));
    }

    /// Events, by their IDs.
    pub fn ids(&self) -> Vec<&str> {
        self.rows.iter().filter(|(table, _)| *table == "events").map(|(_, row)| text(row, "event_id")).collect()
    }

    /// Where something is wrong.
    pub fn offsets(&self) -> Vec<Option<u64>> {
        let findings = self.archives.iter().flat_map(|(.., findings)| findings);
        findings.map(|finding| finding.byte_offset).collect()
    }

    /// Rows of one table after the other: the size of batches decides how the tables alternate.
    fn by_table(mut self) -> Self {
        self.rows.sort_by_key(|(table, _)| *table);
        self
    }
}

impl Sink for Decoded {
    fn rows(&mut self, batch: TableBatch) -> trailmill::Result<()> {
        self.take(batch);
        Ok(())
    }

    fn archive(&mut self, archive: ArchiveEnd) -> trailmill::Result<()> {
        self.end(archive);
        Ok(())
    }
}

fn both() -> ReadOptions {
    ReadOptions::default().tables([Table::Events, Table::UsageRecords])
}

fn read(file: &Path) -> Decoded {
    let mut read = Decoded::default();
    let options = ReadOptions::new([file]).tables([Table::Events, Table::UsageRecords]);
    Reader::new(&options).expect("a file").run(&mut read).expect("rows");
    read.by_table()
}

/// Decodes bytes that come in pieces of this size.
fn decode(decoder: &mut Decoder, name: &str, stored: &[u8], piece: usize) -> Decoded {
    let mut found = Decoded::default();
    decoder.begin(name);
    stored.chunks(piece).for_each(|bytes| decoder.decode(bytes).expect("room"));
    while let Some(batch) = decoder.flush().expect("rows") {
        found.take(batch);
    }
    decoder.finish().expect("archives").into_iter().for_each(|archive| found.end(archive));
    found.by_table()
}

/// An archive in segments of this many bytes.
pub fn in_segments(text: &[u8], bytes: usize) -> Decoded {
    decode(&mut Decoder::new(&both().segment_bytes(bytes)).expect("options"), "a.json.gz", text, usize::MAX)
}

/// Names of the members of a zip, sorted, and the number of its damaged places.
pub fn zip_members(zip: &[u8]) -> (Vec<String>, usize) {
    let options = ReadOptions::default().columns(Table::Events, []);
    let archives = decode(&mut Decoder::new(&options).expect("options"), "a.zip", zip, usize::MAX).archives;
    let (containers, members): (Vec<_>, Vec<_>) = archives.into_iter().partition(|(_, _, kind, ..)| *kind == "zip");
    let mut names: Vec<String> =
        members.into_iter().filter_map(|(name, ..)| Some(name.strip_prefix("a.zip!")?.to_owned())).collect();
    names.sort();
    (names, containers.iter().map(|(.., findings)| findings.len()).sum())
}

/// The files of a folder of `data/`.
fn paths(folder: &str) -> Vec<PathBuf> {
    files(&data(folder)).iter().map(|file| data(folder).join(file)).collect()
}

#[test]
fn bytes_that_are_pushed_give_what_the_file_gives() {
    let mut decoder = Decoder::new(&both()).expect("options");
    let mut rows = 0;
    for folder in ["sample", "shapes", "corrupt", "containers", "just-after-midnight"] {
        for (at, file) in paths(folder).into_iter().enumerate() {
            let name = format!("file://{}", file.display());
            let stored = fs::read(&file).expect("a file");
            let expected = read(&file);
            let found = decode(&mut decoder, &name, &stored, [1, 1_000, usize::MAX][at % 3]);
            assert_eq!(found, expected, "{name}");
            rows += found.rows.len();
        }
    }
    assert!(rows > 1_000, "{rows}");
}

#[test]
fn segments_give_the_same_rows_as_the_whole() {
    let mut at_once = Decoder::new(&both()).expect("options");
    let cases = damaged_archives().map(|(name, bytes)| (name.to_owned(), bytes));
    let sample = paths("sample").into_iter().chain(paths("corrupt"));
    let sample = sample.map(|file| (file.display().to_string(), fs::read(file).expect("a file")));
    for (name, stored) in cases.chain(sample) {
        let name = format!("{name}.json.gz");
        let expected = decode(&mut at_once, &name, &stored, usize::MAX);
        for segment in [64 << 10, 1_000] {
            let options = both().segment_bytes(segment);
            let found = decode(&mut Decoder::new(&options).expect("options"), &name, &stored, usize::MAX);
            assert_eq!(found, expected, "{name} in segments of {segment}");
        }
    }
}

#[test]
fn an_abandoned_archive_does_not_affect_the_next() {
    let mut decoder = Decoder::new(&both().segment_bytes(100)).expect("options");
    let many: Vec<String> = (0..50).map(|number| event(&number.to_string(), "")).collect();
    decoder.begin("first.json.gz");
    decoder.decode(&gzip(records(&many).as_bytes())).expect("room");
    assert!(decoder.flush().expect("rows").is_some());
    let second = gzip(records(&[event("second", "")]).as_bytes());
    let found = decode(&mut decoder, "second.json.gz", &second, usize::MAX);
    assert_eq!((found.rows.len(), found.archives.len()), (1, 1));
    let again = decode(&mut decoder, "second.json.gz", &second, 1);
    assert_eq!(found, again);
}

#[test]
fn bytes_beyond_the_memory_limit_or_after_a_flush_are_refused() {
    let options = ReadOptions::default().memory_limit(64 << 20);
    let mut decoder = Decoder::new(&options).expect("options");
    decoder.begin("big.json.gz");
    let mib = vec![0; 1 << 20];
    let taken = (0..65).take_while(|_| decoder.decode(&mib).is_ok()).count();
    assert_eq!(taken, 64);
    decoder.begin("late.json.gz");
    decoder.flush().expect("no rows");
    let late = decoder.decode(b"{}").expect_err("flushed");
    assert!(late.to_string().contains("late.json.gz: bytes after the archive was flushed"), "{late}");
}

/// A call that is read from its bytes, and the same behind a space, which only the parser reads.
#[test]
fn metering_calls_give_the_same_rows_with_and_without_the_parser() {
    let runner_config = Config { cases: 3_000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(runner_config).run(&strategies::metering_call(), |call| {
        let parsed = format!(r#"{{"Records":[{{ {}]}}"#, call.trim_start_matches('{'));
        let read = format!(r#"{{"Records":[{call}]}}"#);
        let rows = |text: &str| in_segments(text.as_bytes(), 1 << 20).rows;
        prop_assert_eq!(rows(&read), rows(&parsed));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
