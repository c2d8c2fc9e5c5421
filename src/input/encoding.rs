//! Text in UTF-16, or with a byte order mark, to UTF-8.
//!
//! In: bytes whose first ones identify their encoding. Out: UTF-8 without the mark. Never: drops or replaces anything:
//! invalid input becomes bytes that are not UTF-8, so that the reader of the text finds the place.
//!
//! Windows PowerShell writes UTF-16 when the output of a command is redirected to a file.

use std::io::{self, BufRead, BufReader, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

/// Bytes that identify the encoding.
const HEAD_BYTES: usize = 4;

/// The mark of UTF-32, which is not supported: it looks like UTF-16 with a zero character.
const UTF_32_MARK: &[u8] = b"\xff\xfe\0\0";

/// Bytes that are decoded at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// A byte that never occurs in UTF-8.
const NO_UTF8: u8 = 0xff;

/// The encoding of a byte order mark, and the length of the mark.
fn encoding(head: &[u8]) -> Option<(&'static Encoding, usize)> {
    if head.starts_with(UTF_32_MARK) { None } else { Encoding::for_bom(head) }
}

/// Whether text is UTF-16, by its first bytes.
pub(super) fn is_utf16(head: &[u8]) -> bool {
    encoding(head).is_some_and(|(encoding, _)| encoding != UTF_8)
}

/// A whole text in UTF-8, without a byte order mark.
pub(crate) fn to_utf8(mut text: Vec<u8>) -> Vec<u8> {
    match encoding(&text) {
        None => text,
        Some((encoding, mark)) if encoding == UTF_8 => {
            text.drain(..mark);
            text
        }
        Some((encoding, _)) => {
            let mut utf8 = Vec::with_capacity(text.len());
            decode(&mut encoding.new_decoder_with_bom_removal(), &text, true, &mut utf8);
            utf8
        }
    }
}

/// Reads text in UTF-8, without a byte order mark.
///
/// # Errors
///
/// When its first bytes cannot be read.
pub(super) fn utf8_reader(text: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut text = BufReader::new(text);
    let mut head = Vec::new();
    (&mut text).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let is_utf16 = is_utf16(&head);
    if let (false, Some((_, mark))) = (is_utf16, encoding(&head)) {
        head.drain(..mark);
    }
    let whole = io::Cursor::new(head).chain(text);
    Ok(if is_utf16 { Box::new(BufReader::new(Utf16Reader::new(whole))) } else { Box::new(whole) })
}

/// Decodes the next piece of a text.
fn decode(decoder: &mut Decoder, piece: &[u8], is_last: bool, utf8: &mut Vec<u8>) {
    let mut rest = piece;
    loop {
        let most = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(CHUNK_BYTES);
        let mut text = String::with_capacity(most);
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, is_last);
        utf8.extend_from_slice(text.as_bytes());
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => utf8.push(NO_UTF8),
        }
    }
}

/// Reads UTF-16 as UTF-8.
pub(super) struct Utf16Reader<R> {
    text: R,
    decoder: Option<Decoder>,
    chunk: Vec<u8>,
    utf8: Vec<u8>,
    at: usize,
    is_ended: bool,
}

impl<R: Read> Utf16Reader<R> {
    pub(super) fn new(text: R) -> Self {
        Self { text, decoder: None, chunk: Vec::new(), utf8: Vec::new(), at: 0, is_ended: false }
    }

    /// Decodes the next chunk.
    fn fill(&mut self) -> io::Result<()> {
        self.chunk.clear();
        (&mut self.text).take(CHUNK_BYTES as u64).read_to_end(&mut self.chunk)?;
        let chunk = &self.chunk;
        let decoder = self.decoder.get_or_insert_with(|| {
            let encoding = encoding(chunk).map_or(UTF_8, |(encoding, _)| encoding);
            encoding.new_decoder_with_bom_removal()
        });
        (self.at, self.is_ended) = (0, chunk.len() < CHUNK_BYTES);
        self.utf8.clear();
        decode(decoder, chunk, self.is_ended, &mut self.utf8);
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.utf8.len() && !self.is_ended {
            self.fill()?;
        }
        let rest = &self.utf8[self.at..];
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little(text: &str) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    fn big(text: &str) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
    }

    const TEXT: &str = "{\"a\":\"é€\u{1f600}\"}\r\n";

    #[test]
    fn every_encoding_gives_the_same_text() {
        for stored in [TEXT.as_bytes().to_vec(), ["\u{feff}", TEXT].concat().into_bytes(), little(TEXT), big(TEXT)] {
            assert_eq!(to_utf8(stored.clone()), TEXT.as_bytes());
            let mut read = Vec::new();
            utf8_reader(io::Cursor::new(stored)).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, TEXT.as_bytes());
        }
    }

    #[test]
    fn a_text_of_many_chunks_is_read_completely() {
        let text = TEXT.repeat(CHUNK_BYTES / 8 + 3);
        let mut read = Vec::new();
        Utf16Reader::new(big(&text).as_slice()).read_to_end(&mut read).unwrap();
        assert!(read == text.as_bytes());
    }

    #[test]
    fn invalid_utf16_gives_invalid_utf8() {
        let whole = little("ab\u{1f600}c");
        // A lone first half of a pair, a lone second half, two first halves, a truncated unit.
        let mut first_alone = whole.clone();
        first_alone.drain(8..10);
        let mut second_alone = whole.clone();
        second_alone.drain(6..8);
        let mut two_firsts = whole.clone();
        two_firsts.splice(6..6, whole[6..8].to_vec());
        for (stored, text) in [
            (first_alone, &b"ab\xffc"[..]),
            (second_alone, b"ab\xffc"),
            (two_firsts, "ab\u{fffd}\u{1f600}c".as_bytes()),
            (whole[..7].to_vec(), b"ab\xff"),
            (whole[..8].to_vec(), b"ab\xff"),
        ] {
            let expected = String::from_utf8_lossy(text);
            assert_eq!(String::from_utf8_lossy(&to_utf8(stored)), expected);
        }
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in [&b""[..], b"\xff", UTF_32_MARK, b"{}", b"\xef\xbb"] {
            assert_eq!(to_utf8(text.to_vec()), text);
        }
    }
}
