//! Work to tasks, and what they tell.
//!
//! In: archives of a step, one group after the other. Out: turns, in order, that fill with results. Never: more turns than
//! the threads need to be busy, so that memory does not grow with the input.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use rayon::ThreadPool;

use super::grouping::is_large;
use super::run::Shared;
use super::turns::{Large, Message, Turn, Work};
use super::worker::{LargeArchive, Reading, Segment, Step, Worker, Workers, position};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::input::{Archive, Worthless, unreadable};
use crate::report::StageClock;
use crate::rows::{Plan, Source};
use crate::store::{Prefetcher, STOP_LATENCY, Stop};

/// Fetches the objects of a step in their order, as far as they are small and not known to be refused.
fn prefetcher(shared: Shared<'_>) -> Option<Arc<Prefetcher>> {
    let Shared { config, session, archives, step, .. } = shared;
    if !archives[step.clone()].iter().any(|archive| archive.version().is_some()) {
        return None;
    }
    let archives = Arc::clone(archives);
    let version = move |at: usize| {
        let archive: &Archive = &archives[at];
        if is_large(archive) || archive.contents.is_some() { None } else { archive.version() }
    };
    let (numbers, bytes) = (step.clone(), config.prefetch_memory());
    Some(Arc::new(Prefetcher::start(numbers, bytes, session.stop().clone(), version)))
}

/// Deals out work and keeps what is dealt out, in order.
pub(super) struct Dealer<'a> {
    config: &'a Config,
    stop: &'a Stop,
    clock: &'a Arc<StageClock>,
    pool: &'a Arc<ThreadPool>,
    archives: &'a Arc<Vec<Archive>>,
    /// Archives that an earlier attempt has found to be worthless.
    refused: Arc<HashMap<usize, Worthless>>,
    workers: Arc<Workers>,
    reading: Reading,
    turns: VecDeque<Turn>,
    next_turn: u64,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

impl<'a> Dealer<'a> {
    pub(super) fn new(shared: Shared<'a>, plan: Plan, refused: Arc<HashMap<usize, Worthless>>) -> Self {
        let Shared { config, session, clock, pool, archives, proofs, .. } = shared;
        let (sender, receiver) = channel();
        let workers = Arc::new(Workers::new(plan));
        let reading = Reading {
            limit: config.max_inflated_bytes,
            proofs: proofs.cloned(),
            requires_verified: config.requires_verified,
            prefetcher: prefetcher(shared),
        };
        Self {
            config,
            stop: session.stop(),
            clock,
            pool,
            archives,
            refused,
            workers,
            reading,
            turns: VecDeque::new(),
            next_turn: 0,
            sender,
            receiver,
        }
    }

    /// The turn that is next in order.
    pub(super) fn pop(&mut self) -> Option<Turn> {
        self.turns.pop_front()
    }

    /// Puts back the turn that is next, and waits for a task to tell something.
    pub(super) fn wait_for(&mut self, id: u64, work: Work) -> Result<()> {
        self.turns.push_front(Turn { id, work });
        self.receive()
    }

    /// Whether more work may be dealt out. A large archive alone keeps all threads busy.
    pub(super) fn has_room(&self) -> bool {
        let is_large = |turn: &Turn| matches!(turn.work, Work::Large(_));
        self.turns.len() < self.config.threads * 2 + 2 && !self.turns.iter().any(is_large)
    }

    pub(super) fn deal(&mut self, range: Range<usize>) {
        let work = match range.len() {
            1 if is_large(&self.archives[range.start]) => self.large(range.start),
            _ => Work::Group { range, result: None },
        };
        let turn = self.new_turn(work);
        self.begin(&turn);
        self.turns.push_back(turn);
    }

    fn new_turn(&mut self, work: Work) -> Turn {
        self.next_turn += 1;
        Turn { id: self.next_turn, work }
    }

    /// Starts the first task of a turn.
    fn begin(&mut self, turn: &Turn) {
        let id = turn.id;
        match &turn.work {
            Work::Group { range, .. } => {
                self.archives[range.clone()].iter().for_each(Archive::announce);
                let (archives, range) = (Arc::clone(self.archives), range.clone());
                let (refused, reading) = (Arc::clone(&self.refused), self.reading.clone());
                self.spawn(move |workers, clock| {
                    let convert =
                        |worker: &mut Worker| worker.convert_group(&archives, range, &refused, &reading, clock);
                    Message::Group(id, workers.with(convert))
                });
            }
            Work::Large(large) => {
                self.archives[large.archive].announce();
                self.begin_large(id, large.archive);
            }
        }
    }

    fn begin_large(&mut self, id: u64, at: usize) {
        let archives = Arc::clone(self.archives);
        let reading = self.reading.clone();
        let end = self.refused.get(&at).cloned();
        self.spawn(move |workers, clock| {
            let step = match end {
                Some(Worthless { finding, certain_bytes: 0 }) => Step::refused(finding),
                end => match LargeArchive::open(&archives[at], &reading, end) {
                    Ok(large) => workers.with(|worker| worker.step(Box::new(large), clock)),
                    Err(error) => Step::refused(unreadable(&error)),
                },
            };
            Message::Step(id, step)
        });
    }

    pub(super) fn large(&self, archive: usize) -> Work {
        Work::Large(Box::new(Large::new(archive, Arc::from(self.archives[archive].uri()))))
    }

    fn spawn(&self, task: impl FnOnce(&Workers, &StageClock) -> Message + Send + 'static) {
        let (workers, clock, sender) = (Arc::clone(&self.workers), Arc::clone(self.clock), self.sender.clone());
        self.pool.spawn(move || {
            // A panic is a bug; it must end the run with an error, and not leave the coordinator waiting.
            let message = std::panic::catch_unwind(AssertUnwindSafe(|| task(&workers, &clock)));
            // The receiver is gone only when the run has failed already.
            let _ = sender.send(message.unwrap_or(Message::Panicked));
        });
    }

    /// Waits for a task to tell something.
    fn receive(&mut self) -> Result<()> {
        let message = loop {
            // A task may wait for a store that does not answer.
            match self.receiver.recv_timeout(STOP_LATENCY) {
                Err(RecvTimeoutError::Timeout) if self.stop.is_set() => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                received => break received.map_err(Error::internal)?,
            }
        };
        match message {
            Message::Group(id, done) => {
                if let Some(Work::Group { result, .. }) = self.work(id) {
                    *result = Some(done);
                }
            }
            Message::Segment(id, number, done) => {
                if let Some(Work::Large(large)) = self.work(id) {
                    large.results.insert(number, done);
                }
            }
            Message::Step(id, step) => self.take_step(id, step),
            Message::Panicked => return Err(Error::internal("a worker panicked; please report it with the archive")),
        }
        Ok(())
    }

    fn work(&mut self, id: u64) -> Option<&mut Work> {
        self.turns.iter_mut().find(|turn| turn.id == id).map(|turn| &mut turn.work)
    }

    fn take_step(&mut self, id: u64, step: Step) {
        let most_segments = self.most_segments();
        let Some(Work::Large(large)) = self.work(id) else { return };
        let segment = match step {
            Step::Segment(next, segment) => {
                large.parked = Some(next);
                segment
            }
            Step::Last(segment, verdict) => {
                large.verdict = Some(verdict);
                segment
            }
        };
        let (number, uri) = (large.next_segment, Arc::clone(&large.uri));
        large.next_segment += 1;
        let next = large.next_step(most_segments);
        let position = position(large.archive);
        self.spawn_segment(id, number, uri, position, segment);
        self.spawn_step(id, next);
    }

    fn spawn_segment(&self, id: u64, number: u64, uri: Arc<str>, position: u32, segment: Segment) {
        self.spawn(move |workers, clock| {
            let source = Source { uri: &uri, position };
            let result = workers.with(|worker| worker.convert_segment(source, &segment, clock));
            Message::Segment(id, number, result)
        });
    }

    /// Segments of a large archive that may be on their way.
    fn most_segments(&self) -> u64 {
        self.config.threads as u64 + 2
    }

    /// Goes on with a large archive, some of whose segments are applied.
    pub(super) fn go_on(&self, id: u64, large: &mut Large) {
        self.spawn_step(id, large.next_step(self.most_segments()));
    }

    fn spawn_step(&self, id: u64, next: Option<Box<LargeArchive>>) {
        if let Some(next) = next {
            self.spawn(move |workers, clock| Message::Step(id, workers.with(|worker| worker.step(next, clock))));
        }
    }

    /// Says that an archive is done with.
    pub(super) fn release(&self, at: usize) {
        self.archives[at].release();
        if let Some(prefetcher) = &self.reading.prefetcher {
            prefetcher.release(at);
        }
    }

    pub(super) fn deal_first(&mut self, work: Work) {
        let turn = self.new_turn(work);
        self.begin(&turn);
        self.turns.push_front(turn);
    }
}
