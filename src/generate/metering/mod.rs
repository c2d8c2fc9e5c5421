//! Calls of the AWS Marketplace Metering Service. In: a scene in a seller's account. Out: the event appended, and how
//! many rows of usage records a converter must make of it. Never spells a record itself: that is [`spelling`].

mod batch;
mod frame;
mod record;
mod spelling;

use super::catalogue::CompiledAction;
use super::config::Mix;
use super::envelope::Envelope;
use super::prng::{Prng, Weighted};
use super::scene::Scene;
use super::template::{Compiler, slot};
use super::text::{self, put};
use frame::{CALLS, FAILURES, Frame};
use record::{CustomerForm, MeteringRecord, Product};
use spelling::{Number, Stamps};

/// The calls and their frequencies.
#[derive(Debug)]
pub(super) struct Metering {
    calls: [CompiledAction; 4],
    call: Weighted,
    failure: Weighted,
    stamps: Stamps,
}

/// Percent of calls that fail.
const FAILED: u64 = 2;

impl Metering {
    pub(super) fn compile(mix: Mix, compiler: &mut Compiler) -> Self {
        Self {
            calls: CALLS.each_ref().map(|action| CompiledAction::new(action, compiler)),
            call: match mix {
                Mix::Org | Mix::Tiny => Weighted::new([940, 30, 10, 20]),
                Mix::Metering => Weighted::new([970, 17, 4, 9]),
            },
            failure: Weighted::new(FAILURES.map(|(_, _, weight)| weight)),
            stamps: Stamps::new(),
        }
    }

    /// Appends a metering event; returns its number of usage records.
    pub(super) fn write(
        &self,
        envelope: &Envelope,
        scene: &mut Scene<'_>,
        delayed: bool,
        session: &mut Prng,
        out: &mut Vec<u8>,
    ) -> u64 {
        let product = Product::draw(scene.trail, scene.account, &mut scene.rng);
        let kind = self.call.draw(&mut scene.rng);
        let failed = scene.rng.percent(FAILED);
        let failure = failed.then(|| FAILURES[self.failure.draw(&mut scene.rng)]);
        let of = &self.calls[kind];
        // Of the service as a whole, unlike that of others.
        let minor = envelope.draw_version(&mut scene.rng, of.action.service);
        let frame = Frame { envelope, of, failure, minor, delayed };
        scene.render_slot(slot::REQUEST_ID, &of.request_id, out);
        match kind {
            0 => batch::write(scene, &frame, &product, &self.stamps, session, out),
            1 => meter_usage(scene, &frame, &product, &self.stamps, session, out),
            _ => sign_up(scene, &frame, &product, session, out),
        }
    }
}

/// `MeterUsage`: one record, which is the request itself.
fn meter_usage(
    scene: &mut Scene<'_>,
    frame: &Frame<'_>,
    product: &Product,
    stamps: &Stamps,
    session: &mut Prng,
    out: &mut Vec<u8>,
) -> u64 {
    frame.write(scene, session, out, |scene, out| {
        let trail = scene.trail;
        let time = scene.time - scene.rng.between(1, 3_600);
        let mut record = MeteringRecord::draw(product, time, &mut scene.rng);
        record.allocations = if scene.rng.percent(6) { 2 } else { 0 };
        let number = if product.decimals { Number::Decimal } else { Number::Integer };
        let stamp = stamps.draw(&mut scene.rng);
        put(out, "{\"productCode\":\"");
        product.push_code(trail, out);
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
        if frame.failure.is_some() {
            put(out, "null");
        } else {
            put(out, "{\"meteringRecordId\":\"");
            text::push_guid(out, &mut scene.rng, false);
            put(out, "\"}");
        }
        1
    })
}

/// `RegisterUsage` and `ResolveCustomer`: no usage, only the customer.
fn sign_up(scene: &mut Scene<'_>, frame: &Frame<'_>, product: &Product, session: &mut Prng, out: &mut Vec<u8>) -> u64 {
    frame.write(scene, session, out, |scene, out| {
        let trail = scene.trail;
        let failed = frame.failure.is_some();
        if frame.of.action.name == "RegisterUsage" {
            put(out, "{\"productCode\":\"");
            product.push_code(trail, out);
            put(out, "\",\"publicKeyVersion\":1},\"responseElements\":");
            if !failed {
                scene.render(&frame.of.response, out);
            }
        } else {
            scene.render(&frame.of.request, out);
            put(out, ",\"responseElements\":");
            if !failed {
                let customer = scene.rng.pick(700);
                put(out, "{\"customerIdentifier\":\"");
                product.push_identifier(trail, customer, out);
                put(out, "\",\"productCode\":\"");
                product.push_code(trail, out);
                put(out, "\",\"customerAWSAccountId\":\"");
                product.push_account(trail, customer, out);
                if product.customers == CustomerForm::License {
                    put(out, "\",\"licenseArn\":\"");
                    product.push_license(trail, customer, out);
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
