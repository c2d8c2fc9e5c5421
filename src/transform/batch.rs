//! Rows of a partition, on their way to its files.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::columns::{Rows, TableBuilder};
use super::partition::PartitionPath;
use crate::error::Result;
use crate::schema::Table;

/// Rows of one table and partition.
pub(crate) struct Batch {
    pub(crate) table: Table,
    pub(crate) partition: PartitionPath,
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) rows: usize,
    /// Bytes the columns take, by their content alone.
    pub(crate) bytes: u64,
}

/// The rows of a table since the last time, a batch for each chunk and partition.
pub(super) fn batches(table: Table, builder: &mut TableBuilder, paths: &[PartitionPath]) -> Result<Vec<Batch>> {
    let batch = |Rows { partition, columns, rows }| Batch {
        table,
        partition: Arc::clone(&paths[partition as usize]),
        bytes: columns.iter().map(held_bytes).sum(),
        columns,
        rows,
    };
    Ok(builder.finish()?.into_iter().map(batch).collect())
}

/// Bytes that an array holds, with something for its own structures: a batch of a few rows is mostly those.
fn held_bytes(array: &ArrayRef) -> u64 {
    const STRUCTURES: u64 = 256;
    array.to_data().get_slice_memory_size().unwrap_or_default() as u64 + STRUCTURES
}
