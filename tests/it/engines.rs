//! The lake as DuckDB and pyarrow read it: all tables, every column, its type, how many values it has and what they add
//! up to.
//!
//! `TRAILMILL_PYTHON` names an interpreter with both; without it the test says that it was skipped. What is expected comes
//! from the reference where it has an opinion (`events`, `usage_records`), and from our own reader for the bookkeeping.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use trailmill::schema::Table;

use crate::harness::{Lake, Workdir, data, files, inflated, say, text, uri};
use crate::reference::{self, Allocation, Row, Value, expected_outcome_totals};

const PYTHON: &str = "TRAILMILL_PYTHON";

#[test]
fn duckdb_and_pyarrow_read_what_was_written() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no other engine has read the lake"));
        return;
    };
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("golden"), "in/golden");
    for path in files(&workdir.at("in/golden")) {
        if path.to_str().is_some_and(|path| path.ends_with(".expected.json")) {
            fs::remove_file(workdir.at("in/golden").join(path)).expect("a file");
        }
    }
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    let expectations = expectations(&workdir.at("in"), &lake);
    let path = workdir.file("expectations.json", format!("{expectations:#}"));
    let (is_same, told) = check(&python, &lake.path, &path);
    assert!(is_same, "{told}");
    say(&format!("engines: {}", told.trim()));
    // A check that cannot fail checks nothing.
    let wrong = expectations.to_string().replacen("\"sum\":\"4", "\"sum\":\"5", 1);
    let wrong = workdir.file("wrong.json", wrong);
    let (is_same, told) = check(&python, &lake.path, &wrong);
    assert!(!is_same && told.contains("duckdb") && told.contains("pyarrow"), "{told}");
}

fn check(python: &OsStr, lake: &Path, expectations: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/check.py");
    let output = Command::new(python).arg(script).arg(lake).arg(expectations).output();
    let output = output.unwrap_or_else(|error| panic!("{PYTHON}={}: {error}", python.display()));
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&told).into_owned())
}

fn expectations(inputs: &Path, lake: &Lake) -> Json {
    let (mut events, mut usage_records) = (Vec::new(), Vec::new());
    for path in files(inputs) {
        let path = inputs.join(path);
        let archive = reference::reference_archive(&uri(&path), &inflated(&fs::read(&path).expect("a readable file")));
        assert_eq!(archive.status, "converted", "{}", path.display());
        events.extend(archive.events);
        usage_records.extend(archive.usage_records);
    }
    let of_lake = [Table::Archives, Table::Quarantine].map(|table| lake.rows(table.name()));
    let tables = json!({
        "events": table(Table::Events, &events),
        "usage_records": table(Table::UsageRecords, &usage_records),
        "archives": table(Table::Archives, &of_lake[0]),
        "quarantine": table(Table::Quarantine, &of_lake[1]),
    });
    let mut days: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &events {
        let day = text(row, "event_date");
        *days.entry(if day == "__HIVE_DEFAULT_PARTITION__" { "null" } else { day }).or_default() += 1;
    }
    assert!(days.contains_key("null") && days.len() > 5, "{days:?}");
    let outcomes = expected_outcome_totals(&usage_records).into_iter();
    let outcomes: BTreeMap<String, (u64, String)> =
        outcomes.map(|(outcome, (rows, sum))| (outcome, (rows, decimal(sum)))).collect();
    let allocations: Vec<&Option<Allocation>> = usage_records
        .iter()
        .filter_map(|row| match row.get("usage_allocations") {
            Some(Value::Allocations(list)) => Some(list),
            _ => None,
        })
        .flatten()
        .collect();
    let present: Vec<&Allocation> = allocations.iter().copied().flatten().collect();
    let tags: Vec<_> = present.iter().filter_map(|allocation| allocation.tags.as_ref()).flatten().collect();
    let mut pairs: Vec<(&str, &str)> =
        tags.iter().filter_map(|tag| Some((tag.as_ref()?.key.as_deref()?, tag.as_ref()?.value.as_deref()?))).collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert!(pairs.len() > 3, "the inputs have tags");
    let allocated = present.iter().filter_map(|allocation| allocation.quantity).sum();
    json!({
        "tables": tables,
        "outcomes": outcomes,
        "events_by_day": days,
        "allocations": [allocations.len(), decimal(allocated), tags.len(), allocations.len() - present.len()],
        "tags": pairs.join(","),
        "resources": resources(&events),
        "event_ids": event_ids(&events),
        "timestamps": {
            "plain": "2025-01-04T01:02:03.000",
            "nanoseconds": "2025-01-04T01:02:03.123",
            "offset": "2025-01-03T19:32:03.000",
        },
        "bloom_filters": {
            "events": ["event_id", "request_id", "user_identity_access_key_id"],
            "usage_records": [
                "customer_aws_account_id", "event_id", "license_arn", "metering_record_id", "request_id",
                "user_identity_access_key_id",
            ],
            "archives": [],
            "quarantine": [],
        },
    })
}

/// Every column: its type, how many values it has, and one number that changes when a value does.
fn table(table: Table, rows: &[Row]) -> Json {
    let columns: Vec<Json> = table
        .columns()
        .iter()
        .map(|column| {
            let values: Vec<&Value> = rows.iter().filter_map(|row| row.get(column.name)).collect();
            let sum: i128 = values.iter().map(|value| number(value)).sum();
            json!({"name": column.name, "type": column.kind.label(), "values": values.len(), "sum": sum.to_string()})
        })
        .collect();
    let partition_columns: &[&str] = if table.is_partitioned() { &["event_date"] } else { &[] };
    json!({"rows": rows.len(), "partition_columns": partition_columns, "columns": columns})
}

fn number(value: &Value) -> i128 {
    match value {
        Value::Bool(value) => i128::from(*value),
        Value::Int(value) | Value::TimestampMs(value) => i128::from(*value),
        Value::Decimal(millionths) => *millionths,
        Value::Text(text) => text.len() as i128,
        Value::Bytes(bytes) => bytes.len() as i128,
        Value::Resources(list) => list.len() as i128,
        Value::Allocations(list) => list.len() as i128,
    }
}

/// The ARNs of all resources, sorted.
fn resources(events: &[Row]) -> String {
    let lists = events.iter().filter_map(|row| match row.get("resources") {
        Some(Value::Resources(list)) => Some(list),
        _ => None,
    });
    let mut arns: Vec<&str> = lists.flatten().flatten().filter_map(|resource| resource.arn.as_deref()).collect();
    arns.sort_unstable();
    assert!(arns.len() > 20, "the inputs have resources");
    arns.join(",")
}

/// A few ids that only one event has.
fn event_ids(events: &[Row]) -> Vec<&str> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in events.iter().filter(|row| row.contains_key("event_id")) {
        *counts.entry(text(row, "event_id")).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count == 1).map(|(id, _)| id).step_by(29).take(20).collect()
}

fn decimal(millionths: i128) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let millionths = millionths.abs();
    format!("{sign}{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}
