//! A metering call as it stands in an event: its request, its records, its answers.
//!
//! In: the members `requestParameters` and `responseElements`. Out: records, answers, and what all rows of the call
//! share. Never: writes a row.

use super::metering::{self, Record};
use super::outcome::Outcome;
use super::unmapped::Unmapped;
use crate::transform::tape::{Member, Shape, Value};

/// The request and response of an event.
#[derive(Clone, Copy)]
pub(crate) struct Call<'t> {
    pub(super) request: Option<Member<'t>>,
    pub(super) response: Option<Member<'t>>,
}

impl<'t> Call<'t> {
    pub(crate) fn of(event: Value<'t>) -> Self {
        let member = |name| event.get(name).filter(|member| !member.value().is_null());
        Self { request: member("requestParameters"), response: member("responseElements") }
    }
}

/// An answer of a response.
pub(super) struct Answer<'t> {
    pub(super) record: Record<'t>,
    pub(super) outcome: Outcome,
    pub(super) status: Option<&'t str>,
    pub(super) metering_record_id: Option<&'t str>,
    /// Unknown members of the result itself.
    pub(super) unmapped: Unmapped,
}

/// What all rows of a call have in common.
#[derive(Default)]
pub(super) struct CallFields<'t> {
    pub(super) product_code: Option<&'t str>,
    pub(super) dry_run: Option<bool>,
    pub(super) client_token: Option<&'t str>,
    pub(super) unmapped_request: Unmapped,
    pub(super) unmapped_response: Unmapped,
}

/// CloudTrail replaces a request or response above 100 KB by an object that says so (CloudTrail User Guide, record contents).
pub(super) fn is_placeholder(value: Value<'_>) -> bool {
    let omitted = value.members().find(|member| member.name() == "omitted" && !member.value().is_null());
    omitted.is_some_and(|member| matches!(member.value().shape(), Shape::Boolean(true) | Shape::String("true")))
}

/// The object of a request or response that is one and is there; anything else goes to `unmapped` as a whole.
pub(super) fn object_of<'t>(member: Option<Member<'t>>, unmapped: &mut Unmapped) -> Option<Value<'t>> {
    let member = member?;
    if member.value().is_object() && !is_placeholder(member.value()) {
        return Some(member.value());
    }
    unmapped.add(member.name(), member.raw());
    None
}

/// The records of a request, `None` when it shows none: not the same as an empty list.
pub(super) fn read_requests<'t>(request: Option<Member<'t>>, common: &mut CallFields<'t>) -> Option<Vec<Record<'t>>> {
    let mut requests = None;
    let request = object_of(request, &mut common.unmapped_request);
    for member in request.into_iter().flat_map(Value::members).filter(|member| !member.value().is_null()) {
        let fits = match member.name() {
            "productCode" => metering::take_text(&mut common.product_code, member),
            "usageRecords" if member.value().shape() == Shape::Array && requests.is_none() => {
                requests = Some(read_records(member, "requestParameters.usageRecords"));
                true
            }
            _ => false,
        };
        if !fits {
            common.unmapped_request.add_member("requestParameters", member);
        }
    }
    requests
}

pub(super) fn read_record<'t>(value: Value<'t>, path: &str) -> Record<'t> {
    Record::read(value, path, &metering::BATCH, |_| false)
}

/// The records of a list; an element that is no object is kept whole in `unmapped`.
pub(super) fn read_records<'t>(list: Member<'t>, path: &str) -> Vec<Record<'t>> {
    let mut records: Vec<_> = list.value().elements().map(|value| read_record(value, path)).collect();
    keep_strangers(list, path, records.iter_mut().map(|record| &mut record.unmapped));
    records
}

/// Puts the elements of a list that are neither objects nor null into the `unmapped` of their rows.
pub(super) fn keep_strangers<'r>(list: Member<'_>, path: &str, rows: impl Iterator<Item = &'r mut Unmapped>) {
    if list.value().elements().all(Value::is_object) {
        return;
    }
    for ((value, raw), unmapped) in list.value().elements().zip(list.raw_elements()).zip(rows) {
        if !value.is_object() && !value.is_null() {
            unmapped.add(path, raw);
        }
    }
}

pub(super) fn read_answers<'t>(response: Option<Member<'t>>, common: &mut CallFields<'t>) -> Vec<Answer<'t>> {
    let (mut results, mut unprocessed) = (None, None);
    let response = object_of(response, &mut common.unmapped_response);
    for member in response.into_iter().flat_map(Value::members).filter(|member| !member.value().is_null()) {
        let value = member.value();
        match member.name() {
            "results" if value.shape() == Shape::Array && results.is_none() => {
                let mut answers: Vec<_> = value.elements().map(read_result).collect();
                let rows = answers.iter_mut().map(|answer| &mut answer.unmapped);
                keep_strangers(member, "responseElements.results", rows);
                results = Some(answers);
            }
            "unprocessedRecords" if value.shape() == Shape::Array && unprocessed.is_none() => {
                let records = read_records(member, "responseElements.unprocessedRecords");
                unprocessed = Some(records.into_iter().map(|record| Answer {
                    record,
                    outcome: Outcome::Unprocessed,
                    status: None,
                    metering_record_id: None,
                    unmapped: Unmapped::default(),
                }));
            }
            _ => common.unmapped_response.add_member("responseElements", member),
        }
    }
    results.into_iter().flatten().chain(unprocessed.into_iter().flatten()).collect()
}

pub(super) fn read_result(result: Value<'_>) -> Answer<'_> {
    let mut answer = Answer {
        record: Record::default(),
        outcome: Outcome::Unknown,
        status: None,
        metering_record_id: None,
        unmapped: Unmapped::default(),
    };
    let mut has_record = false;
    for member in result.members().filter(|member| !member.value().is_null()) {
        let fits = match member.name() {
            "status" => metering::take_text(&mut answer.status, member),
            "meteringRecordId" => metering::take_text(&mut answer.metering_record_id, member),
            "usageRecord" if member.value().is_object() && !has_record => {
                has_record = true;
                answer.record = read_record(member.value(), "responseElements.results.usageRecord");
                true
            }
            _ => false,
        };
        if !fits {
            answer.unmapped.add_member("responseElements.results", member);
        }
    }
    answer.outcome = Outcome::of_status(answer.status);
    answer
}

/// What a row has no column for: of the request, of its record, of the response, of its result.
pub(super) fn gather(common: &CallFields<'_>, record: &Unmapped, result: Option<&Unmapped>) -> Unmapped {
    let mut all = common.unmapped_request.clone();
    all.extend(record);
    all.extend(&common.unmapped_response);
    if let Some(result) = result {
        all.extend(result);
    }
    all
}
