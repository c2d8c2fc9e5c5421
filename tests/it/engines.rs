//! Lakes as real engines read them, from disk and over S3: every column of every table, its values, and whether bloom
//! filters and the page index save work.
//!
//! `TRAILMILL_PYTHON` names an interpreter that has them all (`.ci/run` makes one); without it the test reports that it was
//! skipped. Expectations come from the reference for `events` and `usage_records`, and from our own reader for the
//! bookkeeping tables. `tests/engines` has the other half: `read.py` reads, `check.py` compares.

mod expectations;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value as Json, json};
use trailmill::schema::Table;

use crate::harness::{Workdir, data, event, files, inflated, records, say, text, uri};
use crate::reference::{self, Row};

const PYTHON: &str = "TRAILMILL_PYTHON";
const USAGE_COLUMNS: &str = "/lakes/accounts/tables/usage_records/columns";
const ENGINES: [&str; 7] = ["DuckDB 2", "DuckDB 1.5", "pyarrow", "Polars", "ClickHouse", "DataFusion", "Spark"];

#[test]
fn every_engine_reads_what_was_written() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no other engine has read a lake"));
        return;
    };
    let workdir = inputs();
    let plain = convert(&workdir, "plain", &["in"], "");
    // Accounts with a leading zero, in two commits.
    let flags = "--partition-by account,event_date --compression snappy";
    let accounts = convert(&workdir, "accounts", &["in/golden", "in"], flags);
    // A table without rows has no file.
    let months = convert(&workdir, "months", &["in/odd"], "--partition-by event_month --compression lz4");
    assert!(files(&months.join("usage_records")).is_empty() && files(&months.join("quarantine")).is_empty());
    // A Region that has to be escaped.
    let regions = convert(&workdir, "regions", &["in"], "--partition-by region --compression none");
    let expectations = json!({
        "lakes": {
            "plain": expected(&plain, &workdir.at("in"), &["event_date"], true),
            "accounts": expected(&accounts, &workdir.at("in"), &["account", "event_date"], true),
            "months": expected(&months, &workdir.at("in/odd"), &["event_month"], false),
            "regions": expected(&regions, &workdir.at("in"), &["region"], false),
        },
        "lookup": lookup(&workdir),
    });
    let allocations = usage_column(&expectations, "usage_allocations");
    let elements = usage_column(&expectations, "usage_allocations[]");
    let has_null_element = allocations["sum"].as_str() != Some(elements["values"].to_string().as_str());
    assert!(has_null_element && allocations["min"] == "0", "the inputs have a null element and an empty list");
    assert_eq!(usage_column(&expectations, "quantity")["max"], "999999999999999999", "all digits of a quantity");
    let readings = workdir.at("readings.json");
    let path = workdir.file("expectations.json", format!("{expectations:#}"));
    let (is_read, printed) = run(&python, "read.py", &[&path, &readings]);
    assert!(is_read, "{printed}");
    let (is_same, printed) = run(&python, "check.py", &[&path, &readings]);
    assert!(is_same, "{printed}");
    say(printed.trim());
    a_wrong_expectation_is_reported_for_every_engine(&workdir, &python, &expectations, &readings);
}

/// A check that cannot fail checks nothing.
fn a_wrong_expectation_is_reported_for_every_engine(workdir: &Workdir, python: &OsStr, right: &Json, readings: &Path) {
    let column = |name: &str| {
        let at = usage_columns(right).iter().position(|column| column["name"] == name).expect("a column");
        format!("{USAGE_COLUMNS}/{at}")
    };
    let wrongs = [
        (column("quantity") + "/sum", json!("1"), "quantity, sum"),
        (column("event_time") + "/min", json!("0"), "event_time, min"),
        (column("dimension") + "/max", json!("~"), "dimension, max"),
        (column("archive") + "/values", json!(1), "archive, values"),
        (column("usage_allocations[].tags[].key") + "/max", json!("~"), "tags[].key, max"),
        (column("quantity") + "/type", json!("DECIMAL(38,6)"), "quantity, type"),
        ("/lakes/accounts/tables/events/rows".to_owned(), json!(1), "rows"),
        ("/lakes/accounts/tables/events/partitions/012345678901~1null/0".to_owned(), json!(2), "partitions"),
        ("/lakes/accounts/outcomes/success/0".to_owned(), json!(1), "outcomes"),
        ("/lakes/accounts/event_times/plain".to_owned(), json!("0"), "events with id plain"),
        ("/lakes/months/tables/usage_records/rows".to_owned(), json!(1), "without a file"),
    ];
    for (pointer, wrong, difference) in wrongs {
        let mut expectations = right.clone();
        *expectations.pointer_mut(&pointer).unwrap_or_else(|| panic!("no {pointer}")) = wrong;
        let path = workdir.file("wrong.json", expectations.to_string());
        let (is_same, printed) = run(python, "check.py", &[&path, readings]);
        assert!(!is_same, "{pointer}: {printed}");
        for engine in ENGINES {
            let is_reported = printed.lines().any(|line| line.starts_with(engine) && line.contains(difference));
            assert!(is_reported, "{engine} does not report that {pointer} is wrong: {printed}");
        }
    }
}

fn usage_columns(expectations: &Json) -> &Vec<Json> {
    expectations.pointer(USAGE_COLUMNS).and_then(Json::as_array).expect("columns")
}

fn usage_column<'e>(expectations: &'e Json, name: &str) -> &'e Json {
    usage_columns(expectations).iter().find(|column| column["name"] == name).expect("a column")
}

/// The sample, the golden files and awkward partitions: an account with a leading zero, with and without a time, and a
/// Region that is not a folder name.
fn inputs() -> Workdir {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("golden"), "in/golden");
    for path in files(&workdir.at("in/golden")) {
        if path.to_str().is_some_and(|path| path.ends_with(".expected.json")) {
            fs::remove_file(workdir.at("in/golden").join(path)).expect("a file");
        }
    }
    let odd = event("odd", "").replace("123456789012", "012345678901");
    let timeless = odd.replace("\"eventTime\":\"2025-03-01T08:15:00Z\",", "").replace("\"odd\"", "\"timeless\"");
    let elsewhere = odd.replace("us-east-1", "eu west/1: a%b=c").replace("\"odd\"", "\"elsewhere\"");
    let nowhere = odd.replace("\"awsRegion\":\"us-east-1\",", "").replace("\"odd\"", "\"nowhere\"");
    workdir.file("in/odd/odd.json", records(&[odd, timeless, elsewhere, nowhere]));
    workdir
}

/// A lake of its own for these inputs, each in a commit.
fn convert(workdir: &Workdir, name: &str, inputs: &[&str], flags: &str) -> PathBuf {
    for input in inputs {
        let run = workdir.run(&format!("convert {input} --out {name} --no-dedup {flags}"));
        // 1: the golden files have events that are refused.
        assert!([0, 1].contains(&run.code()), "{}", run.dump());
    }
    workdir.at(name)
}

fn expected(lake: &Path, inputs: &Path, partition_columns: &[&str], is_on_s3: bool) -> Json {
    let (mut events, mut usage_records) = (Vec::new(), Vec::new());
    for path in files(inputs) {
        let path = inputs.join(path);
        let archive = reference::reference_archive(&uri(&path), &inflated(&fs::read(&path).expect("a readable file")));
        assert_eq!(archive.status, "converted", "{}", path.display());
        events.extend(archive.events);
        usage_records.extend(archive.usage_records);
    }
    let of_lake = [Table::Archives, Table::Quarantine].map(|table| reference::read_table(lake, table.name()));
    let table = |table: Table, rows: &[Row]| expectations::table(table, rows, partition_columns);
    json!({
        "root": lake,
        "is_on_s3": is_on_s3,
        "tables": {
            "events": table(Table::Events, &events),
            "usage_records": table(Table::UsageRecords, &usage_records),
            "archives": table(Table::Archives, &of_lake[0]),
            "quarantine": table(Table::Quarantine, &of_lake[1]),
        },
        "outcomes": expectations::outcomes(&usage_records),
        "event_times": expectations::event_times(&events, 3),
    })
}

/// A file with several row groups and pages, and what to look up in it: an event of its second row group, one that is not
/// there, and those of the last hours of its day.
fn lookup(workdir: &Workdir) -> Json {
    workdir.run("generate --out generated --mix org --archives 80 --events-per-archive 2500 --days 1").expect(0);
    workdir.run("convert generated --out large --tables events").expect(0);
    let path = workdir.at("large/events/event_date=2025-06-01/part-000001-00000.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("a part")).expect("Parquet");
    assert!(reader.metadata().num_row_groups() > 1);
    let mut second = reader.with_row_groups(vec![1]).with_limit(1).build().expect("a row group");
    let rows = reference::lake::rows_of_batch(second.next().expect("a batch").expect("rows"), &Row::new());
    json!({
        "file": path,
        "conditions": [
            ["event_id", text(&rows[0], "event_id")],
            ["event_id", "no such event"],
            ["event_time", "2025-06-01T20:00:00Z"],
        ],
        "bloom_filters": ["event_id", "request_id", "user_identity_access_key_id"],
        "page_index": ["aws_region", "event_name", "event_source", "event_time", "recipient_account_id"],
    })
}

fn run(python: &OsStr, script: &str, paths: &[&Path]) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines").join(script);
    let output = Command::new(python).arg(script).args(paths).env("PYTHONDONTWRITEBYTECODE", "1").output();
    let output = output.unwrap_or_else(|error| panic!("{PYTHON}={}: {error}", python.display()));
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}
