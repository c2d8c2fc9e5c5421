//! Parts to events in order, on all threads.
//!
//! In: parts. Out: chunks, passed to the sink in the order of parts and rows. Never: more in flight than needed to
//! keep the threads busy, so that memory does not grow with the lake.
//!
//! Tasks begin in order, each fills a bounded channel, and channels are emptied in order. So the
//! task that is waited for has always begun, and a task that is ahead of it blocks when its channel is
//! full.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::vec::IntoIter;

use rayon::{ScopeFifo, ThreadPool};

use super::chunk::{CHUNK_BYTES, Chunk, PieceWriter};
use super::filter::Filter;
use super::json::EventShape;
use super::part::{Part, PartTask, RowSlice};
use super::{RestoreConfig, RestoreFilter, RestoreSummary, suggestions};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::file::guarded;
use crate::lake::root::Root;
use crate::pool::thread_pool;

/// Takes chunks in order.
pub(super) trait ChunkSink {
    /// Takes a chunk; `false` when no more are wanted.
    fn take(&mut self, chunk: &Chunk, summary: &mut RestoreSummary) -> Result<bool>;

    /// Called after the last chunk.
    fn finish(&mut self) -> Result<()>;

    /// Whether chunks have to have keys.
    fn wants_keys(&self) -> bool;
}

type Planned = Result<(Part, Vec<RowSlice>)>;

/// Distributes work and keeps its results in order.
pub(super) struct Flow {
    pool: ThreadPool,
    filter: Arc<Filter>,
    shape: Arc<EventShape>,
    /// Tasks that have begun or wait for a thread.
    ahead: usize,
    /// Chunks that a task may be ahead.
    chunks_ahead: usize,
    read: Arc<AtomicU64>,
    root: Root,
}

/// The work that is distributed.
#[derive(Default)]
struct WorkQueue {
    parts: IntoIter<PartTask>,
    plans: VecDeque<Receiver<Planned>>,
    /// The current part, and its pieces that are not distributed yet.
    open: Option<(Arc<Part>, IntoIter<RowSlice>)>,
    pieces: VecDeque<Receiver<Result<Chunk>>>,
}

impl Flow {
    pub(super) fn new(config: &RestoreConfig, filter: Arc<Filter>, root: Root) -> Result<Self> {
        let pool = thread_pool(config.threads)?;
        let ahead = config.threads + 2;
        // The other half is for columns that are read, and for archives being written.
        let share = config.memory_limit / if config.out.is_some() { 8 } else { 2 };
        let chunks = share / ahead as u64 / CHUNK_BYTES as u64;
        Ok(Self {
            pool,
            filter,
            shape: Arc::new(EventShape::new()),
            ahead,
            chunks_ahead: usize::try_from(chunks).unwrap_or_default().max(2),
            read: Arc::default(),
            root,
        })
    }

    /// Passes the events of some parts to `sink`.
    ///
    /// # Errors
    ///
    /// A damaged part, after all before it were passed on, and errors of the sink.
    pub(super) fn run(
        &self,
        parts: Vec<PartTask>,
        sink: &mut dyn ChunkSink,
        summary: &mut RestoreSummary,
    ) -> Result<()> {
        let over = AtomicBool::new(false);
        let wants_keys = sink.wants_keys();
        let result = self.pool.in_place_scope_fifo(|scope| {
            let hands = FlowWorkers { flow: self, scope, over: &over, wants_keys };
            let result = hands.drive(WorkQueue { parts: parts.into_iter(), ..WorkQueue::default() }, sink, summary);
            over.store(true, Ordering::Relaxed);
            result
        });
        summary.read_bytes = self.read.load(Ordering::Relaxed);
        result
    }

    /// What the lake has in place of values without matches.
    pub(super) fn hints(&self, filter: &RestoreFilter, parts: &[PartTask], summary: &mut RestoreSummary) {
        summary.hints = self.pool.install(|| suggestions::hints(filter, parts, &self.root, &self.read));
        summary.read_bytes = self.read.load(Ordering::Relaxed);
    }
}

/// The threads of a flow.
struct FlowWorkers<'h, 's> {
    flow: &'s Flow,
    scope: &'h ScopeFifo<'s>,
    over: &'s AtomicBool,
    wants_keys: bool,
}

impl<'s> FlowWorkers<'_, 's> {
    fn spawn(&self, task: impl FnOnce() + Send + 's) {
        self.scope.spawn_fifo(move |_| task());
    }

    fn drive(&self, mut queue: WorkQueue, sink: &mut dyn ChunkSink, summary: &mut RestoreSummary) -> Result<()> {
        loop {
            self.dispatch(&mut queue, summary)?;
            let Some(chunks) = queue.pieces.pop_front() else { break };
            for chunk in chunks {
                if !sink.take(&chunk?, summary)? {
                    summary.is_cut_short = true;
                    return sink.finish();
                }
            }
        }
        sink.finish()
    }

    /// Distributes pieces and parts as far as there is room; unless all is done, a piece is available afterwards.
    fn dispatch(&self, queue: &mut WorkQueue, summary: &mut RestoreSummary) -> Result<()> {
        while queue.pieces.len() < self.flow.ahead {
            let room = self.flow.ahead - queue.plans.len().min(self.flow.ahead);
            let plans: Vec<_> = queue.parts.by_ref().take(room).map(|task| self.plan(task)).collect();
            queue.plans.extend(plans);
            if let Some((part, rest)) = &mut queue.open {
                match rest.next() {
                    Some(piece) => queue.pieces.push_back(self.write(Arc::clone(part), piece)),
                    None => queue.open = None,
                }
                continue;
            }
            let Some(plan) = queue.plans.front() else { break };
            let planned = if queue.pieces.is_empty() {
                plan.recv().map_err(Error::internal)?
            } else {
                match plan.try_recv() {
                    Ok(planned) => planned,
                    Err(TryRecvError::Empty) => break,
                    Err(error) => return Err(Error::internal(error)),
                }
            };
            queue.plans.pop_front();
            match planned {
                Ok((part, pieces)) => {
                    summary.parts_skipped += u64::from(pieces.is_empty());
                    queue.open = Some((Arc::new(part), pieces.into_iter()));
                }
                Err(error) => {
                    // In its turn, after everything before it.
                    let (sender, receiver) = sync_channel(1);
                    let _ = sender.send(Err(error));
                    queue.pieces.push_back(receiver);
                }
            }
        }
        Ok(())
    }

    fn plan(&self, task: PartTask) -> Receiver<Planned> {
        let (sender, receiver) = sync_channel(1);
        let (flow, over) = (self.flow, self.over);
        self.spawn(move || {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let path = task.path.clone();
            let open = || Part::open(task, &flow.root, &flow.filter, Arc::clone(&flow.read));
            let _ = sender.send(guarded(&path, open));
        });
        receiver
    }

    fn write(&self, part: Arc<Part>, piece: RowSlice) -> Receiver<Result<Chunk>> {
        let (sender, receiver) = sync_channel(self.flow.chunks_ahead);
        let (flow, over, has_keys) = (self.flow, self.over, self.wants_keys);
        self.spawn(move || {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let Flow { filter, shape, .. } = flow;
            let writer = PieceWriter { part: &part, filter, shape, has_keys, sender: &sender };
            if let Err(error) = guarded(&part.task.path, || writer.write(&piece)) {
                let _ = sender.send(Err(error));
            }
        });
        receiver
    }
}

/// Writes events to a stream, one on each line.
pub(super) struct LineSink<'l> {
    pub(super) lines: &'l mut dyn Write,
    /// Maximum number of events.
    pub(super) limit: Option<u64>,
}

impl ChunkSink for LineSink<'_> {
    fn take(&mut self, chunk: &Chunk, summary: &mut RestoreSummary) -> Result<bool> {
        let events = limited(chunk, self.limit, summary.events);
        let bytes = events.last().map_or(0, |event| event.end);
        match self.lines.write_all(&chunk.json[..bytes]) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            written => written.map_err(|error| unwritable(&error))?,
        }
        summary.events += events.len() as u64;
        summary.json_bytes += bytes as u64;
        Ok(self.limit != Some(summary.events))
    }

    fn finish(&mut self) -> Result<()> {
        match self.lines.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritable(&error)),
            _ => Ok(()),
        }
    }

    fn wants_keys(&self) -> bool {
        false
    }
}

/// The events of a chunk that a limit allows.
pub(super) fn limited(chunk: &Chunk, limit: Option<u64>, before: u64) -> &[super::chunk::ChunkEvent] {
    let room = limit.map_or(usize::MAX, |limit| usize::try_from(limit.saturating_sub(before)).unwrap_or(usize::MAX));
    &chunk.events[..chunk.events.len().min(room)]
}

fn unwritable(error: &io::Error) -> Error {
    Error::new(ErrorKind::OutputUnwritable, error.to_string())
}
