//! A walk over an event in the form that CloudTrail writes: JSON without white space.
//!
//! In: a text and its [`StringBitmap`]. Out: members and their values, one after the other, each proved to be JSON. Never:
//! accepts anything else; text that it does not accept may still be JSON in a form that needs the parser.
//!
//! Without white space every token begins where the one before it ends. So what a byte means is known when it is
//! reached, and only the ends of strings are searched for.

use super::bitmap::StringBitmap;
use super::lenient::is_json_number;

/// Maximum nesting here; the parser allows more.
const MAX_DEPTH: u32 = 60;

/// A position in a text.
pub(crate) struct Cursor<'t, 'b> {
    text: &'t str,
    bitmap: &'b StringBitmap,
    /// Offset in the text that the next token begins at.
    place: usize,
}

/// A value that was skipped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// The text between the quotes, verbatim.
    String(&'t str),
    /// A number, `true`, `false` or `null`.
    Word(&'t str),
    /// An object or array.
    Container,
}

impl<'t, 'b> Cursor<'t, 'b> {
    /// A cursor at the start of a text.
    pub(crate) fn new(text: &'t str, bitmap: &'b mut StringBitmap) -> Self {
        bitmap.fill(text.as_bytes());
        Self { text, bitmap, place: 0 }
    }

    /// Where the next token begins.
    pub(crate) const fn place(&self) -> usize {
        self.place
    }

    /// Whether the end of the text is reached.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.place == self.text.len()
    }

    /// The text from the next token on.
    pub(crate) fn rest(&self) -> &'t str {
        &self.text[self.place..]
    }

    /// The text from an earlier position to here.
    pub(crate) fn since(&self, start: usize) -> &'t str {
        &self.text[start..self.place]
    }

    /// The text of a string without escapes; `None` when it has some.
    pub(crate) fn plain(&self, text: &'t str) -> Option<&'t str> {
        (!self.bitmap.has_backslashes || memchr::memchr(b'\\', text.as_bytes()).is_none()).then_some(text)
    }

    /// Passes over text that is known to be a value.
    pub(crate) const fn skip(&mut self, bytes: usize) {
        self.place += bytes;
    }

    /// Takes a byte, if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_here = self.text.as_bytes().get(self.place) == Some(&byte);
        self.place += usize::from(is_here);
        is_here
    }

    /// Takes a string; its text verbatim.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<&'t str> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.place;
        let mut end = self.bitmap.next(start)?;
        if self.text.as_bytes()[end] != b'"' {
            end = self.end_with_escapes(end)?;
        }
        self.place = end + 1;
        self.text.get(start..end)
    }

    /// The end of a string whose first escape, or what must not be in it, is here.
    fn end_with_escapes(&self, mut at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while bytes[at] != b'"' {
            at = self.bitmap.next(at + escape_bytes(&bytes[at..])?)?;
        }
        Some(at)
    }

    /// Takes the name of a member and the colon after it.
    #[inline]
    pub(crate) fn name(&mut self) -> Option<&'t str> {
        let name = self.string()?;
        self.take(b':').then_some(name)
    }

    /// Takes a number or a word.
    fn word(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        let is_word = matches!(word, "true" | "false" | "null") || is_json_number(word.as_bytes());
        self.place += end;
        is_word.then_some(word)
    }

    /// Takes a value.
    #[inline]
    pub(crate) fn value(&mut self) -> Option<Token<'t>> {
        match self.text.as_bytes().get(self.place)? {
            b'"' => self.string().map(Token::String),
            b'{' | b'[' => self.container().map(|()| Token::Container),
            _ => self.word().map(Token::Word),
        }
    }

    /// Takes an object; `member` takes the value of each member.
    #[inline]
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, &'t str) -> Option<()>) -> Option<()> {
        if !self.take(b'{') {
            return None;
        }
        if self.take(b'}') {
            return Some(());
        }
        loop {
            let name = self.name()?;
            member(self, name)?;
            if !self.take(b',') {
                return self.take(b'}').then_some(());
            }
        }
    }

    /// Takes an array; `element` takes each element.
    #[inline]
    pub(crate) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if !self.take(b'[') {
            return None;
        }
        if self.take(b']') {
            return Some(());
        }
        loop {
            element(self)?;
            if !self.take(b',') {
                return self.take(b']').then_some(());
            }
        }
    }

    /// Takes an object or array with all its contents.
    fn container(&mut self) -> Option<()> {
        // One bit for each container around this position, the innermost lowest: whether it is an object. The bit above
        // all of them marks the outside.
        let mut around = 1_u64;
        loop {
            // A value begins here.
            let first = *self.text.as_bytes().get(self.place)?;
            let is_object = first == b'{';
            match first {
                b'{' | b'[' => {
                    if !self.take(first) || around >> MAX_DEPTH != 0 {
                        return None;
                    }
                    if !self.take(if is_object { b'}' } else { b']' }) {
                        around = around << 1 | u64::from(is_object);
                        if is_object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                _ => drop(self.word()?),
            }
            // A value has ended.
            if around > 1 {
                self.after_value(&mut around)?;
            }
            if around == 1 {
                return Some(());
            }
        }
    }

    /// Goes on to the next value, or out of the containers that end here.
    #[inline]
    fn after_value(&mut self, around: &mut u64) -> Option<()> {
        loop {
            let is_object = *around & 1 == 1;
            if self.take(b',') {
                return if is_object { self.name().map(drop) } else { Some(()) };
            }
            if !self.take(if is_object { b'}' } else { b']' }) {
                return None;
            }
            *around >>= 1;
            if *around == 1 {
                return Some(());
            }
        }
    }
}

/// Bytes of the JSON escape that the text begins with. A lone surrogate counts as one.
fn escape_bytes(text: &[u8]) -> Option<usize> {
    match text {
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(2),
        [b'\\', b'u', digits @ ..] if digits.len() >= 4 && digits[..4].iter().all(u8::is_ascii_hexdigit) => Some(6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Random;

    /// Whether the cursor accepts the text as one value.
    fn accepts(text: &str) -> bool {
        let mut bitmap = StringBitmap::default();
        let mut cursor = Cursor::new(text, &mut bitmap);
        cursor.value().is_some() && cursor.is_at_end()
    }

    #[test]
    fn compact_json_is_accepted() {
        for text in [
            "{}",
            "[]",
            "\"\"",
            "-0.5e+7",
            "null",
            r#"{"a":1,"b":[true,false,null,"x",{},[],[[{"c":{"d":[]}}]]],"e":"\"\\\/\b\u00e9\ud800"}"#,
            "[1,2,3]",
            "[[],[]]",
            r#"[{"a":{}},{"b":[]}]"#,
        ] {
            assert!(accepts(text), "{text}");
        }
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(accepts(&deep(60)) && !accepts(&deep(70)));
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[",
            "]",
            "{]",
            "[}",
            "{,}",
            "[,]",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "{\"a\":1 }",
            "[1 ,2]",
            "[1 2]",
            "\"a\"b",
            "b\"a\"",
            "[\"a\"b]",
            "[b\"a\"]",
            "01",
            "tru",
            "truex",
            "[1]]",
            "[[1]",
            "{\"a\":1}}",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "{\"a\"\"b\":1}",
            "{\"a\":1\"b\":2}",
            "[{}{}]",
            "[][]",
            "[1:2]",
            "{\"a\",1}",
            "\"",
            "\"a",
            "{\"a\":\"b}",
            ":",
            ",",
            "[\"a\":1]",
            "{[]:1}",
            "[1,,2]",
            "1,2",
            "nul",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn what_is_accepted_is_json() {
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        let pieces = [
            "{", "}", "[", "]", ":", ",", "\"a\"", "\"\\n\"", "1", "-2.5", "true", "null", "\"", "\\", " ", "{}", "[]",
            "\"k\":",
        ];
        let mut accepted = 0;
        for round in 0..400_000 {
            let mut text: String = (0..=random.pick(9)).map(|_| pieces[random.pick(pieces.len())]).collect();
            if round % 2 == 0 {
                text = format!("{{\"k\":{text}}}");
            }
            if accepts(&text) {
                accepted += 1;
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            }
        }
        assert!(accepted > 1_000, "{accepted} texts were accepted");
    }
}
