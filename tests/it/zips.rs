//! Zips of all kinds: every member is read, whatever the directory says, or reported as damage.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::decoder::zip_members;
use crate::harness::{Lake, Workdir, data, event, files, records, text, uri};
use crate::reference::strategies::zips::{Ending, Part, ZipFile, ZipWriter};
use crate::reference::zip::{reference_members, reference_zip};
use crate::reference::{Row, compare_rows, strategies};

/// A stored archive with one event; both have the same name.
fn log(name: &str) -> Part {
    named(name, name)
}

fn named(name: &str, id: &str) -> Part {
    Part::new(name, records(&[event(id, "")]))
}

fn zip(parts: &[Part]) -> Vec<u8> {
    let mut writer = ZipWriter::default();
    for part in parts {
        writer.add(part);
    }
    std::mem::take(&mut writer.end(b"").file)
}

/// The lake of a file, and the folder that it is in.
fn convert(file: &str, bytes: &[u8]) -> (Lake, Workdir) {
    let workdir = Workdir::new();
    workdir.file(&format!("in/{file}"), bytes);
    let lake = workdir.convert("in", "");
    lake.check_counts();
    workdir.run("check lake").expect(0);
    (lake, workdir)
}

/// Events of a lake, each as its member, a space and its id.
fn events(lake: &Lake) -> Vec<String> {
    let shown = |row: &Row| {
        let archive = text(row, "archive");
        format!("{} {}", archive.split_once('!').map_or(archive, |(_, member)| member), text(row, "event_id"))
    };
    let mut events: Vec<String> = lake.rows("events").iter().map(shown).collect();
    events.sort();
    events
}

/// Checks the result of a zip named `a.zip`: its events, and the number of its damaged places.
#[track_caller]
fn check(what: &str, bytes: &[u8], expected: &[&str], damaged: usize) {
    check_file("a.zip", what, bytes, expected, damaged);
}

#[track_caller]
fn check_file(file: &str, what: &str, bytes: &[u8], expected: &[&str], damaged: usize) {
    let (lake, _workdir) = convert(file, bytes);
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(events(&lake), expected, "{what}: {}", lake.stderr);
    let reasons = lake.texts("quarantine", "reason");
    assert!(reasons.iter().all(|reason| reason == "container_damaged"), "{what}: {reasons:?}");
    assert_eq!((reasons.len(), lake.code), (damaged, i32::from(damaged > 0)), "{what}: {:?}", messages(&lake));
}

fn messages(lake: &Lake) -> Vec<String> {
    lake.texts("quarantine", "message")
}

#[test]
fn the_zips_of_the_data_folder_convert_as_expected() {
    let cases: [(&str, &[&str], usize); 6] = [
        ("zip-same-name-twice.zip", &["log.json 1", "log.json#2 2"], 0),
        ("zip-appended-to.zip", &["a.json 1", "b.json 2"], 0),
        ("zip-two-in-one-file.zip", &["a.json 1", "b.json 2"], 0),
        ("zip-member-left-out.zip", &["a.json 1", "b.json 2"], 0),
        ("zip-cut.zip", &["a.json 1", "b.json 2"], 2),
        ("zip-wrong-checksum.zip", &["log.json#2 2"], 1),
    ];
    for (name, expected, damaged) in cases {
        let bytes = std::fs::read(data("containers").join(name)).expect("a file");
        let expected: Vec<String> =
            expected.iter().map(|event| event.replace(' ', " 00000000-0000-4000-8000-00000000000")).collect();
        check(name, &bytes, &expected.iter().map(String::as_str).collect::<Vec<_>>(), damaged);
    }
    assert_eq!(files(&data("containers")).len(), cases.len());
}

#[test]
fn two_members_of_one_name_are_two_archives() {
    let twice = [named("log.json", "a"), named("log.json", "b"), named("log.json", "c")];
    check("a name three times", &zip(&twice), &["log.json a", "log.json#2 b", "log.json#3 c"], 0);
}

#[test]
fn a_directory_that_an_append_left_behind_costs_nothing_and_adds_nothing() {
    let mut writer = ZipWriter::default();
    writer.add(&named("a.json", "a")).end(b"").add(&named("a.json", "b")).end(b"").add(&log("c.json")).end(b"");
    check("appended to twice", &writer.file, &["a.json a", "a.json#2 b", "c.json c.json"], 0);
}

#[test]
fn zips_that_were_put_together_all_have_their_members() {
    let one = zip(&[log("a.json"), log("b.json").deflated().ending(Ending::Signed)]);
    let two = zip(&[named("a.json", "other"), log("c.json")]);
    let mut wide = ZipWriter::default();
    wide.add(&log("d.json").wide()).end_wide();
    let expected = ["a.json a.json", "b.json b.json", "a.json#2 other", "c.json c.json", "d.json d.json"];
    check("three", &[one.as_slice(), &two, &wide.file].concat(), &expected, 0);
    let expected = ["d.json d.json", "a.json other", "c.json c.json", "a.json#2 a.json", "b.json b.json"];
    check("in another order", &[wide.file.as_slice(), &two, &one].concat(), &expected, 0);
    let expected = ["a.json a.json", "b.json b.json", "a.json#2 other", "c.json c.json"];
    check("with bytes between", &[one.as_slice(), b"\n\n", &two].concat(), &expected, 0);
}

#[test]
fn a_member_that_the_directory_leaves_out_is_read() {
    for is_deflated in [false, true] {
        for ending in [Ending::InHeader, Ending::Signed, Ending::Bare, Ending::Wide] {
            let hidden = |id: &str| Part { is_deflated, ..named("x.json", id) }.ending(ending).unlisted();
            let parts =
                [hidden("first"), log("a.json"), hidden("inner"), hidden("inner 2"), log("b.json"), hidden("last")];
            let expected = [
                "a.json a.json",
                "b.json b.json",
                "x.json first",
                "x.json#2 inner",
                "x.json#3 inner 2",
                "x.json#4 last",
            ];
            check(&format!("{is_deflated} {ending:?}"), &zip(&parts), &expected, 0);
        }
    }
}

#[test]
fn a_member_after_the_last_directory_is_read_and_reported() {
    let mut writer = ZipWriter::default();
    writer.add(&log("a.json")).end(b"").add(&log("b.json").deflated().ending(Ending::Bare));
    check("no directory behind it", &writer.file, &["a.json a.json", "b.json b.json"], 1);
}

#[test]
fn padding_and_other_bytes_are_no_damage() {
    let all = ["a.json a.json", "b.json b.json"];
    let parts = [log("a.json").deflated().ending(Ending::Signed), log("b.json").ending(Ending::Bare)];
    let whole = |writer: &mut ZipWriter, between: &[u8]| {
        writer.add(&parts[0]).bytes(between).add(&parts[1]).bytes(between).end(b"");
        std::mem::take(&mut writer.file)
    };
    let noise = b"padding, PK\x03\x04 and PK\x05\x06 and PK\x01\x02 and more of it, until it is long enough";
    check("nothing", &whole(&mut ZipWriter::default(), b""), &all, 0);
    check("padding", &whole(&mut ZipWriter::default(), &[0; 5_000]), &all, 0);
    check("noise", &whole(&mut ZipWriter::default(), noise), &all, 0);
    for prefix in [&b"MZ program"[..], b"#!/bin/sh\nexec unzip $0\n", noise] {
        let name = format!("behind {}", String::from_utf8_lossy(prefix).escape_default());
        check(&name, &whole(&mut ZipWriter::behind(prefix.to_vec()), b""), &all, 0);
        // One whose offsets count the prefix.
        let mut adjusted = ZipWriter::default();
        adjusted.bytes(prefix);
        check(&name, &whole(&mut adjusted, b""), &all, 0);
    }
    for (name, prefix) in
        [("program.exe", &b"MZ\x90"[..]), ("unpack.sh", b"#!/bin/sh\n"), ("one-part", b"PK00"), ("part", b"PK\x07\x08")]
    {
        check_file(name, name, &whole(&mut ZipWriter::behind(prefix.to_vec()), b""), &all, 0);
    }
    let mut wide = ZipWriter::behind(b"#!".to_vec());
    wide.add(&log("a.json").wide()).add(&log("b.json").deflated().wide()).end_wide();
    check("zip64 behind other bytes", &wide.file, &all, 0);
}

#[test]
fn a_comment_may_hold_anything() {
    let inner = zip(&[log("x.json")]);
    let empty = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
    for comment in [
        &b"made by hand"[..],
        b"PK\x03\x04",
        b"PK\x05\x06 is how a zip ends, at least if it is one",
        &empty,
        &inner[..40],
    ] {
        let mut writer = ZipWriter::default();
        writer.add(&log("a.json")).add(&log("b.json")).end(comment);
        check(&String::from_utf8_lossy(comment), &writer.file, &["a.json a.json", "b.json b.json"], 0);
    }
}

#[test]
fn members_of_a_nested_zip_belong_to_it() {
    let inner = zip(&[log("a.json"), log("b.json").deflated()]);
    let outer = [log("x.json"), Part::new("inner.zip", inner.clone()), log("y.json")];
    let whole = zip(&outer);
    let all = ["x.json x.json", "inner.zip!a.json a.json", "inner.zip!b.json b.json", "y.json y.json"];
    check("whole", &whole, &all, 0);
    let directory = whole.len() - 22 - outer.iter().map(|part| 46 + part.name.len()).sum::<usize>();
    check("without its directory", &whole[..directory], &all, 1);
    let hidden = Part::new("inner.zip", inner).unlisted();
    check("left out", &zip(&[log("x.json"), hidden, log("y.json")]), &all, 0);
}

#[test]
fn names_stay_as_they_are_and_folders_are_none() {
    let parts = [
        named(r"AWSLogs\123\a.json", "a"),
        Part::new(r"AWSLogs\", ""),
        Part::new("empty/", ""),
        named("not empty/", "b"),
    ];
    check("of Windows", &zip(&parts), &["AWSLogs%5C123%5Ca.json a", "not%20empty/ b"], 0);
}

/// A zip cut at every byte: whole members are kept, and the cut is reported.
#[test]
fn a_zip_that_is_cut_keeps_every_whole_member() {
    let parts = [
        log("a.json"),
        log("b.json").deflated(),
        log("c.json").deflated().ending(Ending::Signed),
        log("d.json").ending(Ending::Bare),
        log("e.json").ending(Ending::Wide).deflated(),
        log("f.json").wide(),
    ];
    let mut writer = ZipWriter::default();
    let mut ends = Vec::new();
    for part in &parts {
        ends.push((writer.add(part).file.len(), part.name.clone()));
    }
    let whole = writer.end(b"some words").file.clone();
    let workdir = Workdir::new();
    for cut in 1..whole.len() {
        workdir.file(&format!("in/{cut:04}.zip"), &whole[..cut]);
    }
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    let rows = lake.rows("events");
    let quarantine = lake.rows("quarantine");
    for cut in 1..whole.len() {
        let of_file = |archive: &str| archive.contains(&format!("/{cut:04}.zip"));
        let mut found: Vec<&str> =
            rows.iter().filter(|row| of_file(text(row, "archive"))).map(|row| text(row, "event_id")).collect();
        found.sort_unstable();
        let kept = ends.iter().filter(|(end, _)| *end <= cut);
        assert_eq!(found, kept.map(|(_, name)| name.as_str()).collect::<Vec<_>>(), "cut at {cut}");
        let reasons = quarantine.iter().filter(|row| of_file(text(row, "archive"))).map(|row| text(row, "reason"));
        let reasons: Vec<&str> = reasons.collect();
        assert!(
            !reasons.is_empty() && reasons.iter().all(|reason| *reason == "container_damaged"),
            "cut at {cut}: {reasons:?}"
        );
    }
}

/// One bit flipped, in every byte: other members keep their events, and no event is lost silently.
#[test]
fn a_flipped_bit_costs_one_member_at_most() {
    let parts = [log("a.json"), log("b.json").deflated(), log("c.json").deflated().ending(Ending::Signed)];
    let whole = zip(&parts);
    let workdir = Workdir::new();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        workdir.file(&format!("in/{at:04}.zip"), flipped);
    }
    let lake = workdir.convert("in", "--no-dedup");
    lake.check_counts();
    let rows = lake.rows("events");
    let quarantine = lake.rows("quarantine");
    for at in 0..whole.len() {
        let of_file = |row: &&Row| text(row, "archive").contains(&format!("/{at:04}.zip"));
        let found =
            rows.iter().filter(of_file).filter(|row| parts.iter().any(|part| part.name == text(row, "event_id")));
        let found = found.count();
        let is_reported = quarantine.iter().any(|row| of_file(&row));
        assert!(
            found == 3 || (found == 2 && is_reported),
            "a bit of byte {at}: {found} events, reported: {is_reported}"
        );
    }
}

#[test]
fn a_damaged_header_loses_no_member_silently() {
    let one = zip(&[log("a.json")]);
    let mut damaged = one.clone();
    damaged[3] ^= 0x80;
    let other = zip(&[log("b.json")]);
    check("alone, by its name", &damaged, &[], 1);
    check("before another", &[damaged.as_slice(), &other].concat(), &["b.json b.json"], 1);
    check("behind another", &[other.as_slice(), &damaged].concat(), &["b.json b.json"], 1);
}

#[test]
fn a_zip_that_has_lost_its_beginning_or_end_is_recognised_by_its_name() {
    let whole = zip(&[log("a.json"), log("b.json"), log("c.json")]);
    let first = 30 + "a.json".len() + log("a.json").bytes.len();
    check("without its first bytes", &whole[10..], &["b.json b.json", "c.json c.json"], 1);
    check("without both", &whole[10..first * 2 + 40], &["b.json b.json"], 2);
    let mut behind = ZipWriter::behind(b"#!/bin/sh\n".to_vec());
    behind.add(&log("a.json").deflated().ending(Ending::Signed));
    check("behind a script", &behind.file, &["a.json a.json"], 1);
    check_file("notes.zip", "no zip", b"PKWARE made the first one. PK\x03\x04 is how they begin, since 1989.", &[], 0);
}

#[test]
fn a_member_with_a_wrong_checksum_is_damaged_and_not_unread() {
    for is_deflated in [false, true] {
        let part = |name: &str| Part { is_deflated, ..log(name) };
        let mut whole = zip(&[part("a.json"), part("b.json"), part("c.json")]);
        // A byte of the second member itself.
        let at = whole.windows(6).position(|bytes| bytes == b"b.json").expect("a name") + 20;
        whole[at] ^= 4;
        let (lake, _workdir) = convert("a.zip", &whole);
        assert_eq!(events(&lake), ["a.json a.json", "c.json c.json"], "{}", lake.stderr);
        let quarantine = lake.rows("quarantine");
        assert_eq!((lake.code, quarantine.len()), (1, 1), "{}", lake.stderr);
        assert!(text(&quarantine[0], "archive").ends_with("a.zip!b.json"));
        assert_eq!(text(&quarantine[0], "reason"), "container_damaged");
        assert!(quarantine[0].contains_key("byte_offset") && quarantine[0].contains_key("original"), "{quarantine:?}");
    }
}

#[test]
fn wrong_directory_entries_cost_no_member() {
    let whole = zip(&[log("a.json").deflated(), log("b.json"), log("c.json").deflated()]);
    let second = whole.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("an entry") - 46 - "b.json".len();
    // Checksum, sizes, place.
    for (at, with) in [(16, 1), (20, 1), (20, 0x80), (23, 0x80), (24, 1), (27, 0x80), (42, 1), (45, 0x80)] {
        let mut lying = whole.clone();
        lying[second + at] ^= with;
        check(&format!("byte {at} with {with}"), &lying, &["a.json a.json", "b.json b.json", "c.json c.json"], 1);
    }
}

#[test]
fn parts_of_a_split_zip_are_reported_with_what_to_do() {
    let mut first = ZipWriter::default();
    first.bytes(b"PK\x07\x08").add(&log("a.json"));
    let (lake, _workdir) = convert("a.z01", &first.file);
    assert_eq!((events(&lake), lake.code), (vec!["a.json a.json".to_owned()], 1), "{}", lake.stderr);
    assert!(messages(&lake)[0].contains("split zip"), "{:?}", messages(&lake));
    let mut last = zip(&[log("b.json")]);
    let end = last.len() - 22;
    last[end + 4] = 1;
    last[end + 6] = 1;
    let entry = last.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("an entry");
    last[entry + 34] = 1;
    let (lake, _workdir) = convert("a.zip", &last);
    assert_eq!((events(&lake), lake.code), (vec!["b.json b.json".to_owned()], 1), "{}", lake.stderr);
    assert!(messages(&lake)[0].contains("last of 2 parts"), "{:?}", messages(&lake));
}

#[test]
fn a_repaired_copy_of_a_damaged_zip_is_read_again() {
    let whole = zip(&[log("a.json"), log("b.json").deflated()]);
    let mut damaged = whole.clone();
    let at = whole.windows(6).position(|bytes| bytes == b"b.json").expect("a name") + 20;
    damaged[at] ^= 4;
    let workdir = Workdir::new();
    workdir.file("in/a.zip", damaged);
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (1, 1), "{}", lake.stderr);
    workdir.file("in/a.zip", whole);
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (0, 1), "{}", lake.stderr);
    assert_eq!((lake.rows("events").len(), lake.rows("quarantine").len()), (2, 0));
}

/// Thousands of headers that lead nowhere: each is reported or none, and no search restarts with each of them.
#[test]
fn hostile_headers_cause_no_endless_searches() {
    let mut writer = ZipWriter::default();
    let bare = [Part::new("x", "").ending(Ending::Bare), Part::new("x", "").deflated().ending(Ending::Bare)];
    for part in &bare {
        let mut one = ZipWriter::default();
        one.add(part);
        // Only header and name.
        one.file.truncate(31);
        for _ in 0..20_000 {
            writer.bytes(&one.file);
        }
    }
    for _ in 0..20_000 {
        writer.bytes(b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\0\0\0\0\0\0");
    }
    let (lake, _workdir) = convert("a.zip", &writer.file);
    assert_eq!((lake.code, lake.rows("events").len()), (1, 0), "{}", lake.stderr);
}

/// Zips converted by one run of the program.
const ZIPS_PER_RUN: usize = 60;

#[test]
fn random_zips_convert_as_the_reference_says() {
    let zips = prop::collection::vec(strategies::zip_file(), ZIPS_PER_RUN);
    let config = Config { cases: 12, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&zips, |zips| check_random(&zips).map_err(TestCaseError::fail));
    if let Err(TestError::Fail(message, _)) = result {
        panic!("{message}");
    }
}

fn check_random(zips: &[ZipFile]) -> Result<(), String> {
    let workdir = Workdir::new();
    let paths: Vec<_> = (0..).zip(zips).map(|(at, zip)| workdir.file(&format!("in/{at:03}.zip"), &zip.bytes)).collect();
    let lake = workdir.convert("in", "--no-dedup");
    if !(0..=1).contains(&lake.code) {
        return Err(lake.stderr);
    }
    lake.check_counts();
    let (events, quarantine) = (lake.rows("events"), lake.rows("quarantine"));
    for (path, zip) in paths.iter().zip(zips) {
        let uri = uri(path);
        let is_here = |row: &&Row| {
            text(row, "archive").strip_prefix(&uri).is_some_and(|rest| rest.is_empty() || rest.starts_with('!'))
        };
        let events: Vec<Row> = events.iter().filter(is_here).cloned().collect();
        let reasons: Vec<&str> = quarantine.iter().filter(is_here).map(|row| text(row, "reason")).collect();
        let context = || format!("{uri} {reasons:?}\n{:?}\n{}", zip.ids, zip.bytes.escape_ascii());
        if zip.is_flipped {
            let lost = zip.ids.iter().filter(|id| !events.iter().any(|row| text(row, "event_id") == **id)).count();
            if lost > 0 && reasons.is_empty() && zip.is_listed {
                return Err(format!("{lost} events vanished: {}", context()));
            }
            continue;
        }
        let reference = reference_zip(&zip.bytes);
        let members = reference_members(&uri, &reference);
        let wanted: Vec<Row> = members.into_iter().flat_map(|(_, archive)| archive.events).collect();
        compare_rows(&wanted, &events).map_err(|difference| format!("{difference}\n{}", context()))?;
        if reference.is_damaged == reasons.is_empty() || reasons.iter().any(|reason| *reason != "container_damaged") {
            return Err(format!("damaged: {}, reported: {}", reference.is_damaged, context()));
        }
    }
    Ok(())
}

/// Like the fuzz target, without running the program: names only, but of many more zips.
#[test]
fn random_zips_are_listed_as_the_reference_says() {
    let cases = Config::default().cases.max(2_000);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategies::zip_file(), |zip| {
        let (members, damaged) = zip_members(&zip.bytes);
        let reference = reference_zip(&zip.bytes);
        let mut wanted: Vec<String> = reference.members.into_iter().map(|(name, _)| name).collect();
        wanted.sort();
        if zip.is_flipped || (&members, damaged > 0) == (&wanted, reference.is_damaged) {
            return Ok(());
        }
        let (is_damaged, bytes) = (reference.is_damaged, zip.bytes.escape_ascii());
        Err(TestCaseError::fail(format!("{members:?} {damaged}\nwanted {wanted:?} {is_damaged}\n{bytes}")))
    });
    if let Err(TestError::Fail(message, _)) = result {
        panic!("{message}");
    }
}
