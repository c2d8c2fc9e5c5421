//! Callers: from what users type for a principal to what an event contains.
//!
//! In: the name of a user, a role or a session, an ARN, a unique id, an access key, an account, `root`. Out: columns, and
//! their values. Never: decides which of these a word is if it is ambiguous: `audit` is a user, a role or a session,
//! and twenty capitals may be an access key or the name of a role.
//!
//! ```text
//! arn           arn:aws:sts::123456789012:assumed-role/Admin/alice     after each colon and slash; the role; the account
//! principal_id  AROAEXAMPLE1234567890:alice                            before and after each colon
//! issuer        arn:aws:iam::123456789012:role/path/Admin              after each colon and slash
//! ```

use super::wanted::Pattern;

const ARN: &str = "user_identity_arn";
const PRINCIPAL_ID: &str = "user_identity_principal_id";
const ISSUER_ARN: &str = "session_issuer_arn";
const ACCESS_KEY: &str = "user_identity_access_key_id";

/// Columns that identify the caller, or whom it acts for, by their whole value.
const NAMES: [&str; 7] = [
    "user_identity_user_name",
    "session_issuer_user_name",
    "session_issuer_principal_id",
    "session_source_identity",
    "user_identity_invoked_by",
    "user_identity_on_behalf_of_user_id",
    "user_identity_credential_id",
];

/// Columns by which users name a caller, searched for similar values.
pub(super) const NAMING: [&str; 7] = [
    "user_identity_user_name",
    "session_issuer_user_name",
    "session_source_identity",
    ARN,
    PRINCIPAL_ID,
    ACCESS_KEY,
    "user_identity_account_id",
];

/// Length of an account id.
const ACCOUNT_LENGTH: usize = 12;

/// An event of this principal matches one of these patterns in its column.
pub(super) fn patterns(who: &str) -> Vec<(&'static str, Pattern)> {
    if let Some(arn) = Arn::of(who) {
        return arn.patterns(who);
    }
    let mut patterns = vec![
        (ARN, Pattern::text(who)),
        (ARN, Pattern::End(format!("/{who}"))),
        (ARN, Pattern::End(format!(":{who}"))),
        (ARN, Pattern::Middle(format!(":assumed-role/{who}/"))),
        (ISSUER_ARN, Pattern::text(who)),
        (ISSUER_ARN, Pattern::End(format!("/{who}"))),
        (ISSUER_ARN, Pattern::End(format!(":{who}"))),
        (PRINCIPAL_ID, Pattern::text(who)),
        (PRINCIPAL_ID, Pattern::Start(format!("{who}:"))),
        (PRINCIPAL_ID, Pattern::End(format!(":{who}"))),
        (ACCESS_KEY, Pattern::text(who)),
    ];
    patterns.extend(NAMES.map(|column| (column, Pattern::text(who))));
    if who.eq_ignore_ascii_case("root") {
        patterns.push(("user_identity_type", Pattern::text(who)));
    }
    if who.len() == ACCOUNT_LENGTH && who.bytes().all(|byte| byte.is_ascii_digit()) {
        patterns.push(("user_identity_account_id", Pattern::text(who)));
        patterns.push((ARN, Pattern::Middle(format!(":{who}:"))));
    }
    patterns
}

/// What a user may have meant by a caller as in a column: the value, and the names in it.
pub(super) fn names(column: &str, value: &str, add: &mut dyn FnMut(&str)) {
    add(value);
    match column {
        ARN => {
            let resource = Arn::of(value).map_or("", |arn| arn.resource);
            // A role and its session; otherwise the name, which may have a path before it.
            match resource.strip_prefix("assumed-role/") {
                Some(session) => session.split('/').for_each(add),
                None => resource.rsplit('/').take(1).for_each(add),
            }
        }
        PRINCIPAL_ID => value.split(':').for_each(add),
        _ => {}
    }
}

/// The parts of an ARN that distinguish roles from other principals.
struct Arn<'a> {
    partition: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let is_arn = parts.next()?.eq_ignore_ascii_case("arn");
        let (partition, account, resource) = (parts.next()?, parts.nth(2)?, parts.next()?);
        is_arn.then_some(Self { partition, account, resource })
    }

    fn patterns(&self, arn: &str) -> Vec<(&'static str, Pattern)> {
        let Self { partition, account, resource } = self;
        let mut patterns = vec![(ARN, Pattern::text(arn)), (ISSUER_ARN, Pattern::text(arn))];
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        if kind.eq_ignore_ascii_case("role") {
            // The ARN of a session has the name of its role without the role's path.
            let name = name.rsplit('/').next().unwrap_or(name);
            let sessions = format!("arn:{partition}:sts::{account}:assumed-role/{name}/");
            patterns.push((ARN, Pattern::Start(sessions)));
        } else if kind.eq_ignore_ascii_case("assumed-role") && !name.contains('/') {
            patterns.push((ARN, Pattern::Start(format!("{arn}/"))));
        }
        patterns
    }
}
