//! A lake in a folder or a bucket.
//!
//! In: a place. Out: its commits, and the files that they list. Never: changes a lake; only `write` does.

mod part_name;

pub(crate) mod root;

pub(crate) mod bytes;

pub(crate) mod file;

mod layout;

pub(crate) mod commit_metadata;

pub(crate) mod manifest;

pub(crate) mod write;

pub(crate) use commit_metadata::{CommitMetadata, CommittedPart, Settings};
pub(crate) use layout::{FileLayout, dictionary_field};
pub(crate) use manifest::{
    ArchiveState, Commits, KnownArchives, PublishedCommit, containers, key_table, name_hash, quarantined_archives,
};
pub(crate) use part_name::PartName;
