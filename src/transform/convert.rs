//! One archive's text to rows, findings and counts.
//!
//! In: the inflated text of archives, one after the other. Out: for each one a [`Verdict`]; for all since the last
//! [`Converter::finish`] a [`Batch`] for each table and partition. Never: fails on what an archive holds.
//!
//! Text is split first and parsed event by event: the tape of one event stays in the cache, and a bad event, or one
//! with a number that simd-json refuses, costs one event and no more.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use super::columns::TableBuilder;
use super::flatten::{self, EventFields, Outcome, Refused, Routes, UsageRecordFlattener};
use super::partition::{PartitionColumn, PartitionFields, PartitionIndex, PartitionPath};
use super::shape;
use super::split::{Piece, Splitter};
use super::tape::{Document, MAX_DEPTH, ParseError, Parser, Value};
use super::timestamp;
use crate::config::Selection;
use crate::error::{Error, Finding, Reason, Result};
use crate::schema::Table;

/// Most bytes of refused input that one quarantine row keeps; the archive itself stays where it is.
pub(crate) const MAX_ORIGINAL_BYTES: usize = 16 << 20;

/// What a converter makes of events, the same for all workers.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) events: bool,
    pub(crate) usage_records: bool,
    pub(crate) partition_by: Vec<PartitionColumn>,
    pub(crate) selection: Selection,
}

/// What became of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Converted,
    Quarantined,
    Foreign,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Quarantined => "quarantined",
            Self::Foreign => "foreign",
        }
    }
}

/// What was counted in an archive, or in a piece of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArchiveTally {
    pub(crate) events_seen: u64,
    pub(crate) events_written: u64,
    pub(crate) quarantined: u64,
    pub(crate) filtered: u64,
    pub(crate) usage_records_by_outcome: [u64; Outcome::ALL.len()],
    pub(crate) oldest_event_time_ms: Option<i64>,
    pub(crate) newest_event_time_ms: Option<i64>,
}

impl ArchiveTally {
    /// Rows of `usage_records`.
    pub(crate) fn usage_records(&self) -> u64 {
        self.usage_records_by_outcome.iter().sum()
    }

    fn see_time(&mut self, event_time_ms: Option<i64>) {
        if let Some(time) = event_time_ms {
            self.oldest_event_time_ms = Some(
                self.oldest_event_time_ms
                    .map_or(time, |oldest| oldest.min(time)),
            );
            self.newest_event_time_ms = Some(
                self.newest_event_time_ms
                    .map_or(time, |newest| newest.max(time)),
            );
        }
    }
}

/// What became of an archive, and why.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) status: Status,
    pub(crate) kind: &'static str,
    pub(crate) tally: ArchiveTally,
    pub(crate) findings: Vec<Finding>,
}

impl Verdict {
    /// No CloudTrail archive.
    pub(crate) fn foreign(kind: &'static str) -> Self {
        Self {
            status: Status::Foreign,
            kind,
            tally: ArchiveTally::default(),
            findings: Vec::new(),
        }
    }

    /// Refused before it was text.
    pub(crate) fn refused(mut finding: Finding) -> Self {
        finding.original.truncate(MAX_ORIGINAL_BYTES);
        Self {
            status: Status::Quarantined,
            kind: "unknown",
            tally: ArchiveTally::default(),
            findings: vec![finding],
        }
    }

    /// Adds what was wrong with the archive's compression; an archive of which no event was left is refused.
    pub(crate) fn add_damage(&mut self, damage: Option<Finding>) {
        let Some(mut finding) = damage else { return };
        finding.original.truncate(MAX_ORIGINAL_BYTES);
        if finding.reason == Reason::GzipTruncated && self.tally.events_seen == 0 {
            self.status = Status::Quarantined;
        }
        self.findings.push(finding);
    }
}

/// Rows of one table and partition.
pub(crate) struct Batch {
    pub(crate) table: Table,
    pub(crate) partition: PartitionPath,
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) rows: usize,
    /// Bytes the columns take, by their content alone.
    pub(crate) bytes: u64,
}

/// A worker's state from archive to archive.
pub(crate) struct Converter {
    parser: Parser,
    rows: RowWriter,
}

/// The part of a converter that is at work while the parser's buffers are lent to a document.
struct RowWriter {
    plan: Plan,
    routes: Arc<Routes>,
    usage_flattener: UsageRecordFlattener,
    partitions: PartitionIndex,
    events: PartitionedRows,
    usage_records: PartitionedRows,
    columns: EventColumns,
}

/// A table under construction, with the partition of each row.
struct PartitionedRows {
    table: Table,
    builder: TableBuilder,
    row_partitions: Vec<u32>,
}

/// Columns of `events` that steer an event.
struct EventColumns {
    event_time: usize,
    account: usize,
    region: usize,
    event_source: usize,
    unmapped: usize,
    archive: usize,
    event_index: usize,
}

/// Why an event went to quarantine.
struct Rejection {
    reason: Reason,
    message: String,
}

/// The archive that is being converted.
struct Progress<'a> {
    archive: &'a str,
    tally: ArchiveTally,
    findings: Vec<Finding>,
    /// Kind, known from the first event on.
    kind: Option<&'static str>,
    next_index: u32,
}

impl Progress<'_> {
    const fn new(archive: &str) -> Progress<'_> {
        Progress {
            archive,
            tally: ArchiveTally {
                events_seen: 0,
                events_written: 0,
                quarantined: 0,
                filtered: 0,
                usage_records_by_outcome: [0; Outcome::ALL.len()],
                oldest_event_time_ms: None,
                newest_event_time_ms: None,
            },
            findings: Vec::new(),
            kind: None,
            next_index: 0,
        }
    }

    fn take_index(&mut self) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        self.tally.events_seen += 1;
        index
    }

    fn quarantine_event(
        &mut self,
        index: u32,
        offset: usize,
        rejection: Rejection,
        original: &[u8],
    ) {
        self.tally.quarantined += 1;
        self.report(
            Some(index),
            offset,
            rejection.reason,
            rejection.message,
            original,
        );
    }

    fn report(
        &mut self,
        event_index: Option<u32>,
        offset: usize,
        reason: Reason,
        message: String,
        original: &[u8],
    ) {
        self.findings.push(Finding {
            event_index,
            byte_offset: Some(offset as u64),
            reason,
            message,
            original: original[..original.len().min(MAX_ORIGINAL_BYTES)].to_vec(),
        });
    }

    fn verdict(self, status: Status) -> Verdict {
        Verdict {
            status,
            kind: self.kind.unwrap_or(shape::EMPTY),
            tally: self.tally,
            findings: self.findings,
        }
    }
}

impl Converter {
    pub(crate) fn new(plan: Plan) -> Self {
        let column = |name| Table::Events.column_index(name).unwrap_or_default();
        Self {
            parser: Parser::default(),
            rows: RowWriter {
                partitions: PartitionIndex::new(&plan.partition_by),
                plan,
                routes: Arc::new(Routes::new()),
                usage_flattener: UsageRecordFlattener::new(),
                events: PartitionedRows::new(Table::Events),
                usage_records: PartitionedRows::new(Table::UsageRecords),
                columns: EventColumns {
                    event_time: column("event_time"),
                    account: column("recipient_account_id"),
                    region: column("aws_region"),
                    event_source: column("event_source"),
                    unmapped: column("unmapped"),
                    archive: column("archive"),
                    event_index: column("event_index"),
                },
            },
        }
    }

    /// Converts the whole text of one archive.
    pub(crate) fn convert(&mut self, archive: &str, text: &[u8]) -> Verdict {
        let mut progress = Progress::new(archive);
        let text_start = super::scan::skip_space(text, byte_order_mark(text));
        match text.get(text_start) {
            None => {
                progress.kind = Some(shape::EMPTY);
                return progress.verdict(Status::Foreign);
            }
            Some(b'{' | b'[') => {}
            Some(_) => {
                progress.kind = Some(shape::foreign_text_kind(text));
                return progress.verdict(Status::Foreign);
            }
        }
        self.split_and_convert(progress, text, text_start)
    }

    /// The rows since the last call, a batch for each table and partition that has any.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Internal`] when columns do not fit their schema, which is a bug.
    pub(crate) fn finish(&mut self) -> Result<Vec<Batch>> {
        let paths = self.rows.partitions.take_paths();
        let mut batches = Vec::with_capacity(2);
        for rows in [&mut self.rows.events, &mut self.rows.usage_records] {
            batches.extend(rows.finish(&paths)?);
        }
        Ok(batches)
    }

    fn split_and_convert(
        &mut self,
        mut progress: Progress<'_>,
        text: &[u8],
        start: usize,
    ) -> Verdict {
        let text = &text[start..];
        let mut splitter = Splitter::new();
        let mut foreign_kind = None;
        let mut strangers = Vec::new();
        let mut is_judged = false;
        loop {
            match splitter.next(text, true) {
                Piece::Element(range) => {
                    let is_object = text[range.start] == b'{';
                    if !is_judged && (is_object || splitter.is_outermost()) {
                        is_judged = true;
                        match self.judge(&text[range.clone()]) {
                            Some(kind) => progress.kind = Some(kind),
                            None => return Verdict::foreign("json"),
                        }
                    }
                    self.take_element(&mut progress, &mut splitter, text, start, range);
                }
                Piece::Beside(range) => {
                    // One such finding is enough: text that only looks like JSON would yield one for every member.
                    if progress.findings.is_empty()
                        && let Err(rejection) = self.check(&text[range.clone()])
                    {
                        let message = format!("beside `Records`: {}", rejection.message);
                        progress.report(
                            None,
                            start + range.start,
                            rejection.reason,
                            message,
                            &text[range],
                        );
                    }
                }
                Piece::OtherDocument => {
                    let kind = shape::foreign_kind(splitter.names().iter().map(String::as_str));
                    foreign_kind = foreign_kind.or(Some(kind));
                    strangers.push((splitter.position(), kind));
                }
                Piece::SeparatorMissing(at) => {
                    let message = "expected `,` between two elements".to_owned();
                    progress.report(None, start + at, Reason::SeparatorMissing, message, &[]);
                }
                Piece::Incomplete(at) => {
                    self.take_truncated(&mut progress, &mut splitter, text, start, at);
                    if splitter.position() <= at {
                        break;
                    }
                }
                Piece::Broken(at, reason, message) => {
                    let found = text[at..].iter().take(16).copied().collect::<Vec<_>>();
                    let message = format!("{message}, found {:?}", String::from_utf8_lossy(&found));
                    progress.report(None, start + at, reason, message, &text[at..]);
                    break;
                }
                Piece::End => break,
            }
        }
        let has_arrays = splitter.has_event_arrays();
        if !has_arrays && progress.findings.is_empty() {
            return Verdict::foreign(foreign_kind.unwrap_or("json"));
        }
        if progress.next_index == 0 && !progress.findings.is_empty() {
            progress.kind = Some("json");
            return progress.verdict(Status::Quarantined);
        }
        for (end, kind) in strangers {
            let message = format!("a document of kind {kind} ends here, among documents with events");
            progress.report(None, start + end, Reason::TrailingData, message, &[]);
        }
        progress.verdict(Status::Converted)
    }

    /// The kind of an archive by its first object, or `None` when that is no event. What is no valid JSON is taken for
    /// an event: it will be refused with its place.
    fn judge(&mut self, text: &[u8]) -> Option<&'static str> {
        let Ok(utf8) = std::str::from_utf8(text) else { return Some("log") };
        self.parser.parse_lenient(utf8, |document| shape::kind_of_event(document.root())).unwrap_or(Some("log"))
    }

    fn take_element(
        &mut self,
        progress: &mut Progress<'_>,
        splitter: &mut Splitter,
        text: &[u8],
        start: usize,
        range: Range<usize>,
    ) {
        let index = progress.take_index();
        let Err(rejection) = self.take_event_text(progress, index, &text[range.clone()]) else {
            return;
        };
        let is_delimited = matches!(
            text.get(super::scan::skip_space(text, range.end)),
            Some(b',' | b']')
        );
        let mut end = range.end;
        if !is_delimited && is_syntax(rejection.reason) {
            // The element ends where none should: its brackets or quotes are damaged and it has swallowed others.
            let damaged = self.resume(splitter, text, range.start);
            end = damaged.unwrap_or(range.end);
        }
        progress.quarantine_event(
            index,
            start + range.start,
            rejection,
            &text[range.start..end],
        );
    }

    fn take_truncated(
        &mut self,
        progress: &mut Progress<'_>,
        splitter: &mut Splitter,
        text: &[u8],
        start: usize,
        at: usize,
    ) {
        // Past the comma that announced it, an element has begun.
        let element = super::scan::skip_space(
            text,
            if text.get(at) == Some(&b',') {
                at + 1
            } else {
                at
            },
        );
        let rejection = |message: &str| Rejection {
            reason: Reason::JsonTruncated,
            message: message.to_owned(),
        };
        if splitter.is_in_array() && element < text.len() {
            let index = progress.take_index();
            let end = self.resume(splitter, text, element).unwrap_or(text.len());
            let rejection = rejection("the text ends inside this event");
            progress.quarantine_event(index, start + element, rejection, &text[element..end]);
        } else {
            let Rejection { reason, message } = rejection("the text ends before the document does");
            progress.report(None, start + at, reason, message, &text[at..]);
        }
    }

    /// Finds the next certain event behind damage; returns where the damaged text ends.
    fn resume(&mut self, splitter: &mut Splitter, text: &[u8], damage: usize) -> Option<usize> {
        let parser = &mut self.parser;
        splitter.resume_after(text, damage, |range| {
            let utf8 = std::str::from_utf8(&text[range]).ok();
            utf8.is_some_and(|utf8| {
                parser
                    .parse_lenient(utf8, |document| shape::is_event(document.root()))
                    .is_ok()
            })
        })
    }

    fn take_event_text(
        &mut self,
        progress: &mut Progress<'_>,
        index: u32,
        text: &[u8],
    ) -> Result<(), Rejection> {
        let utf8 = utf8(text)?;
        let rows = &mut self.rows;
        let mut visit = |document: Document<'_>| {
            rows.take_event(document.root(), index, progress, &mut EventFields::new())
        };
        match self.parser.parse(utf8, &mut visit) {
            Ok(taken) => taken,
            Err(_) => self
                .parser
                .parse_lenient(utf8, &mut visit)
                .unwrap_or_else(|error| Err(explain(&error, utf8))),
        }
    }

    /// Whether text is one JSON value.
    fn check(&mut self, text: &[u8]) -> Result<(), Rejection> {
        let utf8 = utf8(text)?;
        self.parser
            .parse_lenient(utf8, |_| ())
            .map_err(|error| explain(&error, utf8))
    }
}

/// Length of the byte order mark that some editors put before UTF-8.
fn byte_order_mark(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    }
}

const fn is_syntax(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::JsonInvalid | Reason::NestingTooDeep | Reason::Utf8Invalid
    )
}

fn utf8(text: &[u8]) -> Result<&str, Rejection> {
    std::str::from_utf8(text).map_err(|error| Rejection {
        reason: Reason::Utf8Invalid,
        message: format!("invalid UTF-8 at byte {} of the event", error.valid_up_to()),
    })
}

/// Words for a refused value. simd-json tells that, not always where; serde_json tells where and what was expected.
fn explain(error: &ParseError, text: &str) -> Rejection {
    match error {
        ParseError::TooDeep => Rejection {
            reason: Reason::NestingTooDeep,
            message: format!("values are nested more than {MAX_DEPTH} deep"),
        },
        ParseError::Invalid(message) => {
            let located = serde_json::from_str::<serde::de::IgnoredAny>(text).err();
            let message = located.map_or_else(|| message.clone(), |error| error.to_string());
            Rejection {
                reason: Reason::JsonInvalid,
                message,
            }
        }
    }
}

impl RowWriter {
    fn take_event<'t>(
        &mut self,
        event: Value<'t>,
        index: u32,
        progress: &mut Progress<'_>,
        fields: &mut EventFields<'t>,
    ) -> Result<(), Rejection> {
        if !event.is_object() {
            let message = "an event is a JSON object".to_owned();
            return Err(Rejection {
                reason: Reason::EventNotObject,
                message,
            });
        }
        fields
            .read(&self.routes, event)
            .map_err(|Refused::DuplicateKey(path)| Rejection {
                reason: Reason::DuplicateKey,
                message: format!("`{path}` occurs twice"),
            })?;
        let at = &self.columns;
        let place = PartitionFields {
            event_time_ms: fields.timestamp(at.event_time),
            account: fields.text(at.account),
            region: fields.text(at.region),
            event_source: fields.text(at.event_source),
        };
        progress.tally.see_time(place.event_time_ms);
        if !is_selected(&self.plan.selection, place) {
            progress.tally.filtered += 1;
            return Ok(());
        }
        progress.tally.events_written += 1;
        let event_index = i32::try_from(index).unwrap_or(i32::MAX);
        let partition = self.partitions.number_of(place);
        if self.plan.usage_records && self.usage_flattener.is_metering(fields) {
            let place = flatten::EventPlace {
                archive: progress.archive,
                event_index,
            };
            let call = flatten::Call::of(event);
            let table = &mut self.usage_records.builder;
            let counts = self.usage_flattener.flatten(fields, call, place, table);
            self.usage_records.mark_rows(partition);
            for (total, count) in progress
                .tally
                .usage_records_by_outcome
                .iter_mut()
                .zip(counts)
            {
                *total += count;
            }
        }
        if self.plan.events {
            let table = &mut self.events.builder;
            for (column, cell) in fields.cells() {
                flatten::write_cell(table.column(*column), cell);
            }
            if let Some(json) = fields.unmapped.json() {
                table.column(at.unmapped).text(json);
            }
            table.column(at.archive).text(progress.archive);
            table.column(at.event_index).int(event_index);
            table.end_row();
            self.events.mark_rows(partition);
        }
        Ok(())
    }
}

/// Whether a selector wants the event. What it cannot be judged by keeps it: a missing time or account loses nothing.
fn is_selected(selection: &Selection, event: PartitionFields<'_>) -> bool {
    let day = event.event_time_ms.map(timestamp::epoch_day);
    let is_listed = |list: &[String], value: Option<&str>| {
        list.is_empty() || value.is_none_or(|value| list.iter().any(|wanted| wanted == value))
    };
    day.is_none_or(|day| selection.from_day.is_none_or(|from| day >= from))
        && day.is_none_or(|day| selection.to_day.is_none_or(|to| day <= to))
        && is_listed(&selection.accounts, event.account)
        && is_listed(&selection.regions, event.region)
}

impl PartitionedRows {
    fn new(table: Table) -> Self {
        Self {
            table,
            builder: TableBuilder::new(table.arrow_schema()),
            row_partitions: Vec::new(),
        }
    }

    /// Notes the partition of the rows written since the last call.
    fn mark_rows(&mut self, partition: u32) {
        self.row_partitions.resize(self.builder.rows(), partition);
    }

    /// The rows so far, a batch for each partition in order of first appearance.
    fn finish(&mut self, paths: &[PartitionPath]) -> Result<Vec<Batch>> {
        let row_partitions = std::mem::take(&mut self.row_partitions);
        let Some(first) = row_partitions.first().copied() else { return Ok(Vec::new()) };
        let columns = self.builder.finish()?;
        let batch = |partition: u32, columns: Vec<ArrayRef>, rows| Batch {
            table: self.table,
            partition: Arc::clone(&paths[partition as usize]),
            bytes: columns.iter().map(held_bytes).sum(),
            columns,
            rows,
        };
        if row_partitions.iter().all(|partition| *partition == first) {
            return Ok(vec![batch(first, columns, row_partitions.len())]);
        }
        // Each partition gets arrays of its own rather than slices of common ones: rows that wait for more of their
        // partition must not keep those of others in memory.
        let mut order: Vec<u32> = (0..).take(row_partitions.len()).collect();
        // Stable: within a partition, rows stay in the order of their archives.
        order.sort_by_key(|row| row_partitions[*row as usize]);
        order
            .chunk_by(|one, two| row_partitions[*one as usize] == row_partitions[*two as usize])
            .map(|rows| {
                let indices = UInt32Array::from(rows.to_vec());
                let columns = columns.iter().map(|column| take(column, &indices, None).map_err(Error::internal));
                Ok(batch(row_partitions[rows[0] as usize], columns.collect::<Result<_>>()?, rows.len()))
            })
            .collect()
    }
}

/// Bytes that an array holds, with something for its own structures: a batch of a few rows is mostly those.
fn held_bytes(array: &ArrayRef) -> u64 {
    const STRUCTURES: u64 = 256;
    array.to_data().get_slice_memory_size().unwrap_or_default() as u64 + STRUCTURES
}
