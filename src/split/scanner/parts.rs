//! Documents that are returned in parts: too large for the window, or truncated.
//!
//! In: a value without an end in the window. Out: the scanner, inside it. Never: descends into an event.

use super::{ArrayKind, MAX_DOCUMENT_BYTES, ScanState, Scanner};
use crate::split::document::is_event_like;

/// The containers around a position in a document that is returned in parts: their kinds, the innermost in the lowest
/// bit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nesting {
    pub(super) depth: u32,
    pub(super) objects: u64,
}

impl Nesting {
    /// Descends into a container, unless they are nested too deeply; `from_object` is whether the outer one is an object.
    const fn enter(&mut self, from_object: bool) -> bool {
        if self.depth == u64::BITS {
            return false;
        }
        self.objects = self.objects << 1 | from_object as u64;
        self.depth += 1;
        true
    }

    /// Ascends to the outer container; whether that is an object, or `None` after the outermost one.
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

impl Scanner {
    /// Descends into a value without an end in the window, if the document is returned in parts; never into an event.
    pub(super) fn enter_unfinished(&mut self, window: &[u8], is_all: bool, start: usize, from_object: bool) -> bool {
        let is_container = matches!(window.get(start), Some(b'{' | b'['));
        let is_due = is_all || window.len() - start > MAX_DOCUMENT_BYTES;
        let is_entered = self.shows_parts && is_container && is_due && !is_event_like(&window[start..]);
        is_entered && self.enter(window, start, &[from_object])
    }

    /// Descends into an element of the current array, whatever it is.
    pub(crate) fn enter_element(&mut self, window: &[u8], start: usize) -> bool {
        match self.state {
            ScanState::Array { kind: ArrayKind::Other | ArrayKind::Outermost, .. } => {
                self.enter(window, start, &[false])
            }
            // Its end is followed by the rest of the object that has it as a member.
            ScanState::Array { .. } => self.enter(window, start, &[true, false]),
            _ => false,
        }
    }

    /// Descends into a part or a document that was just returned and cannot be read as a whole.
    pub(crate) fn reenter(&mut self, window: &[u8], start: usize) -> bool {
        match self.state {
            ScanState::Outside => {
                self.nesting = Nesting::default();
                self.has_events_in_parts = false;
                self.enter(window, start, &[])
            }
            ScanState::Object { .. } => self.enter(window, start, &[true]),
            ScanState::Array { kind: ArrayKind::Other, .. } => self.enter(window, start, &[false]),
            ScanState::Array { .. } => false,
        }
    }

    /// Descends into a container; `around` holds, for each outer container not yet recorded, whether it is an object.
    fn enter(&mut self, window: &[u8], start: usize, around: &[bool]) -> bool {
        if !around.iter().all(|is_object| self.nesting.enter(*is_object)) {
            return false;
        }
        self.shows_parts = true;
        self.at = start + 1;
        self.state = match window.get(start) {
            Some(b'[') => ScanState::Array { kind: ArrayKind::Other, is_first: true },
            _ => ScanState::Object { is_first: true, has_records: false },
        };
        true
    }

    /// Continues after the end of a container; `None` when it was the outermost.
    pub(super) const fn leave(&mut self) -> Option<()> {
        self.state = match self.nesting.leave() {
            Some(true) => ScanState::Object { is_first: false, has_records: false },
            Some(false) => ScanState::Array { kind: ArrayKind::Other, is_first: false },
            None => {
                self.state = ScanState::Outside;
                return None;
            }
        };
        Some(())
    }
}
