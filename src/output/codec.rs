//! Compression of pages.
//!
//! In: the body of a page. Out: the same, compressed. Never: made anew for each column or page; its tables are larger
//! than most pages.

use bytes::Bytes;
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
pub(crate) struct Compressor {
    method: Method,
    /// Room for a compressed page.
    page: Vec<u8>,
}

enum Method {
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
        let method = match compression {
            Compression::Zstd(level) => Method::Zstd(zstd::bulk::Compressor::new(level).map_err(Error::internal)?),
            Compression::Snappy => Method::Snappy(snap::raw::Encoder::new()),
            Compression::Lz4 => Method::Lz4,
            Compression::None => Method::None,
        };
        Ok(Self { method, page: Vec::new() })
    }

    /// The compressed body of a page.
    pub(super) fn compress(&mut self, body: &[u8]) -> Result<Bytes> {
        let page = &mut self.page;
        let bytes = match &mut self.method {
            Method::Zstd(compressor) => {
                page.resize(page.len().max(zstd::zstd_safe::compress_bound(body.len())), 0);
                compressor.compress_to_buffer(body, &mut page[..]).map_err(Error::internal)?
            }
            Method::Snappy(encoder) => {
                page.resize(page.len().max(snap::raw::max_compress_len(body.len())), 0);
                encoder.compress(body, page).map_err(Error::internal)?
            }
            Method::Lz4 => {
                page.resize(page.len().max(lz4_flex::block::get_maximum_output_size(body.len())), 0);
                lz4_flex::block::compress_into(body, page).map_err(Error::internal)?
            }
            Method::None => return Ok(Bytes::copy_from_slice(body)),
        };
        Ok(Bytes::copy_from_slice(&page[..bytes]))
    }
}
