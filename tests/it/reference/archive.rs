//! The text of an archive to its events: which documents count, and what an archive is when none does.

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
    // CSV, Parquet, a README: not meant to be JSON, so it need not be UTF-8 either.
    let text = inflated.trim_ascii_start();
    // The last three begin a string that holds JSON.
    let starts: [&[u8]; 5] = [b"{", b"[", b"\"{\\\"", b"\"[{\\\"", b"\"{\\u0022"];
    if !starts.iter().any(|start| text.starts_with(start)) {
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
    let Some(Found { items, strangers, is_archive, is_certain, .. }) = find_events(&documents, DEPTH) else {
        return ReferenceArchive { quarantined: vec![(None, "records_not_array")], ..without("quarantined") };
    };
    if !is_certain {
        return without("invalid");
    }
    if items.is_empty() && (strangers > 0 || !is_archive) {
        return without("foreign");
    }
    let has_events = items.is_empty() || items.iter().any(Item::counts);
    let mut archive = without(if has_events { "converted" } else { "quarantined" });
    if has_events {
        archive.quarantined = vec![(None, "trailing_data"); strangers];
    }
    for item in &items {
        let event_index = archive.events_seen;
        archive.events_seen += u64::from(item.counts());
        let row = match item {
            Item::Refused { is_event, reason } => {
                archive.quarantined.push((is_event.then_some(event_index), reason));
                continue;
            }
            Item::Event(event) if event.starts_with('{') => event::event_row(archive_uri, event_index, event),
            Item::Event(_) => Err("event_not_object"),
        };
        match (item, row) {
            (Item::Event(event), Ok(row)) => {
                archive.usage_records.extend(metering::usage_rows(event, &row));
                archive.events.push(row);
            }
            (_, Err(reason)) => archive.quarantined.push((Some(event_index), reason)),
            _ => {}
        }
    }
    archive
}

/// The source text of every event that gets a row.
pub fn source_events(inflated: &[u8]) -> Vec<String> {
    let text = bare(inflated);
    let documents = std::str::from_utf8(&text).ok().filter(|text| text.trim_start().starts_with(['{', '[', '"']));
    let Some(documents) = documents.and_then(json::documents) else { return Vec::new() };
    let Some(found) = find_events(&documents, DEPTH) else { return Vec::new() };
    let event = |item| match item {
        Item::Event(event) if event.starts_with('{') && event::event_row("", 0, &event).is_ok() => Some(event),
        _ => None,
    };
    found.items.into_iter().filter_map(event).collect()
}

/// Text without a byte order mark, and without the timestamps of an export.
fn bare(inflated: &[u8]) -> Cow<'_, [u8]> {
    let mut inflated = inflated;
    while let Some(unmarked) = inflated.trim_ascii_start().strip_prefix("\u{feff}".as_bytes()) {
        inflated = unmarked;
    }
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

/// What documents, objects and strings hold, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    /// An event; any element of an event array is one.
    Event(String),
    /// Something that should be an event, or hold some, and cannot be read.
    Refused { is_event: bool, reason: &'static str },
}

impl Item {
    fn counts(&self) -> bool {
        matches!(self, Self::Event(_) | Self::Refused { is_event: true, .. })
    }
}

/// The content of all documents of an archive.
struct Found {
    items: Vec<Item>,
    /// Documents, arrays and elements without events.
    strangers: usize,
    /// Whether there is an array of events, possibly empty.
    is_archive: bool,
    /// False when a string is damaged in a way for which the contract does not say what can be saved.
    is_certain: bool,
    /// Levels of objects, arrays and strings around an event that are searched.
    depth: usize,
}

/// That limit in the text of an archive; in a string it is one less than around it.
const DEPTH: usize = 16;

impl Default for Found {
    fn default() -> Self {
        Self { items: Vec::new(), strangers: 0, is_archive: false, is_certain: true, depth: DEPTH }
    }
}

/// The events of all documents; `None` when `Records` is no array.
fn find_events(documents: &[&str], depth: usize) -> Option<Found> {
    let mut found = Found { depth, ..Found::default() };
    for document in documents {
        if let Some(elements) = json::elements(document) {
            found.is_archive |= !elements.is_empty();
            found.take_array(&elements, elements.first().copied(), true);
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
                    found.take_array(
                        &elements,
                        elements.iter().find(|element| element.starts_with('{')).copied(),
                        false,
                    );
                }
                Some(elements) if [json::name("Events"), json::name("logEvents")].contains(name) => {
                    for element in elements {
                        found.take_element(element);
                    }
                }
                None if is_records => return None,
                // Members beside such an array are searched when they seem to hold an event.
                _ if names_version(value) => found.take_value(value, 0),
                _ => {}
            }
        }
    }
    Some(found)
}

impl Found {
    /// Takes an array of events or of wrappers; `deciding` is the element that decides which.
    fn take_array(&mut self, elements: &[&str], deciding: Option<&str>, is_outermost: bool) {
        let Some(deciding) = deciding else {
            return self.take_events(elements, is_outermost);
        };
        let position = elements.iter().position(|element| *element == deciding).unwrap_or_default();
        let is_said = deciding.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with("\"eventVersion\""));
        let may_bring = deciding.starts_with('{') || names_version(deciding);
        let brings = may_bring && !is_said && !is_certainly_event(deciding) && self.brings_something(deciding);
        if looks_like_event(deciding) && !brings {
            self.take_events(elements, is_outermost);
        } else if brings {
            for element in elements {
                self.take_element(element);
            }
        } else if !self.items.iter().any(|item| matches!(item, Item::Event(event) if event.starts_with('{'))) {
            self.strangers += 1;
            if elements[..position].iter().any(|element| names_version(element)) {
                self.take_events(&elements[..position], is_outermost);
            }
            // Among foreign elements, those that seem to hold an event are searched.
            for element in elements[position + 1..].iter().filter(|element| names_version(element)) {
                self.take_wrapper(element);
            }
        } else {
            // Among events, at least one of them an object, every element of an event array is one.
            self.take_events(elements, is_outermost);
        }
    }

    /// Takes elements that are events by their position. In an array outside any object, strings and arrays may hold some.
    fn take_events(&mut self, elements: &[&str], is_outermost: bool) {
        for element in elements {
            if is_outermost && !element.starts_with('{') && names_version(element) {
                self.take_wrapper(element);
            } else {
                self.items.push(Item::Event((*element).to_owned()));
            }
        }
    }

    /// Takes an element that should hold events.
    fn take_element(&mut self, element: &str) {
        if element.starts_with('{') || names_version(element) {
            self.take_wrapper(element);
        } else {
            self.items.push(Item::Event(element.to_owned()));
        }
    }

    /// Takes an object that is an event, or holds some.
    fn take_wrapper(&mut self, object: &str) {
        let before = self.items.len();
        self.take_value(object, 0);
        if self.items.len() == before && !object.contains("CWL CONTROL MESSAGE") {
            self.strangers += 1;
        }
    }

    /// Takes the events in a value, itself included: objects that are certainly events, and in strings. `level` is that of the
    /// value in its document.
    fn take_value(&mut self, value: &str, level: usize) {
        let is_too_deep = level == self.depth;
        if is_certainly_event(value) && (level == 0 || !is_too_deep) {
            self.items.push(Item::Event(value.to_owned()));
        } else if is_too_deep {
            if names_version(value) {
                self.refuse("nesting_too_deep");
            }
        } else if let Some(members) = json::members(value) {
            for (_, value) in members {
                self.take_value(value, level + 1);
            }
        } else if let Some(elements) = json::elements(value) {
            for element in elements {
                self.take_value(element, level + 1);
            }
        } else if value.starts_with('"') {
            match json::text(value) {
                Some(text) => self.take_string(&text),
                // Half of a pair of surrogates.
                None if names_version(value) => self.refuse("utf8_invalid"),
                None => {}
            }
        }
    }

    /// Whether a value is an event or holds anything that has to be accounted for.
    fn brings_something(&self, value: &str) -> bool {
        let mut found = Self { depth: self.depth, ..Self::default() };
        found.take_value(value, 0);
        !found.items.is_empty() || !found.is_certain
    }

    fn refuse(&mut self, reason: &'static str) {
        self.items.push(Item::Refused { is_event: false, reason });
    }

    /// Takes the content of a string. One that spells `eventVersion` is read like the text of an archive, from where its JSON
    /// begins; text that cannot be read is refused.
    fn take_string(&mut self, text: &str) {
        let documents = json::documents(text).filter(|documents| documents.len() == 1);
        let is_spelled = names_version(text);
        let begins_like_json = text.trim_start().starts_with(['{', '[']);
        let names = ["eventTime", "eventSource", "eventName", "eventID", "eventType", "userIdentity"];
        let may_be_cut = begins_like_json && names.iter().any(|name| text.contains(&format!("\"{name}\"")));
        match documents.as_deref() {
            Some([document]) if is_certainly_event(document) => {
                return self.items.push(Item::Event((*document).to_owned()));
            }
            Some([document]) if !is_spelled => {
                let mut inner = Self { depth: self.depth.saturating_sub(1), ..Self::default() };
                inner.take_value(document, 0);
                self.items.append(&mut inner.items);
                self.is_certain &= inner.is_certain;
                return;
            }
            None if !is_spelled && !may_be_cut => return,
            _ => {}
        }
        let before = self.items.len();
        let json = match without_timestamps(text) {
            _ if documents.is_some() => Cow::Borrowed(text),
            Some(messages) => Cow::Owned(messages),
            None => Cow::Borrowed(without_words(text)),
        };
        let depth = self.depth.saturating_sub(1);
        match json::documents(&json).as_deref().map(|documents| find_events(documents, depth)) {
            _ if !json.trim_start().starts_with(['{', '[']) => {}
            Some(Some(Found { items, strangers, is_certain, .. })) => {
                if items.iter().any(Item::counts) {
                    (0..strangers).for_each(|_| self.refuse("trailing_data"));
                }
                self.items.extend(items);
                self.is_certain &= is_certain;
            }
            Some(None) => self.refuse("records_not_array"),
            None => match items_of_cut(&json, depth) {
                Some(items) => self.items.extend(items),
                None => self.is_certain = false,
            },
        }
        let says_nothing = documents.as_deref().is_some_and(|documents| !has_version(documents[0]));
        if self.items.len() == before && !says_nothing {
            self.refuse("json_invalid");
        }
    }
}

/// Text from where its JSON begins: after a timestamp, or the words of a log.
fn without_words(text: &str) -> &str {
    let Some((before, _)) = text.split_once('{') else { return text };
    let words = before.trim_ascii_end();
    if words.ends_with('[') {
        &text[words.len() - 1..]
    } else if words.ends_with(',') && words.trim_ascii_start().starts_with('[') {
        text
    } else {
        &text[before.len()..]
    }
}

/// Whether a value has a member `eventVersion` that a notification of another service does not explain.
fn has_version(value: &str) -> bool {
    if let Some(members) = json::members(value) {
        let has_it = |(name, value): &(Name, &str)| *name == json::name("eventVersion") || has_version(value);
        return !is_notification(value) && members.iter().any(has_it);
    }
    json::elements(value).is_some_and(|elements| elements.into_iter().any(has_version))
}

/// The content of a text that was cut: whole documents, then one without its end. `None` when it was damaged in another
/// way, or might go on with another event after that place.
fn items_of_cut(text: &str, depth: usize) -> Option<Vec<Item>> {
    let (documents, cut) = whole_values(text)?;
    let mut found = find_events(&documents, depth)?;
    let (head, is_archive) = [("{\"Records\":[", true), ("[", true)]
        .into_iter()
        .find(|(head, ..)| cut.starts_with(head))
        .unwrap_or(("{", false));
    let mut rest = cut.strip_prefix(head)?;
    let has_other_array = ["Records", "Events", "logEvents"].iter().any(|name| rest.contains(name));
    if !is_archive {
        // An event states its version itself. Whole events in the cut text are kept; which ones is not decided here.
        let version = rest.split_once("\"eventVersion\"");
        let is_own = version.is_none_or(|(before, _)| before.matches('{').count() <= before.matches('}').count());
        let is_certain = !has_other_array && is_own && rest.matches("eventVersion").count() < 2;
        found.items.push(Item::Refused { is_event: version.is_some(), reason: "json_truncated" });
        return is_certain.then_some(found.items);
    }
    let mut elements = Vec::new();
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&serde_json::value::RawValue>();
        match values.next() {
            Some(Ok(element)) => elements.push(element.get()),
            Some(Err(error)) if !error.is_eof() => return None,
            _ => break,
        }
        let behind = rest[values.byte_offset()..].trim_ascii_start();
        rest = match behind.strip_prefix(',') {
            Some(next) => next,
            None if behind.is_empty() => "",
            None => return None,
        };
    }
    let rest = rest.trim_ascii();
    let deciding = elements.first().copied();
    found.take_array(&elements, deciding, head == "[");
    found.items.push(Item::Refused { is_event: !rest.is_empty(), reason: "json_truncated" });
    let is_plain = deciding.is_none_or(looks_like_event) && rest.matches("eventVersion").count() < 2;
    (is_plain && !elements.iter().any(|element| element.contains("\n{"))).then_some(found.items)
}

/// Whole values of a text that ends inside one, and the part of that one.
fn whole_values(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&serde_json::value::RawValue>();
    let mut whole = Vec::new();
    let mut end = 0;
    loop {
        match values.next()? {
            Ok(value) => whole.push(value.get()),
            Err(error) if error.is_eof() => return Some((whole, text[end..].trim_ascii_start())),
            Err(_) => return None,
        }
        end = values.byte_offset();
    }
}

/// Whether a value is an object with a version and a subject, and no notification of another service.
fn is_certainly_event(value: &str) -> bool {
    let is_text = |name: &str| {
        json::members(value)
            .into_iter()
            .flatten()
            .any(|(member, value)| member == json::name(name) && value.starts_with('"'))
    };
    let has_subject = || ["eventSource", "eventName", "eventType", "eventCategory"].into_iter().any(is_text);
    // Some pipelines turn a version into a number, which keeps its point.
    let is_number = || {
        let version = json::member(value, "eventVersion");
        version.is_some_and(|version| !version.starts_with(['"', '{', '[']) && version.contains('.'))
    };
    (is_text("eventVersion") || is_number()) && has_subject() && looks_like_event(value)
}

/// Whether text has `eventVersion` after a quote, which may be escaped in any way.
fn names_version(text: &str) -> bool {
    text.contains("\"eventVersion") || text.contains("\\u0022eventVersion")
}

/// Whether an element is an object with a member that events have, and no notification of another service.
fn looks_like_event(element: &str) -> bool {
    let is_known = |name: &Name| EVENT_MEMBERS.iter().any(|known| *name == json::name(known));
    let members = json::members(element).unwrap_or_default();
    members.iter().any(|(name, _)| is_known(name)) && !is_notification(element)
}

/// Whether an object is a notification of another service.
fn is_notification(object: &str) -> bool {
    let is_any_of = |name: &Name, names: &[&str]| names.iter().any(|known| *name == json::name(known));
    let notifies = |(name, value): &(Name, &str)| {
        let is_of_aws = is_any_of(name, &["eventSource", "EventSource"])
            && json::text(value).is_some_and(|text| text.starts_with("aws:"));
        // From any store: the notification is about an object in a bucket.
        let is_of_a_store = is_any_of(name, &["s3", "oss", "obs"])
            && ["bucket", "object"].iter().all(|member| json::member(value, member).is_some());
        // API calls have no colon in their names.
        let is_change = is_any_of(name, &["eventName"])
            && json::text(value)
                .as_deref()
                .and_then(|text| text.split_once(':'))
                .is_some_and(|(before, after)| before.starts_with("Object") || after.starts_with("Object"));
        is_of_aws || is_of_a_store || is_change
    };
    json::members(object).is_some_and(|members| members.iter().any(notifies))
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
    fn events_are_found_in_their_wrappers() {
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
        check(r#"{"message":"{\"eventVersion\":"}"#, "converted", 1, &[], &[(Some(0), "json_truncated")]);
    }

    #[test]
    fn a_string_that_spells_an_event_is_read_as_an_archive() {
        let event = r#"{"eventVersion":"1.08","eventName":"a"}"#;
        let other = r#"{"eventName":"b","eventVersion":"1.08"}"#;
        let with = |text: &str| format!("{{\"m\":{},\"n\":{event:?}}}", serde_json::Value::from(text));
        let cut = "json_truncated";
        check(&with(&event[..30]), "converted", 2, &[1], &[(Some(0), cut)]);
        check(&with(&other[..38]), "converted", 2, &[1], &[(Some(0), cut)]);
        check(&with(&other[..20]), "converted", 1, &[0], &[(None, cut)]);
        check(&with(&other[..8]), "converted", 1, &[0], &[]);
        for before in ["\u{feff}", "2025-03-01T08:15:00Z ", "Mar  1 host trail[7]: ", "[INFO] "] {
            check(&with(&format!("{before}{other}")), "converted", 2, &[0, 1], &[]);
        }
        check(&with(&format!("{event}\n{other}\n")), "converted", 3, &[0, 1, 2], &[]);
        check(&with(&format!("{{\"Records\":[{event},{other},{{")), "converted", 4, &[0, 1, 3], &[(Some(2), cut)]);
        check(&with(&format!("{{\"Records\":[{event},{other}")), "converted", 3, &[0, 1, 2], &[(None, cut)]);
        check(&with(&format!("[{event},{{}}]")), "converted", 3, &[0, 1, 2], &[]);
        check(&with("\"eventVersion\" is the word"), "converted", 1, &[0], &[(None, "json_invalid")]);
        check(&with("{\"eventVersion\":\"1.08\"}"), "converted", 1, &[0], &[(None, "json_invalid")]);
        check(&with("{\"eventSource\":\"aws:s3\",\"eventVersion\":\"2.1\"}"), "converted", 1, &[0], &[]);
        check(&with("{\"a\":[\"eventVersion\"]}"), "converted", 1, &[0], &[]);
        check(&format!("{{\"m\":{:?}}}", &other[..38]), "converted", 1, &[], &[(Some(0), cut)]);
        check(&format!("{{\"m\":{:?}}}", &other[..20]), "quarantined", 0, &[], &[(None, cut)]);
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
    fn notices_of_stores_are_no_events() {
        let notice = |source: &str, member: &str| {
            format!(
                r#"{{"eventVersion":"2.0","eventSource":"{source}","eventName":"s3:ObjectCreated:Put","{member}":{{"bucket":{{"name":"b"}},"object":{{"key":"k"}}}}}}"#
            )
        };
        let event = r#"{"eventVersion":"1.08","eventName":"a"}"#;
        for (source, member) in
            [("aws:s3", "s3"), ("minio:s3", "s3"), ("ceph:s3", "s3"), ("acs:oss", "oss"), ("", "obs")]
        {
            let notice = notice(source, member);
            for text in [
                notice.clone(),
                format!("{notice}\n{notice}\n"),
                format!("[{notice}]"),
                format!(r#"{{"EventName":"x","Key":"b/k","Records":[{notice}]}}"#),
                format!(r#"{{"events":[{notice}]}}"#),
                format!(r#"{{"Type":"Notification","Message":{notice:?}}}"#),
            ] {
                check(&text, "foreign", 0, &[], &[]);
            }
            check(&format!("{event}\n{notice}\n{event}"), "converted", 2, &[0, 1], &[(None, "trailing_data")]);
            // Among events, every element of an event array is one.
            check(&format!("[{event},{notice}]"), "converted", 2, &[0, 1], &[]);
            // A wrapper of an event may name its source.
            let brought = format!(r#"{{"message":{event:?},"{member}":{{"bucket":{{}},"object":{{}}}}}}"#);
            check(&brought, "converted", 1, &[0], &[]);
        }
        for no_notice in [
            r#""s3":{"bucket":"b"}"#,
            r#""s3":"bucket object""#,
            r#""requestParameters":{"s3":{"bucket":1,"object":2}}"#,
        ] {
            let event = event.replace('}', &format!(",{no_notice}}}"));
            check(&event, "converted", 1, &[0], &[]);
        }
    }

    #[test]
    fn records_of_another_type_are_a_broken_archive() {
        check(r#"{"Records":{"eventName":"a"}}"#, "quarantined", 0, &[], &[(None, "records_not_array")]);
        check(r#"{"Records":"[]"}"#, "quarantined", 0, &[], &[(None, "records_not_array")]);
    }

    #[test]
    fn text_that_is_no_json_is_left_to_the_caller() {
        for text in ["{", r#"{"Records":[{]}"#, r#"{"Records":[]}x"#, r#"{"Records":[{"a":01}]}"#, "[1,]"] {
            check(text, "invalid", 0, &[], &[]);
        }
        assert_eq!(reference_archive("a", b"{\"a\":\"\xff\"}").status, "invalid");
    }
}
