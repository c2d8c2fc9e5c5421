//! Events to rows.
//!
//! In: one parsed event. Out: one row of `events`, and one row of `usage_records` for each usage record of a metering
//! call. Never: drops a value; what has no column goes to `unmapped`.

mod routes;

mod fields;

mod unmapped;

mod metering;

mod outcome;

mod call;

mod usage_records;

pub(crate) use call::Call;
pub(crate) use fields::{Cell, EventFields, Refused};
pub use outcome::Outcome;
pub(crate) use routes::Routes;
pub(crate) use usage_records::{EventPlace, UsageRecordFlattener};

use super::columns::{ColumnBuilder, ListBuilder};
use super::tape::Value;

/// Writes the cells of an event into the current row of `events`.
pub(crate) fn write_cell(column: &mut ColumnBuilder, cell: &Cell<'_>) {
    match *cell {
        Cell::Text(text) | Cell::Json(text) => column.text(text),
        Cell::Boolean(value) => column.boolean(value),
        Cell::Timestamp(epoch_ms) => column.timestamp(epoch_ms),
        Cell::Resources(value) => {
            if let Some(list) = column.list() {
                write_resources(list, value);
            }
        }
    }
}

fn write_resources(list: &mut ListBuilder, resources: Value<'_>) {
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
