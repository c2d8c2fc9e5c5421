//! Stages by themselves, for the benches.
//!
//! In: what a stage takes. Out: counts, so that no work can be left out. Never: part of the interface that users can rely
//! on.

use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPoolBuilder;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::input::{Inflated, Inflater};
use crate::output::{EncodeContext, Pressure, TableWriters};
use crate::pool::Pool;
use crate::report::StageClock;
use crate::schema::Table;
use crate::transform::{Batch, Converter, Cutter, Plan, Source};

/// Text of a bench's archive at most.
const MOST_TEXT_BYTES: usize = 1 << 30;

/// Gunzips; the length of the text.
///
/// # Errors
///
/// When it is no sound archive.
pub fn inflate(inflater: &mut ArchiveInflater, stored: &[u8]) -> Result<usize> {
    match inflater.0.inflate(stored, MOST_TEXT_BYTES) {
        Inflated::Text(length, None) => Ok(length),
        _ => Err(Error::internal("a bench has a damaged archive")),
    }
}

/// Buffers of [`inflate`].
#[derive(Default)]
pub struct ArchiveInflater(Inflater);

impl ArchiveInflater {
    /// The text of the last call, which returned its length.
    #[must_use]
    pub fn text(&self, length: usize) -> &[u8] {
        self.0.text(length)
    }
}

/// Cuts and converts archives to batches.
pub struct ArchiveConverter(Converter);

/// Batches of one archive.
pub struct Batches(Vec<Batch>);

impl Batches {
    /// Rows of a table.
    #[must_use]
    pub fn rows(&self, table: Table) -> usize {
        self.0.iter().filter(|batch| batch.table == table).map(|batch| batch.rows).sum()
    }
}

impl ArchiveConverter {
    /// For these tables, of [`Table::Events`] and [`Table::UsageRecords`].
    #[must_use]
    pub fn new(tables: &[Table]) -> Self {
        let config = Config::new(Vec::new(), "lake".into());
        Self(Converter::new(Plan {
            events: tables.contains(&Table::Events),
            usage_records: tables.contains(&Table::UsageRecords),
            partition_by: config.partition_by,
            selection: config.selection,
            reads_all: false,
            register: None,
        }))
    }

    /// Only cuts: the events of a text.
    pub fn cut(&mut self, text: &[u8]) -> usize {
        let mut elements = Vec::new();
        Cutter::new().cut(self.0.parser(), text, true, &mut elements);
        elements.len()
    }

    /// Cuts, reads and flattens.
    ///
    /// # Errors
    ///
    /// None that an archive could cause.
    pub fn convert(&mut self, text: &[u8]) -> Result<Batches> {
        let verdict = self.0.convert(Source { uri: "file:///bench.json.gz", position: 0 }, text, None);
        if !verdict.findings.is_empty() {
            return Err(Error::internal("a bench has a damaged archive"));
        }
        Ok(Batches(self.0.finish()?))
    }
}

/// Encodes and writes batches below a folder with one thread; bytes written.
///
/// # Errors
///
/// When the folder cannot be written to.
pub fn encode(config: &Config, batches: &Batches, folder: &Path) -> Result<u64> {
    let context = Arc::new(EncodeContext {
        pool: Arc::new(ThreadPoolBuilder::new().num_threads(1).build().map_err(Error::internal)?),
        pressure: Arc::new(Pressure::default()),
        clock: Arc::new(StageClock::default()),
        compression: config.compression,
        compressors: Pool::default(),
    });
    let mut writers = TableWriters::new(config, context, folder, "000001")?;
    for batch in &batches.0 {
        let Batch { table, partition, columns, rows, bytes } = batch;
        let (partition, columns) = (Arc::clone(partition), columns.clone());
        writers.push(Batch { table: *table, partition, columns, rows: *rows, bytes: *bytes })?;
    }
    Ok(writers.finish()?.iter().map(|part| part.bytes).sum())
}
