//! What a caller wants to read, and how its rows look.
//!
//! In: inputs, tables, names of columns. Out: the same as a conversion understands it. Never: opens anything.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::config::{Config, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::rows::Batch;
use crate::schema::Table;
use crate::store::StoreOptions;

/// What is read, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Files, folders, `s3://` URLs, and `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// Files with lines that name archives, or notices of queues that do.
    pub inputs_from: Vec<PathBuf>,
    /// How buckets are reached.
    pub store: StoreOptions,
    /// Tables whose rows are wanted, of [`Table::Events`] and [`Table::UsageRecords`].
    pub tables: Vec<Table>,
    /// Names of the columns that are wanted of a table, in the order of the table; of a table without an entry all are.
    pub columns: Vec<(Table, Vec<String>)>,
    /// Which events are wanted.
    pub selection: Selection,
    /// Threads that inflate, parse and flatten.
    pub threads: usize,
    /// Bytes of memory for all that is on its way, as for a conversion.
    pub memory_limit: u64,
    /// Bytes of text that one archive may have.
    pub max_inflated_bytes: u64,
    /// Folder for what is piped in.
    pub scratch: Option<PathBuf>,
}

impl ReadOptions {
    /// All events below these inputs, with the limits of a conversion.
    #[must_use]
    pub fn new(inputs: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let inputs = inputs.into_iter().map(Into::into).collect();
        let Config {
            inputs, inputs_from, store, selection, threads, memory_limit, max_inflated_bytes, scratch, ..
        } = Config::new(inputs, PathBuf::new());
        Self {
            inputs,
            inputs_from,
            store,
            tables: vec![Table::Events],
            columns: Vec::new(),
            selection,
            threads,
            memory_limit,
            max_inflated_bytes,
            scratch,
        }
    }

    /// The same for these tables.
    #[must_use]
    pub fn tables(self, tables: impl IntoIterator<Item = Table>) -> Self {
        Self { tables: tables.into_iter().collect(), ..self }
    }

    /// The same with some columns of a table only. What nobody asks for is checked as ever, but not copied.
    #[must_use]
    pub fn columns<'n>(mut self, table: Table, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.columns.retain(|(of, _)| *of != table);
        self.columns.push((table, names.into_iter().map(str::to_owned).collect()));
        self
    }

    /// The same with so many threads that inflate, parse and flatten.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The same with so many bytes of memory for all that is on its way.
    #[must_use]
    pub fn memory_limit(self, bytes: u64) -> Self {
        Self { memory_limit: bytes, ..self }
    }

    pub(super) fn config(&self) -> Config {
        Config {
            inputs_from: self.inputs_from.clone(),
            store: self.store.clone(),
            tables: self.tables.clone(),
            selection: self.selection.clone(),
            threads: self.threads,
            memory_limit: self.memory_limit,
            max_inflated_bytes: self.max_inflated_bytes,
            scratch: self.scratch.clone(),
            dedup: false,
            dry_run: true,
            ..Config::new(self.inputs.clone(), PathBuf::new())
        }
    }

    /// The tables that are wanted, with their columns.
    pub(super) fn wanted(&self) -> Result<Vec<Wanted>> {
        self.tables.iter().map(|table| Wanted::new(*table, &self.columns)).collect()
    }
}

/// A table that is wanted.
pub(super) struct Wanted {
    pub(super) table: Table,
    /// Positions of the columns among those of the table, rising.
    pub(super) columns: Vec<usize>,
    pub(super) schema: SchemaRef,
}

impl Wanted {
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

    /// A batch with the columns that are wanted, in the types of the files.
    pub(super) fn typed(&self, batch: &Batch) -> Result<RecordBatch> {
        batch.typed(&self.schema, self.columns.iter().copied())
    }
}
