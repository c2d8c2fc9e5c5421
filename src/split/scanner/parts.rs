//! Documents that are shown part by part: too large for the window, or cut.
//!
//! In: a value without an end in the window. Out: the splitter, inside it. Never: goes into an event: what it holds is its own.

use super::{ArrayKind, MAX_DOCUMENT_BYTES, ScanState, Scanner};
use crate::split::document::is_event_like;

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

impl Scanner {
    /// Goes into a value that has no end in the window, if the parts of the document are shown; into no event.
    pub(super) fn enter_unfinished(&mut self, window: &[u8], is_all: bool, start: usize, from_object: bool) -> bool {
        let is_container = matches!(window.get(start), Some(b'{' | b'['));
        let is_due = is_all || window.len() - start > MAX_DOCUMENT_BYTES;
        let is_entered = self.shows_parts && is_container && is_due && !is_event_like(&window[start..]);
        is_entered && self.enter(window, start, &[from_object])
    }

    /// Goes into an element of the array at hand, whatever it is.
    pub(crate) fn enter_element(&mut self, window: &[u8], start: usize) -> bool {
        match self.state {
            ScanState::Array { kind: ArrayKind::Other | ArrayKind::Outermost, .. } => {
                self.enter(window, start, &[false])
            }
            // It ends where the object goes on whose member it is.
            ScanState::Array { .. } => self.enter(window, start, &[true, false]),
            _ => false,
        }
    }

    /// Goes back into a part, or into a document, that was just shown and cannot be read as a whole.
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

    /// Goes into a container; `around` tells of each container around it that it is not known to be in whether that is an object.
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

    /// Goes back behind a container to what is around; `None` when that is nothing.
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
