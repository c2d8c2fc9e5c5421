//! What the elements of an event array are.
//!
//! In: the first elements of an array. Out: whether they are events, bring events, or neither. Never: a second opinion: the
//! first object speaks for all, so that an array costs no more than its events; among strangers alone each is asked whether it
//! seems to hold one.

use super::Cutter;
use crate::json::tape::Parser;
use crate::split::document::{is_event_start, names_version};
use crate::split::judgement::judge;
use crate::split::shape;
use crate::split::splitter::ArrayKind;
use crate::split::unwrap::Unwrapped;

/// The event array at hand, or the last one.
#[derive(Debug, Default)]
pub(super) struct ArrayState {
    /// How many there were, with it.
    number: u64,
    /// What its elements are, once that is known.
    elements: Option<Elements>,
    /// What there was before it: events, refused events and findings.
    before: (u32, u64, usize),
}

/// What the elements of an array are, by the first object among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    Events,
    /// They bring events.
    Wrappers,
    /// Only those are looked at that seem to hold an event.
    Strangers,
}

impl Cutter {
    /// What the elements of the array at hand are; `None` as long as no object has come that would tell.
    pub(super) fn judge_array(&mut self, parser: &mut Parser, element: &[u8], at: usize) -> Option<Elements> {
        let array = self.splitter.array();
        if self.array.number != self.splitter.arrays() {
            let before = (self.next_index, self.quarantined, self.findings.len());
            let elements = (array == ArrayKind::Wrappers).then_some(Elements::Wrappers);
            self.array = ArrayState { number: self.splitter.arrays(), elements, before };
        }
        let is_object = element.first() == Some(&b'{');
        let is_telling = is_object || array == ArrayKind::Outermost;
        if self.array.elements.is_none() && is_telling {
            self.array.elements = Some(self.judge_element(parser, element, at));
        }
        self.array.elements
    }

    /// Whether the elements of the array at hand are strangers.
    pub(super) fn is_among_strangers(&self) -> bool {
        self.array.number == self.splitter.arrays() && self.array.elements == Some(Elements::Strangers)
    }

    /// Whether nothing speaks for the elements of the array at hand being events.
    pub(super) fn is_no_event_array(&self) -> bool {
        self.array.number != self.splitter.arrays() || self.array.elements != Some(Elements::Events)
    }

    fn judge_element(&mut self, parser: &mut Parser, element: &[u8], at: usize) -> Elements {
        if self.kind.is_some() && is_event_start(element) {
            return Elements::Events;
        }
        let judged = judge(parser, element);
        let is_told = judged.is_ok() && is_event_start(element);
        let mut kind = judged.err();
        if !is_told && (element.first() == Some(&b'{') || names_version(element)) {
            // What merely has a member that events have, too, may bring some.
            match self.unwrap_once(parser, element, at) {
                Some(Unwrapped::Wrapper(extracted, _)) if !extracted.is_empty() => return Elements::Wrappers,
                Some(Unwrapped::Wrapper(_, shape::NOTIFICATION)) if kind.is_some() => kind = Some(shape::NOTIFICATION),
                _ => {}
            }
        }
        let Some(kind) = kind else {
            self.kind.get_or_insert(judged.unwrap_or(shape::LOG));
            return Elements::Events;
        };
        if self.kind.is_some() {
            // Among events, whatever stands in `Records` is one.
            return Elements::Events;
        }
        // What was refused before it in this array was no event either, as far as it does not seem to hold some.
        let (index, quarantined, findings) = self.array.before;
        if !self.findings[findings..].iter().any(|finding| names_version(&finding.original)) {
            (self.next_index, self.quarantined) = (index, quarantined);
            self.findings.truncate(findings);
        }
        self.take_stranger(kind, self.splitter.position(), &[]);
        Elements::Strangers
    }
}
