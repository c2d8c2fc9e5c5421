//! A month's end of a seller who does everything wrong once.

use serde_json::{Value as Json, json};

const SELLER: &str = "111122223333";
const BUYER: &str = "222233334444";
const PRODUCT: &str = "code-a";
/// Another product, in a Region of its own, so that its cases are separate from those of the first one.
const SECOND_PRODUCT: &str = "code-n";
const MUMBAI: &str = "ap-south-1";
const VIRGINIA: &str = "us-east-1";
const IRELAND: &str = "eu-west-1";

/// Placeholder for half of a surrogate pair, which no Rust string can hold.
const HALF_A_PAIR: &str = "half a pair";

/// The events, in the order of their times as far as it matters.
pub fn events() -> Vec<String> {
    let mut events = Vec::new();
    for call in CALLS {
        events.push(call.event(events.len()).to_string());
    }
    let others = meter_usage().into_iter().chain(meter_usage_in_mumbai()).chain(omitted()).chain(requests_omitted());
    for event in others.chain(sign_ups()) {
        events.push(event.to_string().replace(HALF_A_PAIR, "\\ud800"));
    }
    events
}

/// A `BatchMeterUsage` call.
struct Call {
    time: &'static str,
    region: &'static str,
    /// Empty where the call names none.
    product: &'static str,
    /// Customer, dimension, usage timestamp, quantity, and the answer: a status with its metering record id, or
    /// `unprocessed`, or `!` and the error of the call, or `?` where CloudTrail left out the response.
    records: &'static [[&'static str; 5]],
}

const fn call(
    time: &'static str,
    region: &'static str,
    product: &'static str,
    records: &'static [[&'static str; 5]],
) -> Call {
    Call { time, region, product, records }
}

#[rustfmt::skip]
const CALLS: &[Call] = &[
    // A customer by account: an hour of October each, then three hours without any, over the end of day and month.
    call("2025-10-31T22:40:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "api", "Oct 31, 2025 9:00:00 PM", "2", "Success mr-1"],
        ["210000000001", "api", "Oct 31, 2025 10:00:00 PM", "1.5", "Success mr-2"],
    ]),
    call("2025-11-01T02:30:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "api", "Nov 1, 2025 2:00:00 AM", "0.000001", "Success mr-3"],
    ]),
    // Sent again it is accepted again; other quantities are not, twice; an equal one changes no bill.
    call("2025-11-01T02:31:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "api", "Nov 1, 2025, 2:00:00 AM", "0.000001", "Success mr-3"],
    ]),
    call("2025-11-01T02:40:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "api", "Nov 1, 2025 2:00:00 AM", "5", "DuplicateRecord -"],
        ["210000000001", "api", "Oct 31, 2025 10:00:00 PM", "1.500000", "DuplicateRecord -"],
    ]),
    call("2025-11-01T02:50:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "api", "Nov 1, 2025 2:00:00 AM", "7", "DuplicateRecord -"],
        // What was accepted is older than the lake.
        ["210000000001", "gpu", "Oct 31, 2025 10:00:00 AM", "3", "DuplicateRecord -"],
    ]),
    // Unprocessed when sent again: nothing is lost, it was accepted before.
    call("2025-11-01T02:55:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "api", "Oct 31, 2025 9:00:00 PM", "2", "unprocessed"],
        ["210000000001", "gpu", "Oct 31, 2025 10:00:00 AM", "3", "unprocessed"],
    ]),
    // A customer by identifier: unprocessed records; one is sent again, one never, one in a call that fails.
    call("2025-11-01T03:10:00Z", VIRGINIA, PRODUCT, &[
        ["cust-b", "api", "Nov 1, 2025 3:00:00 AM", "4", "unprocessed"],
        ["cust-b", "disk", "Nov 1, 2025 3:00:00 AM", "9", "unprocessed"],
        ["cust-b", "net", "Nov 1, 2025 3:00:00 AM", "1", "unprocessed"],
    ]),
    call("2025-11-01T03:15:00Z", VIRGINIA, PRODUCT, &[
        ["cust-b", "cpu", "Nov 1, 2025 3:00:00 AM", "6", "!ThrottlingException"],
        ["cust-b", "mem", "Nov 1, 2025 3:00:00 AM", "8", "!ThrottlingException"],
    ]),
    call("2025-11-01T03:20:00Z", VIRGINIA, PRODUCT, &[
        ["cust-b", "api", "Nov 1, 2025 3:00:00 AM", "4", "Success mr-4"],
        ["cust-b", "cpu", "Nov 1, 2025 3:00:00 AM", "6", "Success mr-5"],
    ]),
    call("2025-11-01T03:30:00Z", VIRGINIA, PRODUCT, &[
        ["cust-b", "net", "Nov 1, 2025 3:00:00 AM", "1", "!TimestampOutOfBoundsException"],
    ]),
    // It may have been accepted this time: CloudTrail does not say.
    call("2025-11-01T03:40:00Z", VIRGINIA, PRODUCT, &[
        ["cust-b", "disk", "Nov 1, 2025 3:00:00 AM", "9", "?"],
    ]),
    // Failed in a Region where nothing was omitted.
    call("2025-11-01T05:10:00Z", IRELAND, PRODUCT, &[
        ["210000000001", "api", "Nov 1, 2025 5:00:00 AM", "3", "!InternalServiceErrorException"],
    ]),
    // Rejected: one twice, one once, one until it was accepted.
    call("2025-11-01T01:20:00Z", VIRGINIA, PRODUCT, &[
        ["210000000004", "api", "Nov 1, 2025 1:00:00 AM", "10", "CustomerNotSubscribed -"],
    ]),
    call("2025-11-01T04:20:00Z", VIRGINIA, PRODUCT, &[
        ["210000000004", "api", "Nov 1, 2025 1:00:00 AM", "11", "CustomerNotSubscribed -"],
        ["210000000004", "api", "Nov 1, 2025 2:00:00 AM", "1", "CustomerNotSubscribed -"],
        ["210000000004", "api", "Nov 1, 2025 4:00:00 AM", "2", "CustomerNotSubscribed -"],
    ]),
    call("2025-11-01T04:30:00Z", VIRGINIA, PRODUCT, &[
        ["210000000004", "api", "Nov 1, 2025 4:00:00 AM", "2", "Success mr-6"],
    ]),
    // Neither product nor licence, and unreadable timestamps.
    call("2025-11-01T00:10:00Z", VIRGINIA, "", &[
        ["210000000005", "api", "Nov 1, 2025 12:00:00 AM", "1", "Success mr-7"],
        ["210000000005", "api", "yesterday", "1", "Success mr-8"],
        ["210000000005", "api", "today", "1", "Success mr-9"],
    ]),
    call("2025-11-01T00:20:00Z", VIRGINIA, "", &[
        ["210000000005", "api", "Nov 1, 2025 12:00:00 AM", "1", "Success mr-7"],
        ["210000000005", "api", "today", "1", "Success mr-9"],
    ]),
    // One usage in two Regions, and by product code besides; heartbeats without a quantity twice; a licence of
    // another product.
    call("2025-11-01T06:10:00Z", VIRGINIA, "", &[
        ["210000000003/l-1", "api", "Nov 1, 2025 6:00:00 AM", "5", "Success mr-10"],
        ["210000000003/l-1", "beat", "Nov 1, 2025 6:00:00 AM", "", "Success mr-13"],
        ["210000000003/l-2", "api", "Nov 1, 2025 6:00:00 AM", "1", "Success mr-14"],
    ]),
    call("2025-11-01T06:12:00Z", IRELAND, "", &[
        ["210000000003/l-1", "api", "Nov 1, 2025 6:00:00 AM", "5.0", "Success mr-11"],
        ["210000000003/l-1", "beat", "Nov 1, 2025 6:00:00 AM", "", "Success mr-15"],
    ]),
    call("2025-11-01T06:15:00Z", VIRGINIA, PRODUCT, &[
        ["210000000003", "api", "Nov 1, 2025 6:00:00 AM", "5", "Success mr-12"],
    ]),
    // The same by an identifier and by a licence, which a sign-up connects.
    call("2025-11-01T07:10:00Z", VIRGINIA, PRODUCT, &[
        ["cust-f", "api", "Nov 1, 2025 7:00:00 AM", "2", "Success mr-16"],
    ]),
    call("2025-11-01T07:11:00Z", VIRGINIA, "", &[
        ["210000000006/l-6", "api", "Nov 1, 2025 7:00:00 AM", "2", "Success mr-17"],
    ]),
    // Used in October only; late, before and after the first of the month at six.
    call("2025-10-31T12:10:00Z", VIRGINIA, PRODUCT, &[
        ["210000000007", "api", "Oct 31, 2025 12:00:00 PM", "3", "Success mr-18"],
    ]),
    call("2025-11-01T05:59:59Z", VIRGINIA, PRODUCT, &[
        ["210000000007", "late", "Oct 31, 2025 8:00:00 PM", "1", "Success mr-19"],
    ]),
    call("2025-11-01T06:30:00Z", VIRGINIA, PRODUCT, &[
        ["210000000007", "late", "Oct 31, 2025 11:00:00 PM", "1", "Success mr-20"],
    ]),
    // Tags: allocations that add up, and some that do not.
    call("2025-11-01T10:10:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "tagged", "Nov 1, 2025 8:00:00 AM", "10.5", "Success mr-21"],
        ["210000000001", "tagged", "Nov 1, 2025 9:00:00 AM", "10", "Success mr-22"],
        ["210000000001", "tagged", "Nov 1, 2025 10:00:00 AM", "2", "Success mr-23"],
    ]),
    // Two hours that are both one o'clock in New York, by a new caller.
    call("2025-11-02T06:40:00Z", VIRGINIA, PRODUCT, &[
        ["210000000001", "clock", "Nov 2, 2025 5:00:00 AM", "1", "Success mr-24"],
        ["210000000001", "clock", "Nov 2, 2025 6:00:00 AM", "1", "Success mr-25"],
    ]),
    // One customer by identifier and by account, which a sign-up connects: sent again, refused, and accepted after a
    // failure.
    call("2025-11-02T01:10:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["cust-a", "api", "Nov 2, 2025 1:00:00 AM", "5", "Success mr-30"],
    ]),
    call("2025-11-02T01:15:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["220000000001", "api", "Nov 2, 2025 1:00:00 AM", "5", "Success mr-30"],
    ]),
    call("2025-11-02T02:10:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["cust-a", "api", "Nov 2, 2025 2:00:00 AM", "5", "Success mr-31"],
    ]),
    call("2025-11-02T02:15:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["220000000001", "api", "Nov 2, 2025 2:00:00 AM", "9", "DuplicateRecord -"],
    ]),
    call("2025-11-02T03:10:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["cust-a", "api", "Nov 2, 2025 3:00:00 AM", "5", "!ThrottlingException"],
    ]),
    call("2025-11-02T03:15:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["220000000001", "api", "Nov 2, 2025 3:00:00 AM", "5", "Success mr-32"],
    ]),
    // By product code, and by a licence that belongs to another product according to the call itself.
    call("2025-11-02T05:10:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["220000000003", "both", "Nov 2, 2025 5:00:00 AM", "1", "Success mr-37"],
    ]),
    call("2025-11-02T05:10:00Z", MUMBAI, "code-z", &[
        ["220000000003/l-9", "both", "Nov 2, 2025 5:00:00 AM", "1", "Success mr-38"],
    ]),
    // Customers who are not named may be two.
    call("2025-11-02T05:12:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["", "nobody", "Nov 2, 2025 5:00:00 AM", "1", "Success mr-39"],
        ["", "nobody", "Nov 2, 2025 5:00:00 AM", "2", "Success mr-40"],
    ]),
    // Timestamps that are not strings: nothing identifies equal records, so none are equal.
    call("2025-11-02T04:10:00Z", MUMBAI, SECOND_PRODUCT, &[
        ["220000000002", "lost", "", "5", "Success mr-33"],
        ["220000000002", "lost", "", "6", "Success mr-34"],
        ["220000000002", "lost", "", "7", "unprocessed"],
        ["220000000002", "lost", "", "8", "unprocessed"],
    ]),
];

impl Call {
    fn event(&self, number: usize) -> Json {
        let mut event = envelope(self.time, self.region, "BatchMeterUsage", &format!("call-{number}"));
        let records: Vec<Json> = self.records.iter().map(usage_record).collect();
        let mut request = json!({"usageRecords": records});
        if !self.product.is_empty() {
            request["productCode"] = json!(self.product);
        }
        let (mut results, mut unprocessed) = (Vec::new(), Vec::new());
        for (record, given) in records.iter().zip(self.records) {
            match given[4].split_once(' ') {
                Some((status, "-")) => results.push(json!({"usageRecord": record, "status": status})),
                Some((status, id)) => {
                    results.push(json!({"usageRecord": record, "status": status, "meteringRecordId": id}));
                }
                None if given[4] == "unprocessed" => unprocessed.push(record.clone()),
                None if given[4] == "?" => {}
                None => event["errorCode"] = json!(given[4].trim_start_matches('!')),
            }
        }
        event["requestParameters"] = request;
        event["responseElements"] = match self.records[0][4] {
            "?" => json!({"omitted": true, "originalSize": 123_456, "reason": "responseElements too large"}),
            error if error.starts_with('!') => Json::Null,
            _ => json!({"results": results, "unprocessedRecords": unprocessed}),
        };
        if self.time.starts_with("2025-11-02") {
            event["userIdentity"] =
                json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/guest", "accessKeyId": "AKIA2"});
            event["sourceIPAddress"] = json!("198.51.100.9");
        }
        event
    }
}

fn usage_record([customer, dimension, hour, quantity, _]: &[&str; 5]) -> Json {
    let mut record = json!({"dimension": dimension, "timestamp": hour});
    if hour.is_empty() {
        record["timestamp"] = json!({"lost": true});
    }
    match customer.split_once('/') {
        Some((account, license)) => {
            record["customerAWSAccountId"] = json!(account);
            record["licenseArn"] = json!(license_arn(license));
        }
        None if customer.starts_with("cust") => record["customerIdentifier"] = json!(customer),
        None => record["customerAWSAccountID"] = json!(customer),
    }
    match quantity.parse::<u32>() {
        Ok(whole) => record["quantity"] = json!(whole),
        Err(_) if quantity.is_empty() => {}
        Err(_) => record["quantityAsDecimal"] = json!(quantity),
    }
    let tag = |key: &str, value: &str| json!({"key": key, "value": value});
    match *hour {
        "Nov 1, 2025 8:00:00 AM" => {
            record["usageAllocations"] = json!([
                {"allocatedUsageQuantityAsDecimal": "6.25", "tags": [tag("team", "red"), tag("env", "live")]},
                {"allocatedUsageQuantityAsDecimal": "3.25", "tags": [tag("team", "blue")]},
                {"allocatedUsageQuantityAsDecimal": "1"},
            ]);
        }
        "Nov 1, 2025 9:00:00 AM" => {
            record["usageAllocations"] = json!([{"allocatedUsageQuantity": 4, "tags": [tag("team", "red")]}]);
        }
        _ => {}
    }
    record
}

fn license_arn(license: &str) -> String {
    format!("arn:aws:license-manager::{SELLER}:license:{license}")
}

fn envelope(time: &str, region: &str, name: &str, id: &str) -> Json {
    json!({
        "eventVersion": "1.11", "eventTime": time, "eventSource": "metering-marketplace.amazonaws.com", "eventName": name,
        "awsRegion": region, "eventID": id, "requestID": format!("request of {id}"), "eventType": "AwsApiCall",
        "recipientAccountId": SELLER, "sourceIPAddress": "203.0.113.1", "userAgent": "meter/1.0",
        "userIdentity": {
            "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/meter/run", "accessKeyId": "ASIA1",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111122223333:role/meter"}},
        },
    })
}

/// Two instances of a buyer in one hour, one of which reports it twice; a dry run that looks accepted, and a plain one.
fn meter_usage() -> Vec<Json> {
    let said = |id: &str, time: &str, instance: &str, quantity: u32, dry_run: bool| {
        let mut event = envelope(time, "us-east-1", "MeterUsage", id);
        event["recipientAccountId"] = json!(BUYER);
        event["userIdentity"] = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::{BUYER}:assumed-role/app/{instance}"), "accessKeyId": "ASIA3"});
        event["requestParameters"] = json!({
            "productCode": "code-m", "usageDimension": "cpu", "usageQuantity": quantity,
            "timestamp": "Nov 1, 2025 10:00:00 AM", "dryRun": dry_run,
        });
        event["responseElements"] = json!({"meteringRecordId": format!("mr-{instance}")});
        event
    };
    let mut refused = said("meter-5", "2025-11-01T10:50:00Z", "i-1", 100, true);
    refused["errorCode"] = json!("DryRunOperation");
    refused["responseElements"] = Json::Null;
    vec![
        said("meter-1", "2025-11-01T10:10:00Z", "i-1", 1, false),
        said("meter-2", "2025-11-01T10:20:00Z", "i-2", 1, false),
        said("meter-3", "2025-11-01T10:30:00Z", "i-1", 1, false),
        said("meter-4", "2025-11-01T10:40:00Z", "i-1", 100, true),
        refused,
    ]
}

/// A retry by another session with the same client token, and another token in the same hour; a record and a token that
/// are used again for another quantity, and a record whose first one is not in the lake; three calls with only the metering
/// record id left.
fn meter_usage_in_mumbai() -> Vec<Json> {
    let said = |time: &str, session: &str, hour: &str, token: Option<&str>, quantity: u32, id: &str| {
        let mut event = envelope(time, MUMBAI, "MeterUsage", &format!("{session} at {time}"));
        event["recipientAccountId"] = json!(BUYER);
        event["userIdentity"] = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::{BUYER}:assumed-role/app/{session}"), "accessKeyId": "ASIA3"});
        event["requestParameters"] = json!({
            "productCode": SECOND_PRODUCT, "usageDimension": "cpu", "usageQuantity": quantity, "timestamp": hour,
        });
        if let Some(token) = token {
            event["requestParameters"]["clientToken"] = json!(token);
        }
        event["responseElements"] = json!({"meteringRecordId": id});
        event
    };
    let refused = |mut event: Json, error: &str| {
        event["errorCode"] = json!(error);
        event["responseElements"] = Json::Null;
        event
    };
    let omitted = |time: &str, id: &str| {
        let mut event = said(time, "i-9", "", None, 1, id);
        event["requestParameters"] =
            json!({"omitted": true, "originalSize": 149_893, "reason": "requestParameters too large"});
        event
    };
    let [three, four, five] = ["Nov 2, 2025 3:00:00 AM", "Nov 2, 2025 4:00:00 AM", "Nov 2, 2025 5:00:00 AM"];
    vec![
        said("2025-11-02T05:10:00Z", "i-7", five, Some("token-1"), 4, "mr-token-1"),
        said("2025-11-02T05:20:00Z", "i-8", five, Some("token-1"), 4, "mr-token-1"),
        said("2025-11-02T05:25:00Z", "i-7", five, Some("token-2"), 4, "mr-token-2"),
        refused(
            said("2025-11-02T05:40:00Z", "i-9", five, Some("token-2"), 9, ""),
            "com.amazonaws.metering#IdempotencyConflictException",
        ),
        said("2025-11-02T04:10:00Z", "i-9", four, None, 3, "mr-i-9"),
        refused(said("2025-11-02T04:20:00Z", "i-9", four, None, 5, ""), "DuplicateRequestException"),
        refused(said("2025-11-02T03:20:00Z", "i-9", three, None, 2, ""), "DuplicateRequestException"),
        omitted("2025-11-02T05:11:00Z", "mr-omitted-1"),
        omitted("2025-11-02T05:21:00Z", "mr-omitted-2"),
        omitted("2025-11-02T05:31:00Z", "mr-omitted-3"),
    ]
}

/// Calls with only the answers left: they do not name the product, so two may be of two products; one is sent again.
/// They have no event ids either, and are two calls all the same.
fn requests_omitted() -> Vec<Json> {
    let answered = |time: &str, records: &[[&str; 5]]| {
        let mut event = envelope(time, MUMBAI, "BatchMeterUsage", "");
        event["eventID"] = Json::Null;
        let result = |record: &[&str; 5]| json!({"usageRecord": usage_record(record), "status": "Success", "meteringRecordId": record[4]});
        event["requestParameters"] =
            json!({"omitted": true, "originalSize": 149_893, "reason": "requestParameters too large"});
        event["responseElements"] = json!({"results": records.iter().map(result).collect::<Vec<_>>()});
        event
    };
    let first = ["220000000002", "api", "Nov 2, 2025 4:00:00 AM", "1", "mr-35"];
    let second = ["220000000002", "api", "Nov 2, 2025 4:00:00 AM", "2", "mr-36"];
    vec![answered("2025-11-02T04:20:00Z", &[first, second]), answered("2025-11-02T04:25:00Z", &[first])]
}

/// A call too large for CloudTrail.
fn omitted() -> Vec<Json> {
    let mut event = envelope("2025-11-01T04:00:00Z", "us-east-1", "BatchMeterUsage", "omitted");
    event["requestParameters"] =
        json!({"omitted": true, "originalSize": 149_893, "reason": "requestParameters too large"});
    event["responseElements"] =
        json!({"omitted": true, "originalSize": 249_893, "reason": "responseElements too large"});
    vec![event]
}

fn sign_ups() -> Vec<Json> {
    let resolved = |id: &str, time: &str, response: Json| {
        let mut event = envelope(time, "us-east-1", "ResolveCustomer", id);
        event["requestParameters"] = json!({"registrationToken": "HIDDEN_DUE_TO_SECURITY_REASONS"});
        event["responseElements"] = response;
        event
    };
    let mut failed = resolved("sign-up-8", "2025-10-01T09:00:00Z", Json::Null);
    failed["errorCode"] = json!("ExpiredTokenException");
    let never_used = || {
        json!({"customerIdentifier": "", "customerAWSAccountID": "210000000008", "productCode": PRODUCT,
            "licenseArn": license_arn("l-8"), "metadata": {"agreementId": "agmt-8"}})
    };
    vec![
        resolved(
            "sign-up-1",
            "2025-10-01T00:00:00Z",
            json!({"customerIdentifier": "cust-f",
            "customerAWSAccountId": "210000000006", "productCode": PRODUCT, "licenseArn": license_arn("l-6"),
            "metadata": {"agreementId": "agmt-6"}}),
        ),
        resolved(
            "sign-up-2",
            "2025-10-01T01:00:00Z",
            json!({"customerIdentifier": "",
            "customerAWSAccountId": "210000000003", "productCode": "code-z", "licenseArn": license_arn("l-2")}),
        ),
        // Never metered, and resolved twice.
        resolved("sign-up-3", "2025-10-01T02:00:00Z", never_used()),
        resolved("sign-up-4", "2025-10-02T02:00:00Z", never_used()),
        resolved("sign-up-5", "2025-10-01T03:00:00Z", json!({"customerIdentifier": "cust-b", "productCode": PRODUCT})),
        // Signed up again after its last usage.
        resolved(
            "sign-up-6",
            "2025-11-01T12:00:00Z",
            json!({"customerAWSAccountId": "210000000007",
            "productCode": PRODUCT, "customerIdentifier": null}),
        ),
        // Metered, but not for this product.
        resolved(
            "sign-up-7",
            "2025-10-01T04:00:00Z",
            json!({"customerAWSAccountId": "210000000004",
            "productCode": "code-other", "customerIdentifier": "cust-d"}),
        ),
        resolved(
            "sign-up-9",
            "2025-10-01T05:00:00Z",
            json!({"customerAWSAccountId": "220000000001",
            "productCode": SECOND_PRODUCT, "customerIdentifier": "cust-a"}),
        ),
        // Metered by the identifier that another sign-up gives for the account.
        resolved(
            "sign-up-11",
            "2025-10-03T00:00:00Z",
            json!({"customerAWSAccountId": "210000000006", "productCode": PRODUCT}),
        ),
        // Valid JSON that DuckDB does not parse, of a known customer.
        resolved(
            "sign-up-10",
            "2025-10-01T06:00:00Z",
            json!({"customerAWSAccountId": "220000000001",
            "productCode": SECOND_PRODUCT, "note": HALF_A_PAIR}),
        ),
        failed,
    ]
}
