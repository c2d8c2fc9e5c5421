//! `trailmill inspect`: its flags, and the request that they make.

use std::path::PathBuf;

use clap::Args;
use trailmill::inspect::InspectConfig;

use super::s3::S3Args;
use super::selection::SelectionArgs;
use super::values::parse_size;
use super::{ProgressArg, ReportFormat};

/// Report the content of archives, folders, containers or lakes
///
/// Kinds, sizes, counts, dates, and the most frequent accounts, Regions, sources, names and errors. Archives are read as
/// `convert` reads them, with one report for all; a lake is read by its columns and has its own report. Nothing is
/// written, and nothing is de-duplicated: an event counts each time it occurs. Up to 100,000 values of a field are
/// counted exactly, fewer when they are long.
#[derive(Args, Debug)]
#[command(after_help = "Example: trailmill inspect ./AWSLogs --from 2025-01-01 --top 20")]
pub(crate) struct InspectArgs {
    /// Archives, tar or zip files of them, folders or `s3://` URLs to search for them, `-` for standard input, or lakes
    #[arg(required = true, value_name = "PATH")]
    inputs: Vec<PathBuf>,

    /// Number of values of each field to report, the most frequent ones
    #[arg(long, default_value_t = InspectConfig::DEFAULT_TOP, value_name = "N")]
    top: usize,

    /// text or json
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Memory for data in flight; a third of it is for the values of fields
    #[arg(long, default_value = "192MiB", value_name = "SIZE", value_parser = parse_size)]
    memory_limit: u64,

    /// Maximum size of an inflated archive
    #[arg(long, default_value = "16GiB", value_name = "SIZE", value_parser = parse_size)]
    max_inflated: u64,

    /// Whether to show progress on stderr; auto shows it when stderr is a terminal
    #[arg(long, value_enum, default_value_t = ProgressArg::Auto)]
    pub(crate) progress: ProgressArg,

    /// Print nothing on stderr but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    s3: S3Args,
}

impl InspectArgs {
    pub(crate) fn config(&self) -> InspectConfig {
        let Self { inputs, top, format: _, selection, threads, memory_limit, max_inflated, progress: _, quiet: _, s3 } =
            self;
        let mut config = InspectConfig::new(inputs.clone());
        config.top = *top;
        config.selection = selection.selection();
        config.store = s3.options();
        config.threads = threads.unwrap_or(config.threads);
        config.memory_limit = *memory_limit;
        config.max_inflated_bytes = *max_inflated;
        config.scratch = Some(std::env::temp_dir());
        config
    }
}
