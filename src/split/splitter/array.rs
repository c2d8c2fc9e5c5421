//! What the elements of an event array are.
//!
//! In: the first elements of an array. Out: whether they are events, contain events, or neither. Never: revises that: the
//! first object decides for all, so that an array costs no more than its events; only foreign objects are each checked for
//! an event inside.

use super::Splitter;
use crate::json::tape::Parser;
use crate::split::document::{is_event_start, names_version};
use crate::split::outcome::classify;
use crate::split::scanner::ArrayKind;
use crate::split::shape;
use crate::split::unwrap::Unwrapped;

/// The current event array, or the last one.
#[derive(Debug, Default)]
pub(super) struct ArrayState {
    /// Its number.
    number: u64,
    /// The kind of its elements, once known.
    elements: Option<ArrayElements>,
    /// Numbers of events, refused events and findings before it.
    before: (u32, u64, usize),
}

/// The kind of the elements of an array, by the first object among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArrayElements {
    Events,
    /// They contain events.
    Wrappers,
    /// Only those that seem to contain an event are examined.
    Foreign,
}

impl Splitter {
    /// The kind of the elements of the current array; `None` until an object has shown it.
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

    /// Whether the elements of the current array are not known to be events.
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
            // An object that merely shares a member name with events may contain some.
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
            // In an archive with events, whatever is in `Records` is one.
            return ArrayElements::Events;
        }
        // What was refused before it in this array was not an event either, unless it seems to contain one.
        let (index, quarantined, findings) = self.array.before;
        if !self.findings[findings..].iter().any(|finding| names_version(&finding.original)) {
            (self.next_index, self.quarantined) = (index, quarantined);
            self.findings.truncate(findings);
        }
        self.take_foreign(kind, self.scanner.position(), &[]);
        ArrayElements::Foreign
    }
}
