//! The command that is printed after a conversion: pasted into a shell, it queries the lake that was written.
//!
//! A shell runs it, with a `duckdb` that records the statement that it gets. `TRAILMILL_PYTHON` names an interpreter with
//! DuckDB, which then runs it; without it the test reports that it was skipped.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::harness::{Workdir, data, event, records, say};

const PYTHON: &str = "TRAILMILL_PYTHON";

/// Lake names that a shell, SQL, a glob or a terminal interprets.
const NAMES: [&str; 33] = [
    "lake",
    "la ke",
    "o'brien",
    "a\"b",
    "$HOME",
    "$(id)",
    "`id`",
    "a*b",
    "*",
    "a?b",
    "[ab]",
    "a]b[",
    "{a,b}",
    "a\\b",
    "[\\]*",
    "a!b",
    "#a",
    "a%41b%s",
    "a;b&c|d",
    "~",
    "~root/lake",
    "./~/lake",
    "-c",
    "a:b",
    "x=1/lake",
    "event_source=zz",
    "Event_Source=zz/lake",
    "event_date=2025-01-01/lake",
    "outcome=zz",
    "line\nbreak\n",
    "esc\u{1b}[31m'%s\\n",
    "ünï\u{202e}",
    "<a>(b)",
];

/// A folder with this `duckdb` in it.
fn fake(workdir: &Workdir, script: &str) {
    let path = workdir.file("bin/duckdb", script);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// Runs a pasted line; returns its output.
fn paste(workdir: &Workdir, line: &str) -> String {
    let path = format!("{}:{}", workdir.at("bin").display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh").args(["-c", line]).current_dir(workdir.path()).env("PATH", path).output();
    let output = output.expect("a shell");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// The command that a conversion to this lake prints.
fn printed(workdir: &Workdir, lake: &OsStr) -> String {
    let run = assert_cmd::Command::new(env!("CARGO_BIN_EXE_trailmill"))
        .args(["convert", "in"])
        .arg({
            let mut out = std::ffi::OsString::from("--out=");
            out.push(lake);
            out
        })
        .current_dir(workdir.path())
        .output()
        .expect("the program runs");
    let printed = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(0), "{}: {printed}", lake.display());
    let mut lines = printed.lines().filter_map(|line| line.strip_prefix("next: "));
    let line = lines.next().unwrap_or_else(|| panic!("{}: {printed}", lake.display())).to_owned();
    assert!(line.chars().all(|character| !character.is_control() && character != '\u{202e}'), "{line:?}");
    line
}

fn workdir() -> Workdir {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("e1", "")]));
    workdir
}

#[test]
fn the_statement_reaches_duckdb_whatever_the_lake_is_named() {
    let workdir = workdir();
    fake(&workdir, "#!/bin/sh\n[ $# = 2 ] && [ \"$1\" = -c ] && printf '%s in %s' \"$2\" \"$PWD\"\n");
    for name in NAMES {
        let line = printed(&workdir, OsStr::new(name));
        let printed = paste(&workdir, &line);
        let here = workdir.path().display().to_string();
        // Names that DuckDB cannot take: it is started in the folder.
        let (files, folder) = if name.contains(['~', '\\', ':', '*', '?', '[', '=']) {
            ("'events/**/*.parquet'".to_owned(), format!("{here}/{}", name.trim_start_matches("./")))
        } else {
            (format!("'{}/events/**/*.parquet'", name.replace('\'', "''")), here)
        };
        let expected = format!("select event_source, count(*) from {files} group by 1 order by 1 in {folder}");
        assert_eq!(printed.trim_end_matches('/'), expected, "{name:?}: {line}");
    }
    // A plain name needs no more than this.
    let line = printed(&workdir, OsStr::new("plain"));
    assert_eq!(
        line,
        "duckdb -c \"select event_source, count(*) from 'plain/events/**/*.parquet' group by 1 order by 1\""
    );
}

#[test]
fn duckdb_finds_the_lake_whatever_it_is_named() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no DuckDB has run what was printed"));
        return;
    };
    let workdir = workdir();
    let python = Path::new(&python).display();
    fake(&workdir, &format!("#!{python}\nimport duckdb, sys\nprint(duckdb.sql(sys.argv[2]).fetchall())\n"));
    let absolute = format!("{}/it's [here] $HOME", workdir.path().display());
    let above = format!("{}/event_source=zz/lake", workdir.path().display());
    let not_text = OsStr::from_bytes(b"bytes\xff\xfe%");
    let names = NAMES.iter().map(OsStr::new).chain([OsStr::new(&absolute), OsStr::new(&above), not_text]);
    for name in names {
        let line = printed(&workdir, name);
        assert_eq!(paste(&workdir, &line), "[('ec2.amazonaws.com', 1)]\n", "{}: {line}", name.display());
    }
    workdir.copy(&data("long-ago"), "in");
    for name in ["usage's", "outcome=yy/usage"] {
        let line = printed(&workdir, OsStr::new(name));
        assert!(paste(&workdir, &line).starts_with("[('success', Decimal('3"), "{line}");
    }
}
