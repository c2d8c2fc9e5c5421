//! Scalars and free-form JSON.

use super::Tape;

/// Pieces of strings, as spelled between the quotes.
const PIECES: [&str; 26] = [
    "alice",
    "us-east-1",
    "arn:aws:sts::123456789012:assumed-role/Alice/session",
    "123456789012",
    "",
    "a=b",
    "a\\u003db",
    "\\/path\\/",
    "\\\"quoted\\\"",
    "\\\\",
    "\\n\\t\\r\\b\\f",
    "\\u0000",
    "\\u001F",
    "é",
    "日本語",
    "😀",
    "\\ud83d\\ude00",
    "\u{7f}\u{80}",
    "\u{2028}\u{feff}",
    "{\\\"a\\\":[1]}",
    "]},{",
    "null",
    "Records",
    " ",
    "metering-marketplace.",
    // Longer than the registers that SIMD parsers read strings with.
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];

/// Numbers whose spelling would not survive a float or an integer.
const NUMBERS: [&str; 20] = [
    "0",
    "1",
    "-1",
    "1.10",
    "1E5",
    "1e+05",
    "-0",
    "-0.0",
    "1.0e-7",
    "0.1",
    "9007199254740993",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "12345678901234567890123",
    "0.1000000000000000055511151231257827",
    "1e400",
    "-1E-400",
    "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
];

/// Names of members without a column, as spelled between the quotes. Each is another name once unescaped.
const UNKNOWN_NAMES: [&str; 18] = [
    "newMember",
    "Name",
    "a.b",
    ".",
    "a\\\\b",
    "\\\\.",
    "quo\\\"te",
    "slash\\/",
    "",
    "é",
    "日本語",
    "\\ud83d\\ude00",
    "tab\\tline\\n",
    "\\u0001",
    "userIdentity.type",
    "eventname",
    "\\ud800",
    "\\udc00.\\\\a",
];

/// A JSON string. One in a hundred has no UTF-8 form.
pub fn text(tape: &mut Tape) -> String {
    if tape.one_in(100) {
        return (tape.pick(&["\"\\ud800\"", "\"a\\udc00b\"", "\"\\ude00\\ud83d\""])).to_owned();
    }
    let mut inner = String::new();
    for _ in 0..=tape.below(3) {
        inner.push_str(tape.pick(&PIECES));
    }
    format!("\"{inner}\"")
}

pub fn number(tape: &mut Tape) -> String {
    (tape.pick(&NUMBERS)).to_owned()
}

/// Any JSON value at all.
pub fn anything(tape: &mut Tape) -> String {
    nested(tape, 3, false)
}

/// `doubles`: whether the objects inside may have the same name twice.
fn nested(tape: &mut Tape, levels: usize, doubles: bool) -> String {
    match tape.below(if levels == 0 { 6 } else { 9 }) {
        0 => text(tape),
        1 => number(tape),
        2 => "true".to_owned(),
        3 => "false".to_owned(),
        4 => "{}".to_owned(),
        5 => "[]".to_owned(),
        6 => {
            let elements: Vec<String> = (0..tape.below(4)).map(|_| nested(tape, levels - 1, doubles)).collect();
            format!("[{}]", elements.join(","))
        }
        7 => "null".to_owned(),
        _ => free_object(tape, levels - 1, doubles),
    }
}

fn free_object(tape: &mut Tape, levels: usize, doubles: bool) -> String {
    let mut members = Vec::new();
    for name in ["key", "bucketName", "a.b", "é", "omitted"] {
        let count = match tape.below(8) {
            0..=4 => 0,
            7 if doubles => 2,
            _ => 1,
        };
        for _ in 0..count {
            members.push(format!("\"{name}\":{}", nested(tape, levels, doubles)));
        }
    }
    tape.shuffle(&mut members);
    format!("{{{}}}", members.join(","))
}

/// A value for a JSON column: mostly an object, in which names may well occur twice.
pub fn json(tape: &mut Tape) -> String {
    match tape.below(10) {
        0..=7 => free_object(tape, 2, true),
        8 => "{}".to_owned(),
        _ => nested(tape, 3, true),
    }
}

/// A value that is no string.
pub fn no_text(tape: &mut Tape) -> String {
    match tape.below(6) {
        0 => number(tape),
        1 => "true".to_owned(),
        2 => "{}".to_owned(),
        3 => format!("[{}]", text(tape)),
        4 => format!("{{\"a\":{}}}", text(tape)),
        _ => "false".to_owned(),
    }
}

/// A few unknown names, never the same twice.
pub fn unknown_names(tape: &mut Tape, count: usize) -> Vec<&'static str> {
    let first = tape.below(UNKNOWN_NAMES.len());
    (0..count).map(|step| UNKNOWN_NAMES[(first + 5 * step) % UNKNOWN_NAMES.len()]).collect()
}

/// A truth value: usual, in the other form, or neither.
pub fn boolean(tape: &mut Tape, as_text: bool) -> String {
    let (usual, other) = if as_text {
        (["\"true\"", "\"false\""], ["true", "false"])
    } else {
        (["true", "false"], ["\"true\"", "\"false\""])
    };
    match tape.below(12) {
        0..=8 => (tape.pick(&usual)).to_owned(),
        9 | 10 => (tape.pick(&other)).to_owned(),
        _ => (tape.pick(&["\"True\"", "\"\"", "1", "\"1\"", "[true]", "\"true \"", "{}"])).to_owned(),
    }
}

/// A timestamp of an event: mostly `YYYY-MM-DDTHH:MM:SSZ`.
pub fn timestamp(tape: &mut Tape) -> String {
    let date = match tape.below(12) {
        0..=9 => tape.pick(&["2018-04-19", "2018-04-20", "2025-12-09"]),
        10 => tape.pick(&["2020-02-29", "2000-02-29", "1969-12-31", "1970-01-01", "1900-03-01"]),
        // Without an offset these must not leave their years.
        _ => {
            return format!(
                "\"{}\"",
                tape.pick(&["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-02-29 12:00:00"])
            );
        }
    };
    let time = tape.pick(&["16:32:51", "00:00:00", "23:59:59", "01:35:44", "12:00:00"]);
    let plain = format!("{date}T{time}Z");
    let spelled = match tape.below(20) {
        0..=13 => plain,
        14 => format!("{date}T{time}.{}Z", tape.pick(&["1", "12", "123", "1239", "000", "999999999", "000999"])),
        15 => format!(
            "{date}{}{time}{}",
            tape.pick(&["T", "t", " "]),
            tape.pick(&["", "z", "Z", "+00:00", "-00:00", "+05:30", "-0800", "+23:59", "-23:59"])
        ),
        16 => plain.replace(['-', ':'], ""),
        17 => format!("{date} {time}"),
        18 => format!("{date}T{time}.5+02:00"),
        _ => return no_timestamp(tape),
    };
    format!("\"{spelled}\"")
}

fn no_timestamp(tape: &mut Tape) -> String {
    let forms = [
        "\"\"",
        "\"soon\"",
        "1524155571",
        "null",
        "{}",
        "\"2018-04-19\"",
        "\"2018-02-29T00:00:00Z\"",
        "\"1900-02-29T00:00:00Z\"",
        "\"2018-04-31T00:00:00Z\"",
        "\"2018-13-01T00:00:00Z\"",
        "\"2018-00-01T00:00:00Z\"",
        "\"2018-04-19T24:00:00Z\"",
        "\"2018-04-19T16:60:00Z\"",
        "\"2016-12-31T23:59:60Z\"",
        "\"2018-04-19T16:32:51.Z\"",
        "\"2018-04-19T16:32:51.1234567890Z\"",
        "\"2018-04-19T16:32:51Z \"",
        "\"2018-04-19T16:32Z\"",
        "\"2018-04-19T16:32:51 UTC\"",
        "\"Apr 19, 2018 4:32:50 PM\"",
        "\"18-04-19T16:32:51Z\"",
        "\"２０18-04-19T16:32:51Z\"",
    ];
    (tape.pick(&forms)).to_owned()
}

/// The `resources` array: mostly as documented.
pub fn resources(tape: &mut Tape) -> String {
    if tape.one_in(25) {
        return no_text(tape);
    }
    let element = |tape: &mut Tape| -> String {
        if tape.one_in(25) {
            return (tape.pick(&["null", "\"arn:aws:s3:::b\"", "7", "[]"])).to_owned();
        }
        let mut members = Vec::new();
        for name in ["ARN", "accountId", "type"] {
            let value = match tape.below(24) {
                0..=18 => text(tape),
                19..=21 => continue,
                22 => "null".to_owned(),
                _ => no_text(tape),
            };
            let name = if name == "ARN" && tape.one_in(12) { "arn" } else { name };
            members.push(format!("\"{name}\":{value}"));
        }
        if tape.one_in(15) {
            let value = anything(tape);
            members.push(format!("\"ARNPrefix\":{value}"));
        }
        if tape.one_in(40) && members.first().is_some_and(|first| first.starts_with("\"ARN\"")) {
            members.push(format!("\"arn\":{}", text(tape)));
        }
        tape.shuffle(&mut members);
        format!("{{{}}}", members.join(","))
    };
    let elements: Vec<String> = (0..tape.below(4)).map(|_| element(tape)).collect();
    format!("[{}]", elements.join(","))
}
