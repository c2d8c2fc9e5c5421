//! The `trailmill` command: parses flags, calls the library, prints, and turns the outcome into an exit code.

// glibc's allocator returns the large, short-lived buffers of each batch to the system and requests them again; mimalloc
// keeps them, which saves a tenth of the run time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod cli;
mod faults;
mod generate;
mod progress;
mod signals;
mod terminal;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};
use serde::Serialize;
use trailmill::disk::FaultInjector;
use trailmill::report::Progress;
use trailmill::{Error, ErrorKind, Result, StoreOptions, schema};

use cli::{
    CheckArgs, Cli, Command, ConvertArgs, DdlArgs, GenerateArgs, InspectArgs, ProgressArg, ReportFormat, RestoreArgs,
    VerifyArgs, check_places, without_guesses,
};
use progress::ProgressLine;
use signals::Signals;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExitStatus {
    /// All done.
    Clean,
    /// Done, and some input was refused.
    Quarantined,
    /// Done, and the lake or copy that was checked has problems.
    Unsound,
    /// Not done.
    Failed,
    /// Not done since another run holds the lake; worth a retry.
    Locked,
    /// Ended by this signal.
    Stopped(u8),
}

impl From<ExitStatus> for ExitCode {
    fn from(outcome: ExitStatus) -> Self {
        Self::from(match outcome {
            ExitStatus::Clean => 0,
            ExitStatus::Quarantined | ExitStatus::Unsound => 1,
            ExitStatus::Failed => 2,
            // EX_TEMPFAIL of sysexits.h.
            ExitStatus::Locked => 75,
            ExitStatus::Stopped(signal) => 128 + signal,
        })
    }
}

/// Why a command failed, and its exit status.
struct CommandError {
    error: Error,
    outcome: ExitStatus,
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let outcome = if error.kind() == ErrorKind::LakeLocked { ExitStatus::Locked } else { ExitStatus::Failed };
        Self { error, outcome }
    }
}

fn main() -> ExitCode {
    let matches = Cli::command().try_get_matches().unwrap_or_else(|error| without_guesses(error).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = check_places(&matches).map_err(CommandError::from).and_then(|()| run(cli));
    let outcome = outcome.unwrap_or_else(|CommandError { error, outcome }| {
        terminal::error(&error);
        outcome
    });
    outcome.into()
}

fn run(cli: Cli) -> Result<ExitStatus, CommandError> {
    match cli.command {
        Command::Convert(args) => convert(&args),
        Command::Check(args) => check(&args),
        Command::Inspect(args) => inspect(&args),
        Command::Restore(args) => restore(&args),
        Command::Verify(args) => verify(&args),
        Command::Schema(args) => {
            let (tables, format) = args.tables();
            print(schema::render(&tables, format).as_bytes())
        }
        Command::Ddl(args) => ddl(&args),
        Command::Generate(args) => generate(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "trailmill", &mut script);
            print(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Error::internal)?;
            print(&page)
        }
    }
}

fn convert(args: &ConvertArgs) -> Result<ExitStatus, CommandError> {
    let mut config = args.config()?;
    config.faults = fault_injector();
    // Opened before any work is done: it must not turn out after the commit that the report cannot be written.
    let report = args.report.as_deref().map(|path| open_report(path).map(|file| (path, file))).transpose()?;
    let summary = stoppable(args.progress, args.quiet, |progress| trailmill::convert(&config, progress))?;
    if !args.quiet {
        terminal::summary(&summary, &config, args.verbose);
    }
    if let Some((path, mut file)) = report {
        let json = serde_json::to_vec_pretty(&summary).map_err(Error::internal)?;
        file.set_len(0).and_then(|()| file.write_all(&json)).map_err(|error| report_unwritable(path, error))?;
    }
    Ok(if summary.is_clean() { ExitStatus::Clean } else { ExitStatus::Quarantined })
}

/// The fault that the environment requests, in builds with debug assertions.
fn fault_injector() -> Option<Arc<dyn FaultInjector>> {
    if cfg!(debug_assertions) { faults::parse(&std::env::var("TRAILMILL_FAULT").ok()?) } else { None }
}

fn check(args: &CheckArgs) -> Result<ExitStatus, CommandError> {
    let mut config = args.config();
    let report = show_waits(&mut config.store, false).during(|| trailmill::check::check(&config))?;
    print_report(&report, args.format, terminal::check_report)?;
    Ok(if report.is_sound() { ExitStatus::Clean } else { ExitStatus::Unsound })
}

fn restore(args: &RestoreArgs) -> Result<ExitStatus, CommandError> {
    let mut config = args.config();
    config.faults = fault_injector();
    let mut stdout = std::io::stdout().lock();
    let line = show_waits(&mut config.store, args.quiet);
    let summary = line.during(|| trailmill::restore::restore(&config, &mut stdout))?;
    if !args.quiet {
        terminal::restored(&summary, &config);
    }
    Ok(ExitStatus::Clean)
}

fn verify(args: &VerifyArgs) -> Result<ExitStatus, CommandError> {
    let mut config = args.config();
    let report = show_waits(&mut config.store, args.quiet).during(|| trailmill::verify::verify(&config))?;
    if !args.quiet {
        print_report(&report, args.format, terminal::verify_report)?;
    }
    Ok(if report.is_sound() { ExitStatus::Clean } else { ExitStatus::Unsound })
}

fn inspect(args: &InspectArgs) -> Result<ExitStatus, CommandError> {
    let report = stoppable(args.progress, args.quiet, |progress| trailmill::inspect(&args.config(), progress))?;
    print_report(&report, args.format, terminal::inspect_report)?;
    Ok(if report.is_clean() { ExitStatus::Clean } else { ExitStatus::Quarantined })
}

fn ddl(args: &DdlArgs) -> Result<ExitStatus, CommandError> {
    let mut config = args.config();
    print(show_waits(&mut config.store, false).during(|| trailmill::ddl::ddl(&config))?.as_bytes())
}

fn open_report(path: &Path) -> Result<File> {
    // An older report stays until there is a new one.
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    file.map_err(|error| report_unwritable(path, error))
}

fn report_unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::at(ErrorKind::ReportUnwritable, path, error).advise("name a file that can be written to with --report")
}

fn generate(args: &GenerateArgs) -> Result<ExitStatus, CommandError> {
    let config = args.config();
    let summary = generate::generate(&config)?;
    terminal::generated(&config, &summary);
    Ok(ExitStatus::Clean)
}

/// Runs work that has a progress line and can be stopped cleanly by a signal.
fn stoppable<T>(
    progress_arg: ProgressArg,
    is_quiet: bool,
    work: impl FnOnce(&Progress) -> Result<T>,
) -> Result<T, CommandError> {
    let progress = Arc::new(Progress::default());
    let signals = Signals::that_stop(&progress).map_err(Error::internal)?;
    let line = ProgressLine::start(&progress, progress_arg == ProgressArg::Auto, is_quiet);
    line.during(|| work(&progress)).map_err(|error| match error.kind() {
        ErrorKind::Stopped => CommandError { error, outcome: ExitStatus::Stopped(signals.received()) },
        _ => error.into(),
    })
}

/// Shows the waits of a command without a progress line.
fn show_waits(store: &mut StoreOptions, is_quiet: bool) -> ProgressLine {
    let progress = Arc::new(Progress::default());
    progress.attach(store);
    ProgressLine::start(&progress, false, is_quiet)
}

/// Prints a report in the requested format.
fn print_report<R: Serialize>(
    report: &R,
    format: ReportFormat,
    text: impl FnOnce(&R) -> String,
) -> Result<ExitStatus, CommandError> {
    let text = match format {
        ReportFormat::Text => text(report),
        ReportFormat::Json => serde_json::to_string_pretty(report).map_err(Error::internal)? + "\n",
    };
    print(text.as_bytes())
}

/// Writes to stdout; a closed pipe is not an error.
fn print(bytes: &[u8]) -> Result<ExitStatus, CommandError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::internal(error).into()),
        _ => Ok(ExitStatus::Clean),
    }
}
