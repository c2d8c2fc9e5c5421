//! Values to Arrow arrays.
//!
//! In: cells of rows, in any order of columns. Out: record batches, in the order in which rows are stored. Never: parses
//! text, does I/O or starts a thread.

pub(crate) mod interner;

mod cells;

pub(crate) mod list;

pub(crate) mod column;

pub(crate) mod table;

pub(crate) mod text_values;
