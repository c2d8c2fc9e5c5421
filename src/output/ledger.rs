//! The bookkeeping tables, `archives` and `quarantine`, while a run goes on.
//!
//! In: what became of each archive, in order. Out: one staged part for each of the two tables that has rows.
//! Never: keeps rows of the whole run in memory; ten million archives pass through here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use super::Commit;
use super::part::{StagedFile, StagedPart, unwritable};
use super::properties::writer_properties;
use crate::config::{Compression, Config};
use crate::error::{Error, Finding, Result};
use crate::schema::Table;
use crate::transform::Verdict;
use crate::transform::columns::TableBuilder;

/// Rows that are collected before they are encoded.
const FLUSH_ROWS: usize = 8_192;
/// Bytes of originals that are.
const FLUSH_BYTES: usize = 8 << 20;

/// One row of `archives`.
pub(crate) struct ArchiveEntry<'a> {
    pub(crate) archive: &'a str,
    pub(crate) modified: &'a str,
    pub(crate) compressed_bytes: u64,
    pub(crate) inflated_bytes: u64,
    pub(crate) verdict: &'a Verdict,
}

/// Writes both tables of one commit.
pub(crate) struct Ledger {
    archives: BookTable,
    quarantine: BookTable,
    commit: String,
    converted_at_ms: i64,
}

struct BookTable {
    table: Table,
    builder: TableBuilder,
    pending_bytes: usize,
    rows: u64,
    compression: Compression,
    settings: Vec<KeyValue>,
    staging: PathBuf,
    path: PathBuf,
    writer: Option<ArrowWriter<StagedFile>>,
}

impl Ledger {
    pub(crate) fn new(config: &Config, commit: &Commit, converted_at_ms: i64) -> Self {
        let table = |table, settings| BookTable::new(table, commit, config.compression, settings);
        Self {
            archives: table(Table::Archives, super::settings(config)),
            quarantine: table(Table::Quarantine, Vec::new()),
            commit: commit.id.clone(),
            converted_at_ms,
        }
    }

    /// Adds an archive and its findings.
    pub(crate) fn push(&mut self, entry: &ArchiveEntry<'_>) -> Result<()> {
        for finding in &entry.verdict.findings {
            self.push_finding(entry.archive, finding)?;
        }
        let tally = &entry.verdict.tally;
        let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let mut row = self.archives.row();
        row.text("archive", entry.archive);
        row.text("kind", entry.verdict.kind);
        row.text("status", entry.verdict.status.as_str());
        row.text("etag_or_mtime", entry.modified);
        row.long("compressed_bytes", long(entry.compressed_bytes));
        row.long("inflated_bytes", long(entry.inflated_bytes));
        row.long("events_seen", long(entry.verdict.events_seen));
        row.long("events_written", long(tally.events_written));
        row.long("duplicates", long(tally.duplicates));
        row.long("quarantined", long(entry.verdict.quarantined));
        row.long("filtered", long(tally.filtered));
        row.long("usage_records_written", long(entry.verdict.usage_records()));
        for (name, time) in
            [("oldest_event_time", tally.oldest_event_time_ms), ("newest_event_time", tally.newest_event_time_ms)]
        {
            if let Some(time) = time.filter(|_| !tally.has_unread) {
                row.timestamp(name, time);
            }
        }
        row.text("integrity", "not_checked");
        row.text("commit_id", &self.commit);
        row.timestamp("converted_at", self.converted_at_ms);
        self.archives.end_row(0)
    }

    fn push_finding(&mut self, archive: &str, finding: &Finding) -> Result<()> {
        let mut row = self.quarantine.row();
        row.text("archive", archive);
        if let Some(index) = finding.event_index {
            row.int("event_index", i32::try_from(index).unwrap_or(i32::MAX));
        }
        if let Some(offset) = finding.byte_offset {
            row.long("byte_offset", i64::try_from(offset).unwrap_or(i64::MAX));
        }
        row.text("reason", finding.reason.as_str());
        row.text("message", &finding.message);
        row.binary("original", &finding.original);
        row.text("commit_id", &self.commit);
        self.quarantine.end_row(finding.original.len())
    }

    /// Closes the files: the part of `archives` and, when anything was refused, that of `quarantine`.
    pub(crate) fn finish(mut self) -> Result<(StagedPart, Option<StagedPart>)> {
        let quarantine = self.quarantine.finish()?;
        let archives = self.archives.finish()?;
        let archives = archives.ok_or_else(|| Error::internal("a commit without archives"))?;
        Ok((archives, quarantine))
    }
}

/// A row of a bookkeeping table, filled by column name.
struct Row<'a> {
    table: Table,
    builder: &'a mut TableBuilder,
    /// The column behind the last one: they are mostly filled in their order.
    next: usize,
}

impl Row<'_> {
    fn put<V>(&mut self, name: &str, value: V, put: impl FnOnce(&mut TableBuilder, usize, V)) {
        let is_next = self.table.columns().get(self.next).is_some_and(|column| column.name == name);
        let at = if is_next { Some(self.next) } else { self.table.column_index(name) };
        debug_assert!(at.is_some(), "no column {name} in {}", self.table);
        if let Some(at) = at {
            self.next = at + 1;
            put(self.builder, at, value);
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        self.put(name, value, TableBuilder::text);
    }

    fn int(&mut self, name: &str, value: i32) {
        self.put(name, value, TableBuilder::int);
    }

    fn long(&mut self, name: &str, value: i64) {
        self.put(name, value, TableBuilder::long);
    }

    fn timestamp(&mut self, name: &str, epoch_ms: i64) {
        self.put(name, epoch_ms, TableBuilder::timestamp);
    }

    fn binary(&mut self, name: &str, value: &[u8]) {
        self.put(name, value, TableBuilder::binary);
    }
}

impl BookTable {
    fn new(table: Table, commit: &Commit, compression: Compression, settings: Vec<KeyValue>) -> Self {
        Self {
            table,
            builder: TableBuilder::new(table),
            pending_bytes: 0,
            rows: 0,
            compression,
            settings,
            staging: commit.staging.clone(),
            path: Path::new(table.name()).join(format!("part-{}-00000.parquet", commit.id)),
            writer: None,
        }
    }

    fn row(&mut self) -> Row<'_> {
        Row { table: self.table, builder: &mut self.builder, next: 0 }
    }

    fn end_row(&mut self, bytes: usize) -> Result<()> {
        self.builder.end_row(0);
        self.rows += 1;
        self.pending_bytes += bytes;
        if self.builder.rows() >= FLUSH_ROWS || self.pending_bytes >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.pending_bytes = 0;
        let schema = Arc::clone(self.builder.schema());
        let chunks = self.builder.finish()?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let file = StagedFile::create(&self.staging.join(&self.path))?;
                let properties = writer_properties(self.table, self.compression, &self.settings)?;
                let properties = Arc::unwrap_or_clone(properties);
                let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new()
                    .with_properties(properties)
                    .with_skip_arrow_metadata(true);
                let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options);
                none.insert(writer.map_err(Error::internal)?)
            }
        };
        for chunk in chunks {
            let batch = RecordBatch::try_new(Arc::clone(&schema), chunk.columns).map_err(Error::internal)?;
            writer.write(&batch).map_err(|error| unwritable(&self.path, error))?;
        }
        // Originals are large: they go to disk at once rather than when a row group is full.
        if self.table == Table::Quarantine {
            writer.flush().map_err(|error| unwritable(&self.path, error))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<StagedPart>> {
        if self.rows == 0 {
            return Ok(None);
        }
        if self.builder.rows() > 0 {
            self.flush()?;
        }
        let Some(mut writer) = self.writer.take() else {
            return Ok(None);
        };
        let path = self.path.clone();
        let close = |error: parquet::errors::ParquetError| unwritable(&path, error);
        writer.finish().map_err(close)?;
        let bytes = writer.bytes_written() as u64;
        writer.inner_mut().sync().map_err(|error| unwritable(&self.path, error))?;
        Ok(Some(StagedPart { path: self.path.clone(), rows: self.rows, bytes }))
    }
}
