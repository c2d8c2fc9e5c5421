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
        let mut body = self.take_body();
        write(&mut body);
        let page = self.compress(&body);
        self.body = body;
        page
    }

    /// Compresses a page of what `write_head` writes and the values behind it.
    pub(crate) fn page_of_values(
        &mut self,
        write_head: impl FnOnce(&mut Vec<u8>),
        values: &mut ValueBytes,
    ) -> Result<PageBody> {
        let mut body = self.take_body();
        write_head(&mut body);
        let page = if let Some(whole) = values.behind(&body) {
            self.compress(whole)
        } else {
            body.extend_from_slice(values.bytes());
            self.compress(&body)
        };
        self.body = body;
        page
    }

    /// Room to put a page together in.
    fn take_body(&mut self) -> Vec<u8> {
        // A page of one huge text does not stay.
        for buffer in [&mut self.body, &mut self.compressed] {
            buffer.truncate(KEPT_BYTES);
            buffer.shrink_to(KEPT_BYTES);
        }
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        body
    }

    fn compress(&mut self, body: &[u8]) -> Result<PageBody> {
        let Self { method, compressed, .. } = self;
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

/// Values of a page that grow one behind the other, with room in front of them for the head of the page: once there are many,
/// they are compressed where they lie.
#[derive(Default)]
pub(crate) struct ValueBytes {
    bytes: Vec<u8>,
    /// Where the values begin.
    start: usize,
}

impl ValueBytes {
    /// A head of most pages: levels, and lengths of a megabyte of JSON.
    const HEAD_BYTES: usize = 4 << 10;
    /// There may be many partitions with few values in each of many columns: no room is made for those.
    const FEW_BYTES: usize = 64 << 10;

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.start == 0 && self.bytes.len() + bytes.len() > Self::FEW_BYTES {
            self.bytes.reserve(Self::HEAD_BYTES + bytes.len());
            self.bytes.splice(0..0, std::iter::repeat_n(0, Self::HEAD_BYTES));
            self.start = Self::HEAD_BYTES;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(self.start);
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The head and the values behind it in one piece, if there is room.
    fn behind(&mut self, head: &[u8]) -> Option<&[u8]> {
        let at = self.start.checked_sub(head.len())?;
        self.bytes[at..self.start].copy_from_slice(head);
        Some(&self.bytes[at..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page whose values lie together is the page that is put together, wherever its head has room.
    #[test]
    fn pages_of_values_are_pages_put_together() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|number| (number % 1_000).to_le_bytes()).collect();
        for compression in [Compression::None, Compression::Zstd(1)] {
            let mut compressor = Compressor::new(compression).unwrap();
            let mut values = ValueBytes::default();
            for bytes in [0, 10, ValueBytes::FEW_BYTES, ValueBytes::FEW_BYTES + 1, 1_000_000, 3] {
                for head in [0, 100, ValueBytes::HEAD_BYTES, ValueBytes::HEAD_BYTES + 1] {
                    values.clear();
                    text[..bytes].chunks(999).for_each(|piece| values.extend(piece));
                    assert_eq!(values.len(), bytes);
                    let expected =
                        compressor.page(|page| page.extend_from_slice(&[&text[..head], &text[..bytes]].concat()));
                    let found = compressor.page_of_values(|page| page.extend_from_slice(&text[..head]), &mut values);
                    let (expected, found) = (expected.unwrap(), found.unwrap());
                    assert_eq!(found.compressed, expected.compressed, "{bytes} bytes behind {head}");
                    assert_eq!(found.uncompressed_bytes, expected.uncompressed_bytes);
                }
            }
        }
    }
}
