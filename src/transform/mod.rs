//! Text of an archive in, columns out.
//!
//! May: parse, flatten, sort into partitions. Never: reads or writes a file, starts a thread, prints.
//! In flow order:

mod scan;

mod split;

mod tape;

pub(crate) mod decimal;
pub(crate) mod timestamp;

pub(crate) mod columns;

mod flatten;

pub(crate) mod partition;

mod shape;

mod cut;

mod convert;

pub(crate) use convert::{Batch, Converter, Plan, TOO_LARGE, Tally, UNREADABLE, Verdict};
pub(crate) use cut::{Cut, Cutter, Element, Judgement, Status};
pub use flatten::Outcome;
pub use partition::PartitionColumn;
