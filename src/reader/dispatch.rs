//! Work to tasks, and their results back to their units.
//!
//! In: archives, one group after the other. Out: units, in order, that fill with results. Never: more units than needed to
//! keep the threads busy, or more segments of large archives than memory allows.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use rayon::ThreadPool;

use super::group::{is_large, next_group};
use super::in_order::ReadRequest;
use super::large::{LargeArchive, LargeEnd, LargeStep, Segment};
use super::unit::{Check, Large, Message, Unit, Work};
use super::worker::{ReadContext, Worker, Workers, position};
use crate::clock::StageClock;
use crate::clock::logical::LogicalTime;
use crate::error::{Error, Result};
use crate::input::Archive;
use crate::pool::caught;
use crate::rows::{ArchiveRef, Plan};
use crate::store::{Prefetcher, STOP_LATENCY, Stop};

/// Segments' worth of memory that a large archive takes while it is inflated: its window, and a segment being converted.
const SEGMENTS_OF_LARGE: u64 = 4;

/// Minimum units in work, when those in work do not show whether a store still answers.
const DOUBTFUL_UNITS: usize = 8;

/// Fetches the small objects of a range of archives in their order.
fn prefetcher(request: &ReadRequest) -> Option<Arc<Prefetcher>> {
    let ReadRequest { archives, range, session, limits, .. } = request;
    if !archives[range.clone()].iter().any(|archive| archive.version().is_some()) {
        return None;
    }
    let archives = Arc::clone(archives);
    let version = move |at: usize| {
        let archive: &Archive = &archives[at];
        if is_large(archive) || archive.contents.is_some() { None } else { archive.version() }
    };
    Some(Arc::new(Prefetcher::start(range.clone(), limits.prefetch_memory, session.stop().clone(), version)))
}

/// Distributes work to threads, and keeps the units in work, in order.
pub(super) struct Dispatcher {
    threads: usize,
    rows_memory: u64,
    /// Whether rows of a large archive may be handed out before its checksum is known.
    cuts_back: bool,
    stop: Stop,
    clock: Arc<StageClock>,
    pool: Arc<ThreadPool>,
    archives: Arc<Vec<Archive>>,
    /// Archives that are not in any unit yet.
    left: Range<usize>,
    workers: Arc<Workers>,
    reading: ReadContext,
    units: VecDeque<Unit>,
    next_unit: u64,
    /// Tasks that have not sent their message.
    tasks: usize,
    /// Each with the time at which its task ended.
    sender: Sender<(Message, LogicalTime)>,
    receiver: Receiver<(Message, LogicalTime)>,
}

impl Dispatcher {
    pub(super) fn new(request: &ReadRequest, plan: Plan) -> Self {
        let ReadRequest { limits, session, clock, pool, archives, range, proofs, cuts_back } = request;
        let (sender, receiver) = channel();
        let reading = ReadContext {
            limit: limits.inflated_bytes,
            segment_bytes: limits.segment_bytes,
            proofs: proofs.clone(),
            requires_verified: limits.requires_verified,
            prefetcher: prefetcher(request),
        };
        Self {
            threads: pool.current_num_threads(),
            rows_memory: limits.rows_memory,
            cuts_back: *cuts_back,
            stop: session.stop().clone(),
            clock: Arc::clone(clock),
            pool: Arc::clone(pool),
            archives: Arc::clone(archives),
            left: range.clone(),
            workers: Arc::new(Workers::new(plan)),
            reading,
            units: VecDeque::new(),
            next_unit: 0,
            tasks: 0,
            sender,
            receiver,
        }
    }

    /// Distributes work until all threads are busy; `is_in_doubt` when more is needed as evidence.
    pub(super) fn dispatch(&mut self, is_in_doubt: bool) {
        let most = self.threads * 2 + 2;
        let most = if is_in_doubt { most.max(DOUBTFUL_UNITS) } else { most };
        while self.units.len() < most && !self.left.is_empty() && (is_in_doubt || self.has_room_for_next()) {
            let range = next_group(&self.archives[..self.left.end], self.left.start);
            self.left.start = range.end;
            let work = match range.len() {
                1 if is_large(&self.archives[range.start]) => self.large(range.start),
                _ => Work::Group { range, result: None },
            };
            let unit = self.unit(work);
            self.begin(&unit);
            self.units.push_back(unit);
        }
    }

    /// Whether the next archive is small, or there is memory for one more large one.
    fn has_room_for_next(&self) -> bool {
        let large = self.units.iter().filter(|unit| matches!(unit.work, Work::Large(_))).count();
        !is_large(&self.archives[self.left.start]) || large < self.most_large()
    }

    /// Maximum large archives in work at once.
    fn most_large(&self) -> usize {
        let bearable =
            usize::try_from(self.rows_memory / (SEGMENTS_OF_LARGE * self.segment_bytes())).unwrap_or(usize::MAX);
        bearable.clamp(1, self.threads)
    }

    /// The next unit in order; its place stays empty.
    pub(super) fn pop(&mut self) -> Option<Unit> {
        self.units.pop_front()
    }

    /// Puts a unit back at the front, unchanged.
    pub(super) fn put_back(&mut self, unit: Unit) {
        self.units.push_front(unit);
    }

    /// Puts work at the front and begins it.
    pub(super) fn dispatch_first(&mut self, work: Work) {
        let unit = self.unit(work);
        self.begin(&unit);
        self.units.push_front(unit);
    }

    fn unit(&mut self, work: Work) -> Unit {
        self.next_unit += 1;
        Unit { id: self.next_unit, work }
    }

    pub(super) fn large(&self, archive: usize) -> Work {
        Work::Large(Box::new(Large::new(archive, Arc::from(self.archives[archive].uri()))))
    }

    /// Starts the first task of a unit.
    fn begin(&mut self, unit: &Unit) {
        let id = unit.id;
        let archives = Arc::clone(&self.archives);
        let reading = self.reading.clone();
        match &unit.work {
            Work::Group { range, .. } => {
                let range = range.clone();
                archives[range.clone()].iter().for_each(Archive::mark_wanted);
                self.spawn(move |workers, clock| {
                    let convert = |worker: &mut Worker| worker.convert_group(&archives, range, &reading, clock);
                    Message::Group(id, workers.with(convert))
                });
            }
            Work::Large(large) => {
                let (at, end) = (large.archive, large.end.clone());
                archives[at].mark_wanted();
                self.spawn(move |workers, clock| {
                    let step = |worker: &mut Worker| match LargeArchive::open(&archives[at], &reading, end) {
                        Ok(large) => Box::new(large).step(worker, clock),
                        Err(unusable) => LargeStep::unusable(unusable),
                    };
                    Message::LargeStep(id, workers.with(step))
                });
            }
        }
    }

    fn spawn(&mut self, task: impl FnOnce(&Workers, &StageClock) -> Message + Send + 'static) {
        self.tasks += 1;
        let (workers, clock, sender) = (Arc::clone(&self.workers), Arc::clone(&self.clock), self.sender.clone());
        let start = LogicalTime::now();
        self.pool.spawn(move || {
            let (message, end) = start.run(|| caught(|| task(&workers, &clock)));
            // The receiver is gone only when the run has failed already.
            let _ = sender.send((message.unwrap_or_else(Message::Panicked), end));
        });
    }

    /// Waits for a message of a task, and passes it to its unit.
    pub(super) fn wait(&mut self) -> Result<()> {
        let (message, end) = loop {
            // A task may be waiting for a store that does not answer.
            match self.receiver.recv_timeout(STOP_LATENCY) {
                Err(RecvTimeoutError::Timeout) if self.stop.is_set() => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                received => break received.map_err(Error::internal)?,
            }
        };
        self.tasks -= 1;
        match message {
            Message::Group(id, done) => {
                if let Some(Work::Group { result, .. }) = self.work(id) {
                    *result = Some((done, end));
                }
            }
            Message::Segment(id, number, done) => {
                if let Some(Work::Large(large)) = self.work(id) {
                    large.results.insert(number, (done, end));
                }
            }
            // What comes next waits for this step; the coordinator itself does not.
            Message::LargeStep(id, step) => drop(end.max(LogicalTime::now()).run(|| self.take_step(id, step))),
            Message::Check(id, unusable) => {
                if let Some(Work::Large(large)) = self.work(id) {
                    match unusable {
                        None => {
                            end.wait();
                            large.check = Check::Passed;
                        }
                        // Segments of it that are still being converted no longer matter.
                        Some(unusable) => large.ended = Some((LargeEnd::Refused(unusable), end)),
                    }
                }
            }
            Message::Panicked(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits until all tasks that were begun have ended.
    ///
    /// # Errors
    ///
    /// When a worker panicked, and when the run is to stop.
    pub(super) fn wait_for_all(&mut self) -> Result<()> {
        while self.tasks > 0 {
            self.stop.check()?;
            self.wait()?;
        }
        Ok(())
    }

    /// Begins all units again; no task is running then.
    pub(super) fn restart(&mut self) {
        for mut unit in std::mem::take(&mut self.units) {
            unit.restart();
            let unit = self.unit(unit.work);
            self.begin(&unit);
            self.units.push_back(unit);
        }
    }

    fn work(&mut self, id: u64) -> Option<&mut Work> {
        self.units.iter_mut().find(|unit| unit.id == id).map(|unit| &mut unit.work)
    }

    fn take_step(&mut self, id: u64, step: LargeStep) {
        let Some(Work::Large(large)) = self.work(id) else { return };
        let segment = match step {
            LargeStep::Segment(next, segment) => {
                large.parked = Some((next, LogicalTime::now()));
                segment
            }
            LargeStep::Last(segment, end) => {
                large.ended = Some((end, LogicalTime::now()));
                segment
            }
        };
        let number = large.segments;
        large.segments += 1;
        large.has_events |= !segment.elements.is_empty();
        let (uri, position) = (Arc::clone(&large.uri), position(large.archive));
        self.convert_segment(id, number, uri, position, segment);
        self.advance_step(id);
    }

    fn convert_segment(&mut self, id: u64, number: u64, uri: Arc<str>, position: u32, segment: Segment) {
        self.spawn(move |workers, clock| {
            let source = ArchiveRef { uri: &uri, position };
            let result = workers.with(|worker| worker.convert_segment(source, &segment, clock));
            Message::Segment(id, number, result)
        });
    }

    /// Takes the next step through a large archive if there is memory for it.
    pub(super) fn advance_step(&mut self, id: u64) {
        let Some(at) = self.units.iter().position(|unit| unit.id == id) else { return };
        let most = self.most_segments(at);
        let next = match &mut self.units[at].work {
            Work::Large(large) => {
                let in_work = large.in_work();
                large.parked.take_if(|_| in_work < most)
            }
            Work::Group { .. } => None,
        };
        if let Some((next, last)) = next {
            let step = move |worker: &mut Worker, clock: &StageClock| Message::LargeStep(id, next.step(worker, clock));
            last.max(LogicalTime::now())
                .run(|| self.spawn(|workers, clock| workers.with(|worker| step(worker, clock))));
        }
    }

    /// Segments of a large archive that may be in work: those of the first in order keep all threads busy, the others
    /// share the memory for waiting rows.
    fn most_segments(&self, at: usize) -> u64 {
        match (at, self.cuts_back) {
            (0, true) => self.for_all_threads(),
            (0, false) => self.most_held(),
            _ => (self.segments_that_wait() / self.threads as u64).max(1),
        }
    }

    /// Segments that keep all threads busy.
    const fn for_all_threads(&self) -> u64 {
        self.threads as u64 + 2
    }

    /// Maximum segments of the first large archive that are held.
    fn most_held(&self) -> u64 {
        self.for_all_threads().max(self.segments_that_wait())
    }

    /// Segments for whose rows there is memory until their turn.
    const fn segments_that_wait(&self) -> u64 {
        self.rows_memory / 4 / self.segment_bytes()
    }

    const fn segment_bytes(&self) -> u64 {
        self.reading.segment_bytes as u64
    }

    /// Whether rows of the first unit, a large archive, may be returned now. Where they cannot be taken back, they are held
    /// until it was read to its end: once, keeping its rows, or, when there is no memory for these, in a check before that.
    pub(super) fn may_hand_out(&mut self, id: u64, large: &mut Large) -> bool {
        if self.cuts_back || large.is_read() || large.check == Check::Passed {
            return true;
        }
        let is_full = large.parked.is_some() && large.in_work() >= self.most_held();
        if is_full && large.check == Check::Open {
            large.check = Check::Begun;
            let (archives, reading, at) = (Arc::clone(&self.archives), self.reading.clone(), large.archive);
            self.spawn(move |workers, clock| {
                let check = |worker: &mut Worker| LargeArchive::check(&archives[at], &reading, worker, clock);
                Message::Check(id, workers.with(check))
            });
        }
        false
    }

    /// Marks an archive as done.
    pub(super) fn release(&self, at: usize) {
        self.archives[at].release();
        if let Some(prefetcher) = &self.reading.prefetcher {
            prefetcher.release(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::super::{ReadOptions, open, plan};
    use super::*;
    use crate::input::LARGE_BYTES;
    use crate::report::Progress;

    #[test]
    fn large_archives_are_inflated_on_all_threads() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..16 {
            let file = File::create(folder.path().join(format!("{number}.json.gz"))).unwrap();
            file.set_len(LARGE_BYTES).unwrap();
        }
        let begun = |memory: u64| {
            let options = ReadOptions::new([folder.path()]).threads(8).memory_limit(memory);
            let (request, _) = open(&options, &Progress::default()).unwrap();
            let mut dispatcher = Dispatcher::new(&request, plan(&options, None));
            dispatcher.dispatch(false);
            let is_large = |unit: &&Unit| matches!(unit.work, Work::Large(_));
            let (large, tasks) = (dispatcher.units.iter().filter(is_large).count(), dispatcher.tasks);
            assert_eq!(large, tasks, "each has a task of its own");
            large
        };
        assert_eq!(begun(ReadOptions::default().memory_limit), 8);
        // As many as memory allows.
        assert_eq!(begun(64 << 20), 4);
    }
}
