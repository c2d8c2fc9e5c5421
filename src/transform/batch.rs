//! Rows of a partition, on their way to its files.
//!
//! In: rows of a table under construction. Out: batches, each of one partition. Never: changes the order of rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, NullArray, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;

use super::columns::{Rows, TableBuilder};
use super::partition::PartitionPath;
use crate::error::{Error, Result};
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

impl Batch {
    /// The rows of batches of one partition, in order, as one batch: many small ones are mostly structure.
    ///
    /// # Errors
    ///
    /// When their columns have different types, which is a bug.
    pub(crate) fn concat(batches: &[Self]) -> Result<Self> {
        let Some(first) = batches.first() else { return Err(Error::internal("no batches to put together")) };
        let columns = (0..first.columns.len()).map(|at| concat_column(batches, at));
        let columns: Vec<_> = columns.collect::<Result<_>>()?;
        Ok(Self {
            table: first.table,
            partition: Arc::clone(&first.partition),
            bytes: columns.iter().map(held_bytes).sum(),
            columns,
            rows: batches.iter().map(|batch| batch.rows).sum(),
        })
    }
}

fn concat_column(batches: &[Batch], at: usize) -> Result<ArrayRef> {
    let parts = || batches.iter().map(|batch| &batch.columns[at]);
    let Some(typed) = parts().find(|part| !part.data_type().is_null()) else {
        return Ok(Arc::new(NullArray::new(parts().map(Array::len).sum())));
    };
    let with_type = |part: &ArrayRef| match part.data_type() {
        DataType::Null => new_null_array(typed.data_type(), part.len()),
        _ => Arc::clone(part),
    };
    let parts: Vec<ArrayRef> = parts().map(with_type).collect();
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    concat(&parts).map_err(Error::internal)
}

/// The rows of a table since the last time, a batch for each chunk and partition.
pub(super) fn batches(table: Table, builder: &mut TableBuilder, paths: &[PartitionPath]) -> Result<Vec<Batch>> {
    let batch = |Rows { partition, columns, count }| Batch {
        table,
        partition: Arc::clone(&paths[partition as usize]),
        bytes: columns.iter().map(held_bytes).sum(),
        columns,
        rows: count,
    };
    Ok(builder.finish()?.into_iter().map(batch).collect())
}

/// Bytes that an array holds, with something for its own structures: a batch of a few rows is mostly those.
fn held_bytes(array: &ArrayRef) -> u64 {
    const STRUCTURES: u64 = 512;
    const NOTHING: u64 = 64;
    if array.data_type().is_null() {
        return NOTHING;
    }
    array.to_data().get_slice_memory_size().unwrap_or_default() as u64 + STRUCTURES
}
