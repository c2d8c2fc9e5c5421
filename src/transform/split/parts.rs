//! Documents that are shown part by part: too large for the window, or cut.
//!
//! In: a value without an end in the window. Out: the splitter, inside it. Never: goes into an event: what it holds is its own.

use super::{ArrayKind, MAX_DOCUMENT_BYTES, Splitter, State};
use crate::transform::document::is_event_start;

/// What is around a place in a document of which the parts are shown: the kinds of containers, the innermost in the lowest
/// bit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nesting {
    pub(super) depth: u32,
    pub(super) objects: u64,
}

impl Nesting {
    /// Goes into a container of another one, unless they are too many.
    const fn enter(&mut self, from_object: bool) -> bool {
        if self.depth == u64::BITS {
            return false;
        }
        self.objects = self.objects << 1 | from_object as u64;
        self.depth += 1;
        true
    }

    /// Goes back to what is around; whether that is an object, or `None` behind the outermost container.
    const fn leave(&mut self) -> Option<bool> {
        if self.depth == 0 {
            return None;
        }
        let is_object = self.objects & 1 == 1;
        self.objects >>= 1;
        self.depth -= 1;
        Some(is_object)
    }
}

impl Splitter {
    /// Goes into a value that has no end in the window to show its parts, if the parts of the document are shown.
    pub(super) fn enter(&mut self, window: &[u8], is_all: bool, start: usize, from_object: bool) -> bool {
        let bracket = window.get(start).filter(|byte| matches!(byte, b'{' | b'['));
        let is_due = is_all || window.len() - start > MAX_DOCUMENT_BYTES;
        let is_event = is_event_start(&window[start..]);
        let Some(bracket) = bracket.filter(|_| self.shows_parts && is_due && !is_event) else { return false };
        if !self.nesting.enter(from_object) {
            return false;
        }
        self.at = start + 1;
        self.state = match bracket {
            b'{' => State::Object { is_first: true, has_records: false },
            _ => State::Array { kind: ArrayKind::Other, is_first: true },
        };
        true
    }

    /// Goes back behind a container to what is around; `None` when that is nothing.
    pub(super) const fn leave(&mut self, has_records: bool) -> Option<()> {
        self.state = match self.nesting.leave() {
            Some(true) => State::Object { is_first: false, has_records },
            Some(false) => State::Array { kind: ArrayKind::Other, is_first: false },
            None => {
                self.state = State::Outside;
                return None;
            }
        };
        Some(())
    }
}
