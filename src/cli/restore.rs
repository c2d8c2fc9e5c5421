//! `trailmill restore`: its flags, and the request that they make.

use std::path::PathBuf;

use clap::Args;
use trailmill::restore::{OutFolder, RestoreConfig, RestoreFilter};

use super::s3::S3Args;
use super::values::{parse_from, parse_size, parse_to};

/// Turn the events of a lake back into CloudTrail JSON
///
/// Every event is equal as JSON to the one that was converted; members that were null are absent. Without --out there is
/// one event a line on stdout, in the order of partitions, files and rows, for any number of threads. Filters take
/// several values as several flags, any of which may match; all filters have to. ASCII letters are compared without regard to
/// case; the id of an event is looked for as it was typed and in small letters. Filters are pushed down to folders, row
/// groups and pages, so that only what is needed is read.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: trailmill restore ./lake --event-id ab9e7701-0940-4c02-8417-c7ed89950307 | jq .\nExample: trailmill restore ./lake --from 2025-06-01 --to 2025-06-02T18:00 --principal arn:aws:iam::262454269434:user/rosa --out ./evidence"
)]
pub(crate) struct RestoreArgs {
    /// The lake
    #[arg(value_name = "LAKE")]
    lake: PathBuf,

    /// Write archives below DIR instead, in the layout of CloudTrail's keys: `AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD`
    ///
    /// The date is that of the events. Archives appear complete or not at all.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Allow files in DIR; those of the same names are replaced, others stay
    #[arg(long, requires = "out")]
    overwrite: bool,

    /// First event date or time, such as `2025-03-01`, `2025-03-01T08:00` (UTC) or `2025-03-01T09:00:00+01:00`
    #[arg(long, value_name = "TIME", value_parser = parse_from, allow_hyphen_values = true)]
    from: Option<i64>,

    /// Last event date, all of it, or time, up to that moment
    #[arg(long, value_name = "TIME", value_parser = parse_to, allow_hyphen_values = true)]
    to: Option<i64>,

    /// Events that this account received
    #[arg(long, value_name = "ACCOUNT")]
    account: Vec<String>,

    /// Events of this Region
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,

    /// Calls of this service, such as `s3.amazonaws.com` or `s3`
    #[arg(long, value_name = "SOURCE")]
    event_source: Vec<String>,

    /// Calls of this action, such as `GetObject`
    #[arg(long, value_name = "NAME")]
    event_name: Vec<String>,

    /// The event of this id
    #[arg(long, value_name = "ID")]
    event_id: Vec<String>,

    /// Calls by this user, role, session, ARN, unique id (`AROA…`, `AIDA…`), access key, account or service, or by `root`
    ///
    /// A role includes all of its sessions. An ambiguous name matches users, roles and sessions.
    #[arg(long, value_name = "WHO")]
    principal: Vec<String>,

    /// Calls from this address or network, such as `198.51.100.0/24`, or from a service in its place, such as
    /// `s3.amazonaws.com`
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Vec<String>,

    /// Maximum number of events to restore
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Memory for events in flight
    #[arg(long, default_value = "192MiB", value_name = "SIZE", value_parser = parse_size)]
    memory_limit: u64,

    /// Print nothing but errors and events
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    s3: S3Args,
}

impl RestoreArgs {
    pub(crate) fn config(&self) -> RestoreConfig {
        let mut config = RestoreConfig::new(self.lake.clone());
        config.filter = RestoreFilter {
            from_ms: self.from,
            to_ms: self.to,
            accounts: self.account.clone(),
            regions: self.region.clone(),
            event_sources: self.event_source.clone(),
            event_names: self.event_name.clone(),
            event_ids: self.event_id.clone(),
            principals: self.principal.clone(),
            source_ips: self.source_ip.clone(),
        };
        config.store = self.s3.options();
        config.limit = self.limit;
        config.out = self.out.clone().map(|path| OutFolder { path, may_hold_files: self.overwrite });
        config.threads = self.threads.unwrap_or(config.threads);
        config.memory_limit = self.memory_limit;
        config
    }
}
