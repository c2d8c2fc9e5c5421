//! Events to rows.
//!
//! In: one parsed event. Out: one row of `events`, and one row of `usage_records` for each usage record of a metering
//! call. Never: drops a value; what has no column goes to `unmapped`.

pub(crate) mod decimal;
pub(crate) mod timestamp;

mod routes;

mod fields;

mod unmapped;

mod identity_cache;

mod fast_path;

mod fast_call;

mod unread;

mod name;

mod metering;

mod matching;

mod assignment;
mod call;

mod usage_records;

pub(crate) use call::Call;
pub(crate) use fast_path::FastPath;
pub(crate) use fields::{Cell, EventFields, FieldError};
pub(crate) use identity_cache::IdentityCache;
pub(crate) use routes::{ALIASES, ROUTES, Routes};
pub(crate) use unread::Unread;
pub(crate) use usage_records::{EventPlace, UsageRecordFlattener, is_metering};

use fields::Resource;

use crate::columns::table::TableBuilder;
use crate::json::tape::Value;

/// Writes the fields of an event into the current row of `events`.
pub(crate) fn write_fields(table: &mut TableBuilder, fields: &EventFields<'_>) {
    for (column, cell) in fields.cells() {
        if let Cell::PlainResources = cell {
            write_plain_resources(table, *column, &fields.resources);
        } else {
            write_cell(table, *column, cell);
        }
    }
    fields.known.iter().for_each(|(kind, number)| table.object(*kind, *number));
}

fn write_plain_resources(table: &mut TableBuilder, column: usize, resources: &[Resource<'_>]) {
    let bytes = resources.iter().flat_map(Resource::texts).flatten().map(str::len).sum();
    let Some(list) = table.list(column, bytes) else { return };
    for resource in resources {
        for (at, text) in resource.texts().into_iter().enumerate() {
            if let Some(text) = text {
                list.member(at).text(text);
            }
        }
        list.end_element();
    }
    list.end_list();
}

/// Writes a cell into the current row of a table.
pub(crate) fn write_cell(table: &mut TableBuilder, column: usize, cell: &Cell<'_>) {
    match *cell {
        Cell::Text(text) | Cell::Json(text) => table.text(column, text),
        Cell::Boolean(value) => table.boolean(column, value),
        Cell::Timestamp(epoch_ms) => table.timestamp(column, epoch_ms),
        Cell::Resources(value) => write_resources(table, column, value),
        // Their texts are with the fields of the event.
        Cell::PlainResources => {}
    }
}

fn write_resources(table: &mut TableBuilder, column: usize, resources: Value<'_>) {
    let texts = resources.elements().flat_map(Value::members).filter_map(|member| member.value().text());
    let Some(list) = table.list(column, texts.map(str::len).sum()) else { return };
    for resource in resources.elements() {
        if !resource.is_object() {
            list.null_element();
            continue;
        }
        // Hand-made data spells it `arn`; that counts where the usual spelling is absent. The first of two
        // equal members counts; the whole array is in `unmapped` then.
        let (mut arn, mut lower_case_arn, mut account_id, mut kind) = (None, None, None, None);
        for member in resource.members().filter(|member| !member.value().is_null()) {
            let place = match member.name() {
                "ARN" => &mut arn,
                "arn" => &mut lower_case_arn,
                "accountId" => &mut account_id,
                "type" => &mut kind,
                _ => continue,
            };
            place.get_or_insert(member.value().text());
        }
        for (at, text) in [arn.or(lower_case_arn), account_id, kind].into_iter().enumerate() {
            if let Some(text) = text.flatten() {
                list.member(at).text(text);
            }
        }
        list.end_element();
    }
    list.end_list();
}
