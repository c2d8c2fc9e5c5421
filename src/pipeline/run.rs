//! One attempt at all archives that are new.
//!
//! In: archives in their order. Out: staged parts and counts. Never: lets the order in which work is done show.
//!
//! The coordinator, which is the calling thread, deals out tasks and takes their results back in the order of the
//! archives. It holds a window of tasks and no more, so memory does not grow with the input:
//!
//! ```text
//! turns:   [ group 7 ] [ group 8 ] [ large 9 ] …      results are applied from the left
//!             task        task       step → segment tasks, some at a time
//! ```

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};

use rayon::ThreadPool;

use super::ending::{Ending, Staged};
use super::grouping::{is_large, next_group};
use super::turns::{Large, Message, Turn, Work};
use super::worker::{
    Converted, GroupResult, LargeArchive, LargeVerdict, Segment, SegmentResult, Step, Worker, Workers, unreadable,
};
use crate::config::{Config, OnBad};
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Archive, Worthless};
use crate::output::{ArchiveEntry, Commit, EncodeContext, Ledger, Pressure, TableWriters};
use crate::pool::Pool;
use crate::report::{Progress, StageClock, Summary};
use crate::schema::Table;
use crate::transform::{Batch, Plan, Verdict};

/// What all attempts share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) progress: &'a Progress,
    pub(super) clock: &'a Arc<StageClock>,
    pub(super) pool: &'a Arc<ThreadPool>,
    pub(super) archives: &'a Arc<Vec<Archive>>,
}

/// An attempt.
pub(super) struct Run<'a> {
    config: &'a Config,
    progress: &'a Progress,
    clock: &'a Arc<StageClock>,
    pool: &'a Arc<ThreadPool>,
    archives: &'a Arc<Vec<Archive>>,
    /// Archives that an earlier attempt has found to be worthless.
    refused: Arc<HashMap<usize, Worthless>>,
    /// Such archives that this attempt has found after rows of them were written.
    found: HashMap<usize, Worthless>,
    workers: Arc<Workers>,
    output: Option<Output>,
    /// Work that is dealt out, in order.
    turns: VecDeque<Turn>,
    next_turn: u64,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
}

/// Where rows go.
struct Output {
    tables: TableWriters,
    ledger: Ledger,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        shared: Shared<'a>,
        commit: Option<&Commit>,
        refused: Arc<HashMap<usize, Worthless>>,
    ) -> Result<Self> {
        let Shared { config, progress, clock, pool, archives } = shared;
        let output = commit.map(|commit| {
            let context = Arc::new(EncodeContext {
                pool: Arc::clone(pool),
                pressure: Arc::new(Pressure::default()),
                clock: Arc::clone(clock),
                compression: config.compression,
                compressors: Pool::default(),
            });
            let now_ms = jiff::Timestamp::now().as_millisecond();
            Ok(Output {
                tables: TableWriters::new(config, context, &commit.staging, &commit.id)?,
                ledger: Ledger::new(config, commit, now_ms),
            })
        });
        let plan = Plan {
            events: config.tables.contains(&Table::Events),
            usage_records: config.tables.contains(&Table::UsageRecords),
            partition_by: config.partition_by.clone(),
            selection: config.selection.clone(),
            reads_all: config.on_bad == OnBad::Fail,
        };
        let (sender, receiver) = channel();
        Ok(Self {
            config,
            progress,
            clock,
            pool,
            archives,
            refused,
            found: HashMap::new(),
            workers: Arc::new(Workers::new(plan)),
            output: output.transpose()?,
            turns: VecDeque::new(),
            next_turn: 0,
            sender,
            receiver,
        })
    }

    pub(super) fn convert_all(mut self, summary: &mut Summary) -> Result<Ending> {
        let ending = self.work_through(summary);
        if ending.is_err() {
            // Staging is about to be removed, so nobody may still write to it; the first error is the one to tell.
            self.stop_writing();
        }
        ending
    }

    fn work_through(&mut self, summary: &mut Summary) -> Result<Ending> {
        let mut next = 0;
        loop {
            while self.has_room() && next < self.archives.len() {
                let range = next_group(self.archives, next);
                next = range.end;
                self.deal(range);
            }
            let Some(turn) = self.turns.pop_front() else { break };
            match turn.work {
                Work::Group { range, result: Some(result) } => self.end_group(range, result?, summary)?,
                Work::Large(mut large) => {
                    self.apply_segments(turn.id, &mut large)?;
                    match large.end() {
                        Some(LargeVerdict::Refused(worthless)) if large.has_rows || worthless.certain_bytes > 0 => {
                            // Nothing of this attempt can be published. It goes on without writing, so that the
                            // next one knows all such archives and is the last.
                            self.stop_writing();
                            self.found.insert(large.archive, worthless);
                        }
                        Some(LargeVerdict::Refused(worthless)) => {
                            let verdict = Verdict::refused(worthless.finding);
                            self.book(&large.converted(0, verdict), summary)?;
                        }
                        Some(LargeVerdict::Read { inflated_bytes, judgement, damage }) => {
                            let verdict = Verdict::new(judgement, std::mem::take(&mut large.tally), damage);
                            self.book(&large.converted(inflated_bytes, verdict), summary)?;
                        }
                        None => {
                            self.turns.push_front(Turn { id: turn.id, work: Work::Large(large) });
                            self.receive()?;
                        }
                    }
                }
                work @ Work::Group { result: None, .. } => {
                    self.turns.push_front(Turn { id: turn.id, work });
                    self.receive()?;
                }
            }
        }
        self.close()
    }

    /// Whether more work may be dealt out. A large archive alone keeps all threads busy.
    fn has_room(&self) -> bool {
        let is_large = |turn: &Turn| matches!(turn.work, Work::Large(_));
        self.turns.len() < self.config.threads * 2 + 2 && !self.turns.iter().any(is_large)
    }

    fn deal(&mut self, range: Range<usize>) {
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
                let (archives, range) = (Arc::clone(self.archives), range.clone());
                let (refused, limit) = (Arc::clone(&self.refused), self.config.max_inflated_bytes);
                self.spawn(move |workers, clock| {
                    let convert = |worker: &mut Worker| worker.convert_group(&archives, range, &refused, limit, clock);
                    Message::Group(id, workers.with(convert))
                });
            }
            Work::Large(large) => self.begin_large(id, large.archive),
        }
    }

    fn begin_large(&mut self, id: u64, at: usize) {
        let archives = Arc::clone(self.archives);
        let limit = self.config.max_inflated_bytes;
        let end = self.refused.get(&at).cloned();
        self.spawn(move |workers, clock| {
            let step = match end {
                Some(Worthless { finding, certain_bytes: 0 }) => Step::refused(finding),
                end => match LargeArchive::open(&archives[at], limit, end) {
                    Ok(large) => workers.with(|worker| worker.step(Box::new(large), clock)),
                    Err(error) => Step::refused(unreadable(&error)),
                },
            };
            Message::Step(id, step)
        });
    }

    fn large(&self, archive: usize) -> Work {
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
        let message = self.receiver.recv().map_err(Error::internal)?;
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
        self.spawn_segment(id, number, uri, segment);
        self.spawn_step(id, next);
    }

    fn spawn_segment(&self, id: u64, number: u64, uri: Arc<str>, segment: Segment) {
        self.spawn(move |workers, clock| {
            let result = workers.with(|worker| worker.convert_segment(&uri, &segment, clock));
            Message::Segment(id, number, result)
        });
    }

    /// Segments of a large archive that may be on their way.
    fn most_segments(&self) -> u64 {
        self.config.threads as u64 + 2
    }

    fn spawn_step(&self, id: u64, next: Option<Box<LargeArchive>>) {
        if let Some(next) = next {
            self.spawn(move |workers, clock| Message::Step(id, workers.with(|worker| worker.step(next, clock))));
        }
    }

    fn apply_segments(&mut self, id: u64, large: &mut Large) -> Result<()> {
        while let Some(result) = large.results.remove(&large.applied) {
            let SegmentResult { tally, batches } = result?;
            large.applied += 1;
            large.tally.add(tally);
            large.has_rows |= !batches.is_empty();
            self.write(batches)?;
        }
        self.spawn_step(id, large.next_step(self.most_segments()));
        Ok(())
    }

    fn end_group(&mut self, range: Range<usize>, result: GroupResult, summary: &mut Summary) -> Result<()> {
        for converted in &result.archives {
            self.book(converted, summary)?;
        }
        self.write(result.batches)?;
        // What comes behind in the group comes after it, and before all that was dealt out since.
        let rest = result.rest.or(result.alone.map(|alone| alone + 1)).unwrap_or(range.end)..range.end;
        if !rest.is_empty() {
            self.deal_first(Work::Group { range: rest, result: None });
        }
        if let Some(alone) = result.alone {
            self.deal_first(self.large(alone));
        }
        Ok(())
    }

    fn deal_first(&mut self, work: Work) {
        let turn = self.new_turn(work);
        self.begin(&turn);
        self.turns.push_front(turn);
    }

    /// Counts an archive and enters it into the manifest.
    fn book(&mut self, converted: &Converted, summary: &mut Summary) -> Result<()> {
        let archive = &self.archives[converted.archive];
        summary.add(&converted.uri, archive.bytes, converted.inflated_bytes, &converted.verdict);
        self.progress.archives_done.fetch_add(1, Ordering::Relaxed);
        self.progress.compressed_bytes_done.fetch_add(archive.bytes, Ordering::Relaxed);
        self.progress.events.fetch_add(converted.verdict.events_seen, Ordering::Relaxed);
        if self.config.on_bad == OnBad::Fail
            && let Some(finding) = summary.first_findings.first()
        {
            let error = Error::new(ErrorKind::InputRejected, finding.clone());
            return Err(error.advise("--on-bad quarantine would keep it aside and go on; nothing was published"));
        }
        let Some(output) = &mut self.output else { return Ok(()) };
        output.ledger.push(&ArchiveEntry {
            archive: &converted.uri,
            modified: &archive.modified(),
            compressed_bytes: archive.bytes,
            inflated_bytes: converted.inflated_bytes,
            verdict: &converted.verdict,
        })
    }

    fn write(&mut self, batches: Vec<Batch>) -> Result<()> {
        let Some(output) = &mut self.output else { return Ok(()) };
        batches.into_iter().try_for_each(|batch| output.tables.push(batch))
    }

    /// Writes no more, and waits until nobody does.
    fn stop_writing(&mut self) {
        if let Some(output) = self.output.take() {
            output.tables.abandon();
        }
    }

    fn close(&mut self) -> Result<Ending> {
        if !self.found.is_empty() {
            return Ok(Ending::Refused(std::mem::take(&mut self.found)));
        }
        let Some(mut output) = self.output.take() else { return Ok(Ending::Counted) };
        let mut parts = output.tables.finish()?;
        let (archives, quarantine) = output.ledger.finish()?;
        parts.extend(quarantine);
        Ok(Ending::Staged(Box::new(Staged { parts, archives })))
    }
}
