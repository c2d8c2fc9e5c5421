//! Metering calls to rows of `usage_records`.
//!
//! In: the fields of an event. Out: one row for each usage record of the request, with the answer it got, and one for
//! each record that only the response has. Never: no row at all for a call whose records AWS left out of the event.

use super::call::{
    self, Call, CallFields, RecordResult, gather, is_placeholder, object_of, read_answers, read_requests,
};
use super::fast_call::FastRecord;
use super::fields::{Cell, EventFields};
use super::matching::match_answers;
use super::metering::{self, UsageRecord};
use super::name::Name;
use super::unmapped::Unmapped;
use crate::columns::table::{KnownCell, TableBuilder};
use crate::json::tape::Shape;
use crate::model::{Outcome, OutcomeCounts, Place};
use crate::schema::{Table, column_at};

/// `eventSource` of the Metering Service is this and the partition's domain (Marketplace API Reference, logging metering calls).
pub(super) const SOURCE_PREFIX: &str = "metering-marketplace.";

/// Writes the rows of metering calls.
pub(crate) struct UsageRecordFlattener {
    /// Columns that both tables have: position in `usage_records`, position in `events`.
    shared: Vec<(usize, usize)>,
}

/// Where an event stands.
#[derive(Clone, Copy)]
pub(crate) struct EventPlace<'a> {
    /// URI of the archive.
    pub(crate) archive: &'a str,
    /// Place among the events of all archives.
    pub(crate) place: Place,
    /// Number of the partition that its rows belong to.
    pub(crate) partition: u32,
}

impl EventPlace<'_> {
    /// 0-based position in the archive, as its column has it.
    pub(crate) fn event_index(&self) -> i32 {
        i32::try_from(self.place.event_index()).unwrap_or(i32::MAX)
    }
}

/// The kind of object that a call is to its columns: what its rows have in common is kept once.
const CALL: usize = 0;

/// The rows of a call, on their way to the table.
struct CallRows<'c> {
    place: EventPlace<'c>,
    table: &'c mut TableBuilder,
    counts: OutcomeCounts,
    /// What all rows have in common.
    shared: Vec<(usize, KnownCell<'c>)>,
    /// Those of them that their columns keep for each row.
    unkept: Vec<(usize, KnownCell<'c>)>,
    /// The number of the call, and the dictionaries that it is of.
    known_as: Option<(u32, u64)>,
}

impl CallRows<'_> {
    /// The number of the call in the dictionaries of the current row.
    fn number(&mut self) -> u32 {
        let dictionaries = self.table.dictionaries();
        if let Some((number, known)) = self.known_as
            && known == dictionaries
        {
            return number;
        }
        let number = self.table.new_object();
        self.unkept.clear();
        for (column, cell) in &self.shared {
            if !self.table.remember(CALL, number, *column, cell) {
                self.unkept.push((*column, *cell));
            }
        }
        self.known_as = Some((number, dictionaries));
        number
    }

    /// Writes what all rows have in common into the current row.
    fn write_shared(&mut self) {
        let number = self.number();
        let table = &mut *self.table;
        table.object(CALL, number);
        for (column, cell) in &self.unkept {
            match *cell {
                KnownCell::Text(text) => table.text(*column, text),
                KnownCell::Boolean(value) => table.boolean(*column, value),
                KnownCell::Int(value) => table.int(*column, value),
                KnownCell::Timestamp(epoch_ms) => table.timestamp(*column, epoch_ms),
            }
        }
    }

    fn write(&mut self, common: &CallFields<'_>, mut row: UsageRow<'_, '_>) {
        self.counts[row.outcome as usize] += 1;
        self.write_shared();
        let table = &mut *self.table;
        let record = row.record;
        let texts = [
            (column_at!(UsageRecords.product_code), common.product_code),
            (column_at!(UsageRecords.client_token), common.client_token),
            (column_at!(UsageRecords.license_arn), record.license_arn),
            (column_at!(UsageRecords.customer_identifier), record.customer_identifier),
            (column_at!(UsageRecords.customer_aws_account_id), record.customer_aws_account_id),
            (column_at!(UsageRecords.dimension), record.dimension),
            (column_at!(UsageRecords.usage_timestamp_text), record.time.map(|time| time.text)),
            (column_at!(UsageRecords.outcome), Some(row.outcome.as_str())),
            (column_at!(UsageRecords.status), row.status),
            (column_at!(UsageRecords.metering_record_id), row.metering_record_id),
            (column_at!(UsageRecords.unmapped), row.unmapped.json()),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                table.text(column, text);
            }
        }
        if let Some(index) = row.record_index.and_then(|index| i32::try_from(index).ok()) {
            table.int(column_at!(UsageRecords.record_index), index);
        }
        if let Some(quantity) = record.quantity {
            table.quantity(column_at!(UsageRecords.quantity), quantity);
        }
        if let Some(epoch_ms) = record.time.and_then(|time| time.epoch_ms) {
            table.timestamp(column_at!(UsageRecords.usage_timestamp), epoch_ms);
        }
        if let Some(dry_run) = common.dry_run {
            table.boolean(column_at!(UsageRecords.dry_run), dry_run);
        }
        if let Some(allocations) = &record.allocations {
            write_allocations(table, column_at!(UsageRecords.usage_allocations), allocations);
        }
        table.end_row(self.place.partition);
    }
}

/// One row before it is written.
struct UsageRow<'r, 't> {
    record_index: Option<usize>,
    record: &'r UsageRecord<'t>,
    outcome: Outcome,
    status: Option<&'t str>,
    metering_record_id: Option<&'t str>,
    unmapped: Unmapped,
}

impl<'r, 't> UsageRow<'r, 't> {
    fn new(
        record_index: Option<usize>,
        record: &'r UsageRecord<'t>,
        answer: Option<&RecordResult<'t>>,
        unanswered: Outcome,
        common: &CallFields<'_>,
    ) -> Self {
        Self {
            record_index,
            record,
            outcome: answer.map_or(unanswered, |answer| answer.outcome),
            status: answer.and_then(|answer| answer.status),
            metering_record_id: answer.and_then(|answer| answer.metering_record_id),
            unmapped: gather(common, &record.unmapped, answer.map(|answer| &answer.unmapped)),
        }
    }
}

impl UsageRecordFlattener {
    pub(crate) fn new() -> Self {
        let usage = Table::UsageRecords;
        let shared = usage.columns().iter().enumerate().filter(|(_, column)| !column.source.is_empty());
        let shared = shared.filter_map(|(index, column)| {
            let same = Table::Events.columns().iter().position(|event| event.source == column.source)?;
            Some((index, same))
        });
        Self { shared: shared.collect() }
    }

    /// Whether a builder of `events` keeps all that objects of an event have in common with `usage_records`.
    pub(crate) fn finds_all(&self, events: &TableBuilder) -> bool {
        self.shared.iter().all(|(_, column)| events.is_wanted(*column))
    }

    /// Writes the rows of a metering call; returns how many by outcome.
    pub(crate) fn flatten(
        &self,
        fields: &EventFields<'_>,
        call: Call<'_>,
        place: EventPlace<'_>,
        table: &mut TableBuilder,
    ) -> OutcomeCounts {
        let mut rows = self.rows(fields, |_| None, place, table);
        let is_error = fields.text(column_at!(Events.error_code)).is_some();
        if fields.text(column_at!(Events.event_name)) == Some("MeterUsage") {
            flatten_single(call, is_error, &mut rows);
        } else {
            flatten_batch(call, is_error, &mut rows);
        }
        rows.counts
    }

    /// The same of a call that was read by the fast path; `events` keeps objects that it knows.
    pub(crate) fn flatten_fast(
        &self,
        fields: &mut EventFields<'_>,
        events: &TableBuilder,
        place: EventPlace<'_>,
        table: &mut TableBuilder,
    ) -> OutcomeCounts {
        let call = std::mem::take(&mut fields.call);
        let is_error = fields.text(column_at!(Events.error_code)).is_some();
        let unanswered = if is_error { Outcome::RequestError } else { Outcome::Unknown };
        let known = |column| {
            let mut objects = fields.known.iter();
            objects.find_map(|(kind, number)| events.object_text(*kind, *number, column)).map(Cell::Text)
        };
        let mut rows = self.rows(fields, known, place, table);
        let common = CallFields { product_code: call.product_code, ..CallFields::default() };
        for (index, FastRecord { record, answer, .. }) in call.records.iter().enumerate() {
            let row = UsageRow {
                record_index: Some(index),
                record,
                outcome: answer.map_or(unanswered, |answer| answer.outcome),
                status: answer.and_then(|answer| answer.status),
                metering_record_id: answer.and_then(|answer| answer.metering_record_id),
                unmapped: Unmapped::default(),
            };
            rows.write(&common, row);
        }
        let counts = rows.counts;
        fields.call = call;
        counts
    }

    /// Begins the rows of a call; `known` gives cells of an event that are not among its fields.
    fn rows<'c, 't: 'c>(
        &'c self,
        fields: &EventFields<'t>,
        known: impl Fn(usize) -> Option<Cell<'c>>,
        place: EventPlace<'c>,
        table: &'c mut TableBuilder,
    ) -> CallRows<'c> {
        let cell = |(usage, event): &(usize, usize)| {
            let cell = match fields.cell(*event).copied().or_else(|| known(*event))? {
                Cell::Text(text) | Cell::Json(text) => KnownCell::Text(text),
                Cell::Boolean(value) => KnownCell::Boolean(value),
                Cell::Timestamp(epoch_ms) => KnownCell::Timestamp(epoch_ms),
                Cell::Resources(_) | Cell::PlainResources => return None,
            };
            Some((*usage, cell))
        };
        let of_place = [
            (column_at!(UsageRecords.archive), KnownCell::Text(place.archive)),
            (column_at!(UsageRecords.event_index), KnownCell::Int(place.event_index())),
        ];
        CallRows {
            place,
            table,
            counts: OutcomeCounts::default(),
            shared: self.shared.iter().filter_map(cell).chain(of_place).collect(),
            unkept: Vec::new(),
            known_as: None,
        }
    }
}

/// Whether an event is a call that meters usage.
pub(crate) fn is_metering(fields: &EventFields<'_>) -> bool {
    fields.text(column_at!(Events.event_source)).is_some_and(|source| source.starts_with(SOURCE_PREFIX))
        && matches!(fields.text(column_at!(Events.event_name)), Some("BatchMeterUsage" | "MeterUsage"))
}

fn write_allocations(table: &mut TableBuilder, column: usize, allocations: &[metering::Allocation<'_>]) {
    let tags = allocations.iter().filter_map(|allocation| allocation.tags.as_deref()).flatten().flatten();
    let bytes = tags.flat_map(|(key, value)| [*key, *value]).flatten().map(str::len).sum();
    let Some(list) = table.list(column, bytes) else { return };
    for allocation in allocations {
        if allocation.is_null {
            list.null_element();
            continue;
        }
        if let Some(quantity) = allocation.quantity {
            list.member(0).quantity(quantity);
        }
        if let Some((tags, tag_list)) = allocation.tags.as_ref().zip(list.member(1).list()) {
            for tag in tags {
                let Some((key, value)) = tag else {
                    tag_list.null_element();
                    continue;
                };
                if let Some(key) = key {
                    tag_list.member(0).text(key);
                }
                if let Some(value) = value {
                    tag_list.member(1).text(value);
                }
                tag_list.end_element();
            }
            tag_list.end_list();
        }
        list.end_element();
    }
    list.end_list();
}

fn flatten_batch(call: Call<'_>, is_error: bool, rows: &mut CallRows<'_>) {
    let mut common = CallFields::default();
    let requests = read_requests(call.request, &mut common);
    let answers = read_answers(call.response, &mut common);
    let has_request = requests.is_some();
    let requests = requests.unwrap_or_default();
    let echoes: Vec<_> = answers.iter().map(|answer| answer.record).collect();
    let matches = match_answers(&requests, &echoes);
    let unanswered = if is_error { Outcome::RequestError } else { Outcome::Unknown };
    for (index, (request, matched)) in requests.iter().zip(&matches).enumerate() {
        let answer = matched.map(|at| &answers[at]);
        rows.write(&common, UsageRow::new(Some(index), &request.record, answer, unanswered, &common));
    }
    let mut is_matched = vec![false; answers.len()];
    matches.iter().flatten().for_each(|at| is_matched[*at] = true);
    for (answer, _) in answers.iter().zip(&is_matched).filter(|(_, is_matched)| !**is_matched) {
        let record = answer.record.map(|source| source.read()).unwrap_or_default();
        rows.write(&common, UsageRow::new(None, &record, Some(answer), answer.outcome, &common));
    }
    if !has_request && answers.is_empty() {
        let outcome = call::outcome_without_answer(call.request, is_error);
        rows.write(&common, UsageRow::new(None, &UsageRecord::default(), None, outcome, &common));
    }
}

fn flatten_single(call: Call<'_>, is_error: bool, rows: &mut CallRows<'_>) {
    let mut common = CallFields::default();
    let request = object_of(call.request, &mut common.unmapped_request);
    let record = request.map_or_else(UsageRecord::default, |request| {
        UsageRecord::read(request, "requestParameters", &metering::SINGLE, |name, member| match name {
            Name::ProductCode => metering::take_text(&mut common.product_code, member),
            Name::ClientToken => metering::take_text(&mut common.client_token, member),
            Name::DryRun => {
                common.dry_run = match member.value().shape() {
                    Shape::Boolean(value) => Some(value),
                    Shape::String("true") => Some(true),
                    Shape::String("false") => Some(false),
                    _ => None,
                };
                common.dry_run.is_some()
            }
            _ => false,
        })
    });
    let metering_record_id = call::read_metering_record_id(call.response, &mut common);
    let outcome = match metering_record_id {
        None => call::outcome_without_answer(call.request, is_error),
        Some(_) if is_error => Outcome::RequestError,
        Some(_) => Outcome::Success,
    };
    let unmapped = gather(&common, &record.unmapped, None);
    let record_index = call.request.filter(|request| !is_placeholder(request.value())).map(|_| 0);
    rows.write(
        &common,
        UsageRow { record_index, record: &record, outcome, status: None, metering_record_id, unmapped },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_table_is_written_by_someone() {
        let flattener = UsageRecordFlattener::new();
        let mut own = vec![
            column_at!(UsageRecords.event_index),
            column_at!(UsageRecords.archive),
            column_at!(UsageRecords.record_index),
            column_at!(UsageRecords.product_code),
            column_at!(UsageRecords.license_arn),
            column_at!(UsageRecords.customer_identifier),
            column_at!(UsageRecords.customer_aws_account_id),
            column_at!(UsageRecords.dimension),
            column_at!(UsageRecords.quantity),
            column_at!(UsageRecords.usage_timestamp),
            column_at!(UsageRecords.usage_timestamp_text),
            column_at!(UsageRecords.usage_allocations),
            column_at!(UsageRecords.dry_run),
            column_at!(UsageRecords.client_token),
            column_at!(UsageRecords.outcome),
            column_at!(UsageRecords.status),
            column_at!(UsageRecords.metering_record_id),
            column_at!(UsageRecords.unmapped),
        ];
        own.extend(flattener.shared.iter().map(|(usage, _)| *usage));
        own.sort_unstable();
        assert_eq!(own, (0..Table::UsageRecords.columns().len()).collect::<Vec<_>>());
    }
}
