//! The report of an inspection.
//!
//! In: counts. Out: plain fields, which are also the structure of `--format json`. Never: escaped text: escaping is left to the
//! code that prints it.

use std::path::PathBuf;

use serde::Serialize;

use crate::model::UsageRecordCounts;

/// The result of an inspection.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InspectReport {
    /// All archives of all inputs that are not lakes; none when all inputs are lakes.
    pub archives: Option<Contents>,
    /// Lakes, in the order of the inputs.
    pub lakes: Vec<LakeReport>,
}

impl InspectReport {
    /// Whether no archive had a problem. What lakes have in quarantine is part of them.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.archives.as_ref().is_none_or(|contents| contents.findings.is_empty())
    }
}

/// A lake.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LakeReport {
    /// The lake, absolute.
    pub lake: PathBuf,
    /// Number of its commits.
    pub commits: u64,
    /// Partition columns, outermost first, as in `--partition-by`.
    pub partition_by: String,
    /// Its tables; one that no commit has filled has no parts.
    pub tables: Vec<TableReport>,
    /// Its content.
    #[serde(flatten)]
    pub contents: Contents,
}

/// A table of a lake, as far as commits list its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Name.
    pub table: &'static str,
    /// Rows.
    pub rows: u64,
    /// Files.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Partition folders with files.
    pub partitions: u64,
}

/// The content of archives, or of a lake.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Contents {
    /// Archives by status.
    pub archives: InspectArchives,
    /// Archives by kind and status, most frequent first.
    pub kinds: Vec<KindCount>,
    /// Sizes of the archives.
    pub bytes: InspectBytes,
    /// Events by outcome.
    pub events: InspectEvents,
    /// Usage records by outcome.
    pub usage_records: UsageRecordCounts,
    /// What the numbers below count: `events`, or `usage_records` of a lake that has no events.
    pub counted: &'static str,
    /// Their number, after selectors.
    pub rows: u64,
    /// Earliest event time (RFC 3339, UTC).
    pub first_event_time: Option<String>,
    /// Latest event time (RFC 3339, UTC).
    pub last_event_time: Option<String>,
    /// Values by field, in the order of the documentation.
    pub fields: Vec<FieldCounts>,
    /// Events by date.
    pub histogram: Histogram,
    /// What is in quarantine, or would be, by reason, most frequent first.
    pub findings: Vec<(String, u64)>,
    /// The first of these findings in words, safe to print.
    pub first_findings: Vec<String>,
}

/// Archives by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InspectArchives {
    /// All.
    pub seen: u64,
    /// CloudTrail archives and containers, possibly with refused events.
    pub converted: u64,
    /// Refused completely.
    pub quarantined: u64,
    /// Not CloudTrail archives.
    pub foreign: u64,
}

/// Archives of one kind and status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindCount {
    /// Kind, as in the column `kind` of `archives`.
    pub kind: String,
    /// Status, as in the column `status` of `archives`.
    pub status: String,
    /// Archives.
    pub archives: u64,
    /// Events found in them.
    pub events: u64,
}

/// Sizes of archives. The content of containers counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InspectBytes {
    /// As stored.
    pub stored: u64,
    /// Their JSON text.
    pub inflated: u64,
}

/// Events: `seen` = `found` + `duplicates` + `refused` + `filtered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InspectEvents {
    /// All.
    pub seen: u64,
    /// Valid events that are wanted; duplicates in archives are included.
    pub found: u64,
    /// Duplicates that a conversion has left out: lakes only, archives are not searched for duplicates.
    pub duplicates: u64,
    /// Events that are in quarantine, or would be.
    pub refused: u64,
    /// Events that a selector leaves out.
    pub filtered: u64,
}

/// Values of a field.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FieldCounts {
    /// Column of `events`, or `event_date`.
    pub field: &'static str,
    /// Number of distinct values.
    pub distinct: u64,
    /// Whether that is exact. Otherwise there are more, and the numbers in [`FieldCounts::top`] are lower bounds.
    pub is_exact: bool,
    /// Rows without a value.
    pub absent: u64,
    /// The most frequent values.
    pub top: Vec<ValueCount>,
    /// Maximum rows of any value that is not reported, where not all values are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others_at_most: Option<u64>,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ValueCount {
    /// The value; one longer than 256 bytes is truncated, and ends in its length and a hash.
    pub value: String,
    /// Rows that have it; a lower bound when there are too many values to count each.
    pub events: u64,
    /// Their share of all rows, in percent, to two places.
    pub percent: f64,
    /// Upper bound of that number, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
}

/// Events by date.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// The unit of a bar.
    pub unit: HistogramUnit,
    /// At most 40 bars, in order; dates without events have none.
    pub bars: Vec<Bar>,
    /// Events of years before the first bar, when there are more years than bars.
    pub earlier_events: u64,
}

/// A bar of a histogram.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Bar {
    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`.
    pub date: String,
    /// Events.
    pub events: u64,
    /// Their share of all rows, in percent, to two places.
    pub percent: f64,
}

/// The unit of a bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HistogramUnit {
    /// A day.
    #[default]
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// A share in percent, to two places.
pub(super) fn percent_of(part: u64, all: u64) -> f64 {
    let hundredths = (u128::from(part) * 10_000 + u128::from(all) / 2) / u128::from(all.max(1));
    f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
}
