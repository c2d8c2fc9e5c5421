//! The request for a run, resolved and validated.
//!
//! In: values that a front end gathered. Out: plain fields, and limits as named constants with their units.
//! Never: reads the environment or the command line.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::FaultInjector;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::Settings;
use crate::lake::write::WriteOptions;
use crate::model::limits;
pub use crate::model::{Compression, MIB, OnBad, PartitionColumn, Selection, check_local, check_place};
use crate::reader::ReadOptions;
use crate::schema::Table;
use crate::store::{ObjectUrl, StoreOptions};

/// A validated request to convert archives.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Config {
    /// Files, folders and `s3://` URLs of objects and prefixes to look for archives in; `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// Files whose lines name archives, `-` for standard input: a line is a path or URL, or a message of CloudTrail, S3,
    /// SNS, SQS or EventBridge in JSON.
    pub inputs_from: Vec<PathBuf>,
    /// How S3 is reached.
    pub store: StoreOptions,
    /// The lake.
    pub lake: PathBuf,
    /// Tables to fill, of [`Table::Events`] and [`Table::UsageRecords`].
    pub tables: Vec<Table>,
    /// Partition columns, outermost first.
    pub partition_by: Vec<PartitionColumn>,
    /// Compression of pages.
    pub compression: Compression,
    /// Worker threads.
    pub threads: usize,
    /// Bytes that batches and open row groups may take; the process needs a little more.
    pub memory_limit: u64,
    /// Which events are wanted.
    pub selection: Selection,
    /// What to do with bad input.
    pub on_bad: OnBad,
    /// Maximum size of an inflated archive, in bytes.
    pub max_inflated_bytes: u64,
    /// Size in bytes at which a part is closed and the next is begun.
    pub target_part_bytes: u64,
    /// Stored bytes of archives that are published together: further archives are published in a further commit, so
    /// that a run that dies loses at most one. With [`OnBad::Fail`] the whole run is published together.
    pub step_bytes: u64,
    /// Whether an event that is already in the lake, or occurs twice, is written once.
    pub dedup: bool,
    /// Whether archives that are in quarantine, completely or in part, are converted again.
    pub retry_quarantined: bool,
    /// Whether archives that are in the lake in another version are converted again.
    pub reconvert_changed: bool,
    /// Files with the output of `aws cloudtrail list-public-keys`. With any, archives are compared with the digest files among
    /// the inputs.
    pub public_keys: Vec<PathBuf>,
    /// Whether only archives that digest files prove are converted.
    pub requires_verified: bool,
    /// Folder for keys of events that do not fit into memory. By default it is in the lake, and a dry run keeps all in
    /// memory. Required for a lake in a bucket, since parts are staged in it, too.
    pub scratch: Option<PathBuf>,
    /// How long to wait for another run that holds the lake; by default not at all, except for a lease in a bucket without
    /// a heartbeat, until it has expired.
    pub wait: Duration,
    /// Convert and count, and write nothing.
    pub dry_run: bool,
    /// Called before every change on disk; may make it fail.
    pub faults: Option<Arc<dyn FaultInjector>>,
}

impl Config {
    /// Minimum memory of a run, in bytes.
    pub const MIN_MEMORY_LIMIT: u64 = limits::MIN_MEMORY;
    /// Default memory of a run, in bytes.
    pub const DEFAULT_MEMORY_LIMIT: u64 = limits::MEMORY;
    /// Default maximum size of an inflated archive, in bytes.
    pub const DEFAULT_MAX_INFLATED_BYTES: u64 = limits::INFLATED_BYTES;
    /// Default part size, in bytes: within the 128 MB to 1 GB that suit Athena and DuckDB.
    pub const DEFAULT_TARGET_PART_BYTES: u64 = 256 * MIB;

    /// Default stored bytes of a commit: some minutes of work on a small machine, and files of full size.
    pub const DEFAULT_STEP_BYTES: u64 = 16 << 30;

    /// A request with the defaults of the command line.
    #[must_use]
    pub fn new(inputs: Vec<PathBuf>, lake: PathBuf) -> Self {
        Self {
            inputs,
            inputs_from: Vec::new(),
            store: StoreOptions::default(),
            lake,
            tables: vec![Table::UsageRecords, Table::Events],
            partition_by: vec![PartitionColumn::EventDate],
            compression: Compression::Zstd(Compression::DEFAULT_ZSTD_LEVEL),
            threads: limits::threads(),
            memory_limit: Self::DEFAULT_MEMORY_LIMIT,
            selection: Selection::default(),
            on_bad: OnBad::Quarantine,
            max_inflated_bytes: Self::DEFAULT_MAX_INFLATED_BYTES,
            target_part_bytes: Self::DEFAULT_TARGET_PART_BYTES,
            step_bytes: Self::DEFAULT_STEP_BYTES,
            dedup: true,
            retry_quarantined: false,
            reconvert_changed: false,
            public_keys: Vec::new(),
            requires_verified: false,
            scratch: None,
            wait: Duration::ZERO,
            dry_run: false,
            faults: None,
        }
    }

    /// Whether the lake is in a bucket: incomplete files are in [`Config::scratch`] then.
    #[must_use]
    pub fn is_lake_remote(&self) -> bool {
        ObjectUrl::is_url(&self.lake)
    }

    /// Bytes of memory for keys of events; the rest goes to disk.
    pub(crate) const fn keys_memory(&self) -> u64 {
        if self.dedup { self.memory_limit / 12 } else { 0 }
    }

    /// Bytes of memory for rows in flight.
    pub(crate) fn rows_memory(&self) -> u64 {
        self.memory_limit - self.keys_memory() - self.read_options().prefetch_memory()
    }

    /// The options for the input.
    pub(crate) fn read_options(&self) -> ReadOptions {
        ReadOptions {
            inputs: self.inputs.clone(),
            inputs_from: self.inputs_from.clone(),
            store: self.store.clone(),
            tables: self.tables.clone(),
            columns: Vec::new(),
            selection: self.selection.clone(),
            threads: self.threads,
            memory_limit: self.memory_limit,
            max_inflated_bytes: self.max_inflated_bytes,
            scratch: self.scratch.clone(),
            ..ReadOptions::default()
        }
    }

    /// What commits store about the request.
    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.tables, &self.partition_by, &self.selection, self.dedup)
    }

    /// The options for the lake.
    pub(crate) fn write_options(&self) -> WriteOptions {
        WriteOptions {
            lake: self.lake.clone(),
            tables: self.tables.clone(),
            partition_by: self.partition_by.clone(),
            settings: self.settings(),
            compression: self.compression,
            target_part_bytes: self.target_part_bytes,
            memory: self.rows_memory(),
            scratch: self.scratch.clone(),
            wait: self.wait,
            faults: self.faults.clone(),
        }
    }

    /// Checks what types cannot express.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] with the flag to change.
    pub fn validate(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorKind::ConfigInvalid, message));
        self.read_options().validate()?;
        check_place("--out", &self.lake)?;
        self.public_keys.iter().try_for_each(|file| check_local("--public-keys", file))?;
        if self.partition_by.is_empty() {
            return invalid("--partition-by needs at least one column");
        }
        let is_repeated = |at: usize| self.partition_by[..at].contains(&self.partition_by[at]);
        if (0..self.partition_by.len()).any(is_repeated) {
            return invalid("--partition-by names a column twice");
        }
        if let Compression::Zstd(level) = self.compression
            && !(1..=22).contains(&level)
        {
            return invalid("--compression zstd takes a level from 1 to 22");
        }
        Ok(())
    }
}
