//! The members around the request of an event. In: the scene and the call. Out: the members before `requestParameters`
//! ([`Envelope::open`]) and after `responseElements` ([`Envelope::close`]). Never writes the two themselves.

use super::catalogue::CompiledAction;
use super::identity::{Identities, Manner};
use super::prng::{Prng, Weighted, hash_text, spread, word};
use super::scene::Scene;
use super::template::{Compiler, Template, slot};
use super::text::{self, put};
use super::trail::region_name;

/// The callers and templates that events of all actions share, and how versions are distributed.
#[derive(Debug)]
pub(super) struct Envelope {
    identities: Identities,
    denied: Template,
    denied_encoded: Template,
    unknown_member: Template,
    calling_service: Template,
    endpoint: Template,
    versions: Weighted,
}

/// Weights of `eventVersion` 1.0 to 1.11: mid-2025, most services write the newest, some have not moved for years.
const VERSION_WEIGHTS: [u32; 12] = [0, 0, 0, 0, 0, 2, 1, 1, 22, 12, 12, 60];

/// How often, per million events, there are unexpected members, or members that are `null`.
const UNKNOWN_MEMBER: u64 = 400;
const EXPLICIT_NULL: u64 = 2_500;
const SHARED: u64 = 15_000;
/// Percent of the calls from a private address that come through a VPC endpoint.
const THROUGH_ENDPOINT: u64 = 70;

/// A call: the action, and the parts of its envelope that vary.
#[derive(Clone, Copy, Debug)]
pub(super) struct GeneratedCall<'a> {
    pub(super) of: &'a CompiledAction,
    pub(super) minor: usize,
    /// The event was delivered late, and is marked as such.
    pub(super) delayed: bool,
}

impl Envelope {
    pub(super) fn compile(compiler: &mut Compiler) -> Self {
        Self {
            identities: Identities::compile(compiler),
            denied: compiler.compile("User: <@arn> is not authorized to perform: <@prefix>:<@action> on resource: arn:aws:<@prefix>:<region>:<account>:<word>/<word>-<stage> because no <pick:identity-based|identity-based|resource-based|VPC endpoint|service control> policy allows the <@prefix>:<@action> action"),
            denied_encoded: compiler.compile("You are not authorized to perform this operation. User: <@arn> is not authorized to perform: <@prefix>:<@action> on resource: arn:aws:ec2:<region>:<account>:*/* because no identity-based policy allows the <@prefix>:<@action> action. Encoded authorization failure message: <b64:240:360>"),
            unknown_member: compiler.compile(r#""<pick:requestOrigin|policyEvaluation|provenance>":{"<pick:zone|decision|hop>":"<word>","weight":<pick:1|1.0|2.50|<num:3:999>>,"path":[<many:0:3:"<word>">]}"#),
            calling_service: compiler.compile("<pick:cloudformation|ssm|config|athena|glue|resource-explorer-2|fargate|cloudformation|inspector2|trustedadvisor|servicecatalog>.amazonaws.com"),
            endpoint: compiler.compile("<vpce>"),
            versions: Weighted::new(VERSION_WEIGHTS),
        }
    }

    /// The minor version of an event. A service mostly writes one version, whatever the caller.
    pub(super) fn draw_version(&self, rng: &mut Prng, name: &str) -> usize {
        if rng.percent(85) {
            self.versions.draw(&mut Prng::new(hash_text(name.as_bytes())))
        } else {
            self.versions.draw(rng)
        }
    }

    /// Begins the event: everything up to `userAgent`. `draw` decides which session calls.
    pub(super) fn open(
        &self,
        scene: &mut Scene<'_>,
        call: &GeneratedCall<'_>,
        draw: &mut Prng,
        out: &mut Vec<u8>,
    ) -> Manner {
        let action = &call.of.action;
        if action.caller_service.is_empty() {
            scene.render_slot(slot::SERVICE, &self.calling_service, out);
        } else {
            scene.keep(slot::SERVICE, action.caller_service.as_bytes());
        }
        put(out, "{\"eventVersion\":\"1.");
        if call.minor < 10 {
            out.push(b'0');
        }
        text::push_decimal(out, word(call.minor));
        out.push(b'"');
        // The order of members is not part of CloudTrail's contract, and now and then it differs.
        let time_first = scene.rng.percent(1);
        if time_first {
            put(out, ",\"eventTime\":\"");
            text::push_time(out, scene.time, text::ISO);
            out.push(b'"');
        }
        put(out, ",\"userIdentity\":");
        let manner = self.identities.write(scene, action.callers, draw, out);
        if !time_first {
            put(out, ",\"eventTime\":\"");
            text::push_time(out, scene.time, text::ISO);
            out.push(b'"');
        }
        put(out, ",\"eventSource\":\"");
        put(out, action.service);
        put(out, ".amazonaws.com\"");
        member(out, "eventName", action.name);
        member(out, "awsRegion", region_name(scene.region));
        put(out, ",\"sourceIPAddress\":\"");
        out.extend_from_slice(scene.kept(slot::ADDRESS));
        if action.category != "NetworkActivity" {
            put(out, "\",\"userAgent\":\"");
            out.extend_from_slice(scene.kept(slot::AGENT));
        }
        out.push(b'"');
        manner
    }

    /// The members of a call that the caller had no permission for.
    pub(super) fn denial(&self, scene: &mut Scene<'_>, call: &GeneratedCall<'_>, out: &mut Vec<u8>) {
        let action = &call.of.action;
        scene.keep(slot::PREFIX, action.service.as_bytes());
        scene.keep(slot::ACTION, action.name.as_bytes());
        match action.service {
            "ec2" => failure(scene, "Client.UnauthorizedOperation", &self.denied_encoded, out),
            "s3" | "sts" | "iam" | "kms" => failure(scene, "AccessDenied", &self.denied, out),
            _ => failure(scene, "AccessDeniedException", &self.denied, out),
        }
    }

    /// Ends the event: everything after `additionalEventData`. The request id is in its slot.
    pub(super) fn close(&self, scene: &mut Scene<'_>, call: &GeneratedCall<'_>, manner: Manner, out: &mut Vec<u8>) {
        let action = &call.of.action;
        let nulls = scene.rng.per_million(EXPLICIT_NULL);
        if action.event_type != "AwsConsoleSignIn" {
            put(out, ",\"requestID\":\"");
            out.extend_from_slice(scene.kept(slot::REQUEST_ID));
            out.push(b'"');
        }
        put(out, ",\"eventID\":\"");
        text::push_guid(out, &mut scene.rng, false);
        out.push(b'"');
        // Older versions and network activity have no readOnly.
        if action.category != "NetworkActivity" && (call.minor > 5 || scene.rng.percent(50)) {
            put(out, if action.read_only { ",\"readOnly\":true" } else { ",\"readOnly\":false" });
        }
        if nulls && call.of.resources.is_empty() {
            put(out, ",\"resources\":null");
        }
        rendered(scene, out, "resources", &call.of.resources);
        member(out, "eventType", action.event_type);
        if !action.api_version.is_empty() {
            member(out, "apiVersion", action.api_version);
        } else if nulls {
            put(out, ",\"apiVersion\":null");
        }
        if call.minor >= 6 && action.category != "NetworkActivity" {
            put(
                out,
                if action.category == "Management" {
                    ",\"managementEvent\":true"
                } else {
                    ",\"managementEvent\":false"
                },
            );
        }
        member(out, "recipientAccountId", &scene.trail.accounts[scene.account]);
        rendered(scene, out, "serviceEventDetails", &call.of.details);
        self.endpoints(scene, call, nulls, out);
        if call.minor >= 7 {
            member(out, "eventCategory", action.category);
        }
        if call.delayed {
            put(out, ",\"addendum\":{\"reason\":\"DELIVERY_DELAY\"}");
        }
        if manner.console && call.minor >= 8 && scene.rng.percent(70) {
            put(out, ",\"sessionCredentialFromConsole\":\"true\"");
        }
        if manner.tls && call.minor >= 8 && scene.rng.percent(94) {
            tls(scene, call, out);
        }
        if scene.rng.per_million(UNKNOWN_MEMBER) {
            out.push(b',');
            scene.render(&self.unknown_member, out);
        }
        out.push(b'}');
    }

    /// `sharedEventID` and the VPC endpoint that the call came through.
    fn endpoints(&self, scene: &mut Scene<'_>, call: &GeneratedCall<'_>, nulls: bool, out: &mut Vec<u8>) {
        let action = &call.of.action;
        let network = action.category == "NetworkActivity";
        if network || scene.rng.per_million(SHARED) {
            put(out, ",\"sharedEventID\":\"");
            text::push_guid(out, &mut scene.rng, false);
            out.push(b'"');
        } else if nulls {
            put(out, ",\"sharedEventID\":null");
        }
        let private = scene.kept(slot::ADDRESS).starts_with(b"10.");
        if network || (private && scene.rng.percent(THROUGH_ENDPOINT)) {
            put(out, ",\"vpcEndpointId\":\"");
            scene.render(&self.endpoint, out);
            out.push(b'"');
            if call.minor >= 9 {
                member(out, "vpcEndpointAccountId", &scene.trail.accounts[scene.account]);
            }
        }
    }
}

/// Appends `"name":"` text `"` after a comma.
fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    put(out, ",\"");
    put(out, name);
    put(out, "\":\"");
    put(out, value);
    out.push(b'"');
}

/// Appends `,"name":` and the rendering, unless the template is empty.
pub(super) fn rendered(scene: &mut Scene<'_>, out: &mut Vec<u8>, name: &str, template: &Template) {
    if !template.is_empty() {
        put(out, ",\"");
        put(out, name);
        put(out, "\":");
        scene.render(template, out);
    }
}

/// The members of a failed call, with a message of its own.
pub(super) fn failure(scene: &mut Scene<'_>, code: &str, message: &Template, out: &mut Vec<u8>) {
    member(out, "errorCode", code);
    put(out, ",\"errorMessage\":\"");
    scene.render(message, out);
    out.push(b'"');
}

/// The connection. Which TLS a client speaks depends on the client, so it follows from the user agent.
fn tls(scene: &mut Scene<'_>, call: &GeneratedCall<'_>, out: &mut Vec<u8>) {
    const KINDS: [&str; 8] = [
        "\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",",
        "\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",",
        "\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",",
        "\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",",
        "\"tlsVersion\":\"TLSv1.2\",\"cipherSuite\":\"ECDHE-RSA-AES128-GCM-SHA256\",",
        "\"tlsVersion\":\"TLSv1.2\",\"cipherSuite\":\"ECDHE-RSA-AES128-GCM-SHA256\",",
        "\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_256_GCM_SHA384\",",
        "\"tlsVersion\":\"TLSv1.2\",\"cipherSuite\":\"ECDHE-RSA-AES256-GCM-SHA384\",",
    ];
    let client = hash_text(scene.kept(slot::AGENT));
    put(out, ",\"tlsDetails\":{");
    if !scene.rng.percent(1) {
        put(out, KINDS[spread(client, KINDS.len())]);
    }
    put(out, "\"clientProvidedHostHeader\":\"");
    if call.of.host.is_empty() {
        put(out, call.of.action.service);
        out.push(b'.');
        put(out, region_name(scene.region));
        put(out, ".amazonaws.com");
    } else {
        scene.render(&call.of.host, out);
    }
    out.push(b'"');
    if call.minor >= 11 && spread(client, 7) == 3 {
        member(out, "keyExchange", if spread(client, 2) == 0 { "x25519" } else { "X25519MLKEM768" });
    }
    out.push(b'}');
}
