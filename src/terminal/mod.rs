//! What a command prints at the end.
//!
//! In: a summary or an error. Out: lines on stderr. Never: control characters from an archive or a file name.

#![expect(clippy::print_stderr, reason = "this is the one place that speaks to people")]

mod inspect;
mod next_step;
mod restore;
mod verify;

use std::fmt::Write;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use trailmill::Outcome;
use trailmill::check::CheckReport;
use trailmill::config::Config;
use trailmill::error::{Error, printable, printable_path};
use trailmill::report::{Awaited, ForeignKind, IntegrityCounts, Stage, Summary, Wait, foreign_reason};
use trailmill::schema::Table;

use crate::generate::{GenerateConfig, GenerateSummary};

pub(crate) use inspect::inspect_report;
pub(crate) use restore::restored;
pub(crate) use verify::verify_report;

/// Prints an error.
pub(crate) fn error(error: &Error) {
    eprintln!("error: {error}");
}

/// Prints what a run waits for.
pub(crate) fn waiting(line: &str) {
    eprintln!("{line}");
}

/// What a run waits for, why, and how long.
pub(crate) fn describe_wait(wait: &Wait) -> String {
    let seconds = wait.until.saturating_duration_since(Instant::now()).as_secs();
    let left = if seconds < 60 { format!("{seconds}s") } else { format!("{}m {}s", seconds / 60, seconds % 60) };
    let place = printable(&wait.place);
    match &wait.what {
        Awaited::Store(why) => {
            format!("waiting: {place} does not answer ({}); giving up in {left}", printable_path(why))
        }
        Awaited::OtherRun => format!("waiting: another run is using {place}; giving up in {left}"),
        Awaited::SilentRun => {
            format!("waiting: the run that holds {place} sends no heartbeat; it is presumed dead in {left}")
        }
        _ => format!("waiting: {place}; giving up in {left}"),
    }
}

/// Prints the results of a run.
pub(crate) fn summary(summary: &Summary, config: &Config, is_verbose: bool) {
    eprint!("{}", render(summary, config, is_verbose));
}

/// Prints what was generated.
pub(crate) fn generated(config: &GenerateConfig, summary: &GenerateSummary) {
    eprintln!(
        "{}, {}, {}, {} of JSON in {} below {}",
        counted(summary.archives, "archive"),
        counted(summary.events, "event"),
        counted(summary.usage_records, "usage record"),
        HumanBytes(summary.inflated_bytes),
        HumanBytes(summary.compressed_bytes),
        printable(&config.out.display().to_string()),
    );
}

/// The result of a check, for users.
pub(crate) fn check_report(report: &CheckReport) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_check(&mut out, report);
    out
}

fn write_check(out: &mut String, report: &CheckReport) -> std::fmt::Result {
    let lake = printable(&report.lake.display().to_string());
    writeln!(out, "{:>14}  {lake}, {}", "lake", counted(report.commits, "commit"))?;
    writeln!(out, "{:>14}  {}", "archives", HumanCount(report.archives))?;
    writeln!(out, "{:>14}  {} in {}", "read", HumanBytes(report.bytes), counted(report.parts, "file"))?;
    for table in [Table::Events, Table::UsageRecords, Table::Quarantine] {
        if let Some(rows) = report.rows.get(table.name()) {
            writeln!(out, "{:>14}  {}", table.name(), HumanCount(*rows))?;
        }
    }
    if report.copies > 0 {
        let (copies, are) = (counted(report.copies, "event"), if report.copies == 1 { "is" } else { "are" });
        writeln!(out, "{:>14}  {copies} {are} there more than once, as --no-dedup has left them", "copies")?;
    }
    for (kind, count) in &report.problem_counts {
        writeln!(out, "{:>14}  {} × {kind}", "problem", HumanCount(*count))?;
    }
    for problem in &report.problems {
        writeln!(out, "{:>14}  {}: {}: {}", "", problem.kind.as_str(), problem.place, problem.message)?;
    }
    if report.is_sound() {
        writeln!(out, "{:>14}  nothing is missing, torn or doubled", "sound")?;
    }
    Ok(())
}

fn write_notices(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let notices = &summary.notices;
    if notices.lines == 0 {
        return Ok(());
    }
    let passed_over = if notices.passed_over == 1 { "message passed over" } else { "messages passed over" };
    let named = if notices.references == 1 { "archive named" } else { "archives named" };
    let counts = [(notices.passed_over, passed_over), (notices.wrong, "not understood")];
    write_counts(out, "notices", notices.references, named, &counts)?;
    summary.wrong_notices.iter().take(5).try_for_each(|wrong| writeln!(out, "{:>14}  {wrong}", ""))
}

fn render(summary: &Summary, config: &Config, is_verbose: bool) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_summary(&mut out, summary, config, is_verbose);
    out
}

fn write_summary(out: &mut String, summary: &Summary, config: &Config, is_verbose: bool) -> std::fmt::Result {
    let archives = &summary.archives;
    let counts = [
        (archives.already_converted, "already in the lake"),
        (archives.quarantined, "quarantined"),
        (archives.foreign, "foreign"),
    ];
    write_counts(out, "archives", archives.converted, "converted", &counts)?;
    write_notices(out, summary)?;
    write_integrity(out, summary)?;
    let events = &summary.events;
    let counts = [
        (events.duplicates, duplicates(events.duplicates)),
        (events.quarantined, "quarantined"),
        (events.filtered, "filtered"),
    ];
    write_counts(out, "events", events.written, if config.dry_run { "found" } else { "written" }, &counts)?;
    if config.tables.contains(&Table::UsageRecords) {
        let outcomes: Vec<_> = summary
            .usage_records
            .by_outcome
            .iter()
            .zip(Outcome::ALL)
            .map(|(rows, outcome)| (*rows, outcome.as_str()))
            .collect();
        let written = summary.usage_records.written;
        write!(out, "{:>14}  {}", "usage records", HumanCount(written))?;
        write_list(out, &outcomes)?;
        writeln!(out)?;
    }
    write_sizes(out, summary)?;
    for (reason, count) in &summary.findings {
        writeln!(out, "{:>14}  {count} × {reason}", "refused")?;
    }
    for finding in &summary.first_findings {
        writeln!(out, "{:>14}  {finding}", "")?;
    }
    let shown = summary.first_findings.len() as u64;
    let findings: u64 = summary.findings.iter().map(|(_, count)| count).sum();
    if findings > shown {
        writeln!(out, "{:>14}  … and {} more, all in the quarantine table", "", HumanCount(findings - shown))?;
    }
    for archive in summary.changed_archives.iter().take(3) {
        writeln!(
            out,
            "{:>14}  {} is in the lake in another form: it has changed since, or other selectors left out some of its events; left as it was, --reconvert-changed would replace it",
            "changed",
            printable(archive)
        )?;
    }
    summary.notes.iter().try_for_each(|note| writeln!(out, "{:>14}  {note}", "note"))?;
    for ForeignKind { kind, archives, example } in &summary.foreign_kinds {
        let reason = foreign_reason(kind).map_or_else(String::new, |reason| format!(": {reason}"));
        writeln!(out, "{:>14}  {archives} × {kind}{reason}, such as {}", "foreign", printable_path(example))?;
    }
    if is_verbose {
        for (stage, ms) in Stage::ALL.iter().zip(summary.stages_cpu_ms.0) {
            writeln!(out, "{:>14}  {ms} ms", stage.as_str())?;
        }
        writeln!(out, "{:>14}  {} ms", "longest chain", summary.span_cpu_ms)?;
        if let Some(bytes) = summary.peak_rss_bytes {
            writeln!(out, "{:>14}  {}", "peak memory", HumanBytes(bytes))?;
        }
    }
    write_next_step(out, summary, config)
}

fn write_counts(out: &mut String, noun: &str, main: u64, verb: &str, others: &[(u64, &str)]) -> std::fmt::Result {
    write!(out, "{noun:>14}  {} {verb}", HumanCount(main))?;
    for (count, what) in others.iter().filter(|(count, _)| *count > 0) {
        write!(out, ", {} {what}", HumanCount(*count))?;
    }
    writeln!(out)
}

/// A number with its noun.
fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", HumanCount(number), if number == 1 { "" } else { "s" })
}

const fn duplicates(number: u64) -> &'static str {
    if number == 1 { "duplicate" } else { "duplicates" }
}

fn write_integrity(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let IntegrityCounts { verified, invalid, not_covered } = summary.integrity;
    if verified + invalid + not_covered == 0 {
        return Ok(());
    }
    write_counts(out, "integrity", verified, "verified", &[(invalid, "invalid"), (not_covered, "not covered")])?;
    if verified + invalid == 0 {
        writeln!(out, "{:>14}  no valid digest file declares them; `trailmill verify` says why", "not covered")?;
    }
    for archive in summary.invalid_archives.iter().take(3) {
        let archive = printable(archive);
        writeln!(out, "{:>14}  {archive} is not what digest files declare; `trailmill verify` says why", "invalid")?;
    }
    Ok(())
}

fn write_list(out: &mut String, counts: &[(u64, &str)]) -> std::fmt::Result {
    let mut separator = ": ";
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        write!(out, "{separator}{} {what}", HumanCount(*count))?;
        separator = ", ";
    }
    Ok(())
}

fn write_sizes(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let bytes = &summary.bytes;
    if bytes.compressed == 0 {
        return Ok(());
    }
    write!(out, "{:>14}  {} stored, {} of JSON", "read", HumanBytes(bytes.compressed), HumanBytes(bytes.inflated))?;
    let elapsed = Duration::from_millis(summary.elapsed_ms);
    let speed = bytes.inflated.saturating_mul(1_000) / summary.elapsed_ms.max(1);
    if elapsed < Duration::from_mins(1) {
        writeln!(out, " in {:.1} s ({}/s)", elapsed.as_secs_f64(), HumanBytes(speed))?;
    } else {
        writeln!(out, " in {} ({}/s)", HumanDuration(elapsed), HumanBytes(speed))?;
    }
    if summary.parts > 0 {
        let parts = counted(summary.parts, "file");
        writeln!(out, "{:>14}  {} of Parquet in {parts}", "wrote", HumanBytes(bytes.written))?;
    }
    Ok(())
}

fn write_next_step(out: &mut String, summary: &Summary, config: &Config) -> std::fmt::Result {
    let lake = printable_path(&config.lake.display().to_string());
    if config.dry_run {
        return writeln!(out, "{:>14}  nothing was written: this was a dry run", "lake");
    }
    match summary.commits.as_slice() {
        [commit] => writeln!(out, "{:>14}  {lake}, commit {commit}", "lake")?,
        [first, .., last] => writeln!(out, "{:>14}  {lake}, commits {first} to {last}", "lake")?,
        [] if summary.archives.seen == 0 => {
            return writeln!(out, "{:>14}  no file was found in the inputs that the selectors want", "lake");
        }
        [] => writeln!(out, "{:>14}  {lake}, nothing new to convert", "lake")?,
    }
    let table = if summary.usage_records.written > 0 { Table::UsageRecords } else { Table::Events };
    if config.tables.contains(&table) && summary.events.written > 0 {
        let columns = if table == Table::UsageRecords { "outcome, sum(quantity)" } else { "event_source" };
        if let Some(command) = next_step::command(config, table, columns) {
            writeln!(out, "\nnext: {command}")?;
        }
    }
    Ok(())
}
