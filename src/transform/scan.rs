//! Finding where a JSON value ends without parsing it.
//!
//! In: bytes and an offset. Out: an offset, or `None` when the bytes end first. Never: judges whether the value is
//! valid, that is the parser's work; on invalid text the answer is some offset inside the bytes.

use memchr::memchr2;
use wide::u8x16;

/// First offset at or after `at` that holds no JSON white space.
pub(crate) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The offset after the last byte before `end` that is no white space.
pub(crate) fn trim_space_end(bytes: &[u8], mut end: usize) -> usize {
    while end > 0 && matches!(bytes[end - 1], b' ' | b'\n' | b'\r' | b'\t') {
        end -= 1;
    }
    end
}

/// The offset after the closing quote of the string whose text starts at `at` (after its opening quote).
pub(crate) fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The offset after the bracket that closes the container which opens at `at`.
///
/// Brackets of both kinds count alike: `[}` is for the parser to refuse.
pub(crate) fn container_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut blocks = BracketScan::default();
    let mut start = at;
    while let Some(block) = bytes.get(start..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        if let Some(end) = blocks.next(block) {
            return Some(start + end);
        }
        start += BLOCK;
    }
    let rest = bytes.get(start..)?;
    let mut block = [b' '; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    blocks.next(&block).map(|end| start + end)
}

/// Bytes looked at together: one bit each in a word.
const BLOCK: usize = 64;

/// Where the bytes of a block are that matter: a bit for each byte.
struct Marks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

/// Follows brackets from block to block.
#[derive(Default)]
struct BracketScan {
    depth: u64,
    /// All ones when the block before ended inside a string.
    in_string: u64,
    /// One when the block before ended in a backslash that escapes the first byte of the next.
    is_escaped: u64,
}

impl BracketScan {
    /// The offset in the block after the bracket that brings the depth back to zero.
    fn next(&mut self, block: &[u8; BLOCK]) -> Option<usize> {
        let marks = Marks::of(block);
        let escaped = self.escaped(marks.backslashes);
        let quotes = marks.quotes & !escaped;
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = (inside as i64 >> 63) as u64;
        let opening = marks.opening & !inside;
        let mut closing = marks.closing & !inside;
        let closed = u64::from(closing.count_ones());
        if self.depth > closed {
            self.depth += u64::from(opening.count_ones());
            self.depth -= closed;
            return None;
        }
        let mut closed = 0;
        while closing != 0 {
            let at = closing.trailing_zeros();
            let opened = u64::from((opening & ((1 << at) - 1)).count_ones());
            closed += 1;
            if self.depth + opened <= closed {
                return Some(at as usize + 1);
            }
            closing &= closing - 1;
        }
        self.depth += u64::from(opening.count_ones());
        self.depth -= closed;
        None
    }

    /// The bytes that a backslash before them escapes.
    ///
    /// In a run of backslashes every second one is escaped; adding the starts of runs carries through them and tells
    /// where they end, at an odd or an even place.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        if backslashes == 0 {
            return std::mem::take(&mut self.is_escaped);
        }
        let backslashes = backslashes & !self.is_escaped;
        let follows = backslashes << 1 | self.is_escaped;
        let odd_starts = backslashes & !EVEN & !follows;
        let (even_ends, carries) = odd_starts.overflowing_add(backslashes);
        self.is_escaped = u64::from(carries);
        (EVEN ^ (even_ends << 1)) & follows
    }
}

/// Each bit becomes the parity of itself and all bits below it: ones from an opening quote to before its closing one.
const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

impl Marks {
    fn of(block: &[u8; BLOCK]) -> Self {
        let mut marks = Self { quotes: 0, backslashes: 0, opening: 0, closing: 0 };
        // `[` and `{`, `]` and `}` differ in this bit alone.
        let case = u8x16::splat(0x20);
        let [quote, backslash, open, close] = [b'"', b'\\', b'{', b'}'].map(u8x16::splat);
        let find = |vector: u8x16, wanted: u8x16| u64::from(vector.simd_eq(wanted).to_bitmask());
        for (quarter, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
            let vector = u8x16::from(*bytes);
            let folded = vector | case;
            let shift = quarter * 16;
            marks.quotes |= find(vector, quote) << shift;
            marks.backslashes |= find(vector, backslash) << shift;
            marks.opening |= find(folded, open) << shift;
            marks.closing |= find(folded, close) << shift;
        }
        marks
    }
}

/// The offset after the number or word that starts at `at`; `bytes.len()` when nothing ends it.
pub(crate) fn scalar_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t' | b'"' | b'{' | b'['))
        .map_or(bytes.len(), |length| at + length)
}

/// The offset after the value that starts at `at`, or `None` when the bytes may end inside it.
pub(crate) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'{' | b'[' => container_end(bytes, at),
        b'"' => string_end(bytes, at + 1),
        _ => Some(scalar_end(bytes, at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(value_end(text.as_bytes(), 0), expected, "{text}");
    }

    #[test]
    fn brackets_and_quotes_inside_strings_do_not_count() {
        check(r#"{"a":"}\"}"} rest"#, Some(12));
        check(r#"["]",{"b":[1,2]}],3"#, Some(17));
        check(r#""a\\" tail"#, Some(5));
        check("12.5e3,", Some(6));
        check("true", Some(4));
    }

    /// The obvious way, a byte at a time.
    fn slow_container_end(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut in_string, mut is_escaped) = (0, false, false);
        for (at, byte) in bytes.iter().enumerate() {
            // Outside strings a backslash is an error, whatever is made of it.
            let was_escaped = std::mem::take(&mut is_escaped);
            match byte {
                b'\\' => is_escaped = !was_escaped,
                b'"' if !was_escaped => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    #[test]
    fn blocks_agree_with_bytes_wherever_they_begin() {
        // Few different bytes, most of them brackets, quotes and backslashes, in every order that a small generator
        // comes by: runs of backslashes across blocks, strings across blocks, depth zero at any place of a block.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 32).expect("32 bits")
        };
        for round in 0..20_000 {
            let alphabet: &[u8] =
                if round % 2 == 0 { b"{}[]\"\\ab" } else { b"{}[\"\\\\\\\\aaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
            let length = next() % 300;
            let mut text = vec![b'{'];
            text.extend((0..length).map(|_| alphabet[next() % alphabet.len()]));
            let expected = slow_container_end(&text);
            assert_eq!(container_end(&text, 0), expected, "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn unfinished_values_have_no_end() {
        check(r#"{"a":"}"#, None);
        check(r#""a\"#, None);
        check(r#""a\""#, None);
        check("", None);
    }
}
