//! Pages of a text column to a column chunk, with its metadata and indexes.
//!
//! In: the values of pages, encoded, and which rows have one. Out: a column chunk as the Parquet library takes it.
//! Never: encodes a value; but for that, all kinds of text column are written alike.

use std::io::Read;

use arrow::array::{Array, BooleanBufferBuilder};
use arrow::buffer::NullBuffer;
use bytes::{Buf, Bytes};
use parquet::basic::{BoundaryOrder, Compression as Codec, Encoding, EncodingMask, PageType};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::bounds::{Bound, Bounds};
use super::codec::{Compressor, PageBody, ValueBytes};
use super::properties::{BLOOM_FALSE_POSITIVES, ROW_GROUP_ROWS};
use super::rle;
use crate::error::{Error, Result};

/// What does not change from chunk to chunk of a column.
#[derive(Clone)]
pub(crate) struct TextColumn {
    pub(crate) descriptor: ColumnDescPtr,
    pub(crate) codec: Codec,
    pub(crate) has_bloom_filter: bool,
    /// Whether least and greatest values are written.
    pub(crate) has_bounds: bool,
}

impl TextColumn {
    /// An empty Bloom filter with room for the texts of a row group, if the column has one.
    pub(crate) fn bloom_filter(&self) -> Result<Option<Sbbf>> {
        let filter = || Sbbf::new_with_ndv_fpp(ROW_GROUP_ROWS as u64, BLOOM_FALSE_POSITIVES).map_err(Error::internal);
        self.has_bloom_filter.then(filter).transpose()
    }
}

/// Which rows of a page have a value.
pub(crate) struct Levels {
    valid: BooleanBufferBuilder,
    rows: usize,
    nulls: usize,
}

impl Default for Levels {
    fn default() -> Self {
        Self { valid: BooleanBufferBuilder::new(0), rows: 0, nulls: 0 }
    }
}

impl Levels {
    /// Adds the rows of an array.
    pub(crate) fn add(&mut self, rows: usize, nulls: Option<&NullBuffer>) {
        self.rows += rows;
        match nulls {
            None => self.valid.append_n(rows, true),
            Some(nulls) => {
                self.valid.append_buffer(nulls.inner());
                self.nulls += nulls.null_count();
            }
        }
    }

    /// Adds rows without a value.
    pub(crate) fn add_nulls(&mut self, rows: usize) {
        self.valid.append_n(rows, false);
        self.rows += rows;
        self.nulls += rows;
    }

    /// Rows so far.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// Appends the levels of a page, and their length in front of them. Nothing is left.
    fn encode(&mut self, page: &mut Vec<u8>) {
        page.extend_from_slice(&[0; 4]);
        rle::encode_bitmap(self.valid.finish().values(), self.rows, page);
        // A bit for each of at most `PAGE_ROWS` rows.
        let bytes = u32::try_from(page.len() - 4).unwrap_or(u32::MAX);
        page[..4].copy_from_slice(&bytes.to_le_bytes());
    }
}

/// A column chunk in work.
pub(crate) struct ChunkWriter {
    pub(crate) column: TextColumn,
    bounds: Bounds,
    pages: Vec<WrittenPage>,
}

struct WrittenPage {
    encoding: Encoding,
    rows: usize,
    nulls: usize,
    page: WholePage,
    text_bytes: i64,
    bounds: Bounds,
}

/// A page as it will be in the file, and its size before compression.
struct WholePage {
    bytes: Bytes,
    uncompressed_bytes: usize,
}

/// A column chunk, ready to be put into a file.
pub(crate) struct TextChunk {
    pages: Pages,
    close: ColumnCloseResult,
}

/// The pages of a chunk, one behind the other. They are not put together before they are written.
struct Pages(Vec<Bytes>);

impl Length for Pages {
    fn len(&self) -> u64 {
        self.0.iter().map(|page| page.len() as u64).sum()
    }
}

impl ChunkReader for Pages {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let mut rest: Box<dyn Read> = Box::new(std::io::empty());
        for page in self.0.iter().rev() {
            rest = Box::new(page.clone().reader().chain(rest));
        }
        std::io::copy(&mut rest.by_ref().take(start), &mut std::io::sink())?;
        Ok(rest)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::with_capacity(length);
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl TextChunk {
    pub(crate) fn append_to<W: std::io::Write + Send>(
        self,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        row_group.append_column(&self.pages, self.close)
    }
}

/// The values of a page.
pub(crate) struct PageValues {
    pub(crate) encoding: Encoding,
    /// Bytes of their text.
    pub(crate) text_bytes: i64,
    pub(super) bounds: Bounds,
}

impl ChunkWriter {
    pub(crate) fn new(column: TextColumn) -> Self {
        Self { column, bounds: Bounds::default(), pages: Vec::new() }
    }

    /// Adds a page; `encode` appends its values to the levels.
    pub(crate) fn add_page(
        &mut self,
        mut levels: Levels,
        values: PageValues,
        encode: impl FnOnce(&mut Vec<u8>),
        compressor: &mut Compressor,
    ) -> Result<()> {
        let page = compressor.page(|body| {
            levels.encode(body);
            encode(body);
        })?;
        self.push(&levels, values, page)
    }

    /// Adds a page whose values are put together already; `encode` appends what stands between them and the levels.
    pub(crate) fn add_page_of_values(
        &mut self,
        mut levels: Levels,
        values: PageValues,
        encode: impl FnOnce(&mut Vec<u8>),
        bytes: &mut ValueBytes,
        compressor: &mut Compressor,
    ) -> Result<()> {
        let write_head = |head: &mut Vec<u8>| {
            levels.encode(head);
            encode(head);
        };
        let page = compressor.page_of_values(write_head, bytes)?;
        self.push(&levels, values, page)
    }

    fn push(&mut self, levels: &Levels, values: PageValues, page: PageBody) -> Result<()> {
        let rows = levels.rows;
        let header = Page::DataPage {
            buf: page.compressed,
            num_values: u32::try_from(rows).map_err(Error::internal)?,
            encoding: values.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let page = WholePage::new(header, page.uncompressed_bytes)?;
        let PageValues { encoding, text_bytes, bounds } = values;
        self.bounds.widen_by(&bounds);
        self.pages.push(WrittenPage { encoding, rows, nulls: levels.nulls, page, text_bytes, bounds });
        Ok(())
    }

    /// Ends the column chunk. A dictionary goes in front of its pages, whenever it was complete.
    pub(crate) fn close<'d>(
        self,
        dictionary: Option<impl ExactSizeIterator<Item = &'d str>>,
        bloom_filter: Option<Sbbf>,
        compressor: &mut Compressor,
    ) -> Result<TextChunk> {
        let dictionary = dictionary.map(|texts| dictionary_page(texts, compressor)).transpose()?;
        let close = self.describe(dictionary.as_ref(), bloom_filter).map_err(Error::internal)?;
        let pages = dictionary.into_iter().chain(self.pages.into_iter().map(|written| written.page));
        Ok(TextChunk { pages: Pages(pages.map(|page| page.bytes).collect()), close })
    }

    /// The metadata and indexes of the chunk.
    fn describe(
        &self,
        dictionary: Option<&WholePage>,
        bloom_filter: Option<Sbbf>,
    ) -> Result<ColumnCloseResult, ParquetError> {
        let total = |of: fn(&WrittenPage) -> usize| self.pages.iter().map(of).sum::<usize>();
        let (rows, nulls) = (total(|page| page.rows), total(|page| page.nulls));
        let dictionary_bytes = dictionary.map_or(0, |page| page.bytes.len());
        let compressed_bytes = dictionary_bytes + total(|page| page.page.bytes.len());
        let uncompressed_bytes =
            dictionary.map_or(0, |page| page.uncompressed_bytes) + total(|page| page.page.uncompressed_bytes);
        let encodings = self.pages.iter().map(|page| page.encoding).chain([Encoding::RLE]);
        let encodings: Vec<_> = encodings.chain(dictionary.map(|_| Encoding::PLAIN)).collect();
        let text_bytes = self.pages.iter().map(|page| page.text_bytes).sum();
        let mut offset_index = OffsetIndexBuilder::new();
        let mut offset = dictionary_bytes;
        for page in &self.pages {
            let bytes = page.page.bytes.len();
            offset_index.append_row_count(page.rows as i64);
            let size = i32::try_from(bytes).map_err(|error| ParquetError::External(error.into()))?;
            offset_index.append_offset_and_size(offset as i64, size);
            offset += bytes;
            offset_index.append_unencoded_byte_array_data_bytes(Some(page.text_bytes));
        }
        let metadata = ColumnChunkMetaData::builder(self.column.descriptor.clone())
            .set_compression_codec(self.column.codec.into())
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_page_encoding_stats(self.encoding_stats(dictionary.is_some()))
            .set_total_compressed_size(compressed_bytes as i64)
            .set_total_uncompressed_size(uncompressed_bytes as i64)
            .set_num_values(rows as i64)
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_data_page_offset(dictionary_bytes as i64)
            .set_statistics(self.statistics(nulls as u64))
            .set_unencoded_byte_array_data_bytes(Some(text_bytes))
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: compressed_bytes as u64,
            rows_written: rows as u64,
            bloom_filter,
            metadata,
            column_index: self.column.has_bounds.then(|| self.column_index().build()).transpose()?,
            offset_index: Some(offset_index.build()),
        })
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        let truncated = self.bounds.truncated();
        let is_exact = truncated.as_ref().map(|(min, max)| (min.is_exact, max.is_exact)).unwrap_or_default();
        let (min, max) = truncated.map(|(min, max)| (min.bytes.into(), max.bytes.into())).unzip();
        let statistics = ValueStatistics::new(min, max, None, Some(nulls), false);
        Statistics::ByteArray(statistics.with_min_is_exact(is_exact.0).with_max_is_exact(is_exact.1))
    }

    fn column_index(&self) -> ColumnIndexBuilder {
        let mut column_index = ColumnIndexBuilder::new(self.column.descriptor.physical_type());
        let bounds: Vec<_> = self.pages.iter().map(|page| page.bounds.truncated()).collect();
        // Of the bounds as they are written: truncating may change their order.
        column_index.set_boundary_order(boundary_order(bounds.iter().flatten()));
        for (page, bounds) in self.pages.iter().zip(bounds) {
            let (min, max) = bounds.map_or_else(Default::default, |(min, max)| (min.bytes, max.bytes));
            column_index.append(page.nulls == page.rows, min, max, page.nulls as i64, None);
        }
        column_index
    }

    fn encoding_stats(&self, has_dictionary: bool) -> Vec<PageEncodingStats> {
        let dictionary =
            PageEncodingStats { page_type: PageType::DICTIONARY_PAGE, encoding: Encoding::PLAIN, count: 1 };
        let mut stats = if has_dictionary { vec![dictionary] } else { Vec::new() };
        for pages in self.pages.chunk_by(|one, two| one.encoding == two.encoding) {
            let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
            stats.push(PageEncodingStats { page_type: PageType::DATA_PAGE, encoding: pages[0].encoding, count });
        }
        stats
    }
}

/// The order that the bounds of pages are in, least and greatest alike.
fn boundary_order<'b>(bounds: impl Iterator<Item = &'b (Bound, Bound)>) -> BoundaryOrder {
    let bounds: Vec<_> = bounds.map(|(min, max)| (min.bytes.as_slice(), max.bytes.as_slice())).collect();
    let is = |in_order: fn(&[u8], &[u8]) -> bool| {
        bounds.windows(2).all(|pair| in_order(pair[0].0, pair[1].0) && in_order(pair[0].1, pair[1].1))
    };
    match (is(|one, two| one <= two), is(|one, two| one >= two)) {
        (true, _) => BoundaryOrder::ASCENDING,
        (_, true) => BoundaryOrder::DESCENDING,
        _ => BoundaryOrder::UNORDERED,
    }
}

impl WholePage {
    fn new(page: Page, uncompressed_bytes: usize) -> Result<Self> {
        // Room for a header.
        let mut sink = TrackedWrite::new(Vec::with_capacity(page.buffer().len() + 64));
        let page = CompressedPage::new(page, uncompressed_bytes);
        let spec = SerializedPageWriter::new(&mut sink).write_page(page).map_err(Error::internal)?;
        let bytes = sink.into_inner().map_err(Error::internal)?.into();
        Ok(Self { bytes, uncompressed_bytes: spec.uncompressed_size })
    }
}

fn dictionary_page<'d>(
    texts: impl ExactSizeIterator<Item = &'d str>,
    compressor: &mut Compressor,
) -> Result<WholePage> {
    let count = texts.len();
    let put = |text: &str, body: &mut Vec<u8>| {
        body.extend_from_slice(&length_prefix(text));
        body.extend_from_slice(text.as_bytes());
    };
    let page = compressor.page(|body| texts.for_each(|text| put(text, body)))?;
    let header = Page::DictionaryPage {
        buf: page.compressed,
        num_values: u32::try_from(count).map_err(Error::internal)?,
        encoding: Encoding::PLAIN,
        is_sorted: false,
    };
    WholePage::new(header, page.uncompressed_bytes)
}

/// What stands in front of a text in plain encoding: its length.
pub(crate) fn length_prefix(text: &str) -> [u8; 4] {
    // A text is a part of an event, and those have 256 MiB at most.
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// Whether a column of a batch has neither values nor a type.
pub(crate) fn is_untyped_null(column: &dyn Array) -> bool {
    column.data_type().is_null()
}
