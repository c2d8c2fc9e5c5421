//! A column chunk of text that repeats, from numbered texts to pages.
//!
//! In: dictionary arrays, each with a dictionary of its own. Out: a column chunk with one dictionary for all. Never:
//! hashes a text more than once a batch, or compares it more than once a page: that is why this is not left to the
//! writer of the Parquet library, which looks at every value of every row.
//!
//! Pages, metadata and indexes are those of the library. As there, a dictionary that outgrows its limit is closed, and
//! what follows is written out in full.

use arrow::array::{Array, AsArray, BooleanBufferBuilder, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;
use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression as Codec, Encoding, EncodingMask, PageType};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::bounds::Bounds;
use super::codec::Compressor;
use super::hybrid;
use super::properties::{BLOOM_FALSE_POSITIVES, DICTIONARY_BYTES, PAGE_BYTES, PAGE_ROWS, ROW_GROUP_ROWS};
use crate::error::{Error, Result};
use crate::transform::interner::Interner;

/// Rows after which limits are looked at.
const STEP_ROWS: usize = 1_024;

/// What does not change from chunk to chunk of a column.
#[derive(Clone)]
pub(super) struct CodedColumn {
    pub(super) descriptor: ColumnDescPtr,
    pub(super) codec: Codec,
    pub(super) has_bloom_filter: bool,
}

/// A column chunk in work.
pub(super) struct CodedWriter {
    column: CodedColumn,
    dictionary: Interner,
    /// Page that each text of the dictionary was last seen in, counted from one.
    last_pages: Vec<u32>,
    /// Set once the dictionary is full.
    overflow: Option<Overflow>,
    page: PageInWork,
    bounds: Bounds,
    sink: TrackedWrite<Vec<u8>>,
    pages: Vec<WrittenPage>,
}

/// What comes after a full dictionary.
struct Overflow {
    bloom_filter: Option<Sbbf>,
}

struct PageInWork {
    /// Counted from one.
    number: u32,
    /// Texts by their number in the dictionary.
    numbers: Vec<u32>,
    /// Texts in full.
    plain: Vec<u8>,
    valid: BooleanBufferBuilder,
    nulls: usize,
    text_bytes: i64,
    bounds: Bounds,
}

struct WrittenPage {
    encoding: Encoding,
    rows: usize,
    nulls: usize,
    offset: u64,
    bytes: usize,
    uncompressed_bytes: usize,
    text_bytes: i64,
    bounds: Bounds,
}

/// A column chunk, ready to be put into a file.
pub(super) struct CodedChunk {
    bytes: Bytes,
    close: ColumnCloseResult,
}

impl CodedChunk {
    pub(super) fn append_to(
        self,
        row_group: &mut SerializedRowGroupWriter<'_, impl std::io::Write + Send>,
    ) -> Result<(), ParquetError> {
        row_group.append_column(&self.bytes, self.close)
    }
}

impl PageInWork {
    fn new(number: u32) -> Self {
        Self {
            number,
            numbers: Vec::new(),
            plain: Vec::new(),
            valid: BooleanBufferBuilder::new(0),
            nulls: 0,
            text_bytes: 0,
            bounds: Bounds::default(),
        }
    }
}

impl CodedWriter {
    pub(super) fn new(column: CodedColumn) -> Self {
        Self {
            column,
            dictionary: Interner::default(),
            last_pages: Vec::new(),
            overflow: None,
            page: PageInWork::new(1),
            bounds: Bounds::default(),
            sink: TrackedWrite::new(Vec::new()),
            pages: Vec::new(),
        }
    }

    /// Adds the rows of an array.
    pub(super) fn write(&mut self, array: &dyn Array, compressor: &mut Compressor) -> Result<()> {
        let coded = array.as_dictionary_opt::<Int32Type>().ok_or_else(|| Error::internal("a coded column is not"))?;
        let values =
            coded.values().as_string_opt::<i32>().ok_or_else(|| Error::internal("a coded column is no text"))?;
        let mut known = vec![Known::default(); values.len()];
        let mut start = 0;
        while start < coded.len() {
            let rows = STEP_ROWS.min(coded.len() - start).min(PAGE_ROWS - self.page.valid.len());
            self.write_rows(coded, values, &mut known, start..start + rows)?;
            start += rows;
            if self.overflow.is_none() && self.dictionary.text_bytes() + self.dictionary.len() * 4 > DICTIONARY_BYTES {
                self.overflow(compressor)?;
            }
            if self.page.valid.len() == PAGE_ROWS || self.page.plain.len() >= PAGE_BYTES {
                self.flush_page(compressor)?;
            }
        }
        Ok(())
    }

    fn write_rows(
        &mut self,
        coded: &DictionaryArray<Int32Type>,
        values: &StringArray,
        known: &mut [Known],
        rows: std::ops::Range<usize>,
    ) -> Result<()> {
        let keys = &coded.keys().values()[rows.clone()];
        let take = match self.overflow {
            None => Self::take_number,
            Some(_) => Self::take_plain,
        };
        match coded.keys().nulls() {
            None => {
                self.page.valid.append_n(keys.len(), true);
                keys.iter().for_each(|key| take(self, values, known, *key as usize));
            }
            Some(nulls) => {
                let nulls = nulls.slice(rows.start, rows.len());
                self.page.valid.append_buffer(nulls.inner());
                self.page.nulls += nulls.null_count();
                nulls.valid_indices().for_each(|row| take(self, values, known, keys[row] as usize));
            }
        }
        Ok(())
    }

    /// Adds a value of the batch as its number in the dictionary.
    fn take_number(&mut self, values: &StringArray, known: &mut [Known], key: usize) {
        let known = &mut known[key];
        if known.number.is_none() {
            let number = self.dictionary.number_of(values.value(key));
            if number as usize == self.last_pages.len() {
                self.last_pages.push(0);
            }
            known.number = Some(number);
        }
        let number = known.number.unwrap_or_default();
        let last_page = &mut self.last_pages[number as usize];
        let text_bytes = values.value_length(key);
        if *last_page != self.page.number {
            *last_page = self.page.number;
            self.page.bounds.see(self.dictionary.get(number));
        }
        self.page.text_bytes += i64::from(text_bytes);
        self.page.numbers.push(number);
    }

    /// Adds a value of the batch in full.
    fn take_plain(&mut self, values: &StringArray, known: &mut [Known], key: usize) {
        let text = values.value(key);
        let known = &mut known[key];
        if known.page != self.page.number {
            known.page = self.page.number;
            self.page.bounds.see(text);
            if let Some(Overflow { bloom_filter: Some(filter) }) = &mut self.overflow {
                filter.insert(text);
            }
        }
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.page.plain.extend_from_slice(&length.to_le_bytes());
        self.page.plain.extend_from_slice(text.as_bytes());
        self.page.text_bytes += i64::from(length);
    }

    /// Closes a full dictionary; what comes next is written in full.
    fn overflow(&mut self, compressor: &mut Compressor) -> Result<()> {
        self.flush_page(compressor)?;
        let filter = || Sbbf::new_with_ndv_fpp(ROW_GROUP_ROWS as u64, BLOOM_FALSE_POSITIVES).map_err(Error::internal);
        let bloom_filter = self.column.has_bloom_filter.then(filter).transpose()?;
        self.overflow = Some(Overflow { bloom_filter });
        Ok(())
    }

    fn flush_page(&mut self, compressor: &mut Compressor) -> Result<()> {
        let next = PageInWork::new(self.page.number + 1);
        let PageInWork { numbers, plain, mut valid, nulls, text_bytes, bounds, .. } =
            std::mem::replace(&mut self.page, next);
        let rows = valid.len();
        if rows == 0 {
            return Ok(());
        }
        let mut body = vec![0; 4];
        hybrid::encode_bitmap(valid.finish().values(), rows, &mut body);
        let levels_bytes = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
        body[..4].copy_from_slice(&levels_bytes.to_le_bytes());
        let encoding = if self.overflow.is_some() {
            body.extend_from_slice(&plain);
            Encoding::PLAIN
        } else {
            let width = hybrid::bit_width(u32::try_from(self.dictionary.len().saturating_sub(1)).unwrap_or(u32::MAX));
            body.push(width.to_le_bytes()[0]);
            hybrid::encode(&numbers, width, &mut body);
            Encoding::RLE_DICTIONARY
        };
        let uncompressed_bytes = body.len();
        let page = Page::DataPage {
            buf: compressor.compress(body)?.into(),
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = SerializedPageWriter::new(&mut self.sink)
            .write_page(CompressedPage::new(page, uncompressed_bytes))
            .map_err(Error::internal)?;
        self.bounds.see_all(&bounds);
        self.pages.push(WrittenPage {
            encoding,
            rows,
            nulls,
            offset: spec.offset,
            bytes: spec.compressed_size,
            uncompressed_bytes: spec.uncompressed_size,
            text_bytes,
            bounds,
        });
        Ok(())
    }

    /// Ends the column chunk.
    pub(super) fn close(mut self, compressor: &mut Compressor) -> Result<CodedChunk> {
        self.flush_page(compressor)?;
        let mut chunk = TrackedWrite::new(Vec::new());
        let dictionary = self.write_dictionary(&mut chunk, compressor)?;
        let mut bytes = chunk.into_inner().map_err(Error::internal)?;
        let dictionary_bytes = bytes.len();
        let close = self.describe(dictionary_bytes, dictionary).map_err(Error::internal)?;
        bytes.extend_from_slice(&self.sink.into_inner().map_err(Error::internal)?);
        Ok(CodedChunk { bytes: bytes.into(), close })
    }

    /// Writes the dictionary page, also an empty one; its size before compression.
    fn write_dictionary(&self, chunk: &mut TrackedWrite<Vec<u8>>, compressor: &mut Compressor) -> Result<usize> {
        let mut body = Vec::with_capacity(self.dictionary.text_bytes() + self.dictionary.len() * 4);
        for text in self.dictionary.iter() {
            body.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            body.extend_from_slice(text.as_bytes());
        }
        let uncompressed_bytes = body.len();
        let page = Page::DictionaryPage {
            buf: compressor.compress(body)?.into(),
            num_values: u32::try_from(self.dictionary.len()).unwrap_or(u32::MAX),
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec = SerializedPageWriter::new(chunk).write_page(CompressedPage::new(page, uncompressed_bytes));
        Ok(spec.map_err(Error::internal)?.uncompressed_size)
    }

    /// The metadata and indexes of the chunk, whose data pages follow `dictionary_bytes` bytes.
    fn describe(
        &mut self,
        dictionary_bytes: usize,
        dictionary_uncompressed: usize,
    ) -> Result<ColumnCloseResult, ParquetError> {
        let total = |of: fn(&WrittenPage) -> usize| self.pages.iter().map(of).sum::<usize>();
        let (rows, nulls) = (total(|page| page.rows), total(|page| page.nulls));
        let compressed_bytes = dictionary_bytes + total(|page| page.bytes);
        let text_bytes = self.pages.iter().map(|page| page.text_bytes).sum();
        let mut offset_index = OffsetIndexBuilder::new();
        let mut column_index = ColumnIndexBuilder::new(self.column.descriptor.physical_type());
        for page in &self.pages {
            offset_index.append_row_count(page.rows as i64);
            offset_index.append_offset_and_size(
                dictionary_bytes as i64 + page.offset as i64,
                i32::try_from(page.bytes).unwrap_or(i32::MAX),
            );
            offset_index.append_unencoded_byte_array_data_bytes(Some(page.text_bytes));
            let (min, max) = page.bounds.truncated().map_or_else(Default::default, |(min, max)| (min.bytes, max.bytes));
            column_index.append(page.nulls == page.rows, min, max, page.nulls as i64, None);
        }
        column_index.set_boundary_order(self.boundary_order());
        let truncated = self.bounds.truncated();
        let is_exact = truncated.as_ref().map(|(min, max)| (min.is_exact, max.is_exact)).unwrap_or_default();
        let (min, max) = truncated.map(|(min, max)| (min.bytes.into(), max.bytes.into())).unzip();
        let statistics = ValueStatistics::new(min, max, None, Some(nulls as u64), false)
            .with_min_is_exact(is_exact.0)
            .with_max_is_exact(is_exact.1);
        let metadata = ColumnChunkMetaData::builder(self.column.descriptor.clone())
            .set_compression_codec(self.column.codec.into())
            .set_encodings_mask(EncodingMask::new_from_encodings(
                [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY].iter(),
            ))
            .set_page_encoding_stats(self.encoding_stats())
            .set_total_compressed_size(compressed_bytes as i64)
            .set_total_uncompressed_size((dictionary_uncompressed + total(|page| page.uncompressed_bytes)) as i64)
            .set_num_values(rows as i64)
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(dictionary_bytes as i64)
            .set_statistics(Statistics::ByteArray(statistics))
            .set_unencoded_byte_array_data_bytes(Some(text_bytes))
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: compressed_bytes as u64,
            rows_written: rows as u64,
            bloom_filter: self.bloom_filter()?,
            metadata,
            column_index: Some(column_index.build()?),
            offset_index: Some(offset_index.build()),
        })
    }

    fn encoding_stats(&self) -> Vec<PageEncodingStats> {
        let count = |encoding| {
            let count = self.pages.iter().filter(|page| page.encoding == encoding).count();
            i32::try_from(count).unwrap_or(i32::MAX)
        };
        [
            (PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
            (PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, count(Encoding::RLE_DICTIONARY)),
            (PageType::DATA_PAGE, Encoding::PLAIN, count(Encoding::PLAIN)),
        ]
        .into_iter()
        .filter(|(.., count)| *count > 0)
        .map(|(page_type, encoding, count)| PageEncodingStats { page_type, encoding, count })
        .collect()
    }

    fn boundary_order(&self) -> BoundaryOrder {
        let bounds = || self.pages.iter().filter_map(|page| page.bounds.texts());
        let is = |in_order: fn(&str, &str) -> bool| {
            bounds().zip(bounds().skip(1)).all(|(one, two)| in_order(one.0, two.0) && in_order(one.1, two.1))
        };
        match (is(|one, two| one <= two), is(|one, two| one >= two)) {
            (true, _) => BoundaryOrder::ASCENDING,
            (_, true) => BoundaryOrder::DESCENDING,
            _ => BoundaryOrder::UNORDERED,
        }
    }

    fn bloom_filter(&mut self) -> Result<Option<Sbbf>, ParquetError> {
        if !self.column.has_bloom_filter {
            return Ok(None);
        }
        let mut filter = match self.overflow.take() {
            Some(Overflow { bloom_filter: Some(filter) }) => filter,
            _ => Sbbf::new_with_ndv_fpp((self.dictionary.len() as u64).max(1), BLOOM_FALSE_POSITIVES)?,
        };
        self.dictionary.iter().for_each(|text| filter.insert(text));
        filter.fold_to_target_fpp(BLOOM_FALSE_POSITIVES);
        Ok(Some(filter))
    }
}

/// What is known of a text of a batch's dictionary.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Its number in the chunk's dictionary.
    number: Option<u32>,
    /// The last page it was written to in full.
    page: u32,
}
