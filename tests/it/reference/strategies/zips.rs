//! Zips, written by the specification, and changes to them.
//!
//! Every file comes with the members that it holds whole, which a reader has to find.

use std::io::Write as _;

use super::Tape;

/// How a member ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its sizes are in its header.
    InHeader,
    /// They are after it, with a signature.
    Signed,
    /// They are after it, without one.
    Bare,
    /// They are after it, in 64 bits each.
    Wide,
}

/// A member to be written.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    pub bytes: Vec<u8>,
    pub is_deflated: bool,
    pub ending: Ending,
    pub is_listed: bool,
    /// Whether its sizes and place are in the extra field of zip64.
    pub is_wide: bool,
}

impl Part {
    /// A stored member with nothing special.
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.to_owned(), bytes.into());
        Self { name, bytes, is_deflated: false, ending: Ending::InHeader, is_listed: true, is_wide: false }
    }

    pub fn deflated(self) -> Self {
        Self { is_deflated: true, ..self }
    }

    pub fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }

    pub fn unlisted(self) -> Self {
        Self { is_listed: false, ..self }
    }

    pub fn wide(self) -> Self {
        Self { is_wide: true, ..self }
    }
}

/// A zip being written.
#[derive(Clone, Debug, Default)]
pub struct ZipWriter {
    pub file: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
    /// Where the zip begins in the file.
    start: usize,
}

fn narrow(number: usize) -> [u8; 2] {
    u16::try_from(number).expect("a small number").to_le_bytes()
}

fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("a small number").to_le_bytes()
}

fn wide(number: usize) -> [u8; 8] {
    (number as u64).to_le_bytes()
}

impl ZipWriter {
    /// A zip after other bytes that its offsets do not count.
    pub fn behind(file: Vec<u8>) -> Self {
        Self { start: file.len(), file, ..Self::default() }
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.file.extend_from_slice(bytes);
        self
    }

    /// Writes a member.
    pub fn add(&mut self, part: &Part) -> &mut Self {
        let offset = self.file.len() - self.start;
        let mut crc = flate2::Crc::new();
        crc.update(&part.bytes);
        let crc = crc.sum().to_le_bytes();
        let stored = if part.is_deflated { deflated(&part.bytes) } else { part.bytes.clone() };
        let (packed, bytes) = (stored.len(), part.bytes.len());
        let in_header = part.ending == Ending::InHeader;
        let flags = narrow(if in_header { 0 } else { 8 });
        let method = narrow(if part.is_deflated { 8 } else { 0 });
        let sizes = if part.is_wide { [[0xff; 4]; 2] } else { [word(packed), word(bytes)] };
        // Version, flags, method, time, date, checksum, sizes, lengths of name and extra field.
        let fields = |flags: &[u8], crc: &[u8], sizes: &[[u8; 4]; 2], extra: &[u8]| {
            let [packed, bytes] = sizes;
            [
                &narrow(20)[..],
                flags,
                &method,
                &[0, 0, 0x61, 0x5a],
                crc,
                packed,
                bytes,
                &narrow(part.name.len()),
                &narrow(extra.len()),
            ]
            .concat()
        };
        let extra =
            if part.is_wide { [&narrow(1)[..], &narrow(16), &wide(bytes), &wide(packed)].concat() } else { Vec::new() };
        let local =
            if in_header { fields(&flags, &crc, &sizes, &extra) } else { fields(&flags, &[0; 4], &[[0; 4]; 2], &[]) };
        let local_extra: &[u8] = if in_header { &extra } else { &[] };
        let parts = [b"PK\x03\x04", local.as_slice(), part.name.as_bytes(), local_extra, &stored];
        self.file.extend(parts.concat());
        let descriptor = match part.ending {
            Ending::InHeader => Vec::new(),
            Ending::Signed => [b"PK\x07\x08", &crc[..], &word(packed), &word(bytes)].concat(),
            Ending::Bare => [&crc[..], &word(packed), &word(bytes)].concat(),
            Ending::Wide => [b"PK\x07\x08", &crc[..], &wide(packed), &wide(bytes)].concat(),
        };
        self.file.extend(descriptor);
        if part.is_listed {
            let extra = if part.is_wide {
                [&narrow(1)[..], &narrow(24), &wide(bytes), &wide(packed), &wide(offset)].concat()
            } else {
                Vec::new()
            };
            let offset = if part.is_wide { [0xff; 4] } else { word(offset) };
            let central = [&narrow(20)[..], &fields(&flags, &crc, &sizes, &extra), &[0; 10], &offset].concat();
            self.directory.extend([b"PK\x01\x02", central.as_slice(), part.name.as_bytes(), &extra].concat());
            self.entries += 1;
        }
        self
    }

    /// Writes the directory and the end; more may follow.
    pub fn end(&mut self, comment: &[u8]) -> &mut Self {
        let (entries, bytes, offset) = self.write_directory();
        let entries = narrow(entries);
        let fields = [&[0; 4][..], &entries, &entries, &word(bytes), &word(offset), &narrow(comment.len())].concat();
        self.file.extend([b"PK\x05\x06", fields.as_slice(), comment].concat());
        self
    }

    /// As [`ZipWriter::end`], in the form of zip64.
    pub fn end_wide(&mut self) -> &mut Self {
        let (entries, bytes, offset) = self.write_directory();
        let record = self.file.len() - self.start;
        let entries = wide(entries);
        let fields =
            [&wide(44)[..], &narrow(45), &narrow(45), &[0; 8], &entries, &entries, &wide(bytes), &wide(offset)];
        self.file.extend([b"PK\x06\x06", fields.concat().as_slice()].concat());
        self.file.extend([b"PK\x06\x07", &[0; 4][..], &wide(record), &word(1)].concat());
        self.file.extend([b"PK\x05\x06", &[0; 4][..], &[0xff; 12], &[0; 2]].concat());
        self
    }

    fn write_directory(&mut self) -> (usize, usize, usize) {
        let offset = self.file.len() - self.start;
        self.file.extend_from_slice(&self.directory);
        (self.entries.into(), self.directory.len(), offset)
    }

    /// Begins another zip after this one.
    pub fn begin(&mut self) -> &mut Self {
        *self = Self::behind(std::mem::take(&mut self.file));
        self
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A drawn file: zips and changes that people make to them.
#[derive(Clone, Debug)]
pub struct ZipFile {
    pub bytes: Vec<u8>,
    /// Ids of the events that were put into it.
    pub ids: Vec<String>,
    /// Whether a bit was flipped, so that a reader only has to report it.
    pub is_flipped: bool,
    /// Whether the directories list all of them.
    pub is_listed: bool,
}

/// A file of zips, drawn from these words alone.
pub fn zip_of(words: &[u16]) -> ZipFile {
    let mut tape = Tape::new(words);
    let cut = tape.one_in(4);
    let flip = tape.one_in(5) && !cut;
    let (cut_at, flip_at) = (usize::from(tape.word()), usize::from(tape.word()));
    let (mut ids, mut is_listed) = (Vec::new(), true);
    let mut bytes = zips(&mut tape, &mut ids, &mut is_listed, true);
    if cut {
        bytes.truncate(1 + cut_at % bytes.len());
    }
    if flip {
        let at = flip_at % bytes.len();
        bytes[at] ^= 1 << (flip_at % 8);
    }
    ZipFile { bytes, ids, is_flipped: flip, is_listed }
}

fn zips(tape: &mut Tape, ids: &mut Vec<String>, is_listed: &mut bool, may_nest: bool) -> Vec<u8> {
    let mut writer = if may_nest && tape.one_in(5) {
        let prefix =
            tape.pick(&[&b"MZ\x90 a program"[..], b"#!/bin/sh\n", &[0; 100], b"PK\x03\x04 is how a zip begins"]);
        if tape.one_in(2) {
            ZipWriter::behind(prefix.to_vec())
        } else {
            std::mem::take(ZipWriter::default().bytes(prefix))
        }
    } else {
        ZipWriter::default()
    };
    for _ in 0..=tape.below(3) {
        for _ in 0..tape.below(5) {
            let part = part(tape, ids, is_listed, may_nest);
            *is_listed &= part.is_listed;
            writer.add(&part);
            if tape.one_in(8) {
                writer.bytes(tape.pick(&[
                    &[0; 3][..],
                    &[0; 200],
                    b"PK\x03\x04 and nothing behind it, but long enough",
                    b"\n",
                ]));
            }
        }
        let comment =
            tape.pick(&[&b""[..], b"", b"", b"a comment", b"PK\x03\x04PK\x05\x06 and so on, some more words"]);
        if tape.one_in(6) {
            writer.end_wide()
        } else {
            writer.end(comment)
        };
        if tape.one_in(2) {
            // Concatenated instead of appended to.
            writer.begin();
        }
    }
    writer.file
}

fn part(tape: &mut Tape, ids: &mut Vec<String>, is_listed: &mut bool, may_nest: bool) -> Part {
    let name = tape.pick(&["log.json", "a.json", "AWSLogs/1/b.json", r"C:\logs\c.json", "d e.json"]);
    if may_nest && tape.one_in(10) {
        return Part::new("inner.zip", zips(tape, ids, is_listed, false));
    }
    let id = format!("event-{:04}", ids.len());
    let text = format!(
        r#"{{"Records":[{{"eventVersion":"1.08","eventTime":"2025-03-01T08:15:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"{id}"}}]}}"#
    );
    ids.push(id);
    let is_deflated = tape.one_in(2);
    let ending = tape.pick(&[Ending::InHeader, Ending::InHeader, Ending::Signed, Ending::Bare, Ending::Wide]);
    let is_wide = ending == Ending::InHeader && tape.one_in(6);
    Part { name: name.to_owned(), bytes: text.into_bytes(), is_deflated, ending, is_listed: !tape.one_in(5), is_wide }
}
