//! Tests of the whole generator, through its public interface.

use std::collections::HashSet;
use std::path::Path;

use super::archive::Generator;
use super::prng::word;
use super::*;

fn small(mix: Mix) -> GenerateConfig {
    GenerateConfig { archives: 12, events_per_archive: 40, ..GenerateConfig::new(mix, "unused") }
}

struct Archive {
    key: String,
    json: Vec<u8>,
    usage_records: u64,
}

fn archive(generator: &Generator, index: usize) -> Archive {
    let mut json = Vec::new();
    let (key, usage_records) = generator.archive(index, &mut json);
    Archive { key, json, usage_records }
}

fn archives(config: &GenerateConfig) -> Vec<Archive> {
    let generator = Generator::new(config);
    // Backwards, so that nothing can depend on the archives made before.
    let mut archives: Vec<_> = (0..config.archives).rev().map(|index| archive(&generator, index)).collect();
    archives.reverse();
    archives
}

fn inflated(path: &Path, length: usize) -> Vec<u8> {
    let mut json = vec![0; length];
    let stored = std::fs::read(path).unwrap_or_default();
    let inflated = libdeflater::Decompressor::new().gzip_decompress(&stored, &mut json);
    assert_eq!(inflated, Ok(length), "{}", path.display());
    json
}

#[test]
fn another_seed_or_mix_gives_another_archive() {
    let config = small(Mix::Org);
    let one = archive(&Generator::new(&config), 3);
    for other in [GenerateConfig { seed: 2, ..config.clone() }, GenerateConfig { mix: Mix::Tiny, ..config.clone() }] {
        let other = archive(&Generator::new(&other), 3);
        assert_ne!(one.key, other.key);
        assert_ne!(one.json, other.json);
    }
}

#[test]
fn files_do_not_depend_on_the_number_of_threads() -> Result<(), Box<dyn std::error::Error>> {
    let archives = archives(&small(Mix::Metering));
    for threads in [1, 3] {
        let folder = tempfile::tempdir()?;
        let config = GenerateConfig { threads, out: folder.path().to_owned(), ..small(Mix::Metering) };
        let summary = generate(&config)?;
        let mut compressed_bytes = 0;
        for archive in &archives {
            let path = folder.path().join(&archive.key);
            assert_eq!(inflated(&path, archive.json.len()), archive.json, "{}", archive.key);
            compressed_bytes += std::fs::metadata(path)?.len();
        }
        let expected = GenerateSummary {
            archives: 12,
            events: 480,
            usage_records: archives.iter().map(|archive| archive.usage_records).sum(),
            inflated_bytes: archives.iter().map(|archive| word(archive.json.len())).sum(),
            compressed_bytes,
        };
        assert_eq!(summary, expected);
    }
    Ok(())
}

#[test]
fn keys_have_the_layout_of_a_trail() {
    for (mix, organisation) in [(Mix::Org, true), (Mix::Tiny, true), (Mix::Metering, false)] {
        let mut keys = HashSet::new();
        for Archive { key, .. } in archives(&small(mix)) {
            let mut parts: Vec<&str> = key.split('/').collect();
            assert_eq!(parts.remove(0), "AWSLogs", "{key}");
            if organisation {
                let id = parts.remove(0);
                assert!(id.starts_with("o-") && id.len() == 12, "{key}");
            }
            let [account, folder, region, year, month, day, file] = parts[..] else {
                unreachable!("{key} has another number of parts");
            };
            assert!(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()), "{key}");
            assert_eq!(folder, "CloudTrail");
            let start = format!("{account}_CloudTrail_{region}_{year}{month}{day}T");
            let rest = file.strip_prefix(&start).and_then(|rest| rest.strip_suffix(".json.gz")).unwrap_or("");
            let (minute, unique) = rest.split_once("Z_").unwrap_or(("", ""));
            assert!(minute.len() == 4 && minute.bytes().all(|byte| byte.is_ascii_digit()), "{key}");
            assert!(unique.len() == 16 && unique.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
            keys.insert(key);
        }
        assert_eq!(keys.len(), 12);
    }
}

#[test]
fn archives_are_one_line_of_balanced_json() {
    for mix in Mix::ALL {
        for archive in archives(&small(mix)) {
            let text = String::from_utf8(archive.json).unwrap_or_default();
            assert!(text.starts_with("{\"Records\":[{") && text.ends_with("}]}"), "{mix}");
            assert!(text.bytes().all(|byte| byte >= b' '), "{mix}");
            assert_eq!(text.matches('<').count(), 0, "a placeholder was left");
        }
    }
}

#[test]
fn metering_is_in_the_sellers_archives_only() {
    let config = GenerateConfig { archives: 32, events_per_archive: 300, ..GenerateConfig::new(Mix::Org, "unused") };
    let archives = archives(&config);
    let with_usage: Vec<usize> = (0..32).filter(|archive| archives[*archive].usage_records > 0).collect();
    assert_eq!(with_usage, [4, 12, 20, 28]);
}

#[test]
fn some_events_are_delivered_again_verbatim() {
    let config = GenerateConfig { archives: 300, events_per_archive: 60, ..GenerateConfig::new(Mix::Tiny, "unused") };
    let mut seen = HashSet::new();
    let mut again = 0;
    for archive in archives(&config) {
        let json = String::from_utf8(archive.json).unwrap_or_default();
        for event in json.split("{\"eventVersion\"").skip(1) {
            again += u32::from(!seen.insert(event.trim_end_matches([',', ']', '}']).to_owned()));
        }
    }
    assert!((5..40).contains(&again), "{again} of 18,000 events");
}

#[test]
fn empty_sizes_are_served() -> Result<(), Box<dyn std::error::Error>> {
    let config = GenerateConfig { events_per_archive: 0, days: 0, ..small(Mix::Org) };
    assert_eq!(archive(&Generator::new(&config), 0).json, b"{\"Records\":[]}");
    let folder = tempfile::tempdir()?;
    let summary = generate(&GenerateConfig { archives: 0, out: folder.path().join("out"), ..config })?;
    assert_eq!(summary, GenerateSummary::default());
    Ok(())
}

#[test]
fn mixes_are_parsed_as_they_are_printed() {
    for mix in Mix::ALL {
        assert_eq!(mix.to_string().parse(), Ok(mix));
    }
    let error = "Org".parse::<Mix>().err();
    assert_eq!(error.as_deref(), Some("there is no mix `Org`; there are `org`, `metering` and `tiny`"));
}
