//! Outcomes and quantities of `data/sample`, worked out without the converter and without the reference: no matching,
//! only AWS's answers, and the records without one.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value as Json;

use crate::harness::{Workdir, data, files, inflated};
use crate::reference::expected_outcome_totals;

/// Rows and millionths by outcome.
type Totals = BTreeMap<String, (u64, i128)>;

/// `select outcome, count(*), sum(quantity) from 'lake/usage_records/**/*.parquet' group by 1 order by 1`; where no row has
/// a quantity (`omitted`), DuckDB prints NULL for the zero here.
const FIGURES: [(&str, u64, &str); 7] = [
    ("customer_not_subscribed", 7, "28437.000045"),
    ("duplicate_record", 3, "108000.000001"),
    ("omitted", 2, "0.000000"),
    ("request_error", 9, "2147484135.000000"),
    ("success", 312, "4298289292.187555"),
    ("unknown", 1, "12.000000"),
    ("unprocessed", 1, "77.000000"),
];

#[test]
fn outcomes_of_the_sample_match_those_worked_out_separately() {
    let mut expected = Totals::new();
    for path in files(&data("sample")) {
        let stored = fs::read(data("sample").join(path)).expect("a readable file");
        let archive: Json = serde_json::from_slice(&inflated(&stored)).expect("JSON");
        for event in archive["Records"].as_array().expect("events") {
            let is_call = event["eventSource"].as_str().is_some_and(|name| name.starts_with("metering-marketplace."));
            match event["eventName"].as_str() {
                Some("BatchMeterUsage") if is_call => add_batch(event, &mut expected),
                Some("MeterUsage") if is_call => add_meter(event, &mut expected),
                _ => {}
            }
        }
    }
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    let lake = workdir.convert("in", "");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    assert_eq!(expected_outcome_totals(&lake.rows("usage_records")), expected);
    // The report agrees.
    let reported = |outcome: &str| lake.count(&format!("/usage_records/by_outcome/{outcome}"));
    assert!(expected.iter().all(|(outcome, (rows, _))| reported(outcome) == *rows), "{}", lake.report);
    let shown: Vec<_> =
        expected.iter().map(|(outcome, (rows, sum))| (outcome.as_str(), *rows, decimal(*sum))).collect();
    let printed = FIGURES.map(|(outcome, rows, sum)| (outcome, rows, sum.to_owned()));
    assert_eq!(shown, printed);
}

fn add_batch(event: &Json, totals: &mut Totals) {
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let answered = &event["responseElements"];
    let mut left_rows = 0;
    let mut left_sum = 0;
    let request = &event["requestParameters"]["usageRecords"];
    for record in list(request) {
        left_rows += 1;
        left_sum += quantity(&record, "quantity");
    }
    let mut answers: Vec<(&str, Json)> = Vec::new();
    for result in list(&answered["results"]) {
        let outcome = match result["status"].as_str() {
            Some("Success") => "success",
            Some("CustomerNotSubscribed") => "customer_not_subscribed",
            Some("DuplicateRecord") => "duplicate_record",
            _ => "unknown",
        };
        answers.push((outcome, result["usageRecord"].clone()));
    }
    answers.extend(list(&answered["unprocessedRecords"]).into_iter().map(|record| ("unprocessed", record)));
    let is_failed = event["errorCode"].is_string();
    if !request.is_array() && answers.is_empty() {
        let is_omitted = ["true", "\"true\""].contains(&event["requestParameters"]["omitted"].to_string().as_str());
        return add(totals, if is_failed && !is_omitted { "request_error" } else { "omitted" }, 1, 0);
    }
    for (outcome, record) in answers {
        // Every submitted record is echoed, so the rest has no answer.
        let sum = quantity(&record, "quantity");
        add(totals, outcome, 1, sum);
        if request.is_array() {
            left_rows -= 1;
            left_sum -= sum;
        }
    }
    if left_rows > 0 {
        add(totals, if is_failed { "request_error" } else { "unknown" }, left_rows, left_sum);
    }
}

fn add_meter(event: &Json, totals: &mut Totals) {
    let outcome = if event["errorCode"].is_string() {
        "request_error"
    } else if event["responseElements"]["meteringRecordId"].is_string() {
        "success"
    } else {
        panic!("the sample holds no other call: {event}")
    };
    add(totals, outcome, 1, quantity(&event["requestParameters"], "usageQuantity"));
}

fn add(totals: &mut Totals, outcome: &str, rows: u64, millionths: i128) {
    let total = totals.entry(outcome.to_owned()).or_default();
    *total = (total.0 + rows, total.1 + millionths);
}

/// The quantity of a record in millionths, nothing when there is none.
fn quantity(record: &Json, member: &str) -> i128 {
    let decimal = &record[format!("{member}AsDecimal")];
    let value = if decimal.is_null() { &record[member] } else { decimal };
    let text = match value {
        Json::Null => return 0,
        Json::String(text) => text.clone(),
        number => number.to_string(),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    assert!(fraction.len() <= 6, "{text}");
    format!("{whole}{fraction:0<6}").parse().unwrap_or_else(|_| panic!("{text} is no plain number"))
}

fn decimal(millionths: i128) -> String {
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}
