//! Which events are wanted, decided as cheaply as possible: by a folder's name, a row group, its pages, its rows.
//!
//! In: a request's filter, and the metadata of a part. Out: which of its pages may hold wanted rows, and predicates for the
//! rows. Never: skips a row that is wanted, or mistakes bounds for values.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn};
use parquet::file::metadata::{RowGroupMetaData, page_index::RowGroupPageIndex};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;

use super::RestoreFilter;
use super::merge::text_member;
use super::part::{PartFolder, column_of};
use super::texts::Texts;
use super::wanted::{FilterSubject, Pattern, WantedValues};
use crate::columns::text_values::TextValues;
use crate::flatten::timestamp::days_from_civil;
use crate::rows::partition::{folder_value, is_hidden};

const EVENT_TIME: &str = "event_time";
pub(super) const EVENT_SOURCE: &str = "event_source";
const MS_PER_DAY: i64 = 86_400_000;

/// A prepared filter.
#[derive(Debug)]
pub(super) struct Filter {
    /// First and last time in milliseconds, when either is given.
    times: Option<(i64, i64)>,
    /// All of these have to hold; the most selective ones come first.
    conditions: Vec<Condition>,
}

/// One of several columns must match.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    columns: Arc<[(&'static str, WantedValues)]>,
    /// The equivalent partition column, and the names of its folders that may match.
    folder: &'static str,
    folders: Arc<Texts>,
}

impl Condition {
    /// The condition for some values of a filter.
    pub(super) fn new(subject: FilterSubject, values: &[String]) -> Self {
        let mut columns: Vec<(&'static str, WantedValues)> = Vec::new();
        let mut folders = Texts::default();
        for (name, pattern) in values.iter().flat_map(|value| subject.patterns(value)) {
            if let (Pattern::Whole(text), false) = (&pattern, subject.folder().is_empty()) {
                folders.add(&folder_value(text));
            }
            match columns.iter_mut().find(|(known, _)| *known == name) {
                Some((_, wanted)) => wanted.add(pattern),
                None => columns.push((name, WantedValues::of(pattern))),
            }
        }
        for (_, wanted) in &mut columns {
            wanted.sort();
        }
        folders.sort();
        Self { columns: columns.into(), folder: subject.folder(), folders: folders.into() }
    }

    /// The columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }

    /// The wanted values of a column.
    pub(super) fn wanted(&self, column: &str) -> Option<&WantedValues> {
        self.columns.iter().find(|(name, _)| *name == column).map(|(_, wanted)| wanted)
    }

    /// Whether an event source is wanted.
    fn has_source(&self, source: &str) -> bool {
        self.wanted(EVENT_SOURCE).is_some_and(|wanted| wanted.has(source))
    }

    /// The columns of a file.
    fn columns_in<'c>(&'c self, schema: &'c SchemaDescriptor) -> impl Iterator<Item = (usize, &'c WantedValues)> {
        self.columns.iter().filter_map(|(name, wanted)| Some((column_of(schema, name)?, wanted)))
    }
}

/// Reads the bloom filter of a column of the current row group, if it has one.
pub(super) type Blooms<'b> = &'b dyn Fn(usize) -> crate::error::Result<Option<parquet::bloom_filter::Sbbf>>;

impl Filter {
    pub(super) fn new(filter: &RestoreFilter) -> Self {
        let RestoreFilter { from_ms, to_ms, .. } = filter;
        let subjects = FilterSubject::ALL.into_iter().map(|subject| (subject, subject.values(filter)));
        let subjects = subjects.filter(|(_, values)| !values.is_empty());
        let has_times = from_ms.is_some() || to_ms.is_some();
        Self {
            times: has_times.then(|| (from_ms.unwrap_or(i64::MIN), to_ms.unwrap_or(i64::MAX))),
            conditions: subjects.map(|(subject, values)| Condition::new(subject, values)).collect(),
        }
    }

    /// Whether every event is wanted.
    pub(super) fn is_everything(&self) -> bool {
        self.times.is_none() && self.conditions.is_empty()
    }

    /// Whether a partition may hold wanted events.
    pub(super) fn wants_folder(&self, folder: &PartFolder) -> bool {
        folder.segments().all(|(name, value)| {
            let is_wanted = |condition: &Condition| {
                // Long values are truncated in a folder's name, so that several may share it.
                condition.folder != name || condition.folders.has(value.to_ascii_lowercase().as_bytes())
            };
            self.conditions.iter().all(is_wanted) && self.wants_dates(name, value)
        })
    }

    fn wants_dates(&self, name: &str, value: &str) -> bool {
        let Some((from, to)) = self.times else { return true };
        let (from, to) = (from.div_euclid(MS_PER_DAY), to.div_euclid(MS_PER_DAY));
        let mut numbers = value.split('-').map(|number| number.parse::<i64>().ok());
        let (year, month, day) = (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten());
        let (first, last) = match (name, year, month, day) {
            ("event_date", Some(year), Some(month), Some(day)) => {
                let day = days_from_civil(year, month, day);
                (day, day)
            }
            ("event_month", Some(year), Some(month), None) => {
                (days_from_civil(year, month, 1), days_from_civil(year + month / 12, month % 12 + 1, 1) - 1)
            }
            // Events without a time.
            ("event_date" | "event_month", ..) => return false,
            _ => return true,
        };
        first <= to && last >= from
    }

    /// Whether a row group may hold wanted events, by its statistics and bloom filters.
    pub(super) fn wants_row_group(
        &self,
        row_group: &RowGroupMetaData,
        blooms: Blooms<'_>,
    ) -> crate::error::Result<bool> {
        let schema = row_group.schema_descr();
        if let Some(column) = self.times.and_then(|_| column_of(schema, EVENT_TIME))
            && !self.is_time_within(row_group.column(column).statistics())
        {
            return Ok(false);
        }
        let statistics = |column: usize| row_group.column(column).statistics();
        for condition in self.conditions.iter().filter(|condition| !is_in_path(condition, schema)) {
            let mut is_held = false;
            for (column, wanted) in condition.columns_in(schema) {
                if !is_held && may_hold(wanted, statistics(column), row_group.num_rows()) {
                    let bloom = if wanted.is_exact() { blooms(column)? } else { None };
                    is_held = bloom.is_none_or(|bloom| wanted.passes(|text| bloom.check(text)));
                }
            }
            if !is_held {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_time_within(&self, statistics: Option<&Statistics>) -> bool {
        match statistics {
            Some(Statistics::Int64(bounds)) => match (bounds.min_opt(), bounds.max_opt()) {
                (Some(least), Some(most)) => self.overlaps(*least, *most),
                _ => true,
            },
            _ => true,
        }
    }

    /// Whether a time between these, in milliseconds, may be wanted.
    fn overlaps(&self, least: i64, most: i64) -> bool {
        self.times.is_none_or(|(from, to)| least <= to && most >= from)
    }

    /// The rows of a row group that are in pages which may hold wanted events.
    pub(super) fn wanted_rows(&self, row_group: &RowGroupMetaData, index: &RowGroupPageIndex) -> Vec<Range<usize>> {
        let schema = row_group.schema_descr();
        // A negative number was refused when the part was read.
        let rows = usize::try_from(row_group.num_rows()).unwrap_or_default();
        let mut wanted: Vec<_> = std::iter::once(0..rows).collect();
        for condition in self.conditions.iter().filter(|condition| !is_in_path(condition, schema)) {
            let pages = condition.columns_in(schema).flat_map(|(column, wanted)| {
                rows_of_pages(index, column, rows, |column_index, page| match column_index {
                    ColumnIndexMetaData::BYTE_ARRAY(bounds) => {
                        bounds.min_value(page).zip(bounds.max_value(page)).map(|(min, max)| wanted.is_within(min, max))
                    }
                    _ => Some(true),
                })
            });
            wanted = intersection(&wanted, &union(pages.collect()));
        }
        if let Some(column) = self.times.and_then(|_| column_of(schema, EVENT_TIME)) {
            let pages = rows_of_pages(index, column, rows, |column_index, page| match column_index {
                ColumnIndexMetaData::INT64(bounds) => {
                    bounds.min_value(page).zip(bounds.max_value(page)).map(|(min, max)| self.overlaps(*min, *max))
                }
                _ => Some(true),
            });
            wanted = intersection(&wanted, &union(pages));
        }
        wanted
    }

    /// Predicates that select rows, each on as few columns as possible; each one is only evaluated for rows that the
    /// previous one has left.
    pub(super) fn predicates(&self, schema: &SchemaDescriptor, folder: &PartFolder) -> Vec<Box<dyn ArrowPredicate>> {
        let mut predicates: Vec<Box<dyn ArrowPredicate>> = Vec::new();
        for condition in &self.conditions {
            let condition = condition.clone();
            if !is_in_path(&condition, schema) {
                let mask = ProjectionMask::columns(schema, condition.names());
                predicates.push(Box::new(ArrowPredicateFn::new(mask, move |batch| matches(&condition, &batch))));
            } else if !folder.names_source() {
                let path = folder.source();
                let mask = ProjectionMask::columns(schema, ["unmapped"]);
                let predicate = move |batch: RecordBatch| matches_unmapped(&condition, path.as_deref(), &batch);
                predicates.push(Box::new(ArrowPredicateFn::new(mask, predicate)));
            }
        }
        if let Some((from, to)) = self.times {
            let mask = ProjectionMask::columns(schema, [EVENT_TIME]);
            let predicate = move |batch: RecordBatch| {
                let times = batch.columns().first().and_then(|column| column.as_primitive_opt());
                let times: &PrimitiveArray<TimestampMillisecondType> =
                    times.ok_or_else(|| ArrowError::SchemaError("event_time is no time".to_owned()))?;
                Ok(BooleanArray::from_unary(times, |time| (from..=to).contains(&time)))
            };
            predicates.push(Box::new(ArrowPredicateFn::new(mask, predicate)));
        }
        predicates
    }
}

/// Whether the files lack the column because it is in the path.
fn is_in_path(condition: &Condition, schema: &SchemaDescriptor) -> bool {
    matches!(*condition.columns, [(EVENT_SOURCE, _)]) && column_of(schema, EVENT_SOURCE).is_none()
}

fn may_hold(wanted: &WantedValues, statistics: Option<&Statistics>, rows: i64) -> bool {
    let Some(statistics) = statistics else { return true };
    if statistics.null_count_opt().is_some_and(|nulls| i64::try_from(nulls) == Ok(rows)) {
        return false;
    }
    let bounds = statistics.min_bytes_opt().zip(statistics.max_bytes_opt());
    bounds.is_none_or(|(least, most)| wanted.is_within(least, most))
}

/// The rows of the pages of a column that `may_hold` accepts; it returns `None` for pages without a value. All rows
/// when nothing is known about the pages.
fn rows_of_pages(
    index: &RowGroupPageIndex,
    column: usize,
    rows: usize,
    may_hold: impl Fn(&ColumnIndexMetaData, usize) -> Option<bool>,
) -> Vec<Range<usize>> {
    let (Some(column_index), Some(pages)) = (index.column_index(column), index.page_locations(column)) else {
        return std::iter::once(0..rows).collect();
    };
    let starts = || pages.iter().map(|page| usize::try_from(page.first_row_index).unwrap_or_default());
    let ends = starts().skip(1).chain([rows]);
    let ranges = starts().zip(ends).enumerate();
    ranges
        .filter(|(page, _)| may_hold(column_index, *page).unwrap_or(false))
        .map(|(_, (start, end))| start..end)
        .collect()
}

/// Sorted ranges, with adjacent ones merged.
fn union(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut all: Vec<Range<usize>> = Vec::new();
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        match all.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}

/// The intersection of two lists of sorted ranges.
pub(super) fn intersection(one: &[Range<usize>], two: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut one, mut two) = (one.iter().peekable(), two.iter().peekable());
    let mut both = Vec::new();
    while let (Some(left), Some(right)) = (one.peek(), two.peek()) {
        let common = left.start.max(right.start)..left.end.min(right.end);
        if left.end <= right.end {
            one.next();
        } else {
            two.next();
        }
        if !common.is_empty() {
            both.push(common);
        }
    }
    both
}

fn matches(condition: &Condition, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
    let mut found = vec![false; batch.num_rows()];
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let Some(wanted) = condition.wanted(field.name()) else { continue };
        let texts = TextValues::of(column).ok_or_else(|| ArrowError::SchemaError("no text".to_owned()))?;
        match texts {
            TextValues::Dictionary(keys, words) if words.len() < keys.len() => {
                let is_wanted: Vec<bool> = words.iter().map(|word| word.is_some_and(|word| wanted.has(word))).collect();
                for (found, key) in found.iter_mut().zip(keys) {
                    *found |= key.is_some_and(|key| is_wanted[key as usize]);
                }
            }
            texts => {
                for (row, found) in found.iter_mut().enumerate() {
                    *found |= texts.value(row).is_some_and(|text| wanted.has(text));
                }
            }
        }
    }
    Ok(found.into())
}

/// The same for an event source that the path does not preserve: it is in `unmapped` then.
fn matches_unmapped(
    condition: &Condition,
    path: Option<&str>,
    batch: &RecordBatch,
) -> Result<BooleanArray, ArrowError> {
    let unmapped = batch.columns().first().and_then(TextValues::of);
    let unmapped = unmapped.ok_or_else(|| ArrowError::SchemaError("unmapped is no text".to_owned()))?;
    let is_wanted = |row: usize| match unmapped.value(row).and_then(|json| text_member(json, "eventSource")) {
        Some(source) => condition.has_source(&source),
        None => path.is_some_and(|source| !is_hidden(source) && condition.has_source(source)),
    };
    Ok((0..batch.num_rows()).map(is_wanted).collect::<Vec<bool>>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_merged_and_intersected() {
        assert_eq!(union(vec![4..6, 0..2, 2..3, 5..9, 7..7]), [0..3, 4..9]);
        assert_eq!(intersection(&[0..3, 4..9], &[2..5, 8..20]), [2..3, 4..5, 8..9]);
        assert!(intersection(&[0..1, 2..3], &[1..2, 3..5]).is_empty());
    }

    #[track_caller]
    fn check(filter: &RestoreFilter, path: &str, expected: bool) {
        assert_eq!(Filter::new(filter).wants_folder(&PartFolder::new(path)), expected, "{path}");
    }

    #[test]
    fn folders_are_skipped_by_name() {
        let dates = RestoreFilter {
            from_ms: Some(365 * MS_PER_DAY),
            to_ms: Some(367 * MS_PER_DAY - 1),
            ..RestoreFilter::default()
        };
        check(&dates, "events/event_date=1971-01-01", true);
        check(&dates, "events/event_date=1971-01-02", true);
        check(&dates, "events/event_date=1970-12-31", false);
        check(&dates, "events/event_date=__HIVE_DEFAULT_PARTITION__", false);
        check(&dates, "events/event_month=1970-12", false);
        check(&dates, "events/account=1/event_month=1971-01", true);
        check(&dates, "events/account=1", true);
        let others = RestoreFilter {
            accounts: vec!["1".into(), String::new()],
            regions: vec!["A/b".into()],
            ..RestoreFilter::default()
        };
        check(&others, "events/account=1/region=a%2Fb", true);
        check(&others, "events/account=1/region=a%2Fc", false);
        check(&others, "events/account=12", false);
        check(&others, "events/account=__HIVE_DEFAULT_PARTITION__", true);
    }
}
