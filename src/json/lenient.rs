//! Lenient parsing: replacements for what JSON allows and simd-json rejects.
//!
//! In: a copy of the text. Out: the same text with numbers and lone surrogates replaced, byte for byte as long. Never:
//! makes invalid text valid, or touches the original.

use super::scan;

/// Replaces, in place, numbers by `0` and blanks and lone surrogate escapes by another escape of the same length.
pub(super) fn replace_rejected(bytes: &mut [u8], lone_surrogates: &mut Vec<usize>) {
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = replace_lone_surrogates(bytes, at + 1, lone_surrogates),
            b'-' | b'0'..=b'9' => {
                let end = scan::scalar_end(bytes, at);
                if is_json_number(&bytes[at..end]) {
                    bytes[at..end].fill(b' ');
                    bytes[at] = b'0';
                }
                at = end;
            }
            _ => at += 1,
        }
    }
}

/// Works through one string from its first character; returns the offset after it.
fn replace_lone_surrogates(bytes: &mut [u8], mut at: usize, lone_surrogates: &mut Vec<usize>) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => match escaped_unit(bytes, at) {
                Some(0xd800..=0xdbff) if matches!(escaped_unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => {
                    at += 12;
                }
                Some(0xd800..=0xdfff) => {
                    bytes[at + 2..at + 6].copy_from_slice(b"fffd");
                    lone_surrogates.push(at);
                    at += 6;
                }
                _ => at += 2,
            },
            _ => at += 1,
        }
    }
    at
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

/// Whether the bytes are a number by the grammar of RFC 8259, section 6.
pub(super) fn is_json_number(bytes: &[u8]) -> bool {
    fn digits(bytes: &[u8]) -> Option<&[u8]> {
        let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then(|| &bytes[count..])
    }
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let Some(mut rest) = digits(unsigned) else {
        return false;
    };
    if unsigned[0] == b'0' && unsigned.len() - rest.len() > 1 {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let Some(after) = digits(fraction) else {
            return false;
        };
        rest = after;
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let Some(after) = digits(exponent) else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}
