//! The directories of a zip.
//!
//! In: a stretch of a file. Out: the last directory that ends in it, and its raw entries. Never: merges entries of
//! one name, or mistakes the end of a zip that is a member for the end of the zip around it.

use std::io;
use std::ops::Range;

use super::blocks::BlockReader;
use super::records::{CentralHeader, END, EndRecord, LOCAL, LocalHeader, MemberHeader};
use crate::input::container::MAX_MEMBERS;

/// A directory that was found.
#[derive(Debug)]
pub(super) struct Directory {
    /// Where its entries should be.
    pub(super) entries: Range<u64>,
    /// The end record with its comment, which may be truncated.
    pub(super) end: Range<u64>,
    pub(super) record: EndRecord,
    /// Added to its offsets: bytes before the zip move them.
    shift: i128,
}

/// An entry of a directory.
#[derive(Debug)]
pub(super) struct DirectoryEntry {
    /// Its index among the entries.
    pub(super) number: u64,
    /// Where its local header should be; `None` when that is before the file.
    pub(super) header: Option<u64>,
    /// The file of a split zip that it begins in.
    pub(super) disk: u32,
    pub(super) name: Vec<u8>,
    pub(super) member: MemberHeader,
}

impl Directory {
    /// Finds the last directory that ends in a stretch, and does not belong to a member.
    pub(super) fn find_last(
        reader: &mut BlockReader,
        stretch: &Range<u64>,
        outlines: &mut Outlines,
    ) -> io::Result<Option<Self>> {
        let mut end = stretch.end;
        while let Some(found) = reader.find_last(END, stretch.start..end)? {
            end = found;
            let Some(directory) = Self::at(reader, found, stretch)? else { continue };
            // A zip that begins with the stretch, or is preceded only by other bytes, is not inside a member.
            let first = directory.place(0).unwrap_or_default().min(found);
            if first <= stretch.start || first <= outlines.first_header(reader)? {
                return Ok(Some(directory));
            }
            let member = outlines.around(reader, found)?;
            match member.filter(|member| member.start >= stretch.start && member.end <= stretch.end) {
                Some(member) => end = member.start,
                None => return Ok(Some(directory)),
            }
        }
        Ok(None)
    }

    /// Whether a zip ends at the end of a file, with a directory that has as many entries as it says.
    pub(super) fn ends(reader: &mut BlockReader) -> io::Result<bool> {
        const LONGEST_COMMENT: u64 = 0xffff;
        // More than a few end records are no coincidence, and each may name a large directory.
        const MOST_TRIED: usize = 16;
        let bytes = reader.bytes;
        let start = bytes.saturating_sub(LONGEST_COMMENT + EndRecord::FIXED_BYTES as u64);
        let mut end = bytes;
        for _ in 0..MOST_TRIED {
            let Some(found) = reader.find_last(END, start..end)? else { break };
            end = found;
            if let Some(directory) = Self::at(reader, found, &(0..bytes))? {
                let (listed, end) = directory.read(reader, MAX_MEMBERS)?;
                if directory.record.counts(listed.len() as u64) && end == directory.entries.end {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The directory before an end record, if all of it is in a stretch.
    fn at(reader: &mut BlockReader, at: u64, stretch: &Range<u64>) -> io::Result<Option<Self>> {
        let fixed = reader.record(at, EndRecord::FIXED_BYTES)?;
        let Some((record, comment_bytes)) = EndRecord::parse(fixed) else { return Ok(None) };
        let (record, end_at) = Self::with_zip64(reader, record, at)?.unwrap_or((record, at));
        let end = end_at..at + EndRecord::FIXED_BYTES as u64 + u64::from(comment_bytes);
        let before = end_at.checked_sub(record.bytes);
        let shift = i128::from(end_at) - i128::from(record.offset);
        let mut directory = Self { entries: end_at..end_at, end, record, shift };
        if record.bytes == 0 {
            return Ok((record.entries == 0).then_some(directory));
        }
        // It is before its end record, or else where that says.
        let stated = record.offset.checked_add(record.bytes).filter(|end| *end <= end_at).map(|_| record.offset);
        for start in [before, stated].into_iter().flatten().filter(|start| *start >= stretch.start) {
            directory.entries = start..start + record.bytes;
            // In a split zip, offsets count from the beginning of the file of the entry.
            directory.shift = if record.disk == 0 { i128::from(start) - i128::from(record.offset) } else { 0 };
            let Some(first) = directory.first_header(reader)? else { continue };
            // The gap may be just before the directory, so that the offsets before it are not moved.
            if directory.shift != 0 && !is_local(reader, directory.place(first))? && is_local(reader, Some(first))? {
                directory.shift = 0;
            }
            return Ok(Some(directory));
        }
        Ok(None)
    }

    /// The end record with the values of zip64, and the position of that record.
    fn with_zip64(reader: &mut BlockReader, record: EndRecord, at: u64) -> io::Result<Option<(EndRecord, u64)>> {
        let Some(locator_at) = at.checked_sub(EndRecord::LOCATOR_BYTES as u64) else { return Ok(None) };
        let locator = reader.record(locator_at, EndRecord::LOCATOR_BYTES)?;
        let Some(stated) = EndRecord::zip64_offset(locator) else { return Ok(None) };
        // Bytes before the zip have moved it, too.
        let before = locator_at.checked_sub(EndRecord::ZIP64_BYTES as u64);
        for start in [before, Some(stated)].into_iter().flatten() {
            let wide = record.with_zip64(reader.record(start, EndRecord::ZIP64_BYTES)?);
            if let Some((record, bytes)) = wide
                && start.checked_add(bytes) == Some(locator_at)
            {
                return Ok(Some((record, start)));
            }
        }
        Ok(None)
    }

    /// Where the first entry says that its member is.
    fn first_header(&self, reader: &mut BlockReader) -> io::Result<Option<u64>> {
        Ok(read_entry(reader, self.entries.clone())?.map(|(entry, _)| entry.offset))
    }

    /// A stated offset as one of the file.
    fn place(&self, stated: u64) -> Option<u64> {
        u64::try_from(i128::from(stated) + self.shift).ok()
    }

    /// Reads its entries, at most `most`, as far as they are valid; and where they end.
    pub(super) fn read(&self, reader: &mut BlockReader, most: usize) -> io::Result<(Vec<DirectoryEntry>, u64)> {
        let mut listed = Vec::new();
        let mut rest = self.entries.clone();
        while listed.len() < most {
            let Some((entry, bytes)) = read_entry(reader, rest.clone())? else { break };
            let CentralHeader { member, disk, offset, name } = entry;
            let number = listed.len() as u64;
            listed.push(DirectoryEntry { number, header: self.place(offset), disk, name: name.to_vec(), member });
            rest.start += bytes;
        }
        Ok((listed, rest.start))
    }
}

/// The extents of members by the sizes in their headers, computed on demand: a zip that is a member has its own end record,
/// which is not that of the zip around it, though the file may be truncated before that.
#[derive(Debug, Default)]
pub(super) struct Outlines {
    first_header: Option<u64>,
    members: Option<Vec<Range<u64>>>,
}

impl Outlines {
    /// Where the first member of the file may begin.
    fn first_header(&mut self, reader: &mut BlockReader) -> io::Result<u64> {
        let first = match self.first_header {
            Some(first) => first,
            None => reader.find(LOCAL, 0..reader.bytes)?.unwrap_or(reader.bytes),
        };
        Ok(*self.first_header.insert(first))
    }

    /// The member that contains a position, header included.
    fn around(&mut self, reader: &mut BlockReader, at: u64) -> io::Result<Option<Range<u64>>> {
        let members = match self.members.take() {
            Some(members) => members,
            None => Self::of(reader)?,
        };
        let number = members.partition_point(|member| member.end <= at);
        let around = members.get(number).filter(|member| member.start <= at).cloned();
        self.members = Some(members);
        Ok(around)
    }

    /// Goes through a file member by member.
    fn of(reader: &mut BlockReader) -> io::Result<Vec<Range<u64>>> {
        let (bytes, mut at, mut members) = (reader.bytes, 0, Vec::new());
        while let Some(header) = reader.find(LOCAL, at..bytes)? {
            at = header + 1;
            let fixed = reader.record(header, LocalHeader::FIXED_BYTES)?;
            let Some(length) = LocalHeader::length(fixed).filter(|_| LocalHeader::may_begin(fixed)) else { continue };
            let Some(local) = LocalHeader::parse(reader.record(header, length)?) else { continue };
            let end = (header + length as u64).saturating_add(local.member.packed);
            if local.has_sizes() && end <= bytes {
                members.push(header..end);
                at = end;
            }
        }
        Ok(members)
    }
}

/// The entry at the beginning of a range, with its length; `None` when there is none, or it is incomplete.
fn read_entry(reader: &mut BlockReader, range: Range<u64>) -> io::Result<Option<(CentralHeader<'_>, u64)>> {
    let fixed = reader.ahead(range.start, CentralHeader::FIXED_BYTES)?;
    let Some(length) = CentralHeader::length(fixed) else { return Ok(None) };
    if length as u64 > range.end - range.start {
        return Ok(None);
    }
    let header = reader.ahead(range.start, length)?;
    Ok(CentralHeader::parse(header).map(|header| (header, length as u64)))
}

fn is_local(reader: &mut BlockReader, at: Option<u64>) -> io::Result<bool> {
    let Some(at) = at else { return Ok(false) };
    Ok(LocalHeader::length(reader.record(at, LocalHeader::FIXED_BYTES)?).is_some())
}
