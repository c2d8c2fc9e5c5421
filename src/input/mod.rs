//! Names of files and folders in, text of archives out.
//!
//! May: read. Never: writes, parses JSON, starts a thread.
//! In flow order:

mod key;

mod archive;

mod discover;

mod region;

mod tar;
mod zip;

mod container;

mod sequence;

mod packing;

mod inflate;

mod stream;

mod stdin;

mod member;

use crate::error::{Finding, Reason};

pub(crate) use archive::Archive;
pub(crate) use container::{LARGE_BYTES, TAR, ZIP, expand};
pub(crate) use discover::discover;
pub(crate) use inflate::{Inflated, Inflater};
pub(crate) use member::{MemberEnd, MemberReader};
pub(crate) use stdin::{STDIN, copy_stdin};
pub(crate) use stream::{TextStream, Window, Worthless};

/// Bytes of a damaged file that a finding takes along.
const MAX_GARBAGE_BYTES: u64 = 16 << 20;

/// How often text may be compressed.
const MAX_LAYERS: usize = 4;

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
