//! Rows and archives, counted.
//!
//! In: batches of events, or of usage records, and outcomes of archives. Out: counts by value. Never: keeps a row; repeating
//! text is counted by its dictionary key.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMillisecondType};

use super::counter::{Counter, MOST_VALUES};
use super::dates::DateCounts;
use super::report::{Contents, FieldCounts, KindCount, ValueCount, percent_of};
use crate::error::{Error, Result};
use crate::flatten::timestamp::epoch_day;
use crate::model::Outcome;
use crate::rows::{ArchiveOutcome, Batch};
use crate::schema::Table;

/// Text columns whose values are counted.
pub(super) const TEXT_FIELDS: [&str; 7] = [
    "recipient_account_id",
    "aws_region",
    "event_version",
    "event_source",
    "event_name",
    "error_code",
    "user_identity_type",
];
/// The column of event times.
pub(super) const EVENT_TIME: &str = "event_time";
/// The column of a usage record's outcome.
pub(super) const OUTCOME: &str = "outcome";

/// Counts rows of one table.
#[derive(Debug)]
pub(super) struct Census {
    table: Table,
    rows: u64,
    fields: Vec<TextField>,
    dates: DateCounts,
    /// Rows without a time.
    undated: u64,
    /// Earliest and latest time.
    times_ms: Option<(i64, i64)>,
    /// Usage records by outcome, in the order of [`Outcome::ALL`].
    outcomes: [u64; Outcome::ALL.len()],
    kinds: Vec<KindCount>,
    /// Rows by dictionary key; kept to reuse its memory.
    by_number: Vec<u64>,
}

#[derive(Debug)]
struct TextField {
    name: &'static str,
    /// Its position in the table.
    column: usize,
    values: Counter,
    absent: u64,
}

impl Census {
    /// Counts rows of a table; values take at most this many bytes of memory.
    pub(super) fn new(table: Table, most_bytes: usize) -> Self {
        let field = |name| {
            let values = Counter::new(MOST_VALUES, most_bytes / TEXT_FIELDS.len());
            table.column_index(name).map(|column| TextField { name, column, values, absent: 0 })
        };
        Self {
            table,
            rows: 0,
            fields: TEXT_FIELDS.into_iter().filter_map(field).collect(),
            dates: DateCounts::default(),
            undated: 0,
            times_ms: None,
            outcomes: [0; Outcome::ALL.len()],
            kinds: Vec::new(),
            by_number: Vec::new(),
        }
    }

    /// The table that is counted.
    pub(super) const fn table(&self) -> Table {
        self.table
    }

    /// Rows so far.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts rows as read from a file. `in_path` has the values from its path, by column.
    ///
    /// # Errors
    ///
    /// An invalid column.
    pub(super) fn add(&mut self, batch: &RecordBatch, in_path: &[(&str, Option<String>)]) -> Result<(), String> {
        let rows = batch.num_rows() as u64;
        self.rows += rows;
        for field in &mut self.fields {
            match (batch.column_by_name(field.name), in_path.iter().find(|(name, _)| *name == field.name)) {
                (Some(column), _) => field.add(column, &mut self.by_number)?,
                (None, Some((_, Some(value)))) => field.values.add(value, rows),
                (None, Some((_, None))) => field.absent += rows,
                (None, None) => return Err(format!("it has no column `{}`", field.name)),
            }
        }
        let times = batch.column_by_name(EVENT_TIME).ok_or_else(|| format!("it has no column `{EVENT_TIME}`"))?;
        self.add_times(times)?;
        batch.column_by_name(OUTCOME).map_or(Ok(()), |outcomes| self.add_outcomes(outcomes))
    }

    fn add_times(&mut self, column: &ArrayRef) -> Result<(), String> {
        let times = column.as_primitive_opt::<TimestampMillisecondType>().ok_or("its event times are no times")?;
        self.undated += times.null_count() as u64;
        // Rows of a day are usually adjacent.
        let (mut day, mut events) = (0, 0);
        for time in times.iter().flatten() {
            let (first, last) = self.times_ms.unwrap_or((time, time));
            self.times_ms = Some((first.min(time), last.max(time)));
            let day_of_row = epoch_day(time);
            if day_of_row != day && events > 0 {
                self.dates.add(day, events);
                events = 0;
            }
            day = day_of_row;
            events += 1;
        }
        if events > 0 {
            self.dates.add(day, events);
        }
        Ok(())
    }

    /// Counts outcomes of usage records.
    ///
    /// # Errors
    ///
    /// When they are not text.
    pub(super) fn add_outcomes(&mut self, column: &ArrayRef) -> Result<(), String> {
        let outcomes = &mut self.outcomes;
        count_texts(column, &mut self.by_number, |outcome, rows| {
            if let Some(at) = outcome.and_then(Outcome::position) {
                outcomes[at] += rows;
            }
        })
    }

    /// Adds archives.
    pub(super) fn add_archives(&mut self, kind: &str, status: &str, archives: u64, events: u64) {
        match self.kinds.iter_mut().find(|known| known.kind == kind && known.status == status) {
            Some(known) => {
                known.archives += archives;
                known.events += events;
            }
            None => self.kinds.push(KindCount { kind: kind.to_owned(), status: status.to_owned(), archives, events }),
        }
    }

    /// Adds all counts of another census of the same table.
    pub(super) fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        for (field, more) in self.fields.iter_mut().zip(&other.fields) {
            field.values.merge(&more.values);
            field.absent += more.absent;
        }
        self.dates.merge(&other.dates);
        self.undated += other.undated;
        self.times_ms = match (self.times_ms, other.times_ms) {
            (Some((first, last)), Some((earlier, later))) => Some((first.min(earlier), last.max(later))),
            (one, two) => one.or(two),
        };
        for (total, rows) in self.outcomes.iter_mut().zip(other.outcomes) {
            *total += rows;
        }
        other.kinds.iter().for_each(|kind| self.add_archives(&kind.kind, &kind.status, kind.archives, kind.events));
    }

    /// Usage records by outcome.
    pub(super) const fn outcomes(&self) -> [u64; Outcome::ALL.len()] {
        self.outcomes
    }

    /// Puts the counts into a report, with this many values of each field.
    pub(super) fn report(self, top: usize, contents: &mut Contents) {
        let rows = self.rows;
        contents.kinds = self.kinds;
        contents.kinds.sort_by(|one, two| {
            two.archives.cmp(&one.archives).then_with(|| (&one.kind, &one.status).cmp(&(&two.kind, &two.status)))
        });
        contents.counted = self.table.name();
        contents.rows = rows;
        let time = |time_ms| jiff::Timestamp::from_millisecond(time_ms).map(|time| time.to_string()).ok();
        contents.first_event_time = self.times_ms.and_then(|(first, _)| time(first));
        contents.last_event_time = self.times_ms.and_then(|(_, last)| time(last));
        let (distinct, is_exact) = self.dates.distinct();
        contents.fields.push(FieldCounts {
            field: "event_date",
            distinct: distinct as u64,
            is_exact,
            absent: self.undated,
            top: self.dates.top(top, rows),
            others_at_most: None,
        });
        contents.fields.extend(self.fields.into_iter().map(|field| field.listed(top, rows)));
        contents.histogram = self.dates.histogram(rows);
    }
}

impl TextField {
    fn add(&mut self, column: &ArrayRef, by_number: &mut Vec<u64>) -> Result<(), String> {
        let Self { values, absent, name, .. } = self;
        let counted = count_texts(column, by_number, |value, rows| match value {
            Some(value) => values.add(value, rows),
            None => *absent += rows,
        });
        counted.map_err(|error| format!("`{name}`: {error}"))
    }

    fn listed(self, top: usize, rows: u64) -> FieldCounts {
        let (distinct, is_exact) = self.values.distinct();
        let listed = |(value, count): (String, super::counter::Count)| ValueCount {
            value,
            events: count.least,
            percent: percent_of(count.least, rows),
            at_most: (count.most > count.least).then_some(count.most),
        };
        let (top, others_at_most) = self.values.top(top);
        FieldCounts {
            field: self.name,
            distinct: distinct as u64,
            is_exact,
            absent: self.absent,
            top: top.into_iter().map(listed).collect(),
            others_at_most: (!is_exact).then_some(others_at_most),
        }
    }
}

/// Passes on each text of a column with the number of its rows, and the number of rows without one.
fn count_texts(
    column: &ArrayRef,
    by_number: &mut Vec<u64>,
    mut report: impl FnMut(Option<&str>, u64),
) -> Result<(), String> {
    let absent = column.logical_null_count() as u64;
    if absent > 0 {
        report(None, absent);
    }
    if column.data_type().is_null() {
        return Ok(());
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        texts.iter().flatten().for_each(|text| report(Some(text), 1));
        return Ok(());
    }
    let dictionary_array = column.as_dictionary_opt::<Int32Type>();
    let values = dictionary_array.and_then(|dictionary_array| dictionary_array.values().as_string_opt::<i32>());
    let (Some(dictionary_array), Some(values)) = (dictionary_array, values) else {
        return Err("it is no text".to_owned());
    };
    by_number.clear();
    by_number.resize(values.len(), 0);
    if dictionary_array.keys().null_count() == 0 {
        dictionary_array.keys().values().iter().for_each(|number| by_number[*number as usize] += 1);
    } else {
        dictionary_array.keys().iter().flatten().for_each(|number| by_number[number as usize] += 1);
    }
    let used = by_number.iter().enumerate().filter(|(_, rows)| **rows > 0);
    used.for_each(|(number, rows)| report(Some(values.value(number)), *rows));
    Ok(())
}

impl Census {
    /// Counts rows as converted from archives.
    ///
    /// # Errors
    ///
    /// When the rows do not match their table's declaration, which is a bug.
    pub(super) fn add_batch(&mut self, batch: &Batch) -> Result<()> {
        if batch.table != self.table {
            return Ok(());
        }
        self.rows += batch.rows as u64;
        for field in &mut self.fields {
            field.add(&batch.columns[field.column], &mut self.by_number).map_err(Error::internal)?;
        }
        let times = self.table.column_index(EVENT_TIME).map(|at| &batch.columns[at]);
        times.map_or(Ok(()), |times| self.add_times(times)).map_err(Error::internal)
    }

    /// Counts an archive.
    pub(super) fn add_archive(&mut self, outcome: &ArchiveOutcome) {
        self.add_archives(outcome.kind, outcome.status.as_str(), 1, outcome.events_seen);
    }
}
