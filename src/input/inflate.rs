//! Bytes of a file to text.
//!
//! In: a file as stored. Out: its text, and what is wrong with its compression. Never: trusts a size that the file
//! claims, or calls bytes certain whose checksum is wrong.

use std::io::Read;

use flate2::bufread::GzDecoder;
use libdeflater::Decompressor;
use memchr::memmem;

use super::{MAGIC, MEMBER_START};
use crate::error::{Finding, Reason};

/// DEFLATE cannot do better than 1,032 to 1.
const MAX_RATIO: usize = 1_032;
const TRAILER_BYTES: usize = 8;
/// The flags of a member's header, and the one for a checksum of it.
const FLAGS_AT: usize = 3;
const HEADER_CHECKSUM: u8 = 2;

/// Gunzips with reused buffers.
pub(crate) struct Inflater {
    decompressor: Decompressor,
    text: Vec<u8>,
}

/// What came of a file.
#[derive(Debug)]
pub(crate) enum Inflated {
    /// The text; with a finding when the file is damaged behind it.
    Text(usize, Option<Finding>),
    /// No byte is certain.
    Refused(Finding),
    /// More text than wanted.
    TooLarge,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { decompressor: Decompressor::new(), text: Vec::new() }
    }
}

impl Inflater {
    /// The text of the last call; `length` is what it returned.
    pub(crate) fn text(&self, length: usize) -> &[u8] {
        &self.text[..length]
    }

    /// Inflates a file of at most `limit` bytes of text; a file that is not gzip is its own text.
    pub(crate) fn inflate(&mut self, stored: &[u8], limit: usize) -> Inflated {
        if !stored.starts_with(MAGIC) {
            if stored.len() > limit {
                return Inflated::TooLarge;
            }
            if self.text.len() < stored.len() {
                self.text.resize(stored.len(), 0);
            }
            self.text[..stored.len()].copy_from_slice(stored);
            return Inflated::Text(stored.len(), None);
        }
        match self.inflate_single_member(stored, limit) {
            Some(length) => Inflated::Text(length, None),
            None => self.inflate_members(stored, limit),
        }
    }

    /// The usual file: one member, whose last four bytes tell the size of the text. `None` when it is anything else.
    fn inflate_single_member(&mut self, stored: &[u8], limit: usize) -> Option<usize> {
        let claim = stored.last_chunk()?;
        let claimed = u32::from_le_bytes(*claim) as usize;
        let is_plausible = claimed <= limit && claimed <= stored.len().saturating_mul(MAX_RATIO);
        // libdeflate stops behind the first member without a word; a second one starts with these bytes.
        let has_one_start = memmem::find(&stored[1..], MEMBER_START).is_none();
        // Whatever else may follow: the size is at the member's end, and nowhere else.
        let has_one_end = memmem::find(&stored[..stored.len() - 1], claim).is_none();
        // Nor does it look at the checksum of the header.
        let has_header_checksum = stored.get(FLAGS_AT)? & HEADER_CHECKSUM != 0;
        if !is_plausible || !has_one_start || !has_one_end || has_header_checksum || stored.len() < TRAILER_BYTES {
            return None;
        }
        if self.text.len() < claimed {
            self.text.resize(claimed, 0);
        }
        let length = self.decompressor.gzip_decompress(stored, &mut self.text[..claimed]).ok()?;
        (length == claimed).then_some(length)
    }

    /// Any file, member by member.
    fn inflate_members(&mut self, stored: &[u8], limit: usize) -> Inflated {
        self.text.clear();
        let mut rest = stored;
        loop {
            let member_at = stored.len() - rest.len();
            let certain = self.text.len();
            let mut decoder = GzDecoder::new(rest);
            let room = (limit - self.text.len()) as u64 + 1;
            let read = (&mut decoder).take(room).read_to_end(&mut self.text);
            if self.text.len() > limit {
                return Inflated::TooLarge;
            }
            if let Err(error) = read {
                return self.refuse(stored, member_at, certain, &error);
            }
            rest = decoder.into_inner();
            let garbage_at = stored.len() - rest.len();
            if rest.starts_with(MEMBER_START) {
                continue;
            }
            let finding = super::trailing_garbage(garbage_at as u64, rest.to_vec());
            return Inflated::Text(self.text.len(), finding);
        }
    }

    fn refuse(&self, stored: &[u8], member_at: usize, certain: usize, error: &std::io::Error) -> Inflated {
        let finding = super::gzip_damage(error, stored.len() as u64, member_at as u64, stored.to_vec());
        let is_truncated = finding.reason == Reason::GzipTruncated;
        // What was inflated before a clean cut is what was stored. A wrong bit leaves nothing of its member to rely on;
        // the members before it have checksums of their own.
        let kept = if is_truncated { self.text.len() } else { certain };
        if kept > 0 { Inflated::Text(kept, Some(finding)) } else { Inflated::Refused(finding) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    fn inflate(stored: &[u8]) -> (Vec<u8>, Option<Reason>) {
        let mut inflater = Inflater::default();
        match inflater.inflate(stored, 1 << 20) {
            Inflated::Text(length, finding) => (inflater.text(length).to_vec(), finding.map(|finding| finding.reason)),
            Inflated::Refused(finding) => (Vec::new(), Some(finding.reason)),
            Inflated::TooLarge => (Vec::new(), Some(Reason::InflatedTooLarge)),
        }
    }

    #[test]
    fn every_member_counts_even_the_same_one_twice() {
        let one = gzip(b"{\"Records\":[]}");
        assert_eq!(inflate(&one), (b"{\"Records\":[]}".to_vec(), None));
        assert_eq!(inflate(&[one.clone(), one.clone()].concat()).0, b"{\"Records\":[]}{\"Records\":[]}");
        assert_eq!(inflate(&[one.clone(), gzip(b""), gzip(b" [] ")].concat()).0, b"{\"Records\":[]} [] ");
        assert_eq!(inflate(&[one, vec![0; 512]].concat()), (b"{\"Records\":[]}".to_vec(), None));
    }

    #[test]
    fn damage_is_told_apart() {
        let text: Vec<u8> =
            (0..50_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_string().into_bytes()).collect();
        let whole = gzip(&text);
        assert_eq!(
            inflate(&[whole.clone(), b"junk".to_vec()].concat()),
            (text.clone(), Some(Reason::GzipTrailingGarbage))
        );
        let (prefix, reason) = inflate(&whole[..whole.len() / 2]);
        assert_eq!(reason, Some(Reason::GzipTruncated));
        assert!(!prefix.is_empty() && text.starts_with(&prefix));
        assert_eq!(inflate(&whole[..whole.len() - 4]), (text.clone(), Some(Reason::GzipTruncated)));
        let mut wrong_checksum = whole.clone();
        let at = wrong_checksum.len() - 8;
        wrong_checksum[at] ^= 1;
        assert_eq!(inflate(&wrong_checksum), (Vec::new(), Some(Reason::GzipCorrupt)));
        let mut wrong_header_checksum = whole.clone();
        wrong_header_checksum[FLAGS_AT] |= HEADER_CHECKSUM;
        wrong_header_checksum.splice(10..10, [0, 0]);
        assert_eq!(inflate(&wrong_header_checksum), (Vec::new(), Some(Reason::GzipCorrupt)));
        let mut flipped = whole;
        let at = flipped.len() / 2;
        flipped[at] ^= 0x10;
        assert_eq!(inflate(&flipped).1, Some(Reason::GzipCorrupt));
        let second_is_bad = [gzip(b"{}"), wrong_checksum].concat();
        assert_eq!(inflate(&second_is_bad), (b"{}".to_vec(), Some(Reason::GzipCorrupt)));
    }

    #[test]
    fn what_ends_like_the_member_before_is_garbage_all_the_same() {
        let member = gzip(b"{\"Records\":[]}");
        let mut no_member = member.clone();
        no_member[2] = 7;
        for garbage in [&member[member.len() - 4..], &member[member.len() - 8..], &no_member] {
            let (text, reason) = inflate(&[&member, garbage].concat());
            assert_eq!((text.as_slice(), reason), (b"{\"Records\":[]}".as_slice(), Some(Reason::GzipTrailingGarbage)));
        }
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let bomb = gzip(&vec![b' '; 2 << 20]);
        assert_eq!(inflate(&bomb).1, Some(Reason::InflatedTooLarge));
        assert_eq!(inflate(&vec![b'x'; 2 << 20]).1, Some(Reason::InflatedTooLarge));
    }
}
