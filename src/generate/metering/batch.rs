//! `BatchMeterUsage`. In: a product and random numbers. Out: request and response with every variety seen in trails,
//! the common one dominating, and the number of rows they stand for. Never writes a response record that
//! no request record matches, unless the request is omitted: AWS only answers what it was asked.

use super::frame::Frame;
use super::record::{CustomerForm, MeteringRecord, Product};
use super::spelling::{self, Number, Spelling, Stamps};
use crate::generate::prng::{Prng, word};
use crate::generate::scene::Scene;
use crate::generate::text::{self, put};

/// The API takes at most this many records.
const MAX_RECORDS: u64 = 25;

/// How often, per million calls.
const SHUFFLED: u64 = 30_000;
const TWINS: u64 = 7_000;
const EMPTY: u64 = 400;
const RETRY_ASKED: u64 = 10_000;
const RESULT_MISSING: u64 = 500;
const UNKNOWN_MEMBER: u64 = 1_500;
/// Bodies are omitted for their size: of calls with this many records, so many per million.
const LARGE: usize = 6;
const OMITTED: u64 = 35_000;
/// How often the response is spelled differently from the request.
const ECHO_STAMP: u64 = 12_000;
const ECHO_NUMBER: u64 = 8_000;
const ECHO_CUSTOMER: u64 = 30_000;

/// What the trail shows of a request or response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Whole,
    Null,
    /// The placeholder, with its values as text or not.
    Omitted {
        as_text: bool,
    },
}

/// The records' texts, one after the other.
struct RecordTexts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RecordTexts {
    fn get(&self, record: usize) -> &[u8] {
        let start = if record == 0 { 0 } else { self.ends[record - 1] };
        &self.bytes[start..self.ends[record]]
    }
}

pub(super) fn write(
    scene: &mut Scene<'_>,
    frame: &Frame<'_>,
    product: &Product,
    stamps: &Stamps,
    session: &mut Prng,
    out: &mut Vec<u8>,
) -> u64 {
    frame.write(scene, session, out, |scene, out| {
        let records = draw_records(scene, product);
        let (request, response) = draw_shown(&mut scene.rng, records.len(), frame.failure.is_some());
        let (asked, answered) = draw_spellings(&mut scene.rng, product, stamps);
        let texts = spell(scene, product, &records, asked);
        match request {
            Shown::Whole => write_request(scene, product, &texts, out),
            Shown::Null => put(out, "null"),
            Shown::Omitted { as_text } => {
                write_placeholder(scene, "requestParameters", as_text, out);
            }
        }
        put(out, ",\"responseElements\":");
        match response {
            Shown::Whole if answered == asked => write_response(scene, &texts, out),
            Shown::Whole => {
                let texts = spell(scene, product, &records, answered);
                write_response(scene, &texts, out);
            }
            Shown::Null => put(out, "null"),
            Shown::Omitted { as_text } => {
                write_placeholder(scene, "responseElements", as_text, out);
            }
        }
        if product.customers == CustomerForm::License && scene.rng.percent(25) {
            write_license_map(scene, product, &records, out);
        }
        let count = word(records.len());
        match (request, response) {
            (Shown::Whole, _) => count,
            (_, Shown::Whole) => count.max(1),
            // Nothing is left of the records: one row records that.
            _ => 1,
        }
    })
}

/// Most sellers send a record per call, or a few; the busy ones fill their calls.
fn draw_count(rng: &mut Prng) -> u64 {
    match rng.below(1_000) {
        0..650 => 1,
        650..890 => 2 + rng.below(4),
        890..956 => 6 + rng.below(19),
        _ => MAX_RECORDS,
    }
}

fn draw_records(scene: &mut Scene<'_>, product: &Product) -> Vec<MeteringRecord> {
    let rng = &mut scene.rng;
    if rng.per_million(EMPTY) {
        return Vec::new();
    }
    let hour = |time: i64| time - time.rem_euclid(3_600);
    let base = if product.hourly { hour(scene.time - rng.between(0, 5_400)) } else { scene.time - rng.between(1, 240) };
    // A job that catches up sends several hours in one call.
    let catching_up = rng.percent(8);
    let mut records: Vec<MeteringRecord> = (0..draw_count(rng))
        .map(|_| {
            let time = if catching_up { base - 3_600 * rng.between(0, 5) } else { base };
            MeteringRecord::draw(product, time, rng)
        })
        .collect();
    if records.len() > 1 && rng.per_million(TWINS) {
        let (from, to) = (rng.pick(records.len()), rng.pick(records.len()));
        records[to] = records[from];
    }
    records
}

fn draw_shown(rng: &mut Prng, records: usize, failed: bool) -> (Shown, Shown) {
    if failed {
        // A call that is refused before it is read shows no request.
        return (if rng.percent(20) { Shown::Null } else { Shown::Whole }, Shown::Null);
    }
    if records < LARGE || !rng.per_million(OMITTED) {
        return (Shown::Whole, Shown::Whole);
    }
    let omitted = Shown::Omitted { as_text: rng.percent(40) };
    match rng.below(10) {
        0..5 => (omitted, omitted),
        5..7 => (omitted, Shown::Whole),
        _ => (Shown::Whole, omitted),
    }
}

fn draw_spellings(rng: &mut Prng, product: &Product, stamps: &Stamps) -> (Spelling, Spelling) {
    let number = match rng.below(1_000) {
        _ if product.decimals && rng.percent(8) => Number::DecimalBesideDefault,
        _ if product.decimals => Number::Decimal,
        0..15 => Number::Float,
        15..17 => Number::Exponent,
        _ => Number::Integer,
    };
    let asked = Spelling { customers: product.customers, stamp: stamps.draw(rng), number };
    let mut answered = asked;
    if rng.per_million(ECHO_STAMP) {
        answered.stamp = spelling::any_stamp(rng);
    }
    if rng.per_million(ECHO_NUMBER) && number == Number::Integer {
        answered.number = Number::Float;
    }
    if rng.per_million(ECHO_CUSTOMER) && asked.customers == CustomerForm::IdentifierAndAccount {
        answered.customers = CustomerForm::Identifier;
    }
    (asked, answered)
}

fn spell(scene: &Scene<'_>, product: &Product, records: &[MeteringRecord], spelling: Spelling) -> RecordTexts {
    let mut texts =
        RecordTexts { bytes: Vec::with_capacity(records.len() * 256), ends: Vec::with_capacity(records.len()) };
    for record in records {
        spelling::push_record(scene.trail, product, record, spelling, &mut texts.bytes);
        texts.ends.push(texts.bytes.len());
    }
    texts
}

fn write_request(scene: &mut Scene<'_>, product: &Product, texts: &RecordTexts, out: &mut Vec<u8>) {
    put(out, "{\"usageRecords\":[");
    for record in 0..texts.ends.len() {
        if record > 0 {
            out.push(b',');
        }
        out.extend_from_slice(texts.get(record));
    }
    out.push(b']');
    // Metering by licence must not name the product.
    if product.customers != CustomerForm::License {
        put(out, ",\"productCode\":\"");
        product.push_code(scene.trail, out);
        out.push(b'"');
    }
    if scene.rng.per_million(UNKNOWN_MEMBER) {
        put(out, ",\"submissionMode\":\"");
        put(out, if scene.rng.percent(50) { "batched" } else { "immediate" });
        out.push(b'"');
    }
    out.push(b'}');
}

fn write_placeholder(scene: &mut Scene<'_>, what: &str, as_text: bool, out: &mut Vec<u8>) {
    put(out, "{\"reason\":\"");
    put(out, what);
    put(
        out,
        if as_text {
            " too large\",\"omitted\":\"true\",\"originalSize\":\""
        } else {
            " too large\",\"omitted\":true,\"originalSize\":"
        },
    );
    // The limit is 100 KB, the API's own 1 MB.
    text::push_decimal(out, 102_401 + scene.rng.below(900_000));
    put(out, if as_text { "\"}" } else { "}" });
}

fn write_response(scene: &mut Scene<'_>, texts: &RecordTexts, out: &mut Vec<u8>) {
    let mut order: Vec<usize> = (0..texts.ends.len()).collect();
    let rng = &mut scene.rng;
    if rng.per_million(SHUFFLED) {
        for left in (1..order.len()).rev() {
            order.swap(left, rng.pick(left + 1));
        }
    }
    if rng.per_million(RESULT_MISSING) {
        order.pop();
    }
    // Records the service could not take now come back bare, to be sent again.
    let troubled = rng.per_million(RETRY_ASKED);
    let returned: Vec<bool> = order.iter().map(|_| troubled && rng.percent(30)).collect();
    put(out, "{\"results\":[");
    let mut first = true;
    for (record, _) in order.iter().zip(&returned).filter(|(_, returned)| !**returned) {
        if !first {
            out.push(b',');
        }
        first = false;
        put(out, "{\"usageRecord\":");
        out.extend_from_slice(texts.get(*record));
        write_verdict(rng, out);
    }
    out.push(b']');
    match rng.below(100) {
        // Absent, null or empty: all three mean that nothing was returned.
        0..8 if !troubled => {}
        8..10 if !troubled => put(out, ",\"unprocessedRecords\":null"),
        _ => {
            put(out, ",\"unprocessedRecords\":[");
            let mut first = true;
            for (record, _) in order.iter().zip(&returned).filter(|(_, returned)| **returned) {
                if !first {
                    out.push(b',');
                }
                first = false;
                out.extend_from_slice(texts.get(*record));
            }
            out.push(b']');
        }
    }
    out.push(b'}');
}

fn write_verdict(rng: &mut Prng, out: &mut Vec<u8>) {
    let (status, accepted) = match rng.below(10_000) {
        0..160 => ("CustomerNotSubscribed", false),
        160..290 => ("DuplicateRecord", false),
        290..292 => ("PendingReview", true),
        _ => ("Success", true),
    };
    // Whether rejected records get an id is not documented: here, some do.
    if accepted || rng.percent(40) {
        put(out, ",\"meteringRecordId\":\"");
        text::push_guid(out, rng, false);
        out.push(b'"');
    }
    put(out, ",\"status\":\"");
    put(out, status);
    put(out, "\"}");
}

/// Where the product of a licence may be found; two of the shapes AWS's own script looks for.
fn write_license_map(scene: &mut Scene<'_>, product: &Product, records: &[MeteringRecord], out: &mut Vec<u8>) {
    let Some(record) = records.first() else {
        return;
    };
    let trail = scene.trail;
    let as_list = scene.rng.percent(30);
    put(
        out,
        if as_list {
            ",\"additionalEventData\":{\"productCodeByLicenseArn\":[{\"licenseArn\":\""
        } else {
            ",\"additionalEventData\":{\"licenseArnToProductCode\":{\""
        },
    );
    product.push_license(trail, record.customer, out);
    put(out, if as_list { "\",\"productCode\":\"" } else { "\":\"" });
    product.push_code(trail, out);
    put(out, if as_list { "\"}]}" } else { "\"}}" });
}
