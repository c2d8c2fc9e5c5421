//! The bookkeeping tables, `archives` and `quarantine`, during a run.
//!
//! In: the outcome of each archive, in order. Out: one staged part for each of the two tables that has rows.
//! Never: keeps rows of the whole run in memory, or encodes them on the coordinator's thread; ten million archives pass through
//! here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;

use super::Commit;
use crate::clock::Stage;
use crate::clock::logical::LogicalTime;
use crate::columns::table::TableBuilder;
use crate::disk::StagedFile;
use crate::encode::EncodeContext;
use crate::encode::part::{StagedPart, unwritable};
use crate::encode::properties::writer_properties;
use crate::error::{Error, Finding, Result};
use crate::lake::commit_metadata::CommitMetadata;
use crate::lake::file::{LakeFile, text_column};
use crate::lake::root::Root;
use crate::model::{Compression, Integrity, hex};
use crate::pool::{Pool, Strand};
use crate::rows::ArchiveOutcome;
use crate::schema::{Table, column_at};

/// Rows that are collected before they are encoded.
const FLUSH_ROWS: usize = 8_192;
/// Bytes of originals that are collected before they are encoded.
const FLUSH_BYTES: usize = 8 << 20;
/// Collections of rows of a table that wait for being encoded.
const MOST_WAITING: usize = 1;

/// One row of `archives`.
pub(crate) struct ArchiveEntry<'a> {
    pub(crate) archive: &'a str,
    pub(crate) modified: &'a str,
    pub(crate) compressed_bytes: u64,
    pub(crate) inflated_bytes: u64,
    pub(crate) integrity: Integrity,
    pub(crate) outcome: &'a ArchiveOutcome,
}

/// Writes both tables of one commit.
pub(crate) struct ManifestWriter {
    archives: ManifestTable,
    quarantine: ManifestTable,
    commit: String,
    converted_at_ms: i64,
}

/// One of the tables, whose rows are collected.
struct ManifestTable {
    table: Table,
    builder: TableBuilder,
    pending_bytes: usize,
    rows: u64,
    commit: Commit,
    context: Arc<EncodeContext>,
    file: Arc<Strand<ManifestFile>>,
    /// Builders whose rows are encoded, kept for their buffers.
    idle: Arc<Pool<TableBuilder>>,
}

/// Its file, which grows beside what else is converted.
struct ManifestFile {
    table: Table,
    compression: Compression,
    commit: Commit,
    path: PathBuf,
    writer: Option<ArrowWriter<StagedFile>>,
}

impl ManifestWriter {
    pub(crate) fn new(context: &Arc<EncodeContext>, commit: &Commit, converted_at_ms: i64) -> Self {
        let table = |table| ManifestTable::new(table, commit, 0, context);
        Self {
            archives: table(Table::Archives),
            quarantine: table(Table::Quarantine),
            commit: commit.id.clone(),
            converted_at_ms,
        }
    }

    /// Adds the findings of an archive.
    pub(crate) fn push_findings(&mut self, archive: &str, findings: &[Finding]) -> Result<()> {
        findings.iter().try_for_each(|finding| self.push_finding(archive, finding))
    }

    /// Adds an archive.
    pub(crate) fn push(&mut self, entry: &ArchiveEntry<'_>) -> Result<()> {
        let counts = &entry.outcome.counts;
        let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let row = &mut self.archives.builder;
        row.text(column_at!(Archives.archive), entry.archive);
        row.text(column_at!(Archives.kind), entry.outcome.kind);
        row.text(column_at!(Archives.status), entry.outcome.status.as_str());
        row.text(column_at!(Archives.etag_or_mtime), entry.modified);
        row.long(column_at!(Archives.compressed_bytes), long(entry.compressed_bytes));
        row.long(column_at!(Archives.inflated_bytes), long(entry.inflated_bytes));
        row.long(column_at!(Archives.events_seen), long(entry.outcome.events_seen));
        row.long(column_at!(Archives.events_written), long(counts.events_written));
        row.long(column_at!(Archives.duplicates), long(counts.duplicates));
        row.long(column_at!(Archives.quarantined), long(entry.outcome.quarantined));
        row.long(column_at!(Archives.filtered), long(counts.filtered));
        row.long(column_at!(Archives.usage_records_written), long(entry.outcome.usage_records()));
        for (column, time) in [
            (column_at!(Archives.oldest_event_time), counts.oldest_event_time_ms),
            (column_at!(Archives.newest_event_time), counts.newest_event_time_ms),
        ] {
            if let Some(time) = time.filter(|_| !counts.has_unread) {
                row.timestamp(column, time);
            }
        }
        row.text(column_at!(Archives.integrity), entry.integrity.as_str());
        if let Integrity::Verified(sha256) = entry.integrity {
            row.text(column_at!(Archives.sha256), &hex(&sha256));
        }
        row.text(column_at!(Archives.commit_id), &self.commit);
        row.timestamp(column_at!(Archives.converted_at), self.converted_at_ms);
        self.archives.end_row(0)
    }

    fn push_finding(&mut self, archive: &str, finding: &Finding) -> Result<()> {
        let row = &mut self.quarantine.builder;
        row.text(column_at!(Quarantine.archive), archive);
        // No archive has as many events or bytes as these numbers can hold.
        if let Some(index) = finding.event_index {
            row.int(column_at!(Quarantine.event_index), i32::try_from(index).unwrap_or(i32::MAX));
        }
        if let Some(offset) = finding.byte_offset {
            row.long(column_at!(Quarantine.byte_offset), i64::try_from(offset).unwrap_or(i64::MAX));
        }
        row.text(column_at!(Quarantine.reason), finding.reason.as_str());
        row.text(column_at!(Quarantine.message), &finding.message);
        row.binary(column_at!(Quarantine.original), &finding.original);
        row.text(column_at!(Quarantine.commit_id), &self.commit);
        self.quarantine.end_row(finding.original.len())
    }

    /// Adds rows of an old part of `quarantine`.
    pub(crate) fn carry_quarantine(&mut self, rows: RecordBatch) -> Result<()> {
        self.quarantine.append(rows)
    }

    /// Writes the wanted archives of an old part of `archives` to a new part, with this metadata.
    pub(crate) fn carry_manifest(
        &self,
        number: usize,
        root: &Root,
        old: &Path,
        commit_metadata: &CommitMetadata,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<StagedPart> {
        let mut table = self.archives.sibling(number);
        for batch in LakeFile::open(root, old)?.batches()? {
            let batch = batch?;
            let archives = text_column(&batch, "archive", old)?;
            let mask: BooleanArray = archives.iter().map(|uri| Some(uri.is_some_and(is_wanted))).collect();
            table.append(filter_record_batch(&batch, &mask).map_err(Error::internal)?)?;
        }
        table.finish(commit_metadata.entries()?)
    }

    /// Closes the part of `quarantine`, if anything was refused.
    pub(crate) fn finish_quarantine(&mut self) -> Result<Option<StagedPart>> {
        if self.quarantine.rows == 0 { Ok(None) } else { self.quarantine.finish(Vec::new()).map(Some) }
    }

    /// Closes the part of `archives`, with the commit's metadata.
    pub(crate) fn finish(mut self, commit_metadata: &CommitMetadata) -> Result<StagedPart> {
        self.archives.finish(commit_metadata.entries()?)
    }

    /// Stops writing, and waits until all threads have stopped.
    pub(crate) fn abandon(self) {
        for table in [self.archives, self.quarantine] {
            table.file.wait();
        }
    }
}

impl ManifestTable {
    fn new(table: Table, commit: &Commit, number: usize, context: &Arc<EncodeContext>) -> Self {
        let file = ManifestFile {
            table,
            compression: context.compression,
            commit: commit.clone(),
            path: Path::new(table.name()).join(format!("part-{}-{number:05}.parquet", commit.id)),
            writer: None,
        };
        Self {
            table,
            builder: TableBuilder::new(table),
            pending_bytes: 0,
            rows: 0,
            commit: commit.clone(),
            context: Arc::clone(context),
            file: Strand::new(file),
            idle: Arc::default(),
        }
    }

    /// Another part of the same table and commit.
    fn sibling(&self, number: usize) -> Self {
        Self::new(self.table, &self.commit, number, &self.context)
    }

    fn end_row(&mut self, bytes: usize) -> Result<()> {
        self.builder.end_row(0);
        self.rows += 1;
        self.pending_bytes += bytes;
        if self.builder.rows() >= FLUSH_ROWS || self.pending_bytes >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Adds rows unchanged.
    fn append(&mut self, rows: RecordBatch) -> Result<()> {
        self.flush()?;
        self.rows += rows.num_rows() as u64;
        self.spawn(move |file| file.append(&rows))
    }

    /// Has the rows that were collected encoded.
    fn flush(&mut self) -> Result<()> {
        self.pending_bytes = 0;
        if self.builder.rows() == 0 {
            return Ok(());
        }
        let next = self.idle.take().unwrap_or_else(|| TableBuilder::new(self.table));
        let (mut rows, idle) = (std::mem::replace(&mut self.builder, next), Arc::clone(&self.idle));
        self.spawn(move |file| {
            file.write(&mut rows)?;
            idle.give(rows);
            Ok(())
        })
    }

    /// Does something to the file when what was to be done before is done.
    fn spawn(&self, task: impl FnOnce(&mut ManifestFile) -> Result<()> + Send + 'static) -> Result<()> {
        self.file.wait_below(MOST_WAITING)?;
        let context = Arc::clone(&self.context);
        let task = move |file: &mut ManifestFile| context.clock.time(Stage::Encode, || task(file));
        self.file.spawn(&self.context.pool, LogicalTime::now(), task);
        Ok(())
    }

    /// Closes the file, which may have no rows.
    fn finish(&mut self, entries: Vec<KeyValue>) -> Result<StagedPart> {
        self.flush()?;
        self.file.finish()?.finish(self.rows, entries)
    }
}

impl ManifestFile {
    /// Its path until it is published.
    fn staged(&self) -> PathBuf {
        self.commit.staging.join(&self.path)
    }

    fn append(&mut self, rows: &RecordBatch) -> Result<()> {
        let path = self.staged();
        let writer = self.writer()?;
        writer.write(rows).map_err(|error| unwritable(&path, error))?;
        if writer.in_progress_size() > FLUSH_BYTES {
            writer.flush().map_err(|error| unwritable(&path, error))
        } else {
            Ok(())
        }
    }

    fn write(&mut self, rows: &mut TableBuilder) -> Result<()> {
        let path = self.staged();
        let schema = Arc::clone(rows.schema());
        let is_large = self.table == Table::Quarantine;
        let writer = self.writer()?;
        for chunk in rows.finish()? {
            let batch = RecordBatch::try_new(Arc::clone(&schema), chunk.columns).map_err(Error::internal)?;
            writer.write(&batch).map_err(|error| unwritable(&path, error))?;
        }
        // Originals are large: they are written at once rather than when a row group is full.
        if is_large {
            writer.flush().map_err(|error| unwritable(&path, error))?;
        }
        Ok(())
    }

    fn writer(&mut self) -> Result<&mut ArrowWriter<StagedFile>> {
        let path = self.staged();
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none => {
                let file = StagedFile::create(&self.commit.disk, &path).map_err(|error| unwritable(&path, error))?;
                let properties = writer_properties(self.table, self.compression)?;
                let options = ArrowWriterOptions::new()
                    .with_properties(Arc::unwrap_or_clone(properties))
                    .with_skip_arrow_metadata(true);
                let writer = ArrowWriter::try_new_with_options(file, self.table.arrow_schema(), options);
                Ok(none.insert(writer.map_err(Error::internal)?))
            }
        }
    }

    /// Closes the file.
    fn finish(mut self, rows: u64, entries: Vec<KeyValue>) -> Result<StagedPart> {
        self.writer()?;
        let path = self.staged();
        let Some(mut writer) = self.writer.take() else { return Err(Error::internal("a file without a writer")) };
        for entry in entries {
            writer.append_key_value_metadata(entry);
        }
        writer.finish().map_err(|error| unwritable(&path, error))?;
        let bytes = writer.bytes_written() as u64;
        writer.inner_mut().sync().map_err(|error| unwritable(&path, error))?;
        let hash = writer.inner().hash();
        Ok(StagedPart { path: self.path, rows, bytes, hash })
    }
}
