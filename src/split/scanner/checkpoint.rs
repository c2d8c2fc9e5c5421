//! A saved position in a text.
//!
//! In: a scanner. Out: the scanner as it was at that position. Never: a position of another window.

use super::parts::Nesting;
use super::{ScanState, Scanner};

/// A position to return to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint {
    state: ScanState,
    at: usize,
    arrays: u64,
    nesting: Nesting,
}

impl Scanner {
    /// The current position of the scanner, to return to.
    pub(crate) const fn checkpoint(&self) -> Checkpoint {
        Checkpoint { state: self.state, at: self.at, arrays: self.arrays, nesting: self.nesting }
    }

    /// Returns to a checkpoint of the same window.
    pub(crate) const fn back_to(&mut self, checkpoint: Checkpoint) {
        (self.state, self.at, self.arrays, self.nesting) =
            (checkpoint.state, checkpoint.at, checkpoint.arrays, checkpoint.nesting);
    }
}
