//! The text of an archive to the events in it.
//!
//! In: text, a window at a time. Out: the spans of events, and findings for the rest. Never: does I/O, starts a thread,
//! or skips text without a finding.

mod document;

mod scanner;

pub(crate) mod shape;

pub(crate) mod outcome;

mod unwrap;

mod splitter;

pub(crate) use outcome::{ArchiveStatus, MAX_ORIGINAL_BYTES, SplitOutcome};
pub(crate) use splitter::{Element, Next, SNIFF_BYTES, Splitter};
