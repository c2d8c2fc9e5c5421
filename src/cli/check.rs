//! `trailmill check`: its flags, and the request that they make.

use std::path::PathBuf;

use clap::Args;
use trailmill::check::CheckConfig;

use super::ReportFormat;
use super::s3::S3Args;
use super::values::parse_size;

/// Check a lake against its own manifest: nothing missing, damaged or duplicated
///
/// Reads every page of every file and compares rows with what the runs have published. Changes nothing; problems are
/// printed and make the exit code 1.
#[derive(Args, Debug)]
#[command(after_help = "Example: trailmill check ./lake")]
pub(crate) struct CheckArgs {
    /// The lake
    #[arg(value_name = "LAKE")]
    lake: PathBuf,

    /// Read only footers and the columns that identify archives and events
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

    #[command(flatten)]
    s3: S3Args,
}

impl CheckArgs {
    pub(crate) fn config(&self) -> CheckConfig {
        let Self { lake, quick, format: _, threads, memory_limit, s3 } = self;
        let mut config = CheckConfig::new(lake.clone());
        config.is_quick = *quick;
        config.threads = threads.unwrap_or(config.threads);
        config.memory_limit = *memory_limit;
        config.scratch = Some(std::env::temp_dir());
        config.store = s3.options();
        config
    }
}
