//! A metering call as it stands in an event: its request, its records, its answers.
//!
//! In: the members `requestParameters` and `responseElements`. Out: records, answers, and what all rows of the call
//! share. Never: writes a row.

use super::metering::{RecordSource, UsageRecord};
use super::name::{Name, pick};
use super::unmapped::Unmapped;
use crate::json::tape::{Member, Shape, Value};
use crate::model::Outcome;

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
pub(super) struct RecordResult<'t> {
    /// The record that it is about, when it says that.
    pub(super) record: Option<RecordSource<'t>>,
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

/// What becomes of a call that shows neither records nor answers: CloudTrail has left them out where it says so, or where it
/// shows no request at all.
pub(super) fn outcome_without_answer(request: Option<Member<'_>>, is_error: bool) -> Outcome {
    match request {
        Some(request) if is_placeholder(request.value()) => Outcome::Omitted,
        _ if is_error => Outcome::RequestError,
        None => Outcome::Omitted,
        Some(_) => Outcome::Unknown,
    }
}

/// A usage record of a request.
pub(super) struct RequestRecord<'t> {
    pub(super) source: RecordSource<'t>,
    pub(super) record: UsageRecord<'t>,
}

/// Members that are wanted of an object, and what their values must be.
type ExpectedMembers<const N: usize> = [(Name, fn(Value<'_>) -> bool); N];

fn is_text(value: Value<'_>) -> bool {
    value.text().is_some()
}

fn is_object(value: Value<'_>) -> bool {
    value.is_object()
}

fn is_list(value: Value<'_>) -> bool {
    matches!(value.shape(), Shape::Array)
}

/// For each wanted member the one that counts, when the object has some; all other members go to `unmapped`.
fn take_members<'t, const N: usize>(
    object: Value<'t>,
    wanted: ExpectedMembers<N>,
    path: &str,
    unmapped: &mut Unmapped,
) -> [Option<Member<'t>>; N] {
    let members = || object.members().filter(|member| !member.value().is_null());
    let mut found = [None; N];
    // As AWS writes it, there is nothing to choose from, and nothing else.
    let is_usual = members().all(|member| {
        let name = Name::usual(member.name());
        let at = wanted.iter().position(|(wanted, fits)| name == Some(*wanted) && fits(member.value()));
        at.is_some_and(|at| found[at].replace(member).is_none())
    });
    if !is_usual {
        found = wanted.map(|(name, fits)| pick(object, name, fits));
        members()
            .filter(|member| !found.iter().flatten().any(|found| found.is(*member)))
            .for_each(|member| unmapped.add_member(path, member));
    }
    found
}

/// The text of a member that has been taken.
fn text_of(member: Option<Member<'_>>) -> Option<&str> {
    member.and_then(|member| member.value().text())
}

/// The records of a request, `None` when it shows none: not the same as an empty list.
pub(super) fn read_requests<'t>(
    request: Option<Member<'t>>,
    common: &mut CallFields<'t>,
) -> Option<Vec<RequestRecord<'t>>> {
    let request = object_of(request, &mut common.unmapped_request)?;
    let wanted: ExpectedMembers<2> = [(Name::ProductCode, is_text), (Name::UsageRecords, is_list)];
    let [product_code, records] = take_members(request, wanted, "requestParameters", &mut common.unmapped_request);
    common.product_code = text_of(product_code);
    let sources = RecordSource::list(records?, "requestParameters.usageRecords");
    Some(sources.into_iter().map(|source| RequestRecord { source, record: source.read() }).collect())
}

pub(super) fn read_answers<'t>(response: Option<Member<'t>>, common: &mut CallFields<'t>) -> Vec<RecordResult<'t>> {
    let Some(response) = object_of(response, &mut common.unmapped_response) else { return Vec::new() };
    let wanted: ExpectedMembers<2> = [(Name::Results, is_list), (Name::UnprocessedRecords, is_list)];
    let [results, unprocessed] = take_members(response, wanted, "responseElements", &mut common.unmapped_response);
    let unprocessed = unprocessed.map(|list| RecordSource::list(list, "responseElements.unprocessedRecords"));
    let unprocessed = unprocessed.into_iter().flatten().map(|source| RecordResult {
        record: Some(source).filter(|source| !source.value.is_null()),
        outcome: Outcome::Unprocessed,
        status: None,
        metering_record_id: None,
        unmapped: Unmapped::default(),
    });
    results.map(read_results).into_iter().flatten().chain(unprocessed).collect()
}

/// The identifier in the response of `MeterUsage`.
pub(super) fn read_metering_record_id<'t>(
    response: Option<Member<'t>>,
    common: &mut CallFields<'t>,
) -> Option<&'t str> {
    let response = object_of(response, &mut common.unmapped_response)?;
    let wanted: ExpectedMembers<1> = [(Name::MeteringRecordId, is_text)];
    let [id] = take_members(response, wanted, "responseElements", &mut common.unmapped_response);
    text_of(id)
}

/// The results of a list; an element that is no object is kept whole in `unmapped`.
fn read_results(list: Member<'_>) -> Vec<RecordResult<'_>> {
    let mut answers: Vec<_> = list.value().elements().map(read_result).collect();
    if !list.value().elements().all(Value::is_object) {
        for ((value, raw), answer) in list.value().elements().zip(list.raw_elements()).zip(&mut answers) {
            if !value.is_object() && !value.is_null() {
                answer.unmapped.add("responseElements.results", raw);
            }
        }
    }
    answers
}

fn read_result(result: Value<'_>) -> RecordResult<'_> {
    let mut unmapped = Unmapped::default();
    let wanted: ExpectedMembers<3> =
        [(Name::UsageRecord, is_object), (Name::MeteringRecordId, is_text), (Name::Status, is_text)];
    let [record, id, status] = take_members(result, wanted, "responseElements.results", &mut unmapped);
    let status = text_of(status);
    let path = "responseElements.results.usageRecord";
    RecordResult {
        record: record.map(|record| RecordSource::new(record.value(), record.raw(), path)),
        outcome: Outcome::of_status(status),
        status,
        metering_record_id: text_of(id),
        unmapped,
    }
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
