//! Damaged text, and the way out of it.
//!
//! In: an element that is refused or may have lost its end, or any place that nothing can be derived from. Out: the next
//! event that is certain. Never: an answer that depends on where windows end, as long as they are of the usual size.

use std::ops::Range;

use super::resync::{Among, Resync, resync_after};
use super::{MAX_EVENT_BYTES, MAX_WAITING_BYTES, Next, SplitState, Splitter, UNMATCHED};
use crate::error::Reason;
use crate::json::scan;
use crate::json::tape::Parser;
use crate::split::outcome::{Damage, MAX_ORIGINAL_BYTES, Rejection, check, finding, is_event};

/// Room for what stands before the name by which an event is found.
const CANDIDATE_BYTES: usize = 4_096;

/// What an element has taken for parts of itself.
pub(super) enum LostEnd {
    Nothing,
    /// Other elements; and why it is refused.
    Others(Rejection),
    /// The window ends before that can be decided.
    Undecided,
}

impl Splitter {
    pub(super) fn refuse_event(&mut self, index: u32, window: &[u8], range: Range<usize>, rejection: Rejection) {
        self.quarantined += 1;
        let offset = self.window_start + range.start as u64;
        self.findings.push(rejection.of_event(index, offset, &window[range]));
    }

    pub(super) fn report(&mut self, at: usize, rejection: Rejection, original: &[u8]) {
        self.findings.push(finding(None, self.window_start + at as u64, rejection, original));
    }

    /// Gives up the text from `at` on, until an event comes that is certain.
    pub(super) fn lose(&mut self, index: Option<u32>, at: usize, rejection: Rejection) {
        let offset = self.window_start + at as u64;
        self.scanner.skip_to(at);
        self.state = SplitState::Lost(Damage { index, offset, rejection, original: Vec::new() });
    }

    pub(super) fn look_for_event(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        mut damage: Damage,
    ) -> Option<Next> {
        let at = self.scanner.position();
        let resync = self.resync(parser, window, is_all, at);
        let (end, is_over) = match resync {
            Resync::At { damage_end, .. } => (damage_end, true),
            Resync::Undecided(end) if window.len() - end <= MAX_EVENT_BYTES => (end, false),
            // The start of the next candidate may stand at the end of the window.
            _ if !is_all => (window.len().saturating_sub(CANDIDATE_BYTES).max(at), false),
            _ => (window.len(), true),
        };
        damage.original.extend_from_slice(&window[at..end.min(at + MAX_ORIGINAL_BYTES - damage.original.len())]);
        if !is_over {
            self.scanner.skip_to(end);
            self.state = SplitState::Lost(damage);
            return Some(Next::More(end));
        }
        let Damage { index, offset, mut rejection, original } = damage;
        if let Resync::At { start, among, .. } = resync {
            match among {
                Among::Elements => self.scanner.resume_at(start),
                Among::Lines => self.scanner.resume_outside(start),
            }
            self.state = SplitState::Go;
            if rejection.reason == Reason::JsonTruncated {
                rejection = Rejection { reason: Reason::JsonInvalid, message: UNMATCHED.to_owned() };
            }
        }
        self.quarantined += u64::from(index.is_some());
        self.findings.push(finding(index, offset, rejection, &original));
        None
    }

    /// Whether an element is not to be trusted: it may have lost a bracket or quote and taken others for parts of itself.
    pub(super) fn lost_end(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        range: &Range<usize>,
    ) -> LostEnd {
        let text = &window[range.clone()];
        let behind = window.get(scan::skip_space(window, range.end));
        let is_delimited = matches!(behind, Some(b',' | b']'));
        if is_delimited && self.next_event.find(&text[1..]).is_none() {
            return LostEnd::Nothing;
        }
        self.budget.rescan_bytes = self.budget.rescan_bytes.saturating_sub(text.len());
        match check(parser, text) {
            Err(rejection) if !is_delimited => LostEnd::Others(rejection),
            // A bad element that ends where it should, with nothing certain inside, is the converter's to refuse.
            Err(rejection) => match self.resync(parser, window, is_all, range.start) {
                Resync::At { damage_end, .. } if damage_end < range.end => LostEnd::Others(rejection),
                Resync::Undecided(end) if end < range.end && window.len() - end <= MAX_WAITING_BYTES => {
                    LostEnd::Undecided
                }
                _ => LostEnd::Nothing,
            },
            // Valid, but the text ends behind it, and others begin inside it.
            Ok(()) if behind.is_none() => match self.resync(parser, &window[..range.end], true, range.start) {
                Resync::At { .. } => {
                    LostEnd::Others(Rejection { reason: Reason::JsonInvalid, message: UNMATCHED.to_owned() })
                }
                _ => LostEnd::Nothing,
            },
            Ok(()) => LostEnd::Nothing,
        }
    }

    /// Whether a certain event begins inside what begins at `at`.
    pub(super) fn holds_others(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, at: usize) -> bool {
        matches!(self.resync(parser, window, is_all, at), Resync::At { .. })
    }

    /// Finds the next certain event behind damage.
    fn resync(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, damage: usize) -> Resync {
        if self.budget.rescan_bytes == 0 {
            return Resync::Nowhere;
        }
        let mut budget = self.budget.rescan_bytes;
        let places: &[Among] =
            match (self.scanner.is_outside() || self.scanner.shows_parts(), self.scanner.arrays() > 0) {
                (true, true) => &[Among::Elements, Among::Lines],
                (true, false) => &[Among::Lines],
                (false, true) => &[Among::Elements],
                (false, false) => &[],
            };
        let is_certain = |among, range| match among {
            Among::Elements => is_event(parser, &window[range]),
            Among::Lines => check(parser, &window[range]).is_ok(),
        };
        let resync = resync_after(window, is_all, damage, places, MAX_WAITING_BYTES, &mut budget, is_certain);
        let searched = match resync {
            Resync::At { damage_end: end, .. } | Resync::Undecided(end) => end - damage,
            Resync::Nowhere => window.len() - damage,
        };
        self.budget.rescan_bytes = budget.saturating_sub(searched);
        resync
    }
}
