//! The result of an inspection, for users.
//!
//! In: a report. Out: aligned tables. Never: unescaped text of an archive or a lake.

use std::fmt::{Result, Write};

use indicatif::{HumanBytes, HumanCount};
use trailmill::Outcome;
use trailmill::error::printable;
use trailmill::inspect::{Contents, FieldCounts, Histogram, HistogramUnit, InspectReport, LakeReport};
use trailmill::report::foreign_reason;
use trailmill::schema::Table;

use super::{counted, duplicates, write_counts, write_list};

/// Width of the longest bar.
const BAR_WIDTH: u64 = 40;

/// A report, as text.
pub(crate) fn inspect_report(report: &InspectReport) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &InspectReport) -> Result {
    if let Some(contents) = &report.archives {
        write_contents(out, contents, true)?;
    }
    for (at, lake) in report.lakes.iter().enumerate() {
        if at > 0 || report.archives.is_some() {
            writeln!(out)?;
        }
        write_lake(out, lake)?;
    }
    Ok(())
}

fn write_lake(out: &mut String, report: &LakeReport) -> Result {
    let lake = printable(&report.lake.display().to_string());
    write!(out, "{:>14}  {lake}, {}", "lake", counted(report.commits, "commit"))?;
    if report.partition_by.is_empty() {
        writeln!(out)?;
    } else {
        writeln!(out, ", partitioned by {}", printable(&report.partition_by))?;
    }
    let tables = report.tables.iter().filter(|table| table.parts > 0).map(|table| {
        let partitions = if table.partitions > 0 { HumanCount(table.partitions).to_string() } else { String::new() };
        let (rows, parts) = (HumanCount(table.rows).to_string(), HumanCount(table.parts).to_string());
        [table.table.to_owned(), rows, parts, HumanBytes(table.bytes).to_string(), partitions]
    });
    write_table(out, ["table", "rows", "parts", "bytes", "partitions"], &tables.collect::<Vec<_>>(), 1)?;
    if report.contents.rows == 0 {
        writeln!(out, "{:>14}  it has no rows of events or usage records that are wanted", "empty")?;
    } else if report.contents.counted != Table::Events.name() {
        writeln!(out, "{:>14}  usage records, since the lake has no events", "counted")?;
    }
    write_contents(out, &report.contents, false)
}

fn write_contents(out: &mut String, contents: &Contents, is_of_inputs: bool) -> Result {
    let archives = &contents.archives;
    if archives.seen == 0 && is_of_inputs {
        return writeln!(out, "{:>14}  no file was found in the inputs that the selectors want", "archives");
    }
    let counts = [
        (archives.converted, if is_of_inputs { "CloudTrail" } else { "converted" }),
        (archives.quarantined, if is_of_inputs { "refused" } else { "quarantined" }),
        (archives.foreign, "foreign"),
    ];
    write!(out, "{:>14}  {}", "archives", HumanCount(archives.seen))?;
    write_list(out, &counts)?;
    let bytes = &contents.bytes;
    writeln!(out, "\n{:>14}  {} stored, {} of JSON", "size", HumanBytes(bytes.stored), HumanBytes(bytes.inflated))?;
    let events = &contents.events;
    let counts = [
        (events.duplicates, duplicates(events.duplicates)),
        (events.refused, "refused"),
        (events.filtered, "filtered"),
    ];
    write_counts(out, "events", events.found, "found", &counts)?;
    let records = &contents.usage_records;
    write!(out, "{:>14}  {}", "usage records", HumanCount(records.written))?;
    let outcomes = records.by_outcome.iter().zip(Outcome::ALL).map(|(rows, outcome)| (*rows, outcome.as_str()));
    write_list(out, &outcomes.collect::<Vec<_>>())?;
    writeln!(out)?;
    if let (Some(first), Some(last)) = (&contents.first_event_time, &contents.last_event_time) {
        writeln!(out, "{:>14}  {first} to {last}", "event time")?;
    }
    write_kinds(out, contents)?;
    write_findings(out, contents, is_of_inputs)?;
    if contents.rows == 0 {
        return Ok(());
    }
    for field in &contents.fields {
        writeln!(out)?;
        write_heading(out, field, contents)?;
        if field.field == "event_date" {
            write_histogram(out, &contents.histogram)?;
        } else {
            write_values(out, field, contents.rows)?;
        }
    }
    Ok(())
}

fn write_kinds(out: &mut String, contents: &Contents) -> Result {
    let rows = contents.kinds.iter().map(|kind| {
        let (archives, events) = (HumanCount(kind.archives).to_string(), HumanCount(kind.events).to_string());
        [printable(&kind.kind), printable(&kind.status), archives, events]
    });
    write_table(out, ["kind", "status", "archives", "events"], &rows.collect::<Vec<_>>(), 2)?;
    let reasons = contents.kinds.iter().filter_map(|kind| Some((kind, foreign_reason(&kind.kind)?)));
    for (kind, reason) in reasons.filter(|(kind, _)| kind.status == "foreign") {
        writeln!(out, "{:>14}  {}: {reason}", "foreign", printable(&kind.kind))?;
    }
    Ok(())
}

fn write_findings(out: &mut String, contents: &Contents, is_of_inputs: bool) -> Result {
    let noun = if is_of_inputs { "refused" } else { "quarantine" };
    for (reason, count) in &contents.findings {
        writeln!(out, "{noun:>14}  {} × {}", HumanCount(*count), printable(reason))?;
    }
    for finding in &contents.first_findings {
        writeln!(out, "{:>14}  {finding}", "")?;
    }
    let findings: u64 = contents.findings.iter().map(|(_, count)| count).sum();
    let more = findings.saturating_sub(contents.first_findings.len() as u64);
    if more > 0 { writeln!(out, "{:>14}  … and {} more", "", HumanCount(more)) } else { Ok(()) }
}

/// The number of values of a field.
fn write_heading(out: &mut String, field: &FieldCounts, contents: &Contents) -> Result {
    let more_than = if field.is_exact { "" } else { "more than " };
    write!(out, "{}: {more_than}{}", field.field, counted(field.distinct, "value"))?;
    if field.absent > 0 {
        let noun = if contents.counted == Table::Events.name() { "event" } else { "usage record" };
        write!(out, ", {} without", counted(field.absent, noun))?;
    }
    if let Some(most) = field.others_at_most {
        write!(out, "; no other has more than {}", HumanCount(most))?;
    }
    writeln!(out)
}

fn write_values(out: &mut String, field: &FieldCounts, rows: u64) -> Result {
    let mut lines: Vec<[String; 3]> = Vec::new();
    let mut listed = field.absent;
    for value in &field.top {
        listed += value.events;
        let at_most = value.at_most.map(|most| format!(" (at most {})", HumanCount(most))).unwrap_or_default();
        let name = if value.value.is_empty() { "\"\"".to_owned() } else { printable(&value.value) };
        let share = format!("{:.2}%{at_most}", value.percent);
        lines.push([name, HumanCount(value.events).to_string(), share]);
    }
    let others = field.distinct.saturating_sub(field.top.len() as u64);
    if others > 0 && field.is_exact && !field.top.is_empty() {
        let name = format!("… {} more", HumanCount(others));
        lines.push([name, HumanCount(rows.saturating_sub(listed)).to_string(), String::new()]);
    }
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let (name_width, events_width) = (width(0), width(1));
    for [name, events, share] in &lines {
        // A share is right-aligned, except for what follows it.
        let share = if share.is_empty() { String::new() } else { format!("  {share:>7}") };
        writeln!(out, "  {name:<name_width$}  {events:>events_width$}{share}")?;
    }
    Ok(())
}

fn write_histogram(out: &mut String, histogram: &Histogram) -> Result {
    let most = histogram.bars.iter().map(|bar| bar.events).max().unwrap_or_default();
    let width = HumanCount(most).to_string().len();
    if histogram.unit != HistogramUnit::Day {
        let unit = if histogram.unit == HistogramUnit::Month { "month" } else { "year" };
        writeln!(out, "  by {unit}")?;
    }
    if histogram.earlier_events > 0 {
        writeln!(out, "  {} in earlier years", HumanCount(histogram.earlier_events))?;
    }
    for bar in &histogram.bars {
        let events = HumanCount(bar.events).to_string();
        writeln!(out, "  {}  {events:>width$}  {:>6.2}%  {}", bar.date, bar.percent, blocks(bar.events, most))?;
    }
    Ok(())
}

/// A bar in eighths of a character; only zero events give none.
fn blocks(events: u64, most: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = u128::from(events) * u128::from(BAR_WIDTH) * 8 / u128::from(most.max(1));
    let eighths = usize::try_from(eighths).unwrap_or_default().max(usize::from(events > 0));
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// A small table whose first `words` columns are words, and the others numbers.
fn write_table<const N: usize>(out: &mut String, names: [&str; N], rows: &[[String; N]], words: usize) -> Result {
    if rows.is_empty() {
        return Ok(());
    }
    let names = names.map(str::to_owned);
    let lines = || [&names].into_iter().chain(rows);
    let width = |at: usize| lines().map(|line| line[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    for line in lines() {
        let cells = line.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            let width = if at == 0 { (*width).max(14) } else { *width };
            if at == 0 || at >= words { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(blocks(100, 100), "█".repeat(40));
        assert_eq!(blocks(50, 100), "█".repeat(20));
        assert_eq!(blocks(1, u64::MAX), "▏");
        assert_eq!(blocks(3, 64), "█▉");
        assert_eq!((blocks(0, 5).as_str(), blocks(0, 0).as_str()), ("", ""));
    }
}
