//! Rows of events that turned out to be copies, taken out of batches.
//!
//! In: the copies among the events of some archives. Out: batches without their rows, and what is to be counted otherwise.
//! Never: a batch that differs from what the same archives give at another time: rows are all built first, whoever was
//! found to be a copy early.

use std::collections::{BTreeSet, HashMap};

use super::batch::Batch;
use super::outcome::ConvertCounts;
use crate::columns::text_values::TextValues;
use crate::error::Result;
use crate::model::{Outcome, Place};
use crate::schema::{Table, column_at};

/// What the rows of copies among the events of one archive have counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct DuplicateCounts {
    events: u64,
    usage_records_by_outcome: [u64; Outcome::ALL.len()],
}

impl DuplicateCounts {
    /// Adds those of other events of the same archive.
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        for (total, rows) in self.usage_records_by_outcome.iter_mut().zip(other.usage_records_by_outcome) {
            *total += rows;
        }
    }

    /// Counts what was taken out of an archive's rows as duplicates.
    pub(crate) fn correct(&self, counts: &mut ConvertCounts) {
        counts.events_written -= self.events;
        counts.duplicates += self.events;
        for (total, rows) in counts.usage_records_by_outcome.iter_mut().zip(self.usage_records_by_outcome) {
            *total -= rows;
        }
    }
}

/// Copies among the events of one archive.
#[derive(Debug)]
struct ArchiveDuplicates {
    /// Position of the archive in the run.
    archive: usize,
    /// Their positions, rising.
    events: Vec<i32>,
    counts: DuplicateCounts,
}

/// Copies among the events of some archives, by URI.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    by_archive: HashMap<String, ArchiveDuplicates>,
}

impl Duplicates {
    /// The copies that stand at these places; `uri` names the archive with a position.
    pub(crate) fn new(places: &BTreeSet<Place>, uri: impl Fn(u32) -> Option<String>) -> Self {
        let mut by_archive: HashMap<String, ArchiveDuplicates> = HashMap::new();
        let mut places = places.iter().copied().peekable();
        while let Some(first) = places.peek().copied() {
            let of_archive = std::iter::from_fn(|| places.next_if(|place| place.archive() == first.archive()));
            let events: Vec<_> =
                of_archive.map(|place| i32::try_from(place.event_index()).unwrap_or(i32::MAX)).collect();
            let Some(uri) = uri(first.archive()) else { continue };
            let counts = DuplicateCounts { events: events.len() as u64, ..DuplicateCounts::default() };
            by_archive.insert(uri, ArchiveDuplicates { archive: first.archive() as usize, events, counts });
        }
        Self { by_archive }
    }

    /// Takes the rows of copies out of a batch; what is left, in order.
    ///
    /// # Errors
    ///
    /// When a batch has other columns than its table, which is a bug.
    pub(crate) fn take_out(&mut self, batch: Batch) -> Result<Vec<Batch>> {
        if self.by_archive.is_empty() {
            return Ok(vec![batch]);
        }
        let (archives, indexes) = batch.origins()?;
        let uri = |row: usize| archives.value(row).unwrap_or_default();
        // Rows of one archive stand together.
        let mut of_archive = ("", self.by_archive.get(""));
        let mut is_duplicate = |row: &usize| {
            if of_archive.0 != uri(*row) {
                of_archive = (uri(*row), self.by_archive.get(uri(*row)));
            }
            of_archive.1.is_some_and(|duplicates| duplicates.events.binary_search(&indexes.value(*row)).is_ok())
        };
        let taken: Vec<usize> = (0..batch.rows).filter(&mut is_duplicate).collect();
        if batch.table == Table::UsageRecords {
            let outcomes = TextValues::of(&batch.columns[column_at!(UsageRecords.outcome)]);
            for row in &taken {
                let outcome = outcomes.as_ref().and_then(|outcomes| outcomes.value(*row)).and_then(Outcome::position);
                let duplicates = self.by_archive.get_mut(uri(*row));
                if let (Some(duplicates), Some(outcome)) = (duplicates, outcome) {
                    duplicates.counts.usage_records_by_outcome[outcome] += 1;
                }
            }
        }
        batch.without(&taken)
    }

    /// What their rows have counted, by the position of their archive.
    pub(crate) fn into_counts(self) -> impl Iterator<Item = (usize, DuplicateCounts)> {
        self.by_archive.into_values().map(|of_archive| (of_archive.archive, of_archive.counts))
    }
}
