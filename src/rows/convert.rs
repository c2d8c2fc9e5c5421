//! Events to rows, findings and counts.
//!
//! In: windows of text and the events in them. Out: a [`ConvertCounts`] for each window; for all since the last
//! [`Converter::finish`] a [`Batch`] for each table and partition. Never: fails on what an archive holds.
//!
//! Text is split first and parsed event by event: the tape of one event stays in the cache, and a bad event, or one
//! with a number that simd-json refuses, costs one event and no more.

use std::sync::Arc;

use super::batch::{Batch, batches};
use super::event_key::{ArchiveRef, Identity, KeyIndex, UnitKeys};
use super::outcome::{ArchiveOutcome, ConvertCounts};
use super::partition::{PartitionFields, PartitionIndex};
use crate::columns::table::TableBuilder;
use crate::error::{Finding, Reason, Result};
use crate::flatten::{
    self, EventFields, FastPath, FieldError, IdentityCache, ROUTES, Routes, Unread, UsageRecordFlattener, timestamp,
};
use crate::json::bitmap::StringBitmap;
use crate::json::cursor::Cursor;
use crate::json::tape::{Document, Parser, Value};
use crate::model::{PartitionColumn, Place, Selection};
use crate::schema::{Table, column_at};
use crate::split::outcome::{ArchiveStatus, Rejection, explain, utf8};
use crate::split::{Element, Splitter};

/// What a converter makes of events, the same for all workers.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub(crate) struct Plan {
    pub(crate) events: bool,
    pub(crate) usage_records: bool,
    pub(crate) partition_by: Vec<PartitionColumn>,
    pub(crate) selection: Selection,
    /// Whether also events are read that no table needs, to find what is wrong with them.
    pub(crate) reads_all: bool,
    /// Where the key of every event that has rows goes.
    pub(crate) key_index: Option<Arc<dyn KeyIndex>>,
    /// Whether rows stay in the order of their events; else those of one kind stand together.
    pub(crate) keeps_order: bool,
    /// The columns that are wanted of tables, by position; of others all are.
    pub(crate) columns: Vec<(Table, Vec<usize>)>,
}

/// A worker's state from archive to archive.
pub(crate) struct Converter {
    parser: Parser,
    bitmap: StringBitmap,
    rows: RowWriter,
    elements: Vec<Element>,
}

/// The part of a converter that is at work while the parser's buffers are lent to a document.
struct RowWriter {
    plan: Plan,
    routes: &'static Routes,
    usage_flattener: UsageRecordFlattener,
    partitions: PartitionIndex,
    events: TableBuilder,
    usage_records: TableBuilder,
    columns: EventColumns,
    identity_cache: IdentityCache,
    keys: UnitKeys,
    /// Whether the fast path reads metering calls.
    reads_calls: bool,
}

/// Columns of `events` that steer an event.
struct EventColumns {
    event_time: usize,
    event_id: usize,
    event_name: usize,
    account: usize,
    region: usize,
    event_source: usize,
    unmapped: usize,
    archive: usize,
    event_index: usize,
}

impl Converter {
    pub(crate) fn new(plan: Plan) -> Self {
        let (events, usage_flattener) = (plan.builder(Table::Events), UsageRecordFlattener::new());
        Self {
            parser: Parser::default(),
            bitmap: StringBitmap::default(),
            rows: RowWriter {
                identity_cache: IdentityCache::default(),
                keys: UnitKeys::default(),
                partitions: PartitionIndex::new(&plan.partition_by),
                reads_calls: plan.usage_records && usage_flattener.finds_all(&events),
                events,
                usage_records: plan.builder(Table::UsageRecords),
                plan,
                routes: &ROUTES,
                usage_flattener,
                columns: EventColumns {
                    event_time: column_at!(Events.event_time),
                    event_id: column_at!(Events.event_id),
                    event_name: column_at!(Events.event_name),
                    account: column_at!(Events.recipient_account_id),
                    region: column_at!(Events.aws_region),
                    event_source: column_at!(Events.event_source),
                    unmapped: column_at!(Events.unmapped),
                    archive: column_at!(Events.archive),
                    event_index: column_at!(Events.event_index),
                },
            },
            elements: Vec::new(),
        }
    }

    /// Converts the whole text of one archive; `damage` is what was wrong with its compression.
    pub(crate) fn convert(&mut self, source: ArchiveRef<'_>, text: &[u8], damage: Option<Finding>) -> ArchiveOutcome {
        let mut splitter = Splitter::new();
        let mut elements = std::mem::take(&mut self.elements);
        elements.clear();
        splitter.split(&mut self.parser, text, true, &mut elements);
        let split_outcome = splitter.close();
        let counts = match split_outcome.status {
            ArchiveStatus::Foreign => ConvertCounts::default(),
            _ => self.convert_elements(source, text, 0, &elements),
        };
        self.elements = elements;
        ArchiveOutcome::new(split_outcome, counts, damage)
    }

    /// Whether the whole text of an archive holds no events at all.
    pub(crate) fn is_foreign(&mut self, text: &[u8]) -> bool {
        let mut splitter = Splitter::new();
        self.elements.clear();
        splitter.split(&mut self.parser, text, true, &mut self.elements);
        splitter.close().status == ArchiveStatus::Foreign
    }

    /// The parser, for whoever splits a window.
    pub(crate) const fn parser(&mut self) -> &mut Parser {
        &mut self.parser
    }

    /// Converts events of a window that begins at `window_start` of the archive's text.
    pub(crate) fn convert_elements(
        &mut self,
        source: ArchiveRef<'_>,
        window: &[u8],
        window_start: u64,
        elements: &[Element],
    ) -> ConvertCounts {
        let mut counts = ConvertCounts::default();
        let mut fields = EventFields::new();
        let mut unread = self.rows.plan.unread(window);
        // Nearly every window is text as a whole; only where it is not, each event is looked at.
        let whole = if unread.is_none() { simdutf8::basic::from_utf8(window).ok() } else { None };
        for Element { index, range, text: unescaped } in elements {
            if unread.as_mut().is_some_and(|unread| unread.take(range)) {
                counts.events_written += 1;
                counts.has_unread = true;
                continue;
            }
            let bytes = &window[range.clone()];
            let text = match unescaped {
                Some(text) => Ok(&**text),
                None => whole.and_then(|whole| whole.get(range.clone())).map_or_else(|| utf8(bytes), Ok),
            };
            let place =
                flatten::EventPlace { archive: source.uri, place: Place::new(source.position, *index), partition: 0 };
            let converted = text.and_then(|text| self.convert_event(place, text, &mut fields, &mut counts));
            if let Err(rejection) = converted {
                let offset = window_start + range.start as u64;
                counts.findings.push(rejection.of_event(*index, offset, bytes));
            }
        }
        counts
    }

    fn convert_event<'t>(
        &mut self,
        place: flatten::EventPlace<'_>,
        text: &'t str,
        fields: &mut EventFields<'t>,
        counts: &mut ConvertCounts,
    ) -> Result<(), Rejection> {
        let Self { parser, bitmap, rows, .. } = self;
        if (rows.plan.events || rows.reads_calls) && rows.read_fast(text, bitmap, fields) {
            rows.take_fields(fields, None, place, counts);
            return Ok(());
        }
        let mut visit =
            |document: Document<'_>| rows.take_event(document.root(), place, counts, &mut EventFields::new());
        match parser.parse(text, &mut visit) {
            Ok(taken) => taken,
            Err(_) => parser.parse_lenient(text, &mut visit).unwrap_or_else(|error| Err(explain(&error, text))),
        }
    }

    /// Partitions that have rows since the last [`Converter::finish`].
    pub(crate) const fn partitions(&self) -> usize {
        self.rows.partitions.len()
    }

    /// The rows since the last call, a batch for each table and partition that has any; their keys are inserted.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Internal`] when columns do not fit their schema, which is a bug.
    pub(crate) fn finish(&mut self) -> Result<Vec<Batch>> {
        if let Some(key_index) = &self.rows.plan.key_index {
            key_index.insert(&mut self.rows.keys);
            self.rows.keys.clear();
        }
        let paths = self.rows.partitions.take_paths();
        let mut all = batches(Table::Events, &mut self.rows.events, &paths)?;
        all.extend(batches(Table::UsageRecords, &mut self.rows.usage_records, &paths)?);
        Ok(all)
    }
}

impl Plan {
    fn builder(&self, table: Table) -> TableBuilder {
        let builder = TableBuilder::dictionary_encoded(table);
        let builder = if self.keeps_order { builder.in_order() } else { builder };
        match self.columns.iter().find(|(of, _)| *of == table) {
            Some((_, wanted)) => builder.only(wanted),
            None => builder,
        }
    }

    /// Tells events that need not be read; `None` when all have to be.
    fn unread<'w>(&self, window: &'w [u8]) -> Option<Unread<'w>> {
        let is_counted_only = !self.events && !self.reads_all && self.selection.is_everything();
        is_counted_only.then(|| Unread::new(window))
    }
}

impl RowWriter {
    /// Reads an event in its usual form; `false` when the parser has to.
    fn read_fast<'t>(&mut self, text: &'t str, bitmap: &mut StringBitmap, fields: &mut EventFields<'t>) -> bool {
        let cursor = Cursor::new(text, bitmap);
        let table = &mut self.events;
        let Self { routes, identity_cache, reads_calls, .. } = self;
        let mut fast_path = FastPath { routes, identity_cache, table, reads_calls: *reads_calls };
        fields.read_fast(cursor, &mut fast_path)
            && (fields.call.has_request || !self.plan.usage_records || !flatten::is_metering(fields))
    }

    fn take_event<'t>(
        &mut self,
        event: Value<'t>,
        place: flatten::EventPlace<'_>,
        counts: &mut ConvertCounts,
        fields: &mut EventFields<'t>,
    ) -> Result<(), Rejection> {
        fields.read(self.routes, event).map_err(|FieldError::DuplicateKey(path)| Rejection {
            reason: Reason::DuplicateKey,
            message: format!("`{path}` occurs twice"),
        })?;
        self.take_fields(fields, Some(event), place, counts);
        Ok(())
    }

    /// Writes the rows of an event that was read; without its tape by the fast path.
    fn take_fields<'t>(
        &mut self,
        fields: &mut EventFields<'t>,
        event: Option<Value<'t>>,
        mut place: flatten::EventPlace<'_>,
        counts: &mut ConvertCounts,
    ) {
        let at = &self.columns;
        let partition_fields = PartitionFields {
            event_time_ms: fields.timestamp(at.event_time),
            account: fields.text(at.account),
            region: fields.text(at.region),
            event_source: fields.text(at.event_source),
        };
        counts.add_time(partition_fields.event_time_ms);
        if !is_selected(&self.plan.selection, partition_fields) {
            counts.filtered += 1;
            return;
        }
        counts.events_written += 1;
        place.partition = self.partitions.number_of(partition_fields);
        let mut has_rows = self.plan.events;
        if self.plan.usage_records && flatten::is_metering(fields) {
            let table = &mut self.usage_records;
            let by_outcome = match event {
                Some(event) => self.usage_flattener.flatten(fields, flatten::Call::of(event), place, table),
                None => self.usage_flattener.flatten_fast(fields, &self.events, place, table),
            };
            for (total, count) in counts.usage_records_by_outcome.iter_mut().zip(by_outcome) {
                *total += count;
                has_rows |= count > 0;
            }
        }
        if has_rows
            && self.plan.key_index.is_some()
            && let (id, name) = (fields.text(at.event_id), fields.text(at.event_name))
            && let time = partition_fields.event_time_ms
            && let Some(identity) = Identity::new(id, partition_fields.account, time, name)
        {
            self.keys.push(&identity, place.place);
        }
        if self.plan.events {
            let table = &mut self.events;
            flatten::write_fields(table, fields);
            if let Some(source) = partition_fields.event_source
                && self.partitions.hides(PartitionColumn::EventSource, source)
            {
                fields.unmapped.add("eventSource", &serde_json::Value::from(source).to_string());
            }
            if table.is_wanted(at.unmapped)
                && let Some(json) = fields.unmapped.json()
            {
                table.text(at.unmapped, json);
            }
            table.text(at.archive, place.archive);
            table.int(at.event_index, place.event_index());
            table.end_row(place.partition);
        }
    }
}

/// Whether a selector wants the event. What it cannot be judged by keeps it: a missing time or account loses nothing.
pub(crate) fn is_selected(selection: &Selection, event: PartitionFields<'_>) -> bool {
    let day = event.event_time_ms.map(timestamp::epoch_day);
    let is_listed = |list: &[String], value: Option<&str>| {
        list.is_empty() || value.is_none_or(|value| list.iter().any(|wanted| wanted == value))
    };
    day.is_none_or(|day| selection.from_day.is_none_or(|from| day >= from))
        && day.is_none_or(|day| selection.to_day.is_none_or(|to| day <= to))
        && is_listed(&selection.accounts, event.account)
        && is_listed(&selection.regions, event.region)
}
