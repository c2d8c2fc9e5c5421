//! A text to a bit for each byte that ends a string, or matters inside of one.
//!
//! In: the text of one value. Out: where the next quote, backslash or control character stands. Never: knows which quotes
//! begin a string; the [`Cursor`](super::cursor::Cursor) does.

use super::masks::{BLOCK, Masks, scans};

/// Bytes of bits for a block, which are also read at once.
const WORD: usize = BLOCK / 8;
/// Bytes of bits that are kept for the next text.
const KEPT_BYTES: usize = 64 << 10;

/// The bits of a text.
#[derive(Default)]
pub(crate) struct StringBitmap {
    /// A bit for each byte of the text, the first one lowest; a word more than that.
    bits: Vec<u8>,
    text_bytes: usize,
    /// Whether there is a backslash anywhere.
    pub(super) has_backslashes: bool,
}

impl StringBitmap {
    /// Replaces the bits by those of another text.
    pub(super) fn fill(&mut self, text: &[u8]) {
        self.bits.truncate(KEPT_BYTES);
        self.bits.shrink_to(KEPT_BYTES);
        let words = text.len().div_ceil(BLOCK) + 1;
        self.bits.resize(self.bits.len().max(words * WORD), 0);
        self.text_bytes = text.len();
        self.has_backslashes = fill(text, &mut self.bits);
    }

    /// The offset of the first quote, backslash or control character at or after an offset.
    #[inline]
    pub(super) fn next(&self, mut at: usize) -> Option<usize> {
        while at < self.text_bytes {
            let byte = at / 8;
            let word = u64::from_le_bytes(*self.bits.get(byte..)?.first_chunk()?) >> (at % 8);
            if word != 0 {
                return Some(at + word.trailing_zeros() as usize);
            }
            at = (byte + WORD) * 8;
        }
        None
    }
}

scans! {
    /// Writes the bits of a text, and a word without any after them. Whether there was a backslash.
    fn fill(text: &[u8], bits: &mut [u8]) -> bool = fill_bits;
}

#[expect(clippy::inline_always, reason = "compiled anew for each kind of processor")]
#[inline(always)]
fn fill_bits(text: &[u8], bits: &mut [u8], masks: impl Fn(&[u8; BLOCK]) -> Masks) -> bool {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let last = if rest.is_empty() { None } else { Some(&last) };
    let mut backslashes = 0;
    let mut words = bits.as_chunks_mut::<WORD>().0.iter_mut();
    for (block, word) in blocks.iter().chain(last).zip(&mut words) {
        let masks = masks(block);
        backslashes |= masks.backslashes;
        *word = (masks.quotes | masks.backslashes | masks.controls).to_le_bytes();
    }
    words.take(1).for_each(|word| *word = [0; WORD]);
    backslashes != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Random;

    #[test]
    fn every_byte_that_matters_is_found() {
        let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
        let mut bitmap = StringBitmap::default();
        for round in 0..2_000 {
            // Texts become shorter and longer: nothing of an earlier one is left.
            let length = random.pick(if round % 7 == 0 { 2_000 } else { 200 });
            let often = round % 3 == 0;
            let text: Vec<u8> = (0..length)
                .map(|_| match random.pick(if often { 6 } else { 200 }) {
                    0 => b'"',
                    1 => b'\\',
                    2 => random.next().to_le_bytes()[0] % 0x20,
                    _ => b' ' + random.next().to_le_bytes()[0] % 0xe0,
                })
                .collect();
            bitmap.fill(&text);
            let matters = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            for at in 0..length + 80 {
                let expected = text.iter().skip(at).position(matters).map(|found| at + found);
                assert_eq!(bitmap.next(at), expected, "{at} of {length}");
            }
            assert_eq!(bitmap.has_backslashes, text.contains(&b'\\'));
        }
    }

    #[test]
    fn the_bits_of_a_huge_text_are_not_kept() {
        let mut bitmap = StringBitmap::default();
        let text = vec![b'a'; 10 << 20];
        bitmap.fill(&text);
        assert_eq!(bitmap.next(3), None);
        bitmap.fill(b"\"");
        assert_eq!((bitmap.next(0), bitmap.next(1)), (Some(0), None));
        assert!(bitmap.bits.capacity() <= KEPT_BYTES);
    }
}
