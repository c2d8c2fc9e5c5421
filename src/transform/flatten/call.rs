//! A metering call as it stands in an event: its request, its records, its answers.
//!
//! In: the members `requestParameters` and `responseElements`. Out: records, answers, and what all rows of the call
//! share. Never: writes a row.

use super::metering::{self, Record, Source};
use super::name::Name;
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
    /// The record that it is about, when it says that.
    pub(super) record: Option<Source<'t>>,
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
pub(super) struct Request<'t> {
    pub(super) source: Source<'t>,
    pub(super) record: Record<'t>,
}

/// The records of a request, `None` when it shows none: not the same as an empty list.
pub(super) fn read_requests<'t>(request: Option<Member<'t>>, common: &mut CallFields<'t>) -> Option<Vec<Request<'t>>> {
    let mut requests = None;
    let request = object_of(request, &mut common.unmapped_request);
    for member in request.into_iter().flat_map(Value::members).filter(|member| !member.value().is_null()) {
        let fits = match Name::of(member.name()) {
            Some(Name::ProductCode) => metering::take_text(&mut common.product_code, member),
            Some(Name::UsageRecords) if member.value().shape() == Shape::Array && requests.is_none() => {
                let sources = Source::list(member, "requestParameters.usageRecords");
                let read = |source: Source<'t>| Request { source, record: source.read() };
                requests = Some(sources.into_iter().map(read).collect());
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

pub(super) fn read_answers<'t>(response: Option<Member<'t>>, common: &mut CallFields<'t>) -> Vec<Answer<'t>> {
    let (mut results, mut unprocessed) = (None, None);
    let response = object_of(response, &mut common.unmapped_response);
    for member in response.into_iter().flat_map(Value::members).filter(|member| !member.value().is_null()) {
        let is_list = member.value().shape() == Shape::Array;
        match Name::of(member.name()) {
            Some(Name::Results) if is_list && results.is_none() => results = Some(read_results(member)),
            Some(Name::UnprocessedRecords) if is_list && unprocessed.is_none() => {
                unprocessed = Some(Source::list(member, "responseElements.unprocessedRecords"));
            }
            _ => common.unmapped_response.add_member("responseElements", member),
        }
    }
    let unprocessed = unprocessed.into_iter().flatten().map(|record| Answer {
        record: Some(record),
        outcome: Outcome::Unprocessed,
        status: None,
        metering_record_id: None,
        unmapped: Unmapped::default(),
    });
    results.into_iter().flatten().chain(unprocessed).collect()
}

/// The results of a list; an element that is no object is kept whole in `unmapped`.
fn read_results(list: Member<'_>) -> Vec<Answer<'_>> {
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

fn read_result(result: Value<'_>) -> Answer<'_> {
    let mut answer = Answer {
        record: None,
        outcome: Outcome::Unknown,
        status: None,
        metering_record_id: None,
        unmapped: Unmapped::default(),
    };
    for member in result.members().filter(|member| !member.value().is_null()) {
        let fits = match Name::of(member.name()) {
            Some(Name::Status) => metering::take_text(&mut answer.status, member),
            Some(Name::MeteringRecordId) => metering::take_text(&mut answer.metering_record_id, member),
            Some(Name::UsageRecord) if member.value().is_object() && answer.record.is_none() => {
                let path = "responseElements.results.usageRecord";
                answer.record = Some(Source::new(member.value(), member.raw(), path));
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
