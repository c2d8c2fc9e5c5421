//! The text of a file's first gzip member, which is what a digest file declares.
//!
//! In: a file. Out: its text, piece by piece, and how it ended. Never: continues with a second member, which CloudTrail does
//! not write, or mistakes damage for an end.

use std::io::{self, BufRead, BufReader, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;

use super::packing::CompressionFormat;
use super::{Archive, Inflater};

/// Maximum stored bytes of a file that is read at once.
const SMALL_STORED_BYTES: u64 = 16 << 20;
/// Maximum text that is inflated at once.
const SMALL_TEXT_BYTES: usize = 32 << 20;
/// Bytes of a piece of a large text: it stays in the processor's cache.
const PIECE_BYTES: usize = 128 << 10;

/// How the text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberEnd {
    /// With the file, which is one gzip member.
    Gzip,
    /// With the file, which is not gzip: the text is the file.
    Plain,
    /// Before the end of the file, which has further bytes.
    TrailingData,
    /// Nowhere: the member is truncated or corrupt.
    Damaged,
    /// It is longer than the limit.
    TooLarge,
}

/// Reads the text of a file's first gzip member with reused buffers.
#[derive(Default)]
pub(crate) struct MemberReader {
    stored: Vec<u8>,
    inflater: Inflater,
    piece: Vec<u8>,
}

impl MemberReader {
    /// Passes the text to `take`, in order; after damage the text passed so far is worthless. `fetched` are the bytes of the
    /// file if they were fetched ahead.
    ///
    /// # Errors
    ///
    /// The system's error when the file cannot be read.
    pub(crate) fn read(
        &mut self,
        archive: &Archive,
        fetched: Option<io::Result<Bytes>>,
        limit: u64,
        take: impl FnMut(&[u8]),
    ) -> io::Result<MemberEnd> {
        if let Some(fetched) = fetched {
            return self.read_stored(&fetched?, limit, take);
        }
        if !archive.is_regular {
            return Err(io::Error::other("not a regular file"));
        }
        if archive.bytes > SMALL_STORED_BYTES {
            let file = BufReader::with_capacity(PIECE_BYTES, archive.open()?);
            return stream(file, limit, &mut self.piece, take);
        }
        let mut stored = std::mem::take(&mut self.stored);
        let read = archive.read(&mut stored).and_then(|()| self.read_stored(&stored, limit, take));
        self.stored = stored;
        read
    }

    /// The same for a file in memory.
    ///
    /// # Errors
    ///
    /// None: bytes can be read.
    pub(crate) fn read_stored(
        &mut self,
        stored: &[u8],
        limit: u64,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<MemberEnd> {
        let text_limit = usize::try_from(limit).map_or(SMALL_TEXT_BYTES, |limit| limit.min(SMALL_TEXT_BYTES));
        if CompressionFormat::of(stored) == Some(CompressionFormat::Gzip)
            && let Some(length) = self.inflater.inflate_single_member(stored, text_limit)
        {
            take(self.inflater.text(length));
            return Ok(MemberEnd::Gzip);
        }
        stream(stored, limit, &mut self.piece, take)
    }
}

fn stream(
    mut stored: impl BufRead,
    limit: u64,
    piece: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]),
) -> io::Result<MemberEnd> {
    piece.resize(PIECE_BYTES, 0);
    let is_gzip = CompressionFormat::of(stored.fill_buf()?) == Some(CompressionFormat::Gzip);
    let mut taken = 0;
    let mut pass_on = |reader: &mut dyn Read| loop {
        match reader.read(piece) {
            Ok(0) => return Ok(true),
            Ok(read) => {
                taken += read as u64;
                if taken > limit {
                    return Ok(false);
                }
                take(&piece[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    if !is_gzip {
        return pass_on(&mut stored).map(|is_whole| if is_whole { MemberEnd::Plain } else { MemberEnd::TooLarge });
    }
    let mut decoder = GzDecoder::new(stored);
    match pass_on(&mut decoder) {
        Ok(true) if decoder.get_mut().fill_buf()?.is_empty() => Ok(MemberEnd::Gzip),
        Ok(true) => Ok(MemberEnd::TrailingData),
        Ok(false) => Ok(MemberEnd::TooLarge),
        // Any other error means damage.
        Err(error) if super::is_of_system(&error) => Err(error),
        Err(_) => Ok(MemberEnd::Damaged),
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

    /// Both ways to read a file must agree on it.
    #[track_caller]
    fn check(stored: &[u8], limit: u64, end: MemberEnd, text: Option<&[u8]>) {
        let mut taken = Vec::new();
        let streamed = stream(stored, limit, &mut Vec::new(), |piece| taken.extend_from_slice(piece));
        assert_eq!(streamed.expect("memory"), end);
        if let Some(text) = text {
            assert_eq!(taken, text);
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a"), stored).expect("a file");
        let inputs = [folder.path().to_owned()];
        let search = crate::input::Search {
            lake: None,
            selection: &crate::model::Selection::default(),
            session: &crate::store::Session::default(),
            is_new: &|_| true,
        };
        let archives = super::super::discover(&inputs, Vec::new(), &search);
        let mut taken = Vec::new();
        let read =
            MemberReader::default().read(&archives.expect("a list")[0], None, limit, |it| taken.extend_from_slice(it));
        assert_eq!(read.expect("a file"), end);
        if let Some(text) = text {
            assert_eq!(taken, text);
        }
    }

    #[test]
    fn one_member_is_read_and_what_follows_is_reported() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let one = gzip(&text);
        check(&one, 1 << 20, MemberEnd::Gzip, Some(&text));
        check(b"{}", 1 << 20, MemberEnd::Plain, Some(b"{}"));
        check(b"", 1 << 20, MemberEnd::Plain, Some(b""));
        for more in [gzip(b"more"), gzip(b""), b"junk".to_vec(), vec![0], one[one.len() - 4..].to_vec()] {
            check(&[one.clone(), more].concat(), 1 << 20, MemberEnd::TrailingData, Some(&text));
        }
        for cut in [3, 12, one.len() / 2, one.len() - 1] {
            check(&one[..cut], 1 << 20, MemberEnd::Damaged, None);
        }
        check(&one, 399_999, MemberEnd::TooLarge, None);
        check(&one, 400_000, MemberEnd::Gzip, None);
        check(b"12345", 4, MemberEnd::TooLarge, None);
    }

    #[test]
    fn a_wrong_bit_is_reported_or_makes_no_difference() {
        let text = b"{\"Records\":[{\"eventVersion\":\"1.08\"}]}";
        let one = gzip(text);
        for at in 0..one.len() * 8 {
            let mut stored = one.clone();
            stored[at / 8] ^= 1 << (at % 8);
            let mut taken = Vec::new();
            let end = stream(stored.as_slice(), 1 << 20, &mut Vec::new(), |piece| taken.extend_from_slice(piece));
            assert!(end.expect("memory") != MemberEnd::Gzip || taken == text, "bit {at}");
        }
    }
}
