//! Names of files, folders and buckets in, text of archives out.
//!
//! May: read, and wait for a store on dedicated threads. Never: writes, or parses JSON except that of notices.
//! In the order of the flow:

mod key;

mod object;

mod archive;

mod folder;

mod discover;

mod listing;

mod notices;

mod references;

mod region;

mod tar;

mod uri;
mod zip;

mod container;

mod sequence;

mod packing;

mod beginning;

mod encoding;

mod inflate;

mod stream;

mod stdin;

mod member;

use std::io;

use crate::error::{Finding, Reason};
use crate::store::is_of_store;

pub(crate) use archive::{Archive, ArchiveContents};
pub(crate) use beginning::{beginning, head};
pub(crate) use container::{LARGE_BYTES, TAR, ZIP, expand, look_at};
pub(crate) use discover::{Search, discover};
pub(crate) use encoding::to_utf8;
pub(crate) use inflate::{Inflated, Inflater};
pub(crate) use member::{MemberEnd, MemberReader};
pub(crate) use references::{Referenced, follow};
pub(crate) use stdin::copy_stdin;
pub(crate) use stream::{TextStream, Unusable, Window};

/// Bytes of a damaged file that a finding keeps.
const MAX_GARBAGE_BYTES: u64 = 16 << 20;

/// Maximum layers of compression.
const MAX_LAYERS: usize = 4;

/// Whether an error of a reader comes from the system or a store, rather than from a decoder.
fn is_of_system(error: &io::Error) -> bool {
    error.raw_os_error().is_some() || is_of_store(error)
}

/// The finding for an archive that was listed and cannot be read, or is a damaged member of a container.
pub(crate) fn unreadable(error: &io::Error) -> Finding {
    if let Some(finding) = stream::outer_damage(error) {
        return finding.clone();
    }
    Finding {
        event_index: None,
        byte_offset: None,
        reason: Reason::ReadFailed,
        message: error.to_string(),
        original: Vec::new(),
    }
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
