//! Rows of archives as Arrow batches, for programs that use the library.
//!
//! In: [`ReadOptions`]. Out: batches in the types of the tables, in the order of the archives, then a [`Summary`]. Never:
//! takes back a batch that was returned, or reads ahead more than a window of work.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::in_order::{InOrder, OrderedItem};
use super::options::{ReadOptions, WantedTable};
use super::worker::Converted;
use super::{count, open, plan_batches};
use crate::clock::StageClock;
use crate::error::{Error, ErrorKind, Finding, Result};
use crate::input::Archive;
use crate::report::{Progress, Summary};
use crate::rows::Batch;
use crate::schema::Table;

/// Rows of one table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableBatch {
    /// The table.
    pub table: Table,
    /// Its rows, in the types of [`Reader::schema`].
    pub rows: RecordBatch,
}

impl TableBatch {
    pub(super) fn of(batch: &Batch, wanted: &[WantedTable]) -> Result<Self> {
        let wanted = WantedTable::find(wanted, batch.table).ok_or_else(|| Error::internal("rows that nobody wants"))?;
        let rows = batch.typed(&wanted.schema, wanted.columns.iter().copied())?;
        Ok(Self { table: batch.table, rows })
    }
}

/// The outcome of one archive, after all of its rows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ArchiveEnd {
    /// Its URI, as in the column `archive`.
    pub archive: String,
    /// `converted`, `quarantined` or `foreign`, as in the table `archives`.
    pub status: &'static str,
    /// Its kind: `log`, `insight`, `unreadable` …
    pub kind: &'static str,
    /// Events in it, including refused ones.
    pub events: u64,
    /// What is wrong with it or its events.
    pub findings: Vec<Finding>,
}

impl From<Converted> for ArchiveEnd {
    fn from(converted: Converted) -> Self {
        let Converted { uri, outcome, .. } = converted;
        Self {
            archive: uri,
            status: outcome.status.as_str(),
            kind: outcome.kind,
            events: outcome.events_seen,
            findings: outcome.findings,
        }
    }
}

/// Receives rows and archives, in the order of the archives.
pub trait Sink {
    /// Takes rows.
    ///
    /// # Errors
    ///
    /// Any error ends the reading.
    fn rows(&mut self, batch: TableBatch) -> Result<()>;

    /// Takes the outcome of an archive, after its rows.
    ///
    /// # Errors
    ///
    /// Any error ends the reading.
    fn archive(&mut self, _archive: ArchiveEnd) -> Result<()> {
        Ok(())
    }
}

/// Reads archives on threads of its own, and returns their rows in order. See [the module](crate::reader).
pub struct Reader {
    started: Instant,
    pub(super) progress: Arc<Progress>,
    clock: Arc<StageClock>,
    archives: Arc<Vec<Archive>>,
    wanted: Vec<WantedTable>,
    pieces: InOrder,
    ready: VecDeque<Item>,
    handed_out: [u64; 2],
    summary: Summary,
    is_done: bool,
    /// What ended the reading early.
    failed: Option<Error>,
}

/// What is returned next.
enum Item {
    Rows(TableBatch),
    Archive(ArchiveEnd),
}

impl Reader {
    /// Finds the archives and begins to read them.
    ///
    /// # Errors
    ///
    /// Invalid options, columns that no table has, inputs that cannot be listed.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        Self::with_progress(options, Arc::default())
    }

    /// The same, with a handle to watch the progress, or to stop.
    ///
    /// # Errors
    ///
    /// As [`Reader::new`].
    pub fn with_progress(options: &ReadOptions, progress: Arc<Progress>) -> Result<Self> {
        let started = Instant::now();
        let wanted = options.wanted()?;
        options.validate()?;
        let (request, found) = open(options, &progress)?;
        let (archives, clock) = (Arc::clone(&request.archives), Arc::clone(&request.clock));
        let mut summary = Summary { notices: found.notices, wrong_notices: found.wrong_notices, ..Summary::default() };
        summary.archives.seen = archives.len() as u64;
        let pieces = InOrder::new(request, plan_batches(options, &wanted));
        Ok(Self {
            started,
            progress,
            clock,
            archives,
            wanted,
            pieces,
            ready: VecDeque::new(),
            handed_out: [0; 2],
            summary,
            is_done: false,
            failed: None,
        })
    }

    /// The columns of a table's batches: those wanted of its files' columns, in their order; `None` for a table that
    /// is not wanted.
    #[must_use]
    pub fn schema(&self, table: Table) -> Option<SchemaRef> {
        self.wanted(table).map(|wanted| Arc::clone(&wanted.schema))
    }

    fn wanted(&self, table: Table) -> Option<&WantedTable> {
        WantedTable::find(&self.wanted, table)
    }

    /// Reads everything into a sink; the counts.
    ///
    /// # Errors
    ///
    /// What ends the reading, and errors of the sink.
    pub fn run(mut self, sink: &mut impl Sink) -> Result<Summary> {
        while let Some(item) = self.next_item()? {
            match item {
                Item::Rows(batch) => sink.rows(batch)?,
                Item::Archive(archive) => sink.archive(archive)?,
            }
        }
        self.close()
    }

    /// Reads the rest, and returns the counts, which are those of a conversion that finds no copies.
    ///
    /// # Errors
    ///
    /// What ends the reading, or has ended it.
    pub fn finish(mut self) -> Result<Summary> {
        while self.next_item()?.is_some() {}
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.close()
    }

    /// The rows of the only table that is wanted, for code that takes a [`RecordBatchReader`].
    ///
    /// # Errors
    ///
    /// When several tables are wanted, or none.
    pub fn into_table(self) -> Result<TableReader> {
        match self.wanted.as_slice() {
            [wanted] => Ok(TableReader { schema: Arc::clone(&wanted.schema), reader: self }),
            _ => Err(Error::new(ErrorKind::ConfigInvalid, "a reader of one table needs exactly one table")),
        }
    }

    fn next_item(&mut self) -> Result<Option<Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.is_done {
                return Ok(None);
            }
            let taken = match self.pieces.next() {
                Ok(Some(piece)) => self.take(piece),
                Ok(None) => {
                    self.is_done = true;
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                self.is_done = true;
                self.failed = Some(error.repeat());
                return Err(error);
            }
        }
    }

    fn take(&mut self, piece: OrderedItem) -> Result<()> {
        match piece {
            OrderedItem::Rows { batches, .. } => {
                for batch in &batches {
                    self.handed_out[usize::from(batch.table == Table::UsageRecords)] += batch.rows as u64;
                    self.ready.push_back(Item::Rows(TableBatch::of(batch, &self.wanted)?));
                }
            }
            OrderedItem::Archive(mut converted) => {
                count(&mut self.summary, &self.progress, &self.archives[converted.archive], &mut converted);
                self.ready.push_back(Item::Archive(ArchiveEnd::from(*converted)));
            }
            OrderedItem::CutBack(_) => return Err(Error::internal("rows were taken back that were handed out")),
        }
        Ok(())
    }

    /// Checks that everything that was counted was returned.
    fn close(mut self) -> Result<Summary> {
        let [events, usage_records] = self.handed_out;
        let expected = [
            (Table::Events, events, self.summary.events.written),
            (Table::UsageRecords, usage_records, self.summary.usage_records.written),
        ];
        for (table, handed_out, counted) in expected {
            if self.wanted(table).is_some() && handed_out != counted {
                let message = format!("{counted} rows of {} counted, {handed_out} handed out", table.name());
                return Err(Error::new(ErrorKind::Unreconciled, message));
            }
        }
        self.summary.close(self.started, &self.clock, None);
        Ok(self.summary)
    }
}

impl Iterator for Reader {
    type Item = Result<TableBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_item().transpose()? {
                Ok(Item::Rows(batch)) => return Some(Ok(batch)),
                Ok(Item::Archive(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Rows of one table, in the form that other Arrow libraries take.
pub struct TableReader {
    schema: SchemaRef,
    reader: Reader,
}

impl TableReader {
    /// As [`Reader::finish`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn finish(self) -> Result<Summary> {
        self.reader.finish()
    }
}

impl Iterator for TableReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map(|batch| batch.rows).map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for TableReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
