//! Rows of events that turned out to be copies, taken out of batches.
//!
//! In: the copies among the events of some archives. Out: batches without their rows, and what is to be counted otherwise.
//! Never: a batch that differs from what the same archives give at another time: rows are all built first, whoever was
//! found to be a copy early.

use std::collections::{BTreeSet, HashMap};

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;

use super::batch::Batch;
use super::outcome::ConvertCounts;
use crate::error::{Error, Result};
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
        let column = |name| batch.table.column_index(name).map(|at| &batch.columns[at]);
        let archives = column("archive").and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let indexes = column("event_index").and_then(|column| column.as_primitive_opt::<Int32Type>());
        let (Some(archives), Some(indexes)) = (archives, indexes) else {
            return Err(Error::internal("a batch does not tell the archives of its events"));
        };
        let has_outcomes = batch.table == Table::UsageRecords;
        let outcomes = has_outcomes.then(|| &batch.columns[column_at!(UsageRecords.outcome)]);
        let outcomes = outcomes.and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let uris: Vec<&str> = archives.values().as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
        let duplicates: Vec<_> = uris.iter().map(|uri| self.by_archive.get(*uri)).collect();
        let rows = archives.keys().values().iter().zip(indexes.values()).enumerate();
        let is_duplicate = |(archive, index): (&i32, &i32)| {
            duplicates[*archive as usize].is_some_and(|duplicates| duplicates.events.binary_search(index).is_ok())
        };
        let taken: Vec<usize> = rows.filter(|(_, row)| is_duplicate(*row)).map(|(at, _)| at).collect();
        if let Some(outcomes) = outcomes {
            let words = outcomes.values().as_string::<i32>();
            for row in &taken {
                let word = words.value(outcomes.keys().value(*row) as usize);
                let outcome = Outcome::position(word);
                let duplicates = self.by_archive.get_mut(uris[archives.keys().value(*row) as usize]);
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
