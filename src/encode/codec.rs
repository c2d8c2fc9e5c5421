//! Compression of pages.
//!
//! In: the body of a page. Out: the same, compressed. Never: made anew for each column or page; its tables are larger
//! than most pages.

use bytes::Bytes;
use parquet::basic::{Compression as Codec, ZstdLevel};

use crate::error::{Error, Result};
use crate::model::Compression;

/// The codec as files name it.
pub(crate) fn codec(compression: Compression) -> Result<Codec> {
    Ok(match compression {
        Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(level).map_err(Error::internal)?),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::None => Codec::UNCOMPRESSED,
    })
}

/// Room that is kept for the next page.
const KEPT_BYTES: usize = 4 << 20;

/// Compresses pages one after the other.
pub(crate) struct Compressor {
    method: Method,
    /// Room to put a page together in.
    body: Vec<u8>,
    /// Room for a compressed page.
    compressed: Vec<u8>,
}

/// The body of a page.
pub(crate) struct PageBody {
    pub(crate) compressed: Bytes,
    pub(crate) uncompressed_bytes: usize,
}

enum Method {
    Zstd(zstd::bulk::Compressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
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
            Compression::Snappy => Method::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::Lz4 => Method::Lz4,
            Compression::None => Method::None,
        };
        Ok(Self { method, body: Vec::new(), compressed: Vec::new() })
    }

    /// Compresses the page that `write` puts together.
    pub(crate) fn page(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<PageBody> {
        let Self { method, body, compressed } = self;
        // A page of one huge text does not stay.
        for buffer in [&mut *body, &mut *compressed] {
            buffer.truncate(KEPT_BYTES);
            buffer.shrink_to(KEPT_BYTES);
        }
        body.clear();
        write(body);
        let mut room = |most: usize| compressed.resize(compressed.len().max(most), 0);
        let bytes = match method {
            Method::Zstd(compressor) => {
                room(zstd::zstd_safe::compress_bound(body.len()));
                compressor.compress_to_buffer(body, &mut compressed[..]).map_err(Error::internal)?
            }
            Method::Snappy(encoder) => {
                room(snap::raw::max_compress_len(body.len()));
                encoder.compress(body, compressed).map_err(Error::internal)?
            }
            Method::Lz4 => {
                room(lz4_flex::block::get_maximum_output_size(body.len()));
                lz4_flex::block::compress_into(body, compressed).map_err(Error::internal)?
            }
            Method::None => {
                let compressed = Bytes::copy_from_slice(body);
                return Ok(PageBody { uncompressed_bytes: compressed.len(), compressed });
            }
        };
        Ok(PageBody { compressed: Bytes::copy_from_slice(&compressed[..bytes]), uncompressed_bytes: body.len() })
    }
}
