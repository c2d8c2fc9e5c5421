//! What the elements of an event array are.
//!
//! In: the first elements of an array. Out: whether they are events, bring events, or neither. Never: a second opinion: the
//! first object speaks for all, so that an array costs no more than its events; only among foreign objects each is checked for
//! an event that it may hold.

use super::Splitter;
use crate::json::tape::Parser;
use crate::split::document::{is_event_start, names_version};
use crate::split::outcome::classify;
use crate::split::scanner::ArrayKind;
use crate::split::shape;
use crate::split::unwrap::Unwrapped;

/// The event array at hand, or the last one.
#[derive(Debug, Default)]
pub(super) struct ArrayState {
    /// How many there were, with it.
    number: u64,
    /// What its elements are, once that is known.
    elements: Option<ArrayElements>,
    /// What there was before it: events, refused events and findings.
    before: (u32, u64, usize),
}

/// What the elements of an array are, by the first object among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArrayElements {
    Events,
    /// They bring events.
    Wrappers,
    /// Only those are looked at that seem to hold an event.
    Foreign,
}

impl Splitter {
    /// What the elements of the current array are; `None` as long as no object has shown it.
    pub(super) fn classify_array(&mut self, parser: &mut Parser, element: &[u8], at: usize) -> Option<ArrayElements> {
        let array = self.scanner.array();
        if self.array.number != self.scanner.arrays() {
            let before = (self.next_index, self.quarantined, self.findings.len());
            let elements = (array == ArrayKind::Wrappers).then_some(ArrayElements::Wrappers);
            self.array = ArrayState { number: self.scanner.arrays(), elements, before };
        }
        let is_object = element.first() == Some(&b'{');
        let is_telling = is_object || array == ArrayKind::Outermost;
        if self.array.elements.is_none() && is_telling {
            self.array.elements = Some(self.classify_element(parser, element, at));
        }
        self.array.elements
    }

    /// Whether the elements of the current array are foreign.
    pub(super) fn is_among_foreign(&self) -> bool {
        self.array.number == self.scanner.arrays() && self.array.elements == Some(ArrayElements::Foreign)
    }

    /// Whether nothing speaks for the elements of the array at hand being events.
    pub(super) fn is_no_event_array(&self) -> bool {
        self.array.number != self.scanner.arrays() || self.array.elements != Some(ArrayElements::Events)
    }

    fn classify_element(&mut self, parser: &mut Parser, element: &[u8], at: usize) -> ArrayElements {
        if self.kind.is_some() && is_event_start(element) {
            return ArrayElements::Events;
        }
        let class = classify(parser, element);
        let is_certain = class.is_ok() && is_event_start(element);
        let mut kind = class.err();
        if !is_certain && (element.first() == Some(&b'{') || names_version(element)) {
            // What merely has a member that events have, too, may bring some.
            match self.unwrap_once(parser, element, at) {
                Some(Unwrapped::Wrapper(extracted, _)) if !extracted.is_empty() => return ArrayElements::Wrappers,
                Some(Unwrapped::Wrapper(_, shape::NOTIFICATION)) if kind.is_some() => kind = Some(shape::NOTIFICATION),
                _ => {}
            }
        }
        let Some(kind) = kind else {
            self.kind.get_or_insert(class.unwrap_or(shape::LOG));
            return ArrayElements::Events;
        };
        if self.kind.is_some() {
            // Among events, whatever stands in `Records` is one.
            return ArrayElements::Events;
        }
        // What was refused before it in this array was no event either, as far as it does not seem to hold some.
        let (index, quarantined, findings) = self.array.before;
        if !self.findings[findings..].iter().any(|finding| names_version(&finding.original)) {
            (self.next_index, self.quarantined) = (index, quarantined);
            self.findings.truncate(findings);
        }
        self.take_foreign(kind, self.scanner.position(), &[]);
        ArrayElements::Foreign
    }
}
