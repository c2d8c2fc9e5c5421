//! Which of equal events is kept: the one in the lake, otherwise the first in the order of delivery.
//!
//! In: keys of events and their places, from all workers in any order. Out: the places of the duplicates, once everything
//! before them is known. Never: a result that depends on which thread came first.
//!
//! Two events are equal when they have the same identifier, account, time and name. Events without an identifier
//! are never duplicates.
//!
//! ```text
//! workers      insert(key, place) → shard: the key is new, or has a later place: the key is ours, the later place is lost
//!                                          the key has an earlier place: ours is lost
//! coordinator  all before a unit are converted → take_lost(…unit) is final → its rows are removed
//! ```
//!
//! Keys of the lake are read back, by date, when the first event of that date arrives. A key takes some 30 bytes of memory
//! up to a bound; beyond it, keys that can no longer change go to a file of sorted runs and take two bytes, or
//! less in large runs: see [`spill`].
//! In the order of the flow:

mod published;

mod spill;

mod shard;

mod index;

pub(crate) use index::{DuplicateIndex, Scratch};
pub(crate) use published::{KeyColumns, PublishedKeys};
