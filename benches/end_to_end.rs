//! The whole run on generated archives: speed, rows and memory.
//!
//! `cargo bench --bench end_to_end` measures at full size; with `-- --smoke` it only checks that all works. Every line
//! tells the rows, which are checked against what was generated: a fast wrong answer fails.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench tells its figures")]

use std::path::Path;
use std::process::ExitCode;

use trailmill::config::Config;
use trailmill::generate::{GenerateConfig, GenerateSummary, Mix, generate};
use trailmill::report::Progress;
use trailmill::schema::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs of each case; the median is told.
const RUNS: usize = 5;

/// What is converted, and into what.
struct Case {
    name: &'static str,
    mix: Mix,
    tables: &'static [Table],
}

const BOTH: &[Table] = &[Table::UsageRecords, Table::Events];

const CASES: [Case; 5] = [
    Case { name: "org to both", mix: Mix::Org, tables: BOTH },
    Case { name: "org to events", mix: Mix::Org, tables: &[Table::Events] },
    Case { name: "org to usage_records", mix: Mix::Org, tables: &[Table::UsageRecords] },
    Case { name: "metering to both", mix: Mix::Metering, tables: BOTH },
    Case { name: "tiny to both", mix: Mix::Tiny, tables: BOTH },
];

fn main() -> ExitCode {
    let is_smoke = std::env::args().any(|argument| argument == "--smoke" || argument == "--test");
    match run(is_smoke) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(is_smoke: bool) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    println!(
        "{:22} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "case", "events", "usage", "MB JSON", "ms", "MB/s", "peak MiB"
    );
    for mix in Mix::ALL {
        let input = folder.path().join(mix.name());
        let mut config = GenerateConfig::new(mix, &input);
        if is_smoke {
            (config.archives, config.events_per_archive) = (10, 20);
        }
        let generated = generate(&config)?;
        for case in CASES.iter().filter(|case| case.mix == mix) {
            let runs = if is_smoke { 1 } else { RUNS };
            measure(case, &input, &folder.path().join("lake"), &generated, runs)?;
        }
        std::fs::remove_dir_all(&input)?;
    }
    Ok(())
}

fn measure(
    case: &Case,
    input: &Path,
    lake: &Path,
    generated: &GenerateSummary,
    runs: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut elapsed_ms = Vec::with_capacity(runs);
    let mut peak_bytes = 0;
    for _ in 0..runs {
        let mut config = Config::new(vec![input.to_owned()], lake.to_owned());
        config.tables = case.tables.to_vec();
        let summary = trailmill::convert(&config, &Progress::default())?;
        std::fs::remove_dir_all(lake)?;
        let usage_records = if case.tables.contains(&Table::UsageRecords) { generated.usage_records } else { 0 };
        assert_eq!(summary.events.seen, generated.events, "{}", case.name);
        assert_eq!(summary.events.written, generated.events, "{}", case.name);
        assert_eq!(summary.usage_records.written, usage_records, "{}", case.name);
        elapsed_ms.push(summary.elapsed_ms.max(1));
        peak_bytes = peak_bytes.max(summary.peak_rss_bytes.unwrap_or_default());
    }
    elapsed_ms.sort_unstable();
    let median_ms = elapsed_ms[runs / 2];
    println!(
        "{:22} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        case.name,
        generated.events,
        generated.usage_records,
        generated.inflated_bytes / 1_000_000,
        median_ms,
        generated.inflated_bytes / 1_000 / median_ms,
        peak_bytes >> 20,
    );
    Ok(())
}
