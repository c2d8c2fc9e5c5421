//! What a document is, as far as its first bytes and the names of its members tell.
//!
//! In: text that may be a document. Out: whether it begins like an event, has an event array, or has a timestamp before
//! it. Never: parses it.

use super::scan::{self, skip_space};
use super::split::ArrayKind;

/// How an event begins in the form that CloudTrail writes.
pub(crate) const EVENT_NAME: &[u8] = b"\"eventVersion\"";

/// The longest timestamp that CloudWatch Logs puts before a message.
pub(crate) const MAX_TIMESTAMP_BYTES: usize = 40;

/// The array that a member may hold by its name, as it stands; it may be spelled with escapes.
pub(super) fn array_kind(raw: &[u8]) -> Option<ArrayKind> {
    const NAMES: [(&str, ArrayKind); 3] =
        [("Records", ArrayKind::Records), ("Events", ArrayKind::Wrappers), ("logEvents", ArrayKind::Wrappers)];
    let kind = |name: &[u8]| NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, kind)| *kind);
    if !raw.contains(&b'\\') {
        return kind(raw);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).ok().and_then(|name| kind(name.as_bytes()))
}

/// Whether text begins as an event does in the form that CloudTrail writes.
pub(crate) fn is_event_start(text: &[u8]) -> bool {
    text.first() == Some(&b'{') && text[skip_space(text, 1)..].starts_with(EVENT_NAME)
}

/// Whether an object, as far as it is one, has an event array, or `Records` of another kind, among its members.
pub(super) fn has_event_array(object: &[u8]) -> bool {
    let mut at = skip_space(object, 1);
    while object.get(at) == Some(&b'"') {
        let Some(name_end) = scan::string_end(object, at + 1) else { return false };
        let colon = skip_space(object, name_end);
        let start = skip_space(object, colon + 1);
        let is_array = object.get(start) == Some(&b'[');
        match array_kind(&object[at + 1..name_end - 1]) {
            Some(ArrayKind::Records) => return true,
            Some(_) if is_array => return true,
            _ => {}
        }
        let Some(end) = scan::value_end(object, start) else { return false };
        at = skip_space(object, skip_space(object, end) + 1);
    }
    false
}

/// Where the object begins that is the message of a line of a CloudWatch Logs export: a timestamp and a space stand
/// before each (CloudWatch Logs User Guide, exporting to S3).
pub(crate) fn message_start(window: &[u8], line: usize) -> Option<usize> {
    let text = &window[line..window.len().min(line + MAX_TIMESTAMP_BYTES)];
    let is_of_timestamp = |byte: &u8| byte.is_ascii_digit() || b"-:.,+TZ".contains(byte);
    let length = text.iter().take_while(|byte| is_of_timestamp(byte)).count();
    let is_message = text.first().is_some_and(u8::is_ascii_digit) && text[length..].starts_with(b" {");
    is_message.then_some(line + length + 1)
}
