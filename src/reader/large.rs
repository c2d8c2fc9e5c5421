//! A large archive, inflated and split a segment at a time.
//!
//! In: an archive and how archives are read. Out: segments of whole events, and the text's outcome at the end.
//! Never: converts an event, or holds more text than the current segment.

use super::refusal::not_verified;
use super::worker::{ReadContext, Worker};
use crate::clock::{Stage, StageClock};
use crate::error::Finding;
use crate::input::{Archive, TextStream, Unusable, Window, unreadable};
use crate::model::Integrity;
use crate::split::{ArchiveStatus, Element, Next, SplitOutcome, Splitter};
use crate::verify::Proof;

/// Text of a segment.
pub(super) const SEGMENT_BYTES: usize = 4 << 20;

/// A large archive while it is inflated and split.
pub(super) struct LargeArchive {
    archive: Archive,
    stream: TextStream,
    window: Window,
    splitter: Splitter,
    proof: Proof,
    segment_bytes: usize,
    requires_verified: bool,
}

/// Whole events of a large archive, ready to be converted.
pub(super) struct Segment {
    pub(super) text: Vec<u8>,
    /// Where its text begins in that of the archive.
    pub(super) start: u64,
    pub(super) elements: Vec<Element>,
}

/// The result of a step through a large archive.
pub(super) enum LargeStep {
    /// A segment, and more to come.
    Segment(Box<LargeArchive>, Segment),
    /// The last segment and how the archive ended.
    Last(Segment, LargeEnd),
}

/// How a large archive ended.
pub(super) enum LargeEnd {
    /// It was read to its end, or to where it is truncated.
    Read(LargeText),
    /// Its checksum is wrong or it is too large: rows that were returned from it must not be kept.
    Refused(Unusable),
}

/// The outcome for the text of a large archive.
pub(super) struct LargeText {
    pub(super) inflated_bytes: u64,
    pub(super) split_outcome: SplitOutcome,
    /// Damage of its compression.
    pub(super) damage: Option<Finding>,
    pub(super) integrity: Integrity,
}

impl LargeStep {
    /// The archive is unusable, completely or from some point on.
    pub(super) const fn unusable(why: Unusable) -> Self {
        let nothing = Segment { text: Vec::new(), start: 0, elements: Vec::new() };
        Self::Last(nothing, LargeEnd::Refused(why))
    }
}

impl LargeArchive {
    /// Opens a large archive; `end` is the point from which it is known to be unusable.
    pub(super) fn open(archive: &Archive, reading: &ReadContext, end: Option<Unusable>) -> Result<Self, Unusable> {
        let stream = TextStream::open(archive, reading.limit, end);
        Ok(Self {
            archive: archive.clone(),
            stream: stream.map_err(|error| Unusable { finding: unreadable(&error), sound_bytes: 0 })?,
            window: Window::default(),
            splitter: Splitter::new(),
            proof: reading.begin_proof(archive),
            segment_bytes: reading.segment_bytes,
            requires_verified: reading.requires_verified,
        })
    }

    /// Reads an archive to its end before any of its rows are returned: the point from which it is unusable, if any.
    pub(super) fn check(
        archive: &Archive,
        reading: &ReadContext,
        worker: &mut Worker,
        clock: &StageClock,
    ) -> Option<Unusable> {
        let mut large = match Self::open(archive, reading, None) {
            Ok(large) => Box::new(large),
            Err(unusable) => return Some(unusable),
        };
        if !reading.requires_verified {
            return clock.time(Stage::Inflate, || large.stream.drain(None, |_| {})).err();
        }
        // Unverified archives are refused only if they hold events.
        loop {
            match large.step(worker, clock) {
                LargeStep::Segment(next, _) => large = next,
                LargeStep::Last(_, LargeEnd::Refused(unusable)) => return Some(unusable),
                LargeStep::Last(_, LargeEnd::Read(_)) => return None,
            }
        }
    }

    /// Inflates and splits the next segment.
    pub(super) fn step(mut self: Box<Self>, worker: &mut Worker, clock: &StageClock) -> LargeStep {
        let Self { stream, window, splitter, proof, segment_bytes, .. } = &mut *self;
        let segment_bytes = *segment_bytes;
        let mut elements = Vec::new();
        let mut damage = None;
        let mut start = splitter.window_start();
        let mut wanted = segment_bytes;
        loop {
            let had = window.text().len();
            let filled = clock.time(Stage::Inflate, || stream.fill(window, wanted));
            clock.time(Stage::Verify, || proof.take(&window.text()[had..]));
            let end = match filled {
                Ok(end) => end,
                Err(unusable) => return LargeStep::unusable(unusable),
            };
            let is_all = end.is_some();
            if let Some(finding) = end {
                damage = finding;
            }
            let parser = worker.parser();
            let next = clock.time(Stage::Transform, || splitter.split(parser, window.text(), is_all, &mut elements));
            match next {
                // The window holds the start of an event but no end: it has to grow.
                Next::More(0) if elements.is_empty() => wanted = (window.text().len() * 2).max(segment_bytes),
                Next::More(done) if elements.is_empty() => {
                    drop(window.split_off(done));
                    splitter.forget(done);
                    start = splitter.window_start();
                    wanted = segment_bytes;
                }
                Next::More(done) => {
                    let text = window.split_off(done);
                    splitter.forget(done);
                    return LargeStep::Segment(self, Segment { text, start, elements });
                }
                Next::End => break,
            }
        }
        let text = window.split_off(window.text().len());
        let segment = Segment { text, start, elements };
        // The checksum is at the end, even if the text has already ended.
        let drained = clock.time(Stage::Inflate, || stream.drain(damage, |text| proof.take(text)));
        let (inflated_bytes, damage) = match drained {
            Ok(ended) => ended,
            Err(unusable) => return LargeStep::unusable(unusable),
        };
        let Self { archive, stream, splitter, proof, requires_verified, .. } = *self;
        let is_exact = damage.is_none() && stream.is_exact();
        let integrity = if is_exact { proof.end() } else { proof.read(&archive) };
        let split_outcome = splitter.close();
        if requires_verified && !integrity.is_verified() && split_outcome.status != ArchiveStatus::Foreign {
            // Its events may already be among the others.
            return LargeStep::unusable(Unusable { finding: not_verified(integrity), sound_bytes: 0 });
        }
        LargeStep::Last(segment, LargeEnd::Read(LargeText { inflated_bytes, split_outcome, damage, integrity }))
    }
}
