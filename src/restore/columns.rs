//! The columns of a batch as members of events: each is prepared once, so that a row only has to copy.
//!
//! In: Arrow arrays. Out: `"name":value,` for a row, in the form that an archive has. Never: a value in another
//! form than it had, except for the escapes of texts and line ends between the tokens of JSON, which would end an event.
//!
//! Repeating text comes as a dictionary, and one dictionary serves many batches: its members are rendered once.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, StringArray, TimestampMillisecondArray,
};

use crate::columns::text_values::TextValues;
use crate::flatten::timestamp::{civil_from_days, epoch_day};
use crate::schema::{Column, Kind};

/// A dictionary is rendered when a batch has at least one row for this many of its texts.
const TEXTS_PER_ROW: usize = 4;

/// A column of a batch.
pub(super) enum ColumnMembers<'b> {
    /// Text as dictionary keys whose members are rendered.
    RenderedMembers(&'b Int32Array, Arc<RenderedMembers>),
    Text(TextValues<'b>),
    Json(TextValues<'b>),
    Boolean(&'b BooleanArray, bool),
    Timestamp(&'b TimestampMillisecondArray),
    Resources(&'b ListArray, [&'b StringArray; 3]),
}

/// The members for the texts of a dictionary.
#[derive(Debug)]
pub(super) struct RenderedMembers {
    texts: ArrayRef,
    bytes: Vec<u8>,
    /// Where each member ends.
    ends: Vec<usize>,
}

impl RenderedMembers {
    fn new(texts: &ArrayRef, words: &StringArray, name: &[u8], push: fn(&mut Vec<u8>, &str)) -> Self {
        let mut bytes = Vec::with_capacity(words.value_data().len() + words.len() * (name.len() + 4));
        let ends = words.iter().map(|word| {
            bytes.extend_from_slice(name);
            push(&mut bytes, word.unwrap_or_default());
            bytes.push(b',');
            bytes.len()
        });
        let ends = ends.collect();
        Self { texts: Arc::clone(texts), bytes, ends }
    }

    fn member(&self, key: usize) -> &[u8] {
        let start = if key == 0 { 0 } else { self.ends[key - 1] };
        &self.bytes[start..self.ends[key]]
    }
}

impl<'b> ColumnMembers<'b> {
    /// Prepares a column. `name` is `"name":`; `ready` is left from an earlier batch. `None` when the
    /// array is of another type than the column.
    pub(super) fn new(
        column: &Column,
        array: &'b ArrayRef,
        name: &[u8],
        ready: &mut Option<Arc<RenderedMembers>>,
    ) -> Option<Self> {
        match column.kind {
            Kind::Text => Self::text(array, name, push_text, ready),
            Kind::Json => Self::text(array, name, push_json, ready).map(|members| match members {
                Self::Text(values) => Self::Json(values),
                ready => ready,
            }),
            Kind::Boolean { as_text } => Some(Self::Boolean(array.as_boolean_opt()?, as_text)),
            Kind::Timestamp => Some(Self::Timestamp(array.as_primitive_opt()?)),
            Kind::Resources => {
                let list = array.as_list_opt()?;
                let members = list.values().as_struct_opt()?;
                let text = |name| members.column_by_name(name)?.as_string_opt();
                Some(Self::Resources(list, [text("arn")?, text("account_id")?, text("type")?]))
            }
            Kind::Int | Kind::Long | Kind::Quantity | Kind::Allocations | Kind::Binary => None,
        }
    }

    fn text(
        array: &'b ArrayRef,
        name: &[u8],
        push: fn(&mut Vec<u8>, &str),
        ready: &mut Option<Arc<RenderedMembers>>,
    ) -> Option<Self> {
        let values = TextValues::of(array)?;
        let TextValues::Dictionary(keys, words) = values else { return Some(Self::Text(values)) };
        let texts = array.as_any_dictionary_opt()?.values();
        let is_known = ready.as_ref().is_some_and(|ready| Arc::ptr_eq(&ready.texts, texts));
        if !is_known && words.len() > keys.len() * TEXTS_PER_ROW {
            return Some(Self::Text(values));
        }
        if !is_known {
            *ready = Some(Arc::new(RenderedMembers::new(texts, words, name, push)));
        }
        Some(Self::RenderedMembers(keys, Arc::clone(ready.as_ref()?)))
    }

    /// Appends the member of a row, if it has one.
    pub(super) fn push(&self, row: usize, name: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::RenderedMembers(keys, ready) => {
                if keys.is_valid(row) {
                    out.extend_from_slice(ready.member(keys.value(row) as usize));
                }
                return;
            }
            Self::Text(values) => {
                let Some(text) = values.value(row) else { return };
                out.extend_from_slice(name);
                push_text(out, text);
            }
            Self::Json(values) => {
                let Some(json) = values.value(row) else { return };
                out.extend_from_slice(name);
                push_json(out, json);
            }
            Self::Boolean(values, as_text) => {
                if values.is_null(row) {
                    return;
                }
                out.extend_from_slice(name);
                out.extend_from_slice(match (values.value(row), as_text) {
                    (true, false) => b"true",
                    (false, false) => b"false",
                    (true, true) => b"\"true\"",
                    (false, true) => b"\"false\"",
                });
            }
            Self::Timestamp(values) => {
                if values.is_null(row) {
                    return;
                }
                out.extend_from_slice(name);
                push_time(out, values.value(row));
            }
            Self::Resources(list, members) => {
                if list.is_null(row) {
                    return;
                }
                out.extend_from_slice(name);
                push_resources(out, list, members, row);
            }
        }
        out.push(b',');
    }
}

fn push_resources(out: &mut Vec<u8>, list: &ListArray, members: &[&StringArray; 3], row: usize) {
    const NAMES: [&[u8]; 3] = [b"\"ARN\":", b"\"accountId\":", b"\"type\":"];
    let offsets = list.value_offsets();
    out.push(b'[');
    for at in offsets[row] as usize..offsets[row + 1] as usize {
        out.push(b'{');
        for (name, texts) in NAMES.iter().zip(members) {
            if texts.is_valid(at) {
                out.extend_from_slice(name);
                push_text(out, texts.value(at));
                out.push(b',');
            }
        }
        close(out, b'{', b'}');
        out.push(b',');
    }
    close(out, b'[', b']');
}

/// Ends an object or a list, in which each value is followed by a comma.
pub(super) fn close(out: &mut Vec<u8>, opening: u8, closing: u8) {
    match out.last_mut() {
        Some(last) if *last != opening => *last = closing,
        _ => out.push(closing),
    }
}

/// Appends text as a JSON string.
fn push_text(out: &mut Vec<u8>, text: &str) {
    let needs_escape = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    // No early exit, so that the compiler can vectorise it.
    if text.as_bytes().iter().fold(false, |any, byte| any | needs_escape(byte)) {
        // Writing to a Vec cannot fail.
        let _ = serde_json::to_writer(out, text);
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// Appends JSON text verbatim. Line ends can only occur between its tokens, where blanks mean the same.
pub(super) fn push_json(out: &mut Vec<u8>, json: &str) {
    let start = out.len();
    out.extend_from_slice(json.as_bytes());
    let mut at = start;
    while let Some(found) = memchr::memchr2(b'\n', b'\r', &out[at..]) {
        out[at + found] = b' ';
        at += found + 1;
    }
}

/// Appends an instant as CloudTrail writes it, `2018-04-19T16:32:50Z`.
fn push_time(out: &mut Vec<u8>, epoch_ms: i64) {
    let (year, month, day) = civil_from_days(epoch_day(epoch_ms));
    let second = epoch_ms.div_euclid(1_000).rem_euclid(86_400);
    let digit = |value: i64, unit: i64| b'0' + (value / unit % 10) as u8;
    let pair = |value: i64| [digit(value, 10), digit(value, 1)];
    let [hour, minute, second] = [second / 3_600, second / 60 % 60, second % 60].map(pair);
    let ([century, years], month, day) = ([year / 100, year % 100].map(pair), pair(month), pair(day));
    let parts: [&[u8]; 14] =
        [b"\"", &century, &years, b"-", &month, b"-", &day, b"T", &hour, b":", &minute, b":", &second, b"Z\""];
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn texts_are_json_strings() {
        for text in ["", "plain", "é😀\u{2028}", "a\"b\\c\n\u{1}\u{7f}", "\u{1f}"] {
            let json = pushed(|out| push_text(out, text));
            assert_eq!(serde_json::from_str::<String>(&json).expect("a string"), text);
        }
    }

    #[test]
    fn json_is_verbatim_on_one_line() {
        assert_eq!(pushed(|out| push_json(out, "{\"a\\n\":\r\n[1.10,\n\t2e5]}")), "{\"a\\n\":  [1.10, \t2e5]}");
    }

    #[test]
    fn instants_are_written_as_they_are_read() {
        for text in ["2018-04-19T16:32:50Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z"] {
            let epoch_ms = crate::flatten::timestamp::parse_iso(text).expect("an instant").epoch_ms;
            assert_eq!(pushed(|out| push_time(out, epoch_ms)), format!("\"{text}\""));
        }
    }
}
