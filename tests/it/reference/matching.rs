//! Which response record answers which request record. Nothing promises that AWS answers in order, and two records of
//! one request may be alike, so this is a multiset match.

use super::Value;
use super::usage_record::UsageRecord;

/// For each request record the position of the response record that answers it. Response records come in the order
/// results, then unprocessed; each answers once.
pub fn answers(requests: &[UsageRecord], responses: &[UsageRecord]) -> Vec<Option<usize>> {
    let mut answers: Vec<Option<usize>> = vec![None; requests.len()];
    let agreements: [fn(&UsageRecord, &UsageRecord) -> bool; 2] = [are_equal, are_compatible];
    for agrees in agreements {
        for (request, record) in requests.iter().enumerate() {
            if answers[request].is_some() {
                continue;
            }
            answers[request] = (0..responses.len())
                .find(|&response| !answers.contains(&Some(response)) && agrees(record, &responses[response]));
        }
    }
    answers
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
