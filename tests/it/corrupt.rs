//! Bad input, one defect at a time: `data/corrupt` against a table of what must become of each file.
//!
//! It never stops a run, is reported with its place and reason, keeps its bytes, and costs no sound event.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use crate::harness::{Workdir, data, event, files, gzip, inflated, int, records, text};
use crate::reference::Value;

/// What must become of a file.
struct Case {
    file: &'static str,
    status: &'static str,
    /// `event_index` of the events that are kept.
    kept: Vec<i64>,
    refused: Vec<Refused>,
}

/// A row of `quarantine`: event, reason, offset and the bytes kept.
#[derive(Debug, PartialEq)]
struct Refused {
    event: Option<i64>,
    reason: String,
    offset: Option<i64>,
    original: Vec<u8>,
}

/// A file of the table: as stored and as text.
struct Input {
    stored: Vec<u8>,
    text: Vec<u8>,
}

impl Input {
    fn read(file: &str) -> Self {
        let stored = fs::read(data("corrupt").join(file)).expect("a file of the table");
        let text = if file.starts_with("gzip-") || file.contains("T0301Z") { Vec::new() } else { inflated(&stored) };
        Self { stored, text }
    }

    /// Bytes from the event with this number to the end of `last`, or of the text without one.
    fn span(&self, number: usize, last: &str) -> Range<usize> {
        let text = String::from_utf8_lossy(&self.text);
        // Lossy text has the length of the bytes, except in the one test that uses no text after the bad byte.
        let start = text.match_indices("{\"eventVersion\"").nth(number).expect("an event").0;
        let end = if last.is_empty() { self.text.len() } else { start + text[start..].find(last).expect("an end") };
        start..end + last.len()
    }

    fn refused(&self, event: Option<i64>, reason: &str, span: Range<usize>) -> Refused {
        let original = self.text[span.clone()].to_vec();
        Refused { event, reason: reason.to_owned(), offset: Some(span.start as i64), original }
    }

    /// The first string of the file is refused, from where its JSON begins.
    fn in_string(&self, event: Option<i64>, reason: &str, json: &str) -> Refused {
        let before = b"\"message\":";
        let at = self.text.windows(before.len()).position(|window| window == before).expect("a string") + before.len();
        let mut strings = serde_json::Deserializer::from_slice(&self.text[at..]).into_iter::<String>();
        let mut string = strings.next().expect("a string").expect("a string");
        let original = string.split_off(string.find(json).expect("its JSON")).into_bytes();
        Refused { event, reason: reason.to_owned(), offset: Some(at as i64), original }
    }

    /// The whole file is refused as it is stored.
    fn whole(&self, reason: &str, offset: Option<usize>) -> Refused {
        let offset = offset.map(|offset| offset as i64);
        Refused { event: None, reason: reason.to_owned(), offset, original: self.stored.clone() }
    }
}

fn cases() -> Vec<Case> {
    let case = |file, status, kept: &[i64], refused: fn(&Input) -> Vec<Refused>| Case {
        file,
        status,
        kept: kept.to_vec(),
        refused: refused(&Input::read(file)),
    };
    let converted = |file, kept, refused| case(file, "converted", kept, refused);
    let quarantined = |file, refused| case(file, "quarantined", &[], refused);
    let foreign = |file| case(file, "foreign", &[], |_| Vec::new());
    vec![
        converted("gzip-trailing-garbage.json.gz", &[0, 1, 2, 3], |input| {
            let garbage = b"left behind by a copy";
            let at = input.stored.len() - garbage.len();
            vec![Refused { original: garbage.to_vec(), ..input.whole("gzip_trailing_garbage", Some(at)) }]
        }),
        quarantined("gzip-bit-flipped.json.gz", |input| vec![input.whole("gzip_corrupt", Some(0))]),
        quarantined("gzip-wrong-crc.json.gz", |input| vec![input.whole("gzip_corrupt", Some(0))]),
        quarantined("inflate-bomb.json.gz", |input| vec![input.whole("inflated_too_large", None)]),
        quarantined("123456789012_CloudTrail_us-east-1_20250301T0301Z_aB3dE5fG7hJ9kL1m.json.gz", |input| {
            vec![input.whole("gzip_corrupt", Some(0))]
        }),
        quarantined("123456789012_CloudTrail_us-east-1_20250301T0302Z_aB3dE5fG7hJ9kL1m.json.gz", |input| {
            vec![input.whole("empty", Some(0))]
        }),
        quarantined("123456789012_CloudTrail_us-east-1_20250301T0303Z_aB3dE5fG7hJ9kL1m.json.gz", |input| {
            vec![input.whole("json_invalid", Some(0))]
        }),
        converted("wrapped-cut.json", &[1], |input| vec![input.in_string(Some(0), "json_truncated", "{ ")]),
        converted("wrapped-lines.json", &[1, 2], |input| {
            vec![input.in_string(Some(0), "json_truncated", "{\"eventVersion")]
        }),
        converted("json-cut.json", &[0, 1, 2], |input| {
            vec![input.refused(Some(3), "json_truncated", input.span(3, ""))]
        }),
        converted("missing-comma.json", &[0, 1, 2, 3], |input| {
            let between = input.span(1, "").start;
            vec![input.refused(None, "separator_missing", between..between)]
        }),
        converted("missing-closing-brace.json", &[0, 2, 3], |input| {
            vec![input.refused(Some(1), "json_invalid", input.span(1, "123456789012\""))]
        }),
        converted("missing-quote.json", &[0, 2, 3], |input| {
            vec![input.refused(Some(1), "json_invalid", input.span(1, "}}"))]
        }),
        converted("not-utf-8.json", &[0, 2, 3], |input| {
            let length = input.text[input.span(1, "").start..].windows(2).position(|two| two == b"}}").expect("an end");
            let start = input.span(1, "").start;
            vec![input.refused(Some(1), "utf8_invalid", start..start + length + 2)]
        }),
        converted("deep-nesting.json.gz", &[0, 2, 3], |input| {
            vec![input.refused(Some(1), "nesting_too_deep", input.span(1, "]}"))]
        }),
        converted("duplicate-key.json", &[0, 2, 3], |input| {
            vec![input.refused(Some(1), "duplicate_key", input.span(1, "Instances\"}"))]
        }),
        converted("records-of-non-objects.json", &[2], |input| {
            let text = String::from_utf8_lossy(&input.text);
            let elements = [(0, "7"), (1, "\"text\""), (3, "null"), (4, "[{}]"), (5, "true")];
            let refused = elements.map(|(event, element)| {
                // After `[` or `,`, so that no digit of the event is hit.
                let before = if event == 0 { "[" } else { "," };
                let at = text.find(&format!("{before}{element}")).expect("an element") + 1;
                input.refused(Some(event), "event_not_object", at..at + element.len())
            });
            refused.into()
        }),
        quarantined("records-not-an-array.json", |input| {
            vec![input.refused(None, "records_not_array", "{\"Records\":".len()..input.text.len())]
        }),
        converted("lone-surrogate.json", &[0, 1, 2, 3], |_| Vec::new()),
        foreign("empty-file.json.gz"),
        foreign("foreign-config.json.gz"),
        foreign("foreign-console-history.csv"),
        foreign("foreign-digest.json.gz"),
        foreign("foreign-minio-notification.json"),
        foreign("foreign-s3-notification.json"),
        foreign("foreign-sns-notice.json"),
    ]
}

/// Files whose expectations take more than a row of the table.
const ELSEWHERE: [&str; 1] = ["gzip-truncated.json.gz"];

/// Smaller than the bomb, larger than everything else.
const LIMIT: &str = "--max-inflated 1MiB";

#[test]
fn each_defect_is_located_and_costs_nothing_sound() {
    let failed: Vec<String> = cases().iter().filter_map(|case| check(case).err()).collect();
    assert!(failed.is_empty(), "{} of {} cases:\n\n{}", failed.len(), cases().len(), failed.join("\n\n"));
}

fn check(case: &Case) -> Result<(), String> {
    let workdir = Workdir::new();
    workdir.copy(&data("corrupt").join(case.file), &format!("in/{}", case.file));
    let lake = workdir.convert("in", LIMIT);
    lake.check_counts();
    let mut wrong = Vec::new();
    let mut same = |what: &str, expected: String, found: String| {
        if expected != found {
            wrong.push(format!("  {what}\n    expected {expected}\n    found    {found}"));
        }
    };
    same("exit code", i32::from(!case.refused.is_empty()).to_string(), lake.code.to_string());
    let archive = lake.archive(&workdir.at("in").join(case.file));
    same("status", case.status.into(), text(&archive, "status").into());
    let kept: Vec<i64> = lake.rows("events").iter().map(|row| int(row, "event_index")).collect();
    same("events kept", format!("{:?}", case.kept), format!("{kept:?}"));
    let quarantined = case.refused.iter().filter(|refused| refused.event.is_some()).count();
    same("events quarantined", quarantined.to_string(), int(&archive, "quarantined").to_string());
    let refused = refused(&lake.rows("quarantine"));
    same("refused", shown(&case.refused), shown(&refused));
    // The summary names what went wrong, and where.
    for refused in &case.refused {
        let is_reported = lake.stderr.contains(&refused.reason) && lake.stderr.contains(case.file);
        same("reported on stderr", "true".into(), is_reported.to_string());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", case.file, wrong.join("\n"))) }
}

fn refused(rows: &[crate::reference::Row]) -> Vec<Refused> {
    let mut refused: Vec<Refused> = rows
        .iter()
        .map(|row| Refused {
            event: row.contains_key("event_index").then(|| int(row, "event_index")),
            reason: text(row, "reason").to_owned(),
            offset: row.contains_key("byte_offset").then(|| int(row, "byte_offset")),
            original: match row.get("original") {
                Some(Value::Bytes(bytes)) => bytes.clone(),
                _ => Vec::new(),
            },
        })
        .collect();
    refused.sort_by_key(|refused| (refused.event, refused.offset));
    refused
}

fn shown(refused: &[Refused]) -> String {
    let line = |refused: &Refused| {
        let Refused { event, reason, offset, original } = refused;
        let start: String = String::from_utf8_lossy(original).chars().take(60).collect();
        let tail = &original[original.len().saturating_sub(20)..];
        let (length, tail) = (original.len(), String::from_utf8_lossy(tail));
        format!("\n      event {event:?} offset {offset:?} {reason}, {length} bytes {start:?}…{tail:?}")
    };
    refused.iter().map(line).collect()
}

#[test]
fn the_table_names_every_file_of_the_folder() {
    let found: BTreeSet<String> = files(&data("corrupt")).iter().map(|path| path.display().to_string()).collect();
    let listed = cases().iter().map(|case| case.file).chain(ELSEWHERE).map(str::to_owned).collect();
    assert_eq!(found, listed);
}

/// Bytes that are not a log file, and how they are refused under the name of one.
fn no_log_files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let sound = records(&[event("a", "")]);
    let noise = |bytes: usize| -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        std::iter::once(0x9f).chain((1..bytes).map(next)).collect()
    };
    let mut lost_start = gzip(sound.as_bytes());
    lost_start[0] ^= 1;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut zlib, sound.as_bytes()).expect("memory");
    let packed_often = (0..5).fold(sound.clone().into_bytes(), |bytes, _| gzip(&bytes));
    vec![
        ("lost start", lost_start, "gzip_corrupt"),
        ("zeros", vec![0; 5_000], "gzip_corrupt"),
        ("noise", noise(5_000), "gzip_corrupt"),
        ("large noise", noise(5 << 20), "gzip_corrupt"),
        ("one byte", vec![0x1f], "gzip_corrupt"),
        ("one letter", b"x".to_vec(), "json_invalid"),
        ("one bracket", b"{".to_vec(), "json_truncated"),
        ("nothing", Vec::new(), "empty"),
        ("nothing, compressed", gzip(b""), "empty"),
        ("blanks", gzip(b" \r\n"), "empty"),
        ("a mark", b"\xef\xbb\xbf".to_vec(), "empty"),
        ("error page", b"<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code></Error>".to_vec(), "json_invalid"),
        ("html page", gzip(b"<!DOCTYPE html><html><body>Sign in</body></html>"), "json_invalid"),
        ("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec(), "json_invalid"),
        ("null", b"null".to_vec(), "json_invalid"),
        ("error", b"{\"message\":\"Internal Server Error\"}".to_vec(), "no_events"),
        ("empty object", b"{}".to_vec(), "no_events"),
        ("binary, compressed", gzip(&noise(500)), "json_invalid"),
        (
            "utf-32",
            format!("\u{feff}{sound}").chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            "gzip_corrupt",
        ),
        ("zlib", zlib.finish().expect("memory"), "compression_unsupported"),
        ("bzip2", [b"BZh91AY&SY".as_slice(), &noise(50)].concat(), "compression_unsupported"),
        ("xz", [b"\xfd7zXZ\0".as_slice(), &noise(50)].concat(), "compression_unsupported"),
        (
            "tar",
            crate::containers::tar(&[("a.json".to_owned(), sound.clone().into_bytes())]),
            "compression_unsupported",
        ),
        (
            "zip",
            crate::containers::zip(&[("a.json".to_owned(), sound.clone().into_bytes())], true),
            "compression_unsupported",
        ),
        ("packed five times", packed_often, "compression_unsupported"),
    ]
}

#[test]
fn a_file_named_like_a_log_that_is_none_is_damage() {
    let name = crate::fixtures::log_name("0815");
    let sound = gzip(records(&[event("a", "")]).as_bytes());
    for (what, bytes, reason) in no_log_files() {
        // In any folder, and in a container; under another name it is foreign, and counted by kind.
        let workdir = Workdir::new();
        workdir.file(&format!("in/deep/er/{name}"), &bytes);
        let members = [(format!("AWSLogs\\{name}"), bytes.clone()), ("other.json.gz".to_owned(), sound.clone())];
        workdir.file("in/a.tar", crate::containers::tar(&members));
        let lake = workdir.convert("in", "");
        lake.check_counts();
        assert_eq!((lake.code, lake.count("/events/written")), (1, 1), "{what}: {}", lake.stderr);
        assert_eq!(lake.texts("quarantine", "reason"), [reason, reason], "{what}: {}", lake.stderr);
        assert_eq!(lake.count("/archives/quarantined"), 2, "{what}");
        for row in lake.rows("quarantine") {
            let original = match row.get("original") {
                Some(Value::Bytes(bytes)) => bytes.as_slice(),
                _ => &[],
            };
            assert!(original == bytes || reason == "json_truncated", "{what}");
        }
        workdir.run("convert in --out other --on-bad fail -q").expect(2);

        if ["tar", "zip"].contains(&what) {
            // Under another name, their content is searched.
            continue;
        }
        let elsewhere = Workdir::new();
        elsewhere.file("in/some.json.gz", &bytes);
        let lake = elsewhere.convert("in", "");
        let is_foreign = reason != "json_truncated";
        assert_eq!(
            (lake.code, lake.count("/archives/foreign")),
            (i32::from(!is_foreign), u64::from(is_foreign)),
            "{what}"
        );
        assert_eq!(
            lake.stderr.contains("foreign  1 × ") && lake.stderr.contains("some.json.gz"),
            is_foreign,
            "{}",
            lake.stderr
        );
    }
}

#[test]
fn documents_of_other_services_named_like_a_log_stay_foreign() {
    let name = crate::fixtures::log_name("0815");
    for bytes in [
        b"{\"configurationItems\":[]}".to_vec(),
        b"PAR1 and more".to_vec(),
        fs::read(data("corrupt/foreign-digest.json.gz")).expect("a file"),
    ] {
        let workdir = Workdir::new();
        workdir.file(&format!("in/{name}"), &bytes);
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/archives/foreign")), (0, 1), "{}", lake.stderr);
        assert!(lake.stderr.contains(&name), "{}", lake.stderr);
    }
}

#[test]
fn events_in_damaged_strings_are_not_lost_silently() {
    let [a, b, c] = ["a", "b", "c"].map(|id| event(id, ""));
    let other = format!("{{\"apiVersion\":\"1\",{}", &a[1..]);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let cut = |text: &str| text[..text.len() - 30].to_owned();
    let bad = [&cut(&a), &cut(&other), &format!("{{\"Records\":[{}", cut(&a))].map(String::clone);
    for bad in &bad {
        for archive in [
            format!("{{\"message\":{}}}", quoted(bad)),
            format!("{{\"a\":[{},{}]}}", quoted(bad), quoted(&b)),
            format!(
                "{{\"hits\":{{\"hits\":[{{\"_source\":{{\"event\":{{\"original\":{}}}}}}},{{\"_source\":{b}}}]}}}}",
                quoted(bad)
            ),
            format!("{{\"message\":{}}}\n{{\"message\":{}}}\n", quoted(&b), quoted(bad)),
            format!("{{\"Records\":[{{\"body\":{}}},{{\"body\":{}}}]}}", quoted(&b), quoted(bad)),
            format!("{{\"logEvents\":[{{\"message\":{}}}]}}", quoted(bad)),
            format!("{{\"Message\":{}}}", quoted(&format!("{{\"detail\":{{\"m\":{}}}}}", quoted(bad)))),
        ] {
            let ids = if archive.contains("\"b\"") || archive.contains("\\\"b\\\"") { "b" } else { "" };
            check_text(&archive, ids, &["json_truncated"]);
            let workdir = Workdir::new();
            workdir.file("in/a.json", &archive);
            workdir.run("convert in --out lake --on-bad fail").expect(2);
        }
    }
    // A cut `Records` keeps its whole events, as elsewhere.
    let records = format!("{{\"Records\":[{a},{b},{}", &a[..100]);
    check_text(&format!("{{\"Message\":{}}}", quoted(&records)), "ab", &["json_truncated"]);
    // So does every other wrapper of events.
    let hits = format!("{{\"hits\":{{\"hits\":[{{\"_source\":{a}}},{{\"_source\":{b}}},{{\"_source\":{}", &c[..100]);
    check_text(&hits, "ab", &["json_truncated"]);
    check_text(&format!("{{\"Message\":{}}}", quoted(&hits)), "ab", &["json_truncated"]);
    // Whatever comes before an event, in any order of its members.
    for before in ["2025-03-01T08:15:00Z ", "\u{feff}", "<134>Mar  1 08:15:00 host trail[7]: ", "[INFO] "] {
        for event in [&a, &other] {
            let text = quoted(&format!("{before}{event}"));
            check_text(&format!("{{\"message\":{text},\"n\":{}}}", quoted(&b)), "ab", &[]);
        }
    }
    check_text(&format!("{{\"m\":{}}}", quoted(&format!("{a}\n{b}\n{}\n{c}", cut(&b)))), "abc", &["json_invalid"]);
    check_text(&format!("{{\"m\":{},\"n\":\"eventVersion is no event\"}}", quoted(&a)), "a", &[]);
}

/// The element that decides about an array, document or line must not hide what is after or beside it.
#[test]
fn events_are_found_wherever_they_are() {
    let [a, b] = ["a", "b"].map(|id| event(id, ""));
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (s, t) = (quoted(&a), quoted(&b));
    let notice = r#"{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{},"object":{}}}"#;
    let stranger: &[&str] = &["trailing_data"];
    // Elements with a member that events have, too.
    for member in ["\"eventId\":\"30\"", "\"eventType\":\"x\"", "\"eventTime\":\"2025-03-01T08:15:00Z\""] {
        check_text(&format!("[{{{member},\"message\":{s}}},{{{member},\"message\":{t}}}]"), "ab", &[]);
    }
    // After foreign elements.
    check_text(&format!("{{\"Records\":[{{\"body\":\"hello\"}},{{\"body\":{s}}}]}}"), "a", stranger);
    check_text(&format!("[{{\"_source\":{{\"message\":\"x\"}}}},{{\"_source\":{{\"message\":{s}}}}}]"), "a", stranger);
    check_text(&format!("{{\"Records\":[{{\"body\":{}}},{{\"body\":{s}}}]}}", quoted(notice)), "a", stranger);
    check_text(&format!("[{notice},{a}]"), "a", stranger);
    check_text(&format!("{{\"Records\":[{{}},{a},{b}]}}"), "ab", stranger);
    // Strings and arrays.
    check_text(&format!("[{s},{t}]"), "ab", &[]);
    check_text(&format!("[\"x\",{s}]"), "a", stranger);
    check_text(&format!("[[\"id\",{s}]]"), "a", &[]);
    check_text(&format!("[[{a},{b}],[]]"), "ab", &["event_not_object"]);
    check_text(&format!("{s}\n{t}\n"), "ab", &[]);
    // Beside an event array.
    check_text(&format!("{{\"Records\":[],\"message\":{s}}}"), "a", &[]);
    check_text(&format!("{{\"Records\":[{b}],\"detail\":{a}}}"), "ba", &[]);
    check_text(&format!("{{\"message\":{},\"Records\":[{b}]}}", quoted(&a[..80])), "b", &["json_truncated"]);
    check_text(&format!("{{\"logEvents\":[],\"message\":{}}}", quoted(&a[..80])), "", &["json_truncated"]);
    // After byte order marks.
    check_text(&format!("\u{feff}\u{feff}{a}"), "a", &[]);
    check_text(&format!("\n\u{feff}{a}"), "a", &[]);
    // With quotes as .NET writes them.
    let net = |text: &str| quoted(&quoted(text)).replace("\\\\\\\"", "\\\\u0022");
    let body = |text: &str| {
        format!(
            "{{\"body\":{},\"n\":{t}}}",
            net(text).replacen("\"\\\"", "\"2025-03-01 INFO {\\\"Message\\\":\\\"", 1).replace("\\\"\"", "\\\"}\"")
        )
    };
    check_text(&body(&a), "ab", &[]);
    // A version that a pipeline turned into a number.
    check_text(&format!("{{\"detail\":{}}}", a.replace("\"1.08\"", "1.08")), "a", &[]);
    // Cut before its version.
    let late = format!("{{\"eventTime\":\"2025-03-01T08:15:00Z\",\"userIdentity\":{{}},{}", &a[1..]);
    check_text(&format!("{{\"m\":{},\"n\":{t}}}", quoted(&late[..60])), "b", &["json_truncated"]);
}

#[test]
fn one_damaged_line_or_hit_costs_no_other() {
    let ids = ["a", "b", "c", "d", "e"];
    let hits: Vec<String> = ids.iter().map(|id| format!("{{\"_source\":{}}}", event(id, ""))).collect();
    let spoiled = |spoil: &dyn Fn(&str) -> String| {
        let mut hits = hits.clone();
        hits[1] = spoil(&hits[1]);
        hits
    };
    let cut = spoiled(&|hit| hit[..100].to_owned());
    let no_quote = spoiled(&|hit| hit.replacen("ec2.", "\"ec2.", 1));
    let no_bracket = spoiled(&|hit| hit.trim_end_matches('}').to_owned());
    let bad_escape = spoiled(&|hit| hit.replace("ec2.", "\\x"));
    for hits in [&cut, &no_quote, &no_bracket] {
        let workdir = Workdir::new();
        workdir.file("in/a.json", hits.join("\n"));
        let lake = workdir.convert("in", "");
        lake.check_counts();
        let found = lake.texts("events", "event_id").concat();
        assert!(lake.code == 1 && found.starts_with('a') && found.ends_with("de"), "{found}: {}", lake.stderr);
    }
    let document = |hits: &[String]| format!("{{\"hits\":{{\"hits\":[{}]}}}}", hits.join(","));
    check_text(&document(&bad_escape), "acde", &["json_invalid"]);
    check_text(&format!("{{\"a\":[{}]}}", bad_escape.join(",")), "acde", &["json_invalid"]);
}

#[test]
fn nested_strings_cost_no_more_than_their_text() {
    let mut text =
        format!("[{{\"m\":{}}}]", serde_json::Value::from(event("a", &format!("\"pad\":\"{}\"", "x".repeat(100_000)))));
    for _ in 0..12 {
        text = format!("[{{\"m\":{}}}]", serde_json::Value::from(text.as_str()));
    }
    check_text(&text, "a", &[]);
}

#[test]
fn documents_before_the_first_event_are_all_accounted_for() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", format!("{}{}", "{\"a\":1}\n".repeat(1_500), event("a", "")));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (1, 1), "{}", lake.stderr);
    let messages = lake.texts("quarantine", "message");
    assert_eq!(messages.len(), 1_001);
    assert!(messages[1_000].contains("500 more documents"), "{}", messages[1_000]);
}

#[test]
fn whole_events_before_the_end_of_a_truncated_archive_are_kept() {
    let input = Input::read("gzip-truncated.json.gz");
    let prefix = certain_prefix(&input.stored);
    let prefix_text = str::from_utf8(&prefix).expect("ASCII");
    let starts: Vec<usize> = prefix_text.match_indices("{\"eventVersion\"").map(|(at, _)| at).collect();
    let whole = prefix_text.match_indices("}}").count();
    assert!((20..199).contains(&whole) && starts.len() == whole + 1, "{whole} of {}", starts.len());

    let workdir = Workdir::new();
    workdir.file("in/a.json.gz", &input.stored);
    let lake = workdir.convert("in", "");
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    let kept: Vec<i64> = lake.rows("events").iter().map(|row| int(row, "event_index")).collect();
    assert_eq!(kept, (0..whole as i64).collect::<Vec<_>>());
    let cut = prefix[starts[whole]..].to_vec();
    let expected = [
        input.whole("gzip_truncated", Some(input.stored.len())),
        Refused {
            event: Some(whole as i64),
            reason: "json_truncated".to_owned(),
            offset: Some(starts[whole] as i64),
            original: cut,
        },
    ];
    assert_eq!(shown(&refused(&lake.rows("quarantine"))), shown(&expected));
}

/// The text that can be inflated from a cut gzip member.
fn certain_prefix(stored: &[u8]) -> Vec<u8> {
    const HEADER_BYTES: usize = 10;
    let mut text = vec![0; 1 << 20];
    let mut inflate = flate2::Decompress::new(false);
    let _ = inflate.decompress(&stored[HEADER_BYTES..], &mut text, flate2::FlushDecompress::Sync);
    text.truncate(usize::try_from(inflate.total_out()).expect("a small text"));
    text
}

#[test]
fn a_lone_surrogate_stays_as_it_was_written() {
    let workdir = Workdir::new();
    workdir.copy(&data("corrupt/lone-surrogate.json"), "in/a.json");
    let rows = workdir.convert("in", "").rows("events");
    assert_eq!(rows[1].get("user_agent"), None);
    assert_eq!(text(&rows[1], "unmapped"), r#"{"userAgent":"cut \ud83d"}"#);
    assert_eq!(text(&rows[1], "request_parameters"), r#"{"name":"\ude00"}"#);
}

#[test]
fn a_folder_of_bad_input_next_to_good_is_one_run_that_adds_up() {
    let workdir = Workdir::new();
    workdir.copy(&data("corrupt"), "in/bad");
    workdir.copy(&data("sample"), "in/good");
    let lake = workdir.convert("in", LIMIT);
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    let (bad, good) = (files(&data("corrupt")).len(), files(&data("sample")).len());
    assert_eq!(lake.count("/archives/seen"), (bad + good) as u64);
    let status = |wanted: &str| cases().iter().filter(|case| case.status == wanted).count();
    assert_eq!(lake.count("/archives/foreign"), status("foreign") as u64);
    assert_eq!(lake.count("/archives/quarantined"), status("quarantined") as u64);
    let alone = Workdir::new();
    alone.copy(&data("sample"), "in/good");
    let alone = alone.convert("in", "");
    assert_eq!(alone.rows("usage_records").len(), lake.rows("usage_records").len());
    let rows = lake.rows("events");
    let of_sample = rows.iter().filter(|row| text(row, "archive").contains("/in/good/"));
    assert_eq!(alone.rows("events").len(), of_sample.count());
}

#[test]
fn a_bomb_within_the_limit_is_an_archive_like_any_other() {
    let workdir = Workdir::new();
    workdir.copy(&data("corrupt/inflate-bomb.json.gz"), "in/a.json.gz");
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/archives/converted"), lake.count("/events/seen")), (0, 1, 0));
}

#[test]
fn on_bad_fail_publishes_nothing() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    workdir.copy(&data("corrupt/missing-quote.json"), "in/missing-quote.json");
    let run = workdir.run("convert in --out lake --on-bad fail").expect(2);
    assert!(run.stderr().contains("missing-quote.json") && run.stderr().contains("--on-bad"), "{}", run.dump());
    let published = files(&workdir.at("lake"));
    assert!(published.iter().all(|path| path.starts_with("_trailmill")), "{published:?}");
}

/// Smaller defects, as text: the ids that are kept, and the reasons.
#[test]
fn texts_that_are_nearly_json_keep_their_sound_events() {
    let [a, b] = ["a", "b"].map(|id| event(id, ""));
    let odd = |more: &str| format!(r#"{{"Records":[{},{b}]}}"#, event("a", more));
    let deep = |levels: usize| odd(&format!("\"requestParameters\":{}{}", "[".repeat(levels), "]".repeat(levels)));
    // The event's own object is the first level.
    check_text(&deep(999), "ab", &[]);
    check_text(&deep(1_000), "b", &["nesting_too_deep"]);
    for more in [
        r#""n":NaN"#,
        r#""n":-Infinity"#,
        r#""n":01"#,
        r#""n":1."#,
        r#""n":+1"#,
        r#""n":tru"#,
        r#""requestParameters":{"n":.5}"#,
        r#""requestParameters":{"a" 1}"#,
        r#""requestParameters":{"a":1,}"#,
        r#""requestParameters":[1 2]"#,
        r#""userAgent":"\x41""#,
        r#""requestParameters":"\u12""#,
        "\"userAgent\":\"a\tb\"",
        "\"requestParameters\":{\"a\":\"\u{1}\"}",
        "'userAgent':1",
        "userAgent:1",
    ] {
        check_text(&odd(more), "b", &["json_invalid"]);
    }
    check_text(&format!(r#"{{"Records":[{a},{b},]}}"#), "ab", &["json_invalid"]);
    check_text(&format!(r#"{{"Records":[{a},{b}}}"#), "ab", &["json_invalid"]);
    check_text(&format!(r#"{{"Records":[{a},{b}],"x":tru}}"#), "ab", &["json_invalid"]);
    check_text(&format!(r#"{{"Records":[{a},{b}"#), "ab", &["json_truncated"]);
    check_text(&format!(r#"{{"Records":[{a},{b}]"#), "ab", &["json_truncated"]);
    check_text(&format!(r#"{{"Records":[{a},{b}]}} x"#), "ab", &["trailing_data"]);
    check_text(&format!("{{\"Records\":[{a},{b}]}}\0"), "ab", &["trailing_data"]);
    check_text(&format!(r#"{{"Records":[{a},{b}]}}{{"no":"events"}}"#), "ab", &["trailing_data"]);
    check_text(&format!(r#"{{"Records":[{a}]}}{{"Records":[{b}]}}{{"Records":[{{"#), "ab", &["json_truncated"]);
    check_text("{", "", &["json_truncated"]);
    check_text("{'Records':[]}", "", &["json_invalid"]);
    check_text(r#"{"Records":null}"#, "", &["records_not_array"]);
    check_text(r#"{"Records":"x"}"#, "", &["records_not_array"]);
    check_text(r#"{"Records":[1,[]]}"#, "", &["event_not_object", "event_not_object"]);
}

#[track_caller]
fn check_text(archive: &str, ids: &str, reasons: &[&str]) {
    let workdir = Workdir::new();
    workdir.file("in/a.json", archive);
    let lake = workdir.convert("in", "");
    lake.check_counts();
    let shown: String = archive.chars().take(2_000).collect();
    assert_eq!(lake.texts("events", "event_id").concat(), ids, "{shown}");
    assert_eq!(lake.texts("quarantine", "reason"), reasons, "{shown}");
    assert_eq!(lake.code, i32::from(!reasons.is_empty()), "{shown}");
}

/// The text after it is certain: a comma opens and closes nothing.
#[test]
fn a_stray_comma_costs_no_event() {
    let [a, b] = ["a", "b"].map(|id| event(id, ""));
    check_text(&format!(r#"{{"Records":[,{a},{b}]}}"#), "ab", &["json_invalid"]);
    check_text(&format!(r#"{{"Records":[{a},,{b}]}}"#), "ab", &["json_invalid"]);
}
