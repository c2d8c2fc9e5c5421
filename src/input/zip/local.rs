//! Members of a zip that no directory lists.
//!
//! In: a position where a local header seems to begin. Out: the member after it, if its end is certain. Never: a
//! guess: the end is given by the header, or proved by a data descriptor with the right sizes and checksum.

use std::io::{self, BufReader, Read};

use flate2::bufread::DeflateDecoder;

use super::blocks::BlockReader;
use super::records::{self, DEFLATED, LocalHeader, MemberHeader, STORED};
use crate::input::is_of_system;
use crate::input::region::Region;

/// Bytes that are examined at once while an end is searched for.
const PIECE_BYTES: usize = 64 << 10;
/// Inflated bytes that cost as much as one byte read.
const INFLATED_PER_READ: u64 = 64;
/// The search for ends of members is limited to this many times the bytes of the zip, plus a constant: a zip can be made
/// so that every search goes to its end and finds nothing.
const SEARCHES: u64 = 8;
const LEAST_SCAN: u64 = 64 << 20;

/// Bytes that may still be read to find ends of members.
#[derive(Debug)]
pub(super) struct ScanBudget(u64);

impl ScanBudget {
    pub(super) const fn of(bytes: u64) -> Self {
        Self(bytes.saturating_mul(SEARCHES).saturating_add(LEAST_SCAN))
    }

    /// Spends this many bytes; whether they were left.
    const fn allows(&mut self, bytes: u64) -> bool {
        let is_allowed = self.0 >= bytes;
        self.0 = self.0.saturating_sub(bytes);
        is_allowed
    }
}

/// What is at the position of an apparent local header.
#[derive(Debug)]
pub(super) enum LocalEntry {
    /// Something else.
    Nothing,
    /// The header of a member that cannot be read, and why.
    Unreadable(String),
    /// A member.
    MemberHeader {
        name: Vec<u8>,
        member: MemberHeader,
        /// Where its bytes begin.
        start: u64,
        /// Where the next record may begin.
        end: u64,
    },
}

/// Reads the member whose header is at a position; it has to end before `end`.
pub(super) fn read(
    region: &Region,
    reader: &mut BlockReader,
    at: u64,
    end: u64,
    scan_budget: &mut ScanBudget,
) -> io::Result<LocalEntry> {
    let is_last = end == reader.bytes;
    let cut = || LocalEntry::Unreadable("the header of a member has no end".to_owned());
    let fixed = reader.record(at, LocalHeader::FIXED_BYTES)?;
    if !LocalHeader::may_begin(fixed) {
        return Ok(LocalEntry::Nothing);
    }
    let Some(length) = LocalHeader::length(fixed) else { return Ok(cut()) };
    let start = at + length as u64;
    if start > end {
        return Ok(cut());
    }
    let Some(header) = LocalHeader::parse(reader.record(at, length)?) else { return Ok(cut()) };
    if header.name.contains(&0) {
        return Ok(LocalEntry::Nothing);
    }
    let (has_sizes, name, mut member) = (header.has_sizes(), header.name.to_vec(), header.member);
    let shown = crate::error::printable(&String::from_utf8_lossy(&name));
    let search = EndSearch { region, start, end };
    let found = if has_sizes {
        search.stated_end(reader, &member)?
    } else if member.is_encrypted() {
        None
    } else {
        match member.method {
            DEFLATED => search.inflate(reader, &mut member, scan_budget)?,
            STORED => search.find_descriptor(reader, &mut member, scan_budget)?,
            _ => None,
        }
    };
    Ok(match found {
        Some(end) => LocalEntry::MemberHeader { name, member, start, end },
        None if is_last => LocalEntry::Unreadable(format!("it ends inside the member {shown}, or that is damaged")),
        None => {
            LocalEntry::Unreadable(format!("the member {shown}, which no directory lists, has no end that is certain"))
        }
    })
}

/// Whether the bytes of a member have the declared sizes and checksum.
pub(super) fn is_sound(
    region: &Region,
    start: u64,
    member: &MemberHeader,
    scan_budget: &mut ScanBudget,
) -> io::Result<bool> {
    let read = match member.method {
        _ if member.is_encrypted() => None,
        DEFLATED => inflate(region, start, member.packed, scan_budget)?,
        STORED if member.packed == member.bytes => checksum(region, start, member.packed, scan_budget)?,
        _ => None,
    };
    Ok(read.is_some_and(|read| (read.bytes, read.crc32) == (member.bytes, member.crc32)))
}

/// The result of reading a member.
struct Unpacked {
    packed: u64,
    bytes: u64,
    crc32: u32,
}

/// The search for the end of a member.
struct EndSearch<'a> {
    region: &'a Region,
    /// Where its bytes begin.
    start: u64,
    /// Where they have to end at the latest.
    end: u64,
}

impl EndSearch<'_> {
    /// The end by the sizes of the header.
    fn stated_end(&self, reader: &mut BlockReader, member: &MemberHeader) -> io::Result<Option<u64>> {
        let Some(end) = self.start.checked_add(member.packed).filter(|end| *end <= self.end) else { return Ok(None) };
        let is_same = member.packed == member.bytes || member.method != STORED || member.is_encrypted();
        // A writer that leaves the sizes zero, without a descriptor, may not have known them.
        let is_stated = member.packed > 0 || end == self.end || reader.record(end, 2)? == b"PK";
        Ok((is_same && is_stated).then_some(end))
    }

    /// The end of a deflated member: that of its last block, if a descriptor follows.
    fn inflate(
        &self,
        reader: &mut BlockReader,
        member: &mut MemberHeader,
        scan_budget: &mut ScanBudget,
    ) -> io::Result<Option<u64>> {
        let Some(read) = inflate(self.region, self.start, self.end - self.start, scan_budget)? else { return Ok(None) };
        let Unpacked { packed, bytes, crc32 } = read;
        let end = self.start + packed;
        let behind = reader.record(end, records::DESCRIPTOR_BYTES)?;
        let descriptor = records::descriptor(behind, packed, bytes, Some(crc32));
        (member.packed, member.bytes, member.crc32) = (packed, bytes, crc32);
        Ok(descriptor.map(|length| end + length as u64).filter(|end| *end <= self.end))
    }

    /// The end of a stored member: where a descriptor has its size and checksum.
    fn find_descriptor(
        &self,
        reader: &mut BlockReader,
        member: &mut MemberHeader,
        scan_budget: &mut ScanBudget,
    ) -> io::Result<Option<u64>> {
        const OVERLAP: usize = records::DESCRIPTOR_BYTES;
        let (mut at, mut crc) = (self.start, flate2::Crc::new());
        while at < self.end {
            let most = usize::try_from(self.end - at).unwrap_or(usize::MAX);
            let piece = reader.ahead(at, most.min(PIECE_BYTES + OVERLAP))?;
            let searched = piece.len().min(PIECE_BYTES);
            if searched == 0 || !scan_budget.allows(searched as u64) {
                return Ok(None);
            }
            let mut summed = 0;
            for place in 0..searched {
                let (behind, packed) = (&piece[place..], at + place as u64 - self.start);
                if !may_be_descriptor(behind, packed) || records::descriptor(behind, packed, packed, None).is_none() {
                    continue;
                }
                crc.update(&piece[summed..place]);
                summed = place;
                if let Some(length) = records::descriptor(behind, packed, packed, Some(crc.sum())) {
                    (member.packed, member.bytes, member.crc32) = (packed, packed, crc.sum());
                    return Ok(Some(at + (place + length) as u64));
                }
            }
            crc.update(&piece[summed..searched]);
            at += searched as u64;
        }
        Ok(None)
    }
}

/// Whether a number equals the size where data descriptors have it; this rules out most positions.
fn may_be_descriptor(bytes: &[u8], packed: u64) -> bool {
    let [one, two, three, four, ..] = packed.to_le_bytes();
    let size = [one, two, three, four];
    bytes.get(4..8) == Some(&size) || bytes.get(8..12) == Some(&size)
}

/// Inflates at most this many bytes from a position; `None` when they are damaged, truncated or too many.
fn inflate(region: &Region, start: u64, most: u64, scan_budget: &mut ScanBudget) -> io::Result<Option<Unpacked>> {
    let reader = BufReader::with_capacity(PIECE_BYTES, region.part(start, most).open()?);
    let mut decoder = DeflateDecoder::new(reader);
    let (mut piece, mut crc, mut packed) = (vec![0; PIECE_BYTES], flate2::Crc::new(), 0);
    loop {
        let read = match decoder.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if is_of_system(&error) => return Err(error),
            Err(_) => return Ok(None),
        };
        let cost = decoder.total_in() - packed + read as u64 / INFLATED_PER_READ;
        packed = decoder.total_in();
        if !scan_budget.allows(cost) {
            return Ok(None);
        }
        if read == 0 {
            return Ok(Some(Unpacked { packed, bytes: decoder.total_out(), crc32: crc.sum() }));
        }
        crc.update(&piece[..read]);
    }
}

/// Reads stored bytes at a position; `None` when there are fewer, or too many.
fn checksum(region: &Region, start: u64, bytes: u64, scan_budget: &mut ScanBudget) -> io::Result<Option<Unpacked>> {
    let mut reader = region.part(start, bytes).open()?;
    let (mut piece, mut crc) = (vec![0; PIECE_BYTES], flate2::Crc::new());
    let mut left = bytes;
    while left > 0 {
        let read = match reader.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if read == 0 || !scan_budget.allows(read as u64) {
            return Ok(None);
        }
        crc.update(&piece[..read]);
        left = left.saturating_sub(read as u64);
    }
    Ok(Some(Unpacked { packed: bytes, bytes, crc32: crc.sum() }))
}
