//! The report of a validation.
//!
//! In: outcomes of digest files and log files. Out: counts of all, and lines about those that matter. Never: text of a
//! digest file or a file name that is not safe to print.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::outcome::{Severity, Subject, VerifyOutcome};
use super::place::Area;
use crate::error::{printable, printable_path};

/// Maximum lines of one outcome unless all are requested; all are counted.
pub(super) const MAX_LISTED: usize = 1_000;

/// A line of the report. All texts are safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyFinding {
    /// Its outcome.
    pub outcome: VerifyOutcome,
    /// Its subject.
    pub subject: Subject,
    /// Its severity.
    pub severity: Severity,
    /// Whether it is about backfill digest files.
    pub is_backfill: bool,
    /// `s3://bucket/key` where a trusted digest file gives it, otherwise the path; for a chain, its identity.
    pub place: String,
    /// The local file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The words of the text report.
    pub message: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl VerifyFinding {
    pub(super) fn new(outcome: VerifyOutcome, place: &str) -> Self {
        Self {
            outcome,
            subject: outcome.subject(),
            severity: outcome.severity(),
            is_backfill: false,
            place: printable_path(place),
            path: None,
            message: outcome.text().to_owned(),
            advice: None,
        }
    }

    pub(super) fn with_detail(mut self, more: &str) -> Self {
        self.message.push_str(&printable(more));
        self
    }

    pub(super) fn at(mut self, path: &Path) -> Self {
        self.path = Some(printable_path(&path.display().to_string()));
        self
    }
}

/// Lines so far, and the number of each outcome.
#[derive(Default)]
pub(super) struct ReportLines {
    verbose: bool,
    counts: BTreeMap<VerifyOutcome, u64>,
    /// With their positions in the report: a digest file, and 0 or a log file that it declares.
    pub(super) entries: Vec<((u32, u32), VerifyFinding)>,
}

impl ReportLines {
    pub(super) fn new(verbose: bool) -> Self {
        Self { verbose, ..Self::default() }
    }

    /// Counts an outcome; whether it is to be reported.
    pub(super) fn count(&mut self, outcome: VerifyOutcome) -> bool {
        let count = self.counts.entry(outcome).or_default();
        *count += 1;
        self.verbose || (outcome.is_listed() && *count <= MAX_LISTED as u64)
    }

    pub(super) fn push(&mut self, place: (u32, u32), finding: VerifyFinding) {
        self.entries.push((place, finding));
    }

    /// Adds the lines of an account and Region.
    pub(super) fn add(&mut self, other: Self) {
        for (outcome, count) in other.counts {
            *self.counts.entry(outcome).or_default() += count;
        }
        self.entries.extend(other.entries);
    }

    /// The lines of a report, in order.
    pub(super) fn into_findings(mut self, report: &mut VerifyReport) {
        for (outcome, count) in &self.counts {
            report.add(*outcome, *count);
        }
        self.entries.sort_by_key(|(place, _)| *place);
        let mut entries = BTreeMap::<VerifyOutcome, usize>::new();
        let findings = self.entries.into_iter().map(|(_, finding)| finding).filter(|finding| {
            let count = entries.entry(finding.outcome).or_default();
            *count += 1;
            self.verbose || *count <= MAX_LISTED
        });
        report.findings = findings.collect();
    }
}

/// Digest files by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DigestCounts {
    /// All in the requested range, including missing ones.
    pub total: u64,
    /// Proved.
    pub valid: u64,
    /// Without a signature.
    pub without_signature: u64,
    /// Missing or wrong.
    pub invalid: u64,
}

impl DigestCounts {
    pub(super) fn add(&mut self, other: Self) {
        self.total += other.total;
        self.valid += other.valid;
        self.without_signature += other.without_signature;
        self.invalid += other.invalid;
    }
}

/// Log files by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogCounts {
    /// Declared by digest files of the requested range that are not invalid: `valid`, `not_proved` and `invalid`.
    pub total: u64,
    /// Proved.
    pub valid: u64,
    /// Declared by a digest file without a signature.
    pub not_proved: u64,
    /// Missing or wrong.
    pub invalid: u64,
    /// Present, and not declared where they should be.
    pub undeclared: u64,
    /// Present, and not covered by any valid digest file.
    pub not_covered: u64,
}

/// One chain of digest files: those of a trail in an account and Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Account and Region.
    #[serde(flatten)]
    pub area: Area,
    /// The trail, as file names give it.
    pub trail: String,
    /// The Region that the trail is in.
    pub home_region: String,
    /// Whether it is the backfill chain.
    pub is_backfill: bool,
    /// Digest files present, in the requested range.
    pub digests: u64,
    /// Valid ones of them.
    pub valid: u64,
    /// Start of the oldest that is not invalid.
    pub from: Option<jiff::Timestamp>,
    /// End of the newest that is not invalid.
    pub to: Option<jiff::Timestamp>,
}

/// The result of a validation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifyReport {
    /// The inputs, as given.
    pub inputs: Vec<String>,
    /// First requested day, from its beginning.
    pub requested_from: Option<jiff::Timestamp>,
    /// Last requested day, to its end.
    pub requested_to: Option<jiff::Timestamp>,
    /// Start of the oldest digest file of the range that is not invalid.
    pub found_from: Option<jiff::Timestamp>,
    /// End of the newest.
    pub found_to: Option<jiff::Timestamp>,
    /// Digest files.
    pub digests: DigestCounts,
    /// Backfill digest files.
    pub backfill_digests: DigestCounts,
    /// Log files.
    pub logs: LogCounts,
    /// Other files, which were not read.
    pub other_files: u64,
    /// Bytes of the log files that were hashed, as stored.
    pub stored_bytes: u64,
    /// Bytes that were hashed.
    pub inflated_bytes: u64,
    /// Chains of digest files.
    pub chains: Vec<Chain>,
    /// Counts by outcome.
    pub outcome_counts: BTreeMap<&'static str, u64>,
    /// Lines: problems and what is not proved; valid files too when all is requested.
    pub findings: Vec<VerifyFinding>,
}

impl VerifyReport {
    /// Whether there are no problems and something is proved. The newest digest file of a chain without its signature
    /// is not a problem, and neither are log files that digest files cannot cover: they are counted.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_problem = |outcome: &&VerifyOutcome| outcome.severity() == Severity::Problem;
        self.digests.valid + self.backfill_digests.valid > 0
            && VerifyOutcome::ALL.iter().filter(is_problem).all(|outcome| self.count(*outcome) == 0)
    }

    /// The number of this outcome.
    #[must_use]
    pub fn count(&self, outcome: VerifyOutcome) -> u64 {
        self.outcome_counts.get(outcome.as_str()).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, outcome: VerifyOutcome, count: u64) {
        if count > 0 {
            *self.outcome_counts.entry(outcome.as_str()).or_default() += count;
        }
    }

    /// Computes the totals from the counts by outcome.
    pub(super) fn sum_up_logs(&mut self) {
        let sum = |wanted: &[VerifyOutcome]| wanted.iter().map(|outcome| self.count(*outcome)).sum();
        let invalid = [
            VerifyOutcome::LogHashDiffers,
            VerifyOutcome::LogTrailingData,
            VerifyOutcome::LogMalformed,
            VerifyOutcome::LogUnreadable,
            VerifyOutcome::LogHashUnknown,
            VerifyOutcome::LogMissing,
        ];
        let mut logs = LogCounts {
            total: 0,
            valid: sum(&[VerifyOutcome::LogValid]),
            not_proved: sum(&[VerifyOutcome::LogNotProved]),
            invalid: sum(&invalid),
            undeclared: sum(&[
                VerifyOutcome::LogUndeclared,
                VerifyOutcome::LogOutOfHour,
                VerifyOutcome::LogOfUnknownTrail,
                VerifyOutcome::LogMisplaced,
                VerifyOutcome::LogWithoutDigests,
            ]),
            not_covered: sum(&[
                VerifyOutcome::LogOfInvalidDigest,
                VerifyOutcome::LogOfMissingDigest,
                VerifyOutcome::LogOfOlderBackfill,
                VerifyOutcome::LogBeforeFirst,
                VerifyOutcome::LogBeforeOldest,
                VerifyOutcome::LogAfterLast,
                VerifyOutcome::LogInGap,
            ]),
        };
        logs.total = logs.valid + logs.not_proved + logs.invalid;
        self.logs = logs;
    }
}
