//! Batches to an encoded row group, column by column on all threads.
//!
//! In: slices of batches, in order. Out: the column chunks of the row group, handed to the partition's
//! [`PartAppender`]. Never: holds rows longer than it takes to encode them.
//!
//! The columns of a row group are dealt out to lanes. A lane encodes its columns one slice after the other, as one
//! task at a time on the pool: columns run in parallel, and each column sees its rows in order, which is what makes
//! the bytes independent of the number of threads. A row group may be full, its lanes still busy, and the next one
//! begun.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

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
use crate::clock::{Stage, StageClock};
use crate::error::{Error, Result};
use crate::model::Compression;
use crate::pool::{Pool, caught};

/// Locks, also after a panic elsewhere: the state behind these locks is replaced as a whole or not at all.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
}

impl Backpressure {
    fn add_bytes(&self, bytes: u64) {
        lock(&self.state).bytes += bytes;
    }

    fn remove_bytes(&self, bytes: u64) {
        lock(&self.state).bytes -= bytes;
        self.eased.notify_all();
    }

    fn begin_row_group(&self) {
        lock(&self.state).row_groups += 1;
    }

    fn end_row_group(&self, result: Result<()>) {
        let mut state = lock(&self.state);
        state.row_groups -= 1;
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
        self.wait_while(|state| state.row_groups > most)
    }

    /// Waits until nobody writes any more, whatever went wrong.
    pub(crate) fn wait_until_idle(&self) {
        while self.wait_while(|state| state.row_groups > 0).is_err() {}
    }

    fn wait_while(&self, mut is_busy: impl FnMut(&BackpressureState) -> bool) -> Result<()> {
        let state = lock(&self.state);
        let state = self.eased.wait_while(state, |state| state.error.is_none() && is_busy(state));
        match state.unwrap_or_else(PoisonError::into_inner).error.take() {
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
    context.pool.spawn(move || {
        let EncodeContext { clock, backpressure, .. } = &*context_of_task;
        let set_aside = || lock(&appender).take(sequence, PartStep::SetAside);
        backpressure.end_row_group(clock.time(Stage::Write, || caught(set_aside).flatten()));
    });
}

/// A row group that still takes rows.
pub(crate) struct OpenRowGroup {
    lanes: Vec<Arc<Lane>>,
    context: Arc<EncodeContext>,
    rows: usize,
    bytes: u64,
}

struct Lane {
    /// Positions of its columns in the table.
    columns: Vec<usize>,
    state: Mutex<LaneState>,
    row_group: Arc<RowGroupInWork>,
}

struct LaneState {
    /// The writers of its columns, in their order; empty once closed.
    writers: Vec<ColumnWriter>,
    queue: VecDeque<LaneMessage>,
    is_running: bool,
}

enum LaneMessage {
    Rows { columns: Vec<ArrayRef>, bytes: u64 },
    Close,
}

/// Each column of a lane with the chunks of its leaves.
type LaneChunks = Vec<(usize, Vec<ColumnChunk>)>;

struct RowGroupInWork {
    appender: Arc<Mutex<PartAppender>>,
    sequence: u64,
    /// Column chunks by lane, in place once the lane is closed.
    chunks: Mutex<Vec<LaneChunks>>,
    lanes_left: AtomicUsize,
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
        let row_group = Arc::new(RowGroupInWork {
            appender,
            sequence,
            chunks: Mutex::new(Vec::new()),
            lanes_left: AtomicUsize::new(lanes.len()),
            error: Mutex::new(None),
        });
        let mut writers: Vec<_> = writers.into_iter().map(Some).collect();
        let lanes = lanes
            .iter()
            .map(|columns| {
                let writers = columns.iter().filter_map(|column| writers[*column].take()).collect();
                Arc::new(Lane {
                    columns: columns.clone(),
                    state: Mutex::new(LaneState { writers, queue: VecDeque::new(), is_running: false }),
                    row_group: Arc::clone(&row_group),
                })
            })
            .collect();
        context.backpressure.begin_row_group();
        Self { lanes, context, rows: 0, bytes: 0 }
    }

    /// Rows taken so far.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Arrow bytes taken so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes rows: the columns of the table, all of one length.
    pub(crate) fn push(&mut self, columns: &[ArrayRef], bytes: u64) {
        self.rows += columns.first().map_or(0, |column| column.len());
        self.bytes += bytes;
        // Bytes are attributed to lanes by their share of columns: the sum is what counts.
        let mut left = bytes;
        let share = bytes / self.lanes.len().max(1) as u64;
        for (at, lane) in self.lanes.iter().enumerate() {
            let bytes = if at + 1 == self.lanes.len() { left } else { share };
            left -= bytes;
            self.context.backpressure.add_bytes(bytes);
            let columns = lane.columns.iter().map(|column| Arc::clone(&columns[*column])).collect();
            Lane::send(lane, LaneMessage::Rows { columns, bytes }, &self.context);
        }
    }

    /// Takes no more rows; the row group is written when its lanes are through.
    pub(crate) fn close(self) {
        for lane in &self.lanes {
            Lane::send(lane, LaneMessage::Close, &self.context);
        }
    }
}

impl Lane {
    fn send(lane: &Arc<Self>, message: LaneMessage, context: &Arc<EncodeContext>) {
        let mut state = lock(&lane.state);
        state.queue.push_back(message);
        if std::mem::replace(&mut state.is_running, true) {
            return;
        }
        drop(state);
        let (lane, context_of_task) = (Arc::clone(lane), Arc::clone(context));
        context.pool.spawn(move || lane.run(&context_of_task));
    }

    /// Works through the queue; only one task of a lane runs at a time.
    fn run(&self, context: &EncodeContext) {
        let mut writers = std::mem::take(&mut lock(&self.state).writers);
        loop {
            let message = {
                let mut state = lock(&self.state);
                let Some(message) = state.queue.pop_front() else {
                    state.writers = writers;
                    state.is_running = false;
                    return;
                };
                message
            };
            match message {
                LaneMessage::Rows { columns, bytes } => {
                    let encode = || caught(|| encode(&mut writers, &columns, context)).flatten();
                    if let Err(error) = context.clock.time(Stage::Encode, encode) {
                        lock(&self.row_group.error).get_or_insert(error);
                    }
                    context.backpressure.remove_bytes(bytes);
                }
                LaneMessage::Close => {
                    let writers = std::mem::take(&mut writers);
                    self.row_group.finish_lane(&self.columns, writers, context);
                }
            }
        }
    }
}

fn encode(writers: &mut [ColumnWriter], columns: &[ArrayRef], context: &EncodeContext) -> Result<()> {
    context.with_compressor(|compressor| {
        writers.iter_mut().zip(columns).try_for_each(|(writer, column)| writer.write(column, compressor))
    })
}

impl RowGroupInWork {
    fn finish_lane(&self, columns: &[usize], writers: Vec<ColumnWriter>, context: &EncodeContext) {
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
        if self.lanes_left.fetch_sub(1, Ordering::AcqRel) == 1 {
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
