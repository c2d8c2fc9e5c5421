//! Columns in, Parquet files in a lake out.
//!
//! May: write below the lake. Never: parses, or leaves an incomplete file under a name that a reader looks at.
//! In flow order:

mod codec;

mod properties;

mod layout;

mod bounds;

mod hybrid;

mod delta;

mod chunk;

mod coded;

mod text;

mod part;

mod row_group;

mod tables;

mod record;

mod ledger;

mod manifest;

mod rewrite;

mod staged;

mod site;

mod folder;

mod beating;

mod claim;

mod claim_name;

mod bucket;

mod lake;

pub(crate) use lake::{Commit, Lake, hold_if_there, hold_shared, wait_to_hold};
pub(crate) use layout::{FileLayout, coded_field};
pub(crate) use ledger::{ArchiveEntry, Ledger};
pub(crate) use manifest::{
    Commits, Known, PublishedCommit, Standing, containers, key_table, name_hash, published_keys, quarantined_archives,
};
pub(crate) use part::{PartName, StagedPart};
pub(crate) use record::{CommitRecord, RecordedPart};
pub(crate) use rewrite::{Again, Replacement, batch_rows};
pub(crate) use row_group::{EncodeContext, Pressure};
pub(crate) use staged::read_back;
pub(crate) use tables::TableWriters;
