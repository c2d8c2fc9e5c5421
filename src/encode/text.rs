//! Text that seldom repeats: all lengths of a page, then all bytes (Parquet format, Encodings.md, delta-length byte array).
//!
//! In: string arrays. Out: pages. Never: looks at a value; identifiers and JSON have no bounds that any reader could
//! prune by, and their bytes are copied as they lie in the array. The buffers that pages grow in are kept from page to
//! page, which is why this is not left to the writer of the Parquet library.

use std::ops::Range;

use arrow::array::{Array, AsArray, StringArray};
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;

use super::bounds::Bounds;
use super::chunk::{ChunkWriter, Levels, PageValues, TextChunk, TextColumn, is_untyped_null};
use super::codec::{Compressor, ValueBytes};
use super::delta;
use super::properties::{BLOOM_FALSE_POSITIVES, PAGE_BYTES, PAGE_ROWS};
use crate::error::{Error, Result};

/// A column chunk in work.
pub(crate) struct TextWriter {
    chunk: ChunkWriter,
    bloom_filter: Option<Sbbf>,
    levels: Levels,
    lengths: Vec<i32>,
    bytes: ValueBytes,
}

impl TextWriter {
    pub(crate) fn new(column: TextColumn) -> Result<Self> {
        // Nobody looks at the values.
        let column = TextColumn { has_bounds: false, ..column };
        Ok(Self {
            bloom_filter: column.bloom_filter()?,
            chunk: ChunkWriter::new(column),
            levels: Levels::default(),
            lengths: Vec::new(),
            bytes: ValueBytes::default(),
        })
    }

    /// Adds the rows of an array.
    pub(crate) fn write(&mut self, array: &dyn Array, compressor: &mut Compressor) -> Result<()> {
        let texts = array.as_string_opt::<i32>();
        if texts.is_none() && !is_untyped_null(array) {
            return Err(Error::internal("a text column holds something else"));
        }
        let mut start = 0;
        while start < array.len() {
            let most = (array.len() - start).min(PAGE_ROWS - self.levels.rows());
            let rows = texts.map_or(most, |texts| rows_within(texts, start, most, PAGE_BYTES - self.bytes.len()));
            match texts {
                Some(texts) => self.write_rows(texts, start..start + rows),
                None => self.levels.add_nulls(rows),
            }
            start += rows;
            if self.levels.rows() == PAGE_ROWS || self.bytes.len() >= PAGE_BYTES {
                self.flush_page(compressor)?;
            }
        }
        Ok(())
    }

    fn write_rows(&mut self, texts: &StringArray, rows: Range<usize>) {
        let offsets = &texts.value_offsets()[rows.start..=rows.end];
        let nulls = texts.nulls().map(|nulls| nulls.slice(rows.start, rows.len()));
        self.levels.add(rows.len(), nulls.as_ref());
        let length = |row: usize| offsets[row + 1] - offsets[row];
        match &nulls {
            None => self.lengths.extend((0..rows.len()).map(length)),
            Some(nulls) => self.lengths.extend(nulls.valid_indices().map(length)),
        }
        // Rows without a value have no bytes.
        self.bytes.extend(&texts.value_data()[offsets[0] as usize..offsets[rows.len()] as usize]);
        if let Some(filter) = &mut self.bloom_filter {
            rows.filter(|row| texts.is_valid(*row)).for_each(|row| filter.insert(texts.value(row)));
        }
    }

    fn flush_page(&mut self, compressor: &mut Compressor) -> Result<()> {
        if self.levels.rows() == 0 {
            return Ok(());
        }
        let values = PageValues {
            encoding: Encoding::DELTA_LENGTH_BYTE_ARRAY,
            text_bytes: self.bytes.len() as i64,
            bounds: Bounds::default(),
        };
        let levels = std::mem::take(&mut self.levels);
        let encode = |head: &mut Vec<u8>| delta::encode(&self.lengths, head);
        self.chunk.add_page_of_values(levels, values, encode, &mut self.bytes, compressor)?;
        self.lengths.clear();
        self.bytes.clear();
        Ok(())
    }

    /// Ends the column chunk.
    pub(crate) fn close(mut self, compressor: &mut Compressor) -> Result<TextChunk> {
        self.flush_page(compressor)?;
        if let Some(filter) = &mut self.bloom_filter {
            filter.fold_to_target_fpp(BLOOM_FALSE_POSITIVES);
        }
        self.chunk.close(None::<std::iter::Empty<&str>>, self.bloom_filter, compressor)
    }
}

/// Rows from `start` on, at least one and at most `most`, whose bytes just reach `bytes`.
fn rows_within(texts: &StringArray, start: usize, most: usize, bytes: usize) -> usize {
    let offsets = &texts.value_offsets()[start..=start + most];
    let reach = offsets[0] as usize + bytes;
    (offsets[1..].partition_point(|end| (*end as usize) < reach) + 1).min(most)
}
