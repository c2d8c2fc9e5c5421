//! What an engine has to find in a lake, as `tests/engines` reads it: for every column and every leaf of a list how many
//! values there are, one exact number that changes when a value does, the least and the greatest.
//!
//! In: the rows that the reference makes of the inputs, and our own reader's of the bookkeeping tables. Out: JSON.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use trailmill::schema::{Kind, Table};

use crate::harness::text;
use crate::reference::{Allocation, Resource, Row, Tag, Value, expected_outcome_totals};

const TAGS: &str = "LIST<STRUCT<key, value>>";
/// An element of a list as a whole: whether it is there.
const ELEMENT: &str = "STRUCT";

/// A table with its columns in order, leaves of lists after their column, and the rows of each partition.
pub fn table(table: Table, rows: &[Row], partition_columns: &[&str]) -> Json {
    let mut columns = Vec::new();
    for column in table.columns() {
        let values: Vec<&Value> = rows.iter().filter_map(|row| row.get(column.name)).collect();
        columns.push(measures(column.name, column.kind.label(), &values));
        match column.kind {
            Kind::Resources => columns.extend(resource_leaves(column.name, &values)),
            Kind::Allocations => columns.extend(allocation_leaves(column.name, &values)),
            _ => {}
        }
    }
    let partition_columns: &[&str] = if table.is_partitioned() { partition_columns } else { &[] };
    let mut expected = json!({"rows": rows.len(), "partition_columns": partition_columns, "columns": columns});
    if !partition_columns.is_empty() {
        expected["partitions"] = partitions(rows, partition_columns);
    }
    expected
}

/// Each outcome of usage records with its rows and the sum of their quantities.
pub fn outcomes(usage_records: &[Row]) -> Json {
    let totals = expected_outcome_totals(usage_records).into_iter();
    totals
        .map(|(outcome, (rows, sum))| (outcome, json!([rows, decimal(sum)])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Some events that have a time and an id that no other event has, with their time in milliseconds.
pub fn event_times(events: &[Row], count: usize) -> BTreeMap<&str, String> {
    let mut times: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in events.iter().filter(|row| row.contains_key("event_id")) {
        times.entry(text(row, "event_id")).or_default().push(row);
    }
    let time_of = |row: &Row| row.get("event_time").map(|time| number(time).to_string());
    let single = times.into_iter().filter(|(_, rows)| rows.len() == 1);
    let mut single: Vec<_> = single.filter_map(|(id, rows)| Some((id, time_of(rows[0])?))).collect();
    let step = single.len().div_ceil(count).max(1);
    // Those of the golden file about times, with and without a fraction, with an offset.
    let named = ["plain", "nanoseconds", "offset"];
    let mut at = 0;
    single.retain(|(id, _)| {
        at += 1;
        named.contains(id) || at % step == 1
    });
    single.into_iter().collect()
}

/// The rows of each partition, and the least and greatest time of its events. Values are those of the events: an
/// engine has to read the same from a folder's name.
fn partitions(rows: &[Row], columns: &[&str]) -> Json {
    let mut found: BTreeMap<String, Vec<Option<i128>>> = BTreeMap::new();
    for row in rows {
        let day = text(row, "event_date");
        let value = |column: &&str| match *column {
            "event_date" => day,
            "event_month" => day.get(..7).filter(|_| day.len() == 10).unwrap_or_default(),
            "account" => text(row, "recipient_account_id"),
            "region" => text(row, "aws_region"),
            other => panic!("how is a table partitioned by {other}?"),
        };
        let null = |value| if ["", "__HIVE_DEFAULT_PARTITION__"].contains(&value) { "null" } else { value };
        let values: Vec<&str> = columns.iter().map(value).map(null).collect();
        found.entry(values.join("/")).or_default().push(row.get("event_time").map(number));
    }
    let described = |(partition, times): (String, Vec<Option<i128>>)| {
        let extreme = |time: Option<&i128>| time.map(i128::to_string);
        let present = || times.iter().flatten();
        (partition, json!([times.len(), extreme(present().min()), extreme(present().max())]))
    };
    found.into_iter().map(described).collect::<serde_json::Map<_, _>>().into()
}

fn resource_leaves(column: &str, lists: &[&Value]) -> Vec<Json> {
    let lists = lists.iter().filter_map(|value| match value {
        Value::Resources(list) => Some(list),
        _ => None,
    });
    let elements: Vec<&Resource> = lists.flatten().flatten().collect();
    let texts = |leaf, of: fn(&Resource) -> &Option<String>| {
        leaf_measures(
            column,
            leaf,
            "STRING",
            elements.iter().filter_map(|element| of(element).clone().map(Value::Text)),
        )
    };
    vec![
        present(&format!("{column}[]"), elements.len()),
        texts("[].arn", |resource| &resource.arn),
        texts("[].account_id", |resource| &resource.account_id),
        texts("[].type", |resource| &resource.kind),
    ]
}

fn allocation_leaves(column: &str, lists: &[&Value]) -> Vec<Json> {
    let lists = lists.iter().filter_map(|value| match value {
        Value::Allocations(list) => Some(list),
        _ => None,
    });
    let elements: Vec<&Allocation> = lists.flatten().flatten().collect();
    let tag_lists: Vec<&Vec<Option<Tag>>> = elements.iter().filter_map(|element| element.tags.as_ref()).collect();
    let tags: Vec<&Tag> = tag_lists.iter().copied().flatten().flatten().collect();
    let quantities = elements.iter().filter_map(|element| element.quantity.map(Value::Decimal));
    let lengths = tag_lists.iter().map(|list| Value::Int(list.len() as i64));
    let texts = |leaf, of: fn(&Tag) -> &Option<String>| {
        leaf_measures(column, leaf, "STRING", tags.iter().filter_map(|tag| of(tag).clone().map(Value::Text)))
    };
    vec![
        present(&format!("{column}[]"), elements.len()),
        leaf_measures(column, "[].allocated_usage_quantity", "DECIMAL(18,6)", quantities),
        leaf_measures(column, "[].tags", TAGS, lengths),
        present(&format!("{column}[].tags[]"), tags.len()),
        texts("[].tags[].key", |tag| &tag.key),
        texts("[].tags[].value", |tag| &tag.value),
    ]
}

fn leaf_measures(column: &str, leaf: &str, kind: &str, values: impl Iterator<Item = Value>) -> Json {
    let values: Vec<Value> = values.collect();
    measures(&format!("{column}{leaf}"), kind, &values.iter().collect::<Vec<_>>())
}

fn present(path: &str, count: usize) -> Json {
    json!({"name": path, "type": ELEMENT, "values": count, "sum": "0", "min": null, "max": null})
}

fn measures(path: &str, kind: &str, values: &[&Value]) -> Json {
    let sum: i128 = values.iter().map(|value| number(value)).sum();
    let (min, max) = if let Some(Value::Text(_) | Value::Bytes(_)) = values.first() {
        let bytes = || values.iter().map(|value| bytes(value));
        (bytes().min().map(shown), bytes().max().map(shown))
    } else {
        let numbers = || values.iter().map(|value| number(value));
        (numbers().min().map(|it| it.to_string()), numbers().max().map(|it| it.to_string()))
    };
    json!({"name": path, "type": kind, "values": values.len(), "sum": sum.to_string(), "min": min, "max": max})
}

/// Bytes of text, by which it is ordered, or of a binary value in hexadecimal, which has the same order.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) => text.clone().into_bytes(),
        Value::Bytes(bytes) => bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
        other => panic!("{other:?} is no text"),
    }
}

fn shown(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// Milliseconds of an instant, millionths of a quantity, bytes of text, elements of a list.
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

fn decimal(millionths: i128) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let millionths = millionths.abs();
    format!("{sign}{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}
