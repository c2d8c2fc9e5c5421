//! The members of a zip, found the slow way: byte by byte from the front, each proved by its checksum.
//!
//! APPNOTE.TXT makes the directory at the end authoritative. Here only its position is used, to skip it: every local header
//! in a file outside of members, directories and ends is a member, listed or not.

use std::io::Read as _;

use super::{ReferenceArchive, reference_archive};

/// The content of a zip.
#[derive(Debug, Default)]
pub struct ReferenceZip {
    /// Names with their prefix, and contents; those of one name in file order.
    pub members: Vec<(String, Vec<u8>)>,
    /// Whether some of its bytes belong to a member that cannot be read, or a directory is missing.
    pub is_damaged: bool,
}

/// Reads a zip, and the zips that are stored in it.
pub fn reference_zip(file: &[u8]) -> ReferenceZip {
    let mut zip = ReferenceZip::default();
    let mut names: Vec<Vec<u8>> = Vec::new();
    let (mut at, mut has_open_members, mut has_end) = (0, false, false);
    // After the last thing that was recognised.
    let mut edge = 0;
    while at < file.len() {
        if let Some(end) = end_of_zip(file, at) {
            zip.is_damaged |= end > file.len();
            (at, edge, has_open_members, has_end) = (end, end, false, true);
            continue;
        }
        let rest = &file[at..];
        let is_cut_start = at == edge && rest.len() < 4 && b"PK\x03\x04".starts_with(rest);
        if !is_cut_start && !rest.starts_with(b"PK\x03\x04") {
            at += 1;
            continue;
        }
        match member(rest) {
            Seen::Nothing => at += 1,
            Seen::Cut => {
                (zip.is_damaged, has_open_members) = (true, true);
                at += 1;
            }
            Seen::Member { name, is_stored, bytes, length } => {
                let before = names.iter().filter(|known| **known == name).count();
                let number = if before > 0 { format!("#{}", before + 1) } else { String::new() };
                let shown = escaped(&name) + &number;
                if is_stored && name.ends_with(b".zip") {
                    let inner = reference_zip(&bytes);
                    zip.is_damaged |= inner.is_damaged;
                    zip.members
                        .extend(inner.members.into_iter().map(|(name, bytes)| (format!("{shown}!{name}"), bytes)));
                } else {
                    zip.members.push((shown, bytes));
                }
                names.push(name);
                at += length;
                edge = at;
                has_open_members = true;
            }
        }
    }
    // A file that neither begins nor ends like a zip, nor holds a member, is something else.
    zip.is_damaged |= has_open_members || (!has_end && file.starts_with(b"PK"));
    zip
}

/// The expected result for the members of a zip with this name.
pub fn reference_members(uri: &str, zip: &ReferenceZip) -> Vec<(String, ReferenceArchive)> {
    let archive = |(name, bytes): &(String, Vec<u8>)| {
        let uri = format!("{uri}!{name}");
        let archive = reference_archive(&uri, bytes);
        (uri, archive)
    };
    zip.members.iter().map(archive).collect()
}

fn escaped(name: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~$&'()*+,;=:@".contains(byte);
    name.iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A little-endian number of this many bytes.
fn number(bytes: &[u8], at: usize, count: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(count)?)?;
    bytes.iter().rev().try_fold(0_usize, |number, byte| number.checked_mul(256)?.checked_add(usize::from(*byte)))
}

/// The position after the end record that begins here, if one does: its directory is right before it, or empty. Its
/// comment may be cut.
fn end_of_zip(file: &[u8], at: usize) -> Option<usize> {
    let rest = file[at..].strip_prefix(b"PK\x05\x06").filter(|rest| rest.len() >= 18)?;
    let wide = at.checked_sub(76).filter(|at| file[*at..].starts_with(b"PK\x06\x06"));
    let (entries, bytes, end) = match wide {
        Some(at) => (number(file, at + 32, 8)?, number(file, at + 40, 8)?, at),
        None => (number(rest, 6, 2)?, number(rest, 8, 4)?, at),
    };
    let directory = file.get(end.checked_sub(bytes)?..end)?;
    let (mut found, mut place) = (0, 0);
    while directory[place..].starts_with(b"PK\x01\x02") {
        let more = [28, 30, 32].into_iter().map(|field| number(directory, place + field, 2)).sum::<Option<usize>>()?;
        place = Some(place + 46 + more).filter(|place| *place <= directory.len())?;
        found += 1;
    }
    let is_whole = found == entries && place == directory.len();
    is_whole.then_some(at + 22 + number(rest, 16, 2)?)
}

enum Seen {
    /// No member.
    Nothing,
    /// A member without an end, or its beginning.
    Cut,
    Member {
        name: Vec<u8>,
        is_stored: bool,
        bytes: Vec<u8>,
        /// With its header and its descriptor.
        length: usize,
    },
}

/// The member that begins where these bytes do.
fn member(rest: &[u8]) -> Seen {
    // Fields that no header has, as far as they are there.
    let is_none = |at: usize, is_none: &dyn Fn(usize) -> bool| number(rest, at, 2).is_some_and(is_none);
    if is_none(4, &|version| version > 99)
        || is_none(6, &|flags| flags & !(8 | 2_048) != 0)
        || is_none(8, &|method| ![0, 8].contains(&method))
    {
        return Seen::Nothing;
    }
    let lengths = (number(rest, 26, 2), number(rest, 28, 2));
    let (Some(flags), Some(method), (Some(name), Some(extra))) = (number(rest, 6, 2), number(rest, 8, 2), lengths)
    else {
        return Seen::Cut;
    };
    let start = 30 + name + extra;
    let (Some(name), Some(body)) = (rest.get(30..30 + name), rest.get(start..)) else { return Seen::Cut };
    if name.is_empty() || name.contains(&0) {
        return Seen::Nothing;
    }
    let field = |at: usize, wide: usize| match number(rest, at, 4) {
        Some(0xffff_ffff) => number(rest, wide, 8),
        size => size,
    };
    // The only extra field that the tests write is that of zip64: size, then packed size.
    let (packed, bytes) = (field(18, 30 + name.len() + 12), field(22, 30 + name.len() + 4));
    let crc = number(rest, 14, 4);
    let is_stored = method == 0;
    let seen = |bytes: Vec<u8>, length: usize| Seen::Member { name: name.to_vec(), is_stored, bytes, length };
    if flags & 8 == 0 {
        let unpacked = packed.and_then(|packed| Some((packed, unpacked(body.get(..packed)?, is_stored)?)));
        return match unpacked {
            Some((packed, text)) if Some(text.len()) == bytes && crc == Some(checksum(&text)) => {
                seen(text, start + packed)
            }
            _ => Seen::Cut,
        };
    }
    // Every position at which it may end, from the front.
    for packed in 0..=body.len() {
        let behind = &body[packed..];
        let signed = behind.strip_prefix(b"PK\x07\x08").map(|behind| (behind, 4));
        for (fields, before) in signed.into_iter().chain([(behind, 0)]) {
            for width in [4, 8] {
                let sizes = (number(fields, 4, width), number(fields, 4 + width, width));
                if sizes.0 != Some(packed) {
                    continue;
                }
                if let Some(text) = unpacked(&body[..packed], is_stored)
                    && sizes.1 == Some(text.len())
                    && number(fields, 0, 4) == Some(checksum(&text))
                {
                    return seen(text, start + packed + before + 4 + 2 * width);
                }
            }
        }
    }
    Seen::Cut
}

fn unpacked(stored: &[u8], is_stored: bool) -> Option<Vec<u8>> {
    if is_stored {
        return Some(stored.to_vec());
    }
    let mut text = Vec::new();
    flate2::read::DeflateDecoder::new(stored).read_to_end(&mut text).ok()?;
    Some(text)
}

fn checksum(bytes: &[u8]) -> usize {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum() as usize
}
