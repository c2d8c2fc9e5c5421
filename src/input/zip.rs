//! The members of a zip.
//!
//! In: a zip, whole or damaged, or several in one file. Out: names, sizes and positions of its files. Never: the bytes of one
//! that a directory lists; nor skips a member because another has its name, or because the last directory omits it.
//!
//! The last directory accounts for its members and itself. Whatever it does not account for – before the first member, between
//! two, before the directory, after its end – is searched for local headers; where one begins, the stretch may hold
//! another zip with its own directory, or unlisted members. So every byte is accounted for, or is not preceded by
//! a local header: padding, a data descriptor, a comment, a program that unpacks the zip.

mod blocks;
mod checked;
mod directory;
mod local;
mod records;

use std::io;
use std::ops::Range;

use self::blocks::BlockReader;
pub(super) use self::checked::{DeclaredMember, checked};
use self::directory::{Directory, DirectoryEntry, Outlines};
use self::local::{LocalEntry, ScanBudget};
use self::records::{DEFLATED, DESCRIPTOR, END, END64, LOCAL, LocalHeader, MemberHeader, STORED};
use super::container::{ContainerEntry, ContainerListing, MAX_MEMBERS, Packing};
use super::region::Region;

/// The beginning of a zip: a member, or the end record if it has none.
const STARTS: [&[u8]; 3] = [&LOCAL, &END, &END64];

/// The beginning of split zips, and of those that were to be split and ended up in one piece.
const SPLIT_STARTS: [&[u8]; 2] = [&DESCRIPTOR, b"PK00"];

/// The beginning of programs that may carry a zip: Windows executables and scripts.
const PROGRAM_STARTS: [&[u8]; 2] = [b"MZ", b"#!"];

/// The size of the smallest member: a header with a name of one byte.
const LEAST_BYTES: u64 = LocalHeader::FIXED_BYTES as u64 + 1;

/// Whether a file is a zip: it begins like one, or may carry one and ends like one.
///
/// # Errors
///
/// When its end cannot be read.
pub(super) fn is_zip(head: &[u8], is_named_zip: bool, region: impl FnOnce() -> Option<Region>) -> io::Result<bool> {
    let begins = |starts: &[&[u8]]| starts.iter().any(|start| head.starts_with(start));
    let is_split = begins(&SPLIT_STARTS) && head[4..].starts_with(&LOCAL);
    let is_cut = is_named_zip && matches!(head.len(), 1..4) && STARTS.iter().any(|start| start.starts_with(head));
    if begins(&STARTS) || is_split || is_cut {
        return Ok(true);
    }
    if !is_named_zip && !begins(&SPLIT_STARTS) && !begins(&PROGRAM_STARTS) {
        return Ok(false);
    }
    let Some(region) = region() else { return Ok(false) };
    if Directory::ends(&mut BlockReader::open(&region)?)? {
        return Ok(true);
    }
    // Truncated, and after other data or with a damaged beginning: the missing directory is reported in any case.
    Ok(is_named_zip && {
        let ContainerListing { entries, findings } = list(&region)?;
        !entries.is_empty() || findings.len() > 1
    })
}

/// Lists a zip.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn list(region: &Region) -> io::Result<ContainerListing> {
    let mut survey = ZipScan {
        region,
        reader: BlockReader::open(region)?,
        scan_budget: ScanBudget::of(region.bytes),
        listing: ContainerListing::default(),
        outlines: Outlines::default(),
        stretches: Vec::new(),
        is_open: false,
    };
    survey.go_through()?;
    Ok(survey.listing)
}

/// A range of a file that is not accounted for so far.
#[derive(Debug)]
struct Stretch {
    range: Range<u64>,
    /// Whether a directory follows.
    is_closed: bool,
    /// Whether a directory may end in it.
    may_have_directory: bool,
}

/// The state of listing a zip.
struct ZipScan<'a> {
    region: &'a Region,
    reader: BlockReader,
    scan_budget: ScanBudget,
    listing: ContainerListing,
    outlines: Outlines,
    /// Ranges yet to be examined.
    stretches: Vec<Stretch>,
    /// Whether there is no directory, or members follow the last one.
    is_open: bool,
}

impl ZipScan<'_> {
    fn go_through(&mut self) -> io::Result<()> {
        let whole = Stretch { range: 0..self.reader.bytes, is_closed: false, may_have_directory: true };
        self.is_open = true;
        self.stretches.push(whole);
        while let Some(stretch) = self.stretches.pop() {
            if self.is_full() {
                break;
            }
            self.take_stretch(&stretch)?;
        }
        if self.is_open {
            self.report_missing_directory()?;
        }
        self.listing.entries.sort_by_key(|entry| entry.start);
        Ok(())
    }

    fn take_stretch(&mut self, stretch: &Stretch) -> io::Result<()> {
        if stretch.may_have_directory
            && let Some(directory) = Directory::find_last(&mut self.reader, &stretch.range, &mut self.outlines)?
        {
            return self.take_directory(&directory, stretch);
        }
        self.take_unlisted(stretch)
    }

    /// Takes the members that a directory lists, and records what it does not account for.
    fn take_directory(&mut self, directory: &Directory, stretch: &Stretch) -> io::Result<()> {
        // The last of all directories comes first.
        self.is_open &= stretch.is_closed;
        let room = MAX_MEMBERS - self.listing.entries.len();
        let (mut listed, entries_end) = directory.read(&mut self.reader, room)?;
        let count = listed.len() as u64;
        let is_cut = count == room as u64 && entries_end < directory.entries.end;
        if is_cut {
            self.report_too_many();
        } else if !directory.record.counts(count) {
            let stated = directory.record.entries;
            self.listing.damaged(Some(entries_end), format!("its directory has {count} of {stated} members"));
        }
        listed.sort_by_key(|entry| entry.header);
        let mut accounted = stretch.range.start;
        let mut last = None;
        let mut elsewhere = 0_u64;
        for entry in listed {
            if entry.disk != directory.record.disk {
                elsewhere += 1;
                continue;
            }
            let Some(header) = entry.header.filter(|header| *header < directory.entries.start) else {
                self.report_misplaced(&entry);
                continue;
            };
            if header < stretch.range.start {
                // An older directory may list what a newer one has accounted for.
                continue;
            }
            if last.replace(header) == Some(header) {
                let message = format!("its directory lists what is here twice, last as {}", printable(&entry.name));
                self.listing.damaged(Some(header), message);
                continue;
            }
            let Some(range) = self.take_listed(entry, header, directory.entries.start)? else { continue };
            if range.start < accounted {
                self.listing.damaged(Some(range.start), "two members of its directory overlap here".to_owned());
            }
            self.leave(accounted..range.start, true);
            accounted = accounted.max(range.end);
        }
        self.leave(accounted..directory.entries.start, true);
        self.leave(entries_end..directory.end.start, true);
        self.report_split(directory, elsewhere);
        self.end_directory(directory, stretch);
        Ok(())
    }

    /// Takes one member of a directory; the bytes that it accounts for, or `None` when it is not what the directory says:
    /// then its local header may be used.
    fn take_listed(&mut self, listed: DirectoryEntry, header: u64, end: u64) -> io::Result<Option<Range<u64>>> {
        let length = LocalHeader::length(self.reader.record(header, LocalHeader::FIXED_BYTES)?);
        let start = length.map(|length| header + length as u64);
        let range = start.and_then(|start| Some(start..start.checked_add(listed.member.packed)?));
        let Some(range) = range.filter(|range| range.end <= end) else {
            self.report_misplaced(&listed);
            return Ok(None);
        };
        let length = usize::try_from(range.start - header).unwrap_or_default();
        if let Some(local) = LocalHeader::parse(self.reader.record(header, length)?)
            && local.contradicts(&listed.member)
        {
            let message = format!("its directory and the header of {} contradict each other", printable(&listed.name));
            self.listing.damaged(Some(header), message);
            if !local::is_sound(self.region, range.start, &listed.member, &mut self.scan_budget)? {
                return Ok(None);
            }
        }
        self.push(listed.name, listed.member, range.start);
        Ok(Some(header..range.end))
    }

    /// Takes the members of a range that no directory lists.
    fn take_unlisted(&mut self, stretch: &Stretch) -> io::Result<()> {
        let end = stretch.range.end;
        let mut at = stretch.range.start;
        while let Some(header) = self.reader.find(LOCAL, at..end)? {
            if self.is_full() {
                self.report_too_many();
                return Ok(());
            }
            let found = local::read(self.region, &mut self.reader, header, end, &mut self.scan_budget)?;
            self.is_open |= !stretch.is_closed && !matches!(found, LocalEntry::Nothing);
            at = match found {
                LocalEntry::Nothing => header + 1,
                LocalEntry::Unreadable(message) => {
                    self.listing.damaged(Some(header), message);
                    header + 1
                }
                LocalEntry::MemberHeader { name, member, start, end } => {
                    self.push(name, member, start);
                    end
                }
            };
        }
        self.report_cut_start(&Stretch { range: at..end, ..*stretch })
    }

    fn push(&mut self, name: Vec<u8>, member: MemberHeader, start: u64) {
        // A folder; some Windows tools write a backslash.
        let is_folder = matches!(name.last(), Some(b'/' | b'\\')) && member.is_empty();
        if !is_folder {
            let modified_ms = member.modified_ms().unwrap_or_default();
            let packing = packing(&member);
            self.listing.entries.push(ContainerEntry { name, start, bytes: member.bytes, modified_ms, packing });
        }
    }

    /// Records a range that a directory does not account for.
    fn leave(&mut self, range: Range<u64>, is_closed: bool) {
        if range.end.saturating_sub(range.start) >= LEAST_BYTES {
            self.stretches.push(Stretch { range, is_closed, may_have_directory: true });
        }
    }

    /// Records what follows the end of a directory.
    fn end_directory(&mut self, directory: &Directory, stretch: &Stretch) {
        let end = directory.end.end;
        if end > self.reader.bytes {
            self.listing.damaged(Some(self.reader.bytes), "it ends inside its comment".to_owned());
        }
        if end < stretch.range.end {
            // It was the last directory of the range.
            let range = end..stretch.range.end;
            self.stretches.push(Stretch { range, is_closed: stretch.is_closed, may_have_directory: false });
        }
    }

    fn is_full(&self) -> bool {
        self.listing.entries.len() >= MAX_MEMBERS
    }

    fn report_too_many(&mut self) {
        self.listing.damaged(None, format!("it has more than {MAX_MEMBERS} members"));
    }

    fn report_misplaced(&mut self, DirectoryEntry { number, header, name, .. }: &DirectoryEntry) {
        let message = format!("member {number} of its directory, {}, is not where that says", printable(name));
        self.listing.damaged(*header, message);
    }

    /// Reports the missing parts of a split zip.
    fn report_split(&mut self, directory: &Directory, elsewhere: u64) {
        let parts = u64::from(directory.record.disk) + 1;
        if parts > 1 {
            let message = format!("it is the last of {parts} parts of a split zip; put them together: zip -s 0");
            self.listing.damaged(Some(directory.end.start), message);
        }
        if elsewhere > 0 {
            let message = format!(
                "other parts of a split zip have {} of its directory",
                crate::error::counted(elsewhere, "member")
            );
            self.listing.damaged(Some(directory.entries.start), message);
        }
    }

    /// Reports that the file ends in the first bytes of a header.
    fn report_cut_start(&mut self, stretch: &Stretch) -> io::Result<()> {
        let Range { start, end } = stretch.range;
        let is_short = (1..LOCAL.len() as u64).contains(&end.saturating_sub(start));
        if end == self.reader.bytes && is_short && LOCAL.starts_with(self.reader.record(start, LOCAL.len())?) {
            self.listing.damaged(Some(start), "the header of a member has no end".to_owned());
        }
        Ok(())
    }

    fn report_missing_directory(&mut self) -> io::Result<()> {
        let head = self.reader.record(0, LOCAL.len())?;
        let message = if SPLIT_STARTS.contains(&head) {
            "it is a part of a split zip, and the directory is in the last part; put them together: zip -s 0"
        } else {
            "it ends without a directory of its members"
        };
        self.listing.damaged(Some(self.reader.bytes), message.to_owned());
        Ok(())
    }
}

fn printable(name: &[u8]) -> String {
    crate::error::printable(&String::from_utf8_lossy(name))
}

fn packing(member: &MemberHeader) -> Packing {
    let MemberHeader { method, packed, crc32, .. } = *member;
    match method {
        _ if member.is_encrypted() => Packing::Unsupported("an encrypted member of a zip"),
        STORED => Packing::Zipped { is_deflated: false, bytes: packed, crc32 },
        DEFLATED => Packing::Zipped { is_deflated: true, bytes: packed, crc32 },
        9 => Packing::Unsupported("a member of a zip that is packed by Deflate64"),
        12 => Packing::Unsupported("a member of a zip that is packed by bzip2"),
        14 => Packing::Unsupported("a member of a zip that is packed by LZMA"),
        93 => Packing::Unsupported("a member of a zip that is packed by zstd"),
        95 => Packing::Unsupported("a member of a zip that is packed by xz"),
        _ => Packing::Unsupported("a member of a zip that is neither stored nor deflated"),
    }
}
