//! JSON text cut into pieces of itself: members, elements, names, strings, each still spelled as in the archive.
//!
//! `serde_json` decides what is JSON and where a value ends ([`RawValue`]); nothing is ever serialised again. Its own
//! `Value` would lose number spellings, escapes, the order of members and doubled names.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A member's name in UTF-16 code units, since JSON can name a member with half a surrogate pair.
pub type Name = Vec<u16>;

/// A Rust string as a name.
pub fn name(text: &str) -> Name {
    text.encode_utf16().collect()
}

/// Members of an object in source order, values as source text. `None` when the value is no object.
pub fn members(value: &str) -> Option<Vec<(Name, &str)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(&'de RawValue, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            // Names are taken raw as well: a `String` cannot hold a lone surrogate.
            while let Some(member) = map.next_entry()? {
                found.push(member);
            }
            Ok(found)
        }
    }
    if !value.starts_with('{') {
        return None;
    }
    let raw = serde_json::Deserializer::from_str(value).deserialize_map(Members).expect("a value of a valid document");
    Some(raw.into_iter().map(|(name, value)| (code_units(name.get()), value.get())).collect())
}

/// Elements of an array as source text. `None` when the value is no array.
pub fn elements(value: &str) -> Option<Vec<&str>> {
    if !value.starts_with('[') {
        return None;
    }
    let raw: Vec<&RawValue> = serde_json::from_str(value).expect("a value of a valid document");
    Some(raw.into_iter().map(RawValue::get).collect())
}

/// Concatenated documents of a text, or `None` when it is not made of JSON documents alone.
pub fn documents(text: &str) -> Option<Vec<&str>> {
    let stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    stream.map(|document| document.ok().map(RawValue::get)).collect()
}

/// The non-null value of a member. Of members with the same name the first non-null one counts.
pub fn member<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let wanted = name(wanted);
    members(value)?.into_iter().find(|(name, value)| *name == wanted && !is_null(value)).map(|(_, value)| value)
}

/// Absent and null are the same everywhere, so nearly every reader asks this first.
pub fn is_null(value: &str) -> bool {
    value == "null"
}

/// The text of a JSON string; `None` for other values and for strings that UTF-8 cannot express.
pub fn text(value: &str) -> Option<String> {
    if !value.starts_with('"') {
        return None;
    }
    String::from_utf16(&code_units(value)).ok()
}

/// A value without white space between its tokens and with all strings spelled alike; numbers stay as they are.
pub fn respelled(value: &str) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    if let Some(members) = members(value) {
        let member = |(name, value): (Name, &str)| format!("{name:?}:{}", respelled(value));
        format!("{{{}}}", joined(members.into_iter().map(member).collect()))
    } else if let Some(elements) = elements(value) {
        format!("[{}]", joined(elements.into_iter().map(respelled).collect()))
    } else if value.starts_with('"') {
        format!("{:?}", code_units(value))
    } else {
        value.to_owned()
    }
}

/// `true`, `false`, and their spellings as strings; the second part says whether it was a string.
pub fn boolean(value: &str) -> Option<(bool, bool)> {
    match value {
        "true" => return Some((true, false)),
        "false" => return Some((false, false)),
        _ => {}
    }
    match text(value)?.as_str() {
        "true" => Some((true, true)),
        "false" => Some((false, true)),
        _ => None,
    }
}

/// Deepest nesting of a value: 0 for a scalar, 1 for `{}`, 2 for `[[]]`.
pub fn depth(value: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open -= 1,
            b'"' => {
                // Brackets inside a string are text.
                while let Some(inner) = bytes.next() {
                    match inner {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

/// Code units of a JSON string given with its quotes, escapes resolved one by one.
fn code_units(string: &str) -> Vec<u16> {
    let inner = &string[1..string.len() - 1];
    let mut units = Vec::new();
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            units.extend(char.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        let unit = match chars.next().expect("checked by serde_json") {
            'b' => 8,
            't' => 9,
            'n' => 10,
            'f' => 12,
            'r' => 13,
            'u' => {
                let hex: String = chars.by_ref().take(4).collect();
                u16::from_str_radix(&hex, 16).expect("checked by serde_json")
            }
            // The rest is itself: `\"`, `\\`, `\/`.
            other => other as u16,
        };
        units.push(unit);
    }
    units
}

/// A value without its spelling: names in order, text unescaped, absent for null. Numbers are as they are spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plain {
    Object(Vec<(Name, Plain)>),
    Array(Vec<Plain>),
    Text(Name),
    /// A number, `true`, `false`, or `null` in an array.
    Word(String),
}

/// The content of a value.
pub fn plain(value: &str) -> Plain {
    if let Some(members) = members(value) {
        let said = members.into_iter().filter(|(_, value)| !is_null(value));
        let mut said: Vec<(Name, Plain)> = said.map(|(name, value)| (name, plain(value))).collect();
        said.sort();
        return Plain::Object(said);
    }
    match elements(value) {
        Some(elements) => Plain::Array(elements.into_iter().map(plain).collect()),
        None if value.starts_with('"') => Plain::Text(code_units(value)),
        None => Plain::Word(value.to_owned()),
    }
}

/// Values without a column, in order of appearance; becomes the text of an `unmapped` column.
#[derive(Clone, Debug, Default)]
pub struct Unmapped {
    entries: Vec<(Name, String)>,
}

impl Unmapped {
    /// Adds a value verbatim, under the path of these names.
    pub fn push(&mut self, path: &[Name], value: &str) {
        self.entries.push((joined(path), value.to_owned()));
    }

    /// Appends the entries of another list.
    pub fn extend(&mut self, other: &Self) {
        self.entries.extend(other.entries.iter().cloned());
    }

    /// The JSON object, or `None` when there are no entries.
    pub fn into_text(self) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let entries: Vec<String> =
            self.entries.iter().map(|(path, value)| format!("{}:{value}", quoted(path))).collect();
        Some(format!("{{{}}}", entries.join(",")))
    }
}

/// Names joined by `.`; a `.` or `\` of a name itself gets a `\` in front, so that paths stay unambiguous.
fn joined(path: &[Name]) -> Name {
    let mut joined = Name::new();
    for (position, name) in path.iter().enumerate() {
        if position > 0 {
            joined.push(u16::from(b'.'));
        }
        for &unit in name {
            if unit == u16::from(b'.') || unit == u16::from(b'\\') {
                joined.push(u16::from(b'\\'));
            }
            joined.push(unit);
        }
    }
    joined
}

/// Code units as a JSON string with as few escapes as JSON allows.
fn quoted(units: &[u16]) -> String {
    let mut string = String::from("\"");
    for char in char::decode_utf16(units.iter().copied()) {
        match char {
            Ok('"') => string.push_str("\\\""),
            Ok('\\') => string.push_str("\\\\"),
            Ok('\u{8}') => string.push_str("\\b"),
            Ok('\t') => string.push_str("\\t"),
            Ok('\n') => string.push_str("\\n"),
            Ok('\u{c}') => string.push_str("\\f"),
            Ok('\r') => string.push_str("\\r"),
            Ok(char) if char < ' ' => string.push_str(&format!("\\u{:04x}", char as u32)),
            Ok(char) => string.push(char),
            Err(lone) => string.push_str(&format!("\\u{:04x}", lone.unpaired_surrogate())),
        }
    }
    string.push('"');
    string
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_spelling_order_and_doubles() {
        let object = r#"{ "b" : 1.10 , "a":[ 1, 2 ],"\u0062":"\u003d","":null}"#;
        let found = members(object).expect("an object");
        let shown: Vec<(String, &str)> =
            found.iter().map(|(name, value)| (String::from_utf16_lossy(name), *value)).collect();
        let expected = [("b", "1.10"), ("a", "[ 1, 2 ]"), ("b", r#""\u003d""#), ("", "null")];
        assert_eq!(shown, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(member(object, ""), None);
        assert_eq!(members("[1]"), None);
    }

    #[test]
    fn strings_are_unescaped_and_lone_surrogates_are_no_text() {
        assert_eq!(text(r#""a\u003d\/\\\"\n\ud83d\ude00é""#), Some("a=/\\\"\n😀é".to_owned()));
        assert_eq!(text(r#""\ud800""#), None);
        assert_eq!(text(r#""\ude00\ud83d""#), None);
        assert_eq!(text("7"), None);
    }

    #[test]
    fn values_are_equal_by_content() {
        let same = |one: &str, other: &str| plain(one) == plain(other);
        assert!(same(r#"{"a":1.10,"b":"=","c":null}"#, r#"{ "b" : "\u003d", "a":1.10 }"#));
        for (one, other) in [("1.10", "1.1"), ("[null]", "[]"), ("{}", "[]"), ("\"1\"", "1"), ("{\"a\":{}}", "{}")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn every_character_is_read_as_serde_json_reads_it() {
        for char in ('\0'..'\u{3000}').chain(('\u{3000}'..=char::MAX).step_by(97)) {
            let plain = serde_json::to_string(&char).expect("a string");
            let escaped: String = char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect();
            assert_eq!(text(&plain), Some(char.to_string()), "{plain}");
            assert_eq!(text(&format!("\"{escaped}\"")), Some(char.to_string()), "{escaped}");
            assert_eq!(quoted(&name(&char.to_string())), plain);
        }
    }

    #[test]
    fn names_with_lone_surrogates_can_be_read() {
        let found = members(r#"{"\ud800":1}"#).expect("an object");
        assert_eq!(found, [(vec![0xd800], "1")]);
    }

    #[test]
    fn documents_may_follow_each_other_with_or_without_space() {
        assert_eq!(documents("{} []\n{\"a\":1}[2]"), Some(vec!["{}", "[]", "{\"a\":1}", "[2]"]));
        assert_eq!(documents("{} x"), None);
        assert_eq!(documents("{\"a\":01}"), None);
    }

    #[test]
    fn nesting_is_counted_outside_strings_and_without_recursion() {
        assert_eq!(depth("1"), 0);
        assert_eq!(depth(r#"{"a":["[[[\"[[",[{}]]}"#), 4);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(depth(&deep), 100_000);
        assert_eq!(elements(&deep).expect("an array").len(), 1);
    }

    #[test]
    fn paths_escape_dots_and_backslashes_and_then_as_json() {
        let mut unmapped = Unmapped::default();
        unmapped.push(&[name("a.b"), name("c\\d")], "1.10");
        unmapped.push(&[name("é\"\u{1}\n\u{7f}")], "\"x\"");
        assert_eq!(
            unmapped.into_text(),
            Some("{\"a\\\\.b.c\\\\\\\\d\":1.10,\"é\\\"\\u0001\\n\u{7f}\":\"x\"}".to_owned())
        );
        assert_eq!(Unmapped::default().into_text(), None);
    }
}
