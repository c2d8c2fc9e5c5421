//! How an attempt ended.
//!
//! In: what was staged, or why not. Out: the same, for whoever publishes. Never: published here.

use std::collections::HashMap;

use crate::input::Worthless;
use crate::output::StagedPart;
use crate::schema::Table;

/// The parts of a commit before they are published.
pub(super) struct Staged {
    /// All but that of `archives`.
    pub(super) parts: Vec<StagedPart>,
    pub(super) archives: StagedPart,
}

impl Staged {
    /// All parts.
    pub(super) fn all(&self) -> impl Iterator<Item = &StagedPart> {
        self.parts.iter().chain([&self.archives])
    }

    /// Rows of a table.
    pub(super) fn rows(&self, table: Table) -> u64 {
        self.all().filter(|part| part.path.starts_with(table.name())).map(|part| part.rows).sum()
    }
}

/// How an attempt ended.
pub(super) enum Ending {
    /// All is staged.
    Staged(Box<Staged>),
    /// Nothing was to be written.
    Counted,
    /// These archives have to be refused, and rows of them were among the others.
    Refused(HashMap<usize, Worthless>),
}
