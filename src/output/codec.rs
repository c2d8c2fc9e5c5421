//! Compression of pages.
//!
//! In: the body of a page. Out: the same, compressed. Never: made anew for each column or page; its tables are larger
//! than most pages.

use parquet::basic::{Compression as Codec, ZstdLevel};

use crate::config::Compression;
use crate::error::{Error, Result};

/// The codec as files name it.
pub(super) fn codec(compression: Compression) -> Result<Codec> {
    Ok(match compression {
        Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(level).map_err(Error::internal)?),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::None => Codec::UNCOMPRESSED,
    })
}

/// Compresses pages one after the other.
pub(crate) enum Compressor {
    Zstd(zstd::bulk::Compressor<'static>),
    Snappy(snap::raw::Encoder),
    Lz4,
    None,
}

impl Compressor {
    /// # Errors
    ///
    /// A level that the codec does not have.
    pub(crate) fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::Zstd(level) => Self::Zstd(zstd::bulk::Compressor::new(level).map_err(Error::internal)?),
            Compression::Snappy => Self::Snappy(snap::raw::Encoder::new()),
            Compression::Lz4 => Self::Lz4,
            Compression::None => Self::None,
        })
    }

    /// The compressed body of a page.
    pub(super) fn compress(&mut self, body: Vec<u8>) -> Result<Vec<u8>> {
        match self {
            Self::Zstd(compressor) => compressor.compress(&body).map_err(Error::internal),
            Self::Snappy(encoder) => encoder.compress_vec(&body).map_err(Error::internal),
            Self::Lz4 => Ok(lz4_flex::block::compress(&body)),
            Self::None => Ok(body),
        }
    }
}
