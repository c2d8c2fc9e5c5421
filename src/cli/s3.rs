//! Flags that tell how S3 is reached, the same for all commands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use trailmill::StoreOptions;

use super::values::parse_seconds;

/// Flags for `s3://` URLs. Credentials come from where the AWS CLI looks for them: environment, profiles with SSO and
/// assumed roles, web identity, roles of containers and instances.
#[derive(Args, Debug)]
#[expect(clippy::struct_field_names, reason = "they are flags of all commands")]
#[command(next_help_heading = "S3")]
pub(super) struct S3Args {
    /// URL of a store that speaks S3 and is not that of AWS [default: `AWS_ENDPOINT_URL`, or AWS]
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,

    /// Region of the buckets [default: `AWS_REGION`, or where AWS says that they are]
    #[arg(long, value_name = "REGION")]
    s3_region: Option<String>,

    /// Name buckets in the path of requests and not in the host, as always with an endpoint
    #[arg(long)]
    s3_path_style: bool,

    /// Do not sign requests, for public buckets
    #[arg(long)]
    s3_anonymous: bool,

    /// Pay for requests to a bucket of somebody who wants that
    #[arg(long)]
    s3_requester_pays: bool,

    /// Times that a request is tried again when the store is busy or a connection breaks
    #[arg(long, default_value_t = StoreOptions::DEFAULT_RETRIES, value_name = "N")]
    s3_retries: usize,

    /// Longest time for one attempt at a request
    #[arg(long, default_value_t = StoreOptions::DEFAULT_TIMEOUT.as_secs(), value_name = "SECONDS")]
    s3_timeout: u64,

    /// How long a run that writes to a lake may be silent before the next one takes it for dead
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = parse_seconds)]
    s3_lease: Duration,
}

impl S3Args {
    /// What the library has to know, with what the environment says.
    pub(super) fn options(&self) -> StoreOptions {
        let Self {
            s3_endpoint,
            s3_region,
            s3_path_style,
            s3_anonymous,
            s3_requester_pays,
            s3_retries,
            s3_timeout,
            s3_lease,
        } = self;
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        StoreOptions {
            endpoint: s3_endpoint.clone(),
            region: s3_region.clone(),
            uses_path_style: *s3_path_style,
            is_anonymous: *s3_anonymous,
            requester_pays: *s3_requester_pays,
            home: variables.get("HOME").map(PathBuf::from),
            environment: variables.into_iter().filter(|(name, _)| name.starts_with("AWS_")).collect(),
            retries: *s3_retries,
            timeout: Duration::from_secs(*s3_timeout),
            lease: *s3_lease,
        }
    }
}
