//! Counts of a run.
//!
//! In: nothing. Out: counts by outcome. Never: adds up; the code that sees things does.

use serde::{Serialize, Serializer};

use super::Outcome;

/// Archives by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArchiveCounts {
    /// All that were found.
    pub seen: u64,
    /// Converted in this run, possibly with events in quarantine.
    pub converted: u64,
    /// In the lake before this run.
    pub already_converted: u64,
    /// Refused completely.
    pub quarantined: u64,
    /// Not CloudTrail archives.
    pub foreign: u64,
}

/// Archives by what digest files prove about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntegrityCounts {
    /// Their texts match the declarations of valid digest files.
    pub verified: u64,
    /// Their texts do not match, or the digest files are invalid.
    pub invalid: u64,
    /// No digest file that is proved declares them.
    pub not_covered: u64,
}

/// Lines that name archives one by one, and the messages in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NoticeCounts {
    /// Lines read.
    pub lines: u64,
    /// Objects and files that they name.
    pub references: u64,
    /// Messages that are understood and name nothing new, such as one about a removed object.
    pub passed_over: u64,
    /// Lines and messages that are not understood.
    pub wrong: u64,
}

/// Events by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventCounts {
    /// All that were found.
    pub seen: u64,
    /// Converted.
    pub written: u64,
    /// Already in the lake.
    pub duplicates: u64,
    /// In the quarantine table.
    pub quarantined: u64,
    /// Left out by a selector.
    pub filtered: u64,
}

/// Rows of `usage_records`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageRecordCounts {
    /// All rows.
    pub written: u64,
    /// Rows by outcome, in the order of [`Outcome::ALL`].
    #[serde(serialize_with = "by_outcome")]
    pub by_outcome: [u64; Outcome::ALL.len()],
}

fn by_outcome<S: Serializer>(counts: &[u64; Outcome::ALL.len()], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Outcome::ALL.into_iter().map(Outcome::as_str).zip(counts))
}

/// Sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByteCounts {
    /// Archives as stored.
    pub compressed: u64,
    /// Their JSON text.
    pub inflated: u64,
    /// Parquet.
    pub written: u64,
}
