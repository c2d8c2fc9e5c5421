//! Batches to an encoded row group, column by column on all threads.
//!
//! In: slices of batches, in order. Out: the column chunks of the row group, handed to the partition's
//! [`PartAppender`]. Never: holds rows longer than it takes to encode them.
//!
//! The columns of a row group are dealt out to lanes. A lane encodes its columns one slice after the other, as one
//! task at a time on the pool: columns run in parallel, and each column sees its rows in order, which is what makes
//! the bytes independent of the number of threads. A row group may be full, its lanes still busy, and the next one
//! begun.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedRowGroupWriter;
use rayon::ThreadPool;

use super::chunk::TextChunk;
use super::codec::Compressor;
use super::dictionary::DictionaryWriter;
use super::part::{PartAppender, PartStep};
use super::text::TextWriter;
use crate::clock::logical::LogicalTime;
use crate::clock::{Stage, StageClock};
use crate::error::{Error, Result};
use crate::model::Compression;
use crate::pool::{Pool, Strand, caught, lock};

/// Counts what is on its way to disk, so that whoever makes more can wait; keeps the first error of any worker.
#[derive(Default)]
pub(crate) struct Backpressure {
    state: Mutex<BackpressureState>,
    eased: Condvar,
}

#[derive(Default)]
struct BackpressureState {
    bytes: u64,
    row_groups: usize,
    error: Option<Error>,
    /// Whether the coordinator waits until there is less; no other thread does.
    is_waited_for: bool,
    /// When it last became less, and when the last row group was written.
    eased: LogicalTime,
    written: LogicalTime,
}

impl Backpressure {
    fn add_bytes(&self, bytes: u64) {
        lock(&self.state).bytes += bytes;
    }

    fn remove_bytes(&self, bytes: u64) {
        let mut state = lock(&self.state);
        state.bytes -= bytes;
        if state.is_waited_for {
            state.eased = LogicalTime::now();
            drop(state);
            self.eased.notify_all();
        }
    }

    fn begin_row_group(&self) {
        lock(&self.state).row_groups += 1;
    }

    fn end_row_group(&self, result: Result<()>) {
        let mut state = lock(&self.state);
        state.row_groups -= 1;
        state.eased = LogicalTime::now();
        state.written = state.written.max(state.eased);
        if let Err(error) = result {
            state.error.get_or_insert(error);
        }
        drop(state);
        self.eased.notify_all();
    }

    /// Waits until at most `bytes` bytes are on their way.
    ///
    /// # Errors
    ///
    /// The first error of a worker.
    pub(crate) fn wait_below(&self, bytes: u64) -> Result<()> {
        self.wait_while(|state| state.bytes > bytes)
    }

    /// Waits until at most `most` row groups are begun and not written.
    pub(crate) fn wait_for_row_groups(&self, most: usize) -> Result<()> {
        self.wait_while(|state| state.row_groups > most)?;
        if most == 0 {
            lock(&self.state).written.wait();
        }
        Ok(())
    }

    /// Waits until nobody writes any more, whatever went wrong.
    pub(crate) fn wait_until_idle(&self) {
        while self.wait_while(|state| state.row_groups > 0).is_err() {}
    }

    fn wait_while(&self, mut is_busy: impl FnMut(&BackpressureState) -> bool) -> Result<()> {
        let state = self.eased.wait_while(lock(&self.state), |state| {
            let waits = state.error.is_none() && is_busy(state);
            state.is_waited_for |= waits;
            waits
        });
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.is_waited_for) {
            state.eased.wait();
        }
        match state.error.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// What all row groups share.
pub(crate) struct EncodeContext {
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) backpressure: Arc<Backpressure>,
    pub(crate) clock: Arc<StageClock>,
    pub(crate) compression: Compression,
    pub(crate) compressors: Pool<Compressor>,
}

impl EncodeContext {
    fn with_compressor<R>(&self, work: impl FnOnce(&mut Compressor) -> Result<R>) -> Result<R> {
        let mut compressor = self.compressors.take().map_or_else(|| Compressor::new(self.compression), Ok)?;
        let result = work(&mut compressor);
        self.compressors.give(compressor);
        result
    }
}

/// The writer of one column of a row group.
pub(crate) enum ColumnWriter {
    /// Text that repeats.
    Dictionary(Box<DictionaryWriter>),
    /// Other text.
    Text(Box<TextWriter>),
    /// Anything else, a writer for each leaf.
    Other(FieldRef, Vec<ArrowColumnWriter>),
}

/// One leaf of a row group, encoded.
pub(crate) enum ColumnChunk {
    Text(TextChunk),
    Other(ArrowColumnChunk),
}

impl ColumnWriter {
    fn write(&mut self, array: &ArrayRef, compressor: &mut Compressor) -> Result<()> {
        match self {
            Self::Dictionary(writer) => writer.write(array, compressor),
            Self::Text(writer) => writer.write(array, compressor),
            Self::Other(field, writers) => {
                let leaves = compute_leaves(field, array).map_err(Error::internal)?;
                leaves.iter().zip(writers).try_for_each(|(leaf, writer)| writer.write(leaf)).map_err(Error::internal)
            }
        }
    }

    fn close(self, compressor: &mut Compressor) -> Result<Vec<ColumnChunk>> {
        match self {
            Self::Dictionary(writer) => Ok(vec![ColumnChunk::Text(writer.close(compressor)?)]),
            Self::Text(writer) => Ok(vec![ColumnChunk::Text(writer.close(compressor)?)]),
            Self::Other(_, writers) => writers
                .into_iter()
                .map(|writer| writer.close().map(ColumnChunk::Other).map_err(Error::internal))
                .collect(),
        }
    }
}

impl ColumnChunk {
    pub(crate) fn append_to<W: std::io::Write + Send>(
        self,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Text(chunk) => chunk.append_to(row_group),
            Self::Other(chunk) => chunk.append_to_row_group(row_group),
        }
    }
}

/// Sets a part aside when the row groups before `sequence` are written.
pub(crate) fn set_aside(appender: &Arc<Mutex<PartAppender>>, sequence: u64, context: &Arc<EncodeContext>) {
    context.backpressure.begin_row_group();
    let (appender, context_of_task) = (Arc::clone(appender), Arc::clone(context));
    let start = LogicalTime::now();
    context.pool.spawn(move || {
        let EncodeContext { clock, backpressure, .. } = &*context_of_task;
        let set_aside = || lock(&appender).take(sequence, PartStep::SetAside);
        start.run(|| backpressure.end_row_group(clock.time(Stage::Write, || caught(set_aside).flatten())));
    });
}

/// A row group that still takes rows.
pub(crate) struct OpenRowGroup {
    lanes: Vec<Lane>,
    row_group: Arc<RowGroupInWork>,
    rows: usize,
    bytes: u64,
    /// Slices of rows, each with the columns of the table, that no lane has yet.
    unsent: Vec<Vec<ArrayRef>>,
    unsent_bytes: u64,
}

struct Lane {
    /// Positions of its columns in the table.
    columns: Vec<usize>,
    /// The writers of its columns, in their order; empty once closed.
    writers: Arc<Strand<Vec<ColumnWriter>>>,
}

/// Each column of a lane with the chunks of its leaves.
type LaneChunks = Vec<(usize, Vec<ColumnChunk>)>;

struct RowGroupInWork {
    context: Arc<EncodeContext>,
    appender: Arc<Mutex<PartAppender>>,
    sequence: u64,
    /// Column chunks by lane, in place once the lane is closed.
    chunks: Mutex<Vec<LaneChunks>>,
    lanes_left: AtomicUsize,
    /// When the last of those that are closed was.
    closed: Mutex<LogicalTime>,
    error: Mutex<Option<Error>>,
}

impl OpenRowGroup {
    /// Begins the row group with this number in its partition; `lanes` says which columns go together.
    pub(crate) fn new(
        writers: Vec<ColumnWriter>,
        lanes: &[Vec<usize>],
        appender: Arc<Mutex<PartAppender>>,
        sequence: u64,
        context: Arc<EncodeContext>,
    ) -> Self {
        context.backpressure.begin_row_group();
        let row_group = Arc::new(RowGroupInWork {
            context,
            appender,
            sequence,
            chunks: Mutex::new(Vec::new()),
            lanes_left: AtomicUsize::new(lanes.len()),
            closed: Mutex::default(),
            error: Mutex::new(None),
        });
        let mut writers: Vec<_> = writers.into_iter().map(Some).collect();
        let lane = |columns: &Vec<usize>| Lane {
            columns: columns.clone(),
            writers: Strand::new(columns.iter().filter_map(|column| writers[*column].take()).collect()),
        };
        Self {
            lanes: lanes.iter().map(lane).collect(),
            row_group,
            rows: 0,
            bytes: 0,
            unsent: Vec::new(),
            unsent_bytes: 0,
        }
    }

    /// Rows taken so far.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Arrow bytes taken so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes rows: the columns of the table, all of one length. They are encoded once they are sent.
    pub(crate) fn push(&mut self, columns: Vec<ArrayRef>, bytes: u64) {
        self.rows += columns.first().map_or(0, |column| column.len());
        self.bytes += bytes;
        self.unsent_bytes += bytes;
        self.unsent.push(columns);
    }

    /// Has the rows encoded that were taken since the last time.
    pub(crate) fn send(&mut self) {
        let slices = std::mem::take(&mut self.unsent);
        if slices.is_empty() {
            return;
        }
        // Bytes are attributed to lanes by their share of columns: the sum is what counts.
        let mut left = std::mem::take(&mut self.unsent_bytes);
        let share = left / self.lanes.len().max(1) as u64;
        let start = LogicalTime::now();
        for (at, lane) in self.lanes.iter().enumerate() {
            let bytes = if at + 1 == self.lanes.len() { left } else { share };
            left -= bytes;
            self.row_group.context.backpressure.add_bytes(bytes);
            let of_lane = |columns: &Vec<ArrayRef>| lane.columns.iter().map(|at| Arc::clone(&columns[*at])).collect();
            let slices: Vec<Vec<ArrayRef>> = slices.iter().map(of_lane).collect();
            self.spawn(lane, start, move |row_group, writers| row_group.encode(writers, &slices, bytes));
        }
    }

    /// Takes no more rows; the row group is written when its lanes are through.
    pub(crate) fn close(mut self) {
        self.send();
        let start = LogicalTime::now();
        for lane in &self.lanes {
            let columns = lane.columns.clone();
            self.spawn(lane, start, move |row_group, writers| row_group.finish_lane(&columns, std::mem::take(writers)));
        }
    }

    fn spawn(
        &self,
        lane: &Lane,
        start: LogicalTime,
        task: impl FnOnce(&RowGroupInWork, &mut Vec<ColumnWriter>) + Send + 'static,
    ) {
        let row_group = Arc::clone(&self.row_group);
        lane.writers.spawn(&self.row_group.context.pool, start, move |writers| {
            task(&row_group, writers);
            Ok(())
        });
    }
}

impl RowGroupInWork {
    /// Encodes further rows of a lane.
    fn encode(&self, writers: &mut [ColumnWriter], slices: &[Vec<ArrayRef>], bytes: u64) {
        let context = &*self.context;
        let encode = || {
            context.with_compressor(|compressor| {
                let mut columns = writers.iter_mut().enumerate();
                columns.try_for_each(|(at, writer)| {
                    slices.iter().try_for_each(|slice| writer.write(&slice[at], compressor))
                })
            })
        };
        if let Err(error) = context.clock.time(Stage::Encode, || caught(encode).flatten()) {
            lock(&self.error).get_or_insert(error);
        }
        context.backpressure.remove_bytes(bytes);
    }

    fn finish_lane(&self, columns: &[usize], writers: Vec<ColumnWriter>) {
        let context = &*self.context;
        let close = || {
            context.with_compressor(|compressor| {
                let writers = writers.into_iter().zip(columns);
                let chunks = writers.map(|(writer, column)| Ok((*column, writer.close(compressor)?)));
                chunks.collect::<Result<Vec<_>>>()
            })
        };
        match context.clock.time(Stage::Encode, || caught(close).flatten()) {
            Ok(chunks) => lock(&self.chunks).push(chunks),
            Err(error) => {
                lock(&self.error).get_or_insert(error);
            }
        }
        let mut closed = lock(&self.closed);
        *closed = closed.max(LogicalTime::now());
        drop(closed);
        if self.lanes_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            lock(&self.closed).wait();
            let write = || caught(|| self.write()).flatten();
            context.backpressure.end_row_group(context.clock.time(Stage::Write, write));
        }
    }

    fn write(&self) -> Result<()> {
        if let Some(error) = lock(&self.error).take() {
            return Err(error);
        }
        let mut columns: Vec<_> = std::mem::take(&mut *lock(&self.chunks)).into_iter().flatten().collect();
        columns.sort_by_key(|(column, _)| *column);
        let chunks = columns.into_iter().flat_map(|(_, chunks)| chunks).collect();
        lock(&self.appender).take(self.sequence, PartStep::Append(chunks))
    }
}
