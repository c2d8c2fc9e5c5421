//! The fast path of a metering call: its request and response, read while the event is walked over.
//!
//! In: a cursor at the value of `requestParameters` or `responseElements`. Out: records and their answers, as from a tape.
//! Never: an answer for what is unusual in any way: escapes, unknown or doubled members, quantities that cannot be kept, a
//! response before its request, an answer that repeats no record byte for byte. The parser reads those calls.
//!
//! A result repeats the record that it is about, nearly always with the same bytes in the same order, so that the record
//! is read once and its echo compared.

use super::metering::{Allocation, Tag, UsageRecord, UsageTime};
use super::{decimal, timestamp};
use crate::json::cursor::{Cursor, Token};
use crate::model::Outcome;

/// Records that are looked at for an answer before the parser takes over: a real call has 25 at most.
const MOST_RECORDS: usize = 64;

/// A call of `BatchMeterUsage`.
#[derive(Default)]
pub(crate) struct FastCall<'t> {
    pub(super) product_code: Option<&'t str>,
    pub(super) records: Vec<FastRecord<'t>>,
    /// Whether the request was read.
    pub(crate) has_request: bool,
    /// Records before this one are answered.
    first_open: usize,
}

/// A record of the request, and what the response says about it.
pub(super) struct FastRecord<'t> {
    text: &'t str,
    pub(super) record: UsageRecord<'t>,
    pub(super) answer: Option<FastAnswer<'t>>,
}

/// What a response says about a record.
#[derive(Clone, Copy)]
pub(super) struct FastAnswer<'t> {
    pub(super) outcome: Outcome,
    pub(super) status: Option<&'t str>,
    pub(super) metering_record_id: Option<&'t str>,
}

impl<'t> FastCall<'t> {
    /// Makes ready for another event.
    pub(super) fn clear(&mut self) {
        self.product_code = None;
        self.records.clear();
        self.has_request = false;
        self.first_open = 0;
    }

    /// Reads the request.
    pub(super) fn read_request(&mut self, cursor: &mut Cursor<'t, '_>) -> Option<()> {
        let mut has_records = false;
        cursor.object(|cursor, name| {
            match name {
                "usageRecords" if !has_records => {
                    has_records = true;
                    cursor.array(|cursor| self.read_record(cursor))?;
                }
                "productCode" if self.product_code.is_none() => self.product_code = Some(text(cursor)?),
                _ => return None,
            }
            Some(())
        })?;
        self.has_request = has_records;
        has_records.then_some(())
    }

    /// Reads the response, which may be null.
    pub(super) fn read_response(&mut self, cursor: &mut Cursor<'t, '_>) -> Option<()> {
        if cursor.rest().starts_with("null") {
            return cursor.value().map(drop);
        }
        if !self.has_request {
            return None;
        }
        let (mut has_results, mut has_unprocessed) = (false, false);
        cursor.object(|cursor, name| match name {
            // Unprocessed records come last, whichever member stands first.
            "results" if !has_results && !has_unprocessed => {
                has_results = true;
                cursor.array(|cursor| self.read_result(cursor))
            }
            "unprocessedRecords" if !has_unprocessed => {
                has_unprocessed = true;
                cursor.array(|cursor| {
                    let about = self.echo(cursor)?;
                    let answer = FastAnswer { outcome: Outcome::Unprocessed, status: None, metering_record_id: None };
                    self.records[about].answer = Some(answer);
                    Some(())
                })
            }
            _ => None,
        })
    }

    fn read_record(&mut self, cursor: &mut Cursor<'t, '_>) -> Option<()> {
        let start = cursor.place();
        let mut record = UsageRecord::default();
        let mut units = Units::default();
        cursor.object(|cursor, name| match name {
            "dimension" => set(&mut record.dimension, text(cursor)?),
            "timestamp" => {
                let text = number_or_text(cursor)?;
                let last = self.records.last().and_then(|last| last.record.time);
                let time = last.filter(|last| last.text == text);
                let read = || UsageTime { epoch_ms: timestamp::parse_usage(text), text };
                set(&mut record.time, time.unwrap_or_else(read))
            }
            "customerIdentifier" => set(&mut record.customer_identifier, text(cursor)?),
            "customerAWSAccountId" | "customerAWSAccountID" => set(&mut record.customer_aws_account_id, text(cursor)?),
            "licenseArn" => set(&mut record.license_arn, text(cursor)?),
            "quantity" => set(&mut units.plain, quantity(cursor)?),
            "quantityAsDecimal" => set(&mut units.as_decimal, quantity(cursor)?),
            "usageAllocations" => {
                let mut allocations = Vec::new();
                cursor.array(|cursor| {
                    allocations.push(read_allocation(cursor)?);
                    Some(())
                })?;
                set(&mut record.allocations, allocations)
            }
            _ => None,
        })?;
        record.quantity = units.value();
        self.records.push(FastRecord { text: cursor.since(start), record, answer: None });
        units.is_one().then_some(())
    }

    fn read_result(&mut self, cursor: &mut Cursor<'t, '_>) -> Option<()> {
        let (mut about, mut metering_record_id, mut status) = (None, None, None);
        cursor.object(|cursor, name| match name {
            "usageRecord" => set(&mut about, self.echo(cursor)?),
            "meteringRecordId" => set(&mut metering_record_id, text(cursor)?),
            "status" => set(&mut status, text(cursor)?),
            _ => None,
        })?;
        let answer = FastAnswer { outcome: Outcome::of_status(status), status, metering_record_id };
        self.records[about?].answer = Some(answer);
        Some(())
    }

    /// Takes a record that repeats one of the request: the position of the first one that has no answer yet.
    fn echo(&mut self, cursor: &mut Cursor<'t, '_>) -> Option<usize> {
        let rest = cursor.rest();
        // Answered ones count, too: one record without an answer must not make all later answers pass over all earlier ones.
        let mut near = (self.first_open..self.records.len()).take(MOST_RECORDS);
        let about = near.find(|at| {
            let record = &self.records[*at];
            record.answer.is_none() && rest.starts_with(record.text)
        })?;
        cursor.skip(self.records[about].text.len());
        if about == self.first_open {
            self.first_open += 1;
        }
        Some(about)
    }
}

/// Sets what has not been set before.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Takes a string without escapes.
fn text<'t>(cursor: &mut Cursor<'t, '_>) -> Option<&'t str> {
    let text = cursor.string()?;
    cursor.plain(text)
}

/// Takes a number, or a string without escapes.
fn number_or_text<'t>(cursor: &mut Cursor<'t, '_>) -> Option<&'t str> {
    match cursor.value()? {
        Token::String(text) => cursor.plain(text),
        Token::Word("true" | "false" | "null") | Token::Container => None,
        Token::Word(number) => Some(number),
    }
}

/// Takes a quantity, in millionths.
fn quantity(cursor: &mut Cursor<'_, '_>) -> Option<i128> {
    decimal::parse_quantity(number_or_text(cursor)?)
}

/// A quantity in two members, which must agree where both are there.
#[derive(Default)]
struct Units {
    plain: Option<i128>,
    as_decimal: Option<i128>,
}

impl Units {
    fn value(&self) -> Option<i128> {
        self.as_decimal.or(self.plain)
    }

    fn is_one(&self) -> bool {
        self.plain.is_none() || self.plain == self.value()
    }
}

fn read_allocation<'t>(cursor: &mut Cursor<'t, '_>) -> Option<Allocation<'t>> {
    let mut allocation = Allocation::default();
    let mut units = Units::default();
    cursor.object(|cursor, name| match name {
        "allocatedUsageQuantity" => set(&mut units.plain, quantity(cursor)?),
        "allocatedUsageQuantityAsDecimal" => set(&mut units.as_decimal, quantity(cursor)?),
        "tags" => {
            let mut tags = Vec::new();
            cursor.array(|cursor| {
                tags.push(read_tag(cursor)?);
                Some(())
            })?;
            set(&mut allocation.tags, tags)
        }
        _ => None,
    })?;
    allocation.quantity = units.value();
    units.is_one().then_some(allocation)
}

fn read_tag<'t>(cursor: &mut Cursor<'t, '_>) -> Option<Tag<'t>> {
    let (mut key, mut value) = (None, None);
    cursor.object(|cursor, name| match name {
        "key" => set(&mut key, text(cursor)?),
        "value" => set(&mut value, text(cursor)?),
        _ => None,
    })?;
    Some(Some((key, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::bitmap::StringBitmap;

    /// The outcomes of the records of a call; `None` when it is one for the parser.
    fn outcomes(request: &str, response: &str) -> Option<Vec<Option<Outcome>>> {
        let mut call = FastCall::default();
        let mut bitmap = StringBitmap::default();
        let mut cursor = Cursor::new(request, &mut bitmap);
        call.read_request(&mut cursor)?;
        assert!(cursor.is_at_end());
        let mut cursor = Cursor::new(response, &mut bitmap);
        call.read_response(&mut cursor)?;
        assert!(cursor.is_at_end());
        Some(call.records.iter().map(|record| record.answer.map(|answer| answer.outcome)).collect())
    }

    /// A request of records of these quantities.
    fn request(quantities: &[u32]) -> String {
        let records: Vec<String> = quantities.iter().map(|quantity| record(*quantity)).collect();
        format!(r#"{{"usageRecords":[{}],"productCode":"p"}}"#, records.join(","))
    }

    fn record(quantity: u32) -> String {
        format!(
            r#"{{"dimension":"d","timestamp":"Apr 19, 2018 4:32:50 PM","customerAWSAccountID":"1","quantity":{quantity}}}"#
        )
    }

    fn result(quantity: u32, status: &str) -> String {
        format!(r#"{{"usageRecord":{},"meteringRecordId":"m","status":"{status}"}}"#, record(quantity))
    }

    #[test]
    fn answers_find_the_first_record_that_they_repeat() {
        let response = format!(
            r#"{{"results":[{},{},{}],"unprocessedRecords":[{}]}}"#,
            result(2, "DuplicateRecord"),
            result(1, "Success"),
            result(1, "CustomerNotSubscribed"),
            record(2)
        );
        let found = outcomes(&request(&[1, 2, 1, 3, 2]), &response);
        let expected = [
            Some(Outcome::Success),
            Some(Outcome::DuplicateRecord),
            Some(Outcome::CustomerNotSubscribed),
            None,
            Some(Outcome::Unprocessed),
        ];
        assert_eq!(found.as_deref(), Some(expected.as_slice()));
        assert_eq!(outcomes(&request(&[1]), "null"), Some(vec![None]));
        assert_eq!(outcomes(&request(&[]), r#"{"results":[]}"#), Some(Vec::new()));
    }

    #[test]
    fn what_is_unusual_is_for_the_parser() {
        for request in [
            "null",
            r#"{"productCode":"p"}"#,
            r#"{"usageRecords":null}"#,
            r#"{"usageRecords":[null]}"#,
            r#"{"usageRecords":[],"usageRecords":[]}"#,
            r#"{"usageRecords":[],"productCode":1}"#,
            r#"{"usageRecords":[],"omitted":true}"#,
            r#"{"UsageRecords":[]}"#,
            r#"{"usageRecords":[{"dimension":"a","dimension":"a"}]}"#,
            r#"{"usageRecords":[{"dimension":"\u0061"}]}"#,
            r#"{"usageRecords":[{"quantity":1,"quantityAsDecimal":"2"}]}"#,
            r#"{"usageRecords":[{"quantity":0.0000001}]}"#,
            r#"{"usageRecords":[{"customerAWSAccountId":"1","customerAWSAccountID":"1"}]}"#,
            r#"{"usageRecords":[{"usageAllocations":[null]}]}"#,
            r#"{"usageRecords":[{"usageAllocations":[{"tags":[{"key":"k","other":1}]}]}]}"#,
        ] {
            assert_eq!(outcomes(request, "null"), None, "{request}");
        }
        for response in [
            r#"{"results":null}"#.to_owned(),
            r#"{"results":[null]}"#.to_owned(),
            r#"{"results":[{"status":"Success"}]}"#.to_owned(),
            format!(r#"{{"results":[{}]}}"#, result(2, "Success")),
            format!(r#"{{"results":[{},{}]}}"#, result(1, "Success"), result(1, "Success")),
            format!(r#"{{"unprocessedRecords":[{}],"results":[]}}"#, record(1)),
            format!(r#"{{"results":[],"unprocessedRecords":[{}],"other":1}}"#, record(1)),
        ] {
            assert_eq!(outcomes(&request(&[1]), &response), None, "{response}");
        }
    }

    #[test]
    fn an_answer_is_looked_for_among_few_records() {
        let response = |count: u32| {
            let results: Vec<String> = (1..count).map(|quantity| result(quantity, "Success")).collect();
            format!(r#"{{"results":[{}]}}"#, results.join(","))
        };
        // The first record has no answer.
        let all: Vec<u32> = (0..200).collect();
        assert!(outcomes(&request(&all[..64]), &response(64)).is_some());
        assert_eq!(outcomes(&request(&all), &response(200)), None);
    }

    #[test]
    fn quantities_and_allocations_are_kept() {
        let request = r#"{"usageRecords":[{"quantity":2,"quantityAsDecimal":"2.0","timestamp":5,"usageAllocations":[{"allocatedUsageQuantity":1,"tags":[{"key":"k","value":"v"},{}]},{}]}]}"#;
        let mut bitmap = StringBitmap::default();
        let mut call = FastCall::default();
        call.read_request(&mut Cursor::new(request, &mut bitmap)).unwrap();
        let record = &call.records[0].record;
        assert_eq!((record.quantity, record.time.map(|time| time.text)), (Some(2_000_000), Some("5")));
        let tags = Some(vec![Some((Some("k"), Some("v"))), Some((None, None))]);
        let first = Allocation { is_null: false, quantity: Some(1_000_000), tags };
        assert_eq!(record.allocations, Some(vec![first, Allocation::default()]));
    }
}
