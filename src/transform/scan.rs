//! Finding where a JSON value ends without parsing it.
//!
//! In: bytes and an offset. Out: an offset, or `None` when the bytes end first. Never: judges whether the value is
//! valid, that is the parser's work; on invalid text the answer is some offset inside the bytes.

use memchr::memchr2;

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
pub(crate) fn container_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match *bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => {
                at = string_end(bytes, at + 1)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// The offset after the number or word that starts at `at`; `bytes.len()` when nothing ends it.
pub(crate) fn scalar_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| {
            matches!(
                byte,
                b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t' | b'"' | b'{' | b'['
            )
        })
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

    #[test]
    fn unfinished_values_have_no_end() {
        check(r#"{"a":"}"#, None);
        check(r#""a\"#, None);
        check(r#""a\""#, None);
        check("", None);
    }
}
