//! What a lake has already: its `archives` table, read back.
//!
//! In: a lake, or a place for one. Out: the archives in it, as hashes, and whether this run may add to it. Never:
//! writes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;

use super::part::{PartName, parquet_files};
use crate::config::Config;
use crate::dedup::PublishedKeys;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{SCHEMA_VERSION, Table};
use crate::transform::{TOO_LARGE, UNREADABLE};

const SCHEMA_VERSION_KEY: &str = "trailmill.schema_version";
const TABLES_KEY: &str = "trailmill.tables";
const PARTITION_KEY: &str = "trailmill.partition_by";
const SELECTION_KEY: &str = "trailmill.selection";

/// The choices of a run that decide which rows it writes and where, kept with its part of `archives`.
pub(crate) fn settings(config: &Config) -> Vec<KeyValue> {
    let join = |words: Vec<&str>| words.join(",");
    let selection = &config.selection;
    let selection_text = if selection.is_everything() { String::new() } else { format!("{selection:?}") };
    [
        (TABLES_KEY, join(config.tables.iter().map(|table| table.name()).collect())),
        (PARTITION_KEY, join(config.partition_by.iter().map(|column| column.as_str()).collect())),
        (SELECTION_KEY, selection_text),
    ]
    .map(|(key, value)| KeyValue::new(key.to_owned(), value))
    .to_vec()
}

/// The keys of events in the lake of a run, read when they are asked for.
///
/// # Errors
///
/// When the lake cannot be listed.
pub(crate) fn published_keys(root: &Path, config: &Config) -> Result<PublishedKeys> {
    // A lake has either table from its beginning, or never; all usage records are of events.
    let table = if config.tables.contains(&Table::Events) { Table::Events } else { Table::UsageRecords };
    let folder = root.join(table.name());
    Ok(PublishedKeys::new(&folder, parquet_files(&folder)?, &config.partition_by))
}

/// The archives of a lake.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The lake, absolute, whether it is there or not.
    pub(crate) root: PathBuf,
    /// Numbers of the commits that are published.
    pub(crate) commits: Vec<u32>,
    /// Hash of the name → hash of size and modification time, or [`OTHERWISE`].
    archives: HashMap<u128, u64>,
}

/// Stands for an archive that was converted with other selectors, which left out some of its events.
const OTHERWISE: u64 = 0;

impl Known {
    /// Reads what is in the lake of a run, if anything.
    ///
    /// # Errors
    ///
    /// When its files are not what this version writes, or were written with other tables or partitions.
    pub(crate) fn read(config: &Config) -> Result<Self> {
        let absolute = fs::canonicalize(&config.lake).or_else(|_| std::path::absolute(&config.lake));
        let root = absolute.map_err(|error| Error::at(ErrorKind::LakeInvalid, &config.lake, error))?;
        let mut known = Self { root, ..Self::default() };
        for path in parquet_files(&known.root.join(Table::Archives.name()))? {
            known.read_part(&path, config)?;
            known.commits.extend(PartName::parse(&path).map(|name| name.commit));
        }
        Ok(known)
    }

    /// Whether no archive is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.archives.is_empty()
    }

    /// Whether an archive is in the lake, and if so whether it is there as this run would convert it.
    pub(crate) fn find(&self, archive: &str, bytes: u64, modified: &str) -> Option<bool> {
        self.archives.get(&name_hash(archive)).map(|version| *version == version_hash(bytes, modified))
    }

    fn read_part(&mut self, path: &Path, config: &Config) -> Result<()> {
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| Error::at(ErrorKind::LakeInvalid, path, error);
        let file = File::open(path).map_err(|error| invalid(error.into()))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| invalid(error.into()))?;
        let metadata = builder.metadata().file_metadata();
        let entries = metadata.key_value_metadata().map_or(&[][..], Vec::as_slice);
        let wanted = settings(config);
        check_version(entries).map_err(|error| invalid(error.into()).advise("choose another --out"))?;
        check_settings(entries, &wanted).map_err(|error| invalid(error.into()).advise("choose another --out"))?;
        let is_same_selection = value(entries, SELECTION_KEY) == value(&wanted, SELECTION_KEY);
        let names = ["archive", "etag_or_mtime", "kind", "compressed_bytes", "filtered"];
        let mask = ProjectionMask::columns(metadata.schema_descr(), names);
        let reader = builder.with_projection(mask).build().map_err(|error| invalid(error.into()))?;
        for batch in reader {
            let batch = batch.map_err(|error| invalid(error.into()))?;
            if names.iter().any(|name| batch.column_by_name(name).is_none()) {
                return Err(invalid("a column is missing".into()));
            }
            self.read_batch(&batch, is_same_selection);
        }
        Ok(())
    }

    fn read_batch(&mut self, batch: &RecordBatch, is_same_selection: bool) {
        let texts = ["archive", "etag_or_mtime", "kind"]
            .map(|name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()));
        let numbers = ["compressed_bytes", "filtered"]
            .map(|name| batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>()));
        let ([Some(archive), Some(modified), Some(kind)], [Some(bytes), Some(filtered)]) = (texts, numbers) else {
            return;
        };
        for row in 0..batch.num_rows() {
            // What could not be read, or was too large for the limit of its day, is tried again.
            if matches!(kind.value(row), UNREADABLE | TOO_LARGE) {
                continue;
            }
            let is_whole = is_same_selection || filtered.is_null(row) || filtered.value(row) == 0;
            let bytes = u64::try_from(bytes.value(row)).unwrap_or_default();
            let version = if is_whole { version_hash(bytes, modified.value(row)) } else { OTHERWISE };
            self.archives.insert(name_hash(archive.value(row)), version);
        }
    }
}

fn value<'e>(entries: &'e [KeyValue], key: &str) -> Option<&'e str> {
    entries.iter().find(|entry| entry.key == key)?.value.as_deref()
}

fn check_version(entries: &[KeyValue]) -> Result<(), String> {
    match value(entries, SCHEMA_VERSION_KEY).and_then(|version| version.parse::<u32>().ok()) {
        None => Err("it was not written by trailmill".to_owned()),
        Some(version) if version > SCHEMA_VERSION => {
            Err(format!("it has schema version {version}, this program knows {SCHEMA_VERSION}: use a later version"))
        }
        Some(_) => Ok(()),
    }
}

fn check_settings(entries: &[KeyValue], wanted: &[KeyValue]) -> Result<(), String> {
    for (key, flag) in [(TABLES_KEY, "--tables"), (PARTITION_KEY, "--partition-by")] {
        let (found, wanted) = (value(entries, key).unwrap_or_default(), value(wanted, key).unwrap_or_default());
        if found != wanted {
            return Err(format!("it was filled with {flag} {found}, not {wanted}"));
        }
    }
    Ok(())
}

/// A name as 16 bytes: ten million archives are known in a few hundred MB, and two of them share a hash with a
/// probability of 10⁻²⁵.
fn name_hash(archive: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, archive).hash(&mut hasher);
        hasher.finish()
    };
    u128::from(half(0)) << 64 | u128::from(half(1))
}

fn version_hash(bytes: u64, modified: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (bytes, modified).hash(&mut hasher);
    hasher.finish().max(OTHERWISE + 1)
}
