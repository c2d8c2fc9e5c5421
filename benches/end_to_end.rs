//! The whole program on generated archives: speed, rows, memory and size.
//!
//! `cargo bench --bench end_to_end` measures at full size; with `-- --smoke` it only checks that everything works. Each run is a
//! process of its own, as a user's is. Every line shows the rows, which are checked against what was generated: a fast
//! wrong answer fails. Generated archives hold a few events twice; a first run, not timed, keeps these copies. Runs of all
//! cases of a mix alternate, and medians are printed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its figures")]

mod generated;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use serde_json::Value as Json;

use generated::generate;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Runs of each case, but for one whose span alone is of interest.
const RUNS: usize = 5;
/// Threads of the runs that are timed, and of those whose span is printed.
const THREADS: usize = 2;
const MANY_THREADS: usize = 64;

/// Archives to convert.
struct Input {
    name: &'static str,
    mix: &'static str,
    /// Archives and events of each, where they differ from the mix.
    sizes: Option<(usize, usize)>,
    /// Tables to write.
    tables: &'static [&'static str],
}

const LARGE: &str = "200 large";
const BOTH: &str = "usage_records,events";

const INPUTS: [Input; 5] = [
    Input { name: "org", mix: "org", sizes: None, tables: &[BOTH, "events", "usage_records"] },
    Input { name: "metering", mix: "metering", sizes: None, tables: &[BOTH, "usage_records"] },
    Input { name: "tiny", mix: "tiny", sizes: None, tables: &[BOTH, "events"] },
    Input { name: "one archive", mix: "org", sizes: Some((1, 500_000)), tables: &["events"] },
    // Of 3 MB and more: each is inflated and converted in segments.
    Input { name: LARGE, mix: "org", sizes: Some((200, 16_000)), tables: &["events"] },
];

/// What was generated.
struct Expected {
    events: u64,
    usage_records: u64,
}

/// What one run took.
struct Figures {
    elapsed_ms: u64,
    cpu_ms: u64,
    span_ms: u64,
    serial_ms: u64,
    peak_bytes: u64,
    written_bytes: u64,
}

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

fn run(is_smoke: bool) -> Result<()> {
    let folder = tempfile::tempdir()?;
    println!(
        "| input | to | events | usage records | MB of JSON | s | MB/s | CPU s | serial, of CPU | peak MiB | size of gz | span s | work ÷ span |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    for input in &INPUTS {
        let archives = folder.path().join("archives");
        let smoke_sizes = (input.sizes.map_or(10, |(archives, _)| archives), 20);
        let sizes = if is_smoke { Some(smoke_sizes) } else { input.sizes };
        let [_, events, usage_records] = generate(input.mix, sizes, &archives)?;
        let expected = Expected { events, usage_records };
        measure(
            input,
            &archives,
            &folder.path().join("lake"),
            &expected,
            if is_smoke || input.name == LARGE { 1 } else { RUNS },
        )?;
        std::fs::remove_dir_all(&archives)?;
    }
    Ok(())
}

fn measure(input: &Input, archives: &Path, lake: &Path, expected: &Expected, runs: usize) -> Result<()> {
    let (floor_ms, compressed_bytes, json_bytes) = inflate_alone(archives)?;
    for tables in input.tables {
        convert(archives, lake, tables, expected, &["--no-dedup"], THREADS)?;
    }
    let mut figures: Vec<Vec<Figures>> = input.tables.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for (tables, figures) in input.tables.iter().zip(&mut figures) {
            figures.push(convert(archives, lake, tables, expected, &[], THREADS)?);
        }
    }
    println!(
        "| {} | nothing: inflated alone | | | {} | {:.2} | {} | {:.2} | | | | | |",
        input.name,
        json_bytes / 1_000_000,
        seconds(floor_ms),
        json_bytes / 1_000 / floor_ms.max(1),
        seconds(floor_ms),
    );
    for (tables, mut figures) in input.tables.iter().zip(figures) {
        figures.sort_by_key(|figures| figures.elapsed_ms);
        let peak_bytes = figures.iter().map(|figures| figures.peak_bytes).max().unwrap_or_default();
        let median = &figures[figures.len() / 2];
        let spread = convert(archives, lake, tables, expected, &[], MANY_THREADS)?;
        println!(
            "| {} | {} | {} | {} | {} | {:.2} | {} | {:.2} | {:.1} % | {} | {:.2} | {:.3} | {:.0} |",
            input.name,
            tables,
            expected.events,
            if tables.contains("usage_records") { expected.usage_records } else { 0 },
            json_bytes / 1_000_000,
            seconds(median.elapsed_ms),
            json_bytes / 1_000 / median.elapsed_ms.max(1),
            seconds(median.cpu_ms),
            share(median.serial_ms, median.cpu_ms) * 100.0,
            peak_bytes >> 20,
            share(median.written_bytes, compressed_bytes),
            seconds(spread.span_ms),
            share(spread.cpu_ms, spread.span_ms),
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn seconds(ms: u64) -> f64 {
    share(ms, 1_000)
}

/// Converts once, in a process of its own.
fn convert(
    archives: &Path,
    lake: &Path,
    tables: &str,
    expected: &Expected,
    flags: &[&str],
    threads: usize,
) -> Result<Figures> {
    let report = lake.with_extension("json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailmill"));
    command.arg("convert").arg(archives).arg("--out").arg(lake).args(["--tables", tables, "-q"]);
    command.args(["--threads", &threads.to_string()]).args(flags);
    let started = Instant::now();
    let status = command.arg("--report").arg(&report).status()?;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis())?;
    let report: Json = serde_json::from_slice(&std::fs::read(report)?)?;
    std::fs::remove_dir_all(lake)?;
    let number = |pointer: &str| report.pointer(pointer).and_then(Json::as_u64).unwrap_or_default();
    let usage_records = if tables.contains("usage_records") { expected.usage_records } else { 0 };
    let duplicates = number("/events/duplicates");
    let rows = number("/usage_records/written");
    // Usage records of a duplicate have no rows, and their number is not reported.
    let usage_records = if duplicates > 0 { usage_records.min(rows) } else { usage_records };
    let found = (status.code(), number("/events/seen"), number("/events/written") + duplicates, rows);
    let wanted = (Some(0), expected.events, expected.events, usage_records);
    if found != wanted {
        return Err(format!("{tables}: exit code, events and usage records are {found:?}, not {wanted:?}").into());
    }
    let stages = report.get("stages_cpu_ms").and_then(Json::as_object).cloned().unwrap_or_default();
    Ok(Figures {
        elapsed_ms,
        cpu_ms: stages.values().filter_map(Json::as_u64).sum(),
        span_ms: number("/span_cpu_ms"),
        serial_ms: number("/stages_cpu_ms/coordinate"),
        peak_bytes: number("/peak_rss_bytes"),
        written_bytes: number("/bytes/written"),
    })
}

/// The floor: reading and inflating all archives on one thread and nothing else. Milliseconds, and bytes as stored and of
/// JSON.
fn inflate_alone(archives: &Path) -> Result<(u64, u64, u64)> {
    let mut decompressor = libdeflater::Decompressor::new();
    let (mut stored_bytes, mut json_bytes, mut text) = (0, 0, Vec::new());
    let mut folders: Vec<PathBuf> = vec![archives.to_owned()];
    let mut stored = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                stored.push(std::fs::read(path)?);
            }
        }
    }
    let started = Instant::now();
    for stored in &stored {
        let trailer = stored.last_chunk().ok_or("an archive is empty")?;
        text.resize(text.len().max(u32::from_le_bytes(*trailer) as usize), 0);
        json_bytes += decompressor.gzip_decompress(stored, &mut text)? as u64;
        stored_bytes += stored.len() as u64;
    }
    Ok((u64::try_from(started.elapsed().as_millis())?, stored_bytes, json_bytes))
}
