//! The results of a run, in numbers that add up.
//!
//! In: tallies of archives, as they are published. Out: a [`Summary`], and [`Progress`] for displays. Never:
//! printed here.

mod progress;

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Finding, Result, printable, printable_path};
use crate::model::Integrity;
use crate::rows::ArchiveOutcome;
use crate::schema::Table;
use crate::split::ArchiveStatus;

pub use crate::clock::{Stage, StageClock, StageTimes};
pub use crate::model::{ArchiveCounts, ByteCounts, EventCounts, IntegrityCounts, NoticeCounts, UsageRecordCounts};
pub use progress::Progress;

pub use crate::store::{Awaited, Wait};

/// Findings that a summary repeats; all of them are in the quarantine table.
pub(crate) const FINDINGS_SHOWN: usize = 5;

/// Archives of one kind that a summary names.
const ARCHIVES_NAMED: usize = 100;

/// Why a foreign object of some kind is not converted, where that is not obvious, and what to do.
#[must_use]
pub fn foreign_reason(kind: &str) -> Option<&'static str> {
    match kind {
        "console_csv" => {
            Some("the console's CSV holds no requests and no responses; download the event history as JSON")
        }
        "zip" => Some("a zip within something compressed, or that is called like a log, is not looked into; unpack it"),
        "bzip2" | "xz" | "zlib" | "lz4" | "snappy" | "lzip" | "compress" | "7z" | "rar" => {
            Some("this compression is not read; unpack it")
        }
        "gzip" | "zstd" => Some("what is packed more than four times is not unpacked"),
        "tar" => Some("a tar that is called like a log, or is more than eight deep, is not looked into; unpack it"),
        _ => None,
    }
}

/// Archives of one kind that hold no events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignKind {
    /// The word in `archives.kind`.
    pub kind: String,
    /// Number of such archives.
    pub archives: u64,
    /// The first of them, as in `archives.archive`.
    pub example: String,
}

/// The results of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The lake, absolute.
    pub lake: PathBuf,
    /// The commits that published the rows, one for each step; none when there was nothing new.
    pub commits: Vec<String>,
    /// Archives.
    pub archives: ArchiveCounts,
    /// Archives with events that were compared with digest files.
    pub integrity: IntegrityCounts,
    /// The first archives whose text is not what digest files declare.
    pub invalid_archives: Vec<String>,
    /// Lines of `--inputs-from`.
    pub notices: NoticeCounts,
    /// The first lines that are not understood: their positions and the reasons, safe to print.
    pub wrong_notices: Vec<String>,
    /// Events.
    pub events: EventCounts,
    /// Usage records.
    pub usage_records: UsageRecordCounts,
    /// Sizes.
    pub bytes: ByteCounts,
    /// Files written.
    pub parts: u64,
    /// Findings by reason, most frequent first.
    pub findings: Vec<(String, u64)>,
    /// The first findings in words, safe to print.
    pub first_findings: Vec<String>,
    /// Foreign archives by kind, most frequent first.
    pub foreign_kinds: Vec<ForeignKind>,
    /// Archives that are in the lake in another version, or with other events left out by selectors: they were left
    /// unchanged.
    pub changed: u64,
    /// The first of them.
    pub changed_archives: Vec<String>,
    /// Other notes for the user: what dead runs have left and could not be cleared away, safe to print.
    pub notes: Vec<String>,
    /// Wall time.
    pub elapsed_ms: u64,
    /// CPU time of all threads by stage.
    pub stages_cpu_ms: StageTimes,
    /// CPU time of the longest chain of tasks of which each waited for the one before: the conversion takes at least that
    /// long, whatever the number of cores.
    pub span_cpu_ms: u64,
    /// Peak resident set size of the process, where the system reports it.
    pub peak_rss_bytes: Option<u64>,
}

impl Summary {
    /// Whether all input was converted: none refused, none in the lake in another version, and every notice
    /// understood.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.changed == 0 && self.integrity.invalid == 0 && self.notices.wrong == 0
    }

    /// Adds an archive that is left unchanged in the lake.
    pub(crate) fn add_changed(&mut self, uri: impl FnOnce() -> String) {
        self.changed += 1;
        if self.changed_archives.len() < ARCHIVES_NAMED {
            self.changed_archives.push(uri());
        }
    }

    /// Adds what digest files prove about an archive.
    pub(crate) fn add_integrity(&mut self, archive: &str, integrity: Integrity) {
        match integrity {
            Integrity::NotChecked => {}
            Integrity::NotCovered => self.integrity.not_covered += 1,
            Integrity::Verified(_) => self.integrity.verified += 1,
            Integrity::Invalid => {
                self.integrity.invalid += 1;
                if self.invalid_archives.len() < ARCHIVES_NAMED {
                    self.invalid_archives.push(archive.to_owned());
                }
            }
        }
    }

    /// Adds the results of a step.
    pub(crate) fn add_step(&mut self, step: Self) {
        self.archives.converted += step.archives.converted;
        self.archives.quarantined += step.archives.quarantined;
        self.archives.foreign += step.archives.foreign;
        self.integrity.verified += step.integrity.verified;
        self.integrity.invalid += step.integrity.invalid;
        self.integrity.not_covered += step.integrity.not_covered;
        let room = ARCHIVES_NAMED.saturating_sub(self.invalid_archives.len());
        self.invalid_archives.extend(step.invalid_archives.into_iter().take(room));
        self.events.seen += step.events.seen;
        self.events.written += step.events.written;
        self.events.duplicates += step.events.duplicates;
        self.events.quarantined += step.events.quarantined;
        self.events.filtered += step.events.filtered;
        self.usage_records.written += step.usage_records.written;
        for (total, rows) in self.usage_records.by_outcome.iter_mut().zip(step.usage_records.by_outcome) {
            *total += rows;
        }
        self.bytes.compressed = self.bytes.compressed.saturating_add(step.bytes.compressed);
        self.bytes.inflated += step.bytes.inflated;
        self.bytes.written += step.bytes.written;
        self.parts += step.parts;
        self.commits.extend(step.commits);
        step.findings.iter().for_each(|(reason, number)| count(&mut self.findings, reason, *number));
        for ForeignKind { kind, archives, example } in &step.foreign_kinds {
            self.add_foreign(kind, *archives, example);
        }
        let room = FINDINGS_SHOWN.saturating_sub(self.first_findings.len());
        self.first_findings.extend(step.first_findings.into_iter().take(room));
    }

    fn add_foreign(&mut self, kind: &str, archives: u64, example: &str) {
        if let Some(known) = self.foreign_kinds.iter_mut().find(|known| known.kind == kind) {
            known.archives += archives;
        } else {
            let (kind, example) = (kind.to_owned(), example.to_owned());
            self.foreign_kinds.push(ForeignKind { kind, archives, example });
        }
    }

    /// Adds an archive.
    pub(crate) fn add(&mut self, archive: &str, compressed_bytes: u64, inflated_bytes: u64, outcome: &ArchiveOutcome) {
        match outcome.status {
            ArchiveStatus::Converted => self.archives.converted += 1,
            ArchiveStatus::Quarantined => self.archives.quarantined += 1,
            ArchiveStatus::Foreign => {
                self.archives.foreign += 1;
                self.add_foreign(outcome.kind, 1, archive);
            }
        }
        let counts = &outcome.counts;
        self.events.seen += outcome.events_seen;
        self.events.written += counts.events_written;
        self.events.duplicates += counts.duplicates;
        self.events.quarantined += outcome.quarantined;
        self.events.filtered += counts.filtered;
        self.usage_records.written += outcome.usage_records();
        for (total, rows) in self.usage_records.by_outcome.iter_mut().zip(counts.usage_records_by_outcome) {
            *total += rows;
        }
        self.bytes.compressed = self.bytes.compressed.saturating_add(compressed_bytes);
        self.bytes.inflated += inflated_bytes;
        for finding in &outcome.findings {
            count(&mut self.findings, finding.reason.as_str(), 1);
            if self.first_findings.len() < FINDINGS_SHOWN {
                let Finding { event_index, byte_offset, reason, message, .. } = finding;
                self.first_findings.push(describe(archive, *event_index, *byte_offset, reason.as_str(), message));
            }
        }
    }

    /// Checks that every archive and event of a step is accounted for; `rows` are those of its files.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreconciled`]: a bug, found before anything is published.
    pub(crate) fn reconcile(&self, rows: impl Fn(Table) -> Option<u64>) -> Result<()> {
        let archives = &self.archives;
        let booked = archives.converted + archives.quarantined + archives.foreign;
        let events = &self.events;
        let accounted = events.written + events.duplicates + events.quarantined + events.filtered;
        let checks = [
            ("archives to convert", archives.seen, "archives accounted for", Some(booked)),
            ("events seen", events.seen, "events accounted for", Some(accounted)),
            ("events written", events.written, "rows of events", rows(Table::Events)),
            ("usage records", self.usage_records.written, "rows of usage_records", rows(Table::UsageRecords)),
            ("archives in this commit", archives.seen, "rows of archives", rows(Table::Archives)),
            ("findings", self.findings.iter().map(|(_, n)| n).sum(), "rows of quarantine", rows(Table::Quarantine)),
        ];
        for (expected_name, expected, found_name, found) in checks {
            if let Some(found) = found.filter(|found| *found != expected) {
                let message = format!("{expected} {expected_name}, {found} {found_name}; nothing was published");
                return Err(Error::new(ErrorKind::Unreconciled, message));
            }
        }
        Ok(())
    }

    /// Adds what is only known at the end.
    pub(crate) fn close(&mut self, started: Instant, clock: &StageClock, peak_rss_bytes: Option<u64>) {
        self.findings.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
        self.foreign_kinds.sort_by(|one, two| two.archives.cmp(&one.archives).then_with(|| one.kind.cmp(&two.kind)));
        self.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.stages_cpu_ms = clock.ms();
        self.peak_rss_bytes = peak_rss_bytes;
    }
}

pub(crate) fn count(counts: &mut Vec<(String, u64)>, name: &str, more: u64) {
    match counts.iter_mut().find(|(known, _)| known == name) {
        Some((_, count)) => *count += more,
        None => counts.push((name.to_owned(), more)),
    }
}

/// A finding on one line: archive, event, byte, reason, message; safe to print.
pub(crate) fn describe(
    archive: &str,
    event_index: Option<u32>,
    byte_offset: Option<u64>,
    reason: &str,
    message: &str,
) -> String {
    use std::fmt::Write;
    let mut line = printable(archive);
    // Writing to a String cannot fail.
    if let Some(index) = event_index {
        let _ = write!(line, ": event {index}");
    }
    if let Some(offset) = byte_offset {
        let _ = write!(line, " (byte {offset})");
    }
    let _ = write!(line, ": {}: {}", printable(reason), printable_path(message));
    line
}
