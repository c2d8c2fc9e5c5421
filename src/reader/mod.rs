//! Archives to rows, in order.
//!
//! In: what a caller names. Out: batches of Arrow columns, and how each archive ended. Never: knows a lake, or takes back
//! what it has handed out from whoever cannot give it back.

mod inputs;

mod members;

mod group;

mod refusal;

mod worker;

mod large;

mod unit;

mod dispatch;

mod in_order;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) use in_order::{InOrder, Limits, Piece, Request};
pub(crate) use inputs::{bytes_to_read, expect_archives, find_archives, open};
pub(crate) use members::open_containers;
pub(crate) use worker::{Converted, position};

use crate::config::{Config, OnBad};
use crate::input::Archive;
use crate::report::{Progress, Summary};
use crate::rows::{Plan, Register};
use crate::schema::Table;
use crate::split::Status;
use crate::verify::Integrity;

/// What a run makes of events.
pub(crate) fn plan(config: &Config, register: Option<Arc<dyn Register>>) -> Plan {
    Plan {
        events: config.tables.contains(&Table::Events),
        usage_records: config.tables.contains(&Table::UsageRecords),
        partition_by: config.partition_by.clone(),
        selection: config.selection.clone(),
        reads_all: config.on_bad == OnBad::Fail,
        register,
    }
}

/// Counts an archive.
pub(crate) fn count(summary: &mut Summary, progress: &Progress, archive: &Archive, converted: &mut Converted) {
    let is_foreign = converted.verdict.status == Status::Foreign;
    if is_foreign && converted.integrity == Integrity::NotCovered {
        // What holds no events is nothing to be proved, unless a digest file declares it.
        converted.integrity = Integrity::NotChecked;
    }
    summary.add_integrity(&converted.uri, converted.integrity);
    summary.add(&converted.uri, archive.bytes_to_read(), converted.inflated_bytes, &converted.verdict);
    progress.archives_done.fetch_add(1, Ordering::Relaxed);
    progress.compressed_bytes_done.fetch_add(archive.bytes_to_read(), Ordering::Relaxed);
    progress.events.fetch_add(converted.verdict.events_seen, Ordering::Relaxed);
}
