//! Tar, zip and compression around archives: each member is an archive of its own, as if it had been unpacked.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use crate::harness::{Lake, Workdir, event, gzip, int, records, text, uri};
use crate::reference::{Row, compare_rows};

const FOLDER: &str = "AWSLogs/123456789012/CloudTrail/us-east-1/2025/03/01";

/// Files by name.
type Members = Vec<(String, Vec<u8>)>;

fn key(number: usize) -> String {
    format!("{FOLDER}/123456789012_CloudTrail_us-east-1_20250301T08{number:02}Z_aB3dE5fG7hJ9kL1m.json.gz")
}

/// Three archives in the order of delivery, and something else.
fn members() -> Members {
    let archive = |number: usize| {
        let events: Vec<String> = (0..3).map(|at| event(&format!("event {number} {at}"), "")).collect();
        (key(number), gzip(records(&events).as_bytes()))
    };
    let mut members: Members = (1..4).map(archive).collect();
    members.push(("notes/README.txt".to_owned(), b"not an archive".to_vec()));
    members
}

pub fn tar(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mtime(1_740_816_900);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes.as_slice()).expect("memory");
    }
    builder.into_inner().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

/// A zip, written by the specification, independent of any reader.
pub fn zip(members: &[(String, Vec<u8>)], is_deflated: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in members {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let stored = if is_deflated {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        } else {
            bytes.clone()
        };
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("small").to_le_bytes();
        let short = |number: usize| u16::try_from(number).expect("small").to_le_bytes();
        // Version, flags, method, time, date, checksum, sizes, lengths of name and extra field.
        let common = [
            &20_u16.to_le_bytes()[..],
            &[0, 0],
            &short(if is_deflated { 8 } else { 0 }),
            &[0, 0, 0x61, 0x5a],
            &crc.sum().to_le_bytes(),
            &length(&stored),
            &length(bytes),
            &short(name.len()),
            &[0, 0],
        ]
        .concat();
        let offset = length(&file);
        file.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), &stored].concat());
        let rest = [&[0; 2][..], &[0; 2], &[0; 2], &[0; 4], &offset].concat();
        directory.extend([b"PK\x01\x02", &20_u16.to_le_bytes()[..], &common, &rest, name.as_bytes()].concat());
    }
    let count = u16::try_from(members.len()).expect("few").to_le_bytes();
    let (start, length) = (file.len(), directory.len());
    let size = |number: usize| u32::try_from(number).expect("small").to_le_bytes();
    file.extend(directory);
    file.extend([b"PK\x05\x06", &[0; 4][..], &count, &count, &size(length), &size(start), &[0; 2]].concat());
    file
}

fn in_one(name: &str, bytes: Vec<u8>) -> Members {
    vec![(name.to_owned(), bytes)]
}

/// The same members in every container, with the prefix of the members' names.
fn containers() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (tar, stored, deflated) = (tar(&members()), zip(&members(), false), zip(&members(), true));
    let tarred = |name: &str, bytes: &[u8]| self::tar(&in_one(name, bytes.to_vec()));
    vec![
        ("a.tar", "", tar.clone()),
        ("a.tar.gz", "", gzip(&tar)),
        ("a.tar.zst", "", zstd(&tar)),
        ("twice.tar.gz.gz", "", gzip(&gzip(&tar))),
        ("stored.zip", "", stored.clone()),
        ("deflated.zip", "", deflated.clone()),
        ("no-suffix", "", gzip(&tar)),
        ("tar-in-tar", "inner.tar!", tarred("inner.tar", &tar)),
        ("tar.gz-in-tar", "inner.tgz!", tarred("inner.tgz", &gzip(&tar))),
        ("tar.gz-in-tar.gz", "inner.tgz!", gzip(&tarred("inner.tgz", &gzip(&tar)))),
        ("zip-in-tar", "inner.zip!", tarred("inner.zip", &deflated)),
        ("tar-in-zip", "inner.tar!", zip(&in_one("inner.tar", tar.clone()), true)),
        ("tar.gz-in-zip", "inner.tgz!", zip(&in_one("inner.tgz", gzip(&tar)), false)),
        ("zip-in-zip", "inner.zip!", zip(&in_one("inner.zip", stored), false)),
    ]
}

/// Rows of the members as plain files, without their archives.
fn expected(members: &[(String, Vec<u8>)]) -> Vec<Row> {
    let workdir = Workdir::new();
    for (name, bytes) in members {
        workdir.file(&format!("in/{name}"), bytes);
    }
    without_archive(&workdir.convert("in", "").rows("events"))
}

fn without_archive(rows: &[Row]) -> Vec<Row> {
    let strip = |row: &Row| {
        let mut row = row.clone();
        row.remove("archive");
        row
    };
    rows.iter().map(strip).collect()
}

#[track_caller]
fn check_sound(workdir: &Workdir) {
    workdir.run("check lake").expect(0);
}

fn statuses(lake: &Lake) -> Vec<(String, String, i64)> {
    let rows = lake.rows("archives");
    let status = |row: &Row| (text(row, "kind").to_owned(), text(row, "status").to_owned(), int(row, "events_seen"));
    rows.iter().map(status).collect()
}

#[test]
fn each_member_is_an_archive_in_every_container() {
    let expected = expected(&members());
    for (name, inner, bytes) in containers() {
        let workdir = Workdir::new();
        let path = workdir.file(&format!("in/{name}"), bytes);
        let lake = workdir.convert("in", "");
        assert_eq!(lake.code, 0, "{name}: {}", lake.stderr);
        lake.check_counts();
        let rows = lake.rows("events");
        compare_rows(&expected, &without_archive(&rows)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let archives: BTreeSet<&str> = rows.iter().map(|row| text(row, "archive")).collect();
        let wanted: Vec<String> = (1..4).map(|number| format!("{}!{inner}{}", uri(&path), key(number))).collect();
        assert_eq!(archives, wanted.iter().map(String::as_str).collect(), "{name}");
        let mut found = statuses(&lake);
        found.retain(|(kind, ..)| kind != "tar" && kind != "zip");
        let log = || ("log".to_owned(), "converted".to_owned(), 3);
        found.sort();
        assert_eq!(found, [log(), log(), log(), ("text".to_owned(), "foreign".to_owned(), 0)], "{name}");
        check_sound(&workdir);
        let again = workdir.convert("in", "");
        assert_eq!((again.code, again.count("/archives/converted")), (0, 0), "{name}: {}", again.stderr);
    }
}

#[test]
fn standard_input_may_be_anything_and_is_recognised_by_its_bytes() {
    let members = members();
    let packed = gzip(&tar(&members));
    let workdir = Workdir::new();
    workdir.file("in/b.json", records(&[event("from a file", "")]));
    let convert = |input: &[u8], flags: &str| {
        let run = workdir.run_with_input(&format!("convert - in --out lake --report report.json {flags}"), input);
        Lake { report: run.report("report.json"), code: run.code(), path: workdir.at("lake"), stderr: run.stderr() }
    };
    assert_eq!(convert(&packed, "--dry-run").count("/events/written"), 10);
    let lake = convert(&packed, "");
    assert_eq!((lake.code, lake.count("/events/written")), (0, 10), "{}", lake.stderr);
    let archives = lake.texts("events", "archive");
    let (piped, named): (Vec<_>, Vec<_>) = archives.iter().partition(|archive| archive.starts_with("stdin:xxh3-"));
    assert_eq!((piped.len(), named.len()), (9, 1), "{archives:?}");
    assert!(piped.iter().all(|archive| archive.contains(&format!("!{FOLDER}/"))), "{archives:?}");
    assert_eq!(convert(&packed, "").count("/archives/converted"), 0);
    assert_eq!(convert(records(&[event("another", "")]).as_bytes(), "").count("/events/written"), 1);
    assert_eq!(convert(b"", "").count("/archives/foreign"), 1);
    check_sound(&workdir);
}

#[test]
fn containers_that_cannot_be_opened_are_reported_with_the_reason() {
    let workdir = Workdir::new();
    workdir.file("in/a.zip.gz", gzip(&zip(&members(), false)));
    workdir.copy(&crate::harness::data("corrupt/foreign-console-history.csv"), "in/history.csv");
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/archives/foreign")), (0, 2), "{}", lake.stderr);
    for reason in ["1 × zip: a zip within something compressed", "1 × console_csv: the console's CSV holds no requests"]
    {
        assert!(lake.stderr.contains(reason), "{}", lake.stderr);
    }
}

#[test]
fn a_compressed_archive_is_unpacked_as_often_as_it_is_packed() {
    let (_, archive) = &members()[0];
    let text = records(&[event("a", "")]);
    let text = text.as_bytes();
    let frames = [zstd(&text[..40]), zstd(&text[40..])].concat();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], zstd(text).as_slice()].concat();
    let mixed = [gzip(&text[..40]), zstd(&text[40..])].concat();
    for (name, bytes, events) in [
        ("zstd", zstd(text), 1),
        ("frames", frames, 1),
        ("skippable", skippable, 1),
        ("gzip and zstd", mixed, 1),
        ("gzip in gzip", gzip(archive), 3),
        ("gzip in zstd", zstd(archive), 3),
        ("zstd in gzip in gzip", gzip(&gzip(&zstd(text))), 1),
    ] {
        let workdir = Workdir::new();
        workdir.file("in/a.json.gz", bytes);
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/events/written")), (0, events), "{name}: {}", lake.stderr);
    }
}

#[test]
fn kinds_of_zstd_damage_are_distinguished() {
    let text = records(&(0..2_000).map(|number| event(&format!("event {number}"), "")).collect::<Vec<_>>());
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.include_checksum(true).expect("memory");
    encoder.write_all(text.as_bytes()).expect("memory");
    let whole = encoder.finish().expect("memory");
    let mut flipped = whole.clone();
    let at = whole.len() - 2;
    flipped[at] ^= 1;
    for (name, bytes, reason, keeps) in [
        ("cut", whole[..whole.len() - 300].to_vec(), "zstd_truncated", true),
        ("flipped", flipped, "zstd_corrupt", false),
        ("garbage", [whole.as_slice(), b"garbage"].concat(), "zstd_trailing_garbage", true),
    ] {
        let workdir = Workdir::new();
        workdir.file("in/a.json.zst", bytes);
        let lake = workdir.convert("in", "");
        assert_eq!(lake.code, 1, "{name}: {}", lake.stderr);
        lake.check_counts();
        assert!(lake.texts("quarantine", "reason").contains(&reason.to_owned()), "{name}: {}", lake.stderr);
        assert_eq!(lake.count("/events/written") > 0, keeps, "{name}: {}", lake.stderr);
    }
}

#[test]
fn only_new_members_of_a_container_that_has_grown_are_converted() {
    let members = members();
    for pack in [
        (|members| tar(members)) as fn(&[(String, Vec<u8>)]) -> Vec<u8>,
        |members| gzip(&tar(members)),
        |members| zip(members, true),
    ] {
        let workdir = Workdir::new();
        workdir.file("in/a", pack(&members[..1]));
        assert_eq!(workdir.convert("in", "").count("/events/written"), 3);
        workdir.file("in/a", pack(&members));
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/events/written")), (0, 6), "{}", lake.stderr);
        assert_eq!(lake.count("/events/duplicates"), 0);
        compare_rows(&expected(&members), &without_archive(&lake.rows("events")))
            .unwrap_or_else(|error| panic!("{error}"));
        let archives = lake.texts("archives", "archive");
        assert_eq!(archives.len(), archives.iter().collect::<BTreeSet<_>>().len(), "{archives:?}");
        check_sound(&workdir);
        assert_eq!(workdir.convert("in", "").count("/archives/already_converted"), 1);
    }
}

#[test]
fn members_that_a_selector_skips_come_with_a_later_run() {
    let mut members = members();
    let other = key(1).replace("123456789012", "210987654321");
    members.push((other, gzip(records(&[event("other", "").replace("123456789012", "210987654321")]).as_bytes())));
    let workdir = Workdir::new();
    workdir.file("in/a.tgz", gzip(&tar(&members)));
    let lake = workdir.convert("in", "--account 210987654321");
    assert_eq!(lake.texts("events", "event_id"), ["other"], "{}", lake.stderr);
    // A file that is not named like a log is read, and foreign.
    assert_eq!(lake.rows("archives").len(), 2);
    let lake = workdir.convert("in", "");
    assert_eq!((lake.count("/events/written"), lake.rows("events").len()), (9, 10), "{}", lake.stderr);
    check_sound(&workdir);
}

#[test]
fn names_that_come_twice_are_two_archives() {
    let mut members = members();
    let again = gzip(records(&[event("later", "")]).as_bytes());
    members.push((key(1), again));
    for bytes in [tar(&members), gzip(&tar(&members)), [tar(&members[..3]), tar(&members[3..])].concat()] {
        let workdir = Workdir::new();
        let path = workdir.file("in/a", bytes);
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/events/written")), (0, 10), "{}", lake.stderr);
        let later = lake.rows("events").into_iter().find(|row| text(row, "event_id") == "later").expect("a row");
        assert_eq!(text(&later, "archive"), format!("{}!{}#2", uri(&path), key(1)));
    }
}

#[test]
fn a_zip_that_is_rebuilt_with_the_same_times_has_other_members() {
    let archive = |id: &str| ("log.json".to_owned(), records(&[event(id, "")]).into_bytes());
    for is_deflated in [false, true] {
        let workdir = Workdir::new();
        workdir.file("in/a.zip", zip(&[archive("a"), archive("b"), archive("c")], is_deflated));
        assert_eq!(workdir.convert("in", "").count("/events/written"), 3);
        // The same sizes, other events; their names differ in a number only.
        workdir.file("in/a.zip", zip(&[archive("b"), archive("c"), archive("d")], is_deflated));
        let lake = workdir.convert("in", "");
        assert_eq!(lake.code, 1, "{}", lake.stderr);
        assert!(lake.stderr.contains("--reconvert-changed"), "{}", lake.stderr);
        // It is reported until it is done.
        assert_eq!(workdir.convert("in", "").code, 1);
        let lake = workdir.convert("in", "--reconvert-changed");
        assert!(lake.texts("events", "event_id").contains(&"d".to_owned()), "{}", lake.stderr);
        assert_eq!(workdir.convert("in", "").code, 0);
        check_sound(&workdir);
    }
}

#[test]
fn tar_members_of_unknown_types_are_files_and_others_are_reported() {
    let typed = |kind: u8, name: &str| {
        let text = records(&[event(&char::from(kind).to_string(), "")]);
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_entry_type(tar::EntryType::new(kind));
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_data(&mut header, name, text.as_bytes()).expect("memory");
        builder.into_inner().expect("memory")
    };
    for bytes in [typed(b'A', "a.json"), typed(b'Z', "a.json"), typed(b'7', "a.json")] {
        let workdir = Workdir::new();
        workdir.file("in/a.tar", bytes);
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/events/written")), (0, 1), "{}", lake.stderr);
    }
    for (bytes, message) in
        [(typed(b'M', "a.json"), "another volume"), (typed(b'0', "GNUSparseFile.14328/a.json"), "sparse")]
    {
        let workdir = Workdir::new();
        workdir.file("in/a.tar", bytes);
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/events/written")), (1, 0), "{}", lake.stderr);
        assert!(lake.stderr.contains(message), "{message}: {}", lake.stderr);
    }
}

#[test]
fn a_damaged_container_gives_the_members_that_are_certain() {
    let members = members();
    let whole = tar(&members);
    // Names too long for a header: each is also in a member of its own before it.
    let starts: Vec<usize> = (0..whole.len() - 60).filter(|at| whole[*at..].starts_with(FOLDER.as_bytes())).collect();
    assert_eq!(starts.len(), 6, "{starts:?}");
    let packed = gzip(&whole);
    let mut corrupt = packed.clone();
    let at = corrupt.len() - 8;
    corrupt[at] ^= 1;
    let zipped = zip(&members, true);
    let mut encrypted = zip(&members[..1], false);
    for at in 0..encrypted.len() - 10 {
        if encrypted[at..].starts_with(b"PK\x03\x04") {
            encrypted[at + 6] |= 1;
        } else if encrypted[at..].starts_with(b"PK\x01\x02") {
            encrypted[at + 8] |= 1;
        }
    }
    let cases: Vec<(&str, Vec<u8>, &str, u64)> = vec![
        ("cut-in-a-header", whole[..starts[3] + 100].to_vec(), "container_damaged", 3),
        ("cut-in-a-member", whole[..starts[3] + 512 + 40].to_vec(), "container_damaged", 3),
        ("cut-stream", packed[..packed.len() - 40].to_vec(), "gzip_truncated", 6),
        ("wrong-checksum", corrupt, "gzip_corrupt", 0),
        ("no-directory", zipped[..zipped.len() - 60].to_vec(), "container_damaged", 9),
        ("encrypted", encrypted, "read_failed", 0),
    ];
    for (name, bytes, reason, least) in cases {
        let workdir = Workdir::new();
        workdir.file(&format!("in/{name}"), bytes);
        let lake = workdir.convert("in", "");
        assert_eq!(lake.code, 1, "{name}: {}", lake.stderr);
        lake.check_counts();
        assert!(lake.texts("quarantine", "reason").contains(&reason.to_owned()), "{name}: {}", lake.stderr);
        assert!(lake.count("/events/written") >= least, "{name}: {}", lake.stderr);
        check_sound(&workdir);
    }
}

#[test]
fn a_tar_with_a_damaged_header_keeps_the_members_behind_it() {
    let members = members();
    let whole = tar(&members);
    // Each of these names is in a member of its own, and in the header that it belongs to.
    let starts: Vec<usize> = (0..whole.len() - 60).filter(|at| whole[*at..].starts_with(FOLDER.as_bytes())).collect();
    let mut damaged = whole.clone();
    damaged[starts[3] + 150] ^= 1;
    for (name, bytes) in [("a.tar", damaged.clone()), ("a.tar.gz", gzip(&damaged))] {
        let workdir = Workdir::new();
        workdir.file(&format!("in/{name}"), bytes);
        let lake = workdir.convert("in", "");
        assert_eq!((lake.code, lake.count("/events/written")), (1, 6), "{name}: {}", lake.stderr);
        lake.check_counts();
        assert_eq!(lake.texts("quarantine", "reason"), ["container_damaged"], "{name}: {}", lake.stderr);
        assert_eq!(lake.rows("archives").len(), 4, "{name}: the tar, two logs and a text");
        check_sound(&workdir);
    }
}

/// A member that was cut with its tar has another size than the whole one, so the two are not confused.
#[test]
fn a_tar_that_is_whole_again_has_another_version_of_the_member_that_was_cut() {
    let members = members();
    let whole = tar(&members);
    let last = whole.windows(FOLDER.len()).rposition(|bytes| bytes == FOLDER.as_bytes()).expect("a header");
    for pack in [(|tar| tar.to_vec()) as fn(&[u8]) -> Vec<u8>, gzip] {
        let workdir = Workdir::new();
        workdir.file("in/a", pack(&whole[..last + 512 + 40]));
        let lake = workdir.convert("in", "");
        assert_eq!(lake.code, 1, "{}", lake.stderr);
        workdir.file("in/a", pack(&whole));
        let lake = workdir.convert("in", "--reconvert-changed");
        assert_eq!((lake.code, lake.rows("events").len()), (0, 9), "{}", lake.stderr);
        check_sound(&workdir);
    }
}

#[test]
fn a_damaged_member_is_read_again_when_its_container_was_repaired() {
    let members = members();
    let mut zipped = zip(&members, true);
    // A byte of the first member.
    let at = 30 + members[0].0.len() + 20;
    zipped[at] ^= 1;
    let workdir = Workdir::new();
    let path = workdir.file("in/a.zip", &zipped);
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (1, 6), "{}", lake.stderr);
    let modified = path.metadata().and_then(|metadata| metadata.modified()).expect("a file");
    zipped[at] ^= 1;
    workdir.file("in/a.zip", &zipped);
    std::fs::File::open(&path).and_then(|file| file.set_modified(modified)).expect("a file");
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (0, 3), "{}", lake.stderr);
    assert_eq!(lake.rows("events").len(), 9);
    assert_eq!(lake.rows("quarantine").len(), 0);
    check_sound(&workdir);
}

#[test]
fn hostile_containers_stop_nothing() {
    let good = members();
    let bomb = gzip(&vec![0; 64 << 20]);
    let lying = {
        let mut bytes = zip(&good[..1], true);
        let at = bytes.windows(4).position(|window| window == b"PK\x01\x02").expect("a directory") + 24;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes
    };
    let upwards = tar(&[("x".to_owned(), good[0].1.clone())]);
    let mut upwards = upwards;
    upwards[..9].copy_from_slice(b"../../etc");
    let sum: u32 = upwards[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    upwards[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut deep = tar(&good);
    for _ in 0..12 {
        deep = tar(&in_one("inner.tar", deep));
    }
    let workdir = Workdir::new();
    for (name, bytes) in [("bomb", bomb), ("lying.zip", lying), ("upwards.tar", upwards), ("deep.tar", deep)] {
        workdir.file(&format!("in/{name}"), bytes);
    }
    workdir.file("in/good.tar", tar(&good));
    let lake = workdir.convert("in", "--no-dedup --max-inflated 1MiB");
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    // Where the directory is wrong, the local header counts.
    assert_eq!(lake.count("/events/written"), 9 + 3 + 3, "{}", lake.stderr);
    assert!(!Path::new("/etc").join("events").exists());
    check_sound(&workdir);
}

/// Hundreds of small members around a large one, so that workers meet in the middle of the container.
#[test]
fn many_members_and_large_ones_give_the_rows_of_the_tree() {
    let workdir = Workdir::new();
    workdir.run("generate --out tree --mix tiny --archives 1500 --seed 3").expect(0);
    let mut members: Members = crate::harness::files(&workdir.at("tree"))
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(workdir.at("tree").join(&path)).expect("a file")))
        .collect();
    let big: Vec<String> = (0..60_000)
        .map(|number| event(&format!("big {number}"), "\"x\":\"some text that stands in every event\""))
        .collect();
    let big = records(&big).into_bytes();
    assert!(big.len() > 12 << 20);
    members.insert(700, ("big.json".to_owned(), big.clone()));
    workdir.file("tree/big.json", &big);
    let expected = {
        let lake = workdir.convert("tree", "");
        without_archive(&lake.rows("events"))
    };
    for (name, bytes) in [("a.tgz", gzip(&tar(&members))), ("a.zip", zip(&members, true)), ("a.tar", tar(&members))] {
        let mut snapshots = Vec::new();
        for threads in [1, 2, 5] {
            let inner = Workdir::new();
            inner.file(&format!("in/{name}"), &bytes);
            let lake = inner.convert("in", &format!("--threads {threads}"));
            assert_eq!(lake.code, 0, "{name}: {}", lake.stderr);
            compare_rows(&expected, &without_archive(&lake.rows("events")))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            snapshots
                .push(lake.rows("events").into_iter().map(|row| text(&row, "event_id").to_owned()).collect::<Vec<_>>());
        }
        assert!(snapshots.iter().all(|snapshot| *snapshot == snapshots[0]), "{name}");
    }
}
