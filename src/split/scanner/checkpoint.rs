//! A checkpoint in a text.
//!
//! In: a scanner. Out: the same, as it was at that position. Never: a position of another window.

use super::parts::Nesting;
use super::{ScanState, Scanner};

/// A place to come back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint {
    state: ScanState,
    at: usize,
    arrays: u64,
    nesting: Nesting,
}

impl Scanner {
    /// The current position of the scanner, to come back to.
    pub(crate) const fn checkpoint(&self) -> Checkpoint {
        Checkpoint { state: self.state, at: self.at, arrays: self.arrays, nesting: self.nesting }
    }

    /// Goes back to a checkpoint of the same window.
    pub(crate) const fn back_to(&mut self, checkpoint: Checkpoint) {
        (self.state, self.at, self.arrays, self.nesting) =
            (checkpoint.state, checkpoint.at, checkpoint.arrays, checkpoint.nesting);
    }
}
