//! Text that cannot be trusted, and the way out of it.
//!
//! In: an element that is refused or may have lost its end, or any place that nothing can be told from. Out: the next
//! event that is certain. Never: an answer that depends on where windows end, as long as they are of the usual size.

use std::ops::Range;

use super::resume::{Among, Resumed, resume_after};
use super::{Cut, Cutter, MAX_EVENT_BYTES, MAX_WAITING_BYTES, State, UNMATCHED};
use crate::error::Reason;
use crate::json::scan;
use crate::json::tape::Parser;
use crate::split::judgement::{Damage, MAX_ORIGINAL_BYTES, Rejection, check, finding, is_event};

/// Room for what stands before the name by which an event is found.
const CANDIDATE_BYTES: usize = 4_096;

/// What an element has taken for parts of itself.
pub(super) enum Swallowed {
    Nothing,
    /// Other elements; and why it is refused.
    Others(Rejection),
    /// The window ends before that can be told.
    Undecided,
}

impl Cutter {
    /// Gives up the text from `at` on, until an event comes that is certain.
    pub(super) fn lose(&mut self, index: Option<u32>, at: usize, rejection: Rejection) {
        let offset = self.window_start + at as u64;
        self.splitter.skip_to(at);
        self.state = State::Lost(Damage { index, offset, rejection, original: Vec::new() });
    }

    pub(super) fn look_for_event(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        mut damage: Damage,
    ) -> Option<Cut> {
        let at = self.splitter.position();
        let resumed = self.resume(parser, window, is_all, at);
        let (end, is_over) = match resumed {
            Resumed::At { damage_end, .. } => (damage_end, true),
            Resumed::Undecided(end) if window.len() - end <= MAX_EVENT_BYTES => (end, false),
            // The start of the next candidate may stand at the end of the window.
            _ if !is_all => (window.len().saturating_sub(CANDIDATE_BYTES).max(at), false),
            _ => (window.len(), true),
        };
        damage.original.extend_from_slice(&window[at..end.min(at + MAX_ORIGINAL_BYTES - damage.original.len())]);
        if !is_over {
            self.splitter.skip_to(end);
            self.state = State::Lost(damage);
            return Some(Cut::More(end));
        }
        let Damage { index, offset, mut rejection, original } = damage;
        if let Resumed::At { start, among, .. } = resumed {
            match among {
                Among::Elements => self.splitter.resume_at(start),
                Among::Lines => self.splitter.resume_outside(start),
            }
            self.state = State::Go;
            if rejection.reason == Reason::JsonTruncated {
                rejection = Rejection { reason: Reason::JsonInvalid, message: UNMATCHED.to_owned() };
            }
        }
        self.quarantined += u64::from(index.is_some());
        self.findings.push(finding(index, offset, rejection, &original));
        None
    }

    /// Whether an element is not to be trusted: it may have lost a bracket or quote and taken others for parts of itself.
    pub(super) fn swallowed(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        range: &Range<usize>,
    ) -> Swallowed {
        let text = &window[range.clone()];
        let behind = window.get(scan::skip_space(window, range.end));
        let is_delimited = matches!(behind, Some(b',' | b']'));
        if is_delimited && self.next_event.find(&text[1..]).is_none() {
            return Swallowed::Nothing;
        }
        self.budget.rescan_bytes = self.budget.rescan_bytes.saturating_sub(text.len());
        match check(parser, text) {
            Err(rejection) if !is_delimited => Swallowed::Others(rejection),
            // A bad element that ends where it should, with nothing certain inside, is the converter's to refuse.
            Err(rejection) => match self.resume(parser, window, is_all, range.start) {
                Resumed::At { damage_end, .. } if damage_end < range.end => Swallowed::Others(rejection),
                Resumed::Undecided(end) if end < range.end && window.len() - end <= MAX_WAITING_BYTES => {
                    Swallowed::Undecided
                }
                _ => Swallowed::Nothing,
            },
            // Valid, but the text ends behind it, and others begin inside it.
            Ok(()) if behind.is_none() => match self.resume(parser, &window[..range.end], true, range.start) {
                Resumed::At { .. } => {
                    Swallowed::Others(Rejection { reason: Reason::JsonInvalid, message: UNMATCHED.to_owned() })
                }
                _ => Swallowed::Nothing,
            },
            Ok(()) => Swallowed::Nothing,
        }
    }

    /// Whether a certain event begins inside what begins at `at`.
    pub(super) fn holds_others(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, at: usize) -> bool {
        matches!(self.resume(parser, window, is_all, at), Resumed::At { .. })
    }

    /// Finds the next certain event behind damage.
    fn resume(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, damage: usize) -> Resumed {
        if self.budget.rescan_bytes == 0 {
            return Resumed::Nowhere;
        }
        let mut budget = self.budget.rescan_bytes;
        let places: &[Among] =
            match (self.splitter.is_outside() || self.splitter.shows_parts(), self.splitter.arrays() > 0) {
                (true, true) => &[Among::Elements, Among::Lines],
                (true, false) => &[Among::Lines],
                (false, true) => &[Among::Elements],
                (false, false) => &[],
            };
        let is_certain = |among, range| match among {
            Among::Elements => is_event(parser, &window[range]),
            Among::Lines => check(parser, &window[range]).is_ok(),
        };
        let resumed = resume_after(window, is_all, damage, places, MAX_WAITING_BYTES, &mut budget, is_certain);
        let searched = match resumed {
            Resumed::At { damage_end: end, .. } | Resumed::Undecided(end) => end - damage,
            Resumed::Nowhere => window.len() - damage,
        };
        self.budget.rescan_bytes = budget.saturating_sub(searched);
        resumed
    }
}
