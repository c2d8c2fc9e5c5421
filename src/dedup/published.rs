//! The keys of events that are in the lake.
//!
//! In: parts, and the dates that are asked for. Out: the keys of their rows. Never: reads any other column, or parts of
//! other dates.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;

use crate::columns::text_values::TextValues;
use crate::error::Result;
use crate::flatten::timestamp::civil_from_days;
use crate::lake::file::{LakeFile, damaged};
use crate::lake::root::Root;
use crate::lake::{Commits, key_table};
use crate::model::PartitionColumn;
use crate::rows::event_key::{EventKey, Identity};
use crate::schema::Table;

const ARCHIVE: &str = "archive";

/// Dates as the paths of a lake distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PartitionDate {
    /// A day, in days since 1970.
    Day(i64),
    /// A month, in months since year 0.
    Month(i64),
    /// None: the event has no time.
    Unknown,
    /// The paths have no dates.
    All,
}

/// The granularity of dates in paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Granularity {
    Day,
    Month,
    All,
}

impl PartitionDate {
    /// The date of a folder such as `event_date=2018-04-19`; `None` when its name contains none.
    fn of_folder(folder: &str, granularity: Granularity) -> Option<Self> {
        let (name, value) = folder.split_once('=')?;
        let number = |text: &str| text.parse::<i16>().ok();
        match (granularity, name) {
            (Granularity::Day, "event_date") => {
                let date = value.parse::<jiff::civil::Date>().ok();
                let epoch = jiff::civil::date(1970, 1, 1);
                let day = date.and_then(|date| date.since(epoch).ok()).map(|span| i64::from(span.get_days()));
                Some(day.map_or(Self::Unknown, Self::Day))
            }
            (Granularity::Month, "event_month") => {
                let month = value.split_once('-').and_then(|(year, month)| Some((number(year)?, number(month)?)));
                Some(month.map_or(Self::Unknown, |(year, month)| Self::month(year.into(), month.into())))
            }
            _ => None,
        }
    }

    const fn month(year: i64, month: i64) -> Self {
        Self::Month(year * 12 + month - 1)
    }
}

/// Parts of a lake by the dates of their rows.
#[derive(Debug)]
pub(crate) struct PublishedKeys {
    root: Root,
    granularity: Granularity,
    parts: HashMap<PartitionDate, Vec<PathBuf>>,
    /// Archives whose rows do not count, by URI: they are converted again.
    excluded: BTreeSet<String>,
}

impl PublishedKeys {
    /// The keys of events in the lake of a run, read on demand.
    ///
    /// # Errors
    ///
    /// When the lake cannot be read.
    pub(crate) fn of_lake(root: &Root, tables: &[Table], partition_by: &[PartitionColumn]) -> Result<Self> {
        let table = key_table(tables);
        let parts = Commits::read(root)?.parts_of(root, table);
        Ok(Self::new(root, table, parts, partition_by))
    }

    /// The keys in `parts` of a table, which are in folders by `partition_by`.
    pub(crate) fn new(root: &Root, table: Table, parts: Vec<PathBuf>, partition_by: &[PartitionColumn]) -> Self {
        let table = root.join(table.name());
        let granularity = if partition_by.contains(&PartitionColumn::EventDate) {
            Granularity::Day
        } else if partition_by.contains(&PartitionColumn::EventMonth) {
            Granularity::Month
        } else {
            Granularity::All
        };
        let mut by_dates: HashMap<PartitionDate, Vec<PathBuf>> = HashMap::new();
        for path in parts {
            let mut folders = path.strip_prefix(&table).unwrap_or(&path).iter().filter_map(|folder| folder.to_str());
            let dates =
                folders.find_map(|folder| PartitionDate::of_folder(folder, granularity)).unwrap_or(match granularity {
                    Granularity::All => PartitionDate::All,
                    Granularity::Day | Granularity::Month => PartitionDate::Unknown,
                });
            by_dates.entry(dates).or_default().push(path);
        }
        Self { root: root.clone(), granularity, parts: by_dates, excluded: BTreeSet::new() }
    }

    /// The date whose parts may hold an event of this day, in days since 1970.
    pub(crate) fn dates(&self, day: Option<i64>) -> PartitionDate {
        match (self.granularity, day) {
            (Granularity::All, _) => PartitionDate::All,
            (_, None) => PartitionDate::Unknown,
            (Granularity::Day, Some(day)) => PartitionDate::Day(day),
            (Granularity::Month, Some(day)) => {
                let (year, month, _) = civil_from_days(day);
                PartitionDate::month(year, month)
            }
        }
    }

    /// The same without the rows of some archives.
    pub(crate) fn without(mut self, archives: BTreeSet<String>) -> Self {
        self.excluded = archives;
        self
    }

    /// All dates that have parts, in order.
    #[cfg(test)]
    pub(crate) fn all_dates(&self) -> Vec<PartitionDate> {
        let mut dates: Vec<_> = self.parts.keys().copied().collect();
        dates.sort_unstable();
        dates
    }

    /// Calls `visit` with the key of every row of these dates that has one.
    ///
    /// # Errors
    ///
    /// A part that cannot be read, or that has other columns; and what `visit` returns.
    pub(crate) fn read(&self, dates: PartitionDate, visit: &mut dyn FnMut(EventKey) -> Result<()>) -> Result<()> {
        let parts = self.parts.get(&dates).map_or(&[][..], Vec::as_slice);
        parts.iter().try_for_each(|path| self.read_part(path, visit))
    }

    fn read_part(&self, path: &Path, visit: &mut dyn FnMut(EventKey) -> Result<()>) -> Result<()> {
        let archive = (!self.excluded.is_empty()).then_some(ARCHIVE);
        let columns = KeyColumns::NAMES.into_iter().chain(archive);
        let mut buffer = Vec::new();
        for batch in LakeFile::open(&self.root, path)?.columns(columns).batches()? {
            let batch = batch?;
            let keys = KeyColumns::of(&batch).ok_or_else(|| damaged(path, "a key column is missing"))?;
            let archives = batch.column_by_name(ARCHIVE).and_then(|column| column.as_string_opt::<i32>());
            let is_excluded = |row| archives.is_some_and(|archives| self.excluded.contains(archives.value(row)));
            for row in 0..batch.num_rows() {
                if let Some(identity) = keys.identity(row)
                    && !is_excluded(row)
                {
                    visit(identity.key(&mut buffer))?;
                }
            }
        }
        Ok(())
    }
}

/// The columns of a batch that make keys.
pub(crate) struct KeyColumns<'b> {
    event_id: TextValues<'b>,
    account: TextValues<'b>,
    event_time: &'b PrimitiveArray<TimestampMillisecondType>,
    event_name: TextValues<'b>,
}

impl<'b> KeyColumns<'b> {
    /// Their names.
    pub(crate) const NAMES: [&'static str; 4] = ["event_id", "recipient_account_id", "event_time", "event_name"];

    /// `None` when one of them is missing.
    pub(crate) fn of(batch: &'b RecordBatch) -> Option<Self> {
        let text = |name| TextValues::of(batch.column_by_name(name)?);
        let [event_id, account, event_time, event_name] = Self::NAMES;
        Some(Self {
            event_id: text(event_id)?,
            account: text(account)?,
            event_time: batch.column_by_name(event_time)?.as_primitive_opt()?,
            event_name: text(event_name)?,
        })
    }

    /// The identity of a row; `None` when its event has none.
    pub(crate) fn identity(&self, row: usize) -> Option<Identity<'b>> {
        let time = self.event_time.is_valid(row).then(|| self.event_time.value(row));
        Identity::new(self.event_id.value(row), self.account.value(row), time, self.event_name.value(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Session;

    #[test]
    fn dates_are_read_from_folders() {
        assert_eq!(PartitionDate::of_folder("event_date=1970-01-02", Granularity::Day), Some(PartitionDate::Day(1)));
        assert_eq!(
            PartitionDate::of_folder("event_date=__HIVE_DEFAULT_PARTITION__", Granularity::Day),
            Some(PartitionDate::Unknown)
        );
        assert_eq!(
            PartitionDate::of_folder("event_month=2025-03", Granularity::Month),
            Some(PartitionDate::month(2025, 3))
        );
        assert_eq!(PartitionDate::of_folder("region=us-east-1", Granularity::Day), None);
        assert_eq!(PartitionDate::of_folder("part-000001-00000.parquet", Granularity::Day), None);
    }

    #[test]
    fn events_are_searched_in_their_own_partition() {
        let root = Root::of(Path::new("/lake"), &Session::default()).unwrap();
        let parts = |folder: &str| vec![PathBuf::from(format!("/lake/events/{folder}/part-000001-00000.parquet"))];
        for (by, folder, day) in [
            (&[PartitionColumn::EventDate][..], "event_date=1970-01-02", Some(1)),
            (&[PartitionColumn::Region, PartitionColumn::EventDate], "region=x/event_date=1969-12-31", Some(-1)),
            (&[PartitionColumn::EventMonth], "event_month=1970-02", Some(40)),
            (&[PartitionColumn::EventMonth], "event_month=__HIVE_DEFAULT_PARTITION__", None),
            (&[PartitionColumn::Account], "account=1", Some(0)),
            (&[PartitionColumn::Account], "account=1", None),
        ] {
            let keys = PublishedKeys::new(&root, Table::Events, parts(folder), by);
            assert_eq!(keys.all_dates(), [keys.dates(day)], "{folder}");
        }
    }
}
