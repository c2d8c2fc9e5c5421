//! The `unmapped` column: a JSON object from path to verbatim value.

use std::fmt::Write;

use crate::json::tape::Member;

/// Collects what has no column, in source order; reused from event to event.
#[derive(Clone, Default)]
pub(crate) struct Unmapped {
    json: String,
}

impl Unmapped {
    pub(crate) fn clear(&mut self) {
        self.json.clear();
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// Bytes collected so far, to see later whether anything came after.
    pub(crate) const fn checkpoint(&self) -> usize {
        self.json.len()
    }

    /// Adds a value that stands at `path`, which is made of declared member names.
    pub(crate) fn add(&mut self, path: &str, raw: &str) {
        self.open(path);
        self.close(raw);
    }

    /// Adds a member of the object at `path`; the outermost object has an empty path.
    pub(crate) fn add_member(&mut self, path: &str, member: Member<'_>) {
        if member.has_text_name() {
            self.add_named(path, member.name(), member.raw());
        } else {
            self.open_below(path);
            self.push_units(&code_units(member.raw_name()));
            self.close(member.raw());
        }
    }

    /// Adds a member by its name and text.
    pub(crate) fn add_named(&mut self, path: &str, name: &str, raw: &str) {
        self.open_below(path);
        self.push_name(name);
        self.close(raw);
    }

    fn push_name(&mut self, name: &str) {
        name.chars().for_each(|character| self.push_character(character));
    }

    /// Adds a name without a UTF-8 form: what has none stays an escape.
    fn push_units(&mut self, units: &[u16]) {
        for unit in char::decode_utf16(units.iter().copied()) {
            match unit {
                Ok(character) => self.push_character(character),
                Err(lone) => {
                    let _ = write!(self.json, "\\u{:04x}", lone.unpaired_surrogate());
                }
            }
        }
    }

    fn push_character(&mut self, character: char) {
        // Two escapes on top of each other: a point or backslash inside a name is escaped as part of the path, and the
        // path as a whole is a JSON string.
        match character {
            '.' => self.json.push_str("\\\\."),
            '\\' => self.json.push_str("\\\\\\\\"),
            '"' => self.json.push_str("\\\""),
            '\u{8}' => self.json.push_str("\\b"),
            '\t' => self.json.push_str("\\t"),
            '\n' => self.json.push_str("\\n"),
            '\u{c}' => self.json.push_str("\\f"),
            '\r' => self.json.push_str("\\r"),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(self.json, "\\u{:04x}", u32::from(control));
            }
            other => self.json.push(other),
        }
    }

    /// Adds all of another collection.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.extend_inner(other.inner());
    }

    /// The members without the brace in front of them.
    pub(super) fn inner(&self) -> &str {
        self.json.get(1..).unwrap_or_default()
    }

    /// The members since a [`Unmapped::checkpoint`], likewise.
    pub(super) fn inner_since(&self, checkpoint: usize) -> &str {
        self.json.get(checkpoint + 1..).unwrap_or_default()
    }

    /// Adds what [`Unmapped::inner`] gave.
    pub(super) fn extend_inner(&mut self, members: &str) {
        if !members.is_empty() {
            self.json.push(if self.is_empty() { '{' } else { ',' });
            self.json.push_str(members);
        }
    }

    fn open(&mut self, path: &str) {
        self.json.push(if self.is_empty() { '{' } else { ',' });
        self.json.push('"');
        self.json.push_str(path);
    }

    fn open_below(&mut self, path: &str) {
        self.open(path);
        if !path.is_empty() {
            self.json.push('.');
        }
    }

    fn close(&mut self, raw: &str) {
        self.json.push_str("\":");
        self.json.push_str(raw);
    }

    /// The JSON object, or `None` when there is nothing in it.
    pub(crate) fn json(&mut self) -> Option<&str> {
        if self.is_empty() {
            return None;
        }
        self.json.push('}');
        Some(&self.json)
    }
}

/// The code units of a JSON string without its quotes, escapes resolved one by one.
fn code_units(text: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let resolved = match character {
            '\\' => match characters.next() {
                Some('b') => '\u{8}',
                Some('t') => '\t',
                Some('n') => '\n',
                Some('f') => '\u{c}',
                Some('r') => '\r',
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    units.extend(u16::from_str_radix(&digits, 16));
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend(resolved.encode_utf16(&mut [0; 2]).iter());
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tape::Parser;

    #[test]
    fn names_are_escaped_and_values_verbatim() {
        let mut unmapped = Unmapped::default();
        assert_eq!(unmapped.json(), None);
        unmapped.add("userIdentity", "1.10");
        let text = r#"{"a.b\\\"\n\u0001" : { } ,"x":[1], "y\ud800":2,"\u002e.\\\u005c\"\uD800😀":3}"#;
        let added = Parser::default().parse_lenient(text, |document| {
            document.root().members().for_each(|member| unmapped.add_member("tlsDetails", member));
        });
        assert!(added.is_ok());
        assert_eq!(
            unmapped.json(),
            Some(
                r#"{"userIdentity":1.10,"tlsDetails.a\\.b\\\\\"\n\u0001":{ },"tlsDetails.x":[1],"tlsDetails.y\ud800":2,"tlsDetails.\\.\\.\\\\\\\\\"\ud800😀":3}"#
            )
        );
    }
}
