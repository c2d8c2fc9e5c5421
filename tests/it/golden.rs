//! `data/golden`: hand-written archives and their rows, as a reader of the tables sees them.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it golden` rewrites the expected rows; the reference still has to agree, and so has
//! the reviewer of the diff.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

use crate::harness::{Lake, Workdir, data, files, text, uri};
use crate::reference::{self, Row, Value, compare_rows};

const UPDATE: &str = "UPDATE_GOLDEN";

/// Names without `.json`.
fn inputs() -> Vec<String> {
    let names = files(&data("golden")).into_iter().filter_map(|path| {
        let name = path.to_str()?.strip_suffix(".json")?.to_owned();
        (!name.ends_with(".expected")).then_some(name)
    });
    names.collect()
}

#[test]
fn golden_inputs_give_their_expected_rows() {
    assert!(inputs().len() >= 10, "{:?}", inputs());
    let failed: Vec<String> = inputs().iter().filter_map(|name| check(name).err()).collect();
    assert!(failed.is_empty(), "{UPDATE}=1 writes the expected rows anew\n\n{}", failed.join("\n\n"));
}

fn check(name: &str) -> Result<(), String> {
    let workdir = Workdir::new();
    let (path, lake) = convert(&workdir, name);
    let found = render(&lake);
    let expected_path = data("golden").join(format!("{name}.expected.json"));
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&expected_path, &found).expect("a file");
    }
    let expected = fs::read_to_string(&expected_path).unwrap_or_default();
    if expected != found {
        let mut lines = expected.lines().zip(found.lines()).enumerate();
        let first = lines.find(|(_, (expected, found))| expected != found);
        let first = first.map_or("one is longer".to_owned(), |(at, (expected, found))| {
            format!("line {}\n  expected {expected}\n  found    {found}", at + 1)
        });
        return Err(format!("{name}.expected.json: {first}"));
    }
    let text = fs::read(data("golden").join(format!("{name}.json"))).expect("an input");
    let reference = reference::reference_archive(&uri(&path), &text);
    let differs = |difference| format!("{name}: the reference disagrees: {difference}");
    compare_rows(&reference.events, &lake.rows("events")).map_err(differs)?;
    compare_rows(&reference.usage_records, &lake.rows("usage_records")).map_err(differs)
}

fn convert(workdir: &Workdir, name: &str) -> (PathBuf, Lake) {
    let file = format!("{name}.json");
    workdir.copy(&data("golden").join(&file), &format!("in/{file}"));
    let lake = workdir.convert("in", "");
    lake.check_counts();
    (workdir.at("in").join(file), lake)
}

/// The rows of a lake as JSON, one column a line. Null columns and paths of the test are left out.
fn render(lake: &Lake) -> String {
    let table = |name: &str| {
        let mut rows = lake.rows(name);
        rows.sort_by_key(|row| row.get("event_index").cloned());
        rows.iter().map(render_row).collect::<Vec<_>>()
    };
    let tables = json!({
        "events": table("events"),
        "usage_records": table("usage_records"),
        "quarantine": table("quarantine"),
    });
    format!("{tables:#}\n")
}

fn render_row(row: &Row) -> Json {
    let cells = row.iter().map(|(column, value)| {
        let value = match column.as_str() {
            "archive" => {
                let uri = text(row, "archive");
                json!(uri.rsplit('/').next())
            }
            _ => render_value(value),
        };
        (column.clone(), value)
    });
    Json::Object(cells.collect::<Map<_, _>>())
}

fn render_value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Text(text) => json!(text),
        Value::TimestampMs(ms) => {
            json!(jiff::Timestamp::from_millisecond(*ms).map_or_else(|_| ms.to_string(), |time| format!("{time:.3}")))
        }
        Value::Decimal(millionths) => json!(decimal(*millionths)),
        Value::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
        Value::Resources(list) => list
            .iter()
            .map(|element| {
                element.as_ref().map(|it| json!({"arn": it.arn, "account_id": it.account_id, "type": it.kind}))
            })
            .collect(),
        Value::Allocations(list) => list
            .iter()
            .map(|element| {
                let it = element.as_ref()?;
                let tag = |tag: &reference::Tag| json!({"key": tag.key, "value": tag.value});
                let tags = it.tags.as_ref().map(|tags| tags.iter().map(|it| it.as_ref().map(tag)).collect::<Vec<_>>());
                Some(json!({"allocated_usage_quantity": it.quantity.map(decimal), "tags": tags}))
            })
            .collect(),
    }
}

fn decimal(millionths: i128) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let millionths = millionths.abs();
    format!("{sign}{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

/// The shapes that the golden files must have: one that is gone from them is no longer tested.
#[test]
fn golden_inputs_cover_the_contract() {
    let mut events: Vec<Row> = Vec::new();
    let mut usage_records: Vec<Row> = Vec::new();
    for name in inputs() {
        let workdir = Workdir::new();
        let (_, lake) = convert(&workdir, &name);
        events.extend(lake.rows("events"));
        usage_records.extend(lake.rows("usage_records"));
    }
    for table in [trailmill::schema::Table::Events, trailmill::schema::Table::UsageRecords] {
        let rows = if table.name() == "events" { &events } else { &usage_records };
        for column in table.columns() {
            let filled = rows.iter().filter(|row| row.contains_key(column.name)).count();
            assert!(filled > 0, "no golden row has {table}.{}", column.name);
        }
    }
    let has = |rows: &[Row], column: &str, value: &str| rows.iter().any(|row| text(row, column) == value);
    for minor in ["0", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"] {
        assert!(has(&events, "event_version", &format!("1.{minor}")), "no event of version 1.{minor}");
    }
    for category in ["Management", "Data", "Insight", "NetworkActivity", "Aggregated"] {
        assert!(has(&events, "event_category", category), "no event of category {category}");
    }
    for outcome in trailmill::Outcome::ALL {
        assert!(has(&usage_records, "outcome", outcome.as_str()), "no usage record with outcome {}", outcome.as_str());
    }
    assert!(has(&events, "event_date", "__HIVE_DEFAULT_PARTITION__"));
}
