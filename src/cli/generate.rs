//! `trailmill generate`: its flags, and the request that they make.

use std::path::PathBuf;

use clap::Args;

use crate::generate::{GenerateConfig, Mix};

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
