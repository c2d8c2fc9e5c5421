//! Plain values that many modules share.
//!
//! In: nothing. Out: choices, limits and words. Never: does anything with them.

mod compression;

mod counts;

mod integrity;

pub(crate) mod limits;

mod on_bad;

mod outcome;

mod partition_column;

mod place;

mod places;

mod selection;

pub use compression::Compression;
pub use counts::{ArchiveCounts, ByteCounts, EventCounts, IntegrityCounts, NoticeCounts, UsageRecordCounts};
pub(crate) use integrity::{Integrity, Sha256, hex};
pub use limits::MIB;
pub use on_bad::OnBad;
pub use outcome::Outcome;
pub(crate) use outcome::OutcomeCounts;
pub use partition_column::PartitionColumn;
pub(crate) use place::Place;
pub(crate) use places::{STATE_FOLDER, STDIN, is_own_folder};
pub use places::{check_local, check_place};
pub use selection::Selection;
