//! Columns of `archives`, the manifest: enough to audit a run in SQL.

use super::Hint::{Repeats, Rising, Unique};
use super::Kind::{Long, Text, Timestamp};
use super::{Column, column};

#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    column(1, "archive", "", Text, Unique, "URI of the archive"),
    column(2, "kind", "", Text, Repeats, "What it holds: `log`, `insight`, `network_activity`, `aggregated`, `empty`, `unreadable`, `too_large`, `damaged` for a member of a container, `tar` and `zip` for containers, or what a foreign object looks like"),
    column(3, "status", "", Text, Repeats, "`converted`, `quarantined` or `foreign`"),
    column(4, "etag_or_mtime", "", Text, Unique, "ETag of the object, or modification time of the file (UTC)"),
    column(5, "compressed_bytes", "", Long, Repeats, "Size as stored"),
    column(6, "inflated_bytes", "", Long, Repeats, "Size of its JSON text"),
    column(7, "events_seen", "", Long, Repeats, "Events found = written + duplicates + quarantined + filtered"),
    column(8, "events_written", "", Long, Repeats, "Events converted"),
    column(9, "duplicates", "", Long, Repeats, "Events that were in the lake already"),
    column(10, "quarantined", "", Long, Repeats, "Events in `quarantine`"),
    column(11, "filtered", "", Long, Repeats, "Events left out by a selector"),
    column(12, "usage_records_written", "", Long, Repeats, "Rows in `usage_records`"),
    column(13, "oldest_event_time", "", Timestamp, Rising, "Earliest event time found; null when some events were counted unread"),
    column(14, "newest_event_time", "", Timestamp, Rising, "Latest event time found; null when some events were counted unread"),
    column(15, "integrity", "", Text, Repeats, "What digest files prove of its text: `verified`, `invalid`, `not_covered` or `not_checked`"),
    column(16, "sha256", "", Text, Unique, "SHA-256 of the inflated bytes, when verified"),
    column(17, "commit_id", "", Text, Repeats, "Commit that published the archive's rows"),
    column(18, "converted_at", "", Timestamp, Repeats, "When that run began"),
];
