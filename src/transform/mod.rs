//! Text of an archive in, columns out.
//!
//! May: parse, flatten, sort into partitions. Never: reads or writes a file, starts a thread, prints.
//! In flow order:

mod marks;

pub(crate) mod scan;

mod document;

mod split;

mod stand_ins;

mod tape;

mod index;

mod cursor;

pub(crate) mod decimal;
pub(crate) mod timestamp;

pub(crate) mod interner;

mod cells;

mod list;

mod column;

pub(crate) mod columns;

mod flatten;

pub(crate) mod register;

pub(crate) mod partition;

mod shape;

mod judgement;

mod unwrap;

mod cut;

mod verdict;

mod batch;

mod copies;

mod convert;

pub(crate) use batch::Batch;
pub(crate) use convert::{Converter, Plan, is_selected};
pub(crate) use copies::Copies;
pub(crate) use cut::{Cut, Cutter, ENOUGH_TO_TELL, Element};
pub(crate) use flatten::ALIASES;
pub use flatten::Outcome;
pub(crate) use judgement::{Judgement, MAX_ORIGINAL_BYTES, Status};
pub use partition::PartitionColumn;
pub(crate) use register::{Place, Register, Source};
pub(crate) use verdict::{DAMAGED, Tally, UNREADABLE, Verdict};
