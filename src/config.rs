//! What a run was asked to do, resolved and validated.
//!
//! In: values that a front end gathered. Out: plain fields, and limits as named constants with their units.
//! Never: reads the environment or the command line.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::disk::Watch;
use crate::error::{Error, ErrorKind, Result, printable_path};
use crate::input::STDIN;
use crate::rows::PartitionColumn;
use crate::schema::Table;
use crate::store::{ObjectUrl, StoreOptions};

/// Folder of a lake for all that is not a table; engines pass over names that start with `_`.
pub(crate) const STATE_FOLDER: &str = "_trailmill";

/// Whether a name below a lake is one of its own folders; others may lie beside them.
pub(crate) fn is_own_folder(name: &OsStr) -> bool {
    name == STATE_FOLDER || Table::ALL.iter().any(|table| name == table.name())
}

/// Checks a place that may be in a bucket; `named` is the flag or argument that it was typed for.
///
/// # Errors
///
/// [`ErrorKind::ConfigInvalid`] for a URL that is not of S3, or of something that cannot be asked for there.
pub fn check_place(named: &str, place: &Path) -> Result<()> {
    ObjectUrl::of(place)
        .map(drop)
        .map_err(|error| refused(named, place, &format!("{}{}", error.cause(), error.advice())))
}

/// Checks a place that is a file or a folder of this machine; `named` is the flag or argument that it was typed for.
///
/// # Errors
///
/// [`ErrorKind::ConfigInvalid`] for any URL: a folder called `s3:` is never meant.
pub fn check_local(named: &str, place: &Path) -> Result<()> {
    check_place(named, place)?;
    if ObjectUrl::is_url(place) {
        let why = "it has to be a file or folder of this machine; name one, and copy it from there or to there with `aws s3 cp`";
        return Err(refused(named, place, why));
    }
    Ok(())
}

fn refused(named: &str, place: &Path, why: &str) -> Error {
    let typed = printable_path(&place.display().to_string());
    Error::new(ErrorKind::ConfigInvalid, format!("{named}: {typed}: {why}"))
}

/// Bytes in a mebibyte.
pub const MIB: u64 = 1 << 20;

/// How Parquet pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard at a level from 1 to 22: small files, quick to read.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// None at all.
    None,
}

impl Compression {
    /// Level that is used unless another is asked for: on CloudTrail data a higher one costs more time than it saves
    /// space.
    pub const DEFAULT_ZSTD_LEVEL: i32 = 1;
}

/// What to do when input is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBad {
    /// Keep it in the quarantine table and go on.
    Quarantine,
    /// Publish nothing.
    Fail,
}

/// Which events are wanted; an empty list wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// First event date, in days since 1970.
    pub from_day: Option<i64>,
    /// Last event date, in days since 1970.
    pub to_day: Option<i64>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Regions.
    pub regions: Vec<String>,
}

impl Selection {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// A validated request to convert archives.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Config {
    /// Files, folders and `s3://` URLs of objects and prefixes to look for archives in; `-` for standard input.
    pub inputs: Vec<PathBuf>,
    /// Files of lines that name archives, `-` for standard input: a line is a path or URL, or a message of CloudTrail, S3,
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
    /// Events wanted.
    pub selection: Selection,
    /// What to do with bad input.
    pub on_bad: OnBad,
    /// Largest size one archive may inflate to, in bytes.
    pub max_inflated_bytes: u64,
    /// Size at which a part is closed and the next is begun, in bytes.
    pub target_part_bytes: u64,
    /// Stored bytes of archives that are published together: what is converted beyond them comes in a further commit, so
    /// that a run that dies loses no more than one. With [`OnBad::Fail`] all of a run is published together.
    pub step_bytes: u64,
    /// Whether an event that is in the lake already, or comes twice, is written once.
    pub dedup: bool,
    /// Whether archives that are in quarantine, as a whole or in part, are converted again.
    pub retry_quarantined: bool,
    /// Whether archives that are in the lake in another form are converted again.
    pub reconvert_changed: bool,
    /// Files with what `aws cloudtrail list-public-keys` printed. With any, archives are compared with the digest files among
    /// the inputs.
    pub public_keys: Vec<PathBuf>,
    /// Whether only archives are converted that digest files prove.
    pub requires_verified: bool,
    /// Folder for keys of events that do not fit into memory. Without one it is in the lake, and of a dry run all stay in
    /// memory. For a lake in a bucket there has to be one: parts are staged in it, too.
    pub scratch: Option<PathBuf>,
    /// How long to wait for another run that has the lake; by default not at all, but for a claim in a bucket that nobody
    /// writes anew until it counts as dead.
    pub wait: Duration,
    /// Convert and count, and write nothing.
    pub dry_run: bool,
    /// Is told of every change on disk before it is made, and may make it fail.
    pub watch: Option<Arc<dyn Watch>>,
}

impl Config {
    /// Least memory a run can work with, in bytes.
    pub const MIN_MEMORY_LIMIT: u64 = 64 * MIB;
    /// Memory a run uses unless told otherwise, in bytes.
    pub const DEFAULT_MEMORY_LIMIT: u64 = 192 * MIB;
    /// Largest inflated archive unless told otherwise, in bytes: CloudTrail closes files at 50 MB compressed, and JSON
    /// seldom deflates better than 100:1.
    pub const DEFAULT_MAX_INFLATED_BYTES: u64 = 16 << 30;
    /// Part size unless told otherwise, in bytes: within the 128 MB to 1 GB that Athena and DuckDB like.
    pub const DEFAULT_TARGET_PART_BYTES: u64 = 256 * MIB;

    /// Stored bytes of a commit unless told otherwise: some minutes of work on a small machine, and files of full size.
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
            threads: std::thread::available_parallelism().map_or(1, usize::from),
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
            watch: None,
        }
    }

    /// Whether the lake is in a bucket: files that are not whole are in [`Config::scratch`] then.
    #[must_use]
    pub fn is_lake_remote(&self) -> bool {
        ObjectUrl::is_url(&self.lake)
    }

    /// Bytes of memory for keys of events; what does not fit goes to disk.
    pub(crate) const fn keys_memory(&self) -> u64 {
        if self.dedup { self.memory_limit / 12 } else { 0 }
    }

    /// Bytes of memory for objects of S3 that are fetched before they are asked for.
    pub(crate) fn prefetch_memory(&self) -> u64 {
        let may_be_objects = !self.inputs_from.is_empty() || self.inputs.iter().any(|input| ObjectUrl::is_url(input));
        if may_be_objects { self.memory_limit / 8 } else { 0 }
    }

    /// Bytes of memory for rows on their way.
    pub(crate) fn rows_memory(&self) -> u64 {
        self.memory_limit - self.keys_memory() - self.prefetch_memory()
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] with the flag that mends it.
    pub fn validate(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorKind::ConfigInvalid, message));
        if self.inputs.is_empty() && self.inputs_from.is_empty() {
            return invalid("name at least one file, folder or s3:// URL to convert, or use --inputs-from");
        }
        if self.inputs.iter().chain(&self.inputs_from).filter(|input| input.as_os_str() == STDIN).count() > 1 {
            return invalid("standard input can be read only once");
        }
        self.inputs.iter().try_for_each(|input| check_place("INPUT", input))?;
        check_place("--out", &self.lake)?;
        self.inputs_from.iter().try_for_each(|file| check_local("--inputs-from", file))?;
        self.public_keys.iter().try_for_each(|file| check_local("--public-keys", file))?;
        if self.tables.is_empty() || self.tables.iter().any(|table| !table.is_partitioned()) {
            return invalid("--tables takes usage_records, events or both");
        }
        if self.partition_by.is_empty() {
            return invalid("--partition-by needs at least one column");
        }
        let is_repeated = |at: usize| self.partition_by[..at].contains(&self.partition_by[at]);
        if (0..self.partition_by.len()).any(is_repeated) {
            return invalid("--partition-by names a column twice");
        }
        if self.threads == 0 {
            return invalid("--threads must be at least 1");
        }
        if self.memory_limit < Self::MIN_MEMORY_LIMIT {
            return invalid("--memory-limit must be at least 64MiB");
        }
        if let Compression::Zstd(level) = self.compression
            && !(1..=22).contains(&level)
        {
            return invalid("--compression zstd takes a level from 1 to 22");
        }
        if let (Some(from), Some(to)) = (self.selection.from_day, self.selection.to_day)
            && from > to
        {
            return invalid("--from is later than --to");
        }
        Ok(())
    }
}
