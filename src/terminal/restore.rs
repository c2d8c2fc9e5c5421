//! What `trailmill restore` prints at the end.
//!
//! In: the library's summary. Out: text for stderr. Never: text for stdout, which is for events.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use trailmill::error::printable;
use trailmill::restore::{FilterHint, RestoreConfig, RestoreSummary};

use super::counted;

/// Prints what was restored.
pub(crate) fn restored(summary: &RestoreSummary, config: &RestoreConfig) {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_restored(&mut out, summary, config);
    eprint!("{out}");
}

fn write_restored(out: &mut String, summary: &RestoreSummary, config: &RestoreConfig) -> std::fmt::Result {
    let RestoreSummary { events, json_bytes, parts, parts_skipped, read_bytes, archives, archive_bytes, .. } = *summary;
    let elapsed = Duration::from_millis(summary.elapsed_ms);
    let speed = json_bytes.saturating_mul(1_000) / summary.elapsed_ms.max(1);
    writeln!(
        out,
        "{:>14}  {}, {} of JSON in {:.1} s ({}/s){}",
        "events",
        HumanCount(events),
        HumanBytes(json_bytes),
        elapsed.as_secs_f64(),
        HumanBytes(speed),
        if summary.is_cut_short { ", cut short" } else { "" }
    )?;
    writeln!(
        out,
        "{:>14}  {} of {}, {} skipped",
        "read",
        HumanBytes(read_bytes),
        counted(parts, "file"),
        HumanCount(parts_skipped)
    )?;
    if let Some(folder) = &config.out {
        let folder = printable(&folder.path.display().to_string());
        writeln!(
            out,
            "{:>14}  {}, {} below {folder}",
            "wrote",
            counted(archives, "archive"),
            HumanBytes(archive_bytes)
        )?;
    }
    if events == 0 && !summary.is_cut_short {
        writeln!(out, "{:>14}  no event of the lake is wanted by these filters", "nothing")?;
        summary.hints.iter().try_for_each(|hint| write_hint(out, hint))?;
        let filter = &config.filter;
        let lists = [&filter.principals, &filter.source_ips, &filter.event_names, &filter.event_sources];
        let typed = lists.into_iter().chain([&filter.accounts, &filter.regions]).map(Vec::len).sum::<usize>();
        if typed > summary.hints.len() && !summary.hints.is_empty() {
            let others = counted((typed - summary.hints.len()) as u64, "other value");
            writeln!(out, "{:>14}  {others} not looked for one by one", "hint")?;
        }
        if let Some((first, last)) = &summary.lake_dates {
            writeln!(out, "{:>14}  events of the lake are from {} to {}", "dates", printable(first), printable(last))?;
        }
    }
    Ok(())
}

/// Suggestions for a value, or that it is not the cause.
fn write_hint(out: &mut String, hint: &FilterHint) -> std::fmt::Result {
    let FilterHint { flag, value, is_there, near } = hint;
    // In quotes where it could not be distinguished from its surroundings.
    let shown = |text: &str| {
        let text = printable(text);
        if text.is_empty() || text.contains(char::is_whitespace) { format!("\"{text}\"") } else { text }
    };
    let value = shown(value);
    let near: Vec<String> = near.iter().map(|name| shown(name)).collect();
    match near.as_slice() {
        _ if *is_there => writeln!(out, "{:>14}  {flag} {value} alone would find something", "hint"),
        [] => writeln!(out, "{:>14}  {flag} {value}: nothing like it was seen in the lake", "hint"),
        [others @ .., last] if !others.is_empty() => {
            writeln!(out, "{:>14}  {flag} {value}: did you mean {} or {last}?", "hint", others.join(", "))
        }
        [name, ..] => writeln!(out, "{:>14}  {flag} {value}: did you mean {name}?", "hint"),
    }
}
