//! Which response record answers which request record. Nothing promises that AWS answers in order, and two records of
//! one request may be alike, so this is a multiset match.

use super::Value;
use super::usage_record::UsageRecord;

/// For each request record the position of the response record that answers it. Response records come in the order
/// results, then unprocessed; each answers once.
///
/// Those that are most alike find each other first, and of equally alike ones those that come first.
pub fn answers(requests: &[UsageRecord], responses: &[UsageRecord]) -> Vec<Option<usize>> {
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (request, record) in requests.iter().enumerate() {
        for (response, echo) in responses.iter().enumerate() {
            pairs.extend(difference(record, echo).map(|difference| (difference, request, response)));
        }
    }
    pairs.sort_unstable();
    let mut answers: Vec<Option<usize>> = vec![None; requests.len()];
    for (_, request, response) in pairs {
        if answers[request].is_none() && !answers.contains(&Some(response)) {
            answers[request] = Some(response);
        }
    }
    answers
}

/// How much two records differ, `None` when they cannot be the same.
fn difference(request: &UsageRecord, response: &UsageRecord) -> Option<usize> {
    if request.text.is_some() && request.text == response.text {
        return Some(0);
    }
    let (one, two) = (&request.spelling, &response.spelling);
    if are_equal(request, response) {
        let differ = [
            one.time != two.time,
            one.quantity != two.quantity,
            one.allocations != two.allocations,
            one.others != two.others,
        ];
        return Some(1 + differ.into_iter().filter(|differs| *differs).count());
    }
    if are_compatible(request, response) {
        // Members that the response leaves out are no difference.
        let differ = [
            one.time.is_some() && two.time.is_some() && one.time != two.time,
            one.quantity.is_some() && two.quantity.is_some() && one.quantity != two.quantity,
            one.allocations.is_some() && two.allocations.is_some() && one.allocations != two.allocations,
        ];
        return Some(10 + differ.into_iter().filter(|differs| *differs).count());
    }
    None
}

/// Every member that tells one record from another, by column. The instant goes with its text.
const COMPARED: [&str; 7] = [
    "customer_identifier",
    "customer_aws_account_id",
    "license_arn",
    "dimension",
    "quantity",
    "usage_timestamp_text",
    "usage_allocations",
];

fn are_equal(left: &UsageRecord, right: &UsageRecord) -> bool {
    COMPARED.iter().all(|column| match values(column, left, right) {
        (Some(left), Some(right)) => left == right,
        (None, None) => true,
        _ => false,
    })
}

/// The response may leave members out, or know more than the request; but they talk about the same dimension.
fn are_compatible(left: &UsageRecord, right: &UsageRecord) -> bool {
    COMPARED.iter().all(|column| match values(column, left, right) {
        (Some(left), Some(right)) => left == right,
        _ => *column != "dimension",
    })
}

/// Both sides of a comparison. Timestamps are compared as instants when both are, else as texts.
fn values<'a>(column: &str, left: &'a UsageRecord, right: &'a UsageRecord) -> (Option<&'a Value>, Option<&'a Value>) {
    let of = |column: &str| (left.columns.get(column), right.columns.get(column));
    match (column, of("usage_timestamp")) {
        ("usage_timestamp_text", (Some(left), Some(right))) => (Some(left), Some(right)),
        _ => of(column),
    }
}

#[cfg(test)]
mod tests {
    use super::super::usage_record::Form;
    use super::*;

    #[track_caller]
    fn check(requests: &[&str], responses: &[&str], expected: &[Option<usize>]) {
        let read = |records: &[&str]| -> Vec<UsageRecord> {
            records.iter().map(|record| UsageRecord::read(&[], record, Form::Batch)).collect()
        };
        assert_eq!(answers(&read(requests), &read(responses)), expected);
    }

    #[test]
    fn shuffled_answers_find_their_requests() {
        let (a, b, c) = (
            r#"{"dimension":"a","quantity":1}"#,
            r#"{"dimension":"b","quantity":1}"#,
            r#"{"dimension":"a","quantity":2}"#,
        );
        check(&[a, b, c], &[c, a, b], &[Some(1), Some(2), Some(0)]);
    }

    #[test]
    fn twins_take_their_answers_in_order() {
        let twin = r#"{"dimension":"a","quantity":1}"#;
        check(&[twin, twin, twin], &[twin, twin], &[Some(0), Some(1), None]);
    }

    #[test]
    fn values_count_not_spellings() {
        check(
            &[r#"{"dimension":"a","quantity":1.0,"timestamp":"Apr 19, 2018 4:32:50 PM","customerAWSAccountID":"1"}"#],
            &[
                r#"{"customerAWSAccountId":"1","quantityAsDecimal":"1","timestamp":"2018-04-19T16:32:50Z","dimension":"\u0061"}"#,
            ],
            &[Some(0)],
        );
        check(&[r#"{"dimension":"a","timestamp":"soon"}"#], &[r#"{"dimension":"a","timestamp":"late"}"#], &[None]);
        check(&[r#"{"dimension":"a","timestamp":"soon"}"#], &[r#"{"dimension":"a","timestamp":"soon"}"#], &[Some(0)]);
        check(&[r#"{"dimension":"a","timestamp":0}"#], &[r#"{"dimension":"a","timestamp":"late"}"#], &[None]);
    }

    #[test]
    fn a_record_takes_the_answer_that_is_spelled_like_it() {
        let (java, iso) = (
            r#"{"timestamp":"Jan 2, 2025 3:00:00 AM","dimension":"d","quantity":7}"#,
            r#"{"timestamp":"2025-01-02T03:00:00Z","dimension":"d","quantity":7}"#,
        );
        check(&[java, iso], &[iso, java], &[Some(1), Some(0)]);
        check(&[java, iso], &[iso], &[None, Some(0)]);
        check(&[java, java, iso], &[iso, java], &[Some(1), None, Some(0)]);
        let turned = |record: &str| record.replace(r#","quantity":7}"#, "}").replacen('{', r#"{ "quantity" : 7,"#, 1);
        check(&[java, iso], &[&turned(iso), &turned(java)], &[Some(1), Some(0)]);
        // The order of members tells two apart that are equal otherwise.
        check(&[java, &turned(java)], &[&turned(java), java], &[Some(1), Some(0)]);
        let decimal = |record: &str| record.replace("7}", "7.0}");
        check(&[&decimal(iso), iso], &[iso, &decimal(iso)], &[Some(1), Some(0)]);
        // Where the response spells something in another way, the rest of the text tells.
        check(&[java, iso], &[&decimal(iso), &decimal(java)], &[Some(1), Some(0)]);
        let unknown = |value: u8| format!(r#"{{"dimension":"d","x":{value}}}"#);
        check(&[&unknown(1), &unknown(2)], &[r#"{"x":2,"dimension":"d"}"#], &[None, Some(0)]);
        let sdk = |record: &str| record.replace("timestamp", "Timestamp").replace("dimension", "Dimension");
        check(&[java, iso], &[&sdk(iso), &sdk(java)], &[Some(1), Some(0)]);
        let short = |record: &str| record.replace(r#","quantity":7"#, "");
        check(&[java, iso], &[&short(iso), &short(java)], &[Some(1), Some(0)]);
        check(&[r#"{"dimension":"\u0061"}"#, r#"{"dimension":"a"}"#], &[r#"{"dimension":"a"}"#], &[None, Some(0)]);
    }

    #[test]
    fn an_equal_answer_goes_before_a_compatible_one() {
        let (full, bare) = (r#"{"dimension":"a","quantity":1}"#, r#"{"dimension":"a"}"#);
        check(&[full, bare], &[bare, full], &[Some(1), Some(0)]);
        check(&[full, full], &[bare, full], &[Some(1), Some(0)]);
        check(&[bare], &[full], &[Some(0)]);
    }

    #[test]
    fn compatible_needs_a_dimension_on_both_sides() {
        check(&[r#"{"quantity":1}"#], &[r#"{"quantity":1,"licenseArn":"l"}"#], &[None]);
        check(&[r#"{"dimension":"a","quantity":1}"#], &[r#"{"quantity":1}"#], &[None]);
        check(&[r#"{"dimension":"a","quantity":1}"#], &[r#"{"dimension":"a","quantity":2}"#], &[None]);
        check(&[r#"{"dimension":"a","licenseArn":"l"}"#], &[r#"{"dimension":"a","timestamp":5}"#], &[Some(0)]);
        check(&["{}"], &["{}"], &[Some(0)]);
    }

    #[test]
    fn allocations_are_compared_by_value() {
        let record = |list: &str| format!(r#"{{"dimension":"a","usageAllocations":{list}}}"#);
        let (one, same, other) = (
            record(r#"[{"allocatedUsageQuantity":1}]"#),
            record(r#"[{"tags":null,"allocatedUsageQuantityAsDecimal":"1.0"}]"#),
            record(r#"[{"allocatedUsageQuantity":2}]"#),
        );
        check(&[&one], &[&other, &same], &[Some(1)]);
        check(&[&one], &[&other], &[None]);
        check(&[&record("[]")], &[r#"{"dimension":"a"}"#], &[Some(0)]);
    }
}
