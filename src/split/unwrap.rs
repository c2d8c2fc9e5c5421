//! Events inside other objects.
//!
//! In: an object. Out: whether it is an event, or the events in it, verbatim or unescaped, and what should have been an
//! event. Never: looks into an event: its content is its own.
//!
//! One rule covers EventBridge (`detail`), `lookup-events` (`CloudTrailEvent`), CloudWatch Logs (`message`), SNS and SQS
//! (`Message`, `body`), Splunk (`_raw`), Elasticsearch (`_source`, `event.original`) and similar wrappers: an event is an
//! object that is certainly one, below any member or in any array, or in a string. A string that contains
//! `eventVersion` is read as an archive is: it may hold an event, lines of them, `Records`, or wrappers of events, after
//! a prefix, and be truncated or damaged. Invalid parts are refused, and the rest is kept.

use std::ops::Range;

use super::document::names_version;
use super::outcome::Rejection;
use super::shape;
use super::splitter::{Element, Splitter};
use crate::error::{Finding, Reason};
use crate::json::tape::{Document, Member, ParseError, Parser, Shape, Value, raw_elements};

/// Remaining budget for nested and damaged text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Objects and arrays around an event; strings within strings count, too.
    pub(crate) depth: usize,
    /// Bytes that may be scanned a second time because of damage.
    pub(crate) rescan_bytes: usize,
}

impl Budget {
    /// Known services produce at most five levels around an event.
    pub(crate) const DEPTH: usize = 16;
}

/// Member names that identify a truncated event whose version is missing.
const EVENT_NAMES: [&str; 6] =
    ["\"eventTime\"", "\"eventSource\"", "\"eventName\"", "\"eventID\"", "\"eventType\"", "\"userIdentity\""];

/// The result of unwrapping an object.
#[derive(Debug)]
pub(crate) enum Unwrapped {
    /// An event; the kind of its archive.
    Event(&'static str),
    /// Contains these, which may be none; and its own kind.
    Wrapper(Vec<Extracted>, &'static str),
}

/// Something inside an object.
#[derive(Debug)]
pub(crate) struct Extracted {
    /// Its position: that of the object, or of the string that contains it.
    pub(crate) range: Range<usize>,
    pub(crate) content: Payload,
}

/// An event, or a refusal.
#[derive(Debug)]
pub(crate) enum Payload {
    /// An event.
    Event {
        /// Its text, when it is inside a string.
        text: Option<Box<str>>,
        /// The kind of its archive.
        kind: &'static str,
    },
    /// What should have been one.
    Refused {
        rejection: Rejection,
        /// Whether it counts as an event.
        is_event: bool,
        /// Its text.
        original: Vec<u8>,
    },
}

/// Unwraps an object.
///
/// # Errors
///
/// When it is not JSON.
pub(crate) fn unwrap(parser: &mut Parser, text: &str, budget: &mut Budget) -> Result<Unwrapped, ParseError> {
    let depth = budget.depth;
    let seen = parser.parse_lenient(text, |document| look(document, text, depth))?;
    let (found, mut foreign_kind) = match seen {
        Ok(kind) => return Ok(Unwrapped::Event(kind)),
        Err(seen) => seen,
    };
    let mut extracted = Vec::new();
    for FoundEvent { range, what } in found {
        match what {
            FoundKind::Event(kind) => extracted.push(Extracted { range, content: Payload::Event { text: None, kind } }),
            FoundKind::String => {
                let mut inner = Budget { depth: depth.saturating_sub(1), ..*budget };
                let kind = unwrap_string(parser, text, &range, &mut inner, &mut extracted)?;
                budget.rescan_bytes = inner.rescan_bytes;
                if kind == Some(shape::NOTIFICATION) {
                    // It is more specific than the kind of the container.
                    foreign_kind = shape::NOTIFICATION;
                }
            }
            FoundKind::TooDeep => {
                let message = format!("an event may stand here, more than {} levels deep", Budget::DEPTH);
                let rejection = Rejection { reason: Reason::NestingTooDeep, message };
                extracted.push(refused(text, range, rejection));
            }
        }
    }
    Ok(Unwrapped::Wrapper(extracted, foreign_kind))
}

/// Something that is refused verbatim.
fn refused(text: &str, range: Range<usize>, rejection: Rejection) -> Extracted {
    let original = text.as_bytes()[range.clone()].to_vec();
    Extracted { range, content: Payload::Refused { rejection, is_event: false, original } }
}

/// Unwraps a string that may be JSON, or contains `eventVersion`; its kind, when it is something else.
fn unwrap_string(
    parser: &mut Parser,
    text: &str,
    range: &Range<usize>,
    budget: &mut Budget,
    extracted: &mut Vec<Extracted>,
) -> Result<Option<&'static str>, ParseError> {
    let raw = &text[range.clone()];
    let Ok(inner) = serde_json::from_str::<String>(raw) else {
        if names_version(raw.as_bytes()) {
            let message = "a string that may hold an event has half of a pair of surrogates".to_owned();
            extracted.push(refused(text, range.clone(), Rejection { reason: Reason::Utf8Invalid, message }));
        }
        return Ok(None);
    };
    let mut foreign_kind = None;
    let kind = parser.parse_lenient(&inner, |document| shape::kind_of_event(document.root()));
    let is_json = kind.is_ok();
    let contents = match kind {
        Ok(Some(kind)) => vec![Payload::Event { text: Some(inner.into()), kind }],
        Ok(None) if !names_version(inner.as_bytes()) => {
            let (contents, kind) = unwrap_inner(parser, &inner, budget)?;
            foreign_kind = Some(kind);
            contents
        }
        Err(_) if !may_be_cut_event(&inner) => Vec::new(),
        _ => {
            let start = if is_json { 0 } else { text_start(&inner) };
            let (mut contents, kind) = read_as_archive(parser, &inner[start..], budget);
            foreign_kind = Some(kind);
            if contents.is_empty() && !(is_json && is_accounted_for(parser, &inner)) {
                let message = "a string seems to hold an event, and none can be read from it".to_owned();
                let rejection = Rejection { reason: Reason::JsonInvalid, message };
                contents.push(Payload::Refused { rejection, is_event: false, original: inner.into_bytes() });
            }
            contents
        }
    };
    extracted.extend(contents.into_iter().map(|content| Extracted { range: range.clone(), content }));
    Ok(foreign_kind)
}

/// Whether text that is not JSON may be a truncated event.
fn may_be_cut_event(inner: &str) -> bool {
    let is_container = inner.trim_start().starts_with(['{', '[']);
    names_version(inner.as_bytes()) || (is_container && EVENT_NAMES.iter().any(|name| inner.contains(name)))
}

/// Unwraps the JSON of a string.
fn unwrap_inner(
    parser: &mut Parser,
    inner: &str,
    budget: &mut Budget,
) -> Result<(Vec<Payload>, &'static str), ParseError> {
    let (extracted, kind) = match unwrap(parser, inner, budget)? {
        Unwrapped::Wrapper(extracted, kind) => (extracted, kind),
        Unwrapped::Event(kind) => (Vec::new(), kind),
    };
    let content = |Extracted { range, content }| match content {
        Payload::Event { text, kind } => {
            Payload::Event { text: Some(text.unwrap_or_else(|| inner[range].into())), kind }
        }
        refused @ Payload::Refused { .. } => refused,
    };
    Ok((extracted.into_iter().map(content).collect(), kind))
}

/// Where the JSON of a string begins: after a timestamp, a log prefix, or a byte order mark.
fn text_start(inner: &str) -> usize {
    let Some(object) = inner.find('{') else { return 0 };
    let before = inner[..object].trim_ascii_end();
    match before.as_bytes().last() {
        // An array, and the event is its first or a later element.
        Some(b'[') => before.len() - 1,
        Some(b',') if before.trim_ascii_start().starts_with('[') => 0,
        _ => object,
    }
}

/// Reads a text as an archive: its events and errors, in their order; and its kind.
fn read_as_archive(parser: &mut Parser, text: &str, budget: &mut Budget) -> (Vec<Payload>, &'static str) {
    let mut splitter = Splitter::within(*budget);
    let mut elements = Vec::new();
    splitter.split(parser, text.as_bytes(), true, &mut elements);
    budget.rescan_bytes = splitter.rescan_bytes();
    let split_outcome = splitter.close();
    let events = elements.into_iter().map(|Element { index, range, text: unescaped }| {
        let text = unescaped.unwrap_or_else(|| text[range.clone()].into());
        let content = Payload::Event { text: Some(text), kind: split_outcome.kind };
        (range.start as u64, Some(index), content)
    });
    let findings = split_outcome.findings.into_iter().map(|finding| {
        let Finding { event_index, byte_offset, reason, message, original } = finding;
        let offset = byte_offset.unwrap_or_default();
        let message = format!("at byte {offset} of the text of a string: {message}");
        let rejection = Rejection { reason, message };
        (offset, event_index, Payload::Refused { rejection, is_event: event_index.is_some(), original })
    });
    let mut contents: Vec<_> = events.chain(findings).collect();
    contents.sort_by_key(|(offset, index, _)| (*offset, *index));
    (contents.into_iter().map(|(.., content)| content).collect(), split_outcome.kind)
}

/// Whether a JSON text without events has another reason to contain `eventVersion`: it is a
/// notification, or mentions the word.
fn is_accounted_for(parser: &mut Parser, inner: &str) -> bool {
    fn holds_version(value: Value<'_>) -> bool {
        match value.shape() {
            Shape::Object => {
                let is_notification = shape::classify(value) == Err(shape::NOTIFICATION);
                !is_notification
                    && value.members().any(|member| member.name() == "eventVersion" || holds_version(member.value()))
            }
            Shape::Array => value.elements().any(holds_version),
            _ => false,
        }
    }
    parser.parse_lenient(inner, |document| !holds_version(document.root())).unwrap_or(false)
}

/// Something that may hold an event.
struct FoundEvent {
    range: Range<usize>,
    what: FoundKind,
}

/// The kind of such a thing.
enum FoundKind {
    /// An event, and the kind of its archive.
    Event(&'static str),
    /// A string that may be JSON, or contains `eventVersion`.
    String,
    /// Contains `eventVersion` beyond the maximum depth.
    TooDeep,
}

/// The kind of an event, or as an error what may hold events in another document, and the kind of that document.
fn look(document: Document<'_>, text: &str, depth: usize) -> Result<&'static str, (Vec<FoundEvent>, &'static str)> {
    let root = document.root();
    if let Some(kind) = shape::kind_of_event(root) {
        return Ok(kind);
    }
    let mut search = EventSearch { text, found: Vec::new(), has_notice: false };
    search.value(root, text, depth);
    let kind =
        if search.has_notice { shape::NOTIFICATION } else { shape::foreign_kind(root.members().map(Member::name)) };
    Err((search.found, kind))
}

struct EventSearch<'a> {
    text: &'a str,
    found: Vec<FoundEvent>,
    /// Whether there is a notification.
    has_notice: bool,
}

impl EventSearch<'_> {
    fn value(&mut self, value: Value<'_>, raw: &str, depth: usize) {
        let what = match (value.shape(), depth.checked_sub(1)) {
            (Shape::Object | Shape::Array | Shape::String(_), None) => {
                if !names_version(raw.as_bytes()) {
                    return;
                }
                FoundKind::TooDeep
            }
            (Shape::Object, Some(depth)) => match shape::kind_of_event(value) {
                None => {
                    self.has_notice |= shape::classify(value) == Err(shape::NOTIFICATION);
                    return value.members().for_each(|member| self.value(member.value(), member.raw(), depth));
                }
                Some(kind) => FoundKind::Event(kind),
            },
            (Shape::Array, Some(depth)) => {
                let elements = value.elements().zip(raw_elements(raw));
                return elements.for_each(|(element, raw)| self.value(element, raw, depth));
            }
            (Shape::String(text), Some(_))
                if text.trim_start().starts_with(['{', '[']) || names_version(text.as_bytes()) =>
            {
                FoundKind::String
            }
            _ => return,
        };
        // The text of a value is a slice of the whole.
        let start = raw.as_ptr().addr() - self.text.as_ptr().addr();
        self.found.push(FoundEvent { range: start..start + raw.len(), what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"eventVersion":"1.08","eventSource":"s3.amazonaws.com","eventName":"A","x":"\"q\\"}"#;

    fn events(text: &str) -> Vec<String> {
        match unwrap(&mut Parser::default(), text, &mut BUDGET.clone()).expect("JSON") {
            Unwrapped::Event(_) => vec!["itself".to_owned()],
            Unwrapped::Wrapper(extracted, _) => extracted
                .into_iter()
                .map(|Extracted { range, content }| match content {
                    Payload::Event { text: inner, .. } => {
                        inner.map_or_else(|| text[range].to_owned(), str::into_string)
                    }
                    Payload::Refused { rejection, is_event, .. } => {
                        format!("{}{}", rejection.reason, if is_event { " of an event" } else { "" })
                    }
                })
                .collect(),
        }
    }

    const BUDGET: Budget = Budget { depth: Budget::DEPTH, rescan_bytes: 1 << 20 };

    fn quoted(text: &str) -> String {
        serde_json::Value::from(text).to_string()
    }

    #[test]
    fn an_event_is_found_in_whatever_wraps_it() {
        assert_eq!(events(EVENT), ["itself"]);
        let bridge = format!("{{\"version\":\"0\",\"detail-type\":\"x\", \"detail\" : {EVENT} , \"resources\":[]}}");
        let lookup = format!("{{\"EventId\":\"1\",\"CloudTrailEvent\":{}}}", quoted(EVENT));
        let notice = format!("{{\"Type\":\"Notification\",\"Message\":{}}}", quoted(&bridge));
        let queued = format!("{{\"body\":{}}}", quoted(&notice));
        let elastic = format!("{{\"_source\":{{\"event\":{{\"original\":{}}}}}}}", quoted(EVENT));
        for wrapper in [&bridge, &lookup, &notice, &queued, &elastic, &format!("[{bridge}]")] {
            assert_eq!(events(wrapper), [EVENT], "{wrapper}");
        }
        assert_eq!(events(&format!("{{\"a\":[{EVENT},{{\"b\":{EVENT}}},[{}]]}}", quoted(EVENT))), [EVENT; 3]);
        let many = format!("{{\"Message\":{}}}", quoted(&format!("{{\"Records\":[{EVENT},{EVENT}]}}")));
        assert_eq!(events(&many), [EVENT; 2]);
    }

    #[test]
    fn objects_without_events_give_none() {
        for text in [
            "{}",
            "[]",
            "[1]",
            r#"{"detail":{"eventVersion":1}}"#,
            r#"{"detail":{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put"}}"#,
            r#"{"Message":"eventVersion"}"#,
            r#"{"Message":"{\"eventVersi"}"#,
            r#"{"Message":"{\"a\":[\"eventVersion\"]}"}"#,
            r#"{"Message":"{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\"}]}"}"#,
        ] {
            assert_eq!(events(text), Vec::<String>::new(), "{text}");
        }
        assert!(unwrap(&mut Parser::default(), "{\"detail\":", &mut BUDGET.clone()).is_err());
    }

    #[test]
    fn notifications_are_distinguished_from_other_foreign_objects() {
        let kind = |text: &str| match unwrap(&mut Parser::default(), text, &mut BUDGET.clone()) {
            Ok(Unwrapped::Wrapper(events, kind)) if events.is_empty() => kind,
            other => panic!("{other:?} of {text}"),
        };
        let notice =
            r#"{"eventVersion":"2.0","eventSource":"minio:s3","eventName":"x","s3":{"bucket":{},"object":{}}}"#;
        let quoted_notice = quoted(notice);
        for text in [
            notice,
            &format!("{{\"events\":[{notice}]}}"),
            &format!("{{\"Type\":\"Notification\",\"Message\":{quoted_notice}}}"),
            &format!("{{\"Body\":{}}}", quoted(&format!("{{\"Message\":{quoted_notice}}}"))),
            &format!("{{\"detail-type\":\"x\",\"detail\":{notice}}}"),
            r#"{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put"}"#,
            r#"{"EventSource":"aws:sns","Sns":{}}"#,
        ] {
            assert_eq!(kind(text), shape::NOTIFICATION, "{text}");
        }
        assert_eq!(
            kind(r#"{"Type":"Notification","Message":"{\"s3Bucket\":\"b\",\"s3ObjectKey\":[\"k\"]}"}"#),
            "sns_notice"
        );
        assert_eq!(kind(r#"{"s3":{"bucket":null,"object":{}}}"#), "json");
        let extracted = format!("{{\"s3\":{{\"bucket\":1,\"object\":2}},\"detail\":{EVENT}}}");
        assert_eq!(events(&extracted), [EVENT], "what brings an event may say where it comes from");
    }

    #[test]
    fn an_event_inside_an_event_is_not_extracted() {
        let outer =
            format!("{{\"eventVersion\":\"1.08\",\"eventType\":\"t\",\"requestParameters\":{{\"a\":{EVENT}}}}}");
        assert_eq!(events(&outer), ["itself"]);
        assert_eq!(events(&format!("{{\"detail\":{outer}}}")), [outer]);
    }

    #[test]
    fn depth_is_bounded() {
        let mut text = EVENT.to_owned();
        for _ in 0..40 {
            text = format!("{{\"a\":{text}}}");
        }
        assert_eq!(events(&text), ["nesting_too_deep"]);
        assert_eq!(events(&text.replace("eventVersion", "version")), Vec::<String>::new());
    }

    #[test]
    fn strings_are_read_like_archives() {
        let extracted = |text: &str| events(&format!("{{\"message\":{}}}", quoted(text)));
        let next = &EVENT[..EVENT.len() - 5];
        let other = r#"{"eventTime":"2025-03-01T08:15:00Z","eventVersion":"1.08","eventName":"B"}"#;
        assert_eq!(extracted(next), ["json_truncated of an event"]);
        assert_eq!(extracted(&other[..other.len() - 5]), ["json_truncated of an event"]);
        assert_eq!(extracted(&other[..40]), ["json_truncated"]);
        for before in ["2025-03-01T08:15:00Z ", "\u{feff}", " Mar  1 08:15:00 host trail[7]: ", "[INFO] "] {
            assert_eq!(extracted(&format!("{before}{other}")), [other], "{before:?}");
        }
        assert_eq!(extracted(&format!("{EVENT}\n{other}\n")), [EVENT, other]);
        assert_eq!(extracted(&format!("{EVENT} and more")), [EVENT, "trailing_data"]);
        let records = format!("{{\"Records\":[{EVENT},{other},{next}");
        assert_eq!(extracted(&records), [EVENT, other, "json_truncated of an event"]);
        assert_eq!(extracted(&format!("[{EVENT},{{\"eventName\":\"B\"}}]")), [EVENT, "{\"eventName\":\"B\"}"]);
        assert_eq!(extracted(&format!("[{}]", quoted(EVENT))), [EVENT]);
        assert_eq!(extracted(&format!("[1, {EVENT}]")), ["trailing_data", EVENT]);
        assert_eq!(extracted("\"eventVersion\" is not there"), ["json_invalid"]);
        assert_eq!(extracted("{\"eventVersion\":\"1.08\"}"), ["json_invalid"]);
        assert_eq!(events("{\"message\":\"{\\\"eventVersion\\\":\\\"\\ud800\"}"), ["utf8_invalid"]);
    }
}
