//! One attempt at the archives of a step.
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

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::ThreadPool;

use super::again::{CarriedOver, Mover, Nameless};
use super::deal::Dealer;
use super::ending::{Ending, Staged};
use super::grouping::next_group;
use super::observe::Observer;
use super::refusal::reject_damaged_log;
use super::turns::{Large, Work};
use super::worker::{ArchiveOutcome, Converted, GroupResult, LargeVerdict, SegmentResult, position};
use crate::config::{Config, OnBad};
use crate::dedup::Claims;
use crate::encode::{EncodeContext, Pressure};
use crate::error::{Error, ErrorKind, Reason, Result, printable};
use crate::input::{Archive, Worthless};
use crate::lake::CommitRecord;
use crate::lake::write::{ArchiveEntry, Commit, Ledger, Replacement, TableWriters};
use crate::pool::Pool;
use crate::report::{Progress, StageClock, Summary};
use crate::rows::{Batch, Copies, Place, Plan, Register, Verdict};
use crate::schema::Table;
use crate::split::{MAX_ORIGINAL_BYTES, Status};
use crate::store::Session;
use crate::verify::{Integrity, Proof, Proofs};

/// What all attempts share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) progress: &'a Progress,
    /// Reads archives, and ends it before its time.
    pub(super) session: &'a Session,
    pub(super) clock: &'a Arc<StageClock>,
    pub(super) pool: &'a Arc<ThreadPool>,
    /// All archives that are new.
    pub(super) archives: &'a Arc<Vec<Archive>>,
    /// Those of the step.
    pub(super) step: &'a Range<usize>,
    /// Who has which event; `None` when nobody asks.
    pub(super) claims: Option<&'a Arc<Claims>>,
    /// What the step has to replace, when its archives are in the lake already.
    pub(super) replacement: Option<&'a Replacement>,
    /// What digest files declare, when archives are to be compared with them.
    pub(super) proofs: Option<&'a Arc<Proofs>>,
}

/// An attempt.
pub(super) struct Run<'a> {
    config: &'a Config,
    progress: &'a Progress,
    session: &'a Session,
    archives: &'a Arc<Vec<Archive>>,
    step: Range<usize>,
    claims: Option<Arc<Claims>>,
    replacement: Option<&'a Replacement>,
    proofs: Option<Arc<Proofs>>,
    /// Archives that are done, but for what stays of their former rows.
    again: Vec<Converted>,
    nameless: Nameless,
    dealer: Dealer<'a>,
    /// Worthless archives that this attempt has found after rows of them were written.
    found: HashMap<usize, Worthless>,
    output: Option<Output>,
    /// Who is told of rows and archives.
    observer: Option<&'a mut dyn Observer>,
}

/// Where rows go.
struct Output {
    tables: TableWriters,
    ledger: Ledger,
}

impl Output {
    /// Enters an archive into the manifest.
    ///
    /// # Errors
    ///
    /// When its counts contradict each other, which is a bug, and when the disk fails.
    fn enter(&mut self, archive: &Archive, converted: &Converted) -> Result<()> {
        let (seen, told) = (converted.verdict.events_seen, converted.verdict.accounted_for());
        if seen != told {
            let message = format!("{}: {seen} events seen, {told} accounted for", printable(&converted.uri));
            return Err(Error::new(ErrorKind::Unreconciled, message).advise("nothing of this step was published"));
        }
        self.ledger.push(&ArchiveEntry {
            archive: &converted.uri,
            modified: &archive.modified(),
            compressed_bytes: archive.bytes,
            inflated_bytes: converted.inflated_bytes,
            verdict: &converted.verdict,
            integrity: converted.integrity,
        })
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        shared: Shared<'a>,
        commit: Option<&Commit>,
        refused: Arc<HashMap<usize, Worthless>>,
    ) -> Result<Self> {
        let Shared { config, progress, session, clock, pool, archives, step, claims, replacement, proofs } = shared;
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
            register: claims.map(|claims| Arc::clone(claims) as Arc<dyn Register>),
        };
        Ok(Self {
            config,
            progress,
            session,
            archives,
            step: step.clone(),
            claims: claims.cloned(),
            replacement,
            proofs: proofs.cloned(),
            again: Vec::new(),
            nameless: Nameless::default(),
            dealer: Dealer::new(shared, plan, refused),
            found: HashMap::new(),
            output: output.transpose()?,
            observer: None,
        })
    }

    /// The same, with somebody who is told of rows and archives in their order.
    pub(super) fn observed_by(self, observer: &'a mut dyn Observer) -> Self {
        Self { observer: Some(observer), ..self }
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
        let Range { start: mut next, end } = self.step.clone();
        loop {
            self.session.stop().check().map_err(|error| error.advise("what is not published was thrown away"))?;
            while self.dealer.has_room() && next < end {
                let range = next_group(&self.archives[..end], next);
                next = range.end;
                self.dealer.deal(range);
            }
            let Some(turn) = self.dealer.pop() else { break };
            match turn.work {
                Work::Group { range, result: Some(result) } => self.end_group(range, result?, summary)?,
                Work::Large(mut large) => {
                    self.apply_segments(turn.id, &mut large)?;
                    match large.end() {
                        Some(LargeVerdict::Refused(worthless)) if large.has_begun() || worthless.certain_bytes > 0 => {
                            // Rows of it are among the others, or its events have taken the places of their copies:
                            // nothing of this attempt can be published. It goes on without writing, so that the
                            // next one knows all such archives and is the last.
                            self.stop_writing();
                            self.found.insert(large.archive, worthless);
                        }
                        Some(LargeVerdict::Refused(worthless)) => {
                            self.book(self.refuse(&large, worthless), summary)?;
                        }
                        Some(LargeVerdict::Read { inflated_bytes, judgement, damage, integrity }) => {
                            let mut verdict = Verdict::new(judgement, std::mem::take(&mut large.tally), damage);
                            let archive = &self.archives[large.archive];
                            reject_damaged_log(&mut verdict, archive, || {
                                archive.read_head(MAX_ORIGINAL_BYTES).unwrap_or_default()
                            });
                            let outcome = ArchiveOutcome { inflated_bytes, verdict, integrity };
                            self.book(large.converted(outcome), summary)?;
                        }
                        None => self.dealer.wait_for(turn.id, Work::Large(large))?,
                    }
                }
                work @ Work::Group { result: None, .. } => self.dealer.wait_for(turn.id, work)?,
            }
        }
        self.close(summary)
    }

    /// A large archive that is refused as a whole.
    fn refuse(&self, large: &Large, worthless: Worthless) -> Converted {
        let is_unread = worthless.finding.reason == Reason::ReadFailed;
        let proofs = self.proofs.as_ref().filter(|_| !is_unread);
        let archive = &self.archives[large.archive];
        let proof = proofs.map(|proofs| Proof::begin(proofs, &archive.path()));
        let integrity = proof.map_or(Integrity::NotChecked, |proof| proof.read(archive));
        let verdict = Verdict::refused(worthless.finding);
        large.converted(ArchiveOutcome { inflated_bytes: 0, verdict, integrity })
    }

    fn apply_segments(&mut self, id: u64, large: &mut Large) -> Result<()> {
        while let Some(result) = large.results.remove(&large.applied) {
            let SegmentResult { mut tally, batches, end } = result?;
            large.applied += 1;
            let copies = end.map_or_else(|| Ok(Copies::default()), |end| self.copies(end, |_| Some(&large.uri)))?;
            let copies = self.write(batches, copies)?;
            copies.correct(&large.uri, &mut tally);
            large.tally.add(tally);
        }
        self.dealer.go_on(id, large);
        Ok(())
    }

    fn end_group(&mut self, range: Range<usize>, mut result: GroupResult, summary: &mut Summary) -> Result<()> {
        let done = std::mem::take(&mut result.archives);
        let end = done.last().map(|last| Place::after(position(last.archive)));
        let uri = |at: u32| {
            let converted = done.get((at as usize).checked_sub(range.start)?)?;
            Some(converted.uri.as_str())
        };
        let copies = end.map_or_else(|| Ok(Copies::default()), |end| self.copies(end, uri))?;
        let copies = self.write(result.batches, copies)?;
        for mut converted in done {
            copies.correct(&converted.uri, &mut converted.verdict.tally);
            self.book(converted, summary)?;
        }
        // What comes behind in the group comes after it, and before all that was dealt out since.
        let rest = result.rest.or(result.alone.map(|alone| alone + 1)).unwrap_or(range.end)..range.end;
        if !rest.is_empty() {
            self.dealer.deal_first(Work::Group { range: rest, result: None });
        }
        if let Some(alone) = result.alone {
            let large = self.dealer.large(alone);
            self.dealer.deal_first(large);
        }
        Ok(())
    }

    /// Counts an archive and enters it into the manifest.
    fn book(&mut self, mut converted: Converted, summary: &mut Summary) -> Result<()> {
        let archive = &self.archives[converted.archive];
        self.dealer.release(converted.archive);
        let is_foreign = converted.verdict.status == Status::Foreign;
        if is_foreign && converted.integrity == Integrity::NotCovered {
            // What holds no events is nothing to be proved, unless a digest file declares it.
            converted.integrity = Integrity::NotChecked;
        }
        summary.add_integrity(&converted.uri, converted.integrity);
        summary.add(&converted.uri, archive.bytes_to_read(), converted.inflated_bytes, &converted.verdict);
        self.progress.archives_done.fetch_add(1, Ordering::Relaxed);
        self.progress.compressed_bytes_done.fetch_add(archive.bytes_to_read(), Ordering::Relaxed);
        self.progress.events.fetch_add(converted.verdict.events_seen, Ordering::Relaxed);
        if converted.is_damaged {
            // Nobody is told of an archive that nobody could have had.
            self.session.stop().check()?;
        }
        if self.config.on_bad == OnBad::Fail
            && let Some(finding) = summary.first_findings.first()
        {
            let error = Error::new(ErrorKind::InputRejected, finding.clone());
            return Err(error.advise("--on-bad quarantine would keep it aside and go on; nothing was published"));
        }
        if let Some(observer) = &mut self.observer {
            observer.see_archive(&converted.verdict);
        }
        let Some(output) = &mut self.output else { return Ok(()) };
        output.ledger.push_findings(&converted.uri, &converted.verdict.findings)?;
        if self.replacement.is_none() {
            return output.enter(archive, &converted);
        }
        // Their bytes are on disk; of these there may be many.
        converted.verdict.findings = Vec::new();
        self.again.push(converted);
        Ok(())
    }

    /// The copies of other events among those before `end`, all of which are converted.
    fn copies<'u>(&self, end: Place, uri: impl Fn(u32) -> Option<&'u str>) -> Result<Copies> {
        let Some(claims) = &self.claims else { return Ok(Copies::default()) };
        let lost = claims.take_lost(end)?;
        Ok(if self.config.dedup { Copies::new(&lost, uri) } else { Copies::default() })
    }

    /// Writes rows without those of copies; the copies, with what their rows counted.
    fn write(&mut self, batches: Vec<Batch>, mut copies: Copies) -> Result<Copies> {
        for batch in batches {
            let left = copies.take_out(batch)?;
            if self.replacement.is_some() {
                left.iter().try_for_each(|batch| self.nameless.note(batch))?;
            }
            if let Some(observer) = &mut self.observer {
                left.iter().try_for_each(|batch| observer.see_rows(batch))?;
            }
            if let Some(output) = &mut self.output {
                left.into_iter().try_for_each(|batch| output.tables.push(batch))?;
            }
        }
        Ok(copies)
    }

    /// Writes no more, and waits until nobody does.
    fn stop_writing(&mut self) {
        self.observer = None;
        if let Some(output) = self.output.take() {
            output.tables.abandon();
        }
    }

    fn close(&mut self, summary: &mut Summary) -> Result<Ending> {
        // What could not be had is judged once more, before anything comes of it.
        if self.session.confirm()? || !self.found.is_empty() {
            self.stop_writing();
            return Ok(Ending::Refused(std::mem::take(&mut self.found)));
        }
        let Some(mut output) = self.output.take() else { return Ok(Ending::Counted) };
        let mut carried = CarriedOver::default();
        let mut replaced = Vec::new();
        if let (Some(replacement), Some(claims)) = (self.replacement, &self.claims) {
            let Output { tables, ledger } = &mut output;
            let (config, nameless) = (self.config, &self.nameless);
            let mut mover = Mover { config, replacement, claims, nameless, tables, ledger };
            carried = mover.carry_over(&mut self.again, summary)?;
            replaced = replacement.replaced.iter().cloned().collect();
        }
        for converted in &self.again {
            output.enter(&self.archives[converted.archive], converted)?;
        }
        let mut parts = output.tables.finish()?;
        parts.extend(output.ledger.finish_quarantine()?);
        let record = CommitRecord::new(self.config, &parts, replaced.clone());
        let archives = output.ledger.finish(&record)?;
        parts.extend(carried.manifests);
        Ok(Ending::Staged(Box::new(Staged { parts, archives, carried: carried.rows, replaced })))
    }
}
