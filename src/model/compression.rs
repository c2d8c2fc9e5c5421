//! How pages are compressed.
//!
//! In: nothing. Out: a choice. Never: a codec of a library.

/// How Parquet pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard at a level from 1 to 22: small files, quick to read.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// None at all.
    None,
}

impl Compression {
    /// Level that is used unless another is asked for: on CloudTrail data a higher one costs more time than it saves
    /// space.
    pub const DEFAULT_ZSTD_LEVEL: i32 = 1;
}
