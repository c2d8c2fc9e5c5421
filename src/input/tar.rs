//! The members of a tar.
//!
//! In: a tar. Out: names, sizes and places of its regular files. Never: their bytes.

use std::io::{self, Read};

use tar::{Archive, EntryType};

use super::container::{Entry, Listing, MAX_MEMBERS, Packing};
use super::region::Region;

/// Size of a header, and of the blocks that members are made of (POSIX, pax).
const BLOCK_BYTES: usize = 512;

/// Whether a file begins with the header of a tar: its checksum is right.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.first_chunk::<BLOCK_BYTES>() else { return false };
    let mut block = tar::Header::new_old();
    block.as_mut_bytes().copy_from_slice(header);
    let (before, checksum, behind) = (&header[..148], &header[148..156], &header[156..]);
    let sum = before.iter().chain(behind).map(|byte| u32::from(*byte)).sum::<u32>() + u32::from(b' ') * 8;
    header[0] != 0 && checksum.iter().any(u8::is_ascii_digit) && block.cksum().is_ok_and(|told| told == sum)
}

/// Lists a tar whose members can be skipped.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn list(region: &Region) -> io::Result<Listing> {
    region.with_reader(|reader| {
        let mut archive = Archive::new(reader);
        archive.set_ignore_zeros(true);
        let mut listing = collect(archive.entries_with_seek()?);
        listing.end_at(region.bytes);
        Ok(listing)
    })
}

/// Lists a tar that is read from front to back.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn list_in_order(reader: impl Read) -> io::Result<Listing> {
    let mut archive = Archive::new(reader);
    // Tars that were put one behind the other.
    archive.set_ignore_zeros(true);
    Ok(collect(archive.entries()?))
}

fn collect<R: Read>(entries: tar::Entries<'_, R>) -> Listing {
    let mut listing = Listing::default();
    let mut place = 0;
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            // What follows cannot be told from here.
            Err(error) => {
                listing.damaged(Some(place), error.to_string());
                break;
            }
        };
        let start = entry.raw_file_position();
        place = start.saturating_add(entry.size());
        let packing = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => Packing::Stored,
            EntryType::GNUSparse => Packing::Unsupported("a sparse member of a tar"),
            // A link leads to what is listed itself, and nothing else holds bytes.
            _ => continue,
        };
        if listing.entries.len() == MAX_MEMBERS {
            listing.damaged(Some(start), format!("it has more than {MAX_MEMBERS} members"));
            break;
        }
        let modified_ms = entry.header().mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        listing.entries.push(Entry {
            name: entry.path_bytes().into_owned(),
            start,
            bytes: entry.size(),
            modified_ms: modified_ms.and_then(|seconds| seconds.checked_mul(1_000)).unwrap_or_default(),
            packing,
        });
    }
    listing
}
