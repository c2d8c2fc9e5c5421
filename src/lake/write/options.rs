//! The options of a run for the lake that it writes to.
//!
//! In: the request of a run. Out: plain fields, without those for its input. Never: checked here; requests are.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::FaultInjector;
use crate::lake::Settings;
use crate::model::{Compression, PartitionColumn};
use crate::schema::Table;

/// The options of a run for its lake.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    /// Path or URL of the lake.
    pub(crate) lake: PathBuf,
    /// Tables to fill.
    pub(crate) tables: Vec<Table>,
    /// Partition columns, outermost first.
    pub(crate) partition_by: Vec<PartitionColumn>,
    /// What commits store about the request.
    pub(crate) settings: Settings,
    /// Compression of pages.
    pub(crate) compression: Compression,
    /// Size in bytes at which a part is closed and the next is begun.
    pub(crate) target_part_bytes: u64,
    /// Bytes that batches and open row groups may take.
    pub(crate) memory: u64,
    /// Folder for what does not fit into memory, and for parts of a lake in a bucket.
    pub(crate) scratch: Option<PathBuf>,
    /// How long to wait for another run that holds the lake.
    pub(crate) wait: Duration,
    /// Called before every change on disk.
    pub(crate) faults: Option<Arc<dyn FaultInjector>>,
}
