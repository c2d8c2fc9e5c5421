//! Damaged text, and how to get out of it.
//!
//! In: an element that is refused or may lack its end, or any position where the state is unknown. Out: the next
//! certain event. Never: a result that depends on where windows end, as long as they have the usual size.

use std::ops::Range;

use super::resync::{Among, Resync, resync_after};
use super::{MAX_EVENT_BYTES, MAX_WAITING_BYTES, Next, SplitState, Splitter, UNMATCHED};
use crate::error::Reason;
use crate::json::scan;
use crate::json::tape::Parser;
use crate::split::outcome::{Damage, MAX_ORIGINAL_BYTES, Rejection, check, finding, is_event};

/// Room for what precedes the name by which an event is found.
const CANDIDATE_BYTES: usize = 4_096;

/// What an element has swallowed.
pub(super) enum LostEnd {
    Nothing,
    /// Other elements; and the reason of the refusal.
    Others(Rejection),
    /// The window ends before this can be decided.
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

    /// Gives up the text from `at` on, until the next certain event.
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
            // The start of the next candidate may be at the end of the window.
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

    /// Whether an element may have lost a bracket or quote and swallowed others.
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
            // An invalid element that ends where it should, with no certain event inside, is left to the converter to refuse.
            Err(rejection) => match self.resync(parser, window, is_all, range.start) {
                Resync::At { damage_end, .. } if damage_end < range.end => LostEnd::Others(rejection),
                Resync::Undecided(end) if end < range.end && window.len() - end <= MAX_WAITING_BYTES => {
                    LostEnd::Undecided
                }
                _ => LostEnd::Nothing,
            },
            // Valid, but the text ends after it, and others begin inside it.
            Ok(()) if behind.is_none() => match self.resync(parser, &window[..range.end], true, range.start) {
                Resync::At { .. } => {
                    LostEnd::Others(Rejection { reason: Reason::JsonInvalid, message: UNMATCHED.to_owned() })
                }
                _ => LostEnd::Nothing,
            },
            Ok(()) => LostEnd::Nothing,
        }
    }

    /// Whether a certain event begins inside the element at `at`.
    pub(super) fn holds_others(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, at: usize) -> bool {
        matches!(self.resync(parser, window, is_all, at), Resync::At { .. })
    }

    /// Finds the next certain event after damage.
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
