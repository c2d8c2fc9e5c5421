//! Units of work: archives whose results are returned together, and the state of each.
//!
//! In: results of tasks, and when these ended. Out: results that can be returned. Never: starts a task, or knows other units.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::large::{LargeArchive, LargeEnd, LargeStep};
use super::worker::{GroupResult, SegmentResult};
use crate::clock::logical::LogicalTime;
use crate::error::{Error, Result};
use crate::input::Unusable;
use crate::rows::ConvertCounts;

/// Archives whose results are returned together.
pub(super) struct Unit {
    /// Distinguishes its messages from those of others.
    pub(super) id: u64,
    pub(super) work: Work,
}

/// What a unit consists of.
pub(super) enum Work {
    /// Small archives.
    Group { range: Range<usize>, result: Option<(Result<GroupResult>, LogicalTime)> },
    /// A large one.
    Large(Box<Large>),
}

/// A large archive in work.
pub(super) struct Large {
    pub(super) archive: usize,
    pub(super) uri: Arc<str>,
    /// The point from which it is unusable, when an earlier reading has found it.
    pub(super) end: Option<Unusable>,
    /// Waiting for room to take the next step.
    pub(super) parked: Option<(Box<LargeArchive>, LogicalTime)>,
    /// Segments that were split off.
    pub(super) segments: u64,
    /// Whether any of them contain events.
    pub(super) has_events: bool,
    /// Segments that were returned.
    pub(super) handed_out: u64,
    pub(super) results: BTreeMap<u64, (Result<SegmentResult>, LogicalTime)>,
    pub(super) counts: ConvertCounts,
    pub(super) ended: Option<(LargeEnd, LogicalTime)>,
    pub(super) check: Check,
}

/// Whether rows of a large archive may be returned before it was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Not checked.
    Open,
    /// It is being read to its end.
    Begun,
    /// It can be read to its end.
    Passed,
}

/// What tasks send to the coordinator.
pub(super) enum Message {
    /// A group was converted.
    Group(u64, Result<GroupResult>),
    /// A step through a large archive was taken.
    LargeStep(u64, LargeStep),
    /// The segment with this number was converted.
    Segment(u64, u64, Result<SegmentResult>),
    /// A large archive was read to its end.
    Check(u64, Option<Unusable>),
    /// A task panicked, which is a bug.
    Panicked(Error),
}

impl Unit {
    /// The first of its archives.
    pub(super) fn start(&self) -> usize {
        match &self.work {
            Work::Group { range, .. } => range.start,
            Work::Large(large) => large.archive,
        }
    }

    /// Discards its results.
    pub(super) fn restart(&mut self) {
        match &mut self.work {
            Work::Group { result, .. } => *result = None,
            Work::Large(large) => **large = Large::new(large.archive, Arc::clone(&large.uri)),
        }
    }
}

impl Large {
    pub(super) fn new(archive: usize, uri: Arc<str>) -> Self {
        Self {
            archive,
            uri,
            end: None,
            parked: None,
            segments: 0,
            handed_out: 0,
            has_events: false,
            results: BTreeMap::new(),
            counts: ConvertCounts::default(),
            ended: None,
            check: Check::Open,
        }
    }

    /// The same archive, to be read up to the point where it is unusable.
    pub(super) fn up_to(self, end: Unusable) -> Self {
        // How it ends is known.
        Self { end: Some(end), check: Check::Passed, ..Self::new(self.archive, self.uri) }
    }

    /// Segments that are being converted.
    pub(super) const fn in_work(&self) -> u64 {
        self.segments - self.handed_out
    }

    /// Whether it gives nothing more, once its present results were returned.
    pub(super) const fn is_read(&self) -> bool {
        matches!(self.ended, Some((LargeEnd::Read(_), _)))
    }

    /// How it ended, once all its segments were returned, or at once when it is refused.
    pub(super) fn end(&mut self) -> Option<LargeEnd> {
        let is_handed_out = self.in_work() == 0;
        let is_refused = matches!(self.ended, Some((LargeEnd::Refused(_), _)));
        let (end, time) = self.ended.take_if(|_| is_handed_out || is_refused)?;
        time.wait();
        Some(end)
    }
}
