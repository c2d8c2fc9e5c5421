//! Rows of each archive against the manifest.
//!
//! In: rows of all files, by archive. Out: archives whose numbers differ. Never: names of archives in memory: ten million
//! are identified by a hash.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};

use super::{CheckReport, ProblemKind};
use crate::error::{Result, counted};
use crate::lake::file::LakeFile;
use crate::lake::root::Root;
use crate::lake::{Commits, PublishedCommit, name_hash};
use crate::schema::Table;

/// Rows that belong to one archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ArchiveRows {
    events: u64,
    usage_records: u64,
    /// Events in `quarantine`.
    quarantined: u64,
    is_in_manifest: bool,
}

/// Row counts by archive.
#[derive(Debug, Default)]
pub(super) struct RowCounts {
    by_archive: HashMap<u128, ArchiveRows>,
}

impl RowCounts {
    /// Counts the rows of a batch; `None` when it has no archives.
    pub(super) fn count(&mut self, table: Table, batch: &RecordBatch) -> Option<()> {
        if table == Table::Archives {
            return Some(());
        }
        let archives = batch.column_by_name("archive")?.as_string_opt::<i32>()?;
        let indexes = batch.column_by_name("event_index")?.as_primitive_opt::<Int32Type>()?;
        let mut row = 0;
        // Rows of one archive are usually adjacent.
        while row < batch.num_rows() {
            let archive = archives.value(row);
            let end = (row..batch.num_rows()).find(|at| archives.value(*at) != archive).unwrap_or(batch.num_rows());
            let counts = self.by_archive.entry(name_hash(archive)).or_default();
            let rows = (end - row) as u64;
            match table {
                Table::Events => counts.events += rows,
                Table::UsageRecords => counts.usage_records += rows,
                _ => counts.quarantined += (row..end).filter(|at| indexes.is_valid(*at)).count() as u64,
            }
            row = end;
        }
        Some(())
    }

    /// Adds the rows of another file.
    pub(super) fn add(&mut self, other: Self) {
        for (archive, counts) in other.by_archive {
            let mine = self.by_archive.entry(archive).or_default();
            mine.events += counts.events;
            mine.usage_records += counts.usage_records;
            mine.quarantined += counts.quarantined;
        }
    }
}

/// Compares rows with the manifest.
///
/// # Errors
///
/// A part of `archives` that cannot be read.
pub(super) fn check_archives(
    commits: &Commits,
    root: &Root,
    tables: &[Table],
    mut counts: RowCounts,
    report: &mut CheckReport,
) -> Result<()> {
    for PublishedCommit { path, .. } in &commits.published {
        for batch in LakeFile::open(root, path)?.columns(ManifestColumns::NAMES).batches()? {
            let batch = batch?;
            let Some(columns) = ManifestColumns::of(&batch) else {
                report.add(ProblemKind::ManifestDamaged, &root.below(path), "a column is missing");
                return Ok(());
            };
            for row in 0..batch.num_rows() {
                report.archives += 1;
                let counts = counts.by_archive.entry(name_hash(columns.archive.value(row))).or_default();
                columns.check(row, counts, tables, report);
            }
        }
    }
    let unknown = counts.by_archive.values().filter(|counts| !counts.is_in_manifest);
    for ArchiveRows { events, usage_records, quarantined, .. } in unknown {
        let (events, usage_records) = (counted(*events, "event"), counted(*usage_records, "usage record"));
        let rows = format!("{events}, {usage_records} and {}", counted(*quarantined, "refused event"));
        report.add(ProblemKind::ArchiveUnknown, "an archive", rows);
    }
    Ok(())
}

/// Columns of `archives` that are checked.
struct ManifestColumns<'b> {
    archive: &'b StringArray,
    seen: &'b Int64Array,
    written: &'b Int64Array,
    duplicates: &'b Int64Array,
    quarantined: &'b Int64Array,
    filtered: &'b Int64Array,
    usage_records: &'b Int64Array,
}

impl<'b> ManifestColumns<'b> {
    const NAMES: [&'static str; 7] =
        ["archive", "events_seen", "events_written", "duplicates", "quarantined", "filtered", "usage_records_written"];

    fn of(batch: &'b RecordBatch) -> Option<Self> {
        let number = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let [archive, seen, written, duplicates, quarantined, filtered, usage_records] = Self::NAMES;
        Some(Self {
            archive: batch.column_by_name(archive)?.as_string_opt()?,
            seen: number(seen)?,
            written: number(written)?,
            duplicates: number(duplicates)?,
            quarantined: number(quarantined)?,
            filtered: number(filtered)?,
            usage_records: number(usage_records)?,
        })
    }

    fn check(&self, row: usize, counts: &mut ArchiveRows, tables: &[Table], report: &mut CheckReport) {
        let archive = self.archive.value(row);
        if std::mem::replace(&mut counts.is_in_manifest, true) {
            report.add(ProblemKind::ArchiveTwice, archive, "it has more than one row");
            return;
        }
        let number = |column: &Int64Array| u64::try_from(column.value(row)).unwrap_or_default();
        let accounted =
            number(self.written) + number(self.duplicates) + number(self.quarantined) + number(self.filtered);
        if accounted != number(self.seen) {
            let message = format!("{} seen, {accounted} accounted for", counted(number(self.seen), "event"));
            report.add(ProblemKind::CountsDiffer, archive, message);
        }
        let has = |table| tables.contains(&table);
        for (is_kept, table, expected, found) in [
            (has(Table::Events), Table::Events, self.written, counts.events),
            (has(Table::UsageRecords), Table::UsageRecords, self.usage_records, counts.usage_records),
            (true, Table::Quarantine, self.quarantined, counts.quarantined),
        ] {
            if is_kept && number(expected) != found {
                let message = format!("{} in {table}, {} expected", counted(found, "row"), number(expected));
                report.add(ProblemKind::RowsDiffer, archive, message);
            }
        }
    }
}
