//! The seller's questions, answered by DuckDB and Spark on data with known answers.
//!
//! A small history of metering is written as CloudTrail writes it, with one trap for each rule of the key, of retries and
//! of time: every engine must give the same answers in every time zone. `TRAILMILL_PYTHON` names an interpreter
//! with DuckDB; with pyspark and sqlglot, too, it tries Spark and the text for Athena. Without it the test reports that it
//! was skipped.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use trailmill::ddl::{Engine, views};

use crate::harness::{Workdir, records, say};

mod answers;
mod history;

use answers::{ANSWERS, Answer};

const PYTHON: &str = "TRAILMILL_PYTHON";

#[test]
fn every_engine_gives_the_known_answers() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no engine has answered the seller's questions"));
        return;
    };
    let workdir = Workdir::new();
    workdir.gzip("in/history.json.gz", records(&history::events()));
    let lake = workdir.convert("in", "");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    for engine in [Engine::Athena, Engine::Spark, Engine::DuckDb] {
        workdir.file(&format!("{engine}.sql"), views(engine));
    }
    // With the tables as they are printed.
    let arguments = ["ddl", "--engine", "duckdb", "--views", lake.path.to_str().expect("UTF-8")];
    let duckdb = workdir.run_with(arguments).expect(0).stdout();
    workdir.file("duckdb.sql", &duckdb);
    let known = expected(ANSWERS).to_string();
    let answers = workdir.file("answers.json", &known);
    let (is_same, printed) = ask(&python, &lake.path, &workdir.path(), &answers, &[]);
    assert!(is_same, "{printed}");
    say(&format!("questions: {}", printed.lines().next().unwrap_or_default()));
    // A check that cannot fail checks nothing: neither a wrong answer nor a broken view passes.
    let wrong = workdir.file("wrong.json", known.replacen("6.999999", "7", 1));
    let (is_same, printed) = ask(&python, &lake.path, &workdir.path(), &wrong, &["duckdb"]);
    assert!(!is_same && printed.contains("metering_underbilled: missing"), "{printed}");
    workdir.file("duckdb.sql", duckdb.replacen("acceptance_order = 1", "acceptance_order > 0", 1));
    let (is_same, printed) = ask(&python, &lake.path, &workdir.path(), &answers, &["duckdb"]);
    assert!(!is_same && printed.contains("metering_billable: unexpected"), "{printed}");
}

#[test]
fn every_question_has_a_known_answer() {
    let script = views(Engine::DuckDb);
    for line in script.lines().filter_map(|line| line.strip_prefix("CREATE OR REPLACE VIEW ")) {
        let name = line.trim_end_matches(" AS");
        let is_helper = answers::HELPERS.contains(&name);
        assert!(is_helper != ANSWERS.iter().any(|answer| answer.0.split(' ').next() == Some(name)), "{name}");
    }
}

fn expected(answers: &[Answer]) -> Json {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    answers
        .iter()
        .map(|(view, columns, rows)| {
            json!({
                "view": view,
                "columns": cells(columns),
                "rows": rows.iter().map(|row| cells(row)).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn ask(python: &OsStr, lake: &Path, scripts: &Path, answers: &Path, engines: &[&str]) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/questions.py");
    let output = Command::new(python)
        .arg(script)
        .arg(lake)
        .arg(scripts)
        .arg(answers)
        .args(engines)
        .current_dir(scripts)
        .output();
    let output = output.unwrap_or_else(|error| panic!("{PYTHON}={}: {error}", python.display()));
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}
