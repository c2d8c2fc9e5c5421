//! The command line: what was typed, and what it asks for.
//!
//! In: arguments. Out: [`Config`] and its likes. Never: does any of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use trailmill::check::CheckConfig;
use trailmill::config::{Compression, Config, OnBad, Selection};
use trailmill::generate::{GenerateConfig, Mix};
use trailmill::schema::{SchemaFormat, Table};
use trailmill::{PartitionColumn, Result};

/// Mills AWS CloudTrail archives into partitioned Parquet.
///
/// Every event becomes a row of `events`, and every AWS Marketplace usage record a row of `usage_records` joined to what
/// AWS answered about it. Nothing is lost: what cannot be converted is kept in `quarantine`, with the reason.
#[derive(Debug, Parser)]
#[command(name = "trailmill", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 all converted (check: sound), 1 converted but some input was quarantined or is in the lake in another form (check: findings), 2 usage or environment error, 128 + signal when stopped by one."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Convert(Box<ConvertArgs>),
    Check(CheckArgs),
    Schema(SchemaArgs),
    Generate(GenerateArgs),
    /// Print a completion script for a shell
    ///
    /// Example: trailmill completions bash > /`etc/bash_completion.d/trailmill`
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    ///
    /// Example: trailmill man | man -l -
    Man,
}

/// Convert archives into the tables of a lake
///
/// Run it again and only archives that the lake does not have are read. A lake is a folder of plain Parquet files that
/// DuckDB, Athena, Spark, ClickHouse and others read as they are.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(after_help = "Example: trailmill convert ./AWSLogs --out ./lake --from 2025-01-01 --region us-east-1")]
pub(crate) struct ConvertArgs {
    /// Archives, or folders to look for them in, however deep
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    /// The lake: a folder, created when it is not there
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

    /// First event date (UTC)
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Option<i64>,

    /// Last event date (UTC)
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    to: Option<i64>,

    /// Only this account; may be given more than once
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<String>,

    /// Only this Region; may be given more than once
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,

    /// What to do with bad input
    #[arg(long, value_enum, default_value_t = OnBadArg::Quarantine)]
    on_bad: OnBadArg,

    /// Largest text one archive may inflate to
    #[arg(long, default_value = "16GiB", value_name = "SIZE", value_parser = parse_size)]
    max_inflated: u64,

    /// Size of a Parquet file at which the next one is begun
    #[arg(long, default_value = "256MiB", value_name = "SIZE", value_parser = parse_size)]
    part_size: u64,

    /// Input, as stored, that is published together: a run that dies loses no more than one such step
    #[arg(long, default_value = "16GiB", value_name = "SIZE", value_parser = parse_size)]
    step_size: u64,

    /// Write events as often as they come, also those that the lake has already
    #[arg(long)]
    no_dedup: bool,

    /// Convert archives again that are in quarantine, as a whole or in part: after a fix, or with a better version
    #[arg(long)]
    retry_quarantined: bool,

    /// Convert archives again that have changed since, or of which other selectors have left out events
    #[arg(long)]
    reconvert_changed: bool,

    /// Write a report in JSON to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Whether to show progress on stderr; auto shows it when stderr is a terminal
    #[arg(long, value_enum, default_value_t = ProgressArg::Auto)]
    pub(crate) progress: ProgressArg,

    /// Convert and count, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Say more at the end: where the time went and every foreign kind
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBadArg {
    /// Keep it in the quarantine table, go on, exit with 1
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
            out,
            tables,
            partition_by,
            compression,
            threads,
            memory_limit,
            from,
            to,
            accounts,
            regions,
            on_bad,
            max_inflated,
            part_size,
            step_size,
            no_dedup,
            retry_quarantined,
            reconvert_changed,
            report: _,
            progress: _,
            dry_run,
            verbose: _,
            quiet: _,
        } = self;
        let mut config = Config::new(inputs.clone(), out.clone());
        let mut tables = tables.clone();
        tables.sort_unstable();
        tables.dedup();
        config.tables = tables;
        config.partition_by.clone_from(partition_by);
        config.compression = *compression;
        config.threads = threads.unwrap_or(config.threads);
        config.memory_limit = *memory_limit;
        let distinct = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        config.selection =
            Selection { from_day: *from, to_day: *to, accounts: distinct(accounts), regions: distinct(regions) };
        config.on_bad = match on_bad {
            OnBadArg::Quarantine => OnBad::Quarantine,
            OnBadArg::Fail => OnBad::Fail,
        };
        config.max_inflated_bytes = *max_inflated;
        config.target_part_bytes = *part_size;
        config.step_bytes = *step_size;
        config.dedup = !no_dedup;
        config.retry_quarantined = *retry_quarantined;
        config.reconvert_changed = *reconvert_changed;
        config.dry_run = *dry_run;
        // A dry run leaves the lake alone.
        config.scratch = dry_run.then(std::env::temp_dir);
        config.validate()?;
        Ok(config)
    }
}

/// Check a lake against its own manifest: nothing missing, torn or doubled
///
/// Reads every page of every file and compares rows with what the runs have published. Changes nothing; findings are
/// printed and make the exit code 1.
#[derive(Args, Debug)]
#[command(after_help = "Example: trailmill check ./lake")]
pub(crate) struct CheckArgs {
    /// The lake
    #[arg(value_name = "LAKE")]
    lake: PathBuf,

    /// Read footers and the columns that tell archives and events only
    #[arg(long)]
    quick: bool,

    /// text or json
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,

    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Memory for keys of events; those that do not fit go to a temporary file
    #[arg(long, default_value = "192MiB", value_name = "SIZE", value_parser = parse_size)]
    memory_limit: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
}

impl CheckArgs {
    pub(crate) fn config(&self) -> CheckConfig {
        let Self { lake, quick, format: _, threads, memory_limit } = self;
        let mut config = CheckConfig::new(lake.clone());
        config.is_quick = *quick;
        config.threads = threads.unwrap_or(config.threads);
        config.memory_limit = *memory_limit;
        config.scratch = Some(std::env::temp_dir());
        config
    }
}

/// Print the columns of the tables
#[derive(Args, Debug)]
#[command(after_help = "Example: trailmill schema --table usage_records --format markdown")]
pub(crate) struct SchemaArgs {
    /// Only this table: events, `usage_records`, archives or quarantine
    #[arg(long, value_name = "TABLE")]
    table: Option<Table>,

    /// text, markdown or json
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: SchemaFormat,
}

impl SchemaArgs {
    pub(crate) fn tables(&self) -> (Vec<Table>, SchemaFormat) {
        (self.table.map_or_else(|| Table::ALL.to_vec(), |table| vec![table]), self.format)
    }
}

/// Write synthetic archives in the real key layout, for a demo or a benchmark
///
/// The same seed gives the same bytes on every machine.
#[derive(Args, Debug)]
#[command(after_help = "Example: trailmill generate --out ./demo --mix metering --archives 20 --seed 7")]
pub(crate) struct GenerateArgs {
    /// Folder to write to
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,

    /// org: an organisation trail with 0.5 % metering; metering: nearly all metering; tiny: thousands of small archives
    #[arg(long, default_value = "org", value_name = "MIX")]
    mix: Mix,

    /// Archives [default: 200, 40000 for tiny]
    #[arg(long, value_name = "N")]
    archives: Option<usize>,

    /// Events of an archive [default: 2500, 1000 for metering, 6 for tiny]
    #[arg(long, value_name = "N")]
    events_per_archive: Option<usize>,

    /// Seed of all randomness
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Days over which the deliveries are spread
    #[arg(long, value_name = "N")]
    days: Option<u32>,

    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl GenerateArgs {
    pub(crate) fn config(&self) -> GenerateConfig {
        let Self { out, mix, archives, events_per_archive, seed, days, threads } = self;
        let mut config = GenerateConfig::new(*mix, out.clone());
        config.archives = archives.unwrap_or(config.archives);
        config.events_per_archive = events_per_archive.unwrap_or(config.events_per_archive);
        config.seed = *seed;
        config.days = days.unwrap_or(config.days);
        config.threads = threads.unwrap_or(config.threads);
        config
    }
}

/// A size such as `256MiB`, `1.5GB` or `4096`, in bytes.
fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 10] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("b", 1),
        ("", 1),
    ];
    let wrong = || format!("{text:?} is no size; write it like 256MiB");
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((lower.strip_suffix(name)?.trim_end(), *unit))).ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
        return Err(wrong());
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).unwrap_or_default());
    let digits = u64::from_str(&format!("{whole}{fraction}")).map_err(|_| wrong())?;
    digits.checked_mul(unit).map(|bytes| bytes / scale).ok_or_else(wrong)
}

/// A date, in days since 1970.
fn parse_day(text: &str) -> Result<i64, String> {
    let date =
        text.parse::<jiff::civil::Date>().map_err(|_| format!("{text:?} is no date; write it like 2025-12-31"))?;
    let epoch = jiff::civil::date(1970, 1, 1);
    date.since(epoch).map(|span| i64::from(span.get_days())).map_err(|error| error.to_string())
}

fn parse_compression(text: &str) -> Result<Compression, String> {
    let wrong = || format!("{text:?} is no compression; there are zstd, zstd:LEVEL (1 to 22), snappy, lz4, none");
    let (codec, level) = text.split_once(':').map_or((text, None), |(codec, level)| (codec, Some(level)));
    match (codec, level) {
        ("zstd", None) => Ok(Compression::Zstd(Compression::DEFAULT_ZSTD_LEVEL)),
        ("zstd", Some(level)) => {
            let level = level.parse().ok().filter(|level| (1..=22).contains(level));
            level.map(Compression::Zstd).ok_or_else(wrong)
        }
        ("snappy", None) => Ok(Compression::Snappy),
        ("lz4", None) => Ok(Compression::Lz4),
        ("none", None) => Ok(Compression::None),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declarations_are_consistent_and_every_flag_has_help() {
        use clap::CommandFactory;
        let command = Cli::command().help_expected(true);
        command.clone().debug_assert();
        for subcommand in command.get_subcommands() {
            assert!(subcommand.get_about().is_some(), "{} has no help", subcommand.get_name());
        }
    }

    #[test]
    fn sizes_are_written_as_people_write_them() {
        for (text, bytes) in
            [("0", 0), ("4096", 4_096), ("256MiB", 256 << 20), ("1.5 GB", 1_500_000_000), ("2kb", 2_000)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1e3", "1.2.3MB", "99999999999TiB", "five"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_and_codecs() {
        assert_eq!(parse_day("1970-01-02"), Ok(1));
        assert!(parse_day("2025-02-30").is_err());
        assert_eq!(parse_compression("zstd:19"), Ok(Compression::Zstd(19)));
        for text in ["zstd:0", "zstd:23", "gzip", "snappy:3"] {
            assert!(parse_compression(text).is_err(), "{text}");
        }
    }
}
