//! Events that other objects bring along.
//!
//! In: an object. Out: whether it is an event, or the events that are in it, as they stand or with their escapes taken
//! back. Never: looks into an event: what it holds is its own.
//!
//! One rule covers EventBridge (`detail`), `lookup-events` (`CloudTrailEvent`), CloudWatch Logs (`message`), SNS and SQS
//! (`Message`, `body`), Splunk (`_raw`), Elasticsearch (`_source`, `event.original`) and whatever is like them: an event is an
//! object that certainly is one, below any member or in any array, or a string that is the JSON of one or of what brings
//! one.

use std::ops::Range;

use super::shape;
use super::tape::{Document, Member, ParseError, Parser, Shape, Value, raw_elements};

/// Objects and arrays around an event; strings within strings count, too.
const MAX_DEPTH: usize = 16;

/// How the text of an event begins, as CloudTrail writes it.
const EVENT_START: &str = "{\"eventVersion\"";

/// What an object turned out to be.
#[derive(Debug)]
pub(crate) enum Unwrapped {
    /// An event; the kind of archive that it makes.
    Event(&'static str),
    /// Something that brings these events, which may be none; what it looks like.
    Wrapper(Vec<WrappedEvent>, &'static str),
}

/// An event in something else.
#[derive(Debug)]
pub(crate) struct WrappedEvent {
    /// Where it stands: the object, or the string that it is in.
    pub(crate) range: Range<usize>,
    /// The text of the event, when it is in a string.
    pub(crate) text: Option<Box<str>>,
    /// The kind of archive that it makes.
    pub(crate) kind: &'static str,
}

/// Finds out what an object is.
///
/// # Errors
///
/// When it is not JSON.
pub(crate) fn unwrap(parser: &mut Parser, text: &str) -> Result<Unwrapped, ParseError> {
    unwrap_below(parser, text, MAX_DEPTH)
}

fn unwrap_below(parser: &mut Parser, text: &str, depth: usize) -> Result<Unwrapped, ParseError> {
    let seen = parser.parse_lenient(text, |document| look(document, text, depth))?;
    let (found, foreign_kind) = match seen {
        Ok(kind) => return Ok(Unwrapped::Event(kind)),
        Err(seen) => seen,
    };
    let mut events = Vec::new();
    for Found { range, kind } in found {
        match kind {
            Some(kind) => events.push(WrappedEvent { range, text: None, kind }),
            None => unwrap_string(parser, text, range, depth.saturating_sub(1), &mut events),
        }
    }
    Ok(Unwrapped::Wrapper(events, foreign_kind))
}

/// Takes the events of a string.
fn unwrap_string(parser: &mut Parser, text: &str, range: Range<usize>, depth: usize, events: &mut Vec<WrappedEvent>) {
    // A string without a UTF-8 form is the text of nothing.
    let Ok(inner) = serde_json::from_str::<String>(&text[range.clone()]) else { return };
    match unwrap_below(parser, &inner, depth) {
        Ok(Unwrapped::Event(kind)) => events.push(WrappedEvent { range, text: Some(inner.into()), kind }),
        Ok(Unwrapped::Wrapper(inside, _)) => events.extend(inside.into_iter().map(|event| {
            let text = event.text.unwrap_or_else(|| inner[event.range].into());
            WrappedEvent { range: range.clone(), text: Some(text), kind: event.kind }
        })),
        // It was one before it was cut off or damaged; whoever converts it says what is wrong with it.
        Err(_) if inner.starts_with(EVENT_START) => {
            events.push(WrappedEvent { range, text: Some(inner.into()), kind: shape::LOG });
        }
        Err(_) => {}
    }
}

/// Something that may hold an event.
struct Found {
    range: Range<usize>,
    /// The kind of an event; `None` for a string that has still to be looked into.
    kind: Option<&'static str>,
}

/// The kind of an event, or as an error what may hold events in a document that is none, and what that looks like.
fn look(document: Document<'_>, text: &str, depth: usize) -> Result<&'static str, (Vec<Found>, &'static str)> {
    let root = document.root();
    if let Some(kind) = shape::kind_of_event(root) {
        return Ok(kind);
    }
    let mut found = Vec::new();
    Search { text, found: &mut found }.value(root, text, depth);
    Err((found, shape::foreign_kind(root.members().map(Member::name))))
}

struct Search<'a> {
    text: &'a str,
    found: &'a mut Vec<Found>,
}

impl Search<'_> {
    fn value(&mut self, value: Value<'_>, raw: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let kind = match value.shape() {
            Shape::Object => match shape::kind_of_event(value) {
                None => return value.members().for_each(|member| self.value(member.value(), member.raw(), depth)),
                kind => kind,
            },
            Shape::Array => {
                let elements = value.elements().zip(raw_elements(raw));
                return elements.for_each(|(element, raw)| self.value(element, raw, depth));
            }
            Shape::String(text) if text.trim_start().starts_with(['{', '[']) => None,
            _ => return,
        };
        // The text of a value is a piece of the whole.
        let start = raw.as_ptr().addr() - self.text.as_ptr().addr();
        self.found.push(Found { range: start..start + raw.len(), kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"eventVersion":"1.08","eventSource":"s3.amazonaws.com","eventName":"A","x":"\"q\\"}"#;

    fn events(text: &str) -> Vec<String> {
        match unwrap(&mut Parser::default(), text).expect("JSON") {
            Unwrapped::Event(_) => vec!["itself".to_owned()],
            Unwrapped::Wrapper(events, _) => events
                .into_iter()
                .map(|event| event.text.map_or_else(|| text[event.range].to_owned(), str::into_string))
                .collect(),
        }
    }

    fn quoted(text: &str) -> String {
        serde_json::Value::from(text).to_string()
    }

    #[test]
    fn an_event_is_found_in_whatever_brings_it() {
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
    fn what_brings_no_event_brings_none() {
        for text in [
            "{}",
            "[]",
            "[1]",
            r#"{"detail":{"eventVersion":1}}"#,
            r#"{"detail":{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put"}}"#,
            r#"{"Message":"eventVersion"}"#,
            r#"{"Message":"{\"eventVersion"}"#,
        ] {
            assert_eq!(events(text), Vec::<String>::new(), "{text}");
        }
        assert!(unwrap(&mut Parser::default(), "{\"detail\":").is_err());
    }

    #[test]
    fn an_event_in_an_event_is_its_own_affair() {
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
        assert_eq!(events(&text), Vec::<String>::new());
    }

    #[test]
    fn a_cut_off_event_is_one_all_the_same() {
        let cut = &EVENT[..EVENT.len() - 5];
        assert_eq!(events(&format!("{{\"message\":{}}}", quoted(cut))), [cut]);
    }
}
