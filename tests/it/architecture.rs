//! Which module may use what: `src/` against a table of allowed places, and against the order of its folders. These are text
//! scans, which need no tool and no build.
//!
//! For allowed places, strings count as uses too; that has not been a nuisance so far.

mod names;
mod paths;
mod tiers;

use std::fs;
use std::path::Path;

use crate::harness::files;

/// Words and the only places where they may appear: a file, or a folder when it ends in `/`.
const HOMES: [(&[&str], &[&str]); 14] = [
    (&["println!", "eprintln!", "print!(", "eprint!("], &["main.rs", "progress.rs", "terminal/"]),
    (
        &["std::fs", "File::open", "OpenOptions"],
        &[
            "input/",
            "disk.rs",
            "dedup/",
            "encode/",
            "lake/",
            "check/",
            "restore/",
            "verify/keys.rs",
            "inspect/",
            "generate/",
            "main.rs",
            "signals.rs",
            "reader/",
            "convert/",
        ],
    ),
    // A test can make every change of a conversion on disk fail.
    (
        &["File::create", "OpenOptions", "fs::create_dir", "fs::rename", "fs::remove", "fs::write", "sync_all"],
        &["disk.rs", "generate/", "main.rs"],
    ),
    (&["simd_json"], &["json/tape.rs"]),
    (&["clap::", "clap_complete", "clap_mangen"], &["cli/", "main.rs"]),
    (&["indicatif"], &["progress.rs", "terminal/"]),
    (&["mimalloc"], &["main.rs"]),
    (&["libdeflater", "flate2"], &["input/", "restore/", "generate/"]),
    (&["parquet::"], &["dedup/", "encode/", "lake/", "check/", "inspect/lake.rs", "restore/"]),
    (&["ring::", "md5::", "base64::"], &["verify/", "store/s3/buckets.rs"]),
    (&["process::exit", "env::args"], &["main.rs"]),
    (&["env::var"], &["main.rs", "cli/s3.rs"]),
    // Asynchronous code stays at the edge.
    (&["object_store::", "reqsign", "reqwest"], &["store/s3/", "store/mod.rs"]),
    (&["tokio", "async move", "async fn"], &["store/s3/", "reader/stream.rs"]),
];

/// Modules that take text or values and return values, and do nothing else.
const PURE: [&str; 5] = ["json/", "split/", "columns/", "flatten/", "rows/"];

const NOT_IN_PURE: [&str; 7] = ["std::fs", "std::io::", "std::net", "rayon", "std::thread", "std::process", "print!"];

/// Calls that would end the process because of a bad archive.
const PANICS: [&str; 7] = [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!(", "unreachable!(", "dbg!("];

struct Source {
    name: String,
    text: String,
    /// Where the tests begin; everything before is production code.
    tests_at: usize,
}

impl Source {
    /// Lines of production code that are not comments.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text[..self.tests_at].lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.name == *place || (place.ends_with('/') && self.name.starts_with(place)))
    }
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rust = files(&src).into_iter().filter(|path| path.extension().is_some_and(|name| name == "rs"));
    let sources: Vec<Source> = rust
        .map(|path| {
            let text = fs::read_to_string(src.join(&path)).expect("source text");
            let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
            let tests_at = if is_test { 0 } else { text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len()) };
            Source { name: path.display().to_string(), text, tests_at }
        })
        .collect();
    assert!(sources.len() > 20, "src/ has moved");
    sources
}

/// Lines outside the places that the rule allows.
fn offenders<'s>(sources: &'s [Source], words: &'s [&str], allowed: &'s [&str]) -> impl Iterator<Item = String> + 's {
    sources.iter().filter(move |source| !source.is_in(allowed)).flat_map(move |source| {
        let has_word = move |line: &str| words.iter().any(|word| is_used(line, word));
        source
            .lines()
            .filter(move |(_, line)| has_word(line))
            .map(|(at, line)| format!("src/{}:{at}: {}", source.name, line.trim()))
    })
}

/// `print!` is not used by `eprint!`, nor `simd_json` by `my_simd_json`.
fn is_used(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !word.starts_with(char::is_alphabetic) || !before.is_some_and(|it| it.is_alphanumeric() || it == '_')
    })
}

#[test]
fn everything_is_used_where_its_home_is() {
    let sources = sources();
    let offenders: Vec<String> = HOMES.iter().flat_map(|(words, homes)| offenders(&sources, words, homes)).collect();
    assert!(offenders.is_empty(), "not their home:\n{}", offenders.join("\n"));
}

#[test]
fn parsers_do_nothing_else() {
    let sources: Vec<Source> = sources().into_iter().filter(|source| source.is_in(&PURE)).collect();
    let offenders: Vec<String> = offenders(&sources, &NOT_IN_PURE, &[]).collect();
    assert!(offenders.is_empty(), "no I/O and no threads in {PURE:?}:\n{}", offenders.join("\n"));
}

#[test]
fn nothing_outside_tests_panics() {
    let sources = sources();
    let offenders: Vec<String> = offenders(&sources, &PANICS, &[]).collect();
    assert!(offenders.is_empty(), "an error is a value:\n{}", offenders.join("\n"));
}

#[test]
fn every_file_has_a_header() {
    for source in sources() {
        let header: Vec<&str> = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        let words = header.iter().flat_map(|line| line.split_whitespace()).count();
        // A test file beside its module may be brief.
        let least = if source.name.ends_with("tests.rs") { 3 } else { 8 };
        assert!(words >= least, "src/{} does not open with what it is: {header:?}", source.name);
    }
}

#[test]
fn files_stay_readable() {
    const LINES: usize = 400;
    let long = sources().into_iter().filter_map(|source| {
        let lines = source.text[..source.tests_at].lines().count();
        (lines > LINES).then(|| format!("src/{} has {lines} lines", source.name))
    });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "more than {LINES} lines without tests:\n{}", long.join("\n"));
}

#[test]
fn the_scan_distinguishes_uses_from_lookalikes() {
    assert!(is_used("    println!(\"x\")", "println!") && !is_used("    eprintln!(\"x\")", "println!"));
    assert!(is_used("use simd_json::Buffers;", "simd_json") && !is_used("use not_simd_json;", "simd_json"));
    assert!(is_used("value.unwrap()", ".unwrap()") && !is_used("value.unwrap_or_default()", ".unwrap()"));
}
