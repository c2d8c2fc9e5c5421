//! Columns of `quarantine`: what was refused, where it stood, why, and its bytes.

use super::Hint::{Bulk, Repeats, Rising};
use super::Kind::{Binary, Int, Long, Text};
use super::{Column, column};

#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    column(1, "archive", "", Text, Repeats, "URI of the archive"),
    column(2, "event_index", "", Int, Rising, "0-based position of the event; null when the finding is about the archive"),
    column(3, "byte_offset", "", Long, Rising, "Where it stands in the inflated text (for gzip reasons: in the file); null when unknown"),
    column(4, "reason", "", Text, Repeats, "One of a fixed vocabulary, see below"),
    column(5, "message", "", Text, Bulk, "What was expected and found"),
    column(6, "original", "", Binary, Bulk, "The refused bytes as they stood"),
    column(7, "commit_id", "", Text, Repeats, "Commit that published this row"),
];
