//! The records of a zip (APPNOTE.TXT 6.3).
//!
//! In: bytes where a record may begin. Out: its fields, with zip64 values filled in. Never: reads on its own, or
//! accepts a record by its signature alone.

/// Before each member.
pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// After a member whose sizes were not known before it was written; also the beginning of a split zip.
pub(super) const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// At the end of a zip.
pub(super) const END: [u8; 4] = *b"PK\x05\x06";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
/// Before that, where numbers need 64 bits; an empty zip begins with it.
pub(super) const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR: &[u8; 4] = b"PK\x06\x07";

pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

const ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// Bits that are never set.
const UNUSED_FLAGS: u16 = 0b1101_0111_1000_0000;
/// The latest version of the format, times ten, with some room.
const LATEST_VERSION: u16 = 99;
/// The highest assigned number of a host system.
const LATEST_SYSTEM: u16 = 30;

/// The extra field for values that do not fit into 32 bits, and their placeholder.
const ZIP64: u16 = 1;
const IN_EXTRA: u64 = 0xffff_ffff;
const DISK_IN_EXTRA: u32 = 0xffff;

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn length(bytes: &[u8], at: usize) -> Option<usize> {
    short(bytes, at).map(usize::from)
}

/// The fields that both headers of a member share.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberHeader {
    flags: u16,
    pub(super) method: u16,
    time: u16,
    date: u16,
    pub(super) crc32: u32,
    /// Compressed size.
    pub(super) packed: u64,
    /// Uncompressed size.
    pub(super) bytes: u64,
}

impl MemberHeader {
    /// Reads the fields that both headers have in the same order.
    fn parse(bytes: &[u8], at: usize) -> Option<Self> {
        Some(Self {
            flags: short(bytes, at)?,
            method: short(bytes, at + 2)?,
            time: short(bytes, at + 4)?,
            date: short(bytes, at + 6)?,
            crc32: word(bytes, at + 8)?,
            packed: word(bytes, at + 12)?.into(),
            bytes: word(bytes, at + 16)?.into(),
        })
    }

    pub(super) const fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    /// Whether its sizes and checksum follow it.
    pub(super) const fn has_descriptor(&self) -> bool {
        self.flags & HAS_DESCRIPTOR != 0
    }

    /// Whether it is empty: so are members that represent folders.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// When it was modified. A zip has local time without a zone; it only serves to distinguish versions.
    pub(super) fn modified_ms(&self) -> Option<i64> {
        let part = |field: u16, from: u16, bits: u16| i8::try_from(field >> from & ((1 << bits) - 1)).ok();
        let year = i16::try_from(1980 + (self.date >> 9)).ok()?;
        let date = jiff::civil::Date::new(year, part(self.date, 5, 4)?, part(self.date, 0, 5)?).ok()?;
        let second = part(self.time, 0, 5)?.checked_mul(2)?;
        let time = jiff::civil::Time::new(part(self.time, 11, 5)?, part(self.time, 5, 6)?, second, 0).ok()?;
        Some(date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
    }

    /// Takes sizes from the extra field, if they are there; the rest of the field.
    fn take_zip64<'a>(&mut self, extra: &'a [u8]) -> &'a [u8] {
        let mut field = zip64(extra).unwrap_or_default();
        for size in [&mut self.bytes, &mut self.packed] {
            if *size == IN_EXTRA
                && let Some((stated, rest)) = field.split_at_checked(8)
            {
                *size = long(stated, 0).unwrap_or(*size);
                field = rest;
            }
        }
        field
    }
}

/// The extra field of zip64.
fn zip64(extra: &[u8]) -> Option<&[u8]> {
    let mut rest = extra;
    loop {
        let (id, bytes) = (short(rest, 0)?, length(rest, 2)?);
        let field = rest.get(4..4 + bytes)?;
        if id == ZIP64 {
            return Some(field);
        }
        rest = &rest[4 + bytes..];
    }
}

/// The header before a member.
#[derive(Debug)]
pub(super) struct LocalHeader<'a> {
    pub(super) member: MemberHeader,
    pub(super) name: &'a [u8],
}

impl<'a> LocalHeader<'a> {
    /// Length up to the name.
    pub(super) const FIXED_BYTES: usize = 30;

    /// Length of the header that begins with these bytes; `None` when it is not one.
    pub(super) fn length(fixed: &[u8]) -> Option<usize> {
        let is_one = fixed.len() >= Self::FIXED_BYTES && fixed.starts_with(&LOCAL);
        is_one.then(|| Some(Self::FIXED_BYTES + length(fixed, 26)? + length(fixed, 28)?))?
    }

    /// Reads a complete header.
    pub(super) fn parse(header: &'a [u8]) -> Option<Self> {
        let (name, extra) =
            header.get(Self::FIXED_BYTES..Self::length(header)?)?.split_at_checked(length(header, 26)?)?;
        let mut member = MemberHeader::parse(header, 6)?;
        member.take_zip64(extra);
        Some(Self { member, name })
    }

    /// Whether a header may begin here, judged by all of its fields that are present.
    pub(super) fn may_begin(bytes: &[u8]) -> bool {
        let is_version = |version: u16| version & 0xff <= LATEST_VERSION && version >> 8 <= LATEST_SYSTEM;
        let is_method = |method: u16| matches!(method, 0..=10 | 12 | 14 | 16 | 18..=20 | 93..=99);
        bytes.starts_with(&LOCAL)
            && short(bytes, 4).is_none_or(is_version)
            && short(bytes, 6).is_none_or(|flags| flags & UNUSED_FLAGS == 0)
            && short(bytes, 8).is_none_or(is_method)
            && short(bytes, 26).is_none_or(|name_bytes| name_bytes > 0)
    }

    /// Whether its sizes are given here, and not only in the directory or after the member.
    pub(super) const fn has_sizes(&self) -> bool {
        let MemberHeader { packed, bytes, method, .. } = self.member;
        let is_stated = packed > 0 || (bytes == 0 && method == STORED);
        is_stated && !self.member.has_descriptor() && packed != IN_EXTRA && bytes != IN_EXTRA
    }

    /// Whether it contradicts the entry in the directory.
    pub(super) const fn contradicts(&self, listed: &MemberHeader) -> bool {
        let MemberHeader { method, packed, bytes, crc32, .. } = self.member;
        let is_same = packed == listed.packed && bytes == listed.bytes && (crc32 == 0 || crc32 == listed.crc32);
        let is_packed_same = method == listed.method && self.member.is_encrypted() == listed.is_encrypted();
        self.has_sizes() && packed > 0 && !(is_same && is_packed_same)
    }
}

/// A member in the directory.
#[derive(Debug)]
pub(super) struct CentralHeader<'a> {
    pub(super) member: MemberHeader,
    /// The file of a split zip that it begins in.
    pub(super) disk: u32,
    /// Where its local header is, from the beginning of the zip.
    pub(super) offset: u64,
    pub(super) name: &'a [u8],
}

impl<'a> CentralHeader<'a> {
    /// Length up to the name.
    pub(super) const FIXED_BYTES: usize = 46;

    /// Length of the header that begins with these bytes; `None` when it is not one.
    pub(super) fn length(fixed: &[u8]) -> Option<usize> {
        let is_one = fixed.len() >= Self::FIXED_BYTES && fixed.starts_with(CENTRAL);
        is_one.then(|| Some(Self::FIXED_BYTES + length(fixed, 28)? + length(fixed, 30)? + length(fixed, 32)?))?
    }

    /// Reads a complete header.
    pub(super) fn parse(header: &'a [u8]) -> Option<Self> {
        let rest = header.get(Self::FIXED_BYTES..Self::length(header)?)?;
        let (name, rest) = rest.split_at_checked(length(header, 28)?)?;
        let extra = rest.get(..length(header, 30)?)?;
        let mut member = MemberHeader::parse(header, 8)?;
        let mut field = member.take_zip64(extra);
        let (mut disk, mut offset) = (short(header, 34)?.into(), u64::from(word(header, 42)?));
        if offset == IN_EXTRA
            && let Some((stated, rest)) = field.split_at_checked(8)
        {
            (offset, field) = (long(stated, 0)?, rest);
        }
        if disk == DISK_IN_EXTRA {
            disk = word(field, 0).unwrap_or(disk);
        }
        Some(Self { member, disk, offset, name })
    }
}

/// The end record of a zip, which describes the directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndRecord {
    /// The file of a split zip that it is in.
    pub(super) disk: u32,
    pub(super) entries: u64,
    /// Length of the directory.
    pub(super) bytes: u64,
    /// Where the directory begins, from the beginning of the zip.
    pub(super) offset: u64,
    pub(super) is_zip64: bool,
}

impl EndRecord {
    /// Length up to the comment.
    pub(super) const FIXED_BYTES: usize = 22;
    /// Length of the zip64 record, without extensions.
    pub(super) const ZIP64_BYTES: usize = 56;
    /// Length of the record that locates it.
    pub(super) const LOCATOR_BYTES: usize = 20;

    /// Reads it; with the length of its comment.
    pub(super) fn parse(record: &[u8]) -> Option<(Self, u16)> {
        let is_one = record.len() >= Self::FIXED_BYTES && record.starts_with(&END);
        let end = Self {
            disk: short(record, 4)?.into(),
            entries: short(record, 10)?.into(),
            bytes: word(record, 12)?.into(),
            offset: word(record, 16)?.into(),
            is_zip64: false,
        };
        is_one.then_some((end, short(record, 20)?))
    }

    /// Where the zip64 record is, according to the locator before the end record.
    pub(super) fn zip64_offset(locator: &[u8]) -> Option<u64> {
        if locator.starts_with(LOCATOR) { long(locator, 8) } else { None }
    }

    /// Takes the fields of the zip64 record; with the length of that.
    pub(super) fn with_zip64(self, record: &[u8]) -> Option<(Self, u64)> {
        let bytes = long(record, 4)?.checked_add(12).filter(|bytes| *bytes >= Self::ZIP64_BYTES as u64)?;
        let end = Self {
            disk: word(record, 16)?,
            entries: long(record, 32)?,
            bytes: long(record, 40)?,
            offset: long(record, 48)?,
            is_zip64: true,
        };
        let agrees = |narrow: u64, wide: u64, in_zip64: u64| narrow == in_zip64 || narrow == wide;
        let is_same = agrees(self.entries, end.entries, 0xffff)
            && agrees(self.bytes, end.bytes, IN_EXTRA)
            && agrees(self.offset, end.offset, IN_EXTRA);
        (record.starts_with(&END64) && is_same).then_some((end, bytes))
    }

    /// Whether it declares this many members; 16 bits may have been too few for the number.
    pub(super) const fn counts(&self, entries: u64) -> bool {
        self.entries == entries || (!self.is_zip64 && self.entries == entries & 0xffff)
    }
}

/// The length of the data descriptor with these sizes that follows a member, if there is one. Those with a signature
/// are tried first, and zip before zip64.
pub(super) fn descriptor(behind: &[u8], packed: u64, bytes: u64, crc32: Option<u32>) -> Option<usize> {
    [true, false].into_iter().find_map(|is_signed| {
        let start = if is_signed { 4 } else { 0 };
        let fields = behind.get(start..)?;
        let has_signature = !is_signed || behind.starts_with(&DESCRIPTOR);
        let has_crc = crc32.is_none_or(|crc32| word(fields, 0) == Some(crc32));
        let narrow = [(4, packed), (8, bytes)].iter().all(|(at, size)| word(fields, *at).map(u64::from) == Some(*size));
        let wide = [(4, packed), (12, bytes)].iter().all(|(at, size)| long(fields, *at) == Some(*size));
        let length = if wide { 20 } else { 12 };
        (has_signature && has_crc && (narrow || wide)).then_some(start + length)
    })
}

/// Length of the longest data descriptor.
pub(super) const DESCRIPTOR_BYTES: usize = 24;
