//! Calls of the AWS Marketplace Metering Service. In: a scene in a seller's account. Out: the event appended, and how
//! many rows of usage records a converter must make of it. Never spells a record itself: that is [`spelling`].

mod batch;
mod record;
mod spelling;

use super::Mix;
use super::envelope::{self, Call, put};
use super::identity::{Callers, Who};
use super::prng::{Prng, Weighted};
use super::scene::Scene;
use super::template::{Compiler, Template, slot};
use super::text;
use record::{Product, Record};
use spelling::Number;

const SERVICE: &str = "metering-marketplace";
const CALLERS: Callers = Callers::Only(&[
    Who::Workload,
    Who::Workload,
    Who::Workload,
    Who::User,
    Who::Instance,
    Who::Pipeline,
    Who::Workload,
]);

/// Templates and frequencies of the metering calls.
#[derive(Debug)]
pub(super) struct Metering {
    request_id: Template,
    signature: Template,
    token: Template,
    host: Template,
    none: Template,
    stamps: Weighted,
    /// Batch, meter, register, resolve.
    calls: Weighted,
}

impl Metering {
    pub(super) fn compile(compiler: &mut Compiler, mix: Mix) -> Self {
        Self {
            request_id: compiler.compile("<guid>"),
            signature: compiler.compile(r#"{"publicKeyRotationTimestamp":"<java:900000:9000000>","signature":"eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.<alnum:220:300>.<alnum:342>"}"#),
            token: compiler.compile(r#"{"registrationToken":"<pick:<b64:180:320>\u003d|HIDDEN_DUE_TO_SECURITY_REASONS>"}"#),
            host: compiler.compile("metering.marketplace.<region>.amazonaws.com"),
            none: compiler.compile(""),
            stamps: spelling::stamp_weights(),
            calls: match mix {
                Mix::Org | Mix::Tiny => Weighted::new([940, 30, 10, 20]),
                Mix::Metering => Weighted::new([970, 17, 4, 9]),
            },
        }
    }
}

/// What a metering call's event consists of besides its two bodies.
struct Frame {
    name: &'static str,
    /// Index into [`ERRORS`], for failed calls.
    error: Option<usize>,
    minor: usize,
    delayed: bool,
}

/// Percent of calls that fail.
const FAILED: u64 = 2;

/// Code, message, weight. The last is how some SDKs' services name it.
const ERRORS: [(&str, &str, u32); 10] = [
    ("ThrottlingException", "Rate exceeded", 38),
    ("TimestampOutOfBoundsException", "The timestamp value passed in the UsageRecord is out of allowed range.", 24),
    (
        "InvalidUsageDimensionException",
        "The usage dimension does not match one of the UsageDimensions associated with products.",
        12,
    ),
    ("InvalidCustomerIdentifierException", "You have metered usage for a CustomerIdentifier that does not exist.", 6),
    (
        "InvalidProductCodeException",
        "The product code passed does not match the product code used for publishing the product.",
        4,
    ),
    (
        "InternalServiceErrorException",
        "An internal error has occurred. Retry your request. If the problem persists, post a message with details on the AWS forums.",
        6,
    ),
    ("InvalidUsageAllocationsException", "Sum of allocated usage quantities is not equal to the usage quantity.", 3),
    ("DisabledApiException", "The API is disabled in the Region.", 2),
    (
        "AccessDeniedException",
        "User: \\\"anonymised\\\" is not authorized to perform: aws-marketplace:BatchMeterUsage",
        3,
    ),
    ("com.amazonaws.marketplace.metering#ThrottlingException", "Rate exceeded", 2),
];

/// Appends a metering event; returns its number of usage records.
pub(super) fn write(scene: &mut Scene<'_>, delayed: bool, session: &mut Prng, out: &mut Vec<u8>) -> u64 {
    let world = scene.world;
    let product = Product::draw(world, scene.account, &mut scene.rng);
    let kind = world.metering.calls.draw(&mut scene.rng);
    let failed = scene.rng.percent(FAILED);
    let weights = ERRORS.map(|(_, _, weight)| weight);
    let error = failed.then(|| Weighted::new(weights).draw(&mut scene.rng));
    let name = ["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer"][kind];
    let minor = world.shared.draw_version(&mut scene.rng, SERVICE);
    let frame = Frame { name, error, minor, delayed };
    scene.render_slot(slot::REQUEST_ID, &world.metering.request_id, out);
    match kind {
        0 => batch::write(scene, &frame, &product, session, out),
        1 => meter_usage(scene, &frame, &product, session, out),
        _ => sign_up(scene, &frame, &product, session, out),
    }
}

/// Writes the event around two bodies; `bodies` appends the values of `requestParameters` and `responseElements`, and
/// what follows them.
fn framed(
    scene: &mut Scene<'_>,
    frame: &Frame,
    session: &mut Prng,
    out: &mut Vec<u8>,
    bodies: impl FnOnce(&mut Scene<'_>, &mut Vec<u8>) -> u64,
) -> u64 {
    let metering = &scene.world.metering;
    let call = Call {
        service: SERVICE,
        name: frame.name,
        callers: CALLERS,
        caller_service: "",
        minor: frame.minor,
        read_only: false,
        event_type: "AwsApiCall",
        category: "Management",
        api_version: "",
        delayed: frame.delayed,
    };
    let manner = envelope::open(scene, &call, session, out);
    if let Some(error) = frame.error {
        put(out, ",\"errorCode\":\"");
        put(out, ERRORS[error].0);
        put(out, "\",\"errorMessage\":\"");
        put(out, ERRORS[error].1);
        out.push(b'"');
    }
    put(out, ",\"requestParameters\":");
    let usage_records = bodies(scene, out);
    envelope::close(scene, &call, manner, [&metering.none, &metering.none, &metering.host], out);
    usage_records
}

/// `MeterUsage`: one record, which is the request itself.
fn meter_usage(scene: &mut Scene<'_>, frame: &Frame, product: &Product, session: &mut Prng, out: &mut Vec<u8>) -> u64 {
    framed(scene, frame, session, out, |scene, out| {
        let world = scene.world;
        let time = scene.time - scene.rng.between(1, 3_600);
        let mut record = Record::draw(product, time, &mut scene.rng);
        record.allocations = if scene.rng.percent(6) { 2 } else { 0 };
        let number = if product.decimals { Number::Decimal } else { Number::Integer };
        let stamp = spelling::STAMPS[world.metering.stamps.draw(&mut scene.rng)];
        put(out, "{\"productCode\":\"");
        product.push_code(world, out);
        put(out, "\",\"timestamp\":");
        spelling::push_stamp(out, record.time, stamp, &mut scene.rng);
        put(out, ",\"usageDimension\":\"");
        put(out, record.dimension);
        out.push(b'"');
        spelling::push_quantity(out, ["usageQuantity", "usageQuantityAsDecimal"], record.quantity, number);
        match scene.rng.below(20) {
            0..7 => put(out, ",\"dryRun\":false"),
            7 => put(out, ",\"dryRun\":true"),
            _ => {}
        }
        if scene.rng.percent(15) {
            put(out, ",\"clientToken\":\"");
            text::push_guid(out, &mut scene.rng, false);
            out.push(b'"');
        }
        spelling::push_allocations(out, record.allocations, record.quantity, number, &mut scene.rng);
        put(out, "},\"responseElements\":");
        if frame.error.is_some() {
            put(out, "null");
        } else {
            put(out, "{\"meteringRecordId\":\"");
            text::push_guid(out, &mut scene.rng, false);
            put(out, "\"}");
        }
        1
    })
}

/// `RegisterUsage` and `ResolveCustomer`: no usage, but who uses.
fn sign_up(scene: &mut Scene<'_>, frame: &Frame, product: &Product, session: &mut Prng, out: &mut Vec<u8>) -> u64 {
    framed(scene, frame, session, out, |scene, out| {
        let world = scene.world;
        let failed = frame.error.is_some();
        if frame.name == "RegisterUsage" {
            put(out, "{\"productCode\":\"");
            product.push_code(world, out);
            put(out, "\",\"publicKeyVersion\":1},\"responseElements\":");
            if !failed {
                scene.render(&world.metering.signature, out);
            }
        } else {
            scene.render(&world.metering.token, out);
            put(out, ",\"responseElements\":");
            if !failed {
                let customer = scene.rng.pick(700);
                put(out, "{\"customerIdentifier\":\"");
                product.push_identifier(world, customer, out);
                put(out, "\",\"productCode\":\"");
                product.push_code(world, out);
                put(out, "\",\"customerAWSAccountId\":\"");
                product.push_account(world, customer, out);
                if product.customers == spelling::CustomerForm::License {
                    put(out, "\",\"licenseArn\":\"");
                    product.push_license(world, customer, out);
                }
                put(out, "\"}");
            }
        }
        if failed {
            put(out, "null");
        }
        0
    })
}
