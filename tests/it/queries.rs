//! Published queries for Athena's own CloudTrail table, on the view `cloudtrail_logs` over a lake: in DuckDB and in Spark
//! they return what the archives themselves hold.
//!
//! `TRAILMILL_PYTHON` names an interpreter with duckdb and sqlglot, and pyspark for the other half; without it the test
//! reports that it was skipped. `engines/queries.py` works out the expected rows from the JSON of the archives; their number
//! is in the queries. `TRAILMILL_CORPUS` names a folder of real data, on which both engines have to agree.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{Lake, Workdir, data, files, say};

const PYTHON: &str = "TRAILMILL_PYTHON";
const CORPUS: &str = "TRAILMILL_CORPUS";

/// Hand-written archives that Athena's table cannot hold: an identity that is a string, old forms of times, a member twice.
const NOT_FOR_ATHENA: [&str; 4] = ["identities", "timestamps", "unmapped", "verbatim-json"];

#[test]
fn published_queries_return_what_the_archives_hold() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no published query has run"));
        return;
    };
    if !imports(&python, "duckdb, sqlglot") {
        say(&format!(
            "skipped: {PYTHON}={} has no duckdb or no sqlglot, so no published query has run",
            python.display()
        ));
        return;
    }
    let workdir = Workdir::new();
    let lake = lake(&workdir, &python);
    let mut engines = vec!["duckdb"];
    if imports(&python, "pyspark") {
        engines.push("spark");
    } else {
        say(&format!("skipped: {PYTHON}={} has no pyspark, so no published query has run in Spark", python.display()));
    }
    let views = |workdir: &Workdir, lake: &Lake| -> Vec<String> {
        engines.iter().map(|engine| format!("{engine}={}", view(workdir, lake, engine, ""))).collect()
    };
    let (is_same, printed) = run(&python, &workdir.at("in"), &views(&workdir, &lake));
    assert!(is_same, "{printed}");
    say(&format!("queries: {}", printed.trim()));
    if let Some(corpus) = std::env::var_os(CORPUS) {
        let workdir = Workdir::new();
        workdir.copy(Path::new(&corpus), "in");
        let lake = workdir.convert("in", "");
        let (is_same, printed) = run(&python, Path::new("-"), &views(&workdir, &lake));
        assert!(is_same, "{printed}");
        say(&format!("queries, on real data: {}", printed.trim()));
    }
    // A check that cannot fail checks nothing: another value, a row less.
    for (wrong, noticed) in [
        ("SELECT * REPLACE (upper(errorcode) AS errorcode) FROM base", "access-denied-by-principal: duckdb differs"),
        ("SELECT * FROM base WHERE eventname <> 'StopLogging'", "recording-stopped: duckdb differs"),
    ] {
        let wrong = format!("ALTER VIEW cloudtrail_logs RENAME TO base;\nCREATE VIEW cloudtrail_logs AS {wrong};\n");
        let wrong = format!("duckdb={}", view(&workdir, &lake, "duckdb", &wrong));
        let (is_same, printed) = run(&python, &workdir.at("in"), &[wrong]);
        assert!(!is_same && printed.contains(noticed), "{printed}");
    }
}

/// The sample, hand-written archives and an invented incident.
fn lake(workdir: &Workdir, python: &OsStr) -> Lake {
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("golden"), "in/golden");
    let is_unwanted = |path: &PathBuf| {
        let name = path.to_str().unwrap_or_default();
        name.ends_with(".expected.json") || NOT_FOR_ATHENA.iter().any(|unwanted| name == format!("{unwanted}.json"))
    };
    for path in files(&workdir.at("in/golden")).into_iter().filter(is_unwanted) {
        fs::remove_file(workdir.at("in/golden").join(path)).expect("a file");
    }
    let made = script(python, "incident.py").arg(workdir.at("in/incident")).output().expect("Python runs");
    assert!(made.status.success(), "{}", printed(made));
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    lake
}

/// A file of the statements that make the lake readable in an engine, and `more`.
fn view(workdir: &Workdir, lake: &Lake, engine: &str, more: &str) -> String {
    let lake = lake.path.display().to_string();
    let statements = workdir.run_with(["ddl", "--engine", engine, lake.as_str()]).expect(0).stdout();
    let path = workdir.file(&format!("{engine}.sql"), format!("{statements}\n{more}"));
    path.display().to_string()
}

/// Whether nothing differs, and the output.
fn run(python: &OsStr, archives: &Path, views: &[String]) -> (bool, String) {
    let output = script(python, "queries.py").arg(archives).args(views).output().expect("Python runs");
    (output.status.success(), printed(output))
}

fn script(python: &OsStr, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines").join(name));
    command
}

fn imports(python: &OsStr, modules: &str) -> bool {
    let output = Command::new(python).args(["-c", &format!("import {modules}")]).output();
    output.unwrap_or_else(|error| panic!("{PYTHON}={}: {error}", python.display())).status.success()
}

fn printed(output: Output) -> String {
    let printed = if output.status.success() { output.stdout } else { [output.stdout, output.stderr].concat() };
    String::from_utf8_lossy(&printed).into_owned()
}
