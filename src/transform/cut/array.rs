//! What the elements of an event array are.
//!
//! In: the first elements of an array. Out: whether they are events, bring events, or neither. Never: a second opinion: the
//! first object speaks for all, so that an array costs no more than its events.

use super::Cutter;
use crate::transform::document::is_event_start;
use crate::transform::judgement::{brings_events, judge};
use crate::transform::shape;
use crate::transform::split::ArrayKind;
use crate::transform::tape::Parser;

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
    /// None of them is looked at.
    Strangers,
}

impl Cutter {
    /// What the elements of the array at hand are; `None` as long as no object has come that would tell.
    pub(super) fn judge_array(&mut self, parser: &mut Parser, element: &[u8]) -> Option<Elements> {
        let array = self.splitter.array();
        if self.array.number != self.splitter.arrays() {
            let before = (self.next_index, self.quarantined, self.findings.len());
            let elements = (array == ArrayKind::Wrappers).then_some(Elements::Wrappers);
            self.array = ArrayState { number: self.splitter.arrays(), elements, before };
        }
        let is_object = element.first() == Some(&b'{');
        let is_telling = is_object || array == ArrayKind::Outermost;
        if self.array.elements.is_none() && is_telling {
            self.array.elements = Some(self.judge_element(parser, element, is_object));
        }
        self.array.elements
    }

    /// Whether nothing of the array at hand is looked at.
    pub(super) fn is_among_strangers(&self) -> bool {
        self.array.number == self.splitter.arrays() && self.array.elements == Some(Elements::Strangers)
    }

    fn judge_element(&mut self, parser: &mut Parser, element: &[u8], is_object: bool) -> Elements {
        if self.kind.is_some() && is_event_start(element) {
            return Elements::Events;
        }
        let kind = match judge(parser, element) {
            Ok(kind) => {
                self.kind.get_or_insert(kind);
                return Elements::Events;
            }
            Err(kind) if !is_object => kind,
            Err(kind) => match brings_events(parser, element, &mut self.budget) {
                Ok(()) => return Elements::Wrappers,
                Err(shape::NOTIFICATION) => shape::NOTIFICATION,
                Err(_) => kind,
            },
        };
        if self.kind.is_some() {
            // Among events, whatever stands in `Records` is one.
            return Elements::Events;
        }
        // What was refused before it in this array was no event either.
        let (index, quarantined, findings) = self.array.before;
        (self.next_index, self.quarantined) = (index, quarantined);
        self.findings.truncate(findings);
        self.take_stranger(kind, self.splitter.position(), &[]);
        Elements::Strangers
    }
}
