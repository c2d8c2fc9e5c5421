//! The text of an archive to the events in it.
//!
//! In: text, a window at a time. Out: the spans of events, and findings for the rest. Never: does I/O, starts a thread,
//! or passes over text without a word.

mod document;

mod splitter;

pub(crate) mod shape;

pub(crate) mod judgement;

mod unwrap;

mod cut;

pub(crate) use cut::{Cut, Cutter, ENOUGH_TO_TELL, Element};
pub(crate) use judgement::{Judgement, MAX_ORIGINAL_BYTES, Status};
