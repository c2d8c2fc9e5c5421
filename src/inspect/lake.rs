//! The content of a lake, as its commits list it.
//!
//! In: the folder of a lake. Out: the content of its tables. Never: reads a file that no commit lists or a column that is not
//! counted, or changes anything.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Int64Type, SchemaRef, TimestampMillisecondType};
use parquet::file::reader::Length;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::census::{Census, EVENT_TIME, OUTCOME, TEXT_FIELDS};
use super::report::{Contents, InspectBytes, InspectEvents, LakeReport, TableReport};
use super::{InspectConfig, stopped};
use crate::columns::text_values::TextValues;
use crate::error::{Error, Result};
use crate::input::{TAR, ZIP};
use crate::lake::file::{LakeFile, damaged, guarded, text_column};
use crate::lake::root::Root;
use crate::lake::write::hold_if_there;
use crate::lake::{Commits, CommittedPart, FileLayout, PublishedCommit};
use crate::model::{Outcome, PartitionColumn, Selection};
use crate::report::{FINDINGS_SHOWN, Progress, count, describe};
use crate::rows::is_selected;
use crate::rows::partition::{PartitionFields, value_in_path};
use crate::schema::Table;
use crate::split::ArchiveStatus;

/// Rows that are read at once: many for each dictionary, and not too many where every value is distinct.
const BATCH_ROWS: usize = 1 << 14;

/// Inspects a lake, on the current thread pool.
///
/// # Errors
///
/// A lake in a folder that a run is writing to, one that is damaged, and a request to stop.
pub(super) fn inspect_lake(root: &Root, config: &InspectConfig, progress: &Progress) -> Result<LakeReport> {
    let _lock = hold_if_there(root)?;
    let commits = Commits::read(root)?;
    let mut report = LakeReport { lake: root.path().to_owned(), commits: commits.last.into(), ..LakeReport::default() };
    let settings = commits.published.first().map(|commit| &commit.commit_metadata.settings);
    let layout = settings.map(|settings| {
        let words = || damaged(root.path(), format!("its layout is unknown: {settings:?}"));
        settings.layout().ok_or_else(words)
    });
    let (tables, partition_by) = layout.transpose()?.unwrap_or_default();
    report.partition_by = settings.map(|settings| settings.partition_by.clone()).unwrap_or_default();
    report.tables = Table::ALL.map(|table| table_report(root, &commits, table)).into();
    let bytes = Table::ALL.iter().zip(&report.tables).filter(|(table, _)| table.is_partitioned());
    let bytes: u64 = bytes.map(|(_, report)| report.bytes).sum();
    progress.compressed_bytes_total.fetch_add(bytes, Ordering::Relaxed);
    let reader = TableScan { root, commits: &commits, partition_by: &partition_by, config, progress };
    let contents = &mut report.contents;
    let counted = if tables.contains(&Table::Events) { Table::Events } else { Table::UsageRecords };
    let mut census = Census::new(counted, config.values_memory());
    reader.add_manifest(&mut census, contents)?;
    progress.archives_total.fetch_add(contents.archives.seen, Ordering::Relaxed);
    progress.archives_done.fetch_add(contents.archives.seen, Ordering::Relaxed);
    reader.add_quarantine(contents)?;
    reader.count_rows(&mut census)?;
    if counted == Table::UsageRecords {
        contents.usage_records.by_outcome = census.outcomes();
    } else if tables.contains(&Table::UsageRecords) {
        contents.usage_records.by_outcome = reader.count_outcomes()?;
    }
    contents.usage_records.written = contents.usage_records.by_outcome.iter().sum();
    if counted == Table::Events {
        let events = &mut contents.events;
        events.filtered += events.found.saturating_sub(census.rows());
        events.found = census.rows();
    }
    census.report(config.top, contents);
    Ok(report)
}

fn table_report(root: &Root, commits: &Commits, table: Table) -> TableReport {
    let mut report = TableReport { table: table.name(), ..TableReport::default() };
    if table == Table::Archives {
        for commit in &commits.published {
            report.parts += 1;
            let rows = commit.metadata.metadata().file_metadata().num_rows();
            report.rows += u64::try_from(rows).unwrap_or_default();
            report.bytes += root.open(&commit.path).map_or(0, |file| file.len());
        }
    }
    let mut folders = Vec::new();
    for part in commits.listed(root, table) {
        report.parts += 1;
        report.rows += part.rows;
        report.bytes += part.bytes;
        folders.extend(Path::new(&part.path).parent().filter(|_| table.is_partitioned()));
    }
    folders.sort_unstable();
    folders.dedup();
    report.partitions = folders.len() as u64;
    report
}

/// Reads the tables of a lake.
#[derive(Clone, Copy)]
struct TableScan<'a> {
    root: &'a Root,
    commits: &'a Commits,
    partition_by: &'a [PartitionColumn],
    config: &'a InspectConfig,
    progress: &'a Progress,
}

/// A row group of a part.
#[derive(Clone)]
struct RowGroupUnit {
    path: Arc<Path>,
    row_group: usize,
    /// Size of the part, for the first of its row groups.
    bytes: u64,
}

impl TableScan<'_> {
    /// Adds the archives of the manifest.
    fn add_manifest(&self, census: &mut Census, contents: &mut Contents) -> Result<()> {
        const NUMBERS: [&str; 7] = [
            "compressed_bytes",
            "inflated_bytes",
            "events_seen",
            "events_written",
            "duplicates",
            "quarantined",
            "filtered",
        ];
        for PublishedCommit { path, metadata, .. } in &self.commits.published {
            let file = LakeFile::open_with(self.root, path, metadata.clone())?;
            for batch in file.columns(NUMBERS.into_iter().chain(["kind", "status"])).batches()? {
                let batch = batch?;
                let (kinds, statuses) = (text_column(&batch, "kind", path)?, text_column(&batch, "status", path)?);
                let column = |name| {
                    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
                    column.ok_or_else(|| damaged(path, format!("it has no column `{name}` of numbers")))
                };
                let columns = NUMBERS.map(column);
                let [compressed, inflated, seen, written, duplicates, quarantined, filtered] = columns;
                let columns = [compressed?, inflated?, seen?, written?, duplicates?, quarantined?, filtered?];
                for row in 0..batch.num_rows() {
                    let [compressed, inflated, seen, written, duplicates, quarantined, filtered] =
                        columns.map(|column| u64::try_from(column.value(row)).unwrap_or_default());
                    let (kind, status) = (kinds.value(row), statuses.value(row));
                    census.add_archives(kind, status, 1, seen);
                    let archives = &mut contents.archives;
                    archives.seen += 1;
                    match status {
                        status if status == ArchiveStatus::Converted.as_str() => archives.converted += 1,
                        status if status == ArchiveStatus::Foreign.as_str() => archives.foreign += 1,
                        _ => archives.quarantined += 1,
                    }
                    // The content of a container counts with its members.
                    let is_container = [TAR, ZIP].contains(&kind) && status == ArchiveStatus::Converted.as_str();
                    let InspectBytes { stored, inflated: text } = &mut contents.bytes;
                    *stored += if is_container { 0 } else { compressed };
                    *text += inflated;
                    let events = &mut contents.events;
                    let InspectEvents { seen: all, found, duplicates: copies, refused, filtered: left_out } = events;
                    for (total, more) in [
                        (all, seen),
                        (found, written),
                        (copies, duplicates),
                        (refused, quarantined),
                        (left_out, filtered),
                    ] {
                        *total += more;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the content of `quarantine`.
    fn add_quarantine(&self, contents: &mut Contents) -> Result<()> {
        for part in self.commits.listed(self.root, Table::Quarantine) {
            let path = self.root.join(&part.path);
            let file = LakeFile::open(self.root, &path)?.columns([
                "archive",
                "event_index",
                "byte_offset",
                "reason",
                "message",
            ]);
            for batch in file.batches()? {
                let batch = batch?;
                let text = |name| text_column(&batch, name, &path);
                let (archives, reasons, messages) = (text("archive")?, text("reason")?, text("message")?);
                let column = |name| batch.column_by_name(name);
                let indexes = column("event_index").and_then(|column| column.as_primitive_opt::<Int32Type>());
                let offsets = column("byte_offset").and_then(|column| column.as_primitive_opt::<Int64Type>());
                for row in 0..batch.num_rows() {
                    count(&mut contents.findings, reasons.value(row), 1);
                    if contents.first_findings.len() < FINDINGS_SHOWN {
                        let index = indexes.filter(|column| column.is_valid(row)).map(|column| column.value(row));
                        let offset = offsets.filter(|column| column.is_valid(row)).map(|column| column.value(row));
                        let index = index.and_then(|index| index.try_into().ok());
                        let offset = offset.and_then(|offset| offset.try_into().ok());
                        let (archive, reason) = (archives.value(row), reasons.value(row));
                        contents.first_findings.push(describe(archive, index, offset, reason, messages.value(row)));
                    }
                }
            }
        }
        contents.findings.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
        Ok(())
    }

    /// Counts the rows of a table.
    fn count_rows(&self, census: &mut Census) -> Result<()> {
        let table = census.table();
        let (memory, schema) = (self.config.values_memory(), self.schema(table)?);
        let columns = TEXT_FIELDS.into_iter().chain([EVENT_TIME, OUTCOME]).collect::<Vec<_>>();
        let count = |unit: &RowGroupUnit| {
            let mut counted = Census::new(table, memory);
            let in_path = self.in_path(table, &unit.path);
            self.read(&schema, unit, &columns, |batch| counted.add(batch, &in_path))?;
            self.progress.events.fetch_add(counted.rows(), Ordering::Relaxed);
            Ok(counted)
        };
        self.each(table, count, |counted: Census| census.merge(&counted))
    }

    /// Counts only the outcomes of usage records.
    fn count_outcomes(&self) -> Result<[u64; Outcome::ALL.len()]> {
        let schema = self.schema(Table::UsageRecords)?;
        let selectors = [EVENT_TIME, "recipient_account_id", "aws_region"];
        let selectors = if self.config.selection.is_everything() { &[][..] } else { &selectors };
        let columns = selectors.iter().copied().chain([OUTCOME]).collect::<Vec<_>>();
        let count = |unit: &RowGroupUnit| {
            let mut counted = Census::new(Table::UsageRecords, 0);
            self.read(&schema, unit, &columns, |batch| {
                batch.column_by_name(OUTCOME).map_or(Ok(()), |outcomes| counted.add_outcomes(outcomes))
            })?;
            Ok(counted.outcomes())
        };
        let mut totals = [0; Outcome::ALL.len()];
        self.each(Table::UsageRecords, count, |counted| {
            totals.iter_mut().zip(counted).for_each(|(total, rows)| *total += rows);
        })?;
        Ok(totals)
    }

    /// Processes the row groups of a table concurrently, and takes the results in their order.
    fn each<T: Send>(
        &self,
        table: Table,
        work: impl Fn(&RowGroupUnit) -> Result<T> + Sync,
        mut take: impl FnMut(T),
    ) -> Result<()> {
        let parts: Vec<&CommittedPart> = self.commits.listed(self.root, table).collect();
        // Results are taken in order, so that they do not depend on the number of threads. Each waiting result holds the values
        // of a row group, within the same bounds as the whole.
        let at_once = self.config.threads;
        for parts in parts.chunks(at_once * 4) {
            let units = parts.par_iter().map(|part| self.units(part)).collect::<Result<Vec<_>>>()?;
            for units in units.concat().chunks(at_once) {
                let work = |unit| if self.progress.is_stopping() { Err(stopped()) } else { work(unit) };
                let done: Vec<Result<T>> = units.par_iter().map(work).collect();
                for (result, unit) in done.into_iter().zip(units) {
                    take(result?);
                    self.progress.compressed_bytes_done.fetch_add(unit.bytes, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    /// The types that rows of a table are read with.
    fn schema(&self, table: Table) -> Result<SchemaRef> {
        Ok(FileLayout::new(table, self.partition_by)?.dictionary_schema(table))
    }

    /// The row groups of a part.
    fn units(&self, part: &CommittedPart) -> Result<Vec<RowGroupUnit>> {
        let path: Arc<Path> = Arc::from(self.root.join(&part.path));
        let row_groups = LakeFile::open(self.root, &path)?.metadata().num_row_groups();
        let bytes = |row_group| if row_group == 0 { part.bytes } else { 0 };
        let unit = |row_group| RowGroupUnit { path: Arc::clone(&path), row_group, bytes: bytes(row_group) };
        Ok((0..row_groups).map(unit).collect())
    }

    /// Reads the selected rows of a row group.
    fn read(
        &self,
        schema: &SchemaRef,
        unit: &RowGroupUnit,
        columns: &[&str],
        mut take: impl FnMut(&RecordBatch) -> std::result::Result<(), String>,
    ) -> Result<()> {
        let RowGroupUnit { path, row_group, .. } = unit;
        let mut read = || {
            let file = LakeFile::open_with_types(self.root, path, Arc::clone(schema))?;
            let file = file.columns(columns.iter().copied()).row_groups(vec![*row_group]).batch_rows(BATCH_ROWS);
            for batch in file.batches()? {
                let batch = self.wanted(batch?, path)?;
                take(&batch).map_err(|error| damaged(path, error))?;
            }
            Ok(())
        };
        guarded(path, &mut read)
    }

    /// The rows that match the selectors.
    fn wanted(&self, batch: RecordBatch, path: &Path) -> Result<RecordBatch> {
        let selection: &Selection = &self.config.selection;
        if selection.is_everything() {
            return Ok(batch);
        }
        let text = |name| batch.column_by_name(name).and_then(TextValues::of);
        let times = batch.column_by_name(EVENT_TIME).and_then(|it| it.as_primitive_opt::<TimestampMillisecondType>());
        let (Some(times), Some(accounts), Some(regions)) = (times, text("recipient_account_id"), text("aws_region"))
        else {
            return Err(damaged(path, "a column is missing"));
        };
        let is_wanted = |row| {
            let event_time_ms = times.is_valid(row).then(|| times.value(row));
            let fields = PartitionFields {
                event_time_ms,
                account: accounts.value(row),
                region: regions.value(row),
                event_source: None,
            };
            Some(is_selected(selection, fields))
        };
        let mask: BooleanArray = (0..batch.num_rows()).map(is_wanted).collect();
        filter_record_batch(&batch, &mask).map_err(Error::internal)
    }

    /// Columns of a table that a part has only in its path.
    fn in_path(&self, table: Table, path: &Path) -> Vec<(&'static str, Option<String>)> {
        let columns = self.partition_by.iter().filter(|column| table.column_index(column.as_str()).is_some());
        columns.map(|column| (column.as_str(), value_in_path(path, *column))).collect()
    }
}
