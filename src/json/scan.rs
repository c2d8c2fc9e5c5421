//! Finding where a JSON value ends without parsing it.
//!
//! In: bytes and an offset. Out: an offset, or `None` when the bytes end first. Never: checks whether the value is
//! valid, the parser does; for invalid text the result is some offset inside the bytes.

use memchr::memchr2;

use super::masks::{BLOCK, Masks, Strings, scans};

/// First offset at or after `at` that is not JSON white space.
pub(crate) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The offset after the last byte before `end` that is not white space.
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

scans! {
    /// The offset after the bracket that closes the container which opens at `at`.
    ///
    /// Both kinds of brackets count alike: the parser refuses `[}`.
    pub(crate) fn container_end(bytes: &[u8], at: usize) -> Option<usize> = find_container_end;
}

#[expect(clippy::inline_always, reason = "compiled anew for each kind of processor")]
#[inline(always)]
fn find_container_end(bytes: &[u8], at: usize, masks: impl Fn(&[u8; BLOCK]) -> Masks) -> Option<usize> {
    let mut brackets = Brackets::default();
    let rest = bytes.get(at..)?;
    let (blocks, rest_of_block) = rest.as_chunks::<BLOCK>();
    let mut start = at;
    for block in blocks {
        if let Some(end) = brackets.next(&masks(block)) {
            return Some(start + end);
        }
        start += BLOCK;
    }
    let mut block = [b' '; BLOCK];
    block[..rest_of_block.len()].copy_from_slice(rest_of_block);
    brackets.next(&masks(&block)).map(|end| start + end)
}

/// Tracks brackets across blocks.
#[derive(Default)]
struct Brackets {
    depth: u64,
    strings: Strings,
}

impl Brackets {
    /// The offset in the block after the bracket that brings the depth back to zero.
    #[inline]
    fn next(&mut self, masks: &Masks) -> Option<usize> {
        let (_, inside) = self.strings.next(masks);
        let opening = masks.opening & !inside;
        let mut closing = masks.closing & !inside;
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
    use crate::tests::Random;

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

    /// The naive implementation, a byte at a time.
    fn slow_container_end(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut in_string, mut is_escaped) = (0, false, false);
        for (at, byte) in bytes.iter().enumerate() {
            // Outside strings a backslash is an error, so its treatment does not matter.
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
        // Few different bytes, most of them brackets, quotes and backslashes, in random order: runs of backslashes across
        // blocks, strings across blocks, depth zero at any position of a block.
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        for round in 0..20_000 {
            let alphabet: &[u8] =
                if round % 2 == 0 { b"{}[]\"\\ab" } else { b"{}[\"\\\\\\\\aaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
            let length = random.pick(300);
            let mut text = vec![b'{'];
            text.extend((0..length).map(|_| alphabet[random.pick(alphabet.len())]));
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
