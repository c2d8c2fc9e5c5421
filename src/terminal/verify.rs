//! What a person reads of a validation: the words and the form of `aws cloudtrail validate-logs`, and what it cannot say.
//!
//! In: a report, whose texts are safe to print. Out: text. Never: a count without what it means for the reader.

use std::fmt::{Result, Write};

use indicatif::HumanCount;
use trailmill::verify::{DigestCounts, Finding, Outcome, Subject, VerifyReport};

/// What a validation found, for people.
pub(crate) fn verify_report(report: &VerifyReport) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &VerifyReport) -> Result {
    write!(out, "Validating log files in {}", report.inputs.join(", "))?;
    let requested = requested(report);
    if let Some(range) = &requested {
        write!(out, " {range}")?;
    }
    writeln!(out, "\n")?;
    for finding in &report.findings {
        write_finding(out, finding)?;
    }
    if !report.findings.is_empty() {
        writeln!(out)?;
    }
    write_untold(out, report)?;
    if let Some(range) = &requested {
        writeln!(out, "Results requested for {}", range.trim_start_matches("between ").replace(" and ", " to "))?;
    }
    write_results(out, report)?;
    write_not_proved(out, report)
}

/// Whether it is about a digest file whose signature a copy has lost.
fn is_unsigned(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::DigestWithoutSignature | Outcome::DigestWithoutProof)
}

/// `between A and B`, with what was not requested left open.
fn requested(report: &VerifyReport) -> Option<String> {
    let from = report.requested_from.map_or_else(|| "the beginning".to_owned(), |time| time.to_string());
    let to = report.requested_to.map_or_else(|| "the end".to_owned(), |time| time.to_string());
    let is_requested = report.requested_from.is_some() || report.requested_to.is_some();
    is_requested.then(|| format!("between {from} and {to}"))
}

/// The lines of the CLI: tab separated, one for each file.
fn write_finding(out: &mut String, finding: &Finding) -> Result {
    if finding.is_backfill {
        write!(out, "(backfill) ")?;
    }
    let Finding { place, message, .. } = finding;
    match finding.subject {
        Subject::Digest => write!(out, "Digest file\t{place}\t{message}")?,
        Subject::Log => write!(out, "Log file\t{place}\t{message}")?,
        // The CLI's line for a gap has no columns.
        Subject::Chain if finding.outcome == Outcome::ChainGap => write!(out, "{message} ({place})")?,
        Subject::Chain => write!(out, "Digest chain\t{place}\t{message}")?,
    }
    // How to get a signature is said once, at the end.
    if let Some(advice) = finding.advice.as_ref().filter(|_| !is_unsigned(finding)) {
        write!(out, " ({advice})")?;
    }
    writeln!(out)
}

/// Problems that are only counted.
fn write_untold(out: &mut String, report: &VerifyReport) -> Result {
    let told = |outcome: Outcome| report.findings.iter().filter(|finding| finding.outcome == outcome).count() as u64;
    for outcome in Outcome::ALL.iter().copied() {
        let told = told(outcome);
        let untold = report.count(outcome) - told;
        if told > 0 && untold > 0 {
            writeln!(out, "… and {} more: {}", HumanCount(untold), outcome.text())?;
        }
    }
    Ok(())
}

fn write_results(out: &mut String, report: &VerifyReport) -> Result {
    if report.digests.total + report.backfill_digests.total == 0 {
        writeln!(out, "No digests found")?;
    } else if let (Some(from), Some(to)) = (report.found_from, report.found_to) {
        writeln!(out, "Results found for {from} to {to}:\n")?;
        write_digests(out, "digest files", &report.digests)?;
        write_digests(out, "backfill digest files", &report.backfill_digests)?;
    } else {
        writeln!(out, "No valid digests found in range\n")?;
        write_digests(out, "digest files", &report.digests)?;
        write_digests(out, "backfill digest files", &report.backfill_digests)?;
    }
    let logs = &report.logs;
    if logs.total > 0 {
        write!(out, "{}/{} log files valid", logs.valid, logs.total)?;
        if logs.invalid > 0 {
            write!(out, ", {}/{} log files INVALID", logs.invalid, logs.total)?;
        }
        if logs.not_proved > 0 {
            write!(out, ", {}/{} log files not proved", logs.not_proved, logs.total)?;
        }
        writeln!(out)?;
    }
    if logs.undeclared > 0 {
        writeln!(out, "{} log files UNDECLARED", logs.undeclared)?;
    }
    Ok(())
}

fn write_digests(out: &mut String, what: &str, counts: &DigestCounts) -> Result {
    let DigestCounts { total, valid, without_signature, invalid } = counts;
    if *total == 0 {
        return Ok(());
    }
    write!(out, "{valid}/{total} {what} valid")?;
    if *invalid > 0 {
        write!(out, ", {invalid}/{total} {what} INVALID")?;
    }
    if *without_signature > 0 {
        write!(out, ", {without_signature}/{total} {what} without signature")?;
    }
    writeln!(out)
}

/// What is neither valid nor wrong, and what to do about it.
fn write_not_proved(out: &mut String, report: &VerifyReport) -> Result {
    let logs = [
        Outcome::LogBeforeFirst,
        Outcome::LogBeforeOldest,
        Outcome::LogAfterLast,
        Outcome::LogInGap,
        Outcome::LogOfMissingDigest,
        Outcome::LogOfInvalidDigest,
    ];
    for outcome in logs.into_iter().filter(|outcome| report.count(*outcome) > 0) {
        writeln!(out, "{} log files {}", HumanCount(report.count(outcome)), outcome.text())?;
    }
    let older = report.count(Outcome::ChainOlder);
    if older > 0 {
        writeln!(out, "{} × older digest files of a chain are not here: not copied, or removed", HumanCount(older))?;
    }
    let advice =
        report.findings.iter().filter(|finding| is_unsigned(finding)).find_map(|finding| finding.advice.as_deref());
    if let Some(advice) = advice {
        writeln!(
            out,
            "\nThe signature of the newest digest file of a chain is in the metadata of its S3 object alone, which copies lose; to prove it and the log files that it declares, get it and verify again, for each such digest file:\n  {advice}"
        )?;
    }
    Ok(())
}
