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

mod convert;

pub(crate) use convert::{ArchiveTally, Batch, Converter, Plan, Status, Verdict};
pub use flatten::Outcome;
pub use partition::{NULL_PARTITION, PartitionColumn};
