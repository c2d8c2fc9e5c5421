//! The members in `unmapped`, put back where they came from.
//!
//! In: the `unmapped` text of a row. Out: its members by object, and the columns that they replace.
//! Never: touches a value, or mistakes a dot in a name for one of the path.
//!
//! A path is the names of declared objects, and then any name: `tlsDetails.newMember`. Dots and backslashes of a name
//! are written `\.` and `\\`, and the path is a JSON string after that, so both escapes are undone here.

use std::collections::HashMap;
use std::ops::Range;

use crate::flatten::ALIASES;
use crate::json::scan;
use crate::schema::Table;

/// The index of the event itself among the objects.
pub(super) const EVENT: usize = 0;

/// The objects that columns are flattened from, and the columns, by path.
#[derive(Debug)]
pub(super) struct Paths {
    objects: HashMap<String, usize>,
    columns: HashMap<&'static str, usize>,
    /// The column of the alias: its other spelling is always in `unmapped`.
    alias: Option<(&'static str, usize)>,
}

impl Paths {
    pub(super) fn new() -> Self {
        let mut paths = Self { objects: HashMap::from([(String::new(), EVENT)]), columns: HashMap::new(), alias: None };
        for (at, column) in Table::Events.columns().iter().enumerate().filter(|(_, column)| !column.source.is_empty()) {
            paths.columns.insert(column.source, at);
            for (point, _) in column.source.match_indices('.') {
                let next = paths.objects.len();
                paths.objects.entry(column.source[..point].to_owned()).or_insert(next);
            }
        }
        Self { alias: ALIASES.first().copied(), ..paths }
    }

    /// The index of the object at a path of declared names.
    pub(super) fn object(&self, path: &str) -> Option<usize> {
        self.objects.get(path).copied()
    }
}

/// The members of one row's `unmapped`; reused for the next.
#[derive(Debug, Default)]
pub(super) struct Merge {
    entries: Vec<MergeEntry>,
    names: String,
    /// Columns that are replaced, a bit for each.
    hidden: u128,
}

#[derive(Debug)]
struct MergeEntry {
    object: usize,
    /// In [`Merge::names`], JSON text without quotes.
    name: Range<usize>,
    /// In the text.
    value: Range<usize>,
}

impl Merge {
    /// Clears everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.names.clear();
        self.hidden = 0;
    }

    /// Reads the text of a row; `event_id` is the row's value in that column. `None` when it was not written by a
    /// conversion.
    pub(super) fn read(&mut self, paths: &Paths, json: &str, event_id: Option<&str>) -> Option<()> {
        self.clear();
        for member in ObjectMembers::of(json) {
            let (path, value) = member?;
            let path = &json[path];
            let (object, name) = match last_point(path) {
                Some(point) => (paths.object(&path[..point])?, &path[point + 1..]),
                None => (EVENT, path),
            };
            if let Some(column) = paths.columns.get(path) {
                self.hidden |= 1 << column;
            }
            if let Some((alias, column)) = paths.alias
                && path == alias
                && text(&json[value.clone()]).as_deref() == event_id
            {
                // If the usual spelling were there too, it would appear here.
                self.hidden |= 1 << column;
            }
            let start = self.names.len();
            push_name(&mut self.names, name);
            self.entries.push(MergeEntry { object, name: start..self.names.len(), value });
        }
        Some(())
    }

    /// Whether a column is replaced.
    pub(super) const fn hides(&self, column: usize) -> bool {
        self.hidden & (1 << column) != 0
    }

    /// Names (as JSON text without quotes) and values of an object's members in `unmapped`.
    pub(super) fn members<'m>(&'m self, object: usize, json: &'m str) -> impl Iterator<Item = (&'m str, &'m str)> {
        let of_object = self.entries.iter().filter(move |entry| entry.object == object);
        of_object.map(|entry| (&self.names[entry.name.clone()], &json[entry.value.clone()]))
    }
}

/// A text member at the top level of an object such as `unmapped`; `None` when it is not text.
pub(super) fn text_member(json: &str, name: &str) -> Option<String> {
    let value = ObjectMembers::of(json).flatten().find(|(path, _)| &json[path.clone()] == name)?.1;
    text(&json[value])
}

/// The raw value of such a member.
pub(super) fn value_member<'j>(json: &'j str, name: &str) -> Option<&'j str> {
    let (_, value) = ObjectMembers::of(json).flatten().find(|(path, _)| &json[path.clone()] == name)?;
    Some(&json[value])
}

/// The value of a JSON string.
fn text(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

/// The members of an object, without parsing their values; `None` for invalid ones.
struct ObjectMembers<'j> {
    bytes: &'j [u8],
    /// Offset of the next token: the opening brace, a comma or the closing one.
    at: Option<usize>,
    is_inside: bool,
}

impl<'j> ObjectMembers<'j> {
    fn of(json: &'j str) -> Self {
        Self { bytes: json.as_bytes(), at: Some(scan::skip_space(json.as_bytes(), 0)), is_inside: false }
    }

    fn member(&self, at: usize) -> Option<(Range<usize>, Range<usize>)> {
        let name = scan::skip_space(self.bytes, at) + 1;
        let name_end = scan::string_end(self.bytes, name)?;
        let colon = scan::skip_space(self.bytes, name_end);
        let value = scan::skip_space(self.bytes, colon + 1);
        let value_end = scan::value_end(self.bytes, value)?;
        let is_sound = self.bytes[name - 1] == b'"' && self.bytes.get(colon) == Some(&b':') && value_end > value;
        is_sound.then(|| (name..name_end - 1, value..value_end))
    }
}

impl Iterator for ObjectMembers<'_> {
    type Item = Option<(Range<usize>, Range<usize>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at.take()?;
        match (self.bytes.get(at), self.is_inside) {
            (Some(b'{'), false) => {
                let inside = scan::skip_space(self.bytes, at + 1);
                if self.bytes.get(inside) == Some(&b'}') {
                    return None;
                }
                self.is_inside = true;
            }
            (Some(b','), true) => {}
            (Some(b'}'), true) => return None,
            _ => return Some(None),
        }
        let member = self.member(at + 1);
        self.at = member.as_ref().map(|(_, value)| scan::skip_space(self.bytes, value.end));
        Some(member)
    }
}

/// Offset of the last dot of a path that is not part of a name.
fn last_point(path: &str) -> Option<usize> {
    let bytes = path.as_bytes();
    let mut last = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            // A backslash of the path is two in JSON, and escapes what follows.
            b'\\' if bytes.get(at + 1) == Some(&b'\\') => {
                at += if bytes.get(at + 2) == Some(&b'\\') { 4 } else { 3 };
                continue;
            }
            b'\\' => at += 1,
            b'.' => last = Some(at),
            _ => {}
        }
        at += 1;
    }
    last
}

/// Appends the last name of a path, as JSON text.
fn push_name(names: &mut String, name: &str) {
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        names.push_str(before);
        if let Some(after) = escape.strip_prefix("\\\\\\\\") {
            names.push_str("\\\\");
            rest = after;
        } else if let Some(after) = escape.strip_prefix("\\\\") {
            rest = after;
            // Whatever follows is literal.
            let next = rest.chars().next().map_or(0, char::len_utf8);
            names.push_str(&rest[..next]);
            rest = &rest[next..];
        } else {
            // An escape of JSON: its letter must not be mistaken for the beginning of another.
            let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
            names.push_str(&escape[..length]);
            rest = &escape[length..];
        }
    }
    names.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, path: &str, expected: &[(&str, &str)]) {
        let paths = Paths::new();
        let mut merge = Merge::default();
        assert_eq!(merge.read(&paths, json, None), Some(()), "{json}");
        let object = paths.object(path).expect("a declared object");
        assert_eq!(merge.members(object, json).collect::<Vec<_>>(), expected, "{json}");
    }

    #[test]
    fn paths_are_split_at_their_last_dot() {
        let json = r#"{"userIdentity":7,"tlsDetails.x":[1,{"a":"}"}],"z\\.y":{ },"tlsDetails.a\\.b\\\\\"\n\u0001":"x","userIdentity.sessionContext.q":1.10}"#;
        check(json, "", &[("userIdentity", "7"), ("z.y", "{ }")]);
        check(json, "tlsDetails", &[("x", r#"[1,{"a":"}"}]"#), (r#"a.b\\\"\n\u0001"#, r#""x""#)]);
        check(json, "userIdentity.sessionContext", &[("q", "1.10")]);
        check(r#"{"":1,"tlsDetails.":2,"\ud800\\.":3}"#, "", &[("", "1"), (r"\ud800.", "3")]);
        check(r#"{"":1,"tlsDetails.":2}"#, "tlsDetails", &[("", "2")]);
        check(r#"{"\\\\":1,"\\\\\\.\\\\":2,"a\\":3}"#, "", &[(r"\\", "1"), (r"\\.\\", "2"), ("a", "3")]);
        check("{}", "", &[]);
    }

    #[test]
    fn values_in_unmapped_replace_their_columns() {
        let paths = Paths::new();
        let mut merge = Merge::default();
        let column = |name| Table::Events.column_index(name).expect("a column");
        let hidden = |merge: &Merge| {
            let columns = Table::Events.columns().iter().enumerate();
            columns.filter(|(at, _)| merge.hides(*at)).map(|(_, column)| column.name).collect::<Vec<_>>()
        };
        merge.read(&paths, r#"{"readOnly":"true","userIdentity\\.arn":1,"tlsDetails.cipherSuite":3}"#, None);
        assert_eq!(hidden(&merge), ["read_only", "tls_cipher_suite"]);
        merge.read(&paths, r#"{"eventId":"\u0078"}"#, Some("x"));
        assert!(merge.hides(column("event_id")));
        merge.read(&paths, r#"{"eventId":"x"}"#, Some("y"));
        assert!(!merge.hides(column("event_id")));
        assert_eq!(text_member(r#"{"a":{"b":"no"},"b":"\u0062"}"#, "b").as_deref(), Some("b"));
    }

    #[test]
    fn invalid_unmapped_text_is_refused() {
        for json in
            ["", "[]", "7", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1;\"b\":2}", "{a:1}", "{\"no.such\":1}"]
        {
            assert_eq!(Merge::default().read(&Paths::new(), json, None), None, "{json}");
        }
    }
}
