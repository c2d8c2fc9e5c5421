//! What a caller wants to read, and the form of its rows.
//!
//! In: inputs, tables, names of columns. Out: the same in the terms of a conversion. Never: opens anything.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::large::SEGMENT_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{STDIN, Selection, check_local, check_place, limits};
use crate::schema::Table;
use crate::store::{ObjectUrl, StoreOptions};

/// What is read, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Files, folders, `s3://` URLs, and `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// Files whose lines name archives, or contain queue messages that do.
    pub inputs_from: Vec<PathBuf>,
    /// How buckets are reached.
    pub store: StoreOptions,
    /// Tables whose rows are wanted, of [`Table::Events`] and [`Table::UsageRecords`].
    pub tables: Vec<Table>,
    /// Names of the wanted columns of a table, in the order of the table; without an entry all columns are.
    pub columns: Vec<(Table, Vec<String>)>,
    /// Which events are wanted.
    pub selection: Selection,
    /// Threads that inflate, parse and flatten.
    pub threads: usize,
    /// Bytes of memory for all data in flight, as for a conversion.
    pub memory_limit: u64,
    /// Maximum bytes of text of one archive.
    pub max_inflated_bytes: u64,
    /// Bytes of text that are converted together; an archive with more than eight times as many is converted in segments.
    pub segment_bytes: usize,
    /// Folder for a copy of standard input.
    pub scratch: Option<PathBuf>,
}

impl Default for ReadOptions {
    /// No inputs: for a [`Decoder`](super::Decoder).
    fn default() -> Self {
        Self::new(Vec::<PathBuf>::new())
    }
}

impl ReadOptions {
    /// All events below these inputs, with the limits of a conversion.
    #[must_use]
    pub fn new(inputs: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let inputs = inputs.into_iter().map(Into::into).collect();
        Self {
            inputs,
            inputs_from: Vec::new(),
            store: StoreOptions::default(),
            tables: vec![Table::Events],
            columns: Vec::new(),
            selection: Selection::default(),
            threads: limits::threads(),
            memory_limit: limits::MEMORY,
            max_inflated_bytes: limits::INFLATED_BYTES,
            segment_bytes: SEGMENT_BYTES,
            scratch: None,
        }
    }

    /// The same for these tables.
    #[must_use]
    pub fn tables(self, tables: impl IntoIterator<Item = Table>) -> Self {
        Self { tables: tables.into_iter().collect(), ..self }
    }

    /// The same with only some columns of a table. Other columns are checked as usual, but not copied.
    #[must_use]
    pub fn columns<'n>(mut self, table: Table, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.columns.retain(|(of, _)| *of != table);
        self.columns.push((table, names.into_iter().map(str::to_owned).collect()));
        self
    }

    /// The same with this many threads that inflate, parse and flatten.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The same with this many bytes of memory for all data in flight.
    #[must_use]
    pub fn memory_limit(self, bytes: u64) -> Self {
        Self { memory_limit: bytes, ..self }
    }

    /// The same with this many bytes of text that are converted together: more make fewer and larger batches.
    #[must_use]
    pub fn segment_bytes(self, bytes: usize) -> Self {
        Self { segment_bytes: bytes, ..self }
    }

    /// The same with a store that replaces a bucket: objects below `s3://{bucket}/` are read from it.
    #[cfg(feature = "s3")]
    #[must_use]
    pub fn object_store(mut self, bucket: &str, store: Arc<dyn crate::store::ObjectStore>) -> Self {
        self.store.object_stores.insert(bucket.to_owned(), store);
        self
    }

    /// Bytes of memory for objects of S3 that are fetched ahead.
    pub(crate) fn prefetch_memory(&self) -> u64 {
        let may_be_objects = !self.inputs_from.is_empty() || self.inputs.iter().any(|input| ObjectUrl::is_url(input));
        if may_be_objects { self.memory_limit / 8 } else { 0 }
    }

    /// Checks what types cannot express.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] with the flag to change.
    pub(crate) fn validate(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorKind::ConfigInvalid, message));
        if self.inputs.is_empty() && self.inputs_from.is_empty() {
            return invalid("name at least one file, folder or s3:// URL to convert, or use --inputs-from");
        }
        if self.inputs.iter().chain(&self.inputs_from).filter(|input| input.as_os_str() == STDIN).count() > 1 {
            return invalid("standard input can be read only once");
        }
        self.inputs.iter().try_for_each(|input| check_place("INPUT", input))?;
        self.inputs_from.iter().try_for_each(|file| check_local("--inputs-from", file))?;
        self.validate_rows()
    }

    /// Checks the options for rows.
    pub(super) fn validate_rows(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorKind::ConfigInvalid, message));
        if self.tables.is_empty() || self.tables.iter().any(|table| !table.is_partitioned()) {
            return invalid("--tables takes usage_records, events or both");
        }
        if self.threads == 0 {
            return invalid("--threads must be at least 1");
        }
        if self.segment_bytes == 0 {
            return invalid("a segment has at least one byte of text");
        }
        if self.memory_limit < limits::MIN_MEMORY {
            return invalid("--memory-limit must be at least 64MiB");
        }
        if let (Some(from), Some(to)) = (self.selection.from_day, self.selection.to_day)
            && from > to
        {
            return invalid("--from is later than --to");
        }
        Ok(())
    }

    /// The tables that are wanted, with their columns.
    pub(super) fn wanted(&self) -> Result<Vec<WantedTable>> {
        self.tables.iter().map(|table| WantedTable::new(*table, &self.columns)).collect()
    }
}

/// A table that is wanted.
pub(super) struct WantedTable {
    pub(super) table: Table,
    /// Positions of the columns among those of the table, ascending.
    pub(super) columns: Vec<usize>,
    pub(super) schema: SchemaRef,
}

impl WantedTable {
    pub(super) fn find(wanted: &[Self], table: Table) -> Option<&Self> {
        wanted.iter().find(|wanted| wanted.table == table)
    }

    fn new(table: Table, columns: &[(Table, Vec<String>)]) -> Result<Self> {
        let invalid = |message: String| Error::new(ErrorKind::ConfigInvalid, message);
        if !table.is_partitioned() {
            let why = "only events and usage_records can be read from archives";
            return Err(invalid(format!("{}: {why}", table.name())));
        }
        let position = |name: &String| {
            let unknown = || invalid(format!("{}: there is no column `{name}`", table.name()));
            table.column_index(name).ok_or_else(unknown)
        };
        let mut positions = match columns.iter().find(|(of, _)| *of == table) {
            Some((_, names)) => names.iter().map(position).collect::<Result<Vec<_>>>()?,
            None => (0..table.columns().len()).collect(),
        };
        positions.sort_unstable();
        positions.dedup();
        let schema = Arc::new(table.arrow_schema().project(&positions).map_err(Error::internal)?);
        Ok(Self { table, columns: positions, schema })
    }
}
