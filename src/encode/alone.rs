//! Columns of text by themselves, for tests and fuzzing.
//!
//! In: rows. Out: a Parquet file of them, written by the page writers of lakes. Never: part of a conversion.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, NullArray, StringArray, StringDictionaryBuilder};
use arrow::datatypes::Int32Type;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

use super::chunk::{TextChunk, TextColumn};
use super::codec::{Compressor, codec};
use super::dictionary::DictionaryWriter;
use super::text::TextWriter;
use crate::error::{Error, Result};
use crate::model::Compression;

/// How a column of text is written.
#[derive(Clone, Copy, Debug)]
pub struct TextStorage {
    /// Whether as text that repeats.
    pub is_dictionary_encoded: bool,
    /// Whether with a Bloom filter.
    pub has_bloom_filter: bool,
    /// Whether with least and greatest values.
    pub has_bounds: bool,
    /// Compression of pages.
    pub compression: Compression,
}

/// A file with one row group of one column, `text`, that has the rows of all slices.
///
/// # Errors
///
/// What the Parquet library refuses.
pub fn text_file(slices: &[Vec<Option<String>>], storage: TextStorage) -> Result<Vec<u8>> {
    let schema = parse_message_type("message rows { optional binary text (UTF8); }").map_err(Error::internal)?;
    let schema = Arc::new(schema);
    let TextStorage { has_bloom_filter, has_bounds, compression, .. } = storage;
    let (descriptor, codec) = (SchemaDescriptor::new(Arc::clone(&schema)).column(0), codec(compression)?);
    let chunk = chunk(slices, storage, TextColumn { descriptor, codec, has_bloom_filter, has_bounds })?;
    let properties = WriterProperties::builder().set_compression(codec).build();
    let written = || {
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        let mut row_group = file.next_row_group()?;
        chunk.append_to(&mut row_group)?;
        row_group.close()?;
        file.into_inner()
    };
    written().map_err(Error::internal)
}

fn chunk(slices: &[Vec<Option<String>>], storage: TextStorage, column: TextColumn) -> Result<TextChunk> {
    let mut compressor = Compressor::new(storage.compression)?;
    let arrays = slices.iter().map(|rows| array(rows, storage.is_dictionary_encoded));
    if storage.is_dictionary_encoded {
        let mut writer = DictionaryWriter::new(column);
        arrays.into_iter().try_for_each(|array| writer.write(&array, &mut compressor))?;
        writer.close(&mut compressor)
    } else {
        let mut writer = TextWriter::new(column)?;
        arrays.into_iter().try_for_each(|array| writer.write(&array, &mut compressor))?;
        writer.close(&mut compressor)
    }
}

/// Rows as batches have them: a part of more, or an array of nulls when none has a text.
fn array(rows: &[Option<String>], is_dictionary_encoded: bool) -> ArrayRef {
    if rows.iter().all(Option::is_none) {
        return Arc::new(NullArray::new(rows.len()));
    }
    let rows_of_all = [Some("before")].into_iter().chain(rows.iter().map(Option::as_deref)).chain([Some("behind")]);
    let all: ArrayRef = if is_dictionary_encoded {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        builder.extend(rows_of_all);
        Arc::new(builder.finish())
    } else {
        Arc::new(rows_of_all.collect::<StringArray>())
    };
    all.slice(1, rows.len())
}
