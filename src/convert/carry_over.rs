//! Archives that are reconverted, and their rows from earlier runs.
//!
//! In: the parts that hold their rows, and their new outcomes. Out: rows of other archives carried over, and of these archives
//! those that would be lost. Never: drops an event from the lake because its archive has changed: an event that
//! no archive contains any more stays.
//!
//! Whether an archive still has an event is decided by its key. An event without an identifier is recognised by its position: the
//! archive still has it if it has such an event at the same position; it is dropped if the archive was read completely,
//! with all its events, and has none there.

use std::collections::{HashMap, HashSet};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;

use super::config::Config;
use crate::columns::text_values::TextValues;
use crate::dedup::{DuplicateIndex, KeyColumns};
use crate::encode::StagedPart;
use crate::error::{Error, Result};
use crate::lake::FileLayout;
use crate::lake::write::{ManifestWriter, Replacement, TableWriters};
use crate::model::Outcome;
use crate::reader::Converted;
use crate::report::Summary;
use crate::rows::Batch;
use crate::schema::{Table, column_at};
use crate::split::ArchiveStatus;

/// What new parts took over from old ones.
#[derive(Debug, Default)]
pub(super) struct CarriedOver {
    /// Rows that belong to other archives, by table.
    pub(super) rows: HashMap<Table, u64>,
    /// Parts of `archives` that replace old ones.
    pub(super) manifests: Vec<StagedPart>,
}

/// Whether all events of an archive are among the new rows.
fn is_whole(converted: &Converted) -> bool {
    let outcome = &converted.outcome;
    outcome.status == ArchiveStatus::Converted && !converted.is_damaged && outcome.counts.filtered == 0
}

/// What is kept of an archive's old rows.
#[derive(Debug, Default)]
struct Kept {
    events: u64,
    usage_records_by_outcome: [u64; Outcome::ALL.len()],
}

/// Events without an identifier that were written in this run: their positions, by archive.
#[derive(Debug, Default)]
pub(super) struct WithoutId {
    by_archive: HashMap<String, HashSet<i32>>,
}

impl WithoutId {
    /// Records those of a batch.
    ///
    /// # Errors
    ///
    /// When a batch does not have its table's columns, which is a bug.
    pub(super) fn note(&mut self, batch: &Batch) -> Result<()> {
        let id = match batch.table {
            Table::UsageRecords => column_at!(UsageRecords.event_id),
            _ => column_at!(Events.event_id),
        };
        let (archives, indexes) = batch.origins()?;
        // A column without any value is not a text column.
        let ids = TextValues::of(&batch.columns[id]);
        for row in 0..batch.rows {
            if ids.as_ref().and_then(|ids| ids.value(row)).is_none_or(str::is_empty) {
                let uri = archives.value(row).unwrap_or_default();
                self.by_archive.entry(uri.to_owned()).or_default().insert(indexes.value(row));
            }
        }
        Ok(())
    }

    /// Forgets those of an archive.
    pub(super) fn forget(&mut self, uri: &str) {
        self.by_archive.remove(uri);
    }

    fn has(&self, uri: &str, index: i32) -> bool {
        self.by_archive.get(uri).is_some_and(|indexes| indexes.contains(&index))
    }
}

/// Moves what is left of old parts to new ones.
pub(super) struct CarryOver<'a> {
    pub(super) config: &'a Config,
    pub(super) replacement: &'a Replacement,
    pub(super) duplicate_index: &'a DuplicateIndex,
    pub(super) without_id: &'a WithoutId,
    pub(super) tables: &'a mut TableWriters,
    pub(super) manifest_writer: &'a mut ManifestWriter,
}

impl CarryOver<'_> {
    /// Writes what is left, and counts what is kept of the archives that were converted again.
    pub(super) fn run(&mut self, reconverted: &mut [Converted], summary: &mut Summary) -> Result<CarriedOver> {
        let mut kept: HashMap<String, Kept> = HashMap::new();
        let whole: HashSet<String> =
            reconverted.iter().filter(|archive| is_whole(archive)).map(|archive| archive.uri.clone()).collect();
        let mut carried = CarriedOver::default();
        let replacement = self.replacement;
        for part in &replacement.parts {
            let layout = FileLayout::new(part.table, &self.config.partition_by)?;
            let mut rows = replacement.read(part, &layout)?;
            while let Some(batch) = rows.next()? {
                let mask = self.mask(part.table, &batch, &whole, &mut kept, &mut carried)?;
                if mask.true_count() == 0 {
                    continue;
                }
                if part.table == Table::Quarantine {
                    self.manifest_writer
                        .carry_quarantine(filter_record_batch(&batch, &mask).map_err(Error::internal)?)?;
                } else {
                    self.tables.push(rows.batch(&batch).only(&mask)?)?;
                }
            }
        }
        for (number, (path, commit_metadata)) in replacement.manifests.iter().enumerate() {
            let others = |uri: &str| !replacement.archives.contains(uri);
            let commit_metadata = replacement.what_is_left(commit_metadata);
            let part =
                self.manifest_writer.carry_manifest(number + 1, &replacement.root, path, &commit_metadata, &others)?;
            if part.rows > 0 || !commit_metadata.parts.is_empty() {
                *carried.rows.entry(Table::Archives).or_default() += part.rows;
                carried.manifests.push(part);
            }
        }
        for archive in reconverted {
            let Some(kept) = kept.remove(&archive.uri) else { continue };
            let outcome = &mut archive.outcome;
            // Events that a selector leaves out this time were already counted.
            let filtered = kept.events.min(outcome.counts.filtered);
            outcome.counts.filtered -= filtered;
            summary.events.filtered -= filtered;
            outcome.events_seen += kept.events - filtered;
            summary.events.seen += kept.events - filtered;
            outcome.counts.events_written += kept.events;
            summary.events.written += kept.events;
            for (at, rows) in kept.usage_records_by_outcome.into_iter().enumerate() {
                outcome.counts.usage_records_by_outcome[at] += rows;
                summary.usage_records.by_outcome[at] += rows;
                summary.usage_records.written += rows;
            }
        }
        Ok(carried)
    }

    /// Which rows are kept.
    fn mask(
        &self,
        table: Table,
        batch: &RecordBatch,
        whole: &HashSet<String>,
        kept: &mut HashMap<String, Kept>,
        carried: &mut CarriedOver,
    ) -> Result<BooleanArray> {
        let missing = || Error::internal("a part of the lake lacks a column of its table");
        let archives = batch.column_by_name("archive").and_then(TextValues::of).ok_or_else(missing)?;
        let keys = if table == Table::Quarantine { None } else { Some(KeyColumns::of(batch).ok_or_else(missing)?) };
        let indexes = batch.column_by_name("event_index").and_then(|column| column.as_primitive_opt::<Int32Type>());
        let outcomes = batch.column_by_name("outcome").and_then(TextValues::of);
        let mut buffer = Vec::new();
        let mut stays = |row: usize| {
            let uri = archives.value(row).unwrap_or_default();
            if !self.replacement.archives.contains(uri) {
                *carried.rows.entry(table).or_default() += 1;
                return Ok(true);
            }
            let (Some(keys), Some(indexes)) = (&keys, indexes) else { return Ok(false) };
            let is_gone = match keys.identity(row) {
                Some(identity) => !self.duplicate_index.contains(identity.key(&mut buffer))?,
                None => !whole.contains(uri) && !self.without_id.has(uri, indexes.value(row)),
            };
            if is_gone {
                let kept = kept.entry(uri.to_owned()).or_default();
                let outcome = outcomes.as_ref().and_then(|outcomes| outcomes.value(row));
                match outcome.and_then(Outcome::position) {
                    Some(at) => kept.usage_records_by_outcome[at] += 1,
                    None => kept.events += 1,
                }
            }
            Ok(is_gone)
        };
        (0..batch.num_rows()).map(|row| stays(row).map(Some)).collect()
    }
}
