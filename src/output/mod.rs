//! Columns in, Parquet files in a lake out.
//!
//! May: write below the lake. Never: parses, or leaves an incomplete file under a name that a reader looks at.
//! In flow order:

mod codec;

mod properties;

mod bounds;

mod hybrid;

mod delta;

mod chunk;

mod coded;

mod text;

mod part;

mod row_group;

mod tables;

mod ledger;

mod manifest;

mod staged;

mod lake;

pub(crate) use lake::{Commit, Lake};
pub(crate) use ledger::{ArchiveEntry, Ledger};
pub(crate) use manifest::{Known, published_keys, settings};
pub(crate) use part::StagedPart;
pub(crate) use row_group::{EncodeContext, Pressure};
pub(crate) use staged::read_back;
pub(crate) use tables::TableWriters;
