//! `convert --verify`: what digest files prove of each archive that is converted, in `archives` and in the summary.

use crate::digests::{Bucket, Key, Trail, public_keys, sha256};
use crate::harness::{Lake, Workdir, event, gzip, inflated, records, text, uri};
use crate::reference::Row;

const ACCOUNT: &str = "111122223333";
const FLAGS: &str = "--verify --public-keys keys.json";

/// Three hours with two log files each, and the keys of those.
fn three_hours() -> (Bucket, Vec<String>) {
    let mut bucket = Bucket::default();
    let mut trail = Trail::new(ACCOUNT, "us-east-1");
    for _ in 0..3 {
        trail.hour(&mut bucket, 2);
    }
    let logs = bucket.keys("_CloudTrail_");
    (bucket, logs)
}

fn copy(bucket: &Bucket) -> Workdir {
    let workdir = Workdir::new();
    workdir.file("keys.json", public_keys(&[Key::East.pkcs1(), Key::West.pkcs1()]));
    bucket.copy_to(&workdir, "copy");
    workdir
}

/// The integrity of each log file, in the order of their keys.
fn integrity_of(workdir: &Workdir, lake: &Lake, logs: &[String]) -> Vec<String> {
    let of = |key: &String| {
        let path = workdir.at("copy").join(key);
        lake.rows("archives").into_iter().find(|row| text(row, "archive") == uri(&path))
    };
    logs.iter().map(|key| of(key).map_or("absent".to_owned(), |row| text(&row, "integrity").to_owned())).collect()
}

fn rows_of_logs(lake: &Lake) -> Vec<Row> {
    let rows = lake.rows("archives").into_iter();
    rows.filter(|row| text(row, "archive").contains("_CloudTrail_")).collect()
}

#[test]
fn every_archive_has_its_integrity() {
    let (mut bucket, logs) = three_hours();
    let undeclared = Trail::new(ACCOUNT, "us-east-1").log_key("CloudTrail", 2_000_000_000, "aB3dE5fG7hJ9kL1m");
    bucket.objects.insert(undeclared.clone(), gzip(records(&[event("late", "")]).as_bytes()));
    bucket.edit(&logs[1], |text| text.replace("eventID", "eventId"));
    let workdir = copy(&bucket);
    let lake = workdir.convert("copy", FLAGS);
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    // The newest digest file has no signature, so that what it declares is not proved; nothing declares the last.
    let expected = ["verified", "invalid", "verified", "verified", "not_covered", "not_covered", "not_covered"];
    assert_eq!(integrity_of(&workdir, &lake, &[logs.clone(), vec![undeclared]].concat()), expected);
    for row in rows_of_logs(&lake) {
        let path = text(&row, "archive").strip_prefix("file://").expect("a file");
        let hash = sha256(&inflated(&std::fs::read(path).expect("a file")));
        let is_verified = text(&row, "integrity") == "verified";
        assert_eq!(row.contains_key("sha256").then(|| text(&row, "sha256")), is_verified.then_some(hash.as_str()));
    }
    for (pointer, count) in [("verified", 3), ("invalid", 1), ("not_covered", 3)] {
        assert_eq!(lake.count(&format!("/integrity/{pointer}")), count, "{}", lake.stderr);
    }
    assert!(lake.stderr.contains("3 verified, 1 invalid, 3 not covered"), "{}", lake.stderr);
    assert!(lake.stderr.contains(&logs[1]), "{}", lake.stderr);
    // Everything is converted all the same.
    assert_eq!(lake.count("/events/written"), 7);
    // Digest files are not archives of events.
    assert_eq!(lake.count("/archives/foreign"), 3);
}

#[test]
fn without_the_flag_nothing_is_checked() {
    let (bucket, logs) = three_hours();
    let workdir = copy(&bucket);
    let lake = workdir.convert("copy", "");
    assert_eq!(integrity_of(&workdir, &lake, &logs), vec!["not_checked"; 6]);
    assert!(!lake.stderr.contains("integrity"), "{}", lake.stderr);
}

#[test]
fn require_verified_converts_only_what_is_proved() {
    let (mut bucket, logs) = three_hours();
    bucket.edit(&logs[1], |text| text.replace("eventID", "eventId"));
    let workdir = copy(&bucket);
    workdir.file("copy/README.txt", "not an archive");
    let lake = workdir.convert("copy", &format!("{FLAGS} --require-verified"));
    assert_eq!((lake.code, lake.count("/events/written")), (1, 3), "{}", lake.stderr);
    lake.check_counts();
    assert_eq!(lake.texts("quarantine", "reason"), vec!["not_verified"; 3]);
    let expected = ["verified", "invalid", "verified", "verified", "not_covered", "not_covered"];
    assert_eq!(integrity_of(&workdir, &lake, &logs), expected);
    // Once the signature is there, the rest is proved and can be converted.
    let newest = bucket.keys("CloudTrail-Digest").pop().expect("digest files");
    workdir.file(&format!("copy/{newest}.signature"), &bucket.signatures[&newest]);
    let lake = workdir.convert("copy", &format!("{FLAGS} --require-verified --retry-quarantined"));
    assert_eq!((lake.code, lake.count("/events/written")), (1, 2), "{}", lake.stderr);
    let expected = ["verified", "invalid", "verified", "verified", "verified", "verified"];
    assert_eq!(integrity_of(&workdir, &lake, &logs), expected);
    workdir.run("check lake").expect(0);
}

/// A large archive is hashed while it is split; its integrity is known at its end.
#[test]
fn a_large_archive_is_proved_too() {
    let events: Vec<String> = (0..300)
        .map(|number| event(&format!("event {number}"), "").replacen(',', &format!(",{}", " ".repeat(40_000)), 1))
        .collect();
    for (is_changed, flags, integrity, written) in [
        (false, "", "verified", 301),
        (true, "", "invalid", 301),
        (true, "--require-verified", "invalid", 1),
        (false, "--require-verified", "verified", 301),
    ] {
        let mut bucket = Bucket::default();
        let mut trail = Trail::new(ACCOUNT, "us-east-1");
        let large = trail.log_key("CloudTrail", trail.end - 3_000, "large00000000000");
        let small = trail.log_key("CloudTrail", trail.end - 2_000, "small00000000000");
        // It is large as stored, too.
        let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        std::io::Write::write_all(&mut stored, records(&events).as_bytes()).expect("memory");
        bucket.objects.insert(large.clone(), stored.finish().expect("memory"));
        bucket.objects.insert(small.clone(), gzip(records(&[event("small", "")]).as_bytes()));
        trail.digest(&mut bucket, &[large.clone(), small.clone()], |_| {});
        trail.hour(&mut bucket, 0);
        let workdir = copy(&bucket);
        if is_changed {
            let path = workdir.at("copy").join(&large);
            let text = String::from_utf8(inflated(&std::fs::read(&path).expect("a file"))).expect("text");
            let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
            let text = text.replace("event 299", "event 29x");
            std::io::Write::write_all(&mut stored, text.as_bytes()).expect("memory");
            workdir.file(&format!("copy/{large}"), stored.finish().expect("memory"));
        }
        let lake = workdir.convert("copy", &format!("{FLAGS} {flags}"));
        assert_eq!(lake.count("/events/written"), written, "{flags} {}", lake.stderr);
        assert_eq!(integrity_of(&workdir, &lake, &[large, small]), [integrity, "verified"], "{flags} {}", lake.stderr);
        lake.check_counts();
    }
}

#[test]
fn a_copy_in_a_tar_is_proved_like_one_in_a_folder() {
    let (bucket, _) = three_hours();
    let mut builder = tar::Builder::new(Vec::new());
    for (key, stored) in &bucket.objects {
        let mut header = tar::Header::new_gnu();
        header.set_size(stored.len() as u64);
        builder.append_data(&mut header, key, stored.as_slice()).expect("memory");
    }
    let tar = builder.into_inner().expect("memory");
    for bytes in [tar.clone(), gzip(&tar)] {
        let workdir = Workdir::new();
        workdir.file("keys.json", public_keys(&[Key::East.pkcs1()]));
        workdir.file("copy.tar", bytes);
        let lake = workdir.convert("copy.tar", FLAGS);
        assert_eq!(
            (lake.count("/integrity/verified"), lake.count("/integrity/not_covered")),
            (4, 2),
            "{}",
            lake.stderr
        );
    }
}

/// A signature without a key counts as none: the text may be what AWS wrote.
#[test]
fn where_no_key_fits_nothing_is_called_invalid() {
    let (bucket, logs) = three_hours();
    let workdir = copy(&bucket);
    workdir.file("keys.json", public_keys(&[Key::West.pkcs1()]));
    let lake = workdir.convert("copy", FLAGS);
    assert_eq!(integrity_of(&workdir, &lake, &logs), vec!["not_covered"; 6]);
    assert_eq!((lake.code, lake.count("/integrity/invalid")), (0, 0), "{}", lake.stderr);
    // Nor by a digest file that was tampered with: it proves nothing, and `verify` reports it.
    let mut bucket = bucket;
    let digest = bucket.keys("CloudTrail-Digest").remove(0);
    bucket.edit(&digest, |text| text.replace("SHA256withRSA", "SHA256withRSA "));
    let workdir = copy(&bucket);
    let lake = workdir.convert("copy", FLAGS);
    let expected = ["not_covered", "not_covered", "verified", "verified", "not_covered", "not_covered"];
    assert_eq!(
        (lake.code, integrity_of(&workdir, &lake, &logs)),
        (0, expected.map(str::to_owned).to_vec()),
        "{}",
        lake.stderr
    );
}

/// What was done to a log file, as stored.
fn forms(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let whole = gzip(text);
    let (head, tail) = text.split_at(text.len() / 2);
    let utf16 = String::from_utf8_lossy(text).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let utf16 = [b"\xff\xfe".to_vec(), utf16].concat();
    let mut zip = whole.clone();
    zip.splice(..4, *b"PK\x03\x04");
    vec![
        ("as it was", whole.clone()),
        ("gunzipped", text.to_vec()),
        ("gzip in gzip", gzip(&whole)),
        ("a text split over members", [gzip(head), gzip(tail)].concat()),
        ("an empty member first", [gzip(b""), whole.clone()].concat()),
        ("a member more", [whole.clone(), gzip(b"{\"Records\":[]}")].concat()),
        ("an empty member more", [whole.clone(), gzip(b"")].concat()),
        ("zeros behind it", [whole.clone(), vec![0; 512]].concat()),
        ("junk behind it", [whole.clone(), b"junk".to_vec()].concat()),
        ("UTF-16", gzip(&utf16)),
        ("UTF-16, gunzipped", utf16),
        ("a byte order mark", gzip(&[b"\xef\xbb\xbf", text].concat())),
        ("zstd", zstd::encode_all(text, 3).expect("memory")),
        ("cut to nothing", Vec::new()),
        ("cut to an empty member", gzip(b"")),
        ("without its magic number", whole[2..].to_vec()),
        ("cut in the middle", whole[..whole.len() / 2].to_vec()),
        ("another zero", vec![0; 64]),
        ("a zip by its start", zip),
        ("text", b"gone".to_vec()),
        ("no events", gzip(b"{\"Records\":[]}")),
    ]
}

/// `verify` and `convert --verify` agree on every form of a log file, declared by a proved digest file or by one without
/// signature.
#[test]
fn both_commands_assess_a_log_file_alike() {
    for padding in [0, 6 << 20] {
        let mut bucket = Bucket::default();
        let mut trail = Trail::new(ACCOUNT, "us-east-1");
        let text = records(&[event("one", "")]).replacen(',', &format!(",{}", " ".repeat(padding)), 1);
        let forms = forms(text.as_bytes());
        let mut logs = Vec::new();
        for hour in 0..2 {
            let keys: Vec<String> = (0..forms.len())
                .map(|at| trail.log_key("CloudTrail", trail.end - 3_000, &format!("{hour}{at:015}")))
                .collect();
            // Declared as it was, and stored as it is now.
            for key in &keys {
                bucket.objects.insert(key.clone(), gzip(text.as_bytes()));
            }
            trail.digest(&mut bucket, &keys, |_| {});
            for (key, (_, stored)) in keys.iter().zip(&forms) {
                bucket.objects.insert(key.clone(), stored.clone());
            }
            logs.extend(keys);
        }
        let workdir = copy(&bucket);
        let report = workdir.run("verify copy --public-keys keys.json --format json -v").stdout();
        let report: serde_json::Value = serde_json::from_str(&report).expect("a report");
        let outcome = |key: &String| {
            let findings = report["findings"].as_array().expect("findings");
            let is_of = |finding: &&serde_json::Value| finding["path"].as_str().is_some_and(|path| path.ends_with(key));
            findings.iter().find(is_of).expect("a finding")["outcome"].as_str().expect("text").to_owned()
        };
        let lake = workdir.convert("copy", FLAGS);
        lake.check_counts();
        for (at, (key, found)) in logs.iter().zip(integrity_of(&workdir, &lake, &logs)).enumerate() {
            let expected = match outcome(key).as_str() {
                "log_valid" => "verified",
                "log_not_proved" => "not_covered",
                "log_hash_differs" | "log_malformed" | "log_trailing_data" => "invalid",
                other => panic!("{other}"),
            };
            let (form, _) = forms[at % forms.len()];
            assert_eq!(found, expected, "{form}, {}: {}", outcome(key), lake.stderr);
            assert_eq!(expected == "invalid", at % forms.len() > 1, "{form}");
        }
    }
}

#[test]
fn flags_that_need_others_are_refused_alone() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("a", "")]));
    workdir.file("keys.json", "{}");
    for (flags, message) in [
        ("--verify", "--public-keys"),
        ("--public-keys keys.json", "--verify"),
        ("--require-verified", "--verify"),
        ("--verify --public-keys keys.json", "not usable public keys"),
        ("--verify --public-keys nowhere.json", "nowhere.json"),
    ] {
        let run = workdir.run(&format!("convert in --out lake {flags}"));
        assert!(run.code() == 2 && run.stderr().contains(message), "{flags}: {}", run.dump());
    }
}
