//! Archives to rows, in order: `CloudTrail` events and Marketplace usage records as Arrow batches.
//!
//! In: the inputs of a caller. Out: batches of Arrow columns, and how each archive ended. Never: knows a lake, or takes rows
//! back from a caller that cannot return them.
//!
//! # Usage records of a folder
//!
//! ```
//! use trailmill::reader::{ReadOptions, Reader};
//! use trailmill::schema::Table;
//!
//! # fn main() -> trailmill::Result<()> {
//! let options = ReadOptions::new(["data/sample"])
//!     .tables([Table::UsageRecords])
//!     .columns(Table::UsageRecords, ["product_code", "dimension", "quantity", "outcome"]);
//! let mut reader = Reader::new(&options)?;
//! let mut rows = 0;
//! for batch in &mut reader {
//!     rows += batch?.rows.num_rows() as u64;
//! }
//! // Every archive and event is accounted for, also those that are damaged.
//! let counts = reader.finish()?;
//! assert_eq!(rows, counts.usage_records.written);
//! # assert!(rows > 0);
//! # Ok(())
//! # }
//! ```
//!
//! # One table, for another Arrow library
//!
//! ```
//! use arrow::array::RecordBatchReader;
//! use trailmill::reader::{ReadOptions, Reader};
//! use trailmill::schema::Table;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = ReadOptions::new(["data/sample"]).columns(Table::Events, ["event_time", "event_name"]);
//! let mut events = Reader::new(&options)?.into_table()?;
//! assert_eq!(events.schema().field(0).name(), "event_time");
//! let batches = events.by_ref().collect::<Result<Vec<_>, _>>()?;
//! # assert!(!batches.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Bytes that the caller fetches
//!
//! ```
//! use trailmill::reader::{Decoder, ReadOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let name = "262454269434_CloudTrail_us-east-1_20250603T0803Z_rbRw9Y6RSsvhi2kH.json.gz";
//! # let folder = "data/sample/AWSLogs/o-ui2ni2p3di/262454269434/CloudTrail/us-east-1/2025/06/03";
//! let stored = std::fs::read(format!("{folder}/{name}"))?;
//! let mut decoder = Decoder::new(&ReadOptions::default())?;
//! decoder.begin(name);
//! for bytes in stored.chunks(1_000) {
//!     decoder.decode(bytes)?;
//! }
//! while let Some(batch) = decoder.flush()? {
//!     println!("{} rows of {}", batch.rows.num_rows(), batch.table.name());
//! }
//! for archive in decoder.finish()? {
//!     assert!(archive.findings.is_empty());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Order: batches come in the order of the archives, which is that of their delivery, and rows in that of the events.
//! Memory: a window of work, whatever the input; nothing is read ahead of it until the next batch is requested.
//! Large archives: an archive whose checksum is wrong gives no rows, or those of its intact part; so rows of a large one come
//! after it was read to its end.
//! Copies: an event that occurs twice is returned twice; what a lake leaves out depends on the lake.

mod options;

mod batches;

mod decoder;

mod inputs;

mod members;

mod group;

mod refusal;

mod worker;

mod large;

mod unit;

mod dispatch;

mod in_order;

#[cfg(feature = "async")]
mod stream;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use batches::{ArchiveEnd, Reader, Sink, TableBatch, TableReader};
pub use decoder::Decoder;
pub(crate) use in_order::{InOrder, Limits, OrderedItem, ReadRequest};
pub(crate) use inputs::{bytes_to_read, expect_archives, find_archives, open};
pub(crate) use members::open_containers;
pub use options::ReadOptions;
use options::WantedTable;
#[cfg(feature = "async")]
pub use stream::BatchStream;

#[cfg(feature = "s3")]
pub use crate::store::ObjectStore;
pub(crate) use worker::{Converted, position};

use crate::input::Archive;
use crate::model::Integrity;
use crate::report::{Progress, Summary};
use crate::rows::{KeyIndex, Plan};
use crate::schema::Table;
use crate::split::ArchiveStatus;

/// The plan for a caller that takes only rows: one partition, so that batches stay whole.
pub(crate) fn plan(options: &ReadOptions, key_index: Option<Arc<dyn KeyIndex>>) -> Plan {
    Plan {
        events: options.tables.contains(&Table::Events),
        usage_records: options.tables.contains(&Table::UsageRecords),
        partition_by: Vec::new(),
        selection: options.selection.clone(),
        reads_all: false,
        key_index,
        keeps_order: false,
        columns: Vec::new(),
    }
}

/// The plan for returning rows: in the order of their events, with the columns that are wanted.
fn plan_batches(options: &ReadOptions, wanted: &[WantedTable]) -> Plan {
    let columns = wanted.iter().map(|wanted| (wanted.table, wanted.columns.clone())).collect();
    Plan { keeps_order: true, columns, ..plan(options, None) }
}

/// Counts an archive.
pub(crate) fn count(summary: &mut Summary, progress: &Progress, archive: &Archive, converted: &mut Converted) {
    let is_foreign = converted.outcome.status == ArchiveStatus::Foreign;
    if is_foreign && converted.integrity == Integrity::NotCovered {
        // An archive without events has nothing to verify, unless a digest file declares it.
        converted.integrity = Integrity::NotChecked;
    }
    summary.add_integrity(&converted.uri, converted.integrity);
    summary.add(&converted.uri, archive.bytes_to_read(), converted.inflated_bytes, &converted.outcome);
    progress.archives_done.fetch_add(1, Ordering::Relaxed);
    progress.compressed_bytes_done.fetch_add(archive.bytes_to_read(), Ordering::Relaxed);
    progress.events.fetch_add(converted.outcome.events_seen, Ordering::Relaxed);
}
