//! A lake, as it stands in a folder or a bucket.
//!
//! In: a place. Out: its commits, and the files that they list. Never: changes a lake; that is `write`'s.

mod part_name;

pub(crate) mod root;

pub(crate) mod bytes;

pub(crate) mod file;

mod layout;

pub(crate) mod record;

pub(crate) mod manifest;

pub(crate) mod write;

pub(crate) use layout::{FileLayout, coded_field};
pub(crate) use manifest::{
    Commits, Known, PublishedCommit, Standing, containers, key_table, name_hash, quarantined_archives,
};
pub(crate) use part_name::PartName;
pub(crate) use record::{CommitRecord, RecordedPart, Settings};
