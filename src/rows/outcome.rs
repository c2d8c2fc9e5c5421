//! What is known of an archive when it is done.
//!
//! In: counts and findings of its parts. Out: one [`ArchiveOutcome`]. Never: a count that another could contradict.

use crate::error::{Finding, Reason};
use crate::model::Outcome;
use crate::split::outcome::{ArchiveStatus, MAX_ORIGINAL_BYTES, SplitOutcome};
use crate::split::shape;

/// What was counted among the convertible events of an archive, or of a piece of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConvertCounts {
    pub(crate) events_written: u64,
    pub(crate) duplicates: u64,
    pub(crate) filtered: u64,
    pub(crate) usage_records_by_outcome: [u64; Outcome::ALL.len()],
    pub(crate) oldest_event_time_ms: Option<i64>,
    pub(crate) newest_event_time_ms: Option<i64>,
    /// Whether events were counted without being read, so that the times tell of others only.
    pub(crate) has_unread: bool,
    /// One for each event that was refused.
    pub(crate) findings: Vec<Finding>,
}

impl ConvertCounts {
    /// Adds the counts of the next piece of the same archive.
    pub(crate) fn add(&mut self, other: Self) {
        self.events_written += other.events_written;
        self.duplicates += other.duplicates;
        self.filtered += other.filtered;
        for (total, rows) in self.usage_records_by_outcome.iter_mut().zip(other.usage_records_by_outcome) {
            *total += rows;
        }
        self.has_unread |= other.has_unread;
        self.add_time(other.oldest_event_time_ms);
        self.add_time(other.newest_event_time_ms);
        self.findings.extend(other.findings);
    }

    pub(crate) fn add_time(&mut self, event_time_ms: Option<i64>) {
        if let Some(time) = event_time_ms {
            self.oldest_event_time_ms = Some(self.oldest_event_time_ms.map_or(time, |oldest| oldest.min(time)));
            self.newest_event_time_ms = Some(self.newest_event_time_ms.map_or(time, |newest| newest.max(time)));
        }
    }
}

/// Kind of an archive that could not be read: another run may be luckier.
pub(crate) const UNREADABLE: &str = "unreadable";
/// Kind of a member of a container that is damaged there: another copy of the container may be sound.
pub(crate) const DAMAGED: &str = "damaged";
/// Kind of an archive above the limit: another run may have a higher one.
pub(crate) const TOO_LARGE: &str = "too_large";

/// What became of an archive, and why.
#[derive(Clone, Debug)]
pub(crate) struct ArchiveOutcome {
    pub(crate) status: ArchiveStatus,
    pub(crate) kind: &'static str,
    pub(crate) events_seen: u64,
    pub(crate) quarantined: u64,
    /// Counts of what was converted; its findings are in [`ArchiveOutcome::findings`].
    pub(crate) counts: ConvertCounts,
    pub(crate) findings: Vec<Finding>,
}

impl ArchiveOutcome {
    /// Puts together what was found while cutting and while converting, in the order of the text.
    pub(crate) fn new(split_outcome: SplitOutcome, mut counts: ConvertCounts, damage: Option<Finding>) -> Self {
        let mut findings = split_outcome.findings;
        let refused = std::mem::take(&mut counts.findings);
        let quarantined = split_outcome.quarantined + refused.len() as u64;
        findings.extend(refused);
        findings.sort_by_key(|finding| finding.byte_offset);
        let mut outcome = Self {
            status: split_outcome.status,
            kind: split_outcome.kind,
            events_seen: split_outcome.events_seen,
            quarantined,
            counts,
            findings,
        };
        if let Some(mut finding) = damage {
            finding.original.truncate(MAX_ORIGINAL_BYTES);
            // What ends early and has no event to show is not known to be anything.
            if finding.reason.is_cut() && outcome.events_seen == 0 {
                outcome.status = ArchiveStatus::Quarantined;
            }
            outcome.findings.push(finding);
        }
        outcome
    }

    /// No CloudTrail archive.
    pub(crate) fn foreign(kind: &'static str) -> Self {
        Self::new(SplitOutcome::foreign(kind), ConvertCounts::default(), None)
    }

    /// A container, whose members are archives of their own.
    pub(crate) fn container(kind: &'static str, findings: Vec<Finding>) -> Self {
        let status = ArchiveStatus::Converted;
        let split_outcome = SplitOutcome { status, kind, events_seen: 0, quarantined: 0, findings };
        Self::new(split_outcome, ConvertCounts::default(), None)
    }

    /// Refused before it was text.
    pub(crate) fn refused(mut finding: Finding) -> Self {
        finding.original.truncate(MAX_ORIGINAL_BYTES);
        let kind = match finding.reason {
            Reason::ReadFailed => UNREADABLE,
            Reason::ContainerDamaged => DAMAGED,
            Reason::InflatedTooLarge => TOO_LARGE,
            _ => "unknown",
        };
        let findings = vec![finding];
        let split_outcome =
            SplitOutcome { status: ArchiveStatus::Quarantined, kind, events_seen: 0, quarantined: 0, findings };
        Self::new(split_outcome, ConvertCounts::default(), None)
    }

    /// Takes a file for damage that is called like a log file of CloudTrail, holds no document and is nothing else that is
    /// known; `stored` gives its bytes.
    pub(crate) fn reject_damaged_log(&mut self, is_gzip_name: bool, stored: impl FnOnce() -> Vec<u8>) {
        let is_unknown = [
            shape::JSON,
            shape::TAR,
            shape::ZIP,
            shape::EMPTY,
            shape::TEXT,
            shape::MARKUP,
            shape::GIT_LFS_POINTER,
            shape::ZEROS,
            shape::BINARY,
        ]
        .contains(&self.kind);
        if self.status != ArchiveStatus::Foreign || !(is_unknown || shape::is_compressed(self.kind)) {
            return;
        }
        let mut original = stored();
        original.truncate(MAX_ORIGINAL_BYTES);
        let has_lost_its_start = is_gzip_name && !original.starts_with(b"\x1f\x8b");
        let (reason, message) = match self.kind {
            shape::EMPTY => (Reason::Empty, "there is no text in it"),
            shape::JSON => (Reason::NoEvents, "JSON without events in place of a log file"),
            shape::MARKUP => {
                (Reason::JsonInvalid, "an XML or HTML page, such as a store's error, in place of a log file")
            }
            shape::GIT_LFS_POINTER => {
                (Reason::JsonInvalid, "a Git LFS pointer in place of a log file: `git lfs pull` fetches that")
            }
            shape::ZEROS | shape::BINARY if has_lost_its_start => {
                (Reason::GzipCorrupt, "it does not begin as a gzip file does")
            }
            shape::ZEROS => (Reason::JsonInvalid, "nothing but zeros in place of JSON"),
            shape::BINARY => (Reason::JsonInvalid, "bytes that are no text in place of JSON"),
            shape::TEXT => (Reason::JsonInvalid, "text that does not begin with `{` or `[`"),
            shape::ZIP | shape::TAR => (
                Reason::CompressionUnsupported,
                "what is called like a log file is not looked into: unpack it, or rename it",
            ),
            _ => (Reason::CompressionUnsupported, "unpack it and convert it again"),
        };
        self.status = ArchiveStatus::Quarantined;
        let message = format!("{message} ({})", self.kind);
        self.findings.push(Finding { event_index: None, byte_offset: Some(0), reason, message, original });
    }

    /// Events whose fate is known: it should be all that were seen.
    pub(crate) const fn accounted_for(&self) -> u64 {
        self.counts.events_written + self.counts.duplicates + self.quarantined + self.counts.filtered
    }

    /// Rows of `usage_records`.
    pub(crate) fn usage_records(&self) -> u64 {
        self.counts.usage_records_by_outcome.iter().sum()
    }
}
