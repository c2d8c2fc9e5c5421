//! Rows of a partition, on their way to its files.
//!
//! In: rows of a table under construction. Out: batches, each of one partition. Never: changes the order of rows.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, NullArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow::compute::{FilterBuilder, cast, concat};
use arrow::datatypes::{DataType, SchemaRef};

use super::partition::PartitionPath;
use crate::columns::column::keep;
use crate::columns::table::{Rows, TableBuilder};
use crate::columns::text_values::TextValues;
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
    /// Rows of a partition; the columns are all that the table declares.
    pub(crate) fn new(table: Table, partition: PartitionPath, columns: Vec<ArrayRef>, rows: usize) -> Self {
        let bytes = columns.iter().map(held_bytes).sum();
        Self { table, partition, columns, rows, bytes }
    }

    /// The rows of batches of one partition, in order, as one batch: many small ones are mostly structure.
    ///
    /// # Errors
    ///
    /// When their columns have different types, which is a bug.
    pub(crate) fn concat(batches: &[Self]) -> Result<Self> {
        let Some(first) = batches.first() else { return Err(Error::internal("no batches to put together")) };
        let columns = (0..first.columns.len()).map(|at| concat_column(batches, at));
        let columns: Vec<_> = columns.collect::<Result<_>>()?;
        let rows = batches.iter().map(|batch| batch.rows).sum();
        Ok(Self::new(first.table, Arc::clone(&first.partition), columns, rows))
    }
}

impl Batch {
    /// The archive of each row, and the position of its event there.
    ///
    /// # Errors
    ///
    /// When the columns are not those of a table with events, which is a bug.
    pub(crate) fn origins(&self) -> Result<(TextValues<'_>, &Int32Array)> {
        let column = |name| self.table.column_index(name).map(|at| &self.columns[at]);
        let archives = column("archive").and_then(TextValues::of);
        let indexes = column("event_index").and_then(|column| column.as_primitive_opt());
        archives.zip(indexes).ok_or_else(|| Error::internal("a batch has no archives and positions of its events"))
    }

    /// The columns at some positions of the table, in the types of a schema that has just these.
    ///
    /// # Errors
    ///
    /// When columns do not fit the schema, which is a bug.
    pub(crate) fn typed(&self, schema: &SchemaRef, positions: impl IntoIterator<Item = usize>) -> Result<RecordBatch> {
        let columns = schema.fields().iter().zip(positions).map(|(field, at)| {
            let column = &self.columns[at];
            if column.data_type().is_null() {
                return Ok(new_null_array(field.data_type(), column.len()));
            }
            cast(column, field.data_type()).map_err(Error::internal)
        });
        let columns = columns.collect::<Result<_>>()?;
        // Without any column nothing else gives the number of rows.
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(Error::internal)
    }

    /// The batch without some rows, which are given in order: the stretches between them when those are few, else a batch
    /// that is made anew.
    pub(super) fn without(self, taken: &[usize]) -> Result<Vec<Self>> {
        const MOST_STRETCHES: usize = 16;
        if taken.is_empty() {
            return Ok(vec![self]);
        }
        let ends = taken.iter().copied().chain([self.rows]);
        let starts = iter::once(0).chain(taken.iter().map(|row| row + 1));
        let stretches: Vec<_> =
            starts.zip(ends).map(|(start, end)| start..end).filter(|rows| !rows.is_empty()).collect();
        if stretches.len() <= MOST_STRETCHES {
            return Ok(stretches.into_iter().map(|rows| self.slice(rows)).collect());
        }
        let mut mask = vec![true; self.rows];
        for row in taken {
            mask[*row] = false;
        }
        Ok(vec![self.only(&BooleanArray::from(mask))?])
    }

    /// The rows that a mask keeps, with dictionaries of what they use and no more.
    ///
    /// # Errors
    ///
    /// None that data could cause.
    pub(crate) fn only(&self, mask: &BooleanArray) -> Result<Self> {
        let filter = FilterBuilder::new(mask).optimize().build();
        let columns = self.columns.iter().map(|column| keep(column, &filter)).collect::<Result<Vec<_>>>()?;
        Ok(Self::new(self.table, Arc::clone(&self.partition), columns, filter.count()))
    }

    /// Some rows of it, without a copy.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Self {
        let is_whole = rows.len() == self.rows;
        let slice = |column: &ArrayRef| {
            if is_whole { Arc::clone(column) } else { column.slice(rows.start, rows.len()) }
        };
        Self {
            table: self.table,
            partition: Arc::clone(&self.partition),
            columns: self.columns.iter().map(slice).collect(),
            rows: rows.len(),
            bytes: self.bytes * rows.len() as u64 / self.rows as u64,
        }
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
    let batch = |rows: Rows| Batch::new(table, Arc::clone(&paths[rows.partition as usize]), rows.columns, rows.count);
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
