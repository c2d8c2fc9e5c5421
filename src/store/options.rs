//! How S3 is reached.
//!
//! In: flags and environment that a front end gathered. Out: plain fields. Never: reads the environment itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
#[cfg(feature = "s3")]
use std::sync::Arc;
use std::time::Duration;

use super::Waits;

/// Variables that name a store.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// How S3 is reached, the same for all buckets of a run.
#[derive(Clone)]
pub struct StoreOptions {
    /// URL of an S3-compatible store, unless it is AWS.
    pub endpoint: Option<String>,
    /// Region of the buckets; otherwise `AWS_REGION` or `AWS_DEFAULT_REGION` of the environment, and without them AWS is
    /// asked.
    pub region: Option<String>,
    /// Whether the bucket is named in the path rather than in the host, as it always is with an endpoint.
    pub uses_path_style: bool,
    /// Whether requests are not signed, as public buckets allow.
    pub is_anonymous: bool,
    /// Whether to pay for requests to buckets of other accounts.
    pub requester_pays: bool,
    /// Environment variables, `AWS_…` among them, for the credential chain (environment, profiles with SSO, assumed roles
    /// and processes, web identity, roles of containers and instances) and for the client.
    pub environment: BTreeMap<String, String>,
    /// Home folder, for profiles.
    pub home: Option<PathBuf>,
    /// Maximum retries of a request; otherwise as many as the time for an unreachable store allows.
    pub retries: Option<usize>,
    /// How long to wait for a store that has answered before and is busy or unreachable.
    pub patience: Duration,
    /// Maximum time for one attempt at a request.
    pub timeout: Duration,
    /// How long a run that writes to a lake may be silent before another considers it dead.
    pub lease: Duration,
    /// Buckets that are read through a store of the caller's, by name.
    #[cfg(feature = "s3")]
    pub object_stores: BTreeMap<String, Arc<dyn super::ObjectStore>>,
    /// Reports waits.
    pub(crate) waits: Waits,
}

impl StoreOptions {
    /// Default time to wait for an unreachable store.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_mins(3);
    /// Default timeout of one attempt at a request.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

    /// URL of the store as it was typed, after the flag or variable that names it; `None` for AWS.
    #[must_use]
    pub fn named_endpoint(&self) -> Option<(&str, &str)> {
        let typed = self.endpoint.as_deref().map(|typed| ("--s3-endpoint", typed));
        typed.or_else(|| self.variable(&ENDPOINTS))
    }

    /// The first of some variables that is not empty, and its value.
    pub(super) fn variable<'o>(&'o self, names: &[&'o str]) -> Option<(&'o str, &'o str)> {
        let said = |name: &&'o str| {
            self.environment.get(*name).filter(|value| !value.is_empty()).map(|value| (*name, value.as_str()))
        };
        names.iter().find_map(said)
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            uses_path_style: false,
            is_anonymous: false,
            requester_pays: false,
            environment: BTreeMap::new(),
            home: None,
            retries: None,
            patience: Self::DEFAULT_PATIENCE,
            timeout: Self::DEFAULT_TIMEOUT,
            lease: Duration::from_secs(30),
            #[cfg(feature = "s3")]
            object_stores: BTreeMap::new(),
            waits: Waits::default(),
        }
    }
}

/// Values of the environment may be secrets.
impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("is_anonymous", &self.is_anonymous)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let environment = BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "s3cr3t".to_owned())]);
        let options = StoreOptions { environment, ..StoreOptions::default() };
        assert!(!format!("{options:?}").contains("s3cr3t"));
    }
}
