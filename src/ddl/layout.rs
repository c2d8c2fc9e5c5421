//! What a lake says of itself: its tables, how they are partitioned, and which of them have files.
//!
//! In: the folder of a lake. Out: what its commits tell. Never: a listing of folders, a row, or a guess.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::Commits;
use crate::lake::file::damaged;
use crate::lake::root::Root;
use crate::lake::write::hold_shared;
use crate::model::PartitionColumn;
use crate::rows::partition::value_in_path;
use crate::schema::{Column, Table};
use crate::store::{Session, StoreOptions};

/// The tables of a lake.
#[derive(Debug)]
pub(super) struct LakeLayout {
    /// The lake, absolute, or its URL.
    pub(super) root: PathBuf,
    /// Tables that runs fill, in the order of the documentation.
    pub(super) tables: Vec<Table>,
    /// Partition columns of `events` and `usage_records`.
    pub(super) partition_by: Vec<PartitionColumn>,
    /// Tables that have files.
    filled: Vec<Table>,
    /// Values of `event_date`, or of `event_month`, as folders have them.
    pub(super) dates: BTreeSet<String>,
}

impl LakeLayout {
    /// Reads the commits of a lake.
    ///
    /// # Errors
    ///
    /// A place that is no lake, one that has no commit yet, one that a run is writing to, and damage.
    pub(super) fn read(lake: &Path, store: &StoreOptions) -> Result<Self> {
        let root = Root::existing(lake, &Session::new(store))?;
        let _lock = hold_shared(&root)?;
        let commits = Commits::read(&root)?;
        let Some(first) = commits.published.first() else {
            let message = "no run has published anything there";
            return Err(Error::at(ErrorKind::LakeInvalid, lake, message).advise("run trailmill convert first"));
        };
        let settings = &first.commit_metadata.settings;
        let unknown = || damaged(root.path(), format!("its layout is unknown: {settings:?}"));
        let (rows, partition_by) = settings.layout().ok_or_else(unknown)?;
        let is_there = |table: &Table| !table.is_partitioned() || rows.contains(table);
        let tables: Vec<Table> = Table::ALL.into_iter().filter(is_there).collect();
        // No commit lists its own part of `archives`, and each has one.
        let has_files = |table: &Table| *table == Table::Archives || commits.listed(&root, *table).next().is_some();
        let filled = tables.iter().copied().filter(has_files).collect();
        let dates = partition_by.iter().find(|column| is_of_time(**column)).map_or_else(BTreeSet::new, |column| {
            let parts = tables.iter().flat_map(|table| commits.listed(&root, *table));
            parts.filter_map(|part| value_in_path(Path::new(&part.path), *column)).collect()
        });
        Ok(Self { root: root.path().to_owned(), tables, partition_by, filled, dates })
    }

    /// Whether a table has any file.
    pub(super) fn has_files(&self, table: Table) -> bool {
        self.filled.contains(&table)
    }

    /// Names of the tables that have no file yet, and for which `is_meant` is true.
    pub(super) fn names_without_files(&self, is_meant: impl Fn(Table) -> bool) -> String {
        let empty = self.tables.iter().filter(|table| !self.has_files(**table) && is_meant(**table));
        empty.map(|table| table.name()).collect::<Vec<_>>().join(" and ")
    }

    /// The partition columns of a table.
    pub(super) fn partition_columns(&self, table: Table) -> &[PartitionColumn] {
        if table.is_partitioned() { &self.partition_by } else { &[] }
    }

    /// The columns that the files of a table have.
    pub(super) fn file_columns(&self, table: Table) -> impl Iterator<Item = &'static Column> {
        let in_path = self.partition_columns(table);
        table.columns().iter().filter(move |column| !in_path.iter().any(|it| it.as_str() == column.name))
    }

    /// Whether a column is in the path of events.
    pub(super) fn is_partitioned_by(&self, column: PartitionColumn) -> bool {
        self.partition_by.contains(&column)
    }
}

/// Whether the values of a partition column follow from the time of the event.
pub(super) const fn is_of_time(column: PartitionColumn) -> bool {
    matches!(column, PartitionColumn::EventDate | PartitionColumn::EventMonth)
}
