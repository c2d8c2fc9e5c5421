//! Whole archives around events.

use super::{Tape, values};
use crate::reference::json;

/// The text of an archive that holds these events: mostly in one `{"Records":[…]}`.
pub fn document(events: Vec<String>, tape: &mut Tape) -> String {
    match tape.below(62) {
        0..=39 => records(events, tape),
        40..=45 => array(events, tape),
        46..=53 => {
            // Merged archives: several documents, with or without something between them.
            let mut events = events.into_iter();
            let mut text = String::new();
            for _ in 0..2 {
                let some: Vec<String> = events.by_ref().take(1 + tape.below(3)).collect();
                text.push_str(&records(some, tape));
                text.push_str(tape.pick(&["\n", "", " ", "\r\n\r\n", "\t"]));
            }
            let rest: Vec<String> = events.collect();
            let rest_is_array = !rest.is_empty() && tape.one_in(4);
            text + &if rest_is_array { format!("[{}]", rest.join(",")) } else { records(rest, tape) }
        }
        54 | 55 => foreign(&events, tape),
        56 | 57 => wrapped(&events, tape),
        58 => format!("{{\"Records\":{}}}", tape.pick(&["{}", "\"[]\"", "7", "true", "{\"a\":[]}"])),
        _ => format!("\n {}\n", records(events, tape)),
    }
}

fn records(mut events: Vec<String>, tape: &mut Tape) -> String {
    if tape.one_in(10) {
        let position = tape.below(events.len() + 1);
        let stranger = tape.pick(&["null", "7", "\"{}\"", "[]", "true", "[{\"eventName\":\"a\"}]", "1.5e3"]);
        events.insert(position, stranger.to_owned());
    }
    if tape.one_in(30) && !events.is_empty() {
        // After the first element, a notification of another service is an event like any other.
        events.insert(1, notice(tape));
    }
    if tape.one_in(30) {
        let second = events.split_off(events.len() / 2);
        return format!("{{\"Records\":[{}],\"Records\":[{}]}}", events.join(","), second.join(","));
    }
    let list = events.join(",");
    if tape.one_in(8) {
        let (before, after) = (values::anything(tape), values::anything(tape));
        return format!("{{\"meta\":{before},\"Records\":[{list}],\"records\":{after}}}");
    }
    format!("{{\"Records\":[{list}]}}")
}

fn array(mut events: Vec<String>, tape: &mut Tape) -> String {
    if tape.one_in(8) && !events.is_empty() {
        let position = 1 + tape.below(events.len());
        events.insert(position, "null".to_owned());
    }
    format!("[{}]", events.join(","))
}

/// None of them deep: a value too deep to be searched is refused before it is known whether it holds events.
fn shallow(events: &[String]) -> Vec<&str> {
    const SHALLOW: usize = 900;
    events.iter().map(String::as_str).filter(|event| json::depth(event) <= SHALLOW).collect()
}

/// Events as other services hand them on, one by one or in lists.
fn wrapped(events: &[String], tape: &mut Tape) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let form = tape.below(10);
    let mut wrapped: Vec<String> = shallow(events)
        .into_iter()
        .map(|event| match form {
            0 | 1 => event.to_owned(),
            8 => format!("{{\"message\":{},\"n\":{{}}}}", quoted(&unusual(event, tape))),
            9 => format!("{{\"message\":[{},{}]}}", quoted(&unusual(event, tape)), quoted(&plain(tape))),
            2 => format!("{{\"version\":\"0\",\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\":{event}}}"),
            3 => format!("{{\"EventId\":\"x\",\"CloudTrailEvent\":{},\"Resources\":[]}}", quoted(event)),
            4 => format!("{{\"id\":\"1\",\"timestamp\":1,\"message\":{}}}", quoted(event)),
            5 => format!("{{\"preview\":false,\"result\":{{\"_raw\":{}}}}}", quoted(event)),
            6 => format!("{{\"Type\":\"Notification\",\"Message\":{}}}", quoted(&format!("{{\"detail\":{event}}}"))),
            _ => format!("{{\"a\":[{event},[{}]],\"b\":{{}}}}", quoted(event)),
        })
        .collect();
    if tape.one_in(2) && !wrapped.is_empty() {
        let stranger = if tape.one_in(2) { notice(tape) } else { "{\"x\":{}}".to_owned() };
        wrapped.insert(1, stranger);
    }
    match tape.below(5) {
        0 => format!("[{}]", wrapped.join(" ,")),
        1 => format!("{{\"NextToken\":null,\"Events\":[{}]}}", wrapped.join(",")),
        2 => format!("{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{}]}}", wrapped.join(",")),
        3 => wrapped.concat(),
        _ => wrapped.join("\n"),
    }
}

/// An event of few members in any order.
fn plain(tape: &mut Tape) -> String {
    let mut members = [
        "\"eventVersion\":\"1.08\"",
        "\"eventTime\":\"2025-03-01T08:15:00Z\"",
        "\"eventSource\":\"s3.amazonaws.com\"",
        "\"eventName\":\"GetObject\"",
        "\"requestParameters\":{\"a\":[1,{\"b\":\"}\"}]}",
    ];
    if tape.one_in(2) {
        tape.shuffle(&mut members);
    }
    format!("{{{}}}", members.join(","))
}

/// Text that holds an event other than as its only document, or should.
fn unusual(event: &str, tape: &mut Tape) -> String {
    let plain = plain(tape);
    let cut = |text: &str, tape: &mut Tape| text[..text.len() - 1 - tape.below(text.len() - 1)].to_owned();
    match tape.below(10) {
        0 => format!("2025-03-01T08:15:00.000Z {event}"),
        1 => format!("\u{feff}{event}"),
        2 => format!("<134>Mar  1 08:15:00 host trail[7]: {plain}"),
        3 => format!("{event}\n{plain}\n"),
        4 => format!("{{\"Records\":[{plain},{event}]}}"),
        5 => format!("[{plain},7,{event}]"),
        6 => format!("2025-03-01T08:15:00Z {plain}\n2025-03-01T08:15:01Z {plain}"),
        7 => cut(&plain, tape),
        8 => format!("{{\"Records\":[{plain},{}", cut(&plain, tape)),
        _ => format!("{plain}\n{}", cut(&plain, tape)),
    }
}

/// Notifications of a service or a store, which are not CloudTrail events.
fn notice(tape: &mut Tape) -> String {
    let (source, member) = tape.pick(&[
        ("aws:s3", "s3"),
        ("minio:s3", "s3"),
        ("ceph:s3", "s3"),
        ("acs:oss", "oss"),
        ("OBS", "obs"),
        ("aws:sns", "Sns"),
    ]);
    let version = tape.pick(&["2.0", "2.1", "1.0", "3.0"]);
    let entity = format!("\"{member}\":{{\"bucket\":{{\"name\":\"b\"}},\"object\":{{\"key\":\"k\"}}}}");
    let head =
        format!("\"eventVersion\":\"{version}\",\"eventSource\":\"{source}\",\"eventName\":\"ObjectCreated:Put\"");
    if tape.one_in(2) { format!("{{{entity},{head}}}") } else { format!("{{{head},{entity}}}") }
}

/// JSON that is not an archive.
fn foreign(events: &[String], tape: &mut Tape) -> String {
    let events = shallow(events);
    let event = events.first().copied().unwrap_or("{}");
    match tape.below(10) {
        0 => "{}".to_owned(),
        1 => "{\"version\":\"0\",\"detail-type\":\"x\",\"detail\":{}}".to_owned(),
        2 => format!("{{\"EventName\":\"x\",\"Key\":\"b/k\",\"Records\":[{}]}}", notice(tape)),
        3 => "{\"Records\":[{\"EventSource\":\"aws:sns\",\"EventVersion\":\"1.0\",\"Sns\":{}}]}".to_owned(),
        4 => "{\"awsAccountId\":\"123456789012\",\"logFiles\":[]}".to_owned(),
        5 => format!("[7,{event}]"),
        6 => notice(tape),
        7 => format!("[{},{event}]", notice(tape)),
        8 => format!("{{\"events\":[{}]}}", notice(tape)),
        _ => "{\"Events\":[{\"EventId\":\"x\",\"CloudTrailEvent\":\"{}\"}]}".to_owned(),
    }
}
