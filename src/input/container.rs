//! Files that contain archives.
//!
//! In: a file that may be a tar or zip, compressed or not. Out: its members, as separate archives. Never: trusts a
//! name: the first bytes decide what a file is; nor unpacks anything to disk.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::DeflateDecoder;

use super::archive::{Archive, ArchiveContents};
use super::packing::CompressionFormat;
use super::region::Region;
use super::sequence::{Sequence, TextReader};
use super::stream::outer_damage;
use super::{TextStream, Unusable, tar, zip};
use crate::error::{Finding, Reason};
use crate::store::Version;

/// Kinds of containers.
pub(crate) const TAR: &str = "tar";
pub(crate) const ZIP: &str = "zip";

/// Maximum nesting of containers.
const MAX_DEPTH: usize = 8;

/// Maximum members of a container: a run is designed for ten million archives.
pub(super) const MAX_MEMBERS: usize = 10_000_000;

/// Maximum number of reported damages of a container.
const MAX_FINDINGS: usize = 10_000;

/// Bytes that identify a file: a header of tar.
const HEAD_BYTES: usize = 512;

/// Bytes that are read for that; gzip yields a header within them.
pub(super) const LOOK_BYTES: usize = 4 << 10;

/// Members of at least this size are read piece by piece, smaller ones at once.
pub(crate) const LARGE_BYTES: u64 = 3 << 20;

/// A container whose members are archives.
#[derive(Debug)]
pub(super) struct Container {
    /// Its name in the lake.
    pub(super) uri: String,
    /// How many containers its members are nested in.
    pub(super) depth: usize,
    access: MemberAccess,
    /// When it was delivered.
    delivered: u64,
}

#[derive(Debug)]
enum MemberAccess {
    /// Its members can be read in any order.
    Region(Region),
    /// Its members can only be read from front to back.
    Sequence(Box<Sequence>),
}

impl Container {
    /// When its members count as delivered, if that does not depend on their names.
    pub(super) const fn delivered(&self) -> Option<u64> {
        match self.access {
            MemberAccess::Region(_) => None,
            MemberAccess::Sequence(_) => Some(self.delivered),
        }
    }
}

/// Where a member is in its container.
#[derive(Clone, Debug)]
pub(super) struct MemberPlace {
    pub(super) container: Arc<Container>,
    start: u64,
    packing: Packing,
    /// How many members of the same name precede it.
    pub(super) occurrence: u32,
}

/// How the bytes of a member are stored in its container.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packing {
    /// Uncompressed.
    Stored,
    /// As in zips: the number of stored bytes, and a checksum of the original.
    Zipped { is_deflated: bool, bytes: u64, crc32: u32 },
    /// In a way that this version does not support.
    Unsupported(&'static str),
}

/// The entry of a member in the directory of a container.
#[derive(Debug)]
pub(super) struct ContainerEntry {
    pub(super) name: Vec<u8>,
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) modified_ms: i64,
    pub(super) packing: Packing,
}

impl MemberPlace {
    pub(super) fn order(&self, other: &Self, by_name: impl FnOnce() -> Ordering) -> Ordering {
        let by_start = self.start.cmp(&other.start);
        match self.container.access {
            MemberAccess::Sequence(_) => by_start,
            MemberAccess::Region(_) => by_name().then(by_start),
        }
    }

    /// Its checksum in the container.
    pub(super) const fn crc32(&self) -> Option<u32> {
        match self.packing {
            Packing::Zipped { crc32, .. } => Some(crc32),
            Packing::Stored | Packing::Unsupported(_) => None,
        }
    }

    pub(super) fn is_in_sequence(&self) -> bool {
        matches!(self.container.access, MemberAccess::Sequence(_))
    }

    /// Whether its bytes, `bytes` of them, are kept while others are read.
    pub(super) fn is_kept(&self, bytes: u64) -> bool {
        self.is_in_sequence() && bytes < LARGE_BYTES
    }

    /// Reads a member that is kept.
    pub(super) fn read(&self, bytes: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        match &self.container.access {
            MemberAccess::Sequence(sequence) => sequence.read(self.start, bytes, buffer),
            MemberAccess::Region(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    pub(super) fn region(&self, bytes: u64) -> Option<Region> {
        match (&self.container.access, self.packing) {
            (MemberAccess::Region(region), Packing::Stored | Packing::Zipped { is_deflated: false, .. }) => {
                Some(region.part(self.start, bytes))
            }
            _ => None,
        }
    }

    pub(super) fn open(&self, bytes: u64) -> io::Result<Box<dyn Read + Send>> {
        match (&self.container.access, self.packing) {
            (_, Packing::Unsupported(why)) => Err(io::Error::new(io::ErrorKind::Unsupported, why)),
            (MemberAccess::Region(region), Packing::Stored) => Ok(Box::new(region.part(self.start, bytes).open()?)),
            (MemberAccess::Region(region), Packing::Zipped { is_deflated, bytes: packed, crc32 }) => {
                let stored = region.part(self.start, packed).open()?;
                let declared = zip::DeclaredMember { start: self.start, bytes, crc32 };
                Ok(if is_deflated {
                    zip::checked(DeflateDecoder::new(stored), declared)
                } else {
                    zip::checked(stored, declared)
                })
            }
            (MemberAccess::Sequence(sequence), _) if bytes < LARGE_BYTES => {
                let mut text = Vec::new();
                sequence.read(self.start, bytes, &mut text)?;
                Ok(Box::new(io::Cursor::new(text)))
            }
            (MemberAccess::Sequence(_), _) => {
                let (at, end) = (self.start, self.start.saturating_add(bytes));
                Ok(Box::new(SequentialMemberReader { container: Arc::clone(&self.container), at, end }))
            }
        }
    }

    pub(super) fn mark_wanted(&self, bytes: u64) {
        if let MemberAccess::Sequence(sequence) = &self.container.access
            && bytes < LARGE_BYTES
        {
            sequence.mark_wanted(self.start, bytes);
        }
    }

    pub(super) fn release(&self) {
        if let MemberAccess::Sequence(sequence) = &self.container.access {
            sequence.release(self.start);
        }
    }
}

/// Reads a member of a container that is read from front to back.
struct SequentialMemberReader {
    container: Arc<Container>,
    at: u64,
    end: u64,
}

impl Read for SequentialMemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let MemberAccess::Sequence(sequence) = &self.container.access else { return Ok(0) };
        let wanted = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let read = sequence.read_at(self.at, &mut buffer[..wanted])?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A finding for damage of a container.
pub(super) fn damage(offset: Option<u64>, message: String) -> Finding {
    Finding { event_index: None, byte_offset: offset, reason: Reason::ContainerDamaged, message, original: Vec::new() }
}

/// The first bytes of objects of S3, requested concurrently; `None` for other archives.
pub(crate) fn look_at(archives: &[&Archive]) -> Vec<Option<Bytes>> {
    let mut heads = vec![None; archives.len()];
    let versions = archives.iter().enumerate().filter_map(|(at, archive)| Some((at, archive.version()?)));
    let mut buckets: BTreeMap<String, Vec<(usize, Version)>> = BTreeMap::new();
    for (at, version) in versions {
        buckets.entry(version.bucket.name().to_owned()).or_default().push((at, version));
    }
    for versions in buckets.values() {
        let Some((_, Version { bucket, .. })) = versions.first() else { continue };
        let objects: Vec<_> = versions.iter().map(|(_, version)| (version.key.clone(), version.etag.clone())).collect();
        for ((at, _), head) in versions.iter().zip(bucket.heads(&objects, LOOK_BYTES as u64)) {
            heads[*at] = head.ok();
        }
    }
    heads
}

/// Opens a container: its members, including those of nested containers, and the containers themselves. `None` when the
/// archive is not a container, or is so damaged that converting it reports it. `head` is the result of [`look_at`].
///
/// An archive that the system or the store did not let us read is returned alone, marked as such.
pub(crate) fn expand(archive: &Archive, head: Option<Bytes>) -> Option<Vec<Archive>> {
    match members(archive, head) {
        Ok(members) => members,
        Err(error) if is_failed_read(&error) => {
            Some(vec![archive.clone().with_contents(ArchiveContents::Unread { why: error.to_string() })])
        }
        Err(_) => None,
    }
}

/// Whether an error means that bytes could not be read, rather than that they are invalid.
fn is_failed_read(error: &io::Error) -> bool {
    let finding = outer_damage(error);
    super::is_of_system(error) || finding.is_some_and(|finding| finding.reason == Reason::ReadFailed)
}

fn members(archive: &Archive, head: Option<Bytes>) -> io::Result<Option<Vec<Archive>>> {
    if !archive.is_regular || archive.depth() >= MAX_DEPTH {
        return Ok(None);
    }
    let head = match head {
        Some(head) => head,
        None => archive.read_head(LOOK_BYTES)?.into(),
    };
    let is_named_zip = archive.is_named_like_a_zip() && CompressionFormat::of(&head).is_none() && !tar::is_tar(&head);
    let listing = if zip::is_zip(&head, is_named_zip, || archive.region())? {
        // The directory of a zip is at its end.
        archive.region().map(|region| zip::list(&region).map(|listing| (listing, ZIP, MemberAccess::Region(region))))
    } else if tar::is_tar(&head) {
        match archive.region() {
            Some(region) => Some(tar::list(&region).map(|listing| (listing, TAR, MemberAccess::Region(region)))),
            None => Some(list_sequence(archive)),
        }
    } else if CompressionFormat::of(&head).is_some() && tar::is_tar(&unpacked_head(archive, &head)?) {
        Some(list_sequence(archive))
    } else {
        None
    };
    let Some((ContainerListing { entries, findings }, kind, access)) = listing.transpose()? else { return Ok(None) };
    let depth = archive.depth() + 1;
    let container = Arc::new(Container { uri: archive.uri(), depth, access, delivered: archive.delivered() });
    let folder: Arc<Path> = Arc::from(archive.path());
    let mut names = Names::default();
    let mut archives = Vec::with_capacity(entries.len());
    for ContainerEntry { name, start, bytes, modified_ms, packing } in entries {
        let occurrence = names.count(&name);
        let member = MemberPlace { container: Arc::clone(&container), start, packing, occurrence };
        let member = Archive::member(&folder, OsStr::from_bytes(&name), bytes, modified_ms, member);
        let inside = if member.is_named_like_a_log() { None } else { expand(&member, None) };
        match inside {
            Some(inside) => archives.extend(inside),
            None => archives.push(member),
        }
    }
    archives.push(archive.clone().with_contents(ArchiveContents::Members { kind, findings }));
    Ok(Some(archives))
}

/// Names of the members so far, as hashes: there may be millions.
#[derive(Default)]
struct Names {
    seen: HashSet<u64>,
    /// How often repeated names have occurred.
    repeats: HashMap<u64, u32>,
}

impl Names {
    /// How often a name has occurred before.
    fn count(&mut self, name: &[u8]) -> u32 {
        let mut hasher = DefaultHasher::new();
        hasher.write(name);
        let hash = hasher.finish();
        if self.seen.insert(hash) {
            return 0;
        }
        let count = self.repeats.entry(hash).or_default();
        *count += 1;
        *count
    }
}

/// The members of a container, as far as they are certain.
#[derive(Debug, Default)]
pub(super) struct ContainerListing {
    pub(super) entries: Vec<ContainerEntry>,
    pub(super) findings: Vec<Finding>,
}

impl ContainerListing {
    /// Records damage at a position of the container.
    pub(super) fn damaged(&mut self, offset: Option<u64>, message: String) {
        match self.findings.len().cmp(&MAX_FINDINGS) {
            Ordering::Less => self.findings.push(damage(offset, message)),
            Ordering::Equal => {
                let message = format!("there are more than {MAX_FINDINGS} places like the last ones; this is the next");
                self.findings.push(damage(offset, message));
            }
            Ordering::Greater => {}
        }
    }

    /// Records where the container ends, since members may claim to reach beyond it.
    pub(super) fn end_at(&mut self, end: u64) {
        if let Some(cut) = self.entries.iter().find(|entry| entry.start.saturating_add(entry.bytes) > end) {
            let name = crate::error::printable(&String::from_utf8_lossy(&cut.name));
            self.damaged(Some(end), format!("it ends inside the member {name}"));
        }
        self.entries.retain(|entry| entry.start < end || entry.bytes == 0);
        for entry in &mut self.entries {
            // A truncated member is another version than the whole, which may come with a later run.
            entry.bytes = entry.bytes.min(end.saturating_sub(entry.start));
        }
    }
}

/// The first uncompressed bytes of a file, as many as are undamaged; `stored` is how it begins.
///
/// # Errors
///
/// When it cannot be read.
fn unpacked_head(archive: &Archive, stored: &Bytes) -> io::Result<Vec<u8>> {
    let unpack = |stream: io::Result<TextStream>| {
        let mut head = Vec::new();
        let read = stream.and_then(|stream| TextReader::new(stream).take(HEAD_BYTES as u64).read_to_end(&mut head));
        match read {
            Err(error) if is_failed_read(&error) => Err(error),
            // A file that is damaged here is reported when it is converted.
            _ => Ok(head),
        }
    };
    let head = unpack(TextStream::over_head(stored.clone()))?;
    let is_all = stored.len() as u64 == archive.bytes;
    if head.len() == HEAD_BYTES || is_all { Ok(head) } else { unpack(TextStream::open(archive, u64::MAX, None)) }
}

/// Lists a tar that can only be read from front to back.
fn list_sequence(archive: &Archive) -> io::Result<(ContainerListing, &'static str, MemberAccess)> {
    let mut reader = TextReader::new(TextStream::open(archive, u64::MAX, None)?);
    let mut listing = tar::list_in_order(&mut reader)?;
    let (end, finding) = reader.finish();
    // There may be more members after the point that could not be read.
    if let Some(finding) = finding.as_ref().filter(|finding| finding.reason == Reason::ReadFailed) {
        return Err(io::Error::other(Unusable { finding: finding.clone(), sound_bytes: 0 }));
    }
    listing.end_at(end);
    listing.findings.extend(finding);
    Ok((listing, TAR, MemberAccess::Sequence(Box::new(Sequence::new(archive.clone())))))
}
