//! One metering call to its rows of `usage_records`.

use super::json::{self, Name, Unmapped};
use super::matching;
use super::usage_record::{Form, UsageRecord, speaker};
use super::{Row, Value, set};

/// Columns about the call, which are the same as in the event's own row.
const CALL_COLUMNS: [&str; 21] = [
    "event_time",
    "event_id",
    "event_version",
    "event_name",
    "aws_region",
    "recipient_account_id",
    "request_id",
    "error_code",
    "error_message",
    "user_identity_type",
    "user_identity_arn",
    "user_identity_account_id",
    "user_identity_access_key_id",
    "user_identity_user_name",
    "user_identity_invoked_by",
    "session_issuer_arn",
    "source_ip_address",
    "user_agent",
    "additional_event_data",
    "archive",
    "event_index",
];

/// The rows of an event, none when it is no metering call.
pub fn usage_rows(event: &str, event_row: &Row) -> Vec<Row> {
    let text = |column: &str| event_row.get(column).and_then(Value::as_text).unwrap_or("");
    if !text("event_source").starts_with("metering-marketplace.") {
        return Vec::new();
    }
    let call = Call::read(event, event_row);
    match text("event_name") {
        "BatchMeterUsage" => batch_meter_usage(&call),
        "MeterUsage" => vec![meter_usage(&call)],
        _ => Vec::new(),
    }
}

/// What all rows of a call share.
struct Call<'a> {
    columns: Row,
    request: Option<&'a str>,
    response: Option<&'a str>,
    failed: bool,
}

impl<'a> Call<'a> {
    fn read(event: &'a str, event_row: &Row) -> Self {
        let shared = |column: &str| column == "event_date" || CALL_COLUMNS.contains(&column);
        let columns = event_row.iter().filter(|(column, _)| shared(column));
        Self {
            columns: columns.map(|(column, value)| (column.clone(), value.clone())).collect(),
            request: json::member(event, "requestParameters"),
            response: json::member(event, "responseElements"),
            failed: event_row.contains_key("error_code"),
        }
    }

    /// A row of this call: the columns of the call, its record and AWS's answer, with the leftovers in that order.
    fn row(&self, outcome: &str, columns: &[&Row], leftovers: &[&Unmapped]) -> Row {
        let mut row = self.columns.clone();
        for columns in columns {
            row.extend(columns.iter().map(|(column, value)| (column.clone(), value.clone())));
        }
        set(&mut row, "outcome", Some(Value::Text(outcome.to_owned())));
        let mut unmapped = Unmapped::default();
        for leftover in leftovers {
            unmapped.extend(leftover);
        }
        set(&mut row, "unmapped", unmapped.into_text().map(Value::Text));
        row
    }
}

/// The placeholder of a body that was too large for CloudTrail: `{"omitted":true,…}`.
fn is_placeholder(value: &str) -> bool {
    json::member(value, "omitted").and_then(json::boolean).is_some_and(|(omitted, _)| omitted)
}

/// Opens a body (`requestParameters`, `responseElements`): for each requested member of the API its value, and all the
/// other non-null members. A body that is no object, or only a placeholder, is left over whole.
fn open<'a, const N: usize>(
    name: &str,
    body: Option<&'a str>,
    wanted: [(&str, Fits); N],
) -> ([Option<&'a str>; N], Unmapped) {
    let path = json::name(name);
    match body {
        None => ([None; N], Unmapped::default()),
        Some(body) if body.starts_with('{') && !is_placeholder(body) => members_of(&[path], body, wanted),
        Some(body) => {
            let mut left = Unmapped::default();
            left.push(&[path], body);
            ([None; N], left)
        }
    }
}

/// Whether a value is one that a member can have.
type Fits = fn(&str) -> bool;

const TEXT: Fits = |value| json::text(value).is_some();
const LIST: Fits = |value| value.starts_with('[');
const OBJECT: Fits = |value| value.starts_with('{');

/// The values of the requested members of an object at `path`, and the rest of it.
fn members_of<'a, const N: usize>(
    path: &[Name],
    object: &'a str,
    wanted: [(&str, Fits); N],
) -> ([Option<&'a str>; N], Unmapped) {
    let members = json::members(object).unwrap_or_default();
    let speakers = wanted.map(|(member, fits)| speaker(&members, member, fits));
    let mut left = Unmapped::default();
    for (position, (member, value)) in members.iter().enumerate() {
        if !json::is_null(value) && !speakers.contains(&Some(position)) {
            left.push(&[path, std::slice::from_ref(member)].concat(), value);
        }
    }
    (speakers.map(|position| position.map(|position| members[position].1)), left)
}

/// A record that AWS answered.
struct Answer {
    /// The request's record as the response repeats it.
    echo: UsageRecord,
    /// `status` and `metering_record_id`.
    columns: Row,
    /// Members of the result without a column.
    unmapped: Unmapped,
    outcome: &'static str,
}

impl Answer {
    /// An element of `results`.
    fn result(value: &str) -> Self {
        let path = ["responseElements", "results"].map(json::name);
        let echo_path = ["responseElements", "results", "usageRecord"].map(json::name);
        let wanted = [("usageRecord", OBJECT), ("status", TEXT), ("meteringRecordId", TEXT)];
        let ([echo, status, id], mut unmapped) = members_of(&path, value, wanted);
        let (status, id) = (status.and_then(json::text), id.and_then(json::text));
        if !value.starts_with('{') && !json::is_null(value) {
            unmapped.push(&path, value);
        }
        let outcome = match status.as_deref() {
            Some("Success") => "success",
            Some("CustomerNotSubscribed") => "customer_not_subscribed",
            Some("DuplicateRecord") => "duplicate_record",
            _ => "unknown",
        };
        let mut columns = Row::new();
        set(&mut columns, "status", status.map(Value::Text));
        set(&mut columns, "metering_record_id", id.map(Value::Text));
        let echo = echo.map(|echo| UsageRecord::read(&echo_path, echo, Form::Batch)).unwrap_or_default();
        Self { echo, columns, unmapped, outcome }
    }

    /// An element of `unprocessedRecords`: a bare record.
    fn unprocessed(value: &str) -> Self {
        let path = ["responseElements", "unprocessedRecords"].map(json::name);
        Self {
            echo: UsageRecord::read(&path, value, Form::Batch),
            columns: Row::new(),
            unmapped: Unmapped::default(),
            outcome: "unprocessed",
        }
    }
}

fn batch_meter_usage(call: &Call) -> Vec<Row> {
    let wanted = [("productCode", TEXT), ("usageRecords", LIST)];
    let ([product_code, records], request_left) = open("requestParameters", call.request, wanted);
    let wanted = [("results", LIST), ("unprocessedRecords", LIST)];
    let ([results, unprocessed], response_left) = open("responseElements", call.response, wanted);
    let [records, results, unprocessed] = [records, results, unprocessed].map(|list| list.and_then(json::elements));
    let mut product = Row::new();
    set(&mut product, "product_code", product_code.and_then(json::text).map(Value::Text));

    let has_records = records.is_some();
    let record_path = ["requestParameters", "usageRecords"].map(json::name);
    let requests: Vec<UsageRecord> = records
        .unwrap_or_default()
        .into_iter()
        .map(|record| UsageRecord::read(&record_path, record, Form::Batch))
        .collect();
    let answers: Vec<Answer> = results
        .unwrap_or_default()
        .into_iter()
        .map(Answer::result)
        .chain(unprocessed.unwrap_or_default().into_iter().map(Answer::unprocessed))
        .collect();
    let echoes: Vec<UsageRecord> = answers.iter().map(|answer| answer.echo.clone()).collect();
    let matched = matching::answers(&requests, &echoes);

    let mut rows = Vec::new();
    for (index, (request, answer)) in requests.iter().zip(&matched).enumerate() {
        let mut place = Row::new();
        set(&mut place, "record_index", Some(Value::Int(i64::try_from(index).expect("an index"))));
        rows.push(if let Some(answer) = answer {
            let answer = &answers[*answer];
            let leftovers = [&request_left, &request.unmapped, &response_left, &answer.unmapped];
            call.row(answer.outcome, &[&place, &product, &request.columns, &answer.columns], &leftovers)
        } else {
            // A response that says nothing about a record is no rejection, unless the whole call failed.
            let outcome = if call.failed { "request_error" } else { "unknown" };
            let leftovers = [&request_left, &request.unmapped, &response_left];
            call.row(outcome, &[&place, &product, &request.columns], &leftovers)
        });
    }
    for (index, answer) in answers.iter().enumerate() {
        if !matched.contains(&Some(index)) {
            let leftovers = [&request_left, &answer.echo.unmapped, &response_left, &answer.unmapped];
            rows.push(call.row(answer.outcome, &[&product, &answer.echo.columns, &answer.columns], &leftovers));
        }
    }
    // A call whose records are not shown still needs a row; a call that had none does not.
    if rows.is_empty() && !has_records {
        rows.push(call.row(outcome_without_records(call), &[&product], &[&request_left, &response_left]));
    }
    rows
}

/// The outcome of a call that shows neither records nor answers. CloudTrail has left them out only where it says so, or
/// where it shows nothing at all.
fn outcome_without_records(call: &Call) -> &'static str {
    match call.request {
        Some(request) if is_placeholder(request) => "omitted",
        _ if call.failed => "request_error",
        None => "omitted",
        Some(_) => "unknown",
    }
}

fn meter_usage(call: &Call) -> Row {
    let ([id], response_left) = open("responseElements", call.response, [("meteringRecordId", TEXT)]);
    let id = id.and_then(json::text);
    let path = [json::name("requestParameters")];
    let placeholder = call.request.is_some_and(is_placeholder);
    let mut record = UsageRecord::default();
    if placeholder {
        record.unmapped = open("requestParameters", call.request, []).1;
    } else if let Some(request) = call.request {
        record = UsageRecord::read(&path, request, Form::Meter);
    }
    let outcome = match id {
        None => outcome_without_records(call),
        Some(_) if call.failed => "request_error",
        Some(_) => "success",
    };
    let mut columns = Row::new();
    set(&mut columns, "metering_record_id", id.map(Value::Text));
    if call.request.is_some() && !placeholder {
        set(&mut columns, "record_index", Some(Value::Int(0)));
    }
    call.row(outcome, &[&record.columns, &columns], &[&record.unmapped, &response_left])
}
