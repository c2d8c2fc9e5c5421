//! What the coordinator has dealt out.
//!
//! In: nothing. Out: types that hold work in progress. Never: decides anything.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::worker::{ArchiveOutcome, Converted, GroupResult, LargeArchive, LargeVerdict, SegmentResult, Step};
use crate::error::Result;
use crate::rows::Tally;

/// Archives whose results are applied together.
pub(super) struct Turn {
    pub(super) id: u64,
    pub(super) work: Work,
}

/// What a turn consists of.
pub(super) enum Work {
    Group { range: Range<usize>, result: Option<Result<GroupResult>> },
    Large(Box<Large>),
}

/// A large archive that is being worked on.
pub(super) struct Large {
    pub(super) archive: usize,
    pub(super) uri: Arc<str>,
    /// Waiting for room to take the next step.
    pub(super) parked: Option<Box<LargeArchive>>,
    pub(super) next_segment: u64,
    pub(super) applied: u64,
    pub(super) results: BTreeMap<u64, Result<SegmentResult>>,
    pub(super) tally: Tally,
    pub(super) verdict: Option<LargeVerdict>,
}

/// What tasks tell the coordinator.
pub(super) enum Message {
    Group(u64, Result<GroupResult>),
    Step(u64, Step),
    Segment(u64, u64, Result<SegmentResult>),
    /// A task panicked, which is a bug.
    Panicked,
}

impl Large {
    pub(super) fn new(archive: usize, uri: Arc<str>) -> Self {
        Self {
            archive,
            uri,
            parked: None,
            next_segment: 0,
            applied: 0,
            results: BTreeMap::new(),
            tally: Tally::default(),
            verdict: None,
        }
    }

    /// Hands out the archive for its next step, when fewer than `most` of its segments are on their way.
    pub(super) fn next_step(&mut self, most: u64) -> Option<Box<LargeArchive>> {
        self.parked.take_if(|_| self.next_segment - self.applied < most)
    }

    /// Whether events of it were dealt out: the last segment of a refused archive holds none.
    pub(super) const fn has_begun(&self) -> bool {
        self.next_segment > 1
    }

    /// The archive as it is booked.
    pub(super) fn converted(&self, outcome: ArchiveOutcome) -> Converted {
        Converted::new(self.archive, self.uri.to_string(), outcome)
    }

    /// How it ended, once all its segments are applied.
    pub(super) fn end(&mut self) -> Option<LargeVerdict> {
        let is_applied = self.applied == self.next_segment;
        let is_refused = matches!(self.verdict, Some(LargeVerdict::Refused(_)));
        if is_applied || is_refused { self.verdict.take() } else { None }
    }
}
