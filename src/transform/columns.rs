//! Rows to Arrow columns.
//!
//! In: one value at a time, addressed by column and in row order. Out: one array per declared column, all of one
//! length. Never: knows what a column means.
//!
//! A column that a row does not mention is null there, and the nulls are filled in when the column is next written to
//! or when the batch ends: a sparse column costs nothing per row. Text that repeats is kept once, with a number for each
//! row that has it ([`Column::is_coded`]): most of what an event says was said by the one before.

use std::sync::Arc;

use arrow::array::builder::{
    BinaryBuilder, BooleanBuilder, Decimal128Builder, Int32Builder, Int64Builder, NullBufferBuilder, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow::array::{ArrayBuilder, ArrayRef, DictionaryArray, Int32Array, ListArray, StringArray, StructArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, SchemaRef};

use super::interner::Interner;
use crate::error::{Error, Result};
use crate::schema::{Column, Table};

/// Rows of a chunk at most.
const CHUNK_ROWS: usize = 32_768;
/// Bytes of text in a chunk above which it is closed: far below the 2 GiB that 32-bit offsets reach, whatever one row adds.
const CHUNK_TEXT_BYTES: usize = 32 << 20;

/// The columns of some rows.
pub(crate) struct Chunk {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) rows: usize,
}

/// Appends rows to the columns of one table.
pub(crate) struct TableBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    /// Rows of the chunk at hand.
    chunk_rows: usize,
    chunks: Vec<Result<Chunk>>,
    rows: usize,
}

impl TableBuilder {
    /// A builder whose columns have the types of the files.
    pub(crate) fn new(table: Table) -> Self {
        let schema = table.arrow_schema();
        let columns = schema.fields().iter().map(|field| ColumnBuilder::new(field.data_type())).collect();
        Self { schema, columns, chunk_rows: 0, chunks: Vec::new(), rows: 0 }
    }

    /// A builder whose text columns are dictionaries where values repeat.
    pub(crate) fn coded(table: Table) -> Self {
        let mut builder = Self::new(table);
        let coded = table.columns().iter().zip(&mut builder.columns).filter(|(column, _)| Column::is_coded(column));
        coded.for_each(|(_, builder)| *builder = ColumnBuilder::Coded(CodedBuilder::default()));
        builder
    }

    /// Rows that are finished.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// The column to put the current row's value into.
    pub(crate) fn column(&mut self, index: usize) -> &mut ColumnBuilder {
        let column = &mut self.columns[index];
        column.pad_to(self.chunk_rows);
        column
    }

    /// Finishes the current row; columns that it did not mention are null.
    pub(crate) fn end_row(&mut self) {
        self.rows += 1;
        self.chunk_rows += 1;
        if self.chunk_rows == CHUNK_ROWS || self.text_bytes() > CHUNK_TEXT_BYTES {
            let chunk = self.end_chunk();
            self.chunks.push(chunk);
        }
    }

    /// The columns of all finished rows, in chunks; the builder is empty again.
    ///
    /// # Errors
    ///
    /// Only when a builder and the declared type disagree, which is a bug.
    pub(crate) fn finish(&mut self) -> Result<Vec<Chunk>> {
        self.rows = 0;
        if self.chunk_rows > 0 {
            let chunk = self.end_chunk();
            self.chunks.push(chunk);
        }
        self.chunks.drain(..).collect()
    }

    fn end_chunk(&mut self) -> Result<Chunk> {
        let rows = std::mem::take(&mut self.chunk_rows);
        let columns = self.columns.iter_mut().map(|column| {
            column.pad_to(rows);
            column.finish()
        });
        Ok(Chunk { columns: columns.collect::<Result<_>>()?, rows })
    }

    fn text_bytes(&self) -> usize {
        self.columns.iter().map(ColumnBuilder::text_bytes).sum()
    }

    /// The schema the columns follow.
    pub(crate) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

/// One column under construction.
pub(crate) enum ColumnBuilder {
    Text(StringBuilder),
    Coded(CodedBuilder),
    Binary(BinaryBuilder),
    Boolean(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Timestamp(TimestampMillisecondBuilder),
    Quantity(Decimal128Builder),
    List(ListBuilder),
}

impl ColumnBuilder {
    fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Binary => Self::Binary(BinaryBuilder::with_capacity(0, 0)),
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(0)),
            DataType::Int32 => Self::Int(Int32Builder::with_capacity(0)),
            DataType::Int64 => Self::Long(Int64Builder::with_capacity(0)),
            DataType::Timestamp(..) => {
                Self::Timestamp(TimestampMillisecondBuilder::with_capacity(0).with_data_type(data_type.clone()))
            }
            DataType::Decimal128(..) => {
                Self::Quantity(Decimal128Builder::with_capacity(0).with_data_type(data_type.clone()))
            }
            DataType::List(element) => Self::List(ListBuilder::new(Arc::clone(element))),
            _ => Self::Text(StringBuilder::with_capacity(0, 0)),
        }
    }

    fn rows(&self) -> usize {
        match self {
            Self::Text(builder) => builder.len(),
            Self::Coded(builder) => builder.keys.len(),
            Self::Binary(builder) => builder.len(),
            Self::Boolean(builder) => builder.len(),
            Self::Int(builder) => builder.len(),
            Self::Long(builder) => builder.len(),
            Self::Timestamp(builder) => builder.len(),
            Self::Quantity(builder) => builder.len(),
            Self::List(builder) => builder.offsets.len() - 1,
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::Text(builder) => builder.values_slice().len(),
            Self::Coded(builder) => builder.values.text_bytes(),
            Self::Binary(builder) => builder.values_slice().len(),
            _ => 0,
        }
    }

    fn pad_to(&mut self, rows: usize) {
        let missing = rows - self.rows();
        if missing == 0 {
            return;
        }
        match self {
            Self::Text(builder) => builder.append_nulls(missing),
            Self::Coded(builder) => builder.keys.resize(rows, NULL_KEY),
            Self::Binary(builder) => (0..missing).for_each(|_| builder.append_null()),
            Self::Boolean(builder) => builder.append_nulls(missing),
            Self::Int(builder) => builder.append_nulls(missing),
            Self::Long(builder) => builder.append_nulls(missing),
            Self::Timestamp(builder) => builder.append_nulls(missing),
            Self::Quantity(builder) => builder.append_nulls(missing),
            Self::List(builder) => (0..missing).for_each(|_| builder.append_null()),
        }
    }

    /// Puts text into a text column; other columns stay null.
    pub(crate) fn text(&mut self, value: &str) {
        match self {
            Self::Text(builder) => builder.append_value(value),
            Self::Coded(builder) => builder.push(value),
            _ => debug_assert!(false, "not a text column"),
        }
    }

    /// Puts bytes into a binary column.
    pub(crate) fn binary(&mut self, value: &[u8]) {
        debug_assert!(matches!(self, Self::Binary(_)), "not a binary column");
        if let Self::Binary(builder) = self {
            builder.append_value(value);
        }
    }

    /// Puts a truth value into a boolean column.
    pub(crate) fn boolean(&mut self, value: bool) {
        debug_assert!(matches!(self, Self::Boolean(_)), "not a boolean column");
        if let Self::Boolean(builder) = self {
            builder.append_value(value);
        }
    }

    /// Puts a number into a 32-bit column.
    pub(crate) fn int(&mut self, value: i32) {
        debug_assert!(matches!(self, Self::Int(_)), "not an INT column");
        if let Self::Int(builder) = self {
            builder.append_value(value);
        }
    }

    /// Puts a number into a 64-bit column.
    pub(crate) fn long(&mut self, value: i64) {
        debug_assert!(matches!(self, Self::Long(_)), "not a BIGINT column");
        if let Self::Long(builder) = self {
            builder.append_value(value);
        }
    }

    /// Puts milliseconds since 1970 into a timestamp column.
    pub(crate) fn timestamp(&mut self, epoch_ms: i64) {
        debug_assert!(matches!(self, Self::Timestamp(_)), "not a timestamp column");
        if let Self::Timestamp(builder) = self {
            builder.append_value(epoch_ms);
        }
    }

    /// Puts millionths into a quantity column.
    pub(crate) fn quantity(&mut self, units: i128) {
        debug_assert!(matches!(self, Self::Quantity(_)), "not a quantity column");
        if let Self::Quantity(builder) = self {
            builder.append_value(units);
        }
    }

    /// The list column to add elements to; [`ListBuilder::end_list`] finishes the row's list.
    pub(crate) fn list(&mut self) -> Option<&mut ListBuilder> {
        match self {
            Self::List(builder) => Some(builder),
            _ => None,
        }
    }

    /// The column so far. What comes next is about as long, so room for it is made at once: growing by doubling would
    /// copy every column some ten times a batch.
    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Text(builder) => {
                let (rows, bytes) = (builder.len(), builder.values_slice().len());
                let array = builder.finish();
                *builder = StringBuilder::with_capacity(rows + rows / 8, bytes + bytes / 8);
                Arc::new(array)
            }
            Self::Coded(builder) => builder.finish()?,
            Self::Binary(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Long(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Quantity(builder) => Arc::new(builder.finish()),
            Self::List(builder) => builder.finish()?,
        })
    }
}

/// Stands for no value among the keys of a dictionary.
const NULL_KEY: i32 = -1;

/// Text that repeats, under construction: a dictionary and a key for each row.
#[derive(Default)]
pub(crate) struct CodedBuilder {
    keys: Vec<i32>,
    values: Interner,
}

impl CodedBuilder {
    fn push(&mut self, value: &str) {
        let key = match self.keys.last() {
            // An event often says what the one before said.
            Some(last) if *last >= 0 && self.values.get(*last as u32) == value => *last,
            _ => self.values.number_of(value) as i32,
        };
        self.keys.push(key);
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let rows = self.keys.len();
        let keys = std::mem::replace(&mut self.keys, Vec::with_capacity(rows + rows / 8));
        let (texts, offsets) = self.values.take();
        let offsets = OffsetBuffer::new(offsets.into());
        let values = StringArray::try_new(offsets, Buffer::from_vec(texts.into_bytes()), None);
        coded_array(keys, Arc::new(values.map_err(Error::internal)?))
    }
}

/// A dictionary array of keys, those below zero being null.
pub(crate) fn coded_array(keys: Vec<i32>, values: ArrayRef) -> Result<ArrayRef> {
    let valid = NullBuffer::from(BooleanBuffer::collect_bool(keys.len(), |row| keys[row] >= 0));
    let keys = Int32Array::new(keys.into(), Some(valid).filter(|valid| valid.null_count() > 0));
    Ok(Arc::new(DictionaryArray::try_new(keys, values).map_err(Error::internal)?))
}

/// A list of structs under construction.
pub(crate) struct ListBuilder {
    element: FieldRef,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
    members: Vec<ColumnBuilder>,
    elements_valid: NullBufferBuilder,
}

impl ListBuilder {
    fn new(element: FieldRef) -> Self {
        let members = match element.data_type() {
            DataType::Struct(fields) => fields.iter().map(|field| ColumnBuilder::new(field.data_type())).collect(),
            _ => Vec::new(),
        };
        Self {
            element,
            offsets: vec![0],
            valid: NullBufferBuilder::new(0),
            members,
            elements_valid: NullBufferBuilder::new(0),
        }
    }

    /// The member to put the current element's value into.
    pub(crate) fn member(&mut self, index: usize) -> &mut ColumnBuilder {
        let elements = self.elements_valid.len();
        let member = &mut self.members[index];
        member.pad_to(elements);
        member
    }

    /// Finishes the current element.
    pub(crate) fn end_element(&mut self) {
        self.elements_valid.append_non_null();
    }

    /// Adds an element that is null as a whole.
    pub(crate) fn null_element(&mut self) {
        self.elements_valid.append_null();
    }

    /// Finishes the list of the current row.
    pub(crate) fn end_list(&mut self) {
        self.push_offset();
        self.valid.append_non_null();
    }

    fn append_null(&mut self) {
        self.push_offset();
        self.valid.append_null();
    }

    fn push_offset(&mut self) {
        // A batch is a few MB of JSON, far below the two billion elements of a 32-bit offset.
        self.offsets.push(i32::try_from(self.elements_valid.len()).unwrap_or(i32::MAX));
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let elements = self.elements_valid.len();
        let members = self
            .members
            .iter_mut()
            .map(|member| {
                member.pad_to(elements);
                member.finish()
            })
            .collect::<Result<Vec<_>>>()?;
        let DataType::Struct(fields) = self.element.data_type() else {
            return Err(Error::internal("a list column holds no structs"));
        };
        let structs =
            StructArray::try_new(fields.clone(), members, self.elements_valid.finish()).map_err(Error::internal)?;
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, vec![0]).into());
        let list = ListArray::try_new(Arc::clone(&self.element), offsets, Arc::new(structs), self.valid.finish())
            .map_err(Error::internal)?;
        Ok(Arc::new(list))
    }
}
