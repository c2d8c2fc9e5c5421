//! The compression of pages.
//!
//! In: nothing. Out: a choice. Never: a codec of a library.

/// The compression of Parquet pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard at a level from 1 to 22: small files, fast to read.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Uncompressed.
    None,
}

impl Compression {
    /// The default level: on CloudTrail data a higher one costs more time than it saves
    /// space.
    pub const DEFAULT_ZSTD_LEVEL: i32 = 1;
}
