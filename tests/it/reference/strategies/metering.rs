//! Metering calls: records, how AWS echoes and answers them, and everything that can be missing.

use super::events::{self, Node};
use super::{Tape, values};
use crate::reference::usage_record::API_MEMBERS;

/// An event of `BatchMeterUsage`, one in five of `MeterUsage`.
pub fn metering_event(tape: &mut Tape) -> String {
    let meter_usage = tape.one_in(5);
    let (request, response) = if meter_usage { meter_usage_bodies(tape) } else { batch_bodies(tape) };
    let (request, response) = (renamed(request, tape), renamed(response, tape));
    let failed = tape.one_in(8);
    // A failed call has no response; sometimes it has one all the same.
    let response = if failed && !tape.one_in(8) { Some("null".to_owned()) } else { response };
    let source = tape.pick(&[
        "metering-marketplace.amazonaws.com",
        "metering-marketplace.amazonaws.com",
        "metering-marketplace.amazonaws.com",
        "metering-marketplace.amazonaws.com.cn",
        "metering-marketplace.",
        "metering\\u002dmarketplace.amazonaws.com",
    ]);
    let name = if meter_usage { "MeterUsage" } else { "BatchMeterUsage" };
    let error = match failed {
        true if tape.one_in(10) => values::anything(tape),
        true => format!("\"{}\"", tape.pick(&ERRORS)),
        false => "null".to_owned(),
    };
    let mut event = events::members(tape);
    let mut put = |name: &str, value: Option<String>| match value {
        Some(value) => *events::place(&mut event, &[name]) = Node::Text(value),
        None => event.retain(|(existing, _)| existing != name),
    };
    put("eventSource", Some(format!("\"{source}\"")));
    put("eventName", Some(format!("\"{name}\"")));
    put("requestParameters", request);
    put("responseElements", response);
    put("errorCode", Some(error));
    events::rendered(&event)
}

/// The body with the names of members in another letter case: all as an SDK has them, all in one case, or just some.
fn renamed(body: Option<String>, tape: &mut Tape) -> Option<String> {
    let mut body = body?;
    let form = tape.below(24);
    for name in API_MEMBERS {
        let (first, rest) = name.split_at(1);
        let new = match form {
            20 | 21 => format!("{}{rest}", first.to_uppercase()),
            22 if tape.one_in(3) => format!("{}{rest}", first.to_uppercase()),
            23 => name.to_lowercase(),
            _ => continue,
        };
        body = body.replace(&format!("\"{name}\":"), &format!("\"{new}\":"));
    }
    Some(body)
}

const ERRORS: [&str; 4] =
    ["TimestampOutOfBoundsException", "ThrottlingException", "com.amazonaws#InvalidProductCodeException", ""];

/// An instant in the forms of usage records.
struct Hour {
    date: &'static str,
    time: &'static str,
    iso: &'static str,
    epoch: i64,
}

#[rustfmt::skip]
const HOURS: [Hour; 8] = [
    Hour { date: "Apr 19, 2018", time: "4:32:50 PM", iso: "2018-04-19T16:32:50", epoch: 1_524_155_570 },
    Hour { date: "Jul 23, 2020", time: "1:35:44 AM", iso: "2020-07-23T01:35:44", epoch: 1_595_468_144 },
    Hour { date: "Dec 9, 2025", time: "5:31:31 PM", iso: "2025-12-09T17:31:31", epoch: 1_765_301_491 },
    Hour { date: "Feb 29, 2024", time: "12:00:00 AM", iso: "2024-02-29T00:00:00", epoch: 1_709_164_800 },
    Hour { date: "Feb 29, 2024", time: "12:00:00 PM", iso: "2024-02-29T12:00:00", epoch: 1_709_208_000 },
    Hour { date: "Sept 5, 2023", time: "12:59:59 AM", iso: "2023-09-05T00:59:59", epoch: 1_693_875_599 },
    Hour { date: "Sep 9, 2001", time: "1:46:40 AM", iso: "2001-09-09T01:46:40", epoch: 1_000_000_000 },
    Hour { date: "Jan 1, 2026", time: "5:59:59 AM", iso: "2026-01-01T05:59:59", epoch: 1_767_247_199 },
];

/// Whole and decimal quantities, as Marketplace allows them.
const QUANTITIES: [&str; 10] =
    ["1", "0", "17", "2147483647", "2147483648", "0.5", "1.10", "0.000001", "9999999999.999999", "-3"];

/// Quantity and tags.
type Allocation = (&'static str, Vec<(&'static str, &'static str)>);

/// A usage record before it is written: what stays the same however it is spelled.
#[derive(Clone)]
struct Record {
    dimension: Option<&'static str>,
    customer: Option<&'static str>,
    account: Option<&'static str>,
    license: Option<&'static str>,
    hour: Option<usize>,
    quantity: Option<&'static str>,
    allocations: Option<Vec<Allocation>>,
}

impl Record {
    fn draw(tape: &mut Tape) -> Self {
        // Few values, so that records often differ in one member only.
        Self {
            dimension: (!tape.one_in(30)).then(|| tape.pick(&["users", "gb\\u002dhours", "Users"])),
            customer: tape.one_in(2).then(|| tape.pick(&["customer1", "customer2", ""])),
            account: (!tape.one_in(3)).then(|| tape.pick(&["987654321098", "012345678901"])),
            license: tape.one_in(3).then(|| tape.pick(&["arn:aws:license-manager::1:license:l-1", "l-2"])),
            hour: (!tape.one_in(30)).then(|| if tape.one_in(3) { tape.below(HOURS.len()) } else { tape.below(2) }),
            quantity: (!tape.one_in(30))
                .then(|| if tape.one_in(3) { tape.pick(&QUANTITIES) } else { tape.pick(&["1", "17"]) }),
            allocations: tape.one_in(5).then(|| {
                (0..tape.below(4))
                    .map(|_| {
                        let tags = (0..tape.below(3)).map(|_| (tape.pick(&["team", "", "é"]), tape.pick(&["a", "b="])));
                        let tags = tags.collect();
                        (tape.pick(&QUANTITIES), tags)
                    })
                    .collect()
            }),
        }
    }

    /// Changes one member, so that an echo no longer equals its request.
    fn disturb(&mut self, tape: &mut Tape) {
        match tape.below(9) {
            0 => self.quantity = None,
            1 => self.hour = None,
            2 => self.account = None,
            3 => self.license = None,
            4 => self.allocations = None,
            5 => self.customer = Some("customer1"),
            6 => self.quantity = Some("18"),
            7 => self.hour = Some(6),
            _ => self.dimension = None,
        }
    }

    /// Writes the record in one of its many spellings.
    fn write(&self, tape: &mut Tape, meter_usage: bool) -> Vec<(String, String)> {
        let mut members: Vec<(String, String)> = Vec::new();
        let mut put = |name: &str, value: String| members.push((name.to_owned(), value));
        if let Some(dimension) = self.dimension {
            put(if meter_usage { "usageDimension" } else { "dimension" }, format!("\"{dimension}\""));
        }
        if let Some(hour) = self.hour {
            put("timestamp", timestamp(&HOURS[hour], tape));
        }
        if let Some(customer) = self.customer {
            put("customerIdentifier", format!("\"{customer}\""));
        }
        if let Some(account) = self.account {
            let names =
                ["customerAWSAccountId", "customerAWSAccountID", "customerAwsAccountId", "CUSTOMERAWSACCOUNTID"];
            put(tape.pick(&names), format!("\"{account}\""));
        }
        if let Some(license) = self.license {
            put("licenseArn", format!("\"{license}\""));
        }
        if let Some(value) = self.quantity {
            let plain = if meter_usage { "usageQuantity" } else { "quantity" };
            quantity(plain, value, tape, &mut put);
        }
        if let Some(allocations) = &self.allocations {
            put("usageAllocations", write_allocations(allocations, tape));
        }
        // Wrong types, nulls and unknown members.
        if tape.one_in(12) && !members.is_empty() {
            let position = tape.below(members.len());
            members[position].1 = if tape.one_in(2) { values::anything(tape) } else { "null".to_owned() };
        }
        if tape.one_in(15) {
            let count = 1 + tape.below(2);
            for name in values::unknown_names(tape, count) {
                members.push((name.to_owned(), values::anything(tape)));
            }
        }
        if tape.one_in(25) {
            respelled_twin(&mut members, tape);
        }
        if tape.one_in(3) {
            tape.shuffle(&mut members);
        }
        members
    }

    fn text(&self, tape: &mut Tape) -> String {
        object(&self.write(tape, false))
    }

    /// The echo in a response: mostly like the request, else with its members or allocations in another order, with fewer
    /// members, or spelled differently.
    fn echo(&self, request: &[(String, String)], tape: &mut Tape) -> String {
        let mut members = request.to_vec();
        match tape.below(12) {
            0..=4 => object(request),
            5 | 6 => {
                tape.shuffle(&mut members);
                object(&members)
            }
            7 | 8 => {
                for _ in 0..tape.below(members.len() + 1) {
                    members.remove(tape.below(members.len()));
                }
                object(&members)
            }
            9 => {
                let mut turned = self.clone();
                for (_, tags) in turned.allocations.iter_mut().flatten() {
                    tags.reverse();
                }
                turned.allocations.iter_mut().for_each(|allocations| allocations.reverse());
                turned.text(tape)
            }
            _ => self.text(tape),
        }
    }
}

/// Adds a member a second time, in another letter case, with its value or another one for either of the two.
fn respelled_twin(members: &mut Vec<(String, String)>, tape: &mut Tape) {
    let of_the_api = |(name, _): &(String, String)| API_MEMBERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let positions: Vec<usize> = (0..members.len()).filter(|position| of_the_api(&members[*position])).collect();
    if positions.is_empty() {
        return;
    }
    let position = positions[tape.below(positions.len())];
    let (name, value) = members[position].clone();
    let (first, rest) = name.split_at(1);
    let name = if tape.one_in(3) { name.to_uppercase() } else { format!("{}{rest}", first.to_uppercase()) };
    let mut other = match tape.below(3) {
        0 => values::anything(tape),
        1 => "[]".to_owned(),
        _ => value,
    };
    if tape.one_in(2) {
        std::mem::swap(&mut members[position].1, &mut other);
    }
    members.push((name, other));
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn timestamp(hour: &Hour, tape: &mut Tape) -> String {
    let (epoch, iso) = (hour.epoch, hour.iso);
    let java = format!("{} {}", hour.date, hour.time);
    match tape.below(24) {
        0..=9 => format!("\"{java}\""),
        10 => format!("\"{}, {}\"", hour.date, hour.time),
        11 => format!("\"{}, {}\"", hour.date, hour.time.replace(' ', "\u{202f}")),
        12 => format!("\"{}, {}\"", hour.date, hour.time.replace(' ', "\\u202f")),
        13 => format!("\"{} {}\"", hour.date, hour.time.replace(' ', "\u{a0}")),
        14 => format!("\"{} {}\"", hour.date, hour.time.to_lowercase()),
        15 => format!("\"{iso}Z\""),
        16 => format!("\"{iso}.000+00:00\""),
        17 => format!("\"{iso}\""),
        18 => epoch.to_string(),
        19 => format!("{epoch}000"),
        20 => format!("\"{epoch}\""),
        21 => (tape.pick(&["{epoch}.0", "{epoch}.9999", "{epoch}000.5", "\"{epoch}000\"", "{epoch}e3", "{epoch}.0e0"]))
            .replace("{epoch}", &epoch.to_string()),
        22 => (tape.pick(&["0", "-1.0005", "99999999999", "100000000000", "1.5e9"])).to_owned(),
        _ => (tape.pick(&[
            "\"soon\"",
            "\"\"",
            "\"Feb 29, 2023 3:00:00 PM\"",
            "\"Jan 1, 2024 13:00:00 PM\"",
            "\"Foo 1, 2024 3:00:00 PM\"",
            "\"Jan 1, 2024 3:00:60 PM\"",
            "\"2025-06-05\"",
            "1e300",
            "-1e300",
            "true",
            "{}",
            "\"\\ud800\"",
        ]))
        .to_owned(),
    }
}

/// Adds the one or two members with the quantity.
fn quantity(plain: &str, value: &str, tape: &mut Tape, put: &mut impl FnMut(&str, String)) {
    let decimal = format!("{plain}AsDecimal");
    match tape.below(16) {
        0..=7 => put(plain, spelled(value, tape)),
        8..=10 => put(&decimal, format!("\"{value}\"")),
        11 => put(&decimal, spelled(value, tape)),
        12 => {
            put(plain, "0".to_owned());
            put(&decimal, format!("\"{value}\""));
        }
        13 => {
            put(plain, spelled(value, tape));
            put(&decimal, spelled(value, tape));
        }
        14 => {
            put(plain, spelled(value, tape));
            put(&decimal, no_quantity(tape));
        }
        _ => put(plain, no_quantity(tape)),
    }
}

/// The same number in another form.
fn spelled(value: &str, tape: &mut Tape) -> String {
    let whole = !value.contains('.');
    let number = match tape.below(10) {
        0..=5 => value.to_owned(),
        6 if whole => format!("{value}.00"),
        6 => format!("{value}00"),
        7 => format!("{value}{}", tape.pick(&["e0", "E+0", "e-00"])),
        8 if whole && value != "0" => format!("{value}0e-1"),
        8 => format!("{value}E0"),
        _ if whole => format!("{value}.0000000000000000000000e0"),
        _ => format!("{value}0000000000000000000000"),
    };
    if tape.one_in(6) { format!("\"{number}\"") } else { number }
}

fn no_quantity(tape: &mut Tape) -> String {
    (tape.pick(&[
        "1e12",
        "1000000000000",
        "-1e12",
        "999999999999.999999",
        "0.0000001",
        "1e-7",
        "1e400",
        "12345678901234567890123",
        "\"abc\"",
        "\"\"",
        "\"1.2.3\"",
        "\"NaN\"",
        "true",
        "[1]",
        "{}",
        "null",
    ]))
    .to_owned()
}

fn write_allocations(allocations: &[Allocation], tape: &mut Tape) -> String {
    let mut elements = Vec::new();
    for (value, tags) in allocations {
        let mut members: Vec<(String, String)> = Vec::new();
        quantity("allocatedUsageQuantity", value, tape, &mut |name, value| members.push((name.to_owned(), value)));
        let mut written = Vec::new();
        for (key, value) in tags {
            let mut tag = vec![("key".to_owned(), format!("\"{key}\"")), ("value".to_owned(), format!("\"{value}\""))];
            match tape.below(40) {
                37 => tag[0].1 = values::anything(tape),
                38 => tag.push(("more".to_owned(), values::anything(tape))),
                39 => drop(tag.pop()),
                _ => {}
            }
            written.push(if tape.one_in(60) { values::anything(tape) } else { object(&tag) });
        }
        if !tags.is_empty() {
            members.push(("tags".to_owned(), format!("[{}]", written.join(","))));
        }
        match tape.below(40) {
            37 => members.push(("tagz".to_owned(), values::anything(tape))),
            38 if tags.is_empty() => members.push(("tags".to_owned(), values::anything(tape))),
            39 => members.clear(),
            _ => {}
        }
        if tape.one_in(3) {
            tape.shuffle(&mut members);
        }
        elements.push(if tape.one_in(60) { values::anything(tape) } else { object(&members) });
    }
    format!("[{}]", elements.join(","))
}

/// Request and response of `BatchMeterUsage`.
fn batch_bodies(tape: &mut Tape) -> (Option<String>, Option<String>) {
    let mut records: Vec<Record> = Vec::new();
    let count = match tape.below(12) {
        0..=8 => 1 + tape.below(5),
        9 => 0,
        _ => 1 + tape.below(25),
    };
    for _ in 0..count {
        let twin = tape.one_in(4) && !records.is_empty();
        let record = if twin { records[tape.below(records.len())].clone() } else { Record::draw(tape) };
        records.push(record);
    }
    let (mut requests, mut results, mut unprocessed) = (Vec::new(), Vec::new(), Vec::new());
    for record in &records {
        let request = record.write(tape, false);
        let echo = if tape.one_in(15) {
            let mut other = record.clone();
            other.disturb(tape);
            other.text(tape)
        } else {
            record.echo(&request, tape)
        };
        requests.push(object(&request));
        match tape.below(20) {
            18 => {}
            16 | 17 => unprocessed.push(echo),
            _ => results.push(result(echo, tape)),
        }
    }
    if tape.one_in(15) {
        let stranger = Record::draw(tape).text(tape);
        results.push(result(stranger, tape));
    }
    if tape.one_in(20) {
        unprocessed.push(Record::draw(tape).text(tape));
    }
    if tape.one_in(3) {
        tape.shuffle(&mut results);
        tape.shuffle(&mut unprocessed);
    }
    for list in [&mut requests, &mut results, &mut unprocessed] {
        if tape.one_in(60) {
            let stranger = (tape.pick(&["null", "7", "\"x\"", "[]", "{}"])).to_owned();
            let position = tape.below(list.len() + 1);
            list.insert(position, stranger);
        }
    }

    let request = body(tape, "requestParameters", |tape, members| {
        if let Some(list) = list(tape, &requests) {
            members.push(("usageRecords".to_owned(), list));
        }
        product_code(tape, members);
    });
    let response = body(tape, "responseElements", |tape, members| {
        if let Some(list) = list(tape, &results) {
            members.push(("results".to_owned(), list));
        }
        if !(unprocessed.is_empty() && tape.one_in(3))
            && let Some(list) = list(tape, &unprocessed)
        {
            members.push(("unprocessedRecords".to_owned(), list));
        }
    });
    (request, response)
}

/// An array, sometimes missing or something else.
fn list(tape: &mut Tape, elements: &[String]) -> Option<String> {
    match tape.below(40) {
        37 => None,
        38 => Some("null".to_owned()),
        39 => Some((tape.pick(&["7", "\"x\"", "{}", "true", "{\"a\":[]}"])).to_owned()),
        _ => Some(format!("[{}]", elements.join(","))),
    }
}

fn product_code(tape: &mut Tape, members: &mut Vec<(String, String)>) {
    match tape.below(20) {
        0..=13 => members.push(("productCode".to_owned(), "\"EXAMPLE_proCode\"".to_owned())),
        19 => members.push(("productCode".to_owned(), values::anything(tape))),
        _ => {}
    }
}

/// `requestParameters` or `responseElements`: mostly these members, else the form of CloudTrail or a tool for it.
fn body(tape: &mut Tape, name: &str, fill: impl FnOnce(&mut Tape, &mut Vec<(String, String)>)) -> Option<String> {
    match tape.below(40) {
        33 => return None,
        34 => return Some("null".to_owned()),
        35 => return Some("{}".to_owned()),
        36 => return Some(values::no_text(tape)),
        37 => {
            return Some(format!("{{\"reason\":\"{name} too large\",\"omitted\":true,\"originalSize\":149893}}"));
        }
        38 => {
            return Some(format!(
                "{{\"omitted\":\"true\",\"originalSize\":\"149893\",\"reason\":\"{name} too large\"}}"
            ));
        }
        39 => return Some("{\"omitted\":false}".to_owned()),
        _ => {}
    }
    let mut members = Vec::new();
    fill(tape, &mut members);
    if tape.one_in(15) {
        respelled_twin(&mut members, tape);
    }
    if tape.one_in(12) {
        let count = 1 + tape.below(2);
        for name in values::unknown_names(tape, count) {
            members.push((name.to_owned(), values::anything(tape)));
        }
    }
    if tape.one_in(3) {
        tape.shuffle(&mut members);
    }
    Some(object(&members))
}

/// An element of `results`.
fn result(echo: String, tape: &mut Tape) -> String {
    let status = match tape.below(20) {
        0..=12 => "\"Success\"".to_owned(),
        13 | 14 => "\"CustomerNotSubscribed\"".to_owned(),
        15 | 16 => "\"DuplicateRecord\"".to_owned(),
        17 => "\"Pending\"".to_owned(),
        18 => "null".to_owned(),
        _ => values::anything(tape),
    };
    let mut members = vec![("usageRecord".to_owned(), echo)];
    if !tape.one_in(10) {
        let id = if tape.one_in(25) { values::anything(tape) } else { format!("\"id-{}\"", tape.below(1_000)) };
        members.push(("meteringRecordId".to_owned(), id));
    }
    members.push(("status".to_owned(), status));
    match tape.below(40) {
        37 => drop(members.remove(0)),
        38 => members[0].1 = values::no_text(tape),
        36 => respelled_twin(&mut members, tape),
        39 => members.push(("warning".to_owned(), values::anything(tape))),
        _ => {}
    }
    if tape.one_in(4) {
        tape.shuffle(&mut members);
    }
    object(&members)
}

/// Request and response of `MeterUsage`.
fn meter_usage_bodies(tape: &mut Tape) -> (Option<String>, Option<String>) {
    let request = body(tape, "requestParameters", |tape, members| {
        members.extend(Record::draw(tape).write(tape, true));
        product_code(tape, members);
        if tape.one_in(4) {
            members.push(("dryRun".to_owned(), values::boolean(tape, false)));
        }
        if tape.one_in(4) {
            members.push(("clientToken".to_owned(), values::text(tape)));
        }
        if tape.one_in(20) {
            members.push(("dimension".to_owned(), values::text(tape)));
        }
    });
    let response = body(tape, "responseElements", |tape, members| {
        let id = match tape.below(12) {
            10 => return,
            11 => values::anything(tape),
            _ => format!("\"id-{}\"", tape.below(1_000)),
        };
        members.push(("meteringRecordId".to_owned(), id));
    });
    (request, response)
}
