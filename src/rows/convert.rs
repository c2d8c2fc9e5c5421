//! Events to rows, findings and counts.
//!
//! In: windows of text and the events in them. Out: a [`Tally`] for each window; for all since the last
//! [`Converter::finish`] a [`Batch`] for each table and partition. Never: fails on what an archive holds.
//!
//! Text is split first and parsed event by event: the tape of one event stays in the cache, and a bad event, or one
//! with a number that simd-json refuses, costs one event and no more.

use std::sync::Arc;

use super::batch::{Batch, batches};
use super::partition::{PartitionFields, PartitionIndex};
use super::register::{Identity, Register, Source, UnitClaims};
use super::verdict::{Tally, Verdict};
use crate::columns::table::TableBuilder;
use crate::error::{Finding, Reason, Result};
use crate::flatten::{
    self, EventFields, Learning, Memo, ROUTES, Refused, Routes, Unread, UsageRecordFlattener, timestamp,
};
use crate::json::cursor::Cursor;
use crate::json::index::Index;
use crate::json::tape::{Document, Parser, Value};
use crate::model::{PartitionColumn, Place, Selection};
use crate::schema::{Table, column_at};
use crate::split::judgement::{Rejection, Status, explain, utf8};
use crate::split::{Cutter, Element};

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
    /// Who is told of every event that has rows.
    pub(crate) register: Option<Arc<dyn Register>>,
    /// Whether rows stay in the order of their events; else those of one kind stand together.
    pub(crate) keeps_order: bool,
    /// The columns that are wanted of tables, by position; of others all are.
    pub(crate) columns: Vec<(Table, Vec<usize>)>,
}

/// A worker's state from archive to archive.
pub(crate) struct Converter {
    parser: Parser,
    index: Index,
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
    memo: Memo,
    claims: UnitClaims,
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
        Self {
            parser: Parser::default(),
            index: Index::default(),
            rows: RowWriter {
                memo: Memo::default(),
                claims: UnitClaims::default(),
                partitions: PartitionIndex::new(&plan.partition_by),
                events: plan.builder(Table::Events),
                usage_records: plan.builder(Table::UsageRecords),
                plan,
                routes: &ROUTES,
                usage_flattener: UsageRecordFlattener::new(),
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
    pub(crate) fn convert(&mut self, source: Source<'_>, text: &[u8], damage: Option<Finding>) -> Verdict {
        let mut cutter = Cutter::new();
        let mut elements = std::mem::take(&mut self.elements);
        elements.clear();
        cutter.cut(&mut self.parser, text, true, &mut elements);
        let judgement = cutter.close();
        let tally = match judgement.status {
            Status::Foreign => Tally::default(),
            _ => self.convert_elements(source, text, 0, &elements),
        };
        self.elements = elements;
        Verdict::new(judgement, tally, damage)
    }

    /// Whether the whole text of an archive holds no events at all.
    pub(crate) fn is_foreign(&mut self, text: &[u8]) -> bool {
        let mut cutter = Cutter::new();
        self.elements.clear();
        cutter.cut(&mut self.parser, text, true, &mut self.elements);
        cutter.close().status == Status::Foreign
    }

    /// The parser, for whoever cuts a window.
    pub(crate) const fn parser(&mut self) -> &mut Parser {
        &mut self.parser
    }

    /// Converts events of a window that begins at `window_start` of the archive's text.
    pub(crate) fn convert_elements(
        &mut self,
        source: Source<'_>,
        window: &[u8],
        window_start: u64,
        elements: &[Element],
    ) -> Tally {
        let mut tally = Tally::default();
        let mut fields = EventFields::new();
        let mut unread = self.rows.plan.unread(window);
        // Nearly every window is text as a whole; only where it is not, each event is looked at.
        let whole = if unread.is_none() { simdutf8::basic::from_utf8(window).ok() } else { None };
        for Element { index, range, text: unescaped } in elements {
            if unread.as_mut().is_some_and(|unread| unread.take(range)) {
                tally.events_written += 1;
                tally.has_unread = true;
                continue;
            }
            let bytes = &window[range.clone()];
            let text = match unescaped {
                Some(text) => Ok(&**text),
                None => whole.and_then(|whole| whole.get(range.clone())).map_or_else(|| utf8(bytes), Ok),
            };
            let place =
                flatten::EventPlace { archive: source.uri, place: Place::new(source.position, *index), partition: 0 };
            let converted = text.and_then(|text| self.convert_event(place, text, &mut fields, &mut tally));
            if let Err(rejection) = converted {
                let offset = window_start + range.start as u64;
                tally.findings.push(rejection.of_event(*index, offset, bytes));
            }
        }
        tally
    }

    fn convert_event<'t>(
        &mut self,
        place: flatten::EventPlace<'_>,
        text: &'t str,
        fields: &mut EventFields<'t>,
        tally: &mut Tally,
    ) -> Result<(), Rejection> {
        let Self { parser, index, rows, .. } = self;
        if rows.plan.events && rows.read_quickly(text, index, parser, fields) {
            rows.take_fields(fields, None, place, tally);
            return Ok(());
        }
        let mut visit =
            |document: Document<'_>| rows.take_event(document.root(), place, tally, &mut EventFields::new());
        match parser.parse(text, &mut visit) {
            Ok(taken) => taken,
            Err(_) => parser.parse_lenient(text, &mut visit).unwrap_or_else(|error| Err(explain(&error, text))),
        }
    }

    /// Partitions that have rows since the last [`Converter::finish`].
    pub(crate) const fn partitions(&self) -> usize {
        self.rows.partitions.len()
    }

    /// The rows since the last call, a batch for each table and partition that has any; their events are claimed.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::Internal`] when columns do not fit their schema, which is a bug.
    pub(crate) fn finish(&mut self) -> Result<Vec<Batch>> {
        if let Some(register) = &self.rows.plan.register {
            register.claim(&mut self.rows.claims);
            self.rows.claims.clear();
        }
        let paths = self.rows.partitions.take_paths();
        let mut all = batches(Table::Events, &mut self.rows.events, &paths)?;
        all.extend(batches(Table::UsageRecords, &mut self.rows.usage_records, &paths)?);
        Ok(all)
    }
}

impl Plan {
    fn builder(&self, table: Table) -> TableBuilder {
        let builder = TableBuilder::coded(table);
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
    fn read_quickly<'t>(
        &mut self,
        text: &'t str,
        index: &mut Index,
        parser: &mut Parser,
        fields: &mut EventFields<'t>,
    ) -> bool {
        let cursor = Cursor::new(text, index);
        let table = &mut self.events;
        let mut learning = Learning { routes: self.routes, memo: &mut self.memo, parser, table };
        // The records of a metering call are read from a tape.
        fields.read_quickly(cursor, &mut learning)
            && !(self.plan.usage_records && self.usage_flattener.is_metering(fields))
    }

    fn take_event<'t>(
        &mut self,
        event: Value<'t>,
        place: flatten::EventPlace<'_>,
        tally: &mut Tally,
        fields: &mut EventFields<'t>,
    ) -> Result<(), Rejection> {
        fields.read(self.routes, event).map_err(|Refused::DuplicateKey(path)| Rejection {
            reason: Reason::DuplicateKey,
            message: format!("`{path}` occurs twice"),
        })?;
        self.take_fields(fields, Some(event), place, tally);
        Ok(())
    }

    /// Writes the rows of an event that was read; without its tape it is no metering call.
    fn take_fields<'t>(
        &mut self,
        fields: &mut EventFields<'t>,
        event: Option<Value<'t>>,
        mut place: flatten::EventPlace<'_>,
        tally: &mut Tally,
    ) {
        let at = &self.columns;
        let partition_fields = PartitionFields {
            event_time_ms: fields.timestamp(at.event_time),
            account: fields.text(at.account),
            region: fields.text(at.region),
            event_source: fields.text(at.event_source),
        };
        tally.see_time(partition_fields.event_time_ms);
        if !is_selected(&self.plan.selection, partition_fields) {
            tally.filtered += 1;
            return;
        }
        tally.events_written += 1;
        place.partition = self.partitions.number_of(partition_fields);
        let mut has_rows = self.plan.events;
        if let Some(event) = event
            && self.plan.usage_records
            && self.usage_flattener.is_metering(fields)
        {
            let call = flatten::Call::of(event);
            let counts = self.usage_flattener.flatten(fields, call, place, &mut self.usage_records);
            for (total, count) in tally.usage_records_by_outcome.iter_mut().zip(counts) {
                *total += count;
                has_rows |= count > 0;
            }
        }
        if has_rows
            && self.plan.register.is_some()
            && let (id, name) = (fields.text(at.event_id), fields.text(at.event_name))
            && let time = partition_fields.event_time_ms
            && let Some(identity) = Identity::new(id, partition_fields.account, time, name)
        {
            self.claims.push(&identity, place.place);
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
