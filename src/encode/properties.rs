//! Parquet properties of each table, from the column declarations.
//!
//! In: a table and the compression asked for. Out: writer properties. Never: leaves a choice to a default that a later
//! release of the library may change.
//!
//! Sizes are chosen for the engines that read: DuckDB scans row groups in parallel and likes about 122,880
//! rows; Athena and Trino skip pages by the page index, which works best when a page is small: 1 MiB or 20,000 rows.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::codec::codec;
use crate::error::Result;
use crate::model::Compression;
use crate::schema::{Column, Hint, Kind, SCHEMA_VERSION, Table};

/// Rows of a full row group.
pub(crate) const ROW_GROUP_ROWS: usize = 122_880;
/// Arrow bytes at which a row group of unusually wide rows is closed early.
pub(crate) const ROW_GROUP_BYTES: u64 = 256 << 20;
pub(crate) const PAGE_BYTES: usize = 1 << 20;
pub(crate) const PAGE_ROWS: usize = 20_000;
pub(crate) const DICTIONARY_BYTES: usize = 1 << 20;
/// What a dictionary of text may have all the same, as long as its texts repeat: readers hold it in memory.
pub(crate) const MOST_DICTIONARY_BYTES: usize = 16 << 20;
/// Long ARNs differ behind a long common start; 64 bytes, the library's default, would cut the difference off.
pub(crate) const STATISTICS_BYTES: usize = 256;
/// One wrong answer in twenty costs a bloom filter about seven bits a value, and a wrong answer costs a look at a page.
pub(crate) const BLOOM_FALSE_POSITIVES: f64 = 0.05;

/// The properties of every file of a table.
///
/// # Errors
///
/// A compression level that the codec does not have.
pub(crate) fn writer_properties(table: Table, compression: Compression) -> Result<WriterPropertiesPtr> {
    let metadata = [
        ("trailmill.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("trailmill.schema_version", SCHEMA_VERSION.to_string()),
        ("trailmill.table", table.name().to_owned()),
    ];
    let metadata = metadata.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("trailmill version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata))
        .set_compression(codec(compression)?)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_column_index_truncate_length(Some(STATISTICS_BYTES))
        .set_dictionary_enabled(true);
    for column in table.columns() {
        builder = set_column(builder, column);
    }
    Ok(Arc::new(builder.build()))
}

/// Whether people look single rows up by a column.
pub(crate) const fn has_bloom_filter(column: &Column) -> bool {
    matches!(column.hint, Hint::Lookup | Hint::LookupRepeats)
}

/// Whether some reader could pass over pages by the least and greatest value of a column. Random identifiers and long
/// text lie everywhere between them.
pub(crate) const fn has_bounds(column: &Column) -> bool {
    !matches!(column.hint, Hint::Unique | Hint::Lookup | Hint::Bulk)
}

type Builder = parquet::file::properties::WriterPropertiesBuilder;

fn set_column(builder: Builder, column: &Column) -> Builder {
    if matches!(column.kind, Kind::Resources | Kind::Allocations) {
        // Leaves of a list keep the table's defaults.
        return builder;
    }
    let path = ColumnPath::from(column.name);
    match column.hint {
        Hint::Repeats => builder,
        Hint::Unique => builder.set_column_dictionary_enabled(path, false),
        Hint::Lookup | Hint::LookupRepeats => builder
            .set_column_dictionary_enabled(path.clone(), column.hint == Hint::LookupRepeats)
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_max_ndv(path.clone(), ROW_GROUP_ROWS as u64)
            .set_column_bloom_filter_fpp(path, BLOOM_FALSE_POSITIVES),
        Hint::Bulk => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None),
        Hint::Rising => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
    }
}
