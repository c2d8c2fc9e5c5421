//! How an attempt ended.
//!
//! In: what was staged, or why not. Out: the same, for whoever publishes. Never: published here.

use std::collections::HashMap;

use crate::encode::StagedPart;
use crate::input::Worthless;
use crate::schema::Table;

/// The parts of a commit before they are published.
pub(super) struct Staged {
    /// All but that of `archives`.
    pub(super) parts: Vec<StagedPart>,
    pub(super) archives: StagedPart,
    /// Rows among them that earlier commits have published, by table.
    pub(super) carried: HashMap<Table, u64>,
    /// Paths below the lake of the parts that they stand for.
    pub(super) replaced: Vec<String>,
}

impl Staged {
    /// All parts.
    pub(super) fn all(&self) -> impl Iterator<Item = &StagedPart> {
        self.parts.iter().chain([&self.archives])
    }
}

/// How an attempt ended.
pub(super) enum Ending {
    /// All is staged.
    Staged(Box<Staged>),
    /// Nothing was to be written.
    Counted,
    /// These archives have to be refused, and rows of them were among the others; none, when what could not be had can be tried
    /// again.
    Refused(HashMap<usize, Worthless>),
}
