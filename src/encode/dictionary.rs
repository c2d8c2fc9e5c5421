//! Dictionary encoding: text that repeats, as numbers of a dictionary.
//!
//! In: dictionary arrays, each with a dictionary of its own. Out: pages with one dictionary for all. Never: hashes a text of a
//! batch's dictionary more than once, or compares it more than once a page: that is why this is not left to the writer of the
//! Parquet library, which looks at every value of every row.
//!
//! As there, a dictionary that outgrows its limit is closed, and what follows is written out in full; so is one in which
//! hardly any text has come twice.

use std::ops::Range;

use arrow::array::{Array, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;

use super::bounds::Bounds;
use super::chunk::{ChunkWriter, Levels, PageValues, TextChunk, TextColumn, is_untyped_null, length_prefix};
use super::codec::{Compressor, ValueBytes};
use super::properties::{BLOOM_FALSE_POSITIVES, DICTIONARY_BYTES, MOST_DICTIONARY_BYTES, PAGE_BYTES, PAGE_ROWS};
use super::rle;
use crate::columns::interner::Interner;
use crate::error::{Error, Result};

/// Rows after which limits are looked at.
const STEP_ROWS: usize = 1_024;

/// A column chunk in work.
pub(crate) struct DictionaryWriter {
    chunk: ChunkWriter,
    dictionary: Interner,
    /// Page that each text of the dictionary was last seen in, counted from one.
    last_pages: Vec<u32>,
    /// Set once the dictionary is full.
    overflow: Option<Overflow>,
    /// Number of the page in work, counted from one.
    page: u32,
    levels: Levels,
    /// Values of the page, by their number in the dictionary.
    numbers: Vec<u32>,
    /// Values of the page, in full.
    plain: ValueBytes,
    text_bytes: i64,
    /// Values, and bytes of their text, of pages before it.
    all_values: usize,
    all_text_bytes: i64,
    bounds: Bounds,
}

/// What comes after a full dictionary.
struct Overflow {
    bloom_filter: Option<Sbbf>,
}

/// The state of a text of a batch's dictionary.
#[derive(Clone, Copy, Default)]
struct TextState {
    /// Its number in the chunk's dictionary.
    number: Option<u32>,
    /// The last page it was written to in full.
    page: u32,
}

impl DictionaryWriter {
    pub(crate) fn new(column: TextColumn) -> Self {
        Self {
            chunk: ChunkWriter::new(column),
            dictionary: Interner::default(),
            last_pages: Vec::new(),
            overflow: None,
            page: 1,
            levels: Levels::default(),
            numbers: Vec::new(),
            plain: ValueBytes::default(),
            text_bytes: 0,
            all_values: 0,
            all_text_bytes: 0,
            bounds: Bounds::default(),
        }
    }

    /// Adds the rows of an array.
    pub(crate) fn write(&mut self, array: &dyn Array, compressor: &mut Compressor) -> Result<()> {
        let dictionary_array = array.as_dictionary_opt::<Int32Type>();
        let values = dictionary_array.and_then(|dictionary_array| dictionary_array.values().as_string_opt::<i32>());
        if values.is_none() && !is_untyped_null(array) {
            return Err(Error::internal("a coded column holds something else"));
        }
        let mut known = vec![TextState::default(); values.map_or(0, Array::len)];
        let mut start = 0;
        while start < array.len() {
            let most = STEP_ROWS.min(array.len() - start).min(PAGE_ROWS - self.levels.rows());
            if let Some((dictionary_array, values)) = dictionary_array.zip(values) {
                let rows = if self.overflow.is_none() {
                    most
                } else {
                    self.rows_within_page(dictionary_array, values, start, most)
                };
                self.write_rows(dictionary_array, values, &mut known, start..start + rows);
                start += rows;
            } else {
                self.levels.add_nulls(most);
                start += most;
            }
            if self.overflow.is_none() && self.is_dictionary_full() {
                self.close_dictionary(compressor)?;
            }
            if self.levels.rows() == PAGE_ROWS || self.plain.len() >= PAGE_BYTES {
                self.flush_page(compressor)?;
            }
        }
        Ok(())
    }

    /// Whether the dictionary is so large that what comes next is better written in full. A large one pays as long as
    /// its texts repeat; one of which nearly every text has come once does not become better.
    fn is_dictionary_full(&self) -> bool {
        const REPEATS: i64 = 4;
        /// Texts that show it, and the share of them in all values.
        const ENOUGH: usize = 8_192;
        const NEARLY_ALL: (usize, usize) = (15, 16);
        let texts = self.dictionary.len();
        if texts >= ENOUGH && (self.all_values + self.numbers.len()) * NEARLY_ALL.0 < texts * NEARLY_ALL.1 {
            return true;
        }
        let bytes = self.dictionary.text_bytes() + texts * 4;
        bytes > MOST_DICTIONARY_BYTES
            || bytes > DICTIONARY_BYTES && self.all_text_bytes + self.text_bytes < bytes as i64 * REPEATS
    }

    /// Rows from `start` on, at least one and at most `most`, that just fill the page with texts in full.
    fn rows_within_page(
        &self,
        dictionary_array: &DictionaryArray<Int32Type>,
        values: &StringArray,
        start: usize,
        most: usize,
    ) -> usize {
        let mut room = PAGE_BYTES - self.plain.len();
        let texts = (start..start + most)
            .map(|row| dictionary_array.key(row).map_or(0, |key| values.value_length(key) as usize));
        let rows = texts.take_while(|bytes| {
            let has_room = room > 0;
            room = room.saturating_sub(*bytes);
            has_room
        });
        rows.count().max(1)
    }

    fn write_rows(
        &mut self,
        dictionary_array: &DictionaryArray<Int32Type>,
        values: &StringArray,
        known: &mut [TextState],
        rows: Range<usize>,
    ) {
        let keys = &dictionary_array.keys().values()[rows.clone()];
        let nulls = dictionary_array.keys().nulls().map(|nulls| nulls.slice(rows.start, rows.len()));
        self.levels.add(rows.len(), nulls.as_ref());
        match nulls {
            None => self.write_keys(values, known, keys.iter().copied()),
            Some(nulls) => self.write_keys(values, known, nulls.valid_indices().map(|row| keys[row])),
        }
    }

    fn write_keys(&mut self, values: &StringArray, known: &mut [TextState], keys: impl Iterator<Item = i32>) {
        if self.overflow.is_some() {
            return keys.for_each(|key| self.take_plain(values, known, key as usize));
        }
        // Neighbours often have the same text.
        let (mut last, mut number, mut bytes) = (None, 0, 0);
        for key in keys {
            if last != Some(key) {
                last = Some(key);
                number = self.number_of(values, known, key as usize);
                bytes = i64::from(values.value_length(key as usize));
            }
            self.text_bytes += bytes;
            self.numbers.push(number);
        }
    }

    /// The number in the dictionary of a text that the page has.
    fn number_of(&mut self, values: &StringArray, known: &mut [TextState], key: usize) -> u32 {
        let (dictionary, known) = (&mut self.dictionary, &mut known[key]);
        let number = *known.number.get_or_insert_with(|| dictionary.number_of(values.value(key)));
        if known.page == self.page {
            return number;
        }
        known.page = self.page;
        if number as usize == self.last_pages.len() {
            self.last_pages.push(0);
        }
        let last_page = &mut self.last_pages[number as usize];
        if *last_page != self.page {
            *last_page = self.page;
            self.bounds.widen(self.dictionary.get(number));
        }
        number
    }

    /// Adds a value of the batch in full.
    fn take_plain(&mut self, values: &StringArray, known: &mut [TextState], key: usize) {
        let text = values.value(key);
        let known = &mut known[key];
        if known.page != self.page {
            known.page = self.page;
            self.bounds.widen(text);
            if let Some(Overflow { bloom_filter: Some(filter) }) = &mut self.overflow {
                filter.insert(text);
            }
        }
        self.plain.extend(&length_prefix(text));
        self.plain.extend(text.as_bytes());
        self.text_bytes += text.len() as i64;
    }

    /// Ends the page in work and the dictionary; what comes next is written in full.
    fn close_dictionary(&mut self, compressor: &mut Compressor) -> Result<()> {
        self.flush_page(compressor)?;
        let bloom_filter = self.chunk.column.bloom_filter()?;
        self.overflow = Some(Overflow { bloom_filter });
        Ok(())
    }

    fn flush_page(&mut self, compressor: &mut Compressor) -> Result<()> {
        if self.levels.rows() == 0 {
            return Ok(());
        }
        self.all_values += self.numbers.len();
        self.all_text_bytes += self.text_bytes;
        let encoding = if self.overflow.is_some() { Encoding::PLAIN } else { Encoding::RLE_DICTIONARY };
        let values = PageValues {
            encoding,
            text_bytes: std::mem::take(&mut self.text_bytes),
            bounds: std::mem::take(&mut self.bounds),
        };
        let levels = std::mem::take(&mut self.levels);
        if encoding == Encoding::PLAIN {
            self.chunk.add_page_of_values(levels, values, |_| (), &mut self.plain, compressor)?;
        } else {
            let largest = u32::try_from(self.dictionary.len().saturating_sub(1)).unwrap_or(u32::MAX);
            let encode = |page: &mut Vec<u8>| {
                let width = rle::bit_width(largest);
                page.push(width.to_le_bytes()[0]);
                rle::encode(&self.numbers, width, page);
            };
            self.chunk.add_page(levels, values, encode, compressor)?;
        }
        self.numbers.clear();
        self.plain.clear();
        self.page += 1;
        Ok(())
    }

    /// Ends the column chunk.
    pub(crate) fn close(mut self, compressor: &mut Compressor) -> Result<TextChunk> {
        self.flush_page(compressor)?;
        let bloom_filter = if self.chunk.column.has_bloom_filter { Some(self.bloom_filter()?) } else { None };
        self.chunk.close(Some(self.dictionary.iter()), bloom_filter, compressor)
    }

    fn bloom_filter(&mut self) -> Result<Sbbf> {
        let begun = self.overflow.take().and_then(|overflow| overflow.bloom_filter);
        let texts = (self.dictionary.len() as u64).max(1);
        let fresh = || Sbbf::new_with_ndv_fpp(texts, BLOOM_FALSE_POSITIVES).map_err(Error::internal);
        let mut filter = begun.map_or_else(fresh, Ok)?;
        self.dictionary.iter().for_each(|text| filter.insert(text));
        filter.fold_to_target_fpp(BLOOM_FALSE_POSITIVES);
        Ok(filter)
    }
}
