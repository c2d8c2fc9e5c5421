//! Names of files and folders in, text of archives out.
//!
//! May: read. Never: writes, parses JSON, starts a thread.
//! In flow order:

mod discover;

mod inflate;

mod stream;

use crate::error::{Finding, Reason};

pub(crate) use discover::{Archive, discover};
pub(crate) use inflate::{Inflated, Inflater};
pub(crate) use stream::{TextStream, Window, Worthless};

/// How a gzip file begins.
const MAGIC: &[u8] = b"\x1f\x8b";
/// How a gzip member begins: the magic and the only compression method there is.
const MEMBER_START: &[u8] = b"\x1f\x8b\x08";

/// Bytes of a damaged file that a finding takes along.
const MAX_GARBAGE_BYTES: u64 = 16 << 20;

/// What is wrong with a gzip member that ends in an error: the file was cut, or bits are wrong.
fn gzip_damage(error: &std::io::Error, stored_bytes: u64, member_at: u64, original: Vec<u8>) -> Finding {
    let is_truncated = error.kind() == std::io::ErrorKind::UnexpectedEof;
    Finding {
        event_index: None,
        byte_offset: Some(if is_truncated { stored_bytes } else { member_at }),
        reason: if is_truncated { Reason::GzipTruncated } else { Reason::GzipCorrupt },
        message: if is_truncated {
            format!("the file ends inside the gzip member that starts at byte {member_at}")
        } else {
            format!("{error} in the gzip member that starts at byte {member_at}")
        },
        original,
    }
}

/// What follows the last gzip member, if it is anything. Tapes and some tools pad with zeros; gzip(1) passes over them
/// too.
fn trailing_garbage(offset: u64, garbage: Vec<u8>) -> Option<Finding> {
    garbage.iter().any(|byte| *byte != 0).then(|| Finding {
        event_index: None,
        byte_offset: Some(offset),
        reason: Reason::GzipTrailingGarbage,
        message: format!("{} bytes follow the last gzip member", garbage.len()),
        original: garbage,
    })
}

/// The finding for text above the limit.
fn too_large(limit: u64, original: Vec<u8>) -> Finding {
    Finding {
        event_index: None,
        byte_offset: None,
        reason: Reason::InflatedTooLarge,
        message: format!("more than {limit} bytes of text; --max-inflated raises the limit"),
        original,
    }
}
