//! Which archives are converted together.
//!
//! In: archives in order. Out: the next few of them. Never: looks at anything but their stored sizes.

use std::ops::Range;

use crate::input::{Archive, LARGE_BYTES};

/// Stored bytes of a group of small archives: a few MB of JSON.
const GROUP_BYTES: u64 = 512 << 10;
/// Maximum archives of a group.
const GROUP_ARCHIVES: usize = 512;

/// Whether an archive is taken alone and converted in segments. Others may turn out to be large, too.
pub(super) fn is_large(archive: &Archive) -> bool {
    archive.contents.is_none() && archive.bytes >= LARGE_BYTES
}

/// The archives from `start` on that belong together: one large one, or a group of small ones.
pub(super) fn next_group(archives: &[Archive], start: usize) -> Range<usize> {
    let mut bytes = 0;
    let mut end = start;
    for archive in archives[start..].iter().take(GROUP_ARCHIVES) {
        let is_full = archive.bytes_to_read().saturating_add(bytes) > GROUP_BYTES || is_large(archive);
        if end > start && is_full {
            break;
        }
        bytes = archive.bytes_to_read().saturating_add(bytes);
        end += 1;
        if is_large(archive) {
            break;
        }
    }
    start..end
}
