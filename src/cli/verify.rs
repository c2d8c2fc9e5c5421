//! `trailmill verify`: its flags, and the request that they make.

use std::path::PathBuf;

use clap::Args;
use trailmill::config::Selection;
use trailmill::verify::VerifyConfig;

use super::ReportFormat;
use super::s3::S3Args;
use super::values::parse_day;

/// Prove that a copy of CloudTrail's log files is what AWS delivered
///
/// Checks the signature and the links of every digest file and the hash of every log file that they declare, and
/// reports files that are missing, and files that were not delivered. Changes nothing and requests only the objects of
/// `s3://` URLs from AWS: the inputs are copies that keep keys from `AWSLogs/` on, including those of digest files.
///
/// The signature of the newest digest file of a chain is only in the metadata of its S3 object. In a bucket it is read from
/// there. A plain copy does not have it: the file and what it declares are then counted as not proved. It is also read from a
/// file next to it, FILE.signature (hexadecimal text) or FILE.metadata.json (the output of `aws s3api head-object`).
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 what digest files declare is here and unaltered, 1 something is invalid, missing or undeclared, or nothing is proved, 2 usage or environment error.\n\nExample:\n  aws s3 sync s3://trail-bucket ./copy\n  aws cloudtrail list-public-keys --start-time 2025-01-01 --end-time 2025-12-31 > keys.json\n  trailmill verify ./copy --public-keys keys.json"
)]
pub(crate) struct VerifyArgs {
    /// Files and folders of the copy, or `s3://` URLs; tar and zip files have to be unpacked first
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    /// The output of `aws cloudtrail list-public-keys`; keys are per Region, so give it more than once, or one file with
    /// the responses for several Regions
    #[arg(long, required = true, value_name = "FILE")]
    public_keys: Vec<PathBuf>,

    /// First day of digest files, by their end, in UTC; none since then may be missing that a later one names
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Option<i64>,

    /// Last day of digest files, by their end, in UTC
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    to: Option<i64>,

    /// Account; may be given more than once
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<String>,

    /// Region; may be given more than once
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,

    /// text or json
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,

    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// List valid and uncovered files too
    #[arg(short, long)]
    verbose: bool,

    /// Print nothing: the exit code is the result
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    #[command(flatten)]
    s3: S3Args,
}

impl VerifyArgs {
    pub(crate) fn config(&self) -> VerifyConfig {
        let Self { inputs, public_keys, from, to, accounts, regions, s3, format: _, threads, verbose, quiet: _ } = self;
        let mut config = VerifyConfig::new(inputs.clone(), public_keys.clone());
        config.store = s3.options();
        config.selection =
            Selection { from_day: *from, to_day: *to, accounts: accounts.clone(), regions: regions.clone() };
        config.threads = threads.unwrap_or(config.threads);
        config.verbose = *verbose;
        config
    }
}
