//! Compressed files, member by member.
//!
//! In: bytes of a gzip or zstd file, which may have many members, of either kind. Out: one decoder for both, and words for
//! damage. Never: calls bytes certain whose checksum is wrong.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::error::{Finding, Reason};

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompressionFormat {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// The beginning of a gzip file.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
/// The beginning of a gzip member: the magic and the only compression method there is.
pub(super) const GZIP_START: &[u8] = b"\x1f\x8b\x08";
/// The beginning of a zstd frame.
const ZSTD_START: &[u8] = b"\x28\xb5\x2f\xfd";

/// The largest window of zstd that is supported, as a power of two: 128 MiB, the default limit of `zstd`.
const ZSTD_WINDOW_LOG: u32 = 27;

impl CompressionFormat {
    /// Bytes that show whether a file is compressed.
    pub(super) const MAGIC_BYTES: usize = 4;
    /// Bytes that show whether another member follows.
    pub(super) const START_BYTES: usize = 4;

    /// The format of a file, by its first bytes.
    pub(super) fn of(file: &[u8]) -> Option<Self> {
        if file.starts_with(GZIP_MAGIC) { Some(Self::Gzip) } else { Self::of_member(file) }
    }

    /// The format of the next member, by its first bytes.
    pub(super) fn of_member(rest: &[u8]) -> Option<Self> {
        // Skippable frames of zstd have one of sixteen numbers.
        let is_skippable = matches!(rest, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
        if rest.starts_with(GZIP_START) {
            Some(Self::Gzip)
        } else if rest.starts_with(ZSTD_START) || is_skippable {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip member",
            Self::Zstd => "zstd frame",
        }
    }

    /// The finding for a member that ends in an error: the file is truncated, or corrupt.
    pub(super) fn damage(self, error: &io::Error, stored_bytes: u64, member_at: u64, original: Vec<u8>) -> Finding {
        let is_truncated = error.kind() == io::ErrorKind::UnexpectedEof;
        let name = self.name();
        Finding {
            event_index: None,
            byte_offset: Some(if is_truncated { stored_bytes } else { member_at }),
            reason: match (self, is_truncated) {
                (Self::Gzip, true) => Reason::GzipTruncated,
                (Self::Gzip, false) => Reason::GzipCorrupt,
                (Self::Zstd, true) => Reason::ZstdTruncated,
                (Self::Zstd, false) => Reason::ZstdCorrupt,
            },
            message: if is_truncated {
                format!("the file ends inside the {name} that starts at byte {member_at}")
            } else {
                format!("{error} in the {name} that starts at byte {member_at}")
            },
            original,
        }
    }

    /// What follows the last member, if anything. Tapes and some tools pad with zeros, which gzip(1) skips
    /// too.
    pub(super) fn trailing_garbage(self, offset: u64, garbage: Vec<u8>) -> Option<Finding> {
        garbage.iter().any(|byte| *byte != 0).then(|| Finding {
            event_index: None,
            byte_offset: Some(offset),
            reason: match self {
                Self::Gzip => Reason::GzipTrailingGarbage,
                Self::Zstd => Reason::ZstdTrailingGarbage,
            },
            message: match garbage.len() {
                1 => format!("1 byte follows the last {}", self.name()),
                bytes => format!("{bytes} bytes follow the last {}", self.name()),
            },
            original: garbage,
        })
    }
}

/// Unpacks one member.
pub(super) enum MemberDecoder<R: BufRead> {
    Gzip(Box<GzDecoder<R>>),
    Zstd(Box<ZstdDecoder<'static, R>>),
}

impl<R: BufRead> MemberDecoder<R> {
    pub(super) fn new(packing: CompressionFormat, reader: R) -> io::Result<Self> {
        Ok(match packing {
            CompressionFormat::Gzip => Self::Gzip(Box::new(GzDecoder::new(reader))),
            CompressionFormat::Zstd => {
                let mut decoder = ZstdDecoder::with_buffer(reader)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    pub(super) const fn packing(&self) -> CompressionFormat {
        match self {
            Self::Gzip(_) => CompressionFormat::Gzip,
            Self::Zstd(_) => CompressionFormat::Zstd,
        }
    }

    /// What it reads from.
    pub(super) fn get_ref(&self) -> &R {
        match self {
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
        }
    }

    /// What follows the member, once it was read to its end.
    pub(super) fn into_inner(self) -> R {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
        }
    }
}

impl<R: BufRead> Read for MemberDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}
