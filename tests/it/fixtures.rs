//! The checked-in data.
//!
//! In: nothing. Out: every file below `data/sample`, `data/corrupt`, `data/shapes`, `data/containers`,
//! `data/just-after-midnight` and `data/long-ago`, and a check that they are what this module generates. Never: the clock, a
//! random number, or text from a real archive.
//!
//! `UPDATE_FIXTURES=1 cargo test --test it fixtures` makes the files again.

mod containers;
mod corrupt;
mod foreign;
mod long_ago;
pub mod midnight;
pub mod notices;
mod sample;
pub mod shapes;

pub use corrupt::log_name;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use libdeflater::{CompressionLvl, Compressor};

use crate::harness::{data, files, inflated};

/// Writes the files instead of checking them.
const UPDATE: &str = "UPDATE_FIXTURES";

/// Folders below `data` that hold only generated files.
const FOLDERS: [&str; 6] = ["sample", "corrupt", "shapes", "containers", "just-after-midnight", "long-ago"];

/// Files by their path below `data`.
type Files = BTreeMap<PathBuf, Vec<u8>>;

#[test]
fn checked_in_data_matches_its_generator() {
    let made = sample::files().into_iter().chain(corrupt::files()).chain(foreign::files()).chain(shapes::files());
    let made: Files = made.chain(midnight::files()).chain(long_ago::files()).chain(containers::files()).collect();
    if std::env::var_os(UPDATE).is_some() {
        for folder in FOLDERS {
            let _ = fs::remove_dir_all(data(folder));
        }
        for (path, bytes) in &made {
            let path = data(&path.display().to_string());
            fs::create_dir_all(path.parent().expect("below data")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
    }
    let mut found = Files::new();
    for folder in FOLDERS {
        for path in files(&data(folder)) {
            let path = PathBuf::from(folder).join(path);
            let bytes = fs::read(data(&path.display().to_string())).expect("a readable file");
            found.insert(path, bytes);
        }
    }
    let differing = |path: &&PathBuf| made.get(*path) != found.get(*path);
    let differing: Vec<&PathBuf> = made.keys().chain(found.keys()).filter(differing).collect();
    assert!(differing.is_empty(), "{UPDATE}=1 makes these files again: {differing:?}");
}

#[test]
fn the_sample_is_small_and_has_both_mixes() {
    let sample = data("sample");
    let paths: Vec<String> = files(&sample).iter().map(|path| path.display().to_string()).collect();
    let bytes: u64 = paths.iter().map(|path| fs::metadata(sample.join(path)).expect("a file").len()).sum();
    assert!((9..=16).contains(&paths.len()) && (50_000..250_000).contains(&bytes), "{bytes} bytes in {paths:?}");
    let organisation = paths.iter().filter(|path| path.starts_with("AWSLogs/o-")).count();
    assert!(organisation >= 9 && paths.len() - organisation >= 3, "{paths:?}");
}

/// No key in this repository should look real.
#[test]
fn no_checked_in_text_looks_like_a_secret() {
    for path in files(&data("")) {
        let stored = fs::read(data(&path.display().to_string())).expect("a readable file");
        let damaged = path.starts_with("corrupt") && stored.starts_with(&[0x1f, 0x8b]);
        let text = if damaged { stored } else { inflated(&stored) };
        let found = sample::secrets(&text);
        let found: Vec<_> = found.iter().map(|span| String::from_utf8_lossy(&text[span.clone()])).collect();
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
    }
}

/// One gzip member. Not with zlib-rs, whose output depends on the processor.
fn gzip(text: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut stored = vec![0; compressor.gzip_compress_bound(text.len())];
    let length = compressor.gzip_compress(text, &mut stored).expect("room enough");
    stored.truncate(length);
    stored
}
