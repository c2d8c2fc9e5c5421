//! Rows to Arrow columns.
//!
//! In: one value at a time, addressed by column, and the partition of each row. Out: one array per declared column, for
//! each partition. Never: knows what a column means.
//!
//! A column holds the values it was given and the row of each, so a sparse column costs nothing per row. Text that
//! repeats is kept once, with a number for each row that has it ([`Column::is_dictionary_encoded`]): most of what an event says was
//! said by the one before. Whole objects that repeat are kept once, too, with all that they put into columns.
//!
//! Within a partition, rows of one kind stand together: side by side they take a tenth less space, and less time to
//! compress.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;

use super::cells::{Cells, Layout};
use super::column::{ColumnBuilder, part};
use super::interner::Interner;
use super::list::ListBuilder;
use crate::error::Result;
use crate::schema::{Column, Table, column_at};

/// Rows of a chunk at most.
const CHUNK_ROWS: usize = 32_768;
/// Bytes of text in a chunk above which it is closed: far below the 2 GiB that 32-bit offsets reach, whatever one row adds.
const CHUNK_TEXT_BYTES: usize = 32 << 20;

/// The columns of some rows of one partition.
pub(crate) struct Rows {
    /// Number of the partition.
    pub(crate) partition: u32,
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) count: usize,
}

/// Appends rows to the columns of one table.
pub(crate) struct TableBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    /// Rows that have an object which is kept once: the row, and the number of the object; by kind of object.
    objects: Vec<Vec<(u32, u32)>>,
    /// Partition of each row of the chunk at hand.
    row_partitions: Vec<u32>,
    /// Coded columns that rows are put together by.
    alike_by: [Option<usize>; 2],
    text_bytes: usize,
    rows: usize,
    chunks: Vec<Result<Vec<Rows>>>,
    dictionaries: u64,
    /// For [`TableBuilder::new_object`].
    next_object: u32,
    /// Whether arrays have the types of the files, whatever is in them.
    is_typed: bool,
}

impl TableBuilder {
    /// A builder whose columns have the types of the files.
    pub(crate) fn new(table: Table) -> Self {
        let schema = table.arrow_schema();
        Self {
            columns: schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type())).collect(),
            schema,
            objects: Vec::new(),
            row_partitions: Vec::new(),
            alike_by: [None; 2],
            text_bytes: 0,
            rows: 0,
            chunks: Vec::new(),
            dictionaries: 0,
            next_object: 0,
            is_typed: true,
        }
    }

    /// A builder whose text columns are dictionaries where values repeat, and null arrays where there is none.
    pub(crate) fn dictionary_encoded(table: Table) -> Self {
        let mut builder = Self::new(table);
        builder.is_typed = false;
        let dictionary_encoded = table
            .columns()
            .iter()
            .zip(&mut builder.columns)
            .filter(|(column, _)| Column::is_dictionary_encoded(column));
        dictionary_encoded
            .for_each(|(_, builder)| *builder = ColumnBuilder::Dictionary(Cells::default(), Interner::loose()));
        if table == Table::Events {
            builder.alike_by = [column_at!(Events.event_source), column_at!(Events.event_name)].map(Some);
        }
        // Rows that have the same text are found by its number.
        for column in builder.alike_by.into_iter().flatten() {
            builder.columns[column] = ColumnBuilder::Dictionary(Cells::default(), Interner::default());
        }
        builder
    }

    /// The same builder for some columns of its table, by position; all others are null arrays.
    pub(crate) fn only(mut self, wanted: &[usize]) -> Self {
        for (at, column) in self.columns.iter_mut().enumerate() {
            if !wanted.contains(&at) {
                *column = ColumnBuilder::Unwanted;
            }
        }
        self
    }

    /// The same builder, whose rows stay in the order in which they come.
    pub(crate) fn in_order(mut self) -> Self {
        self.alike_by = [None; 2];
        self
    }

    /// Whether anybody asks for a column.
    pub(crate) fn is_wanted(&self, column: usize) -> bool {
        !matches!(self.columns[column], ColumnBuilder::Unwanted)
    }

    /// Rows that are finished.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// The schema of the files.
    pub(crate) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Tells the dictionaries at hand from earlier ones, whose keys mean nothing any more.
    pub(crate) const fn dictionaries(&self) -> u64 {
        self.dictionaries
    }

    /// The row at hand, in its chunk.
    fn row(&self) -> u32 {
        // A chunk has few rows.
        u32::try_from(self.row_partitions.len()).unwrap_or(u32::MAX)
    }

    /// Puts text into a column of the current row.
    pub(crate) fn text(&mut self, column: usize, value: &str) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnBuilder::Text(spans, text) => {
                text.push_str(value);
                self.text_bytes += value.len();
                spans.push(row, text.len());
            }
            ColumnBuilder::Dictionary(cells, values) => {
                // An event often says what the one before said.
                let key = match cells.last() {
                    Some(last) if values.is(last as u32, value) => last,
                    _ => code(values, &mut self.text_bytes, value),
                };
                cells.push(row, key);
            }
            ColumnBuilder::Unwanted => {}
            _ => debug_assert!(false, "not a text column"),
        }
    }

    /// Puts bytes into a column of the current row.
    pub(crate) fn binary(&mut self, column: usize, value: &[u8]) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnBuilder::Binary(spans, bytes) => {
                bytes.extend_from_slice(value);
                self.text_bytes += value.len();
                spans.push(row, bytes.len());
            }
            ColumnBuilder::Unwanted => {}
            _ => debug_assert!(false, "not a binary column"),
        }
    }

    /// Puts a truth value into a column of the current row.
    pub(crate) fn boolean(&mut self, column: usize, value: bool) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnBuilder::Boolean(cells) => cells.push(row, value),
            ColumnBuilder::Unwanted => {}
            _ => debug_assert!(false, "not a boolean column"),
        }
    }

    /// Puts a number into a 32-bit column of the current row.
    pub(crate) fn int(&mut self, column: usize, value: i32) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnBuilder::Int(cells) => cells.push(row, value),
            ColumnBuilder::Unwanted => {}
            _ => debug_assert!(false, "not an INT column"),
        }
    }

    /// Puts a number into a 64-bit column of the current row.
    pub(crate) fn long(&mut self, column: usize, value: i64) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnBuilder::Long(cells) => cells.push(row, value),
            ColumnBuilder::Unwanted => {}
            _ => debug_assert!(false, "not a BIGINT column"),
        }
    }

    /// Puts milliseconds since 1970 into a timestamp column of the current row.
    pub(crate) fn timestamp(&mut self, column: usize, epoch_ms: i64) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnBuilder::Timestamp(cells) => cells.push(row, epoch_ms),
            ColumnBuilder::Unwanted => {}
            _ => debug_assert!(false, "not a timestamp column"),
        }
    }

    /// Puts millionths into a quantity column of the current row.
    pub(crate) fn quantity(&mut self, column: usize, units: i128) {
        let row = self.row();
        match &mut self.columns[column] {
            ColumnBuilder::Quantity(cells) => cells.push(row, units),
            ColumnBuilder::Unwanted => {}
            _ => debug_assert!(false, "not a quantity column"),
        }
    }

    /// The list column to add the current row's elements to; [`ListBuilder::end_list`] finishes its list. `bytes` is
    /// about how much text that will be.
    pub(crate) fn list(&mut self, column: usize, bytes: usize) -> Option<&mut ListBuilder> {
        let row = self.row();
        self.text_bytes += bytes;
        match &mut self.columns[column] {
            ColumnBuilder::List(builder) => {
                builder.pad_to(row as usize);
                Some(builder)
            }
            _ => None,
        }
    }

    /// Keeps what an object puts into a column. `kind` tells its kind from others, `number` it from others of its kind.
    /// `false` when the column cannot keep it.
    pub(crate) fn remember(&mut self, kind: usize, number: u32, column: usize, value: &KnownCell<'_>) -> bool {
        match (&mut self.columns[column], value) {
            (ColumnBuilder::Dictionary(cells, values), KnownCell::Text(text)) => {
                let key = code(values, &mut self.text_bytes, text);
                cells.remember(kind, number, key)
            }
            (ColumnBuilder::Boolean(cells), KnownCell::Boolean(value)) => cells.remember(kind, number, *value),
            (ColumnBuilder::Int(cells), KnownCell::Int(value)) => cells.remember(kind, number, *value),
            (ColumnBuilder::Timestamp(cells), KnownCell::Timestamp(value)) => cells.remember(kind, number, *value),
            (ColumnBuilder::Unwanted, _) => true,
            _ => false,
        }
    }

    /// The text that a column keeps of an object.
    pub(crate) fn object_text(&self, kind: usize, number: u32, column: usize) -> Option<&str> {
        match &self.columns[column] {
            ColumnBuilder::Dictionary(cells, values) => Some(values.get(cells.of_object(kind, number)? as u32)),
            _ => None,
        }
    }

    /// A number that no object of the dictionaries at hand has.
    pub(crate) const fn new_object(&mut self) -> u32 {
        self.next_object += 1;
        self.next_object - 1
    }

    /// Puts all that is kept of an object into the current row.
    pub(crate) fn object(&mut self, kind: usize, number: u32) {
        if self.objects.len() <= kind {
            self.objects.resize_with(kind + 1, Vec::new);
        }
        let row = self.row();
        self.objects[kind].push((row, number));
    }

    /// Finishes the current row; columns that it did not mention are null.
    pub(crate) fn end_row(&mut self, partition: u32) {
        self.rows += 1;
        self.row_partitions.push(partition);
        if self.is_full() {
            self.close_chunk();
        }
    }

    /// Whether the chunk at hand should be closed.
    pub(crate) const fn is_full(&self) -> bool {
        self.row_partitions.len() == CHUNK_ROWS || self.text_bytes > CHUNK_TEXT_BYTES
    }

    /// Closes the chunk at hand and begins with new dictionaries. Between two rows only.
    pub(crate) fn close_chunk(&mut self) {
        let chunk = self.end_chunk();
        self.chunks.push(chunk);
    }

    /// All finished rows by chunk and partition; the builder is empty again.
    ///
    /// # Errors
    ///
    /// Only when a builder and the declared type disagree, which is a bug.
    pub(crate) fn finish(&mut self) -> Result<Vec<Rows>> {
        self.rows = 0;
        // Also without rows: what was kept for events that were left out must not reach into the next rows.
        self.close_chunk();
        let chunks: Vec<_> = self.chunks.drain(..).collect::<Result<_>>()?;
        Ok(chunks.into_iter().flatten().collect())
    }

    fn end_chunk(&mut self) -> Result<Vec<Rows>> {
        let objects = std::mem::take(&mut self.objects);
        let (places, groups) = self.arrange();
        let layout = Layout { places, objects: &objects };
        let fields = self.schema.fields().iter();
        let columns = self
            .columns
            .iter_mut()
            .zip(fields)
            .map(|(column, field)| column.finish(&layout, field.data_type(), self.is_typed));
        let columns: Vec<_> = columns.collect::<Result<_>>()?;
        self.row_partitions.clear();
        self.objects = objects;
        self.objects.iter_mut().for_each(Vec::clear);
        self.text_bytes = 0;
        self.dictionaries += 1;
        self.next_object = 0;
        let rows_of = |(partition, places): (u32, Range<usize>)| {
            let columns = columns.iter().map(|column| part(column, &places)).collect::<Result<_>>()?;
            Ok(Rows { partition, columns, count: places.len() })
        };
        groups.into_iter().map(rows_of).collect()
    }

    /// Orders rows by partition, then by what makes them alike, then as they came: the place of each row, and the places
    /// of each partition.
    fn arrange(&self) -> (Vec<u32>, Vec<(u32, Range<usize>)>) {
        let rows = self.row_partitions.len();
        let mut keys: Vec<_> =
            self.row_partitions.iter().zip(0_u32..).map(|(partition, row)| (*partition, [0; 2], row)).collect();
        for (at, column) in self.alike_by.iter().enumerate() {
            if let Some(ColumnBuilder::Dictionary(cells, _)) = column.map(|column| &self.columns[column]) {
                cells.each(|row, code| keys[row as usize].1[at] = code);
            }
        }
        keys.sort_unstable();
        let mut places = vec![0; rows];
        for ((.., row), place) in keys.iter().zip(0..) {
            places[*row as usize] = place;
        }
        let mut groups: Vec<(u32, Range<usize>)> = Vec::new();
        for group in keys.chunk_by(|one, two| one.0 == two.0) {
            let start = groups.last().map_or(0, |(_, places)| places.end);
            groups.push((group[0].0, start..start + group.len()));
        }
        (places, groups)
    }
}

/// What an object puts into a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KnownCell<'t> {
    Text(&'t str),
    Boolean(bool),
    Int(i32),
    Timestamp(i64),
}

/// The key of a text in a dictionary.
fn code(values: &mut Interner, text_bytes: &mut usize, text: &str) -> i32 {
    let before = values.text_bytes();
    let key = values.number_of(text) as i32;
    *text_bytes += values.text_bytes() - before;
    key
}
