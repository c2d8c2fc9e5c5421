//! The program's own page writers: the Parquet library reads their pages back, and their statistics are true.
//!
//! Rows are drawn from a tape of bytes, here by proptest, and in `tests/fuzz` by a fuzzer.

use std::ops::Range;

use arrow::array::AsArray;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use parquet::file::statistics::Statistics;
use trailmill::config::Compression;
use trailmill::{TextStorage, text_file};

/// Rows and bytes of one file: enough for several pages, and for a dictionary that is full.
const MOST_ROWS: usize = 80_000;
const MOST_BYTES: usize = 4 << 20;

type Texts = Vec<Option<String>>;

/// Bytes from left to right, then zeros.
struct Tape<'t>(&'t [u8]);

impl Tape<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn count(&mut self) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % 25_000
    }

    fn text(&mut self) -> String {
        let length = usize::from(self.byte() % 64);
        let (text, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}

/// How texts are to be written according to a tape, and the texts, slice by slice.
fn draw(tape: &[u8]) -> (TextStorage, Vec<Texts>) {
    let mut tape = Tape(tape);
    let flags = tape.byte();
    let compression =
        [Compression::None, Compression::Zstd(1), Compression::Snappy, Compression::Lz4][usize::from(flags >> 3 & 3)];
    let [is_dictionary_encoded, has_bloom_filter, has_bounds] = [0, 1, 2].map(|bit| flags >> bit & 1 == 1);
    let mut slices = vec![Vec::new()];
    let (mut rows, mut bytes) = (0, 0);
    while !tape.0.is_empty() {
        let drawn: Texts = match tape.byte() % 8 {
            0 => {
                slices.push(Vec::new());
                continue;
            }
            1 => vec![None; tape.count()],
            2..=4 => vec![Some(tape.text())],
            5 => {
                let (text, count) = (tape.text(), tape.count());
                vec![Some(text); count]
            }
            6 => {
                let (text, count) = (tape.text(), tape.count());
                (0..count).map(|at| (at % 7 != 6).then(|| format!("{text}{at}"))).collect()
            }
            _ => {
                let (text, count) = (tape.text(), tape.count());
                vec![Some(text.repeat(count))]
            }
        };
        rows += drawn.len();
        bytes += drawn.iter().flatten().map(String::len).sum::<usize>();
        if rows > MOST_ROWS || bytes > MOST_BYTES {
            break;
        }
        slices.last_mut().expect("a slice").extend(drawn);
    }
    (TextStorage { is_dictionary_encoded, has_bloom_filter, has_bounds, compression }, slices)
}

/// Writes the file of a tape and checks it; returns the rows of its pages.
pub fn check(tape: &[u8]) -> Vec<Range<usize>> {
    let (storage, slices) = draw(tape);
    let file = Bytes::from(text_file(&slices, storage).expect("texts"));
    let texts = slices.concat();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = ArrowReaderMetadata::load(&file, options).expect("a footer");
    let reader = || ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone());
    check_read(reader(), &texts);
    check_bloom_filter(&file, storage, &texts);
    let row_group = metadata.metadata().row_group(0);
    assert_eq!(row_group.num_rows(), texts.len() as i64);
    check_statistics(row_group, storage, &texts);
    let index = metadata.metadata().page_index().expect("an index of pages");
    let locations = index.page_locations(0, 0).expect("places of pages");
    let starts: Vec<_> = locations.iter().map(|page| usize::try_from(page.first_row_index).expect("a row")).collect();
    let ends = starts.iter().skip(1).copied().chain([texts.len()]);
    let pages: Vec<_> = starts.iter().zip(ends).map(|(start, end)| *start..end).collect();
    assert_eq!(pages.first().map_or(0, |page| page.start), 0);
    assert!(pages.iter().all(|page| !page.is_empty() && page.len() <= 20_000), "{pages:?}");
    let bounds = index.column_index(0, 0);
    assert_eq!(bounds.is_some(), storage.is_dictionary_encoded && storage.has_bounds);
    if let Some(bounds) = bounds {
        check_bounds(bounds, &pages, &texts);
    }
    // Each page by itself, at the place that the file states.
    for page in &pages {
        let wanted = RowSelection::from_consecutive_ranges([page.clone()].into_iter(), texts.len());
        check_read(reader().with_row_selection(wanted), &texts[page.clone()]);
    }
    pages
}

fn check_read(reader: ParquetRecordBatchReaderBuilder<Bytes>, texts: &[Option<String>]) {
    let mut expected = texts.iter();
    for batch in reader.build().expect("a reader") {
        for found in batch.expect("rows").column(0).as_string::<i32>() {
            assert_eq!(Some(found), expected.next().map(Option::as_deref));
        }
    }
    assert_eq!(expected.next(), None);
}

fn check_bloom_filter(file: &Bytes, storage: TextStorage, texts: &Texts) {
    let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
    let reader = SerializedFileReader::new_with_options(file.clone(), options).expect("a footer");
    let row_group = reader.get_row_group(0).expect("a row group");
    let filter = row_group.get_column_bloom_filter(0);
    assert_eq!(filter.is_some(), storage.has_bloom_filter);
    if let Some(filter) = filter {
        assert!(texts.iter().flatten().all(|text| filter.check(&text.as_str())));
    }
}

fn check_statistics(row_group: &RowGroupMetaData, storage: TextStorage, texts: &Texts) {
    let statistics = row_group.column(0).statistics().expect("statistics");
    let nulls = texts.iter().filter(|text| text.is_none()).count();
    assert_eq!(statistics.null_count_opt(), Some(nulls as u64));
    let Statistics::ByteArray(bounds) = statistics else { panic!("statistics of texts") };
    let has_bounds = storage.is_dictionary_encoded && storage.has_bounds && nulls < texts.len();
    assert!(!has_bounds || bounds.min_opt().is_some() && bounds.max_opt().is_some());
    for text in texts.iter().flatten() {
        assert!(bounds.min_opt().is_none_or(|min| min.data() <= text.as_bytes()));
        assert!(bounds.max_opt().is_none_or(|max| max.data() >= text.as_bytes()));
    }
}

fn check_bounds(bounds: &ColumnIndexMetaData, pages: &[Range<usize>], texts: &Texts) {
    let ColumnIndexMetaData::BYTE_ARRAY(bounds) = bounds else { panic!("bounds of texts") };
    for (at, page) in pages.iter().enumerate() {
        let texts = &texts[page.clone()];
        assert_eq!(bounds.null_count(at), Some(texts.iter().filter(|text| text.is_none()).count() as i64));
        assert_eq!(bounds.is_null_page(at), texts.iter().all(Option::is_none));
        for text in texts.iter().flatten() {
            assert!(bounds.min_value(at).is_none_or(|min| min <= text.as_bytes()));
            assert!(bounds.max_value(at).is_none_or(|max| max >= text.as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A step of a tape.
    fn step(kind: u8, text: &str, count: u16) -> Vec<u8> {
        let text_length = u8::try_from(text.len()).expect("a short text");
        [&[kind, text_length], text.as_bytes(), &count.to_le_bytes()].concat()
    }

    #[test]
    fn pages_of_every_kind_read_back_equal() {
        let sixty = "0123456789".repeat(6);
        // Texts that differ, beyond the limits of pages and dictionaries, then runs with and without a text.
        let many = [step(6, &sixty, 24_999), vec![0], step(5, "abc", 24_999), vec![1, 0xa7, 0x61]].concat();
        // A text that is longer than a page.
        let long = [step(2, "a", 0), step(7, &sixty, 24_999), step(5, "b", 9)].concat();
        for flags in 0..32 {
            assert!(check(&[&[flags], many.as_slice()].concat()).len() > 3, "{flags}");
            assert!(check(&[&[flags], long.as_slice()].concat()).len() > 1 || flags & 1 == 1, "{flags}");
            check(&[flags]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_texts_read_back_equal(tape in proptest::collection::vec(any::<u8>(), 0..200)) {
            check(&tape);
        }
    }
}
