//! Events to batches of rows.
//!
//! In: the text of an archive. Out: batches of rows by partition, and what is known of the archive. Never: reads or
//! writes a file, starts a thread, prints.

pub(crate) mod register;

pub(crate) mod partition;

mod verdict;

mod batch;

mod copies;

mod convert;

pub(crate) use batch::Batch;
pub(crate) use convert::{Converter, Plan, is_selected};
pub(crate) use copies::{Copies, CopyCounts};
pub(crate) use register::{Register, Source};
pub(crate) use verdict::{DAMAGED, Tally, UNREADABLE, Verdict};
