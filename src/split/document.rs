//! What a document is, judged by its first bytes and the names of its members.
//!
//! In: text that may be a document. Out: whether it begins like an event, has an event array, or follows a
//! timestamp. Never: parses it.

use memchr::memmem;

use super::scanner::ArrayKind;
use crate::json::scan::{self, skip_space};

/// The beginning of an event as CloudTrail writes it.
pub(crate) const EVENT_NAME: &[u8] = b"\"eventVersion\"";

/// The longest timestamp that CloudWatch Logs writes before a message.
pub(crate) const MAX_TIMESTAMP_BYTES: usize = 40;

/// The kind of array that a member of this raw name may hold; the name may be spelled with escapes.
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

/// Whether text begins like an event as CloudTrail writes it.
pub(crate) fn is_event_start(text: &[u8]) -> bool {
    text.first() == Some(&b'{') && text[skip_space(text, 1)..].starts_with(EVENT_NAME)
}

/// Whether text begins as only an event does: with a version that only CloudTrail has, from 1.01 on. Notifications of
/// stores begin in the same way, with version 2.1, 3.0 or 1.0.
pub(crate) fn is_certain_start(text: &[u8]) -> bool {
    if !is_event_start(text) {
        return false;
    }
    let colon = skip_space(text, skip_space(text, 1) + EVENT_NAME.len());
    let is_version = |version: &[u8]| matches!(version, [b'"', b'1', b'.', tens, ones, b'"', ..] if tens.is_ascii_digit() && ones.is_ascii_digit());
    text.get(skip_space(text, colon + 1)..).is_some_and(is_version)
}

/// Whether text is a string that holds an object or an array, as `jq` prints one without `--raw-output`.
pub(crate) fn is_json_string_start(text: &[u8]) -> bool {
    const STARTS: [&[u8]; 3] = [b"\"{\\\"", b"\"[{\\\"", b"\"{\\u0022"];
    STARTS.iter().any(|start| text.starts_with(start))
}

/// Whether text contains the name `eventVersion`: of a member, or in a string, however often that is escaped.
pub(crate) fn names_version(text: &[u8]) -> bool {
    const WORD: &[u8] = b"eventVersion";
    memmem::find_iter(text, WORD).any(|at| text[..at].ends_with(b"\"") || text[..at].ends_with(b"\\u0022"))
}

/// Whether text begins like an event, or is an object with `eventVersion` among its own members, as far as it goes.
pub(crate) fn is_event_like(text: &[u8]) -> bool {
    is_event_start(text) || members(text).any(|(name, _)| name == b"eventVersion")
}

/// The raw names of an object's members and where their values begin, as far as the text is valid.
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

/// Whether an object, as far as it goes, has an event array, or `Records` of another kind, among its members.
pub(super) fn has_event_array(object: &[u8]) -> bool {
    members(object).any(|(name, value)| match array_kind(name) {
        Some(ArrayKind::Records) => true,
        Some(_) => object.get(value) == Some(&b'['),
        None => false,
    })
}

/// Where the object begins that is the message of a line of a CloudWatch Logs export: each is preceded by a timestamp and
/// a space (CloudWatch Logs User Guide, exporting to S3).
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
    fn the_version_distinguishes_events_from_notifications() {
        let is_certain =
            |version: &str| is_certain_start(format!("{{ \"eventVersion\" : {version},\"a\":1}}").as_bytes());
        assert!(["\"1.01\"", "\"1.08\"", "\"1.11\""].into_iter().all(is_certain));
        assert!(!["\"1.0\"", "\"2.1\"", "\"3.0\"", "1.08", "\"1.08", "\"1.108\"", ""].into_iter().any(is_certain));
        assert!(!is_certain_start(b"{\"eventVersion\"") && !is_certain_start(b"{\"eventName\":\"1.08\"}"));
    }
}
