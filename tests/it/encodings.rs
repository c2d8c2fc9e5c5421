//! UTF-16, as Windows PowerShell writes what a command prints, and byte order marks: accepted wherever text is accepted.

use crate::digests::{Bucket, Key, Trail, public_keys};
use crate::harness::{Workdir, event, gzip, int, records};

fn little(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn big(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
}

fn marked(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").into_bytes()
}

type Encode = fn(&str) -> Vec<u8>;

const ENCODINGS: [(&str, Encode); 3] = [("UTF-16LE", little), ("UTF-16BE", big), ("marked UTF-8", marked)];

/// Few events and many: a large archive is read as a stream.
#[test]
fn archives() {
    let dressed = |number: usize| event(&format!("e{number:05}"), "\"requestParameters\":{\"a\":\"é€\u{1f600}\"}");
    for count in [3, 9_000] {
        let events: Vec<String> = (0..count).map(dressed).collect();
        let text = records(&events);
        let plain = Workdir::new();
        plain.file("in/a.json", &text);
        let expected = plain.convert("in", "").texts("events", "request_parameters");
        assert_eq!(expected.len(), count);
        for (name, encode) in ENCODINGS {
            let stored = encode(&text);
            assert!(count < 100 || name == "marked UTF-8" || stored.len() > 4 << 20, "a large archive");
            for bytes in [stored.clone(), gzip(&stored), gzip(&gzip(&stored))] {
                let workdir = Workdir::new();
                workdir.file("in/a.json.gz", bytes);
                let lake = workdir.convert("in", "");
                lake.check_counts();
                assert_eq!(lake.code, 0, "{name}: {}", lake.stderr);
                assert!(lake.texts("events", "request_parameters") == expected, "{name}");
            }
        }
    }
}

#[test]
fn half_of_a_character_costs_its_event_alone() {
    let text = records(&[event("a", ""), event("b", "\"userAgent\":\"?\""), event("c", "")]);
    let mut stored = little(&text);
    let at = stored.windows(2).position(|pair| pair == b"?\0").expect("the character");
    stored[at..at + 2].copy_from_slice(&[0x3d, 0xd8]);
    for bytes in [stored.clone(), gzip(&stored)] {
        let workdir = Workdir::new();
        workdir.file("in/a.json", bytes);
        let lake = workdir.convert("in", "");
        lake.check_counts();
        assert_eq!((lake.code, lake.texts("events", "event_id")), (1, vec!["a".to_owned(), "c".to_owned()]));
        let refused = lake.rows("quarantine");
        assert_eq!(
            (int(&refused[0], "event_index"), lake.texts("quarantine", "reason")),
            (1, vec!["utf8_invalid".to_owned()])
        );
    }
}

#[test]
fn a_cut_archive_keeps_its_whole_events() {
    let text = records(&(0..2_000).map(|number| event(&format!("e{number}"), "")).collect::<Vec<_>>());
    let stored = little(&text);
    let packed = gzip(&stored);
    for (bytes, reasons) in [
        (stored[..=stored.len() / 2].to_vec(), vec!["json_truncated"]),
        (packed[..packed.len() / 2].to_vec(), vec!["json_truncated", "gzip_truncated"]),
    ] {
        for limit in ["", "--max-inflated 64MiB"] {
            let workdir = Workdir::new();
            workdir.file("in/a.json", &bytes);
            let lake = workdir.convert("in", limit);
            lake.check_counts();
            let kept = lake.count("/events/written");
            assert!(lake.code == 1 && (100..1_900).contains(&kept), "{kept}: {}", lake.stderr);
            let mut found = lake.texts("quarantine", "reason");
            found.sort();
            found.reverse();
            assert_eq!(found, reasons, "{}", lake.stderr);
        }
    }
}

#[test]
fn lists_of_inputs() {
    for (name, encode) in ENCODINGS {
        let workdir = Workdir::new();
        workdir.file("a.json", records(&[event("a", "")]));
        workdir.file("é.json", records(&[event("b", "")]));
        workdir.file("list.txt", encode("a.json\r\né.json\r\n"));
        let run = workdir.run("convert --inputs-from list.txt --out lake --report report.json");
        assert_eq!(
            (run.code(), run.report("report.json")["events"]["written"].as_u64()),
            (0, Some(2)),
            "{name}: {}",
            run.dump()
        );
    }
}

#[test]
fn public_keys_and_signatures_beside_digest_files() {
    for (name, encode) in ENCODINGS {
        let mut bucket = Bucket::default();
        let mut trail = Trail::new("111122223333", "us-east-1");
        let digests = [1, 1].map(|logs| trail.hour(&mut bucket, logs));
        let workdir = Workdir::new();
        workdir.file("keys.json", encode(&public_keys(&[Key::East.pkcs1()])));
        bucket.copy_to(&workdir, "copy");
        let verify = || workdir.run("verify copy --public-keys keys.json --format json");
        let count = |outcome: &str| {
            let report: serde_json::Value = serde_json::from_str(&verify().stdout()).expect("a report");
            report["outcome_counts"][outcome].as_u64().unwrap_or_default()
        };
        assert_eq!((count("digest_valid"), count("digest_without_signature")), (1, 1), "{name}: {}", verify().dump());
        let signature = &bucket.signatures[&digests[1]];
        workdir.file(&format!("copy/{}.signature", digests[1]), encode(&format!("{signature}\r\n")));
        assert_eq!(count("digest_valid"), 2, "{name}: {}", verify().dump());
    }
}
