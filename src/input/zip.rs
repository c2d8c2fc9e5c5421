//! The members of a zip.
//!
//! In: a zip. Out: names, sizes and places of its files, by its directory. Never: their bytes.

use std::io;

use zip::{CompressionMethod, ZipArchive};

use super::container::{Entry, Listing, MAX_MEMBERS, Packing};
use super::region::{Region, RegionReader};

/// How a zip begins: with its first member, or, when it is empty, with its directory (APPNOTE.TXT).
const STARTS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Whether a file begins like a zip.
pub(super) fn is_zip(head: &[u8]) -> bool {
    STARTS.iter().any(|start| head.starts_with(start))
}

/// Lists a zip.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn list(region: &Region) -> io::Result<Listing> {
    region.with_reader(|reader| Ok(list_by_directory(reader, region.bytes)))
}

fn list_by_directory(reader: RegionReader, bytes: u64) -> Listing {
    let mut listing = Listing::default();
    let mut archive = match ZipArchive::new(reader) {
        Ok(archive) => archive,
        Err(error) => {
            listing.damaged(None, format!("its directory cannot be read: {error}"));
            return listing;
        }
    };
    for number in 0..archive.len() {
        let file = match archive.by_index_raw(number) {
            Ok(file) => file,
            Err(error) => {
                listing.damaged(None, format!("member {number} of its directory: {error}"));
                continue;
            }
        };
        if file.is_dir() {
            continue;
        }
        if listing.entries.len() == MAX_MEMBERS {
            listing.damaged(None, format!("it has more than {MAX_MEMBERS} members"));
            break;
        }
        let packing = match file.compression() {
            _ if file.encrypted() => Packing::Unsupported("an encrypted member of a zip"),
            CompressionMethod::Stored => Packing::Stored,
            CompressionMethod::DEFLATE => Packing::Deflated { bytes: file.compressed_size(), crc32: file.crc32() },
            _ => Packing::Unsupported("a member of a zip that is neither stored nor deflated"),
        };
        let start = file.data_start().filter(|start| {
            let end = start.checked_add(file.compressed_size());
            end.is_some_and(|end| end <= bytes)
        });
        let Some(start) = start else {
            listing.damaged(None, format!("member {number} of its directory is not where that says"));
            continue;
        };
        listing.entries.push(Entry {
            name: file.name_raw().to_vec(),
            start,
            bytes: file.size(),
            modified_ms: file.last_modified().and_then(modified_ms).unwrap_or_default(),
            packing,
        });
    }
    listing.entries.sort_by_key(|entry| entry.start);
    listing
}

/// A zip tells local time and no zone; it only serves to tell one version from another.
fn modified_ms(time: zip::DateTime) -> Option<i64> {
    let date =
        jiff::civil::date(time.year().try_into().ok()?, time.month().try_into().ok()?, time.day().try_into().ok()?);
    let time = date.at(time.hour().try_into().ok()?, time.minute().try_into().ok()?, time.second().try_into().ok()?, 0);
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}
