//! One column of a chunk to an Arrow array.
//!
//! In: values and the rows they belong to. Out: an array, or the part of one that belongs to a partition. Never: decides
//! about the order of rows.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::builder::{BinaryBuilder, StringBuilder};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, DictionaryArray, Int32Array, Int64Array, NullArray,
    StringArray, TimestampMillisecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::{FilterPredicate, take};
use arrow::datatypes::{DataType, Int32Type};

use super::cells::{Cells, Layout, Spans};
use super::interner::Interner;
use super::list::ListBuilder;
use crate::error::{Error, Result};

/// One column under construction.
pub(super) enum ColumnBuilder {
    /// Nobody asks for its values.
    Unwanted,
    Text(Spans, String),
    Dictionary(Cells<i32>, Interner),
    Binary(Spans, Vec<u8>),
    Boolean(Cells<bool>),
    Int(Cells<i32>),
    Long(Cells<i64>),
    Timestamp(Cells<i64>),
    Quantity(Cells<i128>),
    List(ListBuilder),
}

impl ColumnBuilder {
    pub(super) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Binary => Self::Binary(Spans::default(), Vec::new()),
            DataType::Boolean => Self::Boolean(Cells::default()),
            DataType::Int32 => Self::Int(Cells::default()),
            DataType::Int64 => Self::Long(Cells::default()),
            DataType::Timestamp(..) => Self::Timestamp(Cells::default()),
            DataType::Decimal128(..) => Self::Quantity(Cells::default()),
            DataType::List(element) => Self::List(ListBuilder::new(Arc::clone(element))),
            _ => Self::Text(Spans::default(), String::new()),
        }
    }

    /// The column in order. Text without any value is a [`NullArray`], unless `is_typed` asks for the type all the same.
    pub(super) fn finish(&mut self, layout: &Layout<'_>, data_type: &DataType, is_typed: bool) -> Result<ArrayRef> {
        let rows = layout.places.len();
        let null = || new_null_array(data_type, rows);
        Ok(match self {
            Self::Unwanted => Arc::new(NullArray::new(rows)),
            Self::Dictionary(cells, values) => match cells.finish(layout) {
                None => {
                    values.clear();
                    Arc::new(NullArray::new(rows))
                }
                Some((keys, valid)) => {
                    let (texts, offsets) = values.take();
                    let offsets = OffsetBuffer::new(offsets.into());
                    let values = StringArray::try_new(offsets, Buffer::from_vec(texts.into_bytes()), None);
                    let keys = Int32Array::new(keys.into(), valid);
                    let values = Arc::new(values.map_err(Error::internal)?);
                    Arc::new(DictionaryArray::try_new(keys, values).map_err(Error::internal)?)
                }
            },
            Self::Text(spans, _) if spans.is_empty() && !is_typed => Arc::new(NullArray::new(rows)),
            Self::Text(spans, text) => {
                let mut builder = StringBuilder::with_capacity(rows, text.len());
                spans.finish(layout).for_each(|span| builder.append_option(span.map(|span| &text[span])));
                text.clear();
                Arc::new(builder.finish())
            }
            Self::Binary(spans, bytes) => {
                let mut builder = BinaryBuilder::with_capacity(rows, bytes.len());
                spans.finish(layout).for_each(|span| builder.append_option(span.map(|span| &bytes[span])));
                bytes.clear();
                Arc::new(builder.finish())
            }
            Self::Boolean(cells) => cells
                .finish(layout)
                .map_or_else(null, |(values, valid)| Arc::new(BooleanArray::new(values.into(), valid))),
            Self::Int(cells) => cells
                .finish(layout)
                .map_or_else(null, |(values, valid)| Arc::new(Int32Array::new(values.into(), valid))),
            Self::Long(cells) => cells
                .finish(layout)
                .map_or_else(null, |(values, valid)| Arc::new(Int64Array::new(values.into(), valid))),
            Self::Timestamp(cells) => cells.finish(layout).map_or_else(null, |(values, valid)| {
                let array = TimestampMillisecondArray::new(values.into(), valid);
                Arc::new(array.with_data_type(data_type.clone()))
            }),
            Self::Quantity(cells) => cells.finish(layout).map_or_else(null, |(values, valid)| {
                Arc::new(Decimal128Array::new(values.into(), valid).with_data_type(data_type.clone()))
            }),
            Self::List(builder) => {
                let list = builder.finish(rows)?;
                let mut order = vec![0; rows];
                layout.places.iter().zip(0..).for_each(|(place, row)| order[*place as usize] = row);
                take(&list, &UInt32Array::from(order), None).map_err(Error::internal)?
            }
        })
    }
}

/// The rows of a column that belong to a partition. Few of many are copied: rows that wait for more of their partition
/// must not keep those of others in memory.
pub(super) fn part(column: &ArrayRef, places: &Range<usize>) -> Result<ArrayRef> {
    let part = column.slice(places.start, places.len());
    if places.len() * 2 >= column.len() {
        return Ok(part);
    }
    match compact_column(&part)? {
        Some(compact_column) => Ok(compact_column),
        None => take(&part, &UInt32Array::from_iter_values((0..).take(part.len())), None).map_err(Error::internal),
    }
}

/// The rows of a column that a filter keeps.
pub(crate) fn keep(column: &ArrayRef, filter: &FilterPredicate) -> Result<ArrayRef> {
    let kept = filter.filter(column).map_err(Error::internal)?;
    Ok(compact_column(&kept)?.unwrap_or(kept))
}

/// Text without any value as a [`NullArray`], and a dictionary with what its rows use and no more; `None` for anything
/// else.
fn compact_column(column: &ArrayRef) -> Result<Option<ArrayRef>> {
    let dictionary_array = column.as_dictionary_opt::<Int32Type>();
    let is_text = dictionary_array.is_some() || column.as_string_opt::<i32>().is_some();
    if is_text && column.null_count() == column.len() {
        return Ok(Some(Arc::new(NullArray::new(column.len()))));
    }
    dictionary_array.map(compact).transpose()
}

/// The same rows with a dictionary of what they use.
fn compact(dictionary_array: &DictionaryArray<Int32Type>) -> Result<ArrayRef> {
    let mut new_keys = vec![None; dictionary_array.values().len()];
    let mut used = Vec::new();
    // There are no more new keys than old ones.
    let mut new_key = 0..;
    let keys = dictionary_array.keys().iter().map(|key| {
        let old = key?;
        let known = &mut new_keys[old as usize];
        if known.is_none() {
            used.push(old as u32);
            *known = new_key.next();
        }
        *known
    });
    let keys: Int32Array = keys.collect();
    let values = take(dictionary_array.values(), &UInt32Array::from(used), None).map_err(Error::internal)?;
    Ok(Arc::new(DictionaryArray::try_new(keys, values).map_err(Error::internal)?))
}
