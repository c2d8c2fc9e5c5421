//! Rows of a table to batches, one for each partition.
//!
//! In: rows, and the partition of each. Out: Arrow columns by partition, rows of one kind side by side. Never: holds
//! rows of one partition in memory for another.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Int32Type;

use super::columns::{Chunk, TableBuilder, coded_array};
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

/// A table under construction, with the partition of each row.
pub(super) struct PartitionedRows {
    table: Table,
    pub(super) builder: TableBuilder,
    row_partitions: Vec<u32>,
    /// Columns that rows are put together by within a batch.
    alike_by: Vec<usize>,
}

impl PartitionedRows {
    pub(super) fn new(table: Table) -> Self {
        // Calls of one action look alike: side by side they take a tenth less space, and less time to compress.
        let names = ["event_source", "event_name"];
        let alike_by = names.into_iter().filter(|_| table == Table::Events).filter_map(|name| table.column_index(name));
        let alike_by = alike_by.collect();
        Self { table, builder: TableBuilder::coded(table), row_partitions: Vec::new(), alike_by }
    }

    /// Notes the partition of the rows written since the last call.
    pub(super) fn mark_rows(&mut self, partition: u32) {
        self.row_partitions.resize(self.builder.rows(), partition);
    }

    /// The rows so far, a batch for each chunk and partition, in order of first appearance.
    pub(super) fn finish(&mut self, paths: &[PartitionPath]) -> Result<Vec<Batch>> {
        let row_partitions = std::mem::take(&mut self.row_partitions);
        let mut batches = Vec::new();
        let mut start = 0;
        for Chunk { columns, rows } in self.builder.finish()? {
            let partitions = &row_partitions[start..start + rows];
            start += rows;
            self.add_batches(&columns, partitions, paths, &mut batches)?;
        }
        Ok(batches)
    }

    fn add_batches(
        &self,
        columns: &[ArrayRef],
        row_partitions: &[u32],
        paths: &[PartitionPath],
        batches: &mut Vec<Batch>,
    ) -> Result<()> {
        let order = self.order(columns, row_partitions);
        // Each partition gets arrays of its own rather than slices of common ones: rows that wait for more of their
        // partition must not keep those of others in memory.
        let partition_of = |row: u32| row_partitions[row as usize];
        for rows in order.chunk_by(|one, two| partition_of(*one) == partition_of(*two)) {
            let indices = UInt32Array::from(rows.to_vec());
            let columns: Vec<ArrayRef> =
                columns.iter().map(|column| take_rows(column, &indices)).collect::<Result<_>>()?;
            batches.push(Batch {
                table: self.table,
                partition: Arc::clone(&paths[partition_of(rows[0]) as usize]),
                bytes: columns.iter().map(held_bytes).sum(),
                columns,
                rows: rows.len(),
            });
        }
        Ok(())
    }

    /// Rows by partition, then by what makes them alike, then as they came.
    fn order(&self, columns: &[ArrayRef], row_partitions: &[u32]) -> Vec<u32> {
        let codes = |at: Option<&usize>| Some(columns[*at?].as_dictionary_opt::<Int32Type>()?.keys().values());
        let (first, second) = (codes(self.alike_by.first()), codes(self.alike_by.get(1)));
        let code = |codes: Option<&arrow::buffer::ScalarBuffer<i32>>, row: usize| codes.map_or(0, |codes| codes[row]);
        let mut order: Vec<_> = row_partitions
            .iter()
            .zip(0_u32..)
            .map(|(partition, row)| (*partition, code(first, row as usize), code(second, row as usize), row))
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(.., row)| row).collect()
    }
}

fn take_rows(column: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef> {
    let taken = take(column, rows, None).map_err(Error::internal)?;
    match taken.as_dictionary_opt::<Int32Type>() {
        Some(coded) if coded.values().len() > rows.len() => compact(coded),
        _ => Ok(taken),
    }
}

/// The same rows with a dictionary of what they use.
fn compact(coded: &DictionaryArray<Int32Type>) -> Result<ArrayRef> {
    const UNUSED: i32 = -1;
    let mut new_keys = vec![UNUSED; coded.values().len()];
    let mut used = Vec::new();
    let keys = coded.keys().iter().map(|key| {
        let Some(key) = key else { return UNUSED };
        let new_key = &mut new_keys[key as usize];
        if *new_key == UNUSED {
            // No more than there are old keys.
            *new_key = i32::try_from(used.len()).unwrap_or(i32::MAX);
            used.push(key as u32);
        }
        *new_key
    });
    let keys = keys.collect();
    coded_array(keys, take(coded.values(), &UInt32Array::from(used), None).map_err(Error::internal)?)
}

/// Bytes that an array holds, with something for its own structures: a batch of a few rows is mostly those.
fn held_bytes(array: &ArrayRef) -> u64 {
    const STRUCTURES: u64 = 256;
    array.to_data().get_slice_memory_size().unwrap_or_default() as u64 + STRUCTURES
}
