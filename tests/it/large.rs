//! Archives too large to be held in one piece: they are split while they inflate, which must not be noticeable.
//!
//! The same defects as in `corrupt.rs`, far after the point where rows of the archive have already been passed on.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{Lake, Workdir, event, inflated, int, records, text, uri};
use crate::reference::{Row, Value};

const EVENTS: usize = 200;
/// White space within each event: text that has to be scanned and leaves nothing in a row.
const PADDING_BYTES: usize = 50_000;
const DAMAGED: usize = 150;

/// What must become of an archive. A refused event has its index; the offset is in the text, or in the file.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    status: &'static str,
    lost: Vec<usize>,
    refused: Vec<(Option<usize>, &'static str, Option<usize>)>,
}

fn padded(number: usize, more: &str) -> String {
    let text = event(&format!("event {number}"), more);
    text.replacen(',', &format!(",{}", " ".repeat(PADDING_BYTES)), 1)
}

fn events() -> Vec<String> {
    (0..EVENTS).map(|number| padded(number, "")).collect()
}

/// An archive in which one event is another text.
fn with(damaged: &str) -> (Vec<u8>, usize) {
    let mut events = events();
    damaged.clone_into(&mut events[DAMAGED]);
    let start = records(&events[..DAMAGED]).len() - 2 + 1;
    (records(&events).into_bytes(), start)
}

/// As `lookup-events` prints them.
fn lookup_events(events: &[String]) -> String {
    let quoted = |event: &String| serde_json::json!({"EventId": "x", "CloudTrailEvent": event}).to_string();
    format!("{{\"Events\":[{}]}}", events.iter().map(quoted).collect::<Vec<_>>().join(","))
}

/// As Elasticsearch answers a search: one document, and no array of events at its top.
fn search_hits(events: &[String]) -> String {
    let hit = |event: &String| format!("{{\"_source\":{event},\"_id\":\"x\"}}");
    let hits = events.iter().map(hit).collect::<Vec<_>>().join(",");
    format!("{{\"took\":1,\"hits\":{{\"total\":{{\"value\":1}},\"hits\":[{hits}]}},\"timed_out\":false}}")
}

/// As large in the file as in memory.
fn stored_gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn one_event_lost(name: &'static str, damaged: &str, reason: &'static str) -> Case {
    let (bytes, start) = with(damaged);
    Case { name, bytes, status: "converted", lost: vec![DAMAGED], refused: vec![(Some(DAMAGED), reason, Some(start))] }
}

fn text_cases() -> Vec<Case> {
    let sound = records(&events());
    let nothing_lost = |name, bytes, refused| Case { name, bytes, status: "converted", lost: Vec::new(), refused };
    let event = padded(DAMAGED, "");
    let deep = padded(DAMAGED, &format!("\"requestParameters\":{}{}", "[".repeat(2_000), "]".repeat(2_000)));
    let latin_1: Vec<u8> = {
        let (bytes, start) = with(&event);
        let at = start + event.len() - 5;
        [&bytes[..at], b"\xe9", &bytes[at + 1..]].concat()
    };
    let (_, start) = with(&event);
    let comma_at = start - 1;
    let mut cases = vec![
        nothing_lost("plain", sound.clone().into_bytes(), Vec::new()),
        nothing_lost("array", format!("[{}]", events().join(" ,\n")).into_bytes(), Vec::new()),
        nothing_lost("lines", events().join("\n").into_bytes(), Vec::new()),
        nothing_lost("lookup-events", lookup_events(&events()).into_bytes(), Vec::new()),
        nothing_lost("search-hits", search_hits(&events()).into_bytes(), Vec::new()),
        {
            let whole = search_hits(&events());
            let at = whole.rfind("\"_source\"").expect("a hit");
            let bytes = whole.as_bytes()[..at + 1_000].to_vec();
            let refused = vec![(None, "json_truncated", Some(at))];
            Case { name: "search-hits-cut", bytes, status: "converted", lost: vec![EVENTS - 1], refused }
        },
        {
            let (before, behind) = (events()[..DAMAGED].join("\n") + "\n", events()[DAMAGED + 1..].join("\n"));
            let bytes = format!("{before}{}\n{behind}", event.strip_suffix('}').expect("an object"));
            let refused = vec![(Some(DAMAGED), "json_invalid", Some(before.len()))];
            Case { name: "line-no-brace", bytes: bytes.into(), status: "converted", lost: vec![DAMAGED], refused }
        },
        nothing_lost(
            "padded-outside",
            format!("{{\"before\":\"{}\",\"Records\":[{}]}}", "x".repeat(9 << 20), events().join(",")).into_bytes(),
            Vec::new(),
        ),
        nothing_lost(
            "no-comma",
            [&sound.as_bytes()[..comma_at], &sound.as_bytes()[comma_at + 1..]].concat(),
            vec![(None, "separator_missing", Some(comma_at))],
        ),
        one_event_lost("no-brace", event.strip_suffix('}').expect("an object"), "json_invalid"),
        one_event_lost("no-quote", &event.replacen("Instances\"", "Instances", 1), "json_invalid"),
        one_event_lost("twice", &padded(DAMAGED, "\"eventName\":null"), "duplicate_key"),
        one_event_lost("deep", &deep, "nesting_too_deep"),
        one_event_lost("no-object", &format!("[{}7]", " ".repeat(PADDING_BYTES)), "event_not_object"),
        Case { bytes: latin_1, ..one_event_lost("not-utf-8", &event, "utf8_invalid") },
        Case {
            name: "cut",
            bytes: sound.as_bytes()[..start + event.len() / 2].to_vec(),
            status: "converted",
            lost: (DAMAGED..EVENTS).collect(),
            refused: vec![(Some(DAMAGED), "json_truncated", Some(start))],
        },
        nothing_lost("unclosed", sound.strip_suffix("]}").expect("an archive").into(), {
            vec![(None, "json_truncated", Some(sound.len() - 2))]
        }),
    ];
    let foreign = |name, bytes: String| Case {
        name,
        bytes: bytes.into(),
        status: "foreign",
        lost: (0..EVENTS).collect(),
        refused: Vec::new(),
    };
    let blanks = " ".repeat(9 << 20);
    cases.push(foreign(
        "notification",
        records(&[format!(r#"{{"eventSource":"aws:s3",{blanks}"eventVersion":"2.1"}}"#)]),
    ));
    cases.push(Case {
        status: "converted",
        lost: (1..EVENTS).collect(),
        ..foreign("one-event", padded(0, &format!("\"x\":{blanks}1")))
    });
    cases.push(foreign("csv", format!("a,b\n{blanks}")));
    cases.push(foreign("numbers", format!("[1,{blanks}2]")));
    cases
}

fn gzip_cases() -> Vec<Case> {
    let sound = records(&events()).into_bytes();
    let stored = stored_gzip(&sound);
    let nothing_kept = |name, bytes: Vec<u8>| Case {
        name,
        bytes,
        status: "quarantined",
        lost: (0..EVENTS).collect(),
        refused: vec![(None, "gzip_corrupt", Some(0))],
    };
    let mut wrong_crc = stored.clone();
    wrong_crc[stored.len() - 8] ^= 1;
    let mut flipped = stored.clone();
    flipped[stored.len() - 1_000] ^= 4;
    let garbage = [stored.as_slice(), b"garbage"].concat();
    let mut second = stored_gzip(records(&[event("second", "")]).as_bytes());
    let at = second.len() - 8;
    second[at] ^= 1;
    let second_is_bad = [stored.as_slice(), &second].concat();
    let half = &sound[..sound.len() / 2];
    let members = [stored_gzip(half), stored_gzip(&sound[half.len()..])].concat();
    let converted = |name, bytes, refused| Case { name, bytes, status: "converted", lost: Vec::new(), refused };
    vec![
        converted("stored.gz", stored.clone(), Vec::new()),
        converted("members.gz", members, Vec::new()),
        converted("garbage.gz", garbage, vec![(None, "gzip_trailing_garbage", Some(stored.len()))]),
        converted("second-member-is-bad.gz", second_is_bad, vec![(None, "gzip_corrupt", Some(stored.len()))]),
        nothing_kept("wrong-crc.gz", wrong_crc),
        nothing_kept("flipped.gz", flipped),
    ]
}

/// Large archives with all kinds of defects, by name.
pub fn damaged_archives() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    text_cases().into_iter().chain(gzip_cases()).map(|case| (case.name, case.bytes))
}

/// Of several copies the first is kept; when its archive is refused, that one is gone.
#[test]
fn events_of_a_refused_archive_come_from_the_next_one_that_has_them() {
    let workdir = Workdir::new();
    let mut wrong_crc = stored_gzip(records(&events()).as_bytes());
    let at = wrong_crc.len() - 8;
    wrong_crc[at] ^= 1;
    workdir.gzip("in/a.json.gz", records(&[padded(7, "")]));
    workdir.file("in/b.json.gz", &wrong_crc);
    let half = stored_gzip(records(&events()[..EVENTS / 2]).as_bytes());
    workdir.file("in/c.json.gz", [half.as_slice(), &wrong_crc].concat());
    for (number, event) in events().iter().enumerate() {
        workdir.gzip(&format!("in/d-{number:03}.json.gz"), records(&[event]));
    }
    workdir.gzip("in/e.json.gz", records(&[event("last", "")]));
    for flags in ["", "--threads 1", "--threads 7"] {
        let lake = workdir.convert("in", flags);
        assert_eq!(lake.code, 1, "{}", lake.stderr);
        lake.check_counts();
        let mut ids = lake.texts("events", "event_id");
        ids.sort();
        let mut expected: Vec<String> = (0..EVENTS).map(|number| format!("event {number}")).collect();
        expected.push("last".to_owned());
        expected.sort();
        assert_eq!(ids, expected);
        let archive = |name: &str| text(&lake.archive(&workdir.at("in").join(name)), "status").to_owned();
        assert_eq!((archive("b.json.gz").as_str(), archive("c.json.gz").as_str()), ("quarantined", "converted"));
        let of_half = lake.rows("events").iter().filter(|row| text(row, "archive").ends_with("c.json.gz")).count();
        // Except the one that the first archive has.
        assert_eq!(of_half, EVENTS / 2 - 1);
        std::fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    }
}

#[test]
fn defects_of_a_large_archive_are_those_of_a_small_one() {
    let cases: Vec<Case> = text_cases().into_iter().chain(gzip_cases()).collect();
    let workdir = Workdir::new();
    for case in &cases {
        workdir.file(&format!("in/{}", case.name), &case.bytes);
        // A small neighbour before and after each: their rows must be there once, whatever happens between them.
        workdir.gzip(&format!("in/{}-", case.name), records(&[event("neighbour", "")]));
    }
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    let ids = lake.texts("events", "event_id");
    assert_eq!(ids.iter().filter(|id| *id == "neighbour").count(), cases.len());
    let tables = Tables { events: lake.rows("events"), quarantine: lake.rows("quarantine") };
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case, &workdir, &lake, &tables).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn number(row: &Row, column: &str) -> Option<usize> {
    row.contains_key(column).then(|| int(row, column).try_into().expect("a count"))
}

struct Tables {
    events: Vec<Row>,
    quarantine: Vec<Row>,
}

fn check(case: &Case, workdir: &Workdir, lake: &Lake, tables: &Tables) -> Result<(), String> {
    let path = workdir.at("in").join(case.name);
    let uri = uri(&path);
    let of = |rows: &[Row]| rows.iter().filter(|row| text(row, "archive") == uri).cloned().collect::<Vec<_>>();
    let same = |what: &str, expected: String, found: String| {
        if expected == found {
            Ok(())
        } else {
            Err(format!("{} {what}: expected {expected}, found {found}", case.name))
        }
    };
    let manifest = lake.archive(&path);
    same("status", case.status.into(), text(&manifest, "status").into())?;
    let events = of(&tables.events);
    let kept: Vec<usize> = events.iter().filter_map(|row| number(row, "event_index")).collect();
    let expected: Vec<usize> = (0..EVENTS).filter(|number| !case.lost.contains(number)).collect();
    let ids: Vec<usize> =
        events.iter().filter_map(|row| text(row, "event_id").split(' ').nth(1)?.parse().ok()).collect();
    let missing: Vec<&usize> = expected.iter().filter(|number| !ids.contains(number)).collect();
    same("missing", format!("{:?}", Vec::<usize>::new()), format!("{missing:?}"))?;
    same("kept", format!("{expected:?}"), format!("{kept:?}"))?;
    let wrong_id = events.iter().find(|row| text(row, "event_id") != format!("event {}", int(row, "event_index")));
    same("wrong row", format!("{:?}", None::<Row>), format!("{wrong_id:?}"))?;
    let quarantine = of(&tables.quarantine);
    let place = |row: &Row| (number(row, "event_index"), text(row, "reason").to_owned(), number(row, "byte_offset"));
    let refused: Vec<_> = quarantine.iter().map(place).collect();
    same("refused", format!("{:?}", case.refused), format!("{refused:?}"))?;
    // An event that was refused is kept to the byte.
    for row in quarantine.iter().filter(|row| row.contains_key("event_index")) {
        let start = number(row, "byte_offset").unwrap_or_default();
        let Some(Value::Bytes(original)) = row.get("original") else { return Err(format!("{}: no bytes", case.name)) };
        let stands = inflated(&case.bytes)[start..].starts_with(original);
        same(
            "original",
            "true, some".into(),
            format!("{stands}, {}", if original.len() > 20_000 { "some" } else { "few" }),
        )?;
    }
    Ok(())
}

#[test]
fn a_large_archive_gives_the_rows_of_small_ones() {
    let workdir = Workdir::new();
    let events = events();
    workdir.file("large/a.json", records(&events));
    for (number, event) in events.iter().enumerate() {
        workdir.gzip(&format!("small/{number:03}.json.gz"), records(&[event]));
    }
    let rows = |input: &str| {
        let mut rows = workdir.convert(input, "").rows("events");
        std::fs::remove_dir_all(workdir.at("lake")).expect("a lake");
        for row in &mut rows {
            row.remove("archive");
            row.remove("event_index");
        }
        rows
    };
    let (large, small) = (rows("large"), rows("small"));
    assert_eq!((large.len(), &large), (EVENTS, &small));
}

/// Small in the file, large in memory: bombs and monotonous logs have such ratios.
#[test]
fn highly_compressed_archives_are_converted_up_to_the_limit_and_refused_beyond() {
    let workdir = Workdir::new();
    let many: Vec<String> = (0..EVENTS * 5).map(|number| padded(number, "")).collect();
    let path = workdir.gzip("in/a.json.gz", records(&many));
    workdir.gzip("in/b.json.gz", records(&[event("neighbour", "")]));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (0, many.len() as u64 + 1), "{}", lake.stderr);
    std::fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    let lake = workdir.convert("in", "--max-inflated 40MiB");
    assert_eq!((lake.code, lake.texts("events", "event_id")), (1, vec!["neighbour".to_owned()]), "{}", lake.stderr);
    assert_eq!(lake.texts("quarantine", "reason"), ["inflated_too_large"]);
    assert_eq!(text(&lake.archive(&path), "status"), "quarantined");
    lake.check_counts();
}

/// A gzip file whose members hold these events, of which one may have a wrong bit.
#[derive(Clone, Debug)]
struct Damaged {
    members: Vec<Range<usize>>,
    /// In which member, and where.
    flipped: Option<(Index, Index)>,
}

impl Damaged {
    fn bytes(&self) -> Vec<u8> {
        let events = events();
        let mut members: Vec<Vec<u8>> =
            self.members.iter().map(|range| stored_gzip(records(&events[range.clone()]).as_bytes())).collect();
        if let Some((member, at)) = &self.flipped {
            let member = member.get_mut(&mut members);
            // After the header, in which some bits mean nothing.
            *at.get_mut(&mut member[10..]) ^= 1;
        }
        members.concat()
    }

    /// Members before the one with the wrong bit.
    fn sound(&self) -> &[Range<usize>] {
        let end = self.flipped.as_ref().map_or(self.members.len(), |(member, _)| member.index(self.members.len()));
        &self.members[..end]
    }
}

fn damaged() -> impl Strategy<Value = Damaged> {
    let member = (0..EVENTS - 60, 1..60_usize).prop_map(|(start, length)| start..start + length);
    let flipped = proptest::option::of(any::<(Index, Index)>());
    (proptest::collection::vec(member, 1..4), flipped).prop_map(|(members, flipped)| Damaged { members, flipped })
}

#[test]
fn an_event_comes_once_from_the_first_archive_that_has_it_undamaged() {
    let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
    let archives = proptest::collection::vec(damaged(), 2..6);
    let run = |(archives, threads): (Vec<Damaged>, usize)| {
        let workdir = Workdir::new();
        let mut expected = BTreeMap::new();
        for (at, archive) in archives.iter().enumerate() {
            let path = workdir.file(&format!("in/{at}.json.gz"), archive.bytes());
            for number in archive.sound().iter().cloned().flatten() {
                expected.entry(format!("event {number}")).or_insert_with(|| uri(&path));
            }
        }
        let lake = workdir.convert("in", &format!("--threads {threads}"));
        lake.check_counts();
        let rows = lake.rows("events");
        let found: BTreeMap<String, String> =
            rows.iter().map(|row| (text(row, "event_id").to_owned(), text(row, "archive").to_owned())).collect();
        prop_assert_eq!(rows.len(), found.len(), "an event is there twice");
        prop_assert_eq!(found, expected);
        Ok(())
    };
    TestRunner::new(config).run(&(archives, 1..5_usize), run).expect("archives");
}
