//! Callers. In: which kinds of caller an action has. Out: a `userIdentity` object appended to the event, and the
//! caller's address, agent and ARN kept for the rest of it. Never makes a new caller per event: callers are sessions
//! that last an hour, so keys, session names and creation dates repeat as they do in real trails.

use super::prng::{Prng, Weighted, hash_text, seed_of, word};
use super::scene::Scene;
use super::template::{Compiler, Template, slot};

/// The kinds of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Instance,
    Workload,
    Pipeline,
    SingleSignOn,
    Automation,
    User,
    ConsoleUser,
    Root,
    Federated,
    OtherAccount,
    Anonymous,
    Service,
    ServiceEvent,
    OnBehalf,
    Saml,
    Web,
    IdentityCenter,
    Delegate,
    Scoped,
    AssumedRoot,
    Directory,
    Role,
    Unknown,
}

/// Which callers an action has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callers {
    /// All kinds, in proportion to their weights.
    Any,
    /// Only these, the first kinds as often as the others.
    Only(&'static [Who]),
}

/// The caller's properties that the rest of the event depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether the request came over a TLS connection that the service saw.
    pub(super) tls: bool,
    /// Whether the credentials came from a console session.
    pub(super) console: bool,
}

struct Definition {
    who: Who,
    weight: u32,
    tls: bool,
    console: bool,
    user_identity: &'static str,
    address: &'static str,
    agent: &'static str,
}

const fn caller(who: Who, weight: u32, user_identity: &'static str) -> Definition {
    Definition { who, weight, tls: true, console: false, user_identity, address: "<address>", agent: "<agent>" }
}

impl Definition {
    const fn from(mut self, address: &'static str, agent: &'static str) -> Self {
        self.address = address;
        self.agent = agent;
        self
    }

    const fn unseen(mut self) -> Self {
        self.tls = false;
        self
    }

    const fn console(mut self) -> Self {
        self.console = true;
        self
    }
}

#[rustfmt::skip]
const DEFINITIONS: &[Definition] = &[
    caller(Who::Instance, 16, r#"<let:r:<role>><let:s:<instance>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/<@s>>{"type":"AssumedRole","principalId":"<id:AROA:r>:<@s>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/<@r>","accountId":"<account>","userName":"<@r>"},<maybe:40:"webIdFederationData":{},>"attributes":{"creationDate":"<iso:-20000:-600>","mfaAuthenticated":"false"},"ec2RoleDelivery":"<pick:2.0|2.0|2.0|1.0>"}}"#),
    caller(Who::Workload, 34, r#"<let:r:<role>><let:s:<pick:<function>|<function>|<function>|<hex:32>|botocore-session-17<digits:8>|<digits:19>|aws-go-sdk-17<digits:17>>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/<@s>>{"type":"AssumedRole","principalId":"<id:AROA:r>:<@s>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/<@r>","accountId":"<account>","userName":"<@r>"},<maybe:30:"webIdFederationData":{},>"attributes":{"creationDate":"<iso:-20000:-600>","mfaAuthenticated":"false"}}}"#),
    caller(Who::Pipeline, 11, r#"<let:r:<role>><let:s:<pick:GitHubActions|eks-<word>-<stage>-<lower:10>|gitlab-<num:100000:999999>|TerraformCloud-run-<alnum:16>>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/<@s>>{"type":"AssumedRole","principalId":"<id:AROA:r>:<@s>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/<@r>","accountId":"<account>","userName":"<@r>"},"webIdFederationData":{"federatedProvider":"arn:aws:iam::<account>:oidc-provider/<pick:token.actions.githubusercontent.com|oidc.eks.<region>.amazonaws.com/id/9F1C58F08CDB049167D3B1E0A2C4E6F8>","attributes":{}},"attributes":{"creationDate":"<iso:-3000:-60>","mfaAuthenticated":"false"}}}"#),
    caller(Who::SingleSignOn, 9, r#"<let:r:<sso_role>><let:s:<mail>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/<@s>>{"type":"AssumedRole","principalId":"<id:AROA:r>:<@s>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/aws-reserved/sso.amazonaws.com/<@r>","accountId":"<account>","userName":"<@r>"},"attributes":{"creationDate":"<iso:-25000:-60>","mfaAuthenticated":"false"}}<maybe:30:,"onBehalfOf":{"userId":"<idp_user>","identityStoreArn":"arn:aws:identitystore::<account>:identitystore/d-<hex:10>"}>}"#).from("<office>", "<pick:AWS Internal|<agent>|<agent>|console.amazonaws.com>").console(),
    caller(Who::Automation, 9, r#"<let:r:<role>><let:s:<pick:OrganizationAudit|backup-<digits:13>|DatadogAWSIntegration|inventory|<team>-automation>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/<@s>>{"type":"AssumedRole","principalId":"<id:AROA:r>:<@s>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/<@r>","accountId":"<account>","userName":"<@r>"},"attributes":{"creationDate":"<iso:-3000:-60>","mfaAuthenticated":"false"}<maybe:25:,"sourceIdentity":"<first>.<last>">}}"#),
    caller(Who::User, 16, r#"<let:u:<user>><let:arn:arn:aws:iam::<account>:user/<@u>>{"type":"IAMUser","principalId":"<id:AIDA:u>","arn":"<@arn>","accountId":"<account>","accessKeyId":"<id:AKIA:u>","userName":"<@u>"}"#),
    caller(Who::ConsoleUser, 5, r#"<let:u:<user>><let:arn:arn:aws:iam::<account>:user/<@u>>{"type":"IAMUser","principalId":"<id:AIDA:u>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","userName":"<@u>","sessionContext":{<maybe:40:"sessionIssuer":{},"webIdFederationData":{},>"attributes":{"creationDate":"<iso:-25000:-60>","mfaAuthenticated":"<pick:true|true|false>"}<maybe:10:,"signInSessionArn":"arn:aws:signin:<region>:<account>:session/<guid>">}}"#).from("<office>", "<pick:AWS Internal|<agent>>").console(),
    caller(Who::Root, 1, r#"<let:arn:arn:aws:iam::<account>:root>{"type":"Root","principalId":"<account>","arn":"<@arn>","accountId":"<account>","accessKeyId":"<pick:|ASIA<b32:16>>","sessionContext":{"attributes":{"creationDate":"<iso:-9000:-60>","mfaAuthenticated":"true"}}}"#).from("<office>", "<agent>").console(),
    caller(Who::Federated, 1, r#"<let:u:<user>><let:arn:arn:aws:sts::<account>:federated-user/<@u>>{"type":"FederatedUser","principalId":"<account>:<@u>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"<id:AIDA:u>","arn":"arn:aws:iam::<account>:user/<@u>","accountId":"<account>","userName":"<@u>"},"webIdFederationData":{},"attributes":{"creationDate":"<iso:-25000:-60>","mfaAuthenticated":"false"}}}"#),
    caller(Who::OtherAccount, 2, r#"<let:r:<role>><let:arn:arn:aws:sts::<other_account>:assumed-role/<@r>/<word>>{"type":"AWSAccount","principalId":"<id:AROA:r>:<word>","accountId":"<other_account>"}"#),
    caller(Who::Anonymous, 0, r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#),
    caller(Who::Service, 14, r#"{"type":"AWSService","invokedBy":"<@svc>"}"#).from("<@svc>", "<@svc>").unseen(),
    caller(Who::ServiceEvent, 0, r#"{"accountId":"<account>","invokedBy":"<@svc>"}"#).from("<@svc>", "<@svc>").unseen(),
    caller(Who::OnBehalf, 3, r#"<let:r:<role>><let:s:<pick:<function>|<instance>|<mail>>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/<@s>>{"type":"AssumedRole","principalId":"<id:AROA:r>:<@s>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/<@r>","accountId":"<account>","userName":"<@r>"},<maybe:50:"webIdFederationData":{},>"attributes":{"creationDate":"<iso:-20000:-60>","mfaAuthenticated":"false"}},"invokedBy":"<@svc>"}"#).from("<@svc>", "<@svc>").unseen(),
    caller(Who::Saml, 0, r#"<let:s:<mail>>{"type":"SAMLUser","principalId":"<b64:27:27>=:<@s>","userName":"<@s>","identityProvider":"<b64:27:27>="}"#).from("<office>", "<agent>"),
    caller(Who::Web, 0, r#"<let:s:repo:examplecorp/<word>:ref:refs/heads/<pick:main|main|release|fix/ünïcode-<num:1:99>>>{"type":"WebIdentityUser","principalId":"arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com:sts.amazonaws.com:<@s>","userName":"<@s>","identityProvider":"arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com"}"#),
    caller(Who::IdentityCenter, 1, r#"<let:arn:arn:aws:identitystore:::user/<idp_user>>{"type":"IdentityCenterUser","accountId":"<account>","onBehalfOf":{"userId":"<idp_user>","identityStoreArn":"arn:aws:identitystore::<account>:identitystore/d-<hex:10>"},"credentialId":"<b64:60:90>"}"#).from("<office>", "<agent>"),
    caller(Who::Delegate, 1, r#"<let:r:<role>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/delegate>{"type":"AssumedRole","principalId":"<id:AROA:r>:delegate","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/<@r>","accountId":"<account>","userName":"<@r>"},"attributes":{"creationDate":"<iso:-3000:-60>","mfaAuthenticated":"false"}},"invokedByDelegate":{"accountId":"<other_account>"}}"#),
    caller(Who::Scoped, 2, r#"<let:r:<role>><let:f:<function>><let:arn:arn:aws:sts::<account>:assumed-role/<@r>/<@f>>{"type":"AssumedRole","principalId":"<id:AROA:r>:<@f>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"<id:AROA:r>","arn":"arn:aws:iam::<account>:role/<@r>","accountId":"<account>","userName":"<@r>"},"attributes":{"creationDate":"<iso:-9000:-60>","mfaAuthenticated":"false"}},"inScopeOf":{"sourceArn":"arn:aws:lambda:<region>:<account>:function:<@f>","sourceAccount":"<account>","issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:<region>:<account>:function:<@f>"}}"#),
    caller(Who::AssumedRoot, 0, r#"<let:arn:arn:aws:iam::<account>:root>{"type":"Root","principalId":"<account>","arn":"<@arn>","accountId":"<account>","accessKeyId":"ASIA<b32:16>","sessionContext":{"attributes":{"creationDate":"<iso:-900:-60>","mfaAuthenticated":"false"},"assumedRoot":"true"}}"#),
    caller(Who::Directory, 0, r#"{"type":"Directory","principalId":"d-<hex:10>","accountId":"<account>","userName":"<mail>"}"#),
    caller(Who::Role, 0, r#"<let:r:<role>><let:arn:arn:aws:iam::<account>:role/<@r>>{"type":"Role","principalId":"<id:AROA:r>","arn":"<@arn>","accountId":"<account>","userName":"<@r>"}"#),
    caller(Who::Unknown, 0, r#"{"type":"Unknown","principalId":"<b32:21>","accountId":"<account>"}"#),
];

/// The compiled callers.
#[derive(Debug)]
pub(super) struct Identities {
    compiled: Vec<CompiledIdentity>,
    any: Weighted,
}

#[derive(Debug)]
struct CompiledIdentity {
    who: Who,
    manner: Manner,
    user_identity: Template,
    address: Template,
    agent: Template,
}

/// Sessions alive at once in one account and region; the popular ones make most calls.
const SESSIONS: usize = 14;
const SESSION_SECONDS: i64 = 3_600;

impl Identities {
    pub(super) fn compile(compiler: &mut Compiler) -> Self {
        let compile = |definition: &Definition| CompiledIdentity {
            who: definition.who,
            manner: Manner { tls: definition.tls, console: definition.console },
            user_identity: compiler.compile(definition.user_identity),
            address: compiler.compile(definition.address),
            agent: compiler.compile(definition.agent),
        };
        Self {
            compiled: DEFINITIONS.iter().map(compile).collect(),
            any: Weighted::new(DEFINITIONS.iter().map(|definition| definition.weight)),
        }
    }

    /// Appends the caller's `userIdentity`; address, agent and ARN go to their slots. `draw` decides which session it is,
    /// apart from the event's own generator, so that neighbouring events can share it.
    pub(super) fn write(&self, scene: &mut Scene<'_>, callers: Callers, draw: &mut Prng, out: &mut Vec<u8>) -> Manner {
        let hour = scene.time.div_euclid(SESSION_SECONDS);
        let session = draw.skewed(SESSIONS);
        let service = hash_text(scene.kept(slot::SERVICE));
        let name =
            [scene.trail.seed, word(scene.account), word(scene.region), hour.unsigned_abs(), word(session), service];
        let seed = seed_of(&name);
        let mut own = Prng::new(seed);
        let caller = match callers {
            Callers::Any => &self.compiled[self.any.draw(&mut own)],
            Callers::Only(kinds) => {
                let kind = kinds[own.pick(kinds.len())];
                self.compiled.iter().find(|caller| caller.who == kind).unwrap_or(&self.compiled[0])
            }
        };
        let event_rng = std::mem::replace(&mut scene.rng, own);
        let event_focus = std::mem::replace(&mut scene.focus, seed);
        let event_time = std::mem::replace(&mut scene.time, hour * SESSION_SECONDS);
        scene.render(&caller.user_identity, out);
        scene.render_slot(slot::ADDRESS, &caller.address, out);
        scene.render_slot(slot::AGENT, &caller.agent, out);
        scene.rng = event_rng;
        scene.focus = event_focus;
        scene.time = event_time;
        caller.manner
    }
}
