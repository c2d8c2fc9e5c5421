//! The text of an archive to its events: which documents count, and what an archive is when they do not.

use super::json::{self, Name};
use super::{ReferenceArchive, event, metering};

/// Members of which an event has at least one.
const EVENT_MEMBERS: [&str; 8] =
    ["eventVersion", "eventTime", "eventSource", "eventName", "eventID", "eventId", "eventType", "eventCategory"];

/// Converts the inflated text of one archive. `archive_uri` only goes into the rows.
pub fn reference_archive(archive_uri: &str, inflated: &[u8]) -> ReferenceArchive {
    let without = |status| ReferenceArchive { status, ..ReferenceArchive::default() };
    // CSV, Parquet, a README: not even meant to be JSON, so that it need not be UTF-8 either.
    let first = inflated.iter().find(|byte| !b" \t\r\n".contains(byte));
    if !matches!(first, Some(b'{' | b'[')) {
        return without("foreign");
    }
    let Some(documents) = std::str::from_utf8(inflated).ok().and_then(json::documents) else {
        return without("invalid");
    };
    let found = match find_events(&documents) {
        Found::Events(events) => events,
        Found::Foreign => return without("foreign"),
        Found::RecordsNotArray => {
            return ReferenceArchive { quarantined: vec![(None, "records_not_array")], ..without("quarantined") };
        }
    };
    let mut archive = without("converted");
    for (event_index, event) in (0..).zip(found) {
        archive.events_seen += 1;
        let row = if event.starts_with('{') {
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

/// What the documents of an archive hold together.
enum Found<'a> {
    /// Elements in order, of all documents.
    Events(Vec<&'a str>),
    Foreign,
    RecordsNotArray,
}

fn find_events<'a>(documents: &[&'a str]) -> Found<'a> {
    let mut events = Vec::new();
    let mut foreign = documents.is_empty();
    let mut seen_object = false;
    for document in documents {
        if let Some(elements) = json::elements(document) {
            foreign |= !elements.first().is_some_and(|first| looks_like_event(first));
            seen_object = true;
            events.extend(elements);
            continue;
        }
        let members: Vec<(Name, &str)> = json::members(document).unwrap_or_default();
        let records = members.into_iter().filter(|(name, _)| *name == json::name("Records"));
        let records: Vec<&str> = records.map(|(_, value)| value).collect();
        foreign |= records.is_empty();
        for value in records {
            let Some(elements) = json::elements(value) else {
                return Found::RecordsNotArray;
            };
            // Only the first object of an archive is judged: from then on any object is an event.
            let first_object = elements.iter().find(|element| element.starts_with('{'));
            if let (false, Some(first)) = (seen_object, first_object) {
                foreign |= !looks_like_event(first);
                seen_object = true;
            }
            events.extend(elements);
        }
    }
    if foreign { Found::Foreign } else { Found::Events(events) }
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
