//! Whole events.

use trailmill::schema::{Column, Kind, Table};

use super::{Tape, metering, values};

/// A member's value while the event is still being built.
pub enum Node {
    Text(String),
    Object(Members),
}

/// Members by name, as spelled between the quotes.
pub type Members = Vec<(String, Node)>;

/// An event of any service.
pub fn any_event(tape: &mut Tape) -> String {
    if tape.below(4) == 3 {
        return metering::metering_event(tape);
    }
    if tape.one_in(300) {
        return deep_event(tape);
    }
    let event = members(tape);
    rendered(&event)
}

/// The members of an event, in random order, with values that their columns allow, and sometimes others.
pub fn members(tape: &mut Tape) -> Members {
    let mut event = Members::new();
    // How many of a hundred optional members there are.
    let fullness = tape.pick(&[20, 50, 85]);
    for column in Table::Events.columns() {
        let essential =
            ["event_time", "event_id", "event_version", "event_source", "event_name"].contains(&column.name);
        let present = if essential { !tape.one_in(30) } else { tape.below(100) >= 100 - fullness };
        if column.source.is_empty() || !present {
            continue;
        }
        let value = if tape.one_in(40) { "null".to_owned() } else { value_of(column, tape) };
        let path: Vec<&str> = column.source.split('.').collect();
        *place(&mut event, &path) = Node::Text(value);
    }
    if tape.one_in(20) {
        let usual = event.iter().find_map(|(name, node)| match node {
            Node::Text(value) if name == "eventID" => Some(value.clone()),
            _ => None,
        });
        let value = match tape.below(4) {
            2 => usual.unwrap_or_else(|| values::text(tape)),
            3 => values::no_text(tape),
            _ => values::text(tape),
        };
        event.push(("eventId".to_owned(), Node::Text(value)));
    }
    disturb(&mut event, tape);
    if tape.one_in(25) {
        double_a_member(&mut event, tape);
    }
    event
}

/// Where the member at a path is, or will be.
pub fn place<'m>(members: &'m mut Members, path: &[&str]) -> &'m mut Node {
    let [first, rest @ ..] = path else { unreachable!("a path has a name") };
    let position = members.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
        members.push(((*first).to_owned(), Node::Text("null".to_owned())));
        members.len() - 1
    });
    let node = &mut members[position].1;
    if rest.is_empty() {
        return node;
    }
    if let Node::Text(_) = node {
        *node = Node::Object(Members::new());
    }
    match node {
        Node::Object(members) => place(members, rest),
        Node::Text(_) => unreachable!("made an object above"),
    }
}

fn value_of(column: &Column, tape: &mut Tape) -> String {
    match column.kind {
        Kind::Text if tape.one_in(40) => values::no_text(tape),
        Kind::Text => known_text(column.name, tape).unwrap_or_else(|| values::text(tape)),
        Kind::Json => values::json(tape),
        Kind::Boolean { as_text } => values::boolean(tape, as_text),
        Kind::Timestamp => values::timestamp(tape),
        Kind::Resources => values::resources(tape),
        other => unreachable!("no member of an event has a column of kind {other:?}"),
    }
}

/// A usual value for columns on which something depends.
fn known_text(column: &str, tape: &mut Tape) -> Option<String> {
    let options: &[&str] = match column {
        "event_source" if tape.one_in(50) => &["metering-marketplace", "Metering-Marketplace.amazonaws.com"],
        "event_source" => &["s3.amazonaws.com", "sts.amazonaws.com", "metering-marketplace.amazonaws.com"],
        "event_name" => &["GetObject", "AssumeRole", "RegisterUsage", "ResolveCustomer", "batchMeterUsage"],
        "event_version" => &["1.08", "1.05", "1.10", "1.0"],
        "event_category" => &["Management", "Data", "Insight", "NetworkActivity"],
        _ => return None,
    };
    Some(format!("\"{}\"", tape.pick(options)))
}

/// Adds members without a column, and breaks a few of the objects that have columns.
fn disturb(members: &mut Members, tape: &mut Tape) {
    for (name, node) in members.iter_mut() {
        let Node::Object(inner) = node else {
            continue;
        };
        disturb(inner, tape);
        if tape.one_in(40) {
            *node = Node::Text(match tape.below(4) {
                0 => "{}".to_owned(),
                1 => values::no_text(tape),
                2 => "null".to_owned(),
                _ => format!("{{\"{}\":null}}", if name == "userIdentity" { "type" } else { "x" }),
            });
        }
    }
    if tape.one_in(6) {
        let count = 1 + tape.below(3);
        for name in values::unknown_names(tape, count) {
            members.push((name.to_owned(), Node::Text(values::anything(tape))));
        }
    }
    if tape.one_in(12) {
        let absent = ["userIdentity", "tlsDetails", "addendum", "sessionContext", "attributes"];
        let name = tape.pick(&absent);
        if !members.iter().any(|(existing, _)| existing == name) {
            members.push((name.to_owned(), Node::Text("{}".to_owned())));
        }
    }
    if tape.one_in(3) {
        tape.shuffle(members);
    }
}

/// Repeats a member of some flattened object, with its own value, another or null.
fn double_a_member(members: &mut Members, tape: &mut Tape) {
    if members.is_empty() {
        return;
    }
    let position = tape.below(members.len());
    if let Node::Object(inner) = &mut members[position].1
        && !inner.is_empty()
        && tape.below(2) == 1
    {
        return double_a_member(inner, tape);
    }
    let (name, node) = &members[position];
    let value = match tape.below(3) {
        0 => "null".to_owned(),
        1 => text_of(node),
        _ => values::anything(tape),
    };
    members.push((name.clone(), Node::Text(value)));
}

/// An event well beyond, or well within, the depth that is accepted.
fn deep_event(tape: &mut Tape) -> String {
    let levels = tape.pick(&[900, 1_100, 20_000]);
    let name = tape.pick(&["requestParameters", "newMember"]);
    let (open, close) = tape.pick(&[("[", "]"), ("{\"a\":[", "]}")]);
    let levels = levels / open.matches(['[', '{']).count();
    format!("{{\"eventName\":\"Deep\",\"{name}\":{}{}}}", open.repeat(levels), close.repeat(levels))
}

/// The JSON text of these members.
pub fn rendered(members: &Members) -> String {
    let members: Vec<String> = members.iter().map(|(name, node)| format!("\"{name}\":{}", text_of(node))).collect();
    format!("{{{}}}", members.join(","))
}

fn text_of(node: &Node) -> String {
    match node {
        Node::Text(text) => text.clone(),
        Node::Object(members) => rendered(members),
    }
}
