//! Archives to rows and outcomes, in the order of the archives: the one loop behind every command and every reader.
//!
//! In: archives in their order. Out: rows, and how each archive ended, one item after the other. Never: lets the order in
//! which work is done show, or holds more than a window of work, whatever the input.
//!
//! ```text
//! units:   [ group 7 ] [ large 8 ] [ group 9 ] …      results are returned from the left
//!             task      step → segment tasks, some at a time
//! ```
//!
//! A large archive is converted while it is inflated, and its checksum is at its end. A caller that can take rows back gets
//! them at once, and has to take them back when the checksum is wrong ([`OrderedItem::CutBack`]). Other callers get
//! them after the archive was read to its end: its rows are held while there is memory for them, otherwise it is read to its
//! end first. An archive that is partly intact is read a second time, up to that point, and no other archive is.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use rayon::ThreadPool;

use super::ReadOptions;
use super::dispatch::Dispatcher;
use super::large::LargeEnd;
use super::unit::{Large, Unit, Work};
use super::worker::{Converted, GroupResult, ReadOutcome, SegmentResult, position};
use crate::clock::StageClock;
use crate::error::{Error, ErrorKind, Finding, Reason, Result};
use crate::input::{Archive, Unusable};
use crate::model::Integrity;
use crate::model::Place;
use crate::report::describe;
use crate::rows::{ArchiveOutcome, Batch, KeyIndex, Plan};
use crate::store::Session;
use crate::verify::{Proof, Proofs};

/// What is to be read of which archives, and the limits.
#[derive(Clone)]
pub(crate) struct ReadRequest {
    pub(crate) limits: Limits,
    /// Reads archives, and stops the reading early.
    pub(crate) session: Arc<Session>,
    pub(crate) clock: Arc<StageClock>,
    pub(crate) pool: Arc<ThreadPool>,
    /// All archives of a run; events are identified by their positions among them.
    pub(crate) archives: Arc<Vec<Archive>>,
    /// Those that are wanted.
    pub(crate) range: Range<usize>,
    /// The declarations of digest files, when archives are to be compared with them.
    pub(crate) proofs: Option<Arc<Proofs>>,
    /// Whether rows can be taken back after they were returned.
    pub(crate) cuts_back: bool,
}

/// Limits of reading archives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Memory for rows that are not yet returned.
    pub(crate) rows_memory: u64,
    /// Memory for objects of S3 that are fetched ahead.
    pub(crate) prefetch_memory: u64,
    /// Maximum bytes of text of one archive.
    pub(crate) inflated_bytes: u64,
    /// Bytes of text that are converted together.
    pub(crate) segment_bytes: usize,
    /// Whether only verified archives are converted.
    pub(crate) requires_verified: bool,
}

impl Limits {
    /// The limits of a plain reader.
    pub(crate) fn of(options: &ReadOptions) -> Self {
        let prefetch_memory = options.prefetch_memory();
        Self {
            rows_memory: options.memory_limit - prefetch_memory,
            prefetch_memory,
            inflated_bytes: options.max_inflated_bytes,
            segment_bytes: options.segment_bytes,
            requires_verified: false,
        }
    }
}

/// What comes next.
pub(crate) enum OrderedItem {
    /// Further rows of the archives before `end`; `large` is the archive they belong to when it is a large one that has not ended.
    Rows { batches: Vec<Batch>, end: Place, large: Option<usize> },
    /// The outcome of an archive, after all of its rows.
    Archive(Box<Converted>),
    /// The rows returned for an archive must be discarded; those that may be kept are returned again.
    CutBack(usize),
}

/// Converts archives and returns the results in their order.
pub(crate) struct InOrder {
    session: Arc<Session>,
    archives: Arc<Vec<Archive>>,
    proofs: Option<Arc<Proofs>>,
    key_index: Option<Arc<dyn KeyIndex>>,
    cuts_back: bool,
    dispatcher: Dispatcher,
    /// Items that precede those of all units.
    ready: VecDeque<OrderedItem>,
}

impl InOrder {
    /// Converts according to the plan.
    pub(crate) fn new(request: ReadRequest, plan: Plan) -> Self {
        let key_index = plan.key_index.clone();
        let dispatcher = Dispatcher::new(&request, plan);
        let ReadRequest { session, archives, proofs, cuts_back, .. } = request;
        Self { session, archives, proofs, key_index, cuts_back, dispatcher, ready: VecDeque::new() }
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    ///
    /// A request to stop, a store that no longer answers, and bugs.
    pub(crate) fn next(&mut self) -> Result<Option<OrderedItem>> {
        loop {
            self.session.stop().check()?;
            if let Some(piece) = self.ready.pop_front() {
                return self.check(piece).map(Some);
            }
            self.dispatcher.dispatch(false);
            let Some(Unit { id, work }) = self.dispatcher.pop() else { return Ok(None) };
            match work {
                Work::Group { range, result: Some((result, end)) } => {
                    end.wait();
                    self.end_group(id, range, result?)?;
                }
                Work::Group { result: None, .. } => {
                    self.dispatcher.put_back(Unit { id, work });
                    self.dispatcher.wait()?;
                }
                Work::Large(large) => self.advance_large(id, large)?,
            }
        }
    }

    /// The outcome of an archive is final only if its store still serves others.
    fn check(&self, piece: OrderedItem) -> Result<OrderedItem> {
        if let OrderedItem::Archive(converted) = &piece {
            if converted.is_damaged {
                self.session.stop().check()?;
            }
            self.dispatcher.release(converted.archive);
        }
        Ok(piece)
    }

    fn end_group(&mut self, id: u64, range: Range<usize>, mut result: GroupResult) -> Result<()> {
        if result.archives.iter().any(Converted::is_unread) && self.session.is_in_doubt() {
            let work = Work::Group { range: range.clone(), result: None };
            if self.is_tried_again(Unit { id, work })? {
                return Ok(());
            }
        }
        if let Some(last) = result.archives.last() {
            let end = Place::after(position(last.archive));
            self.ready.push_back(OrderedItem::Rows { batches: std::mem::take(&mut result.batches), end, large: None });
        }
        self.ready.extend(result.archives.into_iter().map(|converted| OrderedItem::Archive(Box::new(converted))));
        // The rest of the group comes next, before everything that was dispatched since.
        let rest = result.rest.or(result.alone.map(|alone| alone + 1)).unwrap_or(range.end)..range.end;
        if !rest.is_empty() {
            self.dispatcher.dispatch_first(Work::Group { range: rest, result: None });
        }
        if let Some(alone) = result.alone {
            let large = self.dispatcher.large(alone);
            self.dispatcher.dispatch_first(large);
        }
        Ok(())
    }

    /// Returns the next rows of a large archive, or its outcome, or waits.
    fn advance_large(&mut self, id: u64, mut large: Box<Large>) -> Result<()> {
        if self.dispatcher.may_hand_out(id, &mut large)
            && let Some((result, end)) = large.results.remove(&large.handed_out)
        {
            end.wait();
            self.hand_out(&mut large, result?);
            self.dispatcher.put_back(Unit { id, work: Work::Large(large) });
            self.dispatcher.advance_step(id);
            return Ok(());
        }
        match large.end() {
            Some(LargeEnd::Read(text)) => {
                let archive = &self.archives[large.archive];
                let outcome = ReadOutcome::of_large(archive, std::mem::take(&mut large.counts), text);
                self.end_large(&large, outcome);
                Ok(())
            }
            Some(LargeEnd::Refused(unusable)) => self.refuse(id, *large, unusable),
            None => {
                self.dispatcher.put_back(Unit { id, work: Work::Large(large) });
                self.dispatcher.advance_step(id);
                self.dispatcher.wait()
            }
        }
    }

    fn hand_out(&mut self, large: &mut Large, result: SegmentResult) {
        let SegmentResult { counts, batches, end } = result;
        large.handed_out += 1;
        large.counts.add(counts);
        let large = Some(large.archive);
        self.ready.extend(end.map(|end| OrderedItem::Rows { batches, end, large }));
    }

    fn end_large(&mut self, large: &Large, outcome: ReadOutcome) {
        let uri = large.uri.to_string();
        self.ready.push_back(OrderedItem::Archive(Box::new(Converted::new(large.archive, uri, outcome))));
    }

    /// A large archive that turned out to be unusable, completely or from some point on.
    fn refuse(&mut self, id: u64, large: Large, unusable: Unusable) -> Result<()> {
        if unusable.finding.reason == Reason::ReadFailed && self.session.is_in_doubt() {
            let work = Work::Large(Box::new(Large::new(large.archive, Arc::clone(&large.uri))));
            if large.handed_out == 0 && self.is_tried_again(Unit { id, work })? {
                return Ok(());
            }
        }
        if large.handed_out > 0 {
            if !self.cuts_back {
                // An earlier check was able to read it to its end.
                let Finding { reason, message, .. } = &unusable.finding;
                let message = describe(&large.uri, None, None, reason.as_str(), message);
                let error = Error::new(ErrorKind::InputRejected, message);
                return Err(error.advise("it has changed while it was read: read it again"));
            }
            self.ready.push_back(OrderedItem::CutBack(large.archive));
        }
        if large.has_events {
            self.forget(&large)?;
        }
        if unusable.sound_bytes > 0 && large.end.is_none() {
            self.dispatcher.dispatch_first(Work::Large(Box::new(large.up_to(unusable))));
            return Ok(());
        }
        let is_unread = unusable.finding.reason == Reason::ReadFailed;
        let archive = &self.archives[large.archive];
        let proofs = self.proofs.as_ref().filter(|_| !is_unread);
        let proof = proofs.map(|proofs| Proof::begin(proofs, &archive.path()));
        let integrity = proof.map_or(Integrity::NotChecked, |proof| proof.read(archive));
        let outcome = ArchiveOutcome::refused(unusable.finding);
        self.end_large(&large, ReadOutcome { inflated_bytes: 0, outcome, integrity });
        Ok(())
    }

    /// Removes the keys that an archive has inserted: the archives after it may then be the first to have them, and
    /// are converted again.
    fn forget(&mut self, large: &Large) -> Result<()> {
        let Some(key_index) = &self.key_index else { return Ok(()) };
        self.dispatcher.wait_for_all()?;
        key_index.forget_from(Place::new(position(large.archive), 0));
        self.dispatcher.restart();
        Ok(())
    }

    /// Whether a unit with archives that a store did not serve is tried again: if, as the units after it show, the session was
    /// the cause, and there is a new one now.
    fn is_tried_again(&mut self, unit: Unit) -> Result<bool> {
        self.dispatcher.dispatch(true);
        self.dispatcher.wait_for_all()?;
        if !self.session.confirm()? {
            return Ok(false);
        }
        if let Some(key_index) = &self.key_index {
            key_index.forget_from(Place::new(position(unit.start()), 0));
        }
        self.dispatcher.put_back(unit);
        self.dispatcher.restart();
        Ok(true)
    }
}
