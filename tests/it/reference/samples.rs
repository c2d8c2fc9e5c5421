//! Metering calls as they are documented, and the calls on which joining records to results can go wrong.
//!
//! The events are made up; their shapes are those of the published samples.

use super::{Row, Value, reference_archive};

/// The rows of one `BatchMeterUsage` call. `more` goes after its last member.
fn batch(request: &str, response: &str, more: &str) -> Vec<Row> {
    rows("BatchMeterUsage", request, response, more)
}

fn meter(request: &str, response: &str, more: &str) -> Vec<Row> {
    rows("MeterUsage", request, response, more)
}

fn rows(name: &str, request: &str, response: &str, more: &str) -> Vec<Row> {
    let event = format!(
        r#"{{"eventSource":"metering-marketplace.amazonaws.com","eventName":"{name}","requestParameters":{request},"responseElements":{response}{more}}}"#
    );
    let archive = reference_archive("a", format!("{{\"Records\":[{event}]}}").as_bytes());
    assert_eq!((archive.status, archive.events.len()), ("converted", 1), "{event}");
    archive.usage_records
}

/// `columns` of each row as `Debug` shows them, null as `-`.
#[track_caller]
fn check(rows: &[Row], columns: &[&str], expected: &[&str]) {
    let cell = |value: Option<&Value>| match value {
        None => "-".to_owned(),
        Some(Value::Text(text)) => text.clone(),
        Some(value) => format!("{value:?}"),
    };
    let line = |row: &Row| columns.iter().map(|column| cell(row.get(*column))).collect::<Vec<_>>().join(" | ");
    assert_eq!(rows.iter().map(line).collect::<Vec<_>>(), expected);
}

const ANSWER: [&str; 5] = ["record_index", "dimension", "outcome", "status", "metering_record_id"];

#[test]
fn a_batch_call_as_documented() {
    let record = r#"{"dimension":"Dimension1","timestamp":"Apr 19, 2018 4:32:50 PM","customerIdentifier":"customer1","customerAWSAccountID":"987654321098","quantity":1}"#;
    let event = format!(
        r#"{{
        "eventVersion": "1.05",
        "userIdentity": {{"type": "IAMUser", "principalId": "P", "arn": "arn:aws:iam::123456789012:user/Alice",
            "accountId": "123456789012", "accessKeyId": "K", "userName": "Alice"}},
        "eventTime": "2018-04-19T16:32:51Z",
        "eventSource": "metering-marketplace.amazonaws.com",
        "eventName": "BatchMeterUsage",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.0/24",
        "userAgent": "Coral/Netty14",
        "requestParameters": {{"usageRecords": [{record}], "productCode": "code"}},
        "responseElements": {{"results": [{{"usageRecord": {record}, "meteringRecordId": "id", "status": "Success"}}],
            "unprocessedRecords": [ ]}},
        "requestID": "request", "eventID": "event", "readOnly": false, "eventType": "AwsApiCall",
        "recipientAccountId": "123456789012"}}"#
    );
    let archive = reference_archive("file:///a.json.gz", format!("{{\"Records\":[{event}]}}").as_bytes());
    let [row] = archive.usage_records.as_slice() else { panic!("{:?}", archive.usage_records) };
    let text = |text: &str| Value::Text(text.to_owned());
    let expected = [
        ("event_time", Value::TimestampMs(1_524_155_571_000)),
        ("event_id", text("event")),
        ("event_version", text("1.05")),
        ("event_name", text("BatchMeterUsage")),
        ("aws_region", text("us-east-1")),
        ("recipient_account_id", text("123456789012")),
        ("request_id", text("request")),
        ("record_index", Value::Int(0)),
        ("product_code", text("code")),
        ("customer_identifier", text("customer1")),
        ("customer_aws_account_id", text("987654321098")),
        ("dimension", text("Dimension1")),
        ("quantity", Value::Decimal(1_000_000)),
        ("usage_timestamp", Value::TimestampMs(1_524_155_570_000)),
        ("usage_timestamp_text", text("Apr 19, 2018 4:32:50 PM")),
        ("outcome", text("success")),
        ("status", text("Success")),
        ("metering_record_id", text("id")),
        ("user_identity_type", text("IAMUser")),
        ("user_identity_arn", text("arn:aws:iam::123456789012:user/Alice")),
        ("user_identity_account_id", text("123456789012")),
        ("user_identity_access_key_id", text("K")),
        ("user_identity_user_name", text("Alice")),
        ("source_ip_address", text("192.0.2.0/24")),
        ("user_agent", text("Coral/Netty14")),
        ("archive", text("file:///a.json.gz")),
        ("event_index", Value::Int(0)),
        ("event_date", text("2018-04-19")),
    ];
    assert_eq!(*row, Row::from(expected.map(|(column, value)| (column.to_owned(), value))));
}

#[test]
fn a_meter_call_as_documented() {
    let rows = meter(
        r#"{"timestamp":"Jul 23, 2020 1:35:44 AM","usageQuantity":1,"usageDimension":"Dimension1","productCode":"code","dryRun":false}"#,
        r#"{"meteringRecordId":"id"}"#,
        "",
    );
    check(
        &rows,
        &[
            "record_index",
            "product_code",
            "dimension",
            "quantity",
            "usage_timestamp",
            "dry_run",
            "outcome",
            "metering_record_id",
            "unmapped",
        ],
        &["0 | code | Dimension1 | 1000000 millionths | 1595468144000 ms (2020-07-23) | false | success | id | -"],
    );
}

#[test]
fn other_calls_of_the_service_have_no_usage_records() {
    assert_eq!(rows("RegisterUsage", r#"{"productCode":"code","publicKeyVersion":1}"#, "{}", ""), []);
    assert_eq!(rows("batchMeterUsage", r#"{"usageRecords":[{}]}"#, "{}", ""), []);
    let other_service = r#"[{"eventSource":"metering.amazonaws.com","eventName":"MeterUsage"}]"#;
    assert_eq!(reference_archive("a", other_service.as_bytes()).usage_records, []);
}

#[test]
fn twins_with_different_outcomes_get_one_each() {
    let twin = r#"{"dimension":"d","quantity":1}"#;
    let rows = batch(
        &format!(r#"{{"usageRecords":[{twin},{twin},{twin},{twin}]}}"#),
        &format!(
            r#"{{"results":[{{"usageRecord":{twin},"status":"DuplicateRecord"}},{{"usageRecord":{twin},"status":"Success","meteringRecordId":"i"}}],"unprocessedRecords":[{twin}]}}"#
        ),
        "",
    );
    check(
        &rows,
        &ANSWER,
        &[
            "0 | d | duplicate_record | DuplicateRecord | -",
            "1 | d | success | Success | i",
            "2 | d | unprocessed | - | -",
            "3 | d | unknown | - | -",
        ],
    );
}

#[test]
fn response_records_without_a_request_get_rows_of_their_own() {
    let rows = batch(
        r#"{"usageRecords":[{"dimension":"a"}],"new":1}"#,
        r#"{"x":2,"results":[{"usageRecord":{"dimension":"b","odd":3},"status":"CustomerNotSubscribed","y":4}],"unprocessedRecords":[{"dimension":"c","z":5}]}"#,
        r#","errorCode":"E""#,
    );
    check(
        &rows,
        &["record_index", "dimension", "outcome", "error_code", "unmapped"],
        &[
            r#"0 | a | request_error | E | {"requestParameters.new":1,"responseElements.x":2}"#,
            r#"- | b | customer_not_subscribed | E | {"requestParameters.new":1,"responseElements.results.usageRecord.odd":3,"responseElements.x":2,"responseElements.results.y":4}"#,
            r#"- | c | unprocessed | E | {"requestParameters.new":1,"responseElements.unprocessedRecords.z":5,"responseElements.x":2}"#,
        ],
    );
}

#[test]
fn leftovers_of_a_record_come_between_those_of_the_call() {
    let rows = batch(
        r#"{"usageRecords":[{"b.c":1,"quantity":"x","dimension":"d"}],"productCode":7}"#,
        r#"{"results":[{"usageRecord":{"dimension":"d","lost":1},"status":7,"meteringRecordId":[]}],"unprocessedRecords":{}}"#,
        "",
    );
    let unmapped = r#"{"requestParameters.productCode":7,"requestParameters.usageRecords.b\\.c":1,"requestParameters.usageRecords.quantity":"x","responseElements.unprocessedRecords":{},"responseElements.results.status":7,"responseElements.results.meteringRecordId":[]}"#;
    check(&rows, &["outcome", "quantity", "unmapped"], &[&format!("unknown | - | {unmapped}")]);
}

#[test]
fn a_failed_call_rejects_all_its_records() {
    let rows = batch(
        r#"{"usageRecords":[{"dimension":"a"},{"dimension":"b"}]}"#,
        "null",
        r#","errorCode":"TimestampOutOfBoundsException","errorMessage":"late""#,
    );
    let columns = ["record_index", "dimension", "outcome", "error_code", "error_message"];
    let error = "request_error | TimestampOutOfBoundsException | late";
    check(&rows, &columns, &[&format!("0 | a | {error}"), &format!("1 | b | {error}")]);
}

#[test]
fn a_response_that_says_nothing_is_no_rejection() {
    for response in ["null", "{}", r#"{"results":null}"#, r#"{"results":[],"unprocessedRecords":null}"#, "7"] {
        check(
            &batch(r#"{"usageRecords":[{"dimension":"a"}]}"#, response, ""),
            &["record_index", "outcome"],
            &["0 | unknown"],
        );
    }
}

#[test]
fn a_call_without_its_records_is_one_row() {
    let columns = ["record_index", "outcome", "unmapped"];
    let placeholder = r#"{"reason":"requestParameters too large","omitted":true,"originalSize":149893}"#;
    let whole = format!(r#"{{"requestParameters":{placeholder}}}"#);
    check(&batch(placeholder, "null", ""), &columns, &[&format!("- | omitted | {whole}")]);
    check(&batch(placeholder, "null", r#","errorCode":"E""#), &columns, &[&format!("- | omitted | {whole}")]);
    check(&batch("null", "null", r#","errorCode":"E""#), &columns, &["- | request_error | -"]);
    check(&batch("null", "null", ""), &columns, &["- | omitted | -"]);
    // A request that is there and cannot be read is not left out.
    check(&batch("{}", "null", ""), &columns, &["- | unknown | -"]);
    check(&batch("{}", "null", r#","errorCode":"E""#), &columns, &["- | request_error | -"]);
    check(&batch(r#""text""#, "null", ""), &columns, &[r#"- | unknown | {"requestParameters":"text"}"#]);
    check(
        &batch(r#"{"usageRecords":{}}"#, r#"{"omitted":"true"}"#, ""),
        &columns,
        &[r#"- | unknown | {"requestParameters.usageRecords":{},"responseElements":{"omitted":"true"}}"#],
    );
    check(
        &batch(r#"{"usage_records":[{"dimension":"d"}]}"#, "null", ""),
        &columns,
        &[r#"- | unknown | {"requestParameters.usage_records":[{"dimension":"d"}]}"#],
    );
    check(&batch(r#"{"usageRecords":[]}"#, "null", ""), &columns, &[]);
    check(&batch(r#"{"usageRecords":[]}"#, "null", r#","errorCode":"E""#), &columns, &[]);
    let answered = r#"{"results":[{"usageRecord":{"dimension":"d"},"status":"Success"}]}"#;
    check(&batch(placeholder, answered, ""), &columns, &[&format!("- | success | {whole}")]);
}

#[test]
fn meter_calls_have_one_row_whatever_is_missing() {
    let columns = ["record_index", "outcome", "unmapped"];
    let id = r#"{"meteringRecordId":"id"}"#;
    let error = r#","errorCode":"E""#;
    let omitted = r#"{"omitted":"true","x":1}"#;
    let whole = format!(r#"{{"requestParameters":{omitted}}}"#);
    check(&meter("{}", id, ""), &columns, &["0 | success | -"]);
    check(&meter("{}", id, error), &columns, &["0 | request_error | -"]);
    check(&meter("{}", "{}", ""), &columns, &["0 | unknown | -"]);
    check(&meter("null", id, ""), &columns, &["- | success | -"]);
    check(&meter("null", "null", ""), &columns, &["- | omitted | -"]);
    check(&meter("null", "null", error), &columns, &["- | request_error | -"]);
    check(&meter(omitted, "null", error), &columns, &[&format!("- | omitted | {whole}")]);
    check(&meter(omitted, id, ""), &columns, &[&format!("- | success | {whole}")]);
    check(&meter(r#"{"omitted":false}"#, id, ""), &columns, &[r#"0 | success | {"requestParameters.omitted":false}"#]);
}

#[test]
fn calls_as_an_sdk_spells_them_are_read_like_others() {
    let record = r#"{"Timestamp":1524155570,"CustomerIdentifier":"c","CustomerAWSAccountId":"1","Dimension":"d","LicenseArn":"l","QuantityAsDecimal":"1.5","UsageAllocations":[{"AllocatedUsageQuantityAsDecimal":"1.5","Tags":[{"Key":"k","Value":"v"}]}]}"#;
    let rows = batch(
        &format!(r#"{{"UsageRecords":[{record},{{"Dimension":"e"}}],"ProductCode":"p","productCode":"q"}}"#),
        &format!(
            r#"{{"UnprocessedRecords":[{{"Dimension":"e"}}],"Results":[{{"UsageRecord":{record},"MeteringRecordId":"i","Status":"Success"}}]}}"#
        ),
        "",
    );
    let leftover = r#"{"requestParameters.ProductCode":"p"}"#;
    check(
        &rows,
        &["record_index", "product_code", "dimension", "quantity", "outcome", "metering_record_id", "unmapped"],
        &[
            &format!("0 | q | d | 1500000 millionths | success | i | {leftover}"),
            &format!("1 | q | e | - | unprocessed | - | {leftover}"),
        ],
    );
    let rows = meter(
        r#"{"ProductCode":"p","Timestamp":0,"UsageDimension":"d","UsageQuantity":1,"DryRun":false}"#,
        r#"{"MeteringRecordId":"i"}"#,
        "",
    );
    check(
        &rows,
        &["product_code", "dimension", "quantity", "dry_run", "outcome", "metering_record_id", "unmapped"],
        &["p | d | 1000000 millionths | false | success | i | -"],
    );
    let lower = batch(r#"{"usagerecords":[{"dimension":"d"}]}"#, "null", "");
    check(&lower, &["record_index", "dimension", "outcome", "unmapped"], &["0 | d | unknown | -"]);
}

#[test]
fn an_empty_list_hides_no_other_spelling() {
    let columns = ["record_index", "dimension", "outcome", "unmapped"];
    let rows = batch(
        r#"{"usageRecords":[],"UsageRecords":[{"dimension":"a"}],"USAGERECORDS":[{"dimension":"b"}]}"#,
        r#"{"results":[],"Results":[{"usageRecord":{"dimension":"a"},"status":"Success"}],"unprocessedrecords":[],"unprocessedRecords":[]}"#,
        "",
    );
    let left = r#"{"requestParameters.usageRecords":[],"requestParameters.USAGERECORDS":[{"dimension":"b"}],"responseElements.results":[],"responseElements.unprocessedrecords":[]}"#;
    check(&rows, &columns, &[&format!("0 | a | success | {left}")]);
    let rows = batch(r#"{"UsageRecords":[{"dimension":"a"}],"usageRecords":[{"dimension":"b"}]}"#, "{}", "");
    check(&rows, &columns, &[r#"0 | b | unknown | {"requestParameters.UsageRecords":[{"dimension":"a"}]}"#]);
}

#[test]
fn an_answer_without_a_record_has_a_row_of_its_own() {
    let columns = ["record_index", "dimension", "outcome", "metering_record_id"];
    for empty in ["null", "{}"] {
        let rows = batch(
            &format!(r#"{{"usageRecords":[{empty},{{"dimension":"a"}}]}}"#),
            r#"{"results":[{"status":"Success","meteringRecordId":"?"},{"usageRecord":null,"status":"Success"}],"unprocessedRecords":[null]}"#,
            "",
        );
        let unknown = ["0 | - | unknown | -", "1 | a | unknown | -"];
        let strays = ["- | - | success | ?", "- | - | success | -", "- | - | unprocessed | -"];
        check(&rows, &columns, &[unknown.as_slice(), &strays].concat());
    }
}

#[test]
fn numbers_of_records_keep_every_digit() {
    let rows = batch(
        r#"{"usageRecords":[{"quantityAsDecimal":"9999999999.999999"},{"quantity":0.1},{"quantity":1E5},{"quantity":12345678901234567890123}]}"#,
        "null",
        "",
    );
    check(
        &rows,
        &["quantity", "unmapped"],
        &[
            "9999999999999999 millionths | -",
            "100000 millionths | -",
            "100000000000 millionths | -",
            r#"- | {"requestParameters.usageRecords.quantity":12345678901234567890123}"#,
        ],
    );
}

#[test]
fn a_quarantined_call_has_no_usage_records() {
    let event = r#"{"eventSource":"metering-marketplace.x","eventName":"MeterUsage","a":1,"a":2}"#;
    let archive = reference_archive("a", format!("[{event}]").as_bytes());
    assert_eq!(archive.usage_records, []);
    assert_eq!(archive.quarantined, [(Some(0), "duplicate_key")]);
}
