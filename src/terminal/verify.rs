//! The result of a validation, for users: in the words and the form of `aws cloudtrail validate-logs`, and beyond.
//!
//! In: a report, whose texts are safe to print. Out: text. Never: a count without its meaning for the user.

use std::fmt::{Result, Write};

use indicatif::HumanCount;
use trailmill::verify::{DigestCounts, Subject, VerifyFinding, VerifyOutcome, VerifyReport};

/// The result of a validation, for users.
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
    write_unlisted(out, report)?;
    if let Some(range) = &requested {
        writeln!(out, "Results requested for {}", range.trim_start_matches("between ").replace(" and ", " to "))?;
    }
    write_results(out, report)?;
    write_not_proved(out, report)
}

/// Maximum number of printed commands; no one pastes more.
const COMMANDS: usize = 20;

/// The command that gets the signature of a digest file that a copy has lost.
fn command(finding: &VerifyFinding) -> Option<&str> {
    let is_unsigned =
        matches!(finding.outcome, VerifyOutcome::DigestWithoutSignature | VerifyOutcome::DigestWithoutProof);
    let is_command = |advice: &&str| ["aws ", "answer=$(aws "].iter().any(|start| advice.starts_with(start));
    finding.advice.as_deref().filter(|advice| is_unsigned && is_command(advice))
}

/// `between A and B`, with open ends where nothing was requested.
fn requested(report: &VerifyReport) -> Option<String> {
    let from = report.requested_from.map_or_else(|| "the beginning".to_owned(), |time| time.to_string());
    let to = report.requested_to.map_or_else(|| "the end".to_owned(), |time| time.to_string());
    let is_requested = report.requested_from.is_some() || report.requested_to.is_some();
    is_requested.then(|| format!("between {from} and {to}"))
}

/// Lines as in the CLI: tab separated, one for each file.
fn write_finding(out: &mut String, finding: &VerifyFinding) -> Result {
    if finding.is_backfill {
        write!(out, "(backfill) ")?;
    }
    let VerifyFinding { place, message, .. } = finding;
    match finding.subject {
        Subject::Digest => write!(out, "Digest file\t{place}\t{message}")?,
        Subject::Log => write!(out, "Log file\t{place}\t{message}")?,
        // The CLI's line for a gap has no columns.
        Subject::Chain if finding.outcome == VerifyOutcome::ChainGap => write!(out, "{message} ({place})")?,
        Subject::Chain => write!(out, "Digest chain\t{place}\t{message}")?,
        Subject::Folder => write!(out, "Folder\t{place}\t{message}")?,
    }
    // Commands are collected at the end, where they can be copied.
    if let Some(advice) = finding.advice.as_ref().filter(|_| command(finding).is_none()) {
        write!(out, " ({advice})")?;
    }
    writeln!(out)
}

/// Problems that are only counted.
fn write_unlisted(out: &mut String, report: &VerifyReport) -> Result {
    let listed =
        |outcome: VerifyOutcome| report.findings.iter().filter(|finding| finding.outcome == outcome).count() as u64;
    for outcome in VerifyOutcome::ALL.iter().copied() {
        let listed = listed(outcome);
        let unlisted = report.count(outcome) - listed;
        if listed > 0 && unlisted > 0 {
            writeln!(out, "… and {} more: {}", HumanCount(unlisted), outcome.text())?;
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

/// Files that are neither valid nor wrong, and what to do about them.
fn write_not_proved(out: &mut String, report: &VerifyReport) -> Result {
    let logs = [
        VerifyOutcome::LogBeforeFirst,
        VerifyOutcome::LogBeforeOldest,
        VerifyOutcome::LogAfterLast,
        VerifyOutcome::LogInGap,
        VerifyOutcome::LogOfMissingDigest,
        VerifyOutcome::LogOfOlderBackfill,
        VerifyOutcome::LogOfInvalidDigest,
    ];
    for outcome in logs.into_iter().filter(|outcome| report.count(*outcome) > 0) {
        writeln!(out, "{} log files {}", HumanCount(report.count(outcome)), outcome.text())?;
    }
    if report.other_files > 0 {
        let files = HumanCount(report.other_files);
        write!(out, "{files} other files, which CloudTrail does not deliver, were not looked at")?;
        let has_digests = report.digests.total + report.backfill_digests.total > 0;
        writeln!(out, "{}", if has_digests { "" } else { "; tar and zip files have to be unpacked first" })?;
    }
    let commands: Vec<&str> = report.findings.iter().filter_map(command).collect();
    if commands.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nA copy has lost the signature of a digest file that is the newest of its chain, or the last one before a gap: only the metadata of its S3 object has it. To prove these digest files and the log files that they declare, run this and verify again:"
    )?;
    commands.iter().take(COMMANDS).try_for_each(|command| writeln!(out, "  {command}"))?;
    let all = report.count(VerifyOutcome::DigestWithoutSignature) + report.count(VerifyOutcome::DigestWithoutProof);
    match all.saturating_sub(COMMANDS as u64) {
        0 => Ok(()),
        more => writeln!(out, "  # … and {} more: `-v --format json` has each as `advice`", HumanCount(more)),
    }
}
