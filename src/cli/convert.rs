//! `trailmill convert`: its flags, and the request that they make.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use trailmill::config::{Compression, Config, OnBad};
use trailmill::schema::Table;
use trailmill::{PartitionColumn, Result};

use super::s3::S3Args;
use super::selection::SelectionArgs;
use super::values::{parse_compression, parse_duration, parse_size};

/// Convert archives into the tables of a lake
///
/// A repeated run only reads archives that the lake does not have. A lake is a folder or prefix of plain Parquet files
/// that DuckDB, Athena, Spark, ClickHouse and others can read directly.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(
    after_help = "Example: trailmill convert ./AWSLogs --out ./lake --from 2025-01-01 --region us-east-1\nExample: trailmill convert s3://trail-bucket/AWSLogs --out ./lake --account 111122223333"
)]
pub(crate) struct ConvertArgs {
    /// Archives, tar or zip files of them, or folders to search for them, at any depth; `s3://` URLs of objects or prefixes;
    /// `-` is standard input
    #[arg(required_unless_present = "inputs_from", value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    /// Convert the archives that the lines of this file name, `-` for standard input; may be given more than once
    ///
    /// A line is a path, the URL of an object, or a queue message: an SNS notice of CloudTrail, an event notification of
    /// S3 or a compatible store, raw or in SNS or EventBridge, the body of an SQS message, or the output of
    /// `aws sqs receive-message`, on one line. A line that is not understood is reported, and makes the exit code 1.
    #[arg(long, value_name = "FILE")]
    inputs_from: Vec<PathBuf>,

    /// The lake: a folder, created if it does not exist, or an `s3://` URL, with temporary files in the folder of TMPDIR
    #[arg(short, long, value_name = "LAKE")]
    out: PathBuf,

    /// Tables to fill
    #[arg(long, value_delimiter = ',', default_value = "usage_records,events", value_name = "TABLES")]
    tables: Vec<Table>,

    /// Partition columns, outermost first: `event_date`, `event_month`, `account`, `region`, `event_source`
    #[arg(long, value_delimiter = ',', default_value = "event_date", value_name = "COLUMNS")]
    partition_by: Vec<PartitionColumn>,

    /// Compression of pages: zstd, zstd:LEVEL (1 to 22), snappy, lz4 or none
    #[arg(long, default_value = "zstd:1", value_name = "CODEC", value_parser = parse_compression)]
    compression: Compression,

    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Memory for batches, row groups and keys of events; less gives smaller row groups
    #[arg(long, default_value = "192MiB", value_name = "SIZE", value_parser = parse_size)]
    memory_limit: u64,

    #[command(flatten)]
    selection: SelectionArgs,

    /// What to do with bad input
    #[arg(long, value_enum, default_value_t = OnBadArg::Quarantine)]
    on_bad: OnBadArg,

    /// Maximum size of an inflated archive
    #[arg(long, default_value = "16GiB", value_name = "SIZE", value_parser = parse_size)]
    max_inflated: u64,

    /// Size of a Parquet file at which the next one is begun
    #[arg(long, default_value = "256MiB", value_name = "SIZE", value_parser = parse_size)]
    part_size: u64,

    /// Stored input that is published together: a run that dies loses at most one such step
    #[arg(long, default_value = "16GiB", value_name = "SIZE", value_parser = parse_size)]
    step_size: u64,

    /// Write duplicate events too, including those that the lake already has
    #[arg(long)]
    no_dedup: bool,

    /// Compare archives with CloudTrail's digest files among the inputs: the table `archives` has the results
    #[arg(long, requires = "public_keys")]
    verify: bool,

    /// Public keys for that, the output of `aws cloudtrail list-public-keys`; may be given more than once
    #[arg(long, value_name = "FILE", requires = "verify")]
    public_keys: Vec<PathBuf>,

    /// Convert only archives that digest files prove; the others are named in quarantine
    #[arg(long, requires = "verify")]
    require_verified: bool,

    /// Convert archives again that are in quarantine, completely or in part: after a fix, or with a better version
    #[arg(long)]
    retry_quarantined: bool,

    /// Convert archives again that have changed since, or had events left out by other selectors
    #[arg(long)]
    reconvert_changed: bool,

    /// Write a report in JSON to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Whether to show progress on stderr; auto shows it when stderr is a terminal
    #[arg(long, value_enum, default_value_t = ProgressArg::Auto)]
    pub(crate) progress: ProgressArg,

    /// How long to wait for another run that holds the lake; without it exit with 75 at once, except that a lease without heartbeats in a bucket is waited for until it has expired
    #[arg(long, default_value = "0s", hide_default_value = true, value_name = "DURATION", value_parser = parse_duration)]
    wait: Duration,

    /// Convert and count, but write nothing
    #[arg(long)]
    dry_run: bool,

    /// Print more at the end: where the time went, and how much memory was used
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    #[command(flatten)]
    s3: S3Args,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBadArg {
    /// Keep it in the quarantine table, continue, exit with 1
    Quarantine,
    /// Publish nothing, exit with 2
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressArg {
    /// When stderr is a terminal
    Auto,
    /// Never
    Never,
}

impl ConvertArgs {
    /// The request, checked as far as types can.
    pub(crate) fn config(&self) -> Result<Config> {
        let Self {
            inputs,
            inputs_from,
            out,
            tables,
            partition_by,
            compression,
            threads,
            memory_limit,
            selection,
            on_bad,
            max_inflated,
            part_size,
            step_size,
            no_dedup,
            verify,
            public_keys,
            require_verified,
            retry_quarantined,
            reconvert_changed,
            report: _,
            progress: _,
            wait,
            dry_run,
            verbose: _,
            quiet: _,
            s3,
        } = self;
        let mut config = Config::new(inputs.clone(), out.clone());
        config.inputs_from.clone_from(inputs_from);
        config.store = s3.options();
        let mut tables = tables.clone();
        tables.sort_unstable();
        tables.dedup();
        config.tables = tables;
        config.partition_by.clone_from(partition_by);
        config.compression = *compression;
        config.threads = threads.unwrap_or(config.threads);
        config.memory_limit = *memory_limit;
        config.selection = selection.selection();
        config.on_bad = match on_bad {
            OnBadArg::Quarantine => OnBad::Quarantine,
            OnBadArg::Fail => OnBad::Fail,
        };
        config.max_inflated_bytes = *max_inflated;
        config.target_part_bytes = *part_size;
        config.step_bytes = *step_size;
        config.dedup = !no_dedup;
        if *verify {
            config.public_keys.clone_from(public_keys);
        }
        config.requires_verified = *require_verified;
        config.retry_quarantined = *retry_quarantined;
        config.reconvert_changed = *reconvert_changed;
        config.wait = *wait;
        config.dry_run = *dry_run;
        // A dry run does not touch the lake, and in a bucket nothing can be staged.
        config.scratch = (*dry_run || config.is_lake_remote()).then(std::env::temp_dir);
        config.validate()?;
        Ok(config)
    }
}
