//! Bytes of a file to text.
//!
//! In: a file as stored. Out: its text, and damage of its compression. Never: trusts a size that the file
//! claims, or calls bytes certain whose checksum is wrong.

use std::io::Read;

use libdeflater::Decompressor;
use memchr::memmem;

use super::MAX_LAYERS;
use super::encoding::{is_utf16, to_utf8};
use super::packing::{CompressionFormat, GZIP_START, MemberDecoder};
use crate::error::Finding;

/// The maximum compression ratio of DEFLATE is 1,032 to 1.
const MAX_RATIO: usize = 1_032;
const TRAILER_BYTES: usize = 8;
/// The flags in a member's header, and the one for a header checksum.
const FLAGS_AT: usize = 3;
const HEADER_CHECKSUM: u8 = 2;

/// Gunzips with reused buffers.
pub(crate) struct Inflater {
    decompressor: Decompressor,
    text: Vec<u8>,
    was_exact: bool,
}

/// The result of inflating a file.
#[derive(Debug)]
pub(crate) enum Inflated {
    /// The text; with a finding when the file is damaged after it.
    Text(usize, Option<Finding>),
    /// No byte is certain.
    Refused(Finding),
    /// More text than allowed.
    TooLarge,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { decompressor: Decompressor::new(), text: Vec::new(), was_exact: false }
    }
}

impl Inflater {
    /// The text of the last call; `length` is what it returned.
    pub(crate) fn text(&self, length: usize) -> &[u8] {
        &self.text[..length]
    }

    /// Whether the text of the last call is exactly that of the file's only gzip member, or the file itself.
    pub(crate) const fn was_exact(&self) -> bool {
        self.was_exact
    }

    /// Unpacks a file to at most `limit` bytes of text, however often it is compressed; an uncompressed file is its own text.
    /// UTF-16 becomes UTF-8.
    pub(crate) fn inflate(&mut self, stored: &[u8], limit: usize) -> Inflated {
        let inflated = self.unpack(stored, limit);
        match inflated {
            Inflated::Text(length, finding) if is_utf16(self.text(length)) => {
                self.was_exact = false;
                self.text = to_utf8(self.text[..length].to_vec());
                if self.text.len() > limit { Inflated::TooLarge } else { Inflated::Text(self.text.len(), finding) }
            }
            inflated => inflated,
        }
    }

    fn unpack(&mut self, stored: &[u8], limit: usize) -> Inflated {
        let mut inflated = self.inflate_layer(stored, limit);
        for _ in 1..MAX_LAYERS {
            // Services compress what is compressed already.
            let Inflated::Text(length, finding) = &mut inflated else { break };
            if CompressionFormat::of(stored).is_none() || CompressionFormat::of(&self.text[..*length]).is_none() {
                break;
            }
            let (outer, finding) = (self.text[..*length].to_vec(), finding.take());
            if let Some(finding) = finding.as_ref().filter(|finding| finding.reason.is_corrupt()) {
                // Nothing shows which bytes inside would be right.
                return Inflated::Refused(finding.clone());
            }
            // The original that is kept of a damaged file is the file as stored.
            let of_file = |mut inner: Finding| {
                if !inner.reason.is_trailing_garbage() {
                    inner.original = stored.to_vec();
                }
                inner
            };
            inflated = match self.inflate_layer(&outer, limit) {
                Inflated::Text(length, inner) => Inflated::Text(length, inner.map(of_file).or(finding)),
                Inflated::Refused(inner) => Inflated::Refused(of_file(inner)),
                Inflated::TooLarge => Inflated::TooLarge,
            };
            self.was_exact = false;
        }
        inflated
    }

    fn inflate_layer(&mut self, stored: &[u8], limit: usize) -> Inflated {
        self.was_exact = true;
        match CompressionFormat::of(stored) {
            None if stored.len() > limit => Inflated::TooLarge,
            None => {
                if self.text.len() < stored.len() {
                    self.text.resize(stored.len(), 0);
                }
                self.text[..stored.len()].copy_from_slice(stored);
                Inflated::Text(stored.len(), None)
            }
            Some(packing) => {
                let single =
                    if packing == CompressionFormat::Gzip { self.inflate_single_member(stored, limit) } else { None };
                single
                    .map_or_else(|| self.inflate_members(packing, stored, limit), |length| Inflated::Text(length, None))
            }
        }
    }

    /// The usual file: one member, whose last four bytes are the size of the text. `None` for anything else.
    pub(super) fn inflate_single_member(&mut self, stored: &[u8], limit: usize) -> Option<usize> {
        let claim = stored.last_chunk()?;
        let claimed = u32::from_le_bytes(*claim) as usize;
        let is_plausible = claimed <= limit && claimed <= stored.len().saturating_mul(MAX_RATIO);
        // libdeflate silently stops after the first member; a second one starts with these bytes.
        let has_one_start = memmem::find(&stored[1..], GZIP_START).is_none();
        // Whatever else may follow: the size is at the member's end, and nowhere else.
        let has_one_end = memmem::find(&stored[..stored.len() - 1], claim).is_none();
        // libdeflate does not check the header's checksum either.
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
    fn inflate_members(&mut self, packing: CompressionFormat, stored: &[u8], limit: usize) -> Inflated {
        self.was_exact = false;
        self.text.clear();
        let mut packing = packing;
        let mut rest = stored;
        loop {
            let member_at = stored.len() - rest.len();
            let certain = self.text.len();
            let room = (limit - self.text.len()) as u64 + 1;
            let read = MemberDecoder::new(packing, rest).and_then(|mut decoder| {
                (&mut decoder).take(room).read_to_end(&mut self.text)?;
                Ok(decoder)
            });
            if self.text.len() > limit {
                return Inflated::TooLarge;
            }
            rest = match read {
                Ok(decoder) => decoder.into_inner(),
                Err(error) => {
                    let finding = packing.damage(&error, stored.len() as u64, member_at as u64, stored.to_vec());
                    // Text before a clean cut is what was stored. After a wrong bit nothing of its member can be
                    // trusted; the members before it have their own checksums.
                    let kept = if finding.reason.is_cut() { self.text.len() } else { certain };
                    return if kept > 0 { Inflated::Text(kept, Some(finding)) } else { Inflated::Refused(finding) };
                }
            };
            let Some(next) = CompressionFormat::of_member(rest) else {
                let garbage_at = (stored.len() - rest.len()) as u64;
                return Inflated::Text(self.text.len(), packing.trailing_garbage(garbage_at, rest.to_vec()));
            };
            packing = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

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
    fn kinds_of_damage_are_distinguished() {
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
    fn garbage_that_ends_like_the_member_before_is_garbage() {
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
