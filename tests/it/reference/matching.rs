//! Which response record answers which request record. Nothing promises that AWS answers in order, and two records of
//! one request may be alike, so this is a multiset match.

use std::iter::zip;

use super::Value;
use super::usage_record::UsageRecord;

/// For each request record the position of the response record that answers it. Response records come in the order
/// results, then unprocessed; each answers once, and one that identifies no record answers none.
///
/// Equal records are paired first, the most alike before others, and of equally alike ones the first. The remaining ones
/// that may be the same, with fewer members, are paired so that as many as possible have an answer.
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
    let open: Vec<usize> = (0..requests.len()).filter(|request| answers[*request].is_none()).collect();
    let free: Vec<usize> = (0..responses.len()).filter(|response| !answers.contains(&Some(*response))).collect();
    let worth = |(row, column): (usize, usize)| {
        let (common, different) = likeness(&requests[open[row]], &responses[free[column]])?;
        // In this order: an answer exists, many members agree, few are spelled differently, and the first record has the first
        // answer, the second the first that is left, and so on.
        let mut worth = vec![1, common, -different];
        worth.extend((0..open.len()).map(|other| if other == row { as_i64(free.len() - column) } else { 0 }));
        Some(worth)
    };
    for (row, column) in best_pairs(open.len(), free.len(), worth) {
        answers[open[row]] = Some(free[column]);
    }
    answers
}

fn as_i64(number: usize) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// A sequence of exchanges: the gain, and the pairs that are made and given up in turn.
type Chain = (Vec<i64>, Vec<(usize, usize)>);

/// The pairs of rows and columns whose worth adds up to the most; `None` is no pair. Worths are compared from the left.
///
/// Pairs are added one at a time along the chain of exchanges with the highest gain (Bellman and Ford).
fn best_pairs(rows: usize, columns: usize, worth: impl Fn((usize, usize)) -> Option<Vec<i64>>) -> Vec<(usize, usize)> {
    let sum = |left: &[i64], right: &[i64], sign: i64| -> Vec<i64> {
        zip(left, right).map(|(left, right)| left + sign * right).collect()
    };
    let all = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let possible: Vec<_> = all.filter_map(|pair| Some((pair, worth(pair)?))).collect();
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    loop {
        // For each row and column the chain up to it with the highest gain.
        let mut to_row: Vec<Option<Chain>> = (0..rows)
            .map(|row| chosen.iter().all(|pair| pair.0 != row).then(|| (vec![0; 3 + rows], Vec::new())))
            .collect();
        let mut to_column: Vec<Option<Chain>> = vec![None; columns];
        let mut changed = true;
        while changed {
            changed = false;
            for (pair, worth) in &possible {
                let is_chosen = chosen.contains(pair);
                let (from, to, sign) = if is_chosen {
                    (&to_column[pair.1], &to_row[pair.0], -1)
                } else {
                    (&to_row[pair.0], &to_column[pair.1], 1)
                };
                let Some((gain, chain)) = from else { continue };
                let gain = sum(gain, worth, sign);
                if to.as_ref().is_none_or(|(known, _)| *known < gain) {
                    let reached = Some((gain, [chain.as_slice(), &[*pair]].concat()));
                    *(if is_chosen { &mut to_row[pair.0] } else { &mut to_column[pair.1] }) = reached;
                    changed = true;
                }
            }
        }
        let is_free = |column: &usize| chosen.iter().all(|pair| pair.1 != *column);
        let best = (0..columns).filter(is_free).filter_map(|column| to_column[column].clone()).max();
        let Some((_, chain)) = best else { return chosen };
        for pair in chain {
            if chosen.contains(&pair) {
                chosen.retain(|other| *other != pair);
            } else {
                chosen.push(pair);
            }
        }
    }
}

/// How much two equal records differ, `None` when they are not equal.
fn difference(request: &UsageRecord, response: &UsageRecord) -> Option<usize> {
    if request.text.is_some() && request.text == response.text {
        return Some(0);
    }
    let (one, two) = (&request.spelling, &response.spelling);
    // Records without a comparable value are the same only if all else is equal.
    let says_something = COMPARED.iter().any(|column| request.columns.contains_key(*column));
    let is_same = says_something || (one.others.is_some() && one == two);
    (is_same && are_equal(request, response)).then(|| {
        let differ = [
            one.time != two.time,
            one.quantity != two.quantity,
            one.allocations != two.allocations,
            request.columns.get("usage_allocations") != response.columns.get("usage_allocations"),
            one.others != two.others,
        ];
        1 + differ.into_iter().filter(|differs| *differs).count()
    })
}

/// The number of values that two compatible records have in common, and how many of them are spelled differently.
fn likeness(request: &UsageRecord, response: &UsageRecord) -> Option<(i64, i64)> {
    if !are_compatible(request, response) {
        return None;
    }
    let is_common = |column: &&&str| matches!(values(column, request, response), (Some(_), Some(_)));
    let (one, two) = (&request.spelling, &response.spelling);
    let in_order = |record: &UsageRecord| record.columns.get("usage_allocations").cloned();
    let differ = [
        one.time.is_some() && two.time.is_some() && one.time != two.time,
        one.quantity.is_some() && two.quantity.is_some() && one.quantity != two.quantity,
        one.allocations.is_some() && two.allocations.is_some() && one.allocations != two.allocations,
        in_order(request).is_some() && in_order(response).is_some() && in_order(request) != in_order(response),
    ];
    let different = differ.into_iter().filter(|differs| *differs).count();
    Some((as_i64(COMPARED.iter().filter(is_common).count()), as_i64(different)))
}

/// Every member that distinguishes records, by column. The instant goes with its text.
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
        (Some(left), Some(right)) => in_any_order(left) == in_any_order(right),
        (None, None) => true,
        _ => false,
    })
}

/// The response may leave members out, or have more than the request; but they have the same dimension.
fn are_compatible(left: &UsageRecord, right: &UsageRecord) -> bool {
    COMPARED.iter().all(|column| match values(column, left, right) {
        (Some(left), Some(right)) => in_any_order(left) == in_any_order(right),
        _ => *column != "dimension",
    })
}

/// The order of allocations and of their tags has no meaning.
fn in_any_order(value: &Value) -> Value {
    let Value::Allocations(allocations) = value else { return value.clone() };
    let mut allocations = allocations.clone();
    for tags in allocations.iter_mut().flatten().filter_map(|allocation| allocation.tags.as_mut()) {
        tags.sort_unstable();
    }
    allocations.sort_unstable();
    Value::Allocations(allocations)
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
        // The order of members distinguishes two that are equal otherwise.
        check(&[java, &turned(java)], &[&turned(java), java], &[Some(1), Some(0)]);
        let decimal = |record: &str| record.replace("7}", "7.0}");
        check(&[&decimal(iso), iso], &[iso, &decimal(iso)], &[Some(1), Some(0)]);
        // Where the response spells something differently, the rest of the text decides.
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
    fn an_answer_with_more_members_goes_before_one_with_fewer() {
        let record = |customer: &str| {
            format!(
                r#"{{"timestamp":"2025-03-01T00:00:00Z","customerIdentifier":"{customer}","dimension":"d","quantity":1}}"#
            )
        };
        let (a, b) = (record("c1"), record("c2"));
        let no_quantity = a.replace(r#","quantity":1"#, "");
        check(&[&a, &b], &[r#"{"dimension":"d"}"#, &no_quantity], &[Some(1), Some(0)]);
        check(&[&b, &a], &[r#"{"dimension":"d"}"#, &no_quantity], &[Some(0), Some(1)]);
        check(&[&a, &b], &[&no_quantity, r#"{"dimension":"d"}"#], &[Some(0), Some(1)]);
        check(&[&a, &b], &[r#"{"dimension":"d"}"#, r#"{"dimension":"d"}"#], &[Some(0), Some(1)]);
        check(&[&a, &a, &b], &[&no_quantity, r#"{"dimension":"d","quantity":1}"#], &[Some(0), Some(1), None]);
    }

    #[test]
    fn no_record_stays_without_an_answer_needlessly() {
        // The first answer agrees most with the first record; but the second answer fits that one only.
        check(
            &[r#"{"dimension":"d","customerIdentifier":"c","quantity":1}"#, r#"{"dimension":"d","licenseArn":"l"}"#],
            &[
                r#"{"dimension":"d","customerIdentifier":"c","quantity":1,"timestamp":0}"#,
                r#"{"dimension":"d","customerIdentifier":"c","licenseArn":"m"}"#,
            ],
            &[Some(1), Some(0)],
        );
        // A chain of three.
        let asked = |quantity: u8, license: &str| {
            format!(r#"{{"dimension":"d","quantity":{quantity},"licenseArn":"{license}"}}"#)
        };
        check(
            &[&asked(1, "a"), &asked(1, "b"), &asked(2, "b")],
            &[r#"{"dimension":"d","quantity":1}"#, r#"{"dimension":"d","licenseArn":"b"}"#, r#"{"dimension":"d"}"#],
            &[Some(0), Some(1), Some(2)],
        );
        check(
            &[&asked(1, "b"), &asked(1, "a"), &asked(2, "b")],
            &[r#"{"dimension":"d","licenseArn":"b"}"#, r#"{"dimension":"d","quantity":1}"#, r#"{"dimension":"e"}"#],
            &[Some(0), Some(1), None],
        );
    }

    #[test]
    fn an_empty_answer_answers_nothing() {
        let a = r#"{"dimension":"a"}"#;
        check(&["null", a], &["null", "{}"], &[None, None]);
        check(&["{}", a], &["null"], &[None, None]);
        check(&["7", a], &[r#""x""#, "{}"], &[None, None]);
        check(&[r#"{"x":1}"#, "{ }"], &[r#"{"x":2}"#, "{}"], &[None, Some(1)]);
        check(&["7", r#"{"x":1}"#], &[r#"{"x": 1}"#, "7"], &[Some(1), Some(0)]);
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
        let three = |quantities: [u8; 3], keys: [&str; 2]| {
            let [tag, other] = keys.map(|key| format!(r#"{{"key":"{key}","value":"v"}}"#));
            let allocation =
                |quantity: u8| format!(r#"{{"allocatedUsageQuantity":{quantity},"tags":[{tag},{other}]}}"#);
            record(&format!("[{}]", quantities.map(allocation).join(",")))
        };
        let (one, turned) = (three([1, 2, 2], ["k", "l"]), three([2, 1, 2], ["k", "l"]));
        check(&[&one], &[&three([1, 1, 2], ["k", "l"]), &turned], &[Some(1)]);
        check(&[&one], &[&three([1, 2, 2], ["l", "k"])], &[Some(0)]);
        check(&[&one, &turned], &[&turned, &one], &[Some(1), Some(0)]);
        // Text, then value, then value in any order.
        let spelled = |record: &str| record.replace("Quantity\":1", "Quantity\":1.0");
        check(&[&one], &[&turned, &spelled(&one)], &[Some(1)]);
        check(&[&one, &turned], &[&spelled(&turned), &spelled(&one)], &[Some(1), Some(0)]);
        let short = |record: &str| record.replacen('{', r#"{"quantity":1,"#, 1);
        check(&[&short(&one), &short(&turned)], &[&spelled(&turned), &spelled(&one)], &[Some(1), Some(0)]);
    }
}
