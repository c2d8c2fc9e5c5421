//! Which of equal events is kept: the first in the order of delivery, and before all the one that is in the lake.
//!
//! In: keys of events and their places, from all workers in any order. Out: the places of the others, once everything
//! before them is known. Never: an answer that depends on who asked first.
//!
//! An event is that of another when both have the same identifier, account, time and name. Events without an identifier
//! are no copies of anything.
//!
//! ```text
//! workers      insert(key, place) → shard: no one has it, or a later place: the key is ours, the later place is lost
//!                                          an earlier place has it: ours is lost
//! coordinator  all before a unit are converted → take_lost(…unit) is final → its rows are taken out
//! ```
//!
//! Keys of the lake are read back, by date, when the first event of that date comes. A key takes some 30 bytes of memory
//! up to a bound; beyond it, keys that nothing can change any more go to a file of sorted runs and take two bytes, and
//! none that grow without end: see [`spill`].
//! In flow order:

mod published;

mod spill;

mod shard;

mod index;

pub(crate) use index::{DuplicateIndex, Scratch};
pub(crate) use published::{KeyColumns, PublishedKeys};
