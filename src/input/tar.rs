//! The members of a tar.
//!
//! In: a tar. Out: names, sizes and positions of its regular files. Never: their bytes; nor skips what follows a damaged
//! header.

use std::io::{self, Read};

use memchr::memmem;
use tar::{Archive, EntryType};

use super::container::{ContainerEntry, ContainerListing, MAX_MEMBERS, Packing};
use super::region::Region;

/// Size of a header, and of the blocks of members (POSIX, pax).
const BLOCK_BYTES: usize = 512;

/// The magic of headers since POSIX, and its position.
const MAGIC: &[u8] = b"ustar";
const MAGIC_AT: usize = 257;

/// Bytes that are searched at a time for the next header.
const SEARCH_BYTES: u64 = 256 << 10;

/// Whether a file begins with a tar header with a valid checksum.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.first_chunk::<BLOCK_BYTES>() else { return false };
    let mut block = tar::Header::new_old();
    block.as_mut_bytes().copy_from_slice(header);
    let (before, checksum, behind) = (&header[..148], &header[148..156], &header[156..]);
    let sum = before.iter().chain(behind).map(|byte| u32::from(*byte)).sum::<u32>() + u32::from(b' ') * 8;
    header[0] != 0 && checksum.iter().any(u8::is_ascii_digit) && block.cksum().is_ok_and(|declared| declared == sum)
}

/// Lists a tar whose members can be skipped.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn list(region: &Region) -> io::Result<ContainerListing> {
    let mut listing = ContainerListing::default();
    let mut start = 0;
    loop {
        let damaged_at = region.part(start, u64::MAX).with_reader(|reader| {
            let mut archive = Archive::new(reader);
            archive.set_ignore_zeros(true);
            Ok(collect(archive.entries_with_seek()?, start, &mut listing))
        })?;
        let Some(damaged_at) = damaged_at else { break };
        let behind = damaged_at.next_multiple_of(BLOCK_BYTES as u64).saturating_add(BLOCK_BYTES as u64);
        let Some((passed, _)) = find_header(&mut region.part(behind, u64::MAX).open()?)? else { break };
        start = behind + passed;
    }
    listing.end_at(region.bytes);
    Ok(listing)
}

/// Lists a tar that is read from front to back.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn list_in_order(reader: impl Read) -> io::Result<ContainerListing> {
    let mut listing = ContainerListing::default();
    let mut reader = Pushback { reader, head: io::Cursor::default(), position: 0 };
    loop {
        let start = reader.position;
        let mut archive = Archive::new(&mut reader);
        // Concatenated tars.
        archive.set_ignore_zeros(true);
        if collect(archive.entries()?, start, &mut listing).is_none() {
            break;
        }
        // Reading on gives the reason for the end.
        let Ok(Some((_, rest))) = find_header(&mut reader) else { break };
        reader.push_back(&rest);
    }
    Ok(listing)
}

/// Skips to the next header: how many bytes precede it, and what was read from there on.
fn find_header(reader: &mut impl Read) -> io::Result<Option<(u64, Vec<u8>)>> {
    let finder = memmem::Finder::new(MAGIC);
    let (mut window, mut passed) = (Vec::new(), 0);
    loop {
        let read = reader.by_ref().take(SEARCH_BYTES).read_to_end(&mut window)?;
        let starts = finder.find_iter(&window).filter_map(|at| at.checked_sub(MAGIC_AT));
        if let Some(start) = starts.into_iter().find(|start| is_tar(&window[*start..])) {
            return Ok(Some((passed + start as u64, window.split_off(start))));
        }
        if read == 0 {
            return Ok(None);
        }
        // A header may begin at the end of the window.
        let searched = window.len().saturating_sub(BLOCK_BYTES - 1);
        window.drain(..searched);
        passed += searched as u64;
    }
}

/// A reader to which bytes can be returned.
struct Pushback<R> {
    reader: R,
    head: io::Cursor<Vec<u8>>,
    /// How many bytes were read.
    position: u64,
}

impl<R> Pushback<R> {
    fn push_back(&mut self, bytes: &[u8]) {
        let mut head = Vec::new();
        // Reading from memory does not fail.
        let _ = self.head.read_to_end(&mut head);
        self.head = io::Cursor::new([bytes, &head].concat());
        self.position -= bytes.len() as u64;
    }
}

impl<R: Read> Read for Pushback<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.head.read(buffer)? {
            0 => self.reader.read(buffer)?,
            read => read,
        };
        self.position += read as u64;
        Ok(read)
    }
}

/// GNU types: the content of a folder, for backups, and the rest of a member from another volume.
const DIRECTORY_LIST: u8 = b'D';
const CONTINUATION: u8 = b'M';

/// Takes the members of a tar that begins at a position; where it is damaged, if it is: the headers after that are unknown.
fn collect<R: Read>(entries: tar::Entries<'_, R>, start: u64, listing: &mut ContainerListing) -> Option<u64> {
    let mut place = start;
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                listing.damaged(Some(place), error.to_string());
                return Some(place);
            }
        };
        let at = start.saturating_add(entry.raw_file_position());
        place = at.saturating_add(entry.size());
        let kind = entry.header().entry_type();
        let packing = match kind {
            EntryType::GNUSparse => Packing::Unsupported("a sparse member of a tar"),
            // The names that POSIX tars use.
            _ if memmem::find(&entry.path_bytes(), b"GNUSparseFile.").is_some() => {
                Packing::Unsupported("a sparse member of a tar")
            }
            EntryType::Regular | EntryType::Continuous => Packing::Stored,
            // The target of a link is listed itself.
            EntryType::Link | EntryType::Symlink | EntryType::Directory | EntryType::Char | EntryType::Block => {
                continue;
            }
            EntryType::Fifo | EntryType::XGlobalHeader => continue,
            _ if entry.size() == 0 || kind.as_byte() == DIRECTORY_LIST => continue,
            _ if kind.as_byte() == CONTINUATION => Packing::Unsupported(
                "the rest of a member of a tar that begins in another volume: put the volumes together",
            ),
            // Unknown types are files (POSIX, ustar interchange format).
            _ => Packing::Stored,
        };
        if listing.entries.len() == MAX_MEMBERS {
            listing.damaged(Some(at), format!("it has more than {MAX_MEMBERS} members"));
            break;
        }
        let modified_ms = entry.header().mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        listing.entries.push(ContainerEntry {
            name: entry.path_bytes().into_owned(),
            start: at,
            bytes: entry.size(),
            modified_ms: modified_ms.and_then(|seconds| seconds.checked_mul(1_000)).unwrap_or_default(),
            packing,
        });
    }
    None
}
