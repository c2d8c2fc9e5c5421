//! What a document is, as far as its first bytes and the names of its members tell.
//!
//! In: text that may be a document. Out: whether it begins like an event, has an event array, or has a timestamp before
//! it. Never: parses it.

use memchr::memmem;

use super::scanner::ArrayKind;
use crate::json::scan::{self, skip_space};

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

/// Whether text begins as nothing but an event does: with a version that CloudTrail alone has, from 1.01 on. Notices of
/// stores begin in the same way, and say 2.1, 3.0 or 1.0.
pub(crate) fn is_certain_start(text: &[u8]) -> bool {
    if !is_event_start(text) {
        return false;
    }
    let colon = skip_space(text, skip_space(text, 1) + EVENT_NAME.len());
    let is_version = |version: &[u8]| matches!(version, [b'"', b'1', b'.', tens, ones, b'"', ..] if tens.is_ascii_digit() && ones.is_ascii_digit());
    text.get(skip_space(text, colon + 1)..).is_some_and(is_version)
}

/// Whether text is a string that holds an object or an array, as `jq` prints one that it was not told to print raw.
pub(crate) fn is_json_string_start(text: &[u8]) -> bool {
    const STARTS: [&[u8]; 3] = [b"\"{\\\"", b"\"[{\\\"", b"\"{\\u0022"];
    STARTS.iter().any(|start| text.starts_with(start))
}

/// Whether text names `eventVersion`: as a member of its own, or in a string, however often that is escaped.
pub(crate) fn names_version(text: &[u8]) -> bool {
    const WORD: &[u8] = b"eventVersion";
    memmem::find_iter(text, WORD).any(|at| text[..at].ends_with(b"\"") || text[..at].ends_with(b"\\u0022"))
}

/// Whether text begins like an event, or is an object that has shown `eventVersion` among its own members before it ends.
pub(crate) fn is_event_like(text: &[u8]) -> bool {
    is_event_start(text) || members(text).any(|(name, _)| name == b"eventVersion")
}

/// The names of an object's members, as they stand, with where their values begin; as far as it is one and they have an end.
fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = (object.first() == Some(&b'{')).then(|| skip_space(object, 1));
    std::iter::from_fn(move || {
        let name_at = at.filter(|at| object.get(*at) == Some(&b'"'))?;
        let name_end = scan::string_end(object, name_at + 1)?;
        let value = skip_space(object, skip_space(object, name_end) + 1);
        at = scan::value_end(object, value).map(|end| skip_space(object, skip_space(object, end) + 1));
        Some((&object[name_at + 1..name_end - 1], value))
    })
}

/// Whether an object, as far as it is one, has an event array, or `Records` of another kind, among its members.
pub(super) fn has_event_array(object: &[u8]) -> bool {
    members(object).any(|(name, value)| match array_kind(name) {
        Some(ArrayKind::Records) => true,
        Some(_) => object.get(value) == Some(&b'['),
        None => false,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_tells_events_from_notices() {
        let is_certain =
            |version: &str| is_certain_start(format!("{{ \"eventVersion\" : {version},\"a\":1}}").as_bytes());
        assert!(["\"1.01\"", "\"1.08\"", "\"1.11\""].into_iter().all(is_certain));
        assert!(!["\"1.0\"", "\"2.1\"", "\"3.0\"", "1.08", "\"1.08", "\"1.108\"", ""].into_iter().any(is_certain));
        assert!(!is_certain_start(b"{\"eventVersion\"") && !is_certain_start(b"{\"eventName\":\"1.08\"}"));
    }
}
