//! The common frame of calls of the Metering Service. In: the kind of call. Out: the event around two bodies, which others
//! append. Never decides how records look.

use crate::generate::catalogue::{Action, CompiledAction, call};
use crate::generate::envelope::{Envelope, GeneratedCall};
use crate::generate::identity::Who;
use crate::generate::prng::Prng;
use crate::generate::scene::Scene;
use crate::generate::text::put;

/// Code and message of a failed call, and how often it is seen.
pub(super) type FailedCall = (&'static str, &'static str, u32);

/// The last one is the name in some SDKs.
pub(super) const FAILURES: [FailedCall; 10] = [
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

/// The calls. Everything except usage is in their templates.
pub(super) const CALLS: [Action; 4] = [
    metered("BatchMeterUsage", ""),
    metered("MeterUsage", ""),
    metered("RegisterUsage", "").answer(r#"{"publicKeyRotationTimestamp":"<java:900000:9000000>","signature":"eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.<alnum:220:300>.<alnum:342>"}"#),
    metered("ResolveCustomer", r#"{"registrationToken":"<pick:<b64:180:320>\u003d|HIDDEN_DUE_TO_SECURITY_REASONS>"}"#),
];

const fn metered(name: &'static str, request: &'static str) -> Action {
    const CALLERS: &[Who] =
        &[Who::Workload, Who::Workload, Who::Workload, Who::User, Who::Instance, Who::Pipeline, Who::Workload];
    call(0, "metering-marketplace", name, request).by(CALLERS).host("metering.marketplace.<region>.amazonaws.com")
}

/// The parts of a metering call's event besides its two bodies.
pub(super) struct Frame<'c> {
    pub(super) envelope: &'c Envelope,
    pub(super) of: &'c CompiledAction,
    pub(super) failure: Option<FailedCall>,
    pub(super) minor: usize,
    pub(super) delayed: bool,
}

impl Frame<'_> {
    /// Writes the event around two bodies; `bodies` appends the values of `requestParameters` and `responseElements`, and
    /// what follows them.
    pub(super) fn write(
        &self,
        scene: &mut Scene<'_>,
        session: &mut Prng,
        out: &mut Vec<u8>,
        bodies: impl FnOnce(&mut Scene<'_>, &mut Vec<u8>) -> u64,
    ) -> u64 {
        let call = GeneratedCall { of: self.of, minor: self.minor, delayed: self.delayed };
        let manner = self.envelope.open(scene, &call, session, out);
        if let Some((code, message, _)) = self.failure {
            put(out, ",\"errorCode\":\"");
            put(out, code);
            put(out, "\",\"errorMessage\":\"");
            put(out, message);
            out.push(b'"');
        }
        put(out, ",\"requestParameters\":");
        let usage_records = bodies(scene, out);
        self.envelope.close(scene, &call, manner, out);
        usage_records
    }
}
