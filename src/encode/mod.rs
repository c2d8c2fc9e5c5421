//! Columns to Parquet.
//!
//! In: Arrow columns of one table and partition. Out: pages, row groups, files in a staging folder. Never: knows a lake,
//! or decides where a row group ends by anything but rows and bytes.

pub(crate) mod alone;

pub(crate) mod codec;

pub(crate) mod properties;

mod bounds;

mod rle;

mod delta;

pub(crate) mod chunk;

pub(crate) mod dictionary;

pub(crate) mod text;

pub(crate) mod part;

pub(crate) mod row_group;

pub(crate) use part::{StagedPart, StagingArea, unwritable};
pub(crate) use row_group::{Backpressure, EncodeContext};
