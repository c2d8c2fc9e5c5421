//! Batches to a lake.
//!
//! In: batches in order. Out: parts, and the commit that lists them. Never: parses, or leaves an incomplete file under a
//! name that readers look at.

mod options;

mod tables;

mod manifest_writer;

mod rewrite;

mod staged;

mod storage_backend;

mod folder;

mod heartbeat;

mod lease;

mod lease_name;

mod piece_plan;

mod uploads;

mod bucket;

mod commit;

pub(crate) use commit::{Commit, Lake, hold_if_there, hold_shared, wait_to_hold};
pub(crate) use manifest_writer::{ArchiveEntry, ManifestWriter};
pub(crate) use options::WriteOptions;
pub(crate) use rewrite::{PartRows, ReconvertedArchives, Replacement, batch_rows};
pub(crate) use staged::read_back;
pub(crate) use tables::TableWriters;
