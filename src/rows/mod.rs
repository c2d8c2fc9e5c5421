//! Events to batches of rows.
//!
//! In: the text of an archive. Out: batches of rows by partition, and the outcome of the archive. Never: reads or
//! writes a file, starts a thread, prints.

pub(crate) mod event_key;

pub(crate) mod partition;

mod outcome;

mod batch;

mod duplicates;

mod convert;

pub(crate) use batch::Batch;
pub(crate) use convert::{Converter, Plan, is_selected};
pub(crate) use duplicates::{DuplicateCounts, Duplicates};
pub(crate) use event_key::{ArchiveRef, KeyIndex};
pub(crate) use outcome::{ArchiveOutcome, ConvertCounts, DAMAGED, UNREADABLE};
