//! Random histories of a lake, and the bytes of their archives: archives that appear, change, break, are repaired and
//! vanish between runs, and runs that die.

use std::io::Write as _;

use proptest::prelude::*;

use crate::harness::records;

/// What happens to one lake.
#[derive(Clone, Debug)]
pub struct History {
    pub partition_by: &'static str,
    pub tables: &'static str,
    pub runs: Vec<Plan>,
}

/// What changes before a run, and how it is started.
#[derive(Clone, Debug)]
pub struct Plan {
    pub changes: Vec<Change>,
    pub input: &'static str,
    pub step_size: u32,
    pub threads: u8,
    pub flags: &'static str,
    pub fault: Option<String>,
}

/// A change of the archive in a slot, which is a path.
#[derive(Clone, Debug)]
pub enum Change {
    Write(usize, Vec<Element>, Harm),
    /// The same elements as before, unharmed.
    Mend(usize),
    Remove(usize),
}

#[derive(Clone, Copy, Debug)]
pub enum Element {
    /// A copy of the event of this number, if `is_moved` with another Region than the others.
    Event { number: usize, is_moved: bool },
    /// An event without an identifier.
    Nameless { number: usize },
    /// Something that is not an event.
    Bad(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    None,
    /// Cut in the middle of the element of this number.
    Truncated(usize),
    /// A wrong checksum: nothing of it is certain.
    Corrupt,
    /// Not an archive at all.
    Foreign,
}

pub const SLOTS: usize = 8;
const EVENTS: usize = 26;

/// The path of a slot, and what it is delivered by: some deliveries are at the same minute to several prefixes, and
/// later ones come first by path.
pub fn slot(number: usize) -> (String, u32) {
    let (prefix, minute) =
        [("a", 20), ("b", 10), ("c", 10), ("a", 10), ("b", 40), ("c", 20), ("a", 45), ("b", 5)][number];
    let name = format!("123456789012_CloudTrail_us-east-1_20250301T08{minute:02}Z_{number:016}.json.gz");
    (format!("in/{prefix}/AWSLogs/123456789012/CloudTrail/us-east-1/2025/03/01/{name}"), minute)
}

pub fn history() -> impl Strategy<Value = History> {
    let partition_by = prop::sample::select(vec![
        "event_date",
        "event_month",
        "region",
        "account,event_date",
        "event_source",
        "region,event_month,event_source",
    ]);
    let tables = prop_oneof![3 => Just("usage_records,events"), 1 => Just("usage_records"), 1 => Just("events")];
    (partition_by, tables, prop::collection::vec(plan(), 2..7)).prop_map(|(partition_by, tables, runs)| History {
        partition_by,
        tables,
        runs,
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let input = prop_oneof![4 => Just("in"), 1 => Just("in/a"), 1 => Just("in/c in/b")];
    let flags = prop::sample::select(vec![
        "",
        "",
        "--retry-quarantined",
        "--reconvert-changed",
        "--reconvert-changed --retry-quarantined",
    ]);
    let kill = |at: u32| format!("signal {at} 9");
    let at = || prop_oneof![1u32..40, 1u32..120];
    let fault = prop_oneof![
        5 => Just(None),
        4 => at().prop_map(move |at| Some(kill(at))),
        1 => at().prop_map(|at| Some(format!("error {at} 5"))),
        1 => at().prop_map(|at| Some(format!("full {at}"))),
        1 => at().prop_map(|at| Some(format!("signal {at} 15"))),
    ];
    let changes = prop::collection::vec(change(), 1..5);
    (changes, input, 300u32..3_000, 1u8..5, flags, fault).prop_map(
        |(changes, input, step_size, threads, flags, fault)| Plan { changes, input, step_size, threads, flags, fault },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let harm = prop_oneof![
        12 => Just(Harm::None),
        2 => (0usize..8).prop_map(Harm::Truncated),
        1 => Just(Harm::Corrupt),
        1 => Just(Harm::Foreign),
    ];
    let elements = prop::collection::vec(element(), 0..9);
    prop_oneof![
        12 => (0..SLOTS, elements, harm).prop_map(|(slot, elements, harm)| Change::Write(slot, elements, harm)),
        2 => (0..SLOTS).prop_map(Change::Mend),
        1 => (0..SLOTS).prop_map(Change::Remove),
    ]
}

fn element() -> impl Strategy<Value = Element> {
    prop_oneof![
        14 => (0..EVENTS).prop_map(|number| Element::Event { number, is_moved: false }),
        1 => (0..EVENTS).prop_map(|number| Element::Event { number, is_moved: true }),
        2 => (0..EVENTS).prop_map(|number| Element::Nameless { number }),
        1 => (0usize..5).prop_map(Element::Bad),
    ]
}

/// One form of an archive: its bytes, and what a lake must have of it.
#[derive(Debug)]
pub struct Form {
    pub bytes: Vec<u8>,
    pub elements: Vec<Element>,
    pub harm: Harm,
    /// The events that can be kept, in order.
    pub events: Vec<Event>,
    pub bad: usize,
}

/// An event in an archive.
#[derive(Clone, Debug)]
pub struct Event {
    /// Equal for copies of the same event; `None` if it has no identity.
    pub key: Option<String>,
    /// Unique to this copy.
    pub mark: String,
    pub usage_records: usize,
}

impl Form {
    /// The form of this number of a slot; no two forms of a slot have the same size.
    pub fn new(slot: usize, number: usize, elements: Vec<Element>, harm: Harm, padding: usize) -> Self {
        let parts: Vec<(String, Option<Event>)> = (0..)
            .zip(&elements)
            .map(|(index, element)| write(*element, &format!("slot {slot}, form {number}, event {index}")))
            .collect();
        let texts: Vec<&str> = parts.iter().map(|(text, _)| text.as_str()).collect();
        let mut text = records(&texts) + &" ".repeat(padding);
        let mut kept = if matches!(harm, Harm::Corrupt | Harm::Foreign) { 0 } else { parts.len() };
        if harm == Harm::Foreign {
            text = format!("{{\"hello\":\"{}\"}}", " ".repeat(padding));
        }
        let mut bytes = stored(text.as_bytes());
        match harm {
            Harm::Truncated(at) if !parts.is_empty() => {
                kept = at % parts.len();
                let before: usize = texts[..kept].iter().map(|text| text.len() + 1).sum();
                let half = if parts[kept].1.is_some() { texts[kept].len() / 2 } else { 0 };
                // Before the text are ten bytes of gzip and five of the block.
                bytes.truncate(15 + "{\"Records\":[".len() + before + half);
            }
            Harm::Truncated(_) | Harm::Corrupt => {
                kept = 0;
                let at = bytes.len() - 6;
                bytes[at] ^= 1;
            }
            Harm::None | Harm::Foreign => {}
        }
        let bad = parts[..kept].iter().filter(|(_, event)| event.is_none()).count();
        let events = parts.into_iter().take(kept).filter_map(|(_, event)| event).collect();
        Self { bytes, elements, harm, events, bad }
    }

    /// Whether it has no usable event, so that earlier rows stay.
    pub fn is_refused(&self) -> bool {
        matches!(self.harm, Harm::Corrupt | Harm::Foreign)
            || matches!(self.harm, Harm::Truncated(_)) && self.events.is_empty()
    }
}

/// Gzip that stores its text as it is, so that a cut is where it is meant to be.
fn stored(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(text).expect("memory");
    let bytes = encoder.finish().expect("memory");
    assert_eq!(&bytes[15..15 + text.len()], text, "one block");
    bytes
}

/// The text of an element, and the event that it is.
fn write(element: Element, mark: &str) -> (String, Option<Event>) {
    let (number, is_moved, is_nameless) = match element {
        Element::Event { number, is_moved } => (number, is_moved, false),
        Element::Nameless { number } => (number, false, true),
        Element::Bad(kind) => {
            let bad = ["7", "null", "\"x\"", "[{}]", "{\"eventID\":\"x\",\"eventID\":\"y\"}"];
            return (bad[kind].to_owned(), None);
        }
    };
    let (id, time, account, name) = identity(number);
    let is_metering = name == "BatchMeterUsage";
    let usage_records = if is_metering { 1 + number % 3 } else { 0 };
    let region = if is_moved { "eu-west-1" } else { "us-east-1" };
    let source = if is_metering { "metering-marketplace" } else { ["ec2", "s3"][number % 2] };
    let mut text = format!(
        r#"{{"eventVersion":"1.08","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"{region}","userAgent":"{mark}""#
    );
    let mut member = |name: &str, value: &str| text.push_str(&format!(r#","{name}":"{value}""#));
    if !is_nameless {
        member("eventID", &id);
    }
    if let Some((time, _)) = time {
        member("eventTime", time);
    }
    if let Some(account) = account {
        member("recipientAccountId", account);
    }
    if is_metering {
        let record = |at: usize| format!(r#"{{"customerIdentifier":"c{at}","dimension":"d","quantity":{number}}}"#);
        let list: Vec<String> = (0..usage_records).map(record).collect();
        text.push_str(&format!(r#","requestParameters":{{"productCode":"p","usageRecords":[{}]}}"#, list.join(",")));
    }
    text.push('}');
    let time = time.and_then(|(_, ms)| ms);
    let key = (!is_nameless).then(|| key(&id, account, time, name));
    (text, Some(Event { key, mark: mark.to_owned(), usage_records }))
}

/// The key by which a lake identifies an event.
pub fn key(id: &str, account: Option<&str>, time: Option<i64>, name: &str) -> String {
    format!("{id} {account:?} {time:?} {name}")
}

type Time = Option<(&'static str, Option<i64>)>;

/// Two events share an identifier, and differ in account, time or name.
fn identity(number: usize) -> (String, Time, Option<&'static str>, &'static str) {
    // No two neighbours are null in the lake.
    const TIMES: [Time; 7] = [
        Some(("2025-03-01T08:15:00Z", Some(1_740_816_900_000))),
        None,
        Some(("2025-02-28T23:59:59Z", Some(1_740_787_199_000))),
        Some(("some day", None)),
        Some(("2025-03-01T00:00:00Z", Some(1_740_787_200_000))),
        Some(("2018-04-19T07:00:00Z", Some(1_524_121_200_000))),
        Some(("2025-03-02T10:00:00.250Z", Some(1_740_909_600_250))),
    ];
    const ACCOUNTS: [Option<&str>; 3] = [Some("111111111111"), Some("222222222222"), None];
    let pair = number / 2;
    let is_metering = pair.is_multiple_of(3);
    let differs_in = if number.is_multiple_of(2) { 3 } else { pair % if is_metering { 2 } else { 3 } };
    let time = TIMES[(pair + usize::from(differs_in == 0)) % TIMES.len()];
    let account = ACCOUNTS[(pair + usize::from(differs_in == 1)) % ACCOUNTS.len()];
    let name = match (is_metering, differs_in) {
        (true, _) => "BatchMeterUsage",
        (false, 2) => "StopInstances",
        (false, _) => "RunInstances",
    };
    (format!("id-{pair}"), time, account, name)
}
