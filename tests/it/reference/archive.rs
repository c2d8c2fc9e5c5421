//! The text of an archive to its events: which documents count, and what an archive is when they do not.

use std::borrow::Cow;

use super::json::{self, Name};
use super::{ReferenceArchive, event, metering};

/// Members of which an event has at least one.
const EVENT_MEMBERS: [&str; 8] =
    ["eventVersion", "eventTime", "eventSource", "eventName", "eventID", "eventId", "eventType", "eventCategory"];

/// Converts the inflated text of one archive. `archive_uri` only goes into the rows.
pub fn reference_archive(archive_uri: &str, inflated: &[u8]) -> ReferenceArchive {
    let without = |status| ReferenceArchive { status, ..ReferenceArchive::default() };
    let bare = bare(inflated);
    let inflated = &*bare;
    // CSV, Parquet, a README: not even meant to be JSON, so that it need not be UTF-8 either.
    let first = inflated.iter().find(|byte| !b" \t\r\n".contains(byte));
    if !matches!(first, Some(b'{' | b'[')) {
        let is_export = inflated
            .trim_ascii_start()
            .splitn(2, |byte| *byte == b' ')
            .nth(1)
            .is_some_and(|message| message.starts_with(b"{"));
        return without(if is_export { "invalid" } else { "foreign" });
    }
    let Some(documents) = std::str::from_utf8(inflated).ok().and_then(json::documents) else {
        return without("invalid");
    };
    let Some(Found { events: found, strangers, is_archive }) = find_events(&documents) else {
        return ReferenceArchive { quarantined: vec![(None, "records_not_array")], ..without("quarantined") };
    };
    if found.is_empty() && (strangers > 0 || !is_archive) {
        return without("foreign");
    }
    let mut archive = without("converted");
    archive.quarantined = vec![(None, "trailing_data"); strangers];
    for (event_index, event) in (0..).zip(&found) {
        archive.events_seen += 1;
        let row = if json::documents(event).is_none() {
            // It was cut before it was put in a string.
            Err("json_invalid")
        } else if event.starts_with('{') {
            event::event_row(archive_uri, event_index, event)
        } else {
            Err("event_not_object")
        };
        match row {
            Ok(row) => {
                archive.usage_records.extend(metering::usage_rows(event, &row));
                archive.events.push(row);
            }
            Err(reason) => archive.quarantined.push((Some(event_index), reason)),
        }
    }
    archive
}

/// The source text of every event that gets a row.
pub fn source_events(inflated: &[u8]) -> Vec<String> {
    let text = bare(inflated);
    let documents = std::str::from_utf8(&text).ok().filter(|text| text.trim_start().starts_with(['{', '[']));
    let Some(documents) = documents.and_then(json::documents) else { return Vec::new() };
    let Some(found) = find_events(&documents) else { return Vec::new() };
    let has_row = |event: &String| {
        json::documents(event).is_some() && event.starts_with('{') && event::event_row("", 0, event).is_ok()
    };
    found.events.into_iter().filter(has_row).collect()
}

/// Text without a byte order mark, and without the timestamps of an export.
fn bare(inflated: &[u8]) -> Cow<'_, [u8]> {
    let inflated = inflated.strip_prefix("\u{feff}".as_bytes()).unwrap_or(inflated);
    match std::str::from_utf8(inflated).ok().and_then(without_timestamps) {
        Some(messages) => Cow::Owned(messages.into_bytes()),
        None => Cow::Borrowed(inflated),
    }
}

/// The messages of a CloudWatch Logs export, each of which has a timestamp and a space before it; `None` for other text.
fn without_timestamps(text: &str) -> Option<String> {
    let messages: Option<Vec<&str>> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (time, message) = line.trim_start().split_once(' ')?;
            let is_time = time.len() < 39
                && time.starts_with(|first: char| first.is_ascii_digit())
                && time.chars().all(|character| character.is_ascii_digit() || "-:.,+TZ".contains(character));
            (is_time && message.starts_with('{')).then_some(message)
        })
        .collect();
    messages.map(|messages| messages.join("\n"))
}

/// What the documents of an archive hold together.
#[derive(Default)]
struct Found {
    /// Events in order, of all documents; elements of an event array whatever they are.
    events: Vec<String>,
    /// Documents, arrays and elements without events.
    strangers: usize,
    /// Whether there is an array that makes an archive, though it may be empty.
    is_archive: bool,
}

/// The events of all documents; `None` when `Records` is no array.
fn find_events(documents: &[&str]) -> Option<Found> {
    let mut found = Found::default();
    for document in documents {
        if let Some(elements) = json::elements(document) {
            found.is_archive |= !elements.is_empty();
            found.take_array(&elements, elements.first().copied());
            continue;
        }
        let members: Vec<(Name, &str)> = json::members(document).unwrap_or_default();
        let is_event = members.first().is_some_and(|(name, _)| *name == json::name("eventVersion"));
        let has_wrappers = |(name, value): &(Name, &str)| {
            [json::name("Events"), json::name("logEvents")].contains(name) && json::elements(value).is_some()
        };
        let has_array = |member: &(Name, &str)| member.0 == json::name("Records") || has_wrappers(member);
        if is_event || !members.iter().any(has_array) {
            found.take_wrapper(document);
            continue;
        }
        for (name, value) in &members {
            let is_records = *name == json::name("Records");
            match json::elements(value) {
                Some(elements) if is_records => {
                    found.is_archive = true;
                    found.take_array(&elements, elements.iter().find(|element| element.starts_with('{')).copied());
                }
                Some(elements) if [json::name("Events"), json::name("logEvents")].contains(name) => {
                    for element in elements {
                        found.take_element(element);
                    }
                }
                None if is_records => return None,
                _ => {}
            }
        }
    }
    Some(found)
}

impl Found {
    /// Takes an array of events, or of what brings them; `telling` is the element that tells which.
    fn take_array(&mut self, elements: &[&str], telling: Option<&str>) {
        let Some(telling) = telling else {
            self.events.extend(elements.iter().map(|element| (*element).to_owned()));
            return;
        };
        if looks_like_event(telling) {
            self.events.extend(elements.iter().map(|element| (*element).to_owned()));
        } else if telling.starts_with('{') && !events_in(telling).is_empty() {
            for element in elements {
                self.take_element(element);
            }
        } else if !self.events.iter().any(|event| event.starts_with('{')) {
            self.strangers += 1;
        } else {
            // Among events, of which one at least is an object, whatever stands in an event array is one.
            self.events.extend(elements.iter().map(|element| (*element).to_owned()));
        }
    }

    /// Takes an element that should bring events.
    fn take_element(&mut self, element: &str) {
        if element.starts_with('{') { self.take_wrapper(element) } else { self.events.push(element.to_owned()) }
    }

    /// Takes an object that is an event, or brings some.
    fn take_wrapper(&mut self, object: &str) {
        let events = events_in(object);
        if events.is_empty() && !object.contains("CWL CONTROL MESSAGE") {
            self.strangers += 1;
        }
        self.events.extend(events);
    }
}

/// The events in a value, itself included: objects that are certainly events, at any depth, and in strings.
fn events_in(value: &str) -> Vec<String> {
    let is_text = |name: &str| {
        json::members(value)
            .into_iter()
            .flatten()
            .any(|(member, value)| member == json::name(name) && value.starts_with('"'))
    };
    if let Some(members) = json::members(value) {
        let has_subject = ["eventSource", "eventName", "eventType", "eventCategory"].into_iter().any(is_text);
        if is_text("eventVersion") && has_subject && looks_like_event(value) {
            return vec![value.to_owned()];
        }
        return members.into_iter().flat_map(|(_, value)| events_in(value)).collect();
    }
    if let Some(elements) = json::elements(value) {
        return elements.into_iter().flat_map(events_in).collect();
    }
    let Some(inner) = json::text(value).filter(|inner| inner.trim_start().starts_with(['{', '['])) else {
        return Vec::new();
    };
    match json::documents(&inner).as_deref() {
        Some([document]) => events_in(document),
        _ if inner.starts_with("{\"eventVersion\"") => vec![inner],
        _ => Vec::new(),
    }
}

/// Whether an element is an object with a member that events have, and no notification of another service.
fn looks_like_event(element: &str) -> bool {
    let Some(members) = json::members(element) else {
        return false;
    };
    let is_any_of = |name: &Name, names: &[&str]| names.iter().any(|known| *name == json::name(known));
    let notifies = |(name, value): &(Name, &str)| {
        is_any_of(name, &["eventSource", "EventSource"])
            && json::text(value).is_some_and(|text| text.starts_with("aws:"))
    };
    members.iter().any(|(name, _)| is_any_of(name, &EVENT_MEMBERS)) && !members.iter().any(notifies)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks status, number of events seen, indexes of the rows, and what is quarantined.
    #[track_caller]
    fn check(text: &str, status: &str, seen: u64, rows: &[i64], quarantined: &[(Option<u64>, &'static str)]) {
        let archive = reference_archive("file:///a.json.gz", text.as_bytes());
        assert_eq!(archive.status, status, "{text}");
        assert_eq!(archive.events_seen, seen, "{text}");
        let indexes: Vec<_> = archive.events.iter().map(|row| row["event_index"].clone()).collect();
        assert_eq!(indexes, rows.iter().map(|&index| super::super::Value::Int(index)).collect::<Vec<_>>(), "{text}");
        assert_eq!(archive.quarantined, quarantined, "{text}");
    }

    #[test]
    fn records_and_arrays_of_events_are_archives() {
        check(r#"{"Records":[{"eventName":"a"},{"x":1}]}"#, "converted", 2, &[0, 1], &[]);
        check(r#" {"v":{"Records":5},"Records" : [ {"eventID":null} ],"w":[]} "#, "converted", 1, &[0], &[]);
        check(r#"{"Records":[]}"#, "converted", 0, &[], &[]);
        check(r#"{"\u0052ecords":[{"eventName":"a"}]}"#, "converted", 1, &[0], &[]);
        check(r#"[{"eventId":"a"},{}]"#, "converted", 2, &[0, 1], &[]);
    }

    #[test]
    fn all_documents_count_on() {
        let text =
            "{\"Records\":[{\"eventName\":\"a\"}]}\n{\"Records\":[{}],\"Records\":[{},{}]}[{\"eventName\":\"b\"}]";
        check(text, "converted", 5, &[0, 1, 2, 3, 4], &[]);
    }

    #[test]
    fn elements_that_are_no_usable_events_are_quarantined_alone() {
        check(
            r#"{"Records":[7,{"eventName":"a"},null,{"a":1,"a":1},[{}],{}]}"#,
            "converted",
            6,
            &[1, 5],
            &[
                (Some(0), "event_not_object"),
                (Some(2), "event_not_object"),
                (Some(3), "duplicate_key"),
                (Some(4), "event_not_object"),
            ],
        );
        check(r#"{"Records":["x"]}"#, "converted", 1, &[], &[(Some(0), "event_not_object")]);
    }

    #[test]
    fn events_are_found_in_what_brings_them() {
        let event = r#"{"eventVersion":"1.08","eventName":"a"}"#;
        check(event, "converted", 1, &[0], &[]);
        check(&format!("{event}\n{event}{event}"), "converted", 3, &[0, 1, 2], &[]);
        check(&format!(r#"{{"version":"0","detail":{event}}}"#), "converted", 1, &[0], &[]);
        let quoted = format!("{event:?}");
        check(
            &format!(r#"{{"Events":[{{"CloudTrailEvent":{quoted}}},{{}},7]}}"#),
            "converted",
            2,
            &[0],
            &[(None, "trailing_data"), (Some(1), "event_not_object")],
        );
        check(&format!(r#"[{{"_raw":{quoted}}},{{"_raw":{quoted}}}]"#), "converted", 2, &[0, 1], &[]);
        check(&format!(r#"{{"x":1}}[7]{event}"#), "converted", 1, &[0], &[(None, "trailing_data"); 2]);
        check(r#"{"message":"{\"eventVersion\":"}"#, "converted", 1, &[], &[(Some(0), "json_invalid")]);
    }

    #[test]
    fn a_byte_order_mark_says_nothing() {
        check("\u{feff}{\"Records\":[{\"eventName\":\"a\"}]}", "converted", 1, &[0], &[]);
        check("\u{feff}{", "invalid", 0, &[], &[]);
    }

    #[test]
    fn lines_of_an_export_have_timestamps() {
        let event = r#"{"eventVersion":"1.08","eventName":"a"}"#;
        check(&format!("2025-03-01T08:15:00.000Z {event}\n1740816900000 {event}\n"), "converted", 2, &[0, 1], &[]);
        check("2025-03-01T08:15:00.000Z START RequestId", "foreign", 0, &[], &[]);
    }

    #[test]
    fn everything_else_is_foreign() {
        for text in [
            "",
            " \n",
            "User name,AWS access key",
            "PAR1\u{0}",
            "\u{feff}{}",
            "7",
            "\"{}\"",
            "{}",
            "[]",
            r#"{"eventName":"a"}"#,
            r#"{"records":[{"eventName":"a"}]}"#,
            r#"[7,{"eventName":"a"}]"#,
            r#"[{"s3":{}}]"#,
            r#"{"Records":[7,{"s3":{}},{"eventName":"a"}]}"#,
            r#"{"Records":[{"eventSource":"aws:s3","eventName":"a","eventVersion":"2.1"}]}"#,
            r#"{"Records":[{"EventSource":"aws:sns","eventVersion":"1.0"}]}"#,
            r#"{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":{"eventName":"a"}}"#,
            r#"{"Events":[{"EventId":"a","CloudTrailEvent":"{}"}]}"#,
            "{\"eventName\":\"a\"}\n{\"eventName\":\"b\"}",
            "{}[]{\"Records\":[]}",
        ] {
            check(text, "foreign", 0, &[], &[]);
        }
    }

    #[test]
    fn records_of_another_type_are_a_broken_archive() {
        check(r#"{"Records":{"eventName":"a"}}"#, "quarantined", 0, &[], &[(None, "records_not_array")]);
        check(r#"{"Records":"[]"}"#, "quarantined", 0, &[], &[(None, "records_not_array")]);
    }

    #[test]
    fn what_is_no_json_is_left_to_the_caller() {
        for text in ["{", r#"{"Records":[{]}"#, r#"{"Records":[]}x"#, r#"{"Records":[{"a":01}]}"#, "[1,]"] {
            check(text, "invalid", 0, &[], &[]);
        }
        assert_eq!(reference_archive("a", b"{\"a\":\"\xff\"}").status, "invalid");
    }
}
