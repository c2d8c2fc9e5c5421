//! Tests of the whole generator, through its public face.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::*;

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn small(mix: Mix) -> GenerateConfig {
    GenerateConfig { archives: 12, events_per_archive: 40, ..GenerateConfig::new(mix, "unused") }
}

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("trailmill-generate-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn files_below(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, root, found)?;
        } else {
            let key = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            found.insert(key, std::fs::read(&path)?);
        }
    }
    Ok(())
}

#[test]
fn same_configuration_gives_the_same_archive() {
    for mix in Mix::ALL {
        let config = small(mix);
        let generator = Generator::new(&config);
        // Backwards, so that nothing can depend on the archives made before.
        for archive in (0..config.archives).rev() {
            assert_eq!(generator.archive(archive), archive_json(&config, archive), "{mix} {archive}");
        }
    }
}

#[test]
fn another_seed_or_mix_gives_another_archive() {
    let config = small(Mix::Org);
    let archive = archive_json(&config, 3);
    for other in [GenerateConfig { seed: 2, ..config.clone() }, GenerateConfig { mix: Mix::Tiny, ..config.clone() }] {
        let other = archive_json(&other, 3);
        assert_ne!(archive.key, other.key);
        assert_ne!(archive.json, other.json);
    }
}

#[test]
fn thread_count_does_not_matter_and_files_hold_the_archives() -> TestResult {
    let mut trees = Vec::new();
    for threads in [1, 3] {
        let folder = Folder::new(&format!("threads-{threads}"));
        let config = GenerateConfig { out: folder.0.clone(), threads, ..small(Mix::Metering) };
        let summary = generate(&config)?;
        let mut files = BTreeMap::new();
        files_below(&folder.0, &folder.0, &mut files)?;
        let archives: Vec<_> = (0..config.archives).map(|archive| archive_json(&config, archive)).collect();
        for archive in &archives {
            let mut json = vec![0; archive.json.len()];
            libdeflater::Decompressor::new().gzip_decompress(&files[&archive.key], &mut json)?;
            assert_eq!(json, archive.json, "{}", archive.key);
        }
        let expected = GenerateSummary {
            archives: 12,
            events: 480,
            usage_records: archives.iter().map(|archive| archive.usage_records).sum(),
            inflated_bytes: archives.iter().map(|archive| prng::word(archive.json.len())).sum(),
            compressed_bytes: files.values().map(|file| prng::word(file.len())).sum(),
        };
        assert_eq!(summary, expected);
        trees.push(files);
    }
    assert_eq!(trees[0], trees[1]);
    Ok(())
}

#[test]
fn keys_have_the_layout_of_a_trail() {
    for (mix, organisation) in [(Mix::Org, true), (Mix::Tiny, true), (Mix::Metering, false)] {
        let config = small(mix);
        let mut keys = HashSet::new();
        for archive in 0..config.archives {
            let key = archive_json(&config, archive).key;
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
        assert_eq!(keys.len(), config.archives);
    }
}

#[test]
fn archives_are_one_line_of_balanced_json() {
    for mix in Mix::ALL {
        for archive in 0..12 {
            let archive = archive_json(&small(mix), archive);
            let text = String::from_utf8(archive.json).unwrap_or_default();
            assert!(text.starts_with("{\"Records\":[{") && text.ends_with("}]}"), "{mix}");
            assert!(text.bytes().all(|byte| byte >= b' '), "{mix}");
            assert_eq!(text.matches('<').count(), 0, "a placeholder was left");
            assert_eq!(archive.events, 40);
        }
    }
}

#[test]
fn metering_is_in_the_sellers_archives_only() {
    let config = GenerateConfig { archives: 32, events_per_archive: 300, ..GenerateConfig::new(Mix::Org, "unused") };
    let generator = Generator::new(&config);
    let with_usage: Vec<usize> = (0..32).filter(|archive| generator.archive(*archive).usage_records > 0).collect();
    assert_eq!(with_usage, [4, 12, 20, 28]);
}

#[test]
fn some_events_are_delivered_again_verbatim() {
    let config = GenerateConfig { archives: 300, events_per_archive: 60, ..GenerateConfig::new(Mix::Tiny, "unused") };
    let generator = Generator::new(&config);
    let mut seen = HashSet::new();
    let mut again = 0;
    for archive in 0..config.archives {
        let json = String::from_utf8(generator.archive(archive).json).unwrap_or_default();
        for event in json.split("{\"eventVersion\"").skip(1) {
            again += u32::from(!seen.insert(event.trim_end_matches([',', ']', '}']).to_owned()));
        }
    }
    assert!((5..40).contains(&again), "{again} of 18,000 events");
}

#[test]
fn empty_sizes_are_served() -> TestResult {
    let config = GenerateConfig { events_per_archive: 0, days: 0, ..small(Mix::Org) };
    assert_eq!(archive_json(&config, 0).json, b"{\"Records\":[]}");
    let folder = Folder::new("empty");
    let summary = generate(&GenerateConfig { archives: 0, out: folder.0.clone(), ..config })?;
    assert_eq!(summary, GenerateSummary::default());
    Ok(())
}

#[test]
fn errors_name_the_path() -> TestResult {
    let folder = Folder::new("error");
    std::fs::create_dir_all(&folder.0)?;
    let file = folder.0.join("occupied");
    std::fs::write(&file, b"")?;
    let error = generate(&GenerateConfig { out: file.clone(), ..small(Mix::Org) }).err().ok_or("wrote into a file")?;
    assert!(error.to_string().starts_with(&file.display().to_string()), "{error}");
    Ok(())
}

#[test]
fn mixes_are_read_as_they_are_written() {
    for mix in Mix::ALL {
        assert_eq!(mix.to_string().parse(), Ok(mix));
    }
    let error = "Org".parse::<Mix>().err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("there is no mix `Org`; there are `org`, `metering` and `tiny`"));
}
