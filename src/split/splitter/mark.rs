//! A place in a text, to come back to.
//!
//! In: a splitter. Out: the same, as it was at that place. Never: a place of another window.

use super::parts::Nesting;
use super::{Splitter, State};

/// A place to come back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    state: State,
    at: usize,
    arrays: u64,
    nesting: Nesting,
}

impl Splitter {
    /// Where the splitter stands, to come back to.
    pub(crate) const fn mark(&self) -> Mark {
        Mark { state: self.state, at: self.at, arrays: self.arrays, nesting: self.nesting }
    }

    /// Goes back to a mark of the same window.
    pub(crate) const fn back_to(&mut self, mark: Mark) {
        (self.state, self.at, self.arrays, self.nesting) = (mark.state, mark.at, mark.arrays, mark.nesting);
    }
}
