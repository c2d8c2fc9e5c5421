//! Flags for reaching S3, the same for all commands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use trailmill::StoreOptions;

use super::values::{parse_duration, parse_lease};

/// A day, in seconds.
const LONGEST_TIMEOUT: u64 = 86_400;

/// Flags for `s3://` URLs. Credentials come from where the AWS CLI looks for them: environment, profiles with SSO and
/// assumed roles, web identity, roles of containers and instances. To be flattened after all other flags, which would
/// otherwise appear under this heading.
#[derive(Args, Debug)]
#[command(next_help_heading = "S3")]
pub(super) struct S3Args {
    /// URL of an S3-compatible store [default: `AWS_ENDPOINT_URL`, or AWS]
    #[arg(id = "s3-endpoint", long, value_name = "URL")]
    endpoint: Option<String>,

    /// Region of the buckets [default: `AWS_REGION`, or as reported by AWS]
    #[arg(id = "s3-region", long, value_name = "REGION")]
    region: Option<String>,

    /// Name buckets in the path of requests rather than in the host, as always with an endpoint
    #[arg(id = "s3-path-style", long)]
    path_style: bool,

    /// Do not sign requests, for public buckets
    #[arg(id = "s3-anonymous", long)]
    anonymous: bool,

    /// Pay for requests to a requester-pays bucket
    #[arg(id = "s3-requester-pays", long)]
    requester_pays: bool,

    /// How long to wait for a store that is busy or unreachable; at most 10 seconds for one that has never answered
    #[arg(id = "s3-patience", long, default_value = "3m", value_name = "DURATION", value_parser = parse_duration)]
    patience: Duration,

    /// Maximum retries of a request [default: as many as --s3-patience allows]
    #[arg(id = "s3-retries", long, value_name = "N")]
    retries: Option<usize>,

    /// Maximum time for one attempt at a request
    #[arg(id = "s3-timeout", long, default_value_t = StoreOptions::DEFAULT_TIMEOUT.as_secs(), value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=LONGEST_TIMEOUT))]
    timeout: u64,

    /// How long a run that writes to a lake may be silent before the next one presumes it dead
    #[arg(id = "s3-lease", long, default_value = "30", value_name = "SECONDS", value_parser = parse_lease)]
    lease: Duration,
}

impl S3Args {
    /// The options for the library, with those of the environment.
    pub(super) fn options(&self) -> StoreOptions {
        let Self { endpoint, region, path_style, anonymous, requester_pays, patience, retries, timeout, lease } = self;
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let mut options = StoreOptions::default();
        options.endpoint.clone_from(endpoint);
        options.region.clone_from(region);
        options.uses_path_style = *path_style;
        options.is_anonymous = *anonymous;
        options.requester_pays = *requester_pays;
        options.home = variables.get("HOME").map(PathBuf::from);
        options.environment = variables.into_iter().filter(|(name, _)| name.starts_with("AWS_")).collect();
        options.patience = *patience;
        options.retries = *retries;
        options.timeout = Duration::from_secs(*timeout);
        options.lease = *lease;
        options
    }
}
