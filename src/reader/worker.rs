//! The work of one thread: a group of small archives from file to columns, or one step of a large one.
//!
//! In: archives, or segments of one. Out: batches and outcomes. Never: depends on other threads or their order.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::large::{LargeText, Segment};
use super::refusal::{not_verified, reject_damaged_log};
use crate::clock::{Stage, StageClock, TaskClock};
use crate::error::{Finding, Reason, Result};
use crate::input::{Archive, ArchiveContents, Inflated, Inflater, unreadable};
use crate::json::tape::Parser;
use crate::model::{Integrity, Place};
use crate::pool::Pool;
use crate::rows::{ArchiveOutcome, ArchiveRef, Batch, ConvertCounts, Converter, Plan};
use crate::split::MAX_ORIGINAL_BYTES;
use crate::store::Prefetcher;
use crate::verify::{Proof, Proofs};

/// Maximum text of a small archive, in segments; a larger one is converted segment by segment.
const SEGMENTS_OF_SMALL: usize = 8;
/// Text of a group above which no further archive is added.
const GROUP_TEXT_BYTES: u64 = 16 << 20;
/// Partitions of a group above which no further archive is added: each has its own arrays, which take more than a
/// few rows do.
const GROUP_PARTITIONS: usize = 32;
/// The outcome of one archive, with its rows.
pub(crate) struct Converted {
    /// Position in the run's list.
    pub(crate) archive: usize,
    pub(crate) uri: String,
    pub(crate) inflated_bytes: u64,
    /// Whether it or its events had findings.
    pub(crate) is_damaged: bool,
    pub(crate) outcome: ArchiveOutcome,
    pub(crate) integrity: Integrity,
}

impl Converted {
    /// Whether it could not be read at all.
    pub(super) fn is_unread(&self) -> bool {
        self.outcome.findings.iter().any(|finding| finding.reason == Reason::ReadFailed)
    }

    pub(super) fn new(archive: usize, uri: String, outcome: ReadOutcome) -> Self {
        let ReadOutcome { inflated_bytes, outcome, integrity } = outcome;
        Self { archive, uri, inflated_bytes, is_damaged: !outcome.findings.is_empty(), outcome, integrity }
    }
}

/// The outcome of reading the text of one archive.
pub(super) struct ReadOutcome {
    pub(crate) inflated_bytes: u64,
    pub(crate) outcome: ArchiveOutcome,
    pub(crate) integrity: Integrity,
}

impl ReadOutcome {
    /// Of a large archive that was read to its end.
    pub(super) fn of_large(archive: &Archive, counts: ConvertCounts, end: LargeText) -> Self {
        let LargeText { inflated_bytes, split_outcome, damage, integrity } = end;
        let mut outcome = ArchiveOutcome::new(split_outcome, counts, damage);
        reject_damaged_log(&mut outcome, archive, || archive.read_head(MAX_ORIGINAL_BYTES).unwrap_or_default());
        Self { inflated_bytes, outcome, integrity }
    }

    /// Of an archive without a text.
    pub(super) fn without_text(outcome: ArchiveOutcome) -> Self {
        Self { inflated_bytes: 0, outcome, integrity: Integrity::NotChecked }
    }
}

/// How archives are read, the same for all of a run.
#[derive(Clone)]
pub(super) struct ReadContext {
    /// Maximum text of one archive, in bytes.
    pub(super) limit: u64,
    /// Text that is converted together, in bytes.
    pub(super) segment_bytes: usize,
    /// The declarations of digest files, when archives are to be compared with them.
    pub(super) proofs: Option<Arc<Proofs>>,
    /// Whether only verified archives are converted.
    pub(super) requires_verified: bool,
    /// Fetches objects of S3 ahead, by their position in the run's list.
    pub(super) prefetcher: Option<Arc<Prefetcher>>,
}

/// The result of a group of archives.
pub(super) struct GroupResult {
    pub(super) archives: Vec<Converted>,
    pub(super) batches: Vec<Batch>,
    /// An archive that is to be taken alone, and those after it are still to be done.
    pub(super) alone: Option<usize>,
    /// This archive and those after it are still to be done: the group turned out to hold much text.
    pub(super) rest: Option<usize>,
}

/// The result of a segment.
pub(super) struct SegmentResult {
    pub(super) counts: ConvertCounts,
    pub(super) batches: Vec<Batch>,
    /// The place after its last event, if it has any.
    pub(super) end: Option<Place>,
}

/// Idle workers, kept for their buffers.
pub(super) struct Workers {
    plan: Plan,
    idle: Pool<Worker>,
}

impl Workers {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, idle: Pool::default() }
    }

    /// Lends a worker to a task.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Worker) -> R) -> R {
        let mut worker = self.idle.take().unwrap_or_else(|| Worker::new(self.plan.clone()));
        let result = work(&mut worker);
        self.idle.give(worker);
        result
    }
}

/// One thread's buffers, from the stored bytes to the columns.
pub(super) struct Worker {
    stored: Vec<u8>,
    inflater: Inflater,
    converter: Converter,
}

impl Worker {
    pub(super) fn new(plan: Plan) -> Self {
        Self { stored: Vec::new(), inflater: Inflater::default(), converter: Converter::new(plan) }
    }

    /// The parser, for splitting a window.
    pub(super) const fn parser(&mut self) -> &mut Parser {
        self.converter.parser()
    }

    /// Converts small archives, up to the first that is not small.
    pub(super) fn convert_group(
        &mut self,
        archives: &[Archive],
        range: Range<usize>,
        reading: &ReadContext,
        clock: &StageClock,
    ) -> Result<GroupResult> {
        let archives_done = Vec::with_capacity(range.len());
        let mut result = GroupResult { archives: archives_done, batches: Vec::new(), alone: None, rest: None };
        let mut clock = TaskClock::new(clock);
        let mut text_bytes = 0;
        for at in range {
            if text_bytes > GROUP_TEXT_BYTES || self.converter.partitions() > GROUP_PARTITIONS {
                result.rest = Some(at);
                break;
            }
            let uri = archives[at].uri();
            let source = ArchiveRef { uri: &uri, position: position(at) };
            let fetched = reading.prefetcher.as_ref().and_then(|prefetcher| prefetcher.take(at));
            let Some(outcome) = self.convert_archive(&archives[at], fetched, source, reading, &mut clock) else {
                result.alone = Some(at);
                break;
            };
            text_bytes += outcome.inflated_bytes;
            result.archives.push(Converted::new(at, uri, outcome));
        }
        result.batches = clock.time(Stage::Transform, || self.converter.finish())?;
        Ok(result)
    }

    /// `None` when the archive is large; `fetched` are its bytes when they were fetched ahead.
    fn convert_archive(
        &mut self,
        archive: &Archive,
        fetched: Option<io::Result<Bytes>>,
        source: ArchiveRef<'_>,
        reading: &ReadContext,
        clock: &mut TaskClock<'_>,
    ) -> Option<ReadOutcome> {
        if !archive.is_regular {
            return Some(ReadOutcome::without_text(ArchiveOutcome::foreign("special_file")));
        }
        if let Some(contents) = &archive.contents {
            return Some(of_contents(archive, contents, reading));
        }
        self.stored.clear();
        let read = clock.time(Stage::Read, || match fetched {
            Some(fetched) => fetched.map(|bytes| self.stored.extend_from_slice(&bytes)),
            None => archive.read(&mut self.stored),
        });
        if let Err(error) = read {
            let mut finding = unreadable(&error);
            if finding.reason == Reason::ContainerDamaged {
                // Right or wrong, these are all the bytes that could be read of the member.
                finding.original.clone_from(&self.stored);
            }
            return Some(ReadOutcome::without_text(ArchiveOutcome::refused(finding)));
        }
        let most = reading.segment_bytes.saturating_mul(SEGMENTS_OF_SMALL);
        let limit = usize::try_from(reading.limit).map_or(most, |limit| limit.min(most));
        let (length, damage) = match clock.time(Stage::Inflate, || self.inflater.inflate(&self.stored, limit)) {
            Inflated::Text(length, damage) => (length, damage),
            Inflated::Refused(finding) => {
                let integrity = reading.begin_proof(archive).read_stored(&self.stored);
                let outcome = ArchiveOutcome::refused(finding);
                return Some(ReadOutcome { inflated_bytes: 0, outcome, integrity });
            }
            Inflated::TooLarge => return None,
        };
        let text = self.inflater.text(length);
        let integrity = clock.time(Stage::Verify, || {
            let mut proof = reading.begin_proof(archive);
            if damage.is_some() || !self.inflater.was_exact() {
                return proof.read_stored(&self.stored);
            }
            proof.take(text);
            proof.end()
        });
        let mut outcome = clock.time(Stage::Transform, || {
            if reading.is_wanted(integrity) || self.converter.is_foreign(text) {
                self.converter.convert(source, text, damage)
            } else {
                ArchiveOutcome::refused(not_verified(integrity))
            }
        });
        reject_damaged_log(&mut outcome, archive, || self.stored.clone());
        Some(ReadOutcome { inflated_bytes: length as u64, outcome, integrity })
    }

    /// Converts a segment of a large archive.
    pub(super) fn convert_segment(
        &mut self,
        source: ArchiveRef<'_>,
        segment: &Segment,
        clock: &StageClock,
    ) -> Result<SegmentResult> {
        let last = segment.elements.last().map(|element| Place::new(source.position, element.index));
        clock.time(Stage::Transform, || {
            let counts = self.converter.convert_elements(source, &segment.text, segment.start, &segment.elements);
            Ok(SegmentResult { counts, batches: self.converter.finish()?, end: last.map(Place::next) })
        })
    }
}

/// The position of an archive as stored in places of events: no run has four billion archives.
pub(crate) fn position(archive: usize) -> u32 {
    u32::try_from(archive).unwrap_or(u32::MAX)
}

impl ReadContext {
    pub(super) fn begin_proof(&self, archive: &Archive) -> Proof {
        match &self.proofs {
            Some(proofs) => Proof::begin(proofs, &archive.path()),
            None => Proof::none(),
        }
    }

    /// Whether archives with this result of verification are converted.
    const fn is_wanted(&self, integrity: Integrity) -> bool {
        !self.requires_verified || integrity.is_verified()
    }
}

/// The outcome of an archive that was opened: a container in place of a log file is not what a digest file declares.
fn of_contents(archive: &Archive, contents: &ArchiveContents, reading: &ReadContext) -> ReadOutcome {
    let (outcome, is_container) = match contents {
        ArchiveContents::Members { kind, findings } => (ArchiveOutcome::container(kind, findings.clone()), true),
        ArchiveContents::Foreign { kind } => (ArchiveOutcome::foreign(kind), false),
        ArchiveContents::Unread { why } => return ReadOutcome::without_text(ArchiveOutcome::refused(unread(why))),
    };
    let outcome = ReadOutcome::without_text(outcome);
    match reading.begin_proof(archive).read(archive) {
        Integrity::NotCovered if is_container => outcome,
        integrity => ReadOutcome { integrity, ..outcome },
    }
}

/// A finding for an archive that could not be opened.
fn unread(why: &str) -> Finding {
    Finding {
        event_index: None,
        byte_offset: None,
        reason: Reason::ReadFailed,
        message: why.to_owned(),
        original: Vec::new(),
    }
}
