//! A lake on a local file system: what is in it, who may write to it, and when new parts are seen.
//!
//! In: staged parts. Out: parts under their final names. Never: shows a reader anything but whole files.
//!
//! A commit has a number, which is in the name of each of its parts. Its parts are renamed into place, the one of
//! `archives` last: that rename is the commit. Parts whose number has no part in `archives` belong to a run that died;
//! the next run removes them.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::part::{StagedPart, unwritable};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{SCHEMA_VERSION, Table};

/// Folder for all that is not a table; engines pass over names that start with `_`.
const STATE: &str = "_trailmill";

/// A lake that this process alone writes to.
#[derive(Debug)]
pub(crate) struct Lake {
    root: PathBuf,
    /// Locked for as long as it is open, by the operating system: a dead process holds no lock.
    _lock: File,
    last_commit: u32,
    known: HashMap<u128, u64>,
}

/// A numbered set of parts that become visible together.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// Number as it stands in file names and in `commit_id`.
    pub(crate) id: String,
    /// Where its parts are staged.
    pub(crate) staging: PathBuf,
}

impl Commit {
    /// Throws away what was staged.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub(crate) fn discard(&self) -> Result<()> {
        remove_folder(&self.staging)
    }
}

impl Lake {
    /// Opens a lake, or begins one, and clears away what a dead run left.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written to, another run holds it, or its files are of a later schema version.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let state = root.join(STATE);
        fs::create_dir_all(&state)
            .map_err(|error| unwritable(root, error).advise("name a folder that can be written to with --out"))?;
        // From here on the lake is named absolutely, whatever the working directory was.
        let root = fs::canonicalize(root).map_err(|error| unwritable(root, error))?;
        let lock_path = state.join("lock");
        let lock = File::create(&lock_path).map_err(|error| unwritable(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another run is writing to {}; wait for it to end", root.display());
                return Err(Error::new(ErrorKind::LakeLocked, message));
            }
            Err(TryLockError::Error(error)) => return Err(unwritable(&lock_path, error)),
        }
        let mut lake = Self { root, _lock: lock, last_commit: 0, known: HashMap::new() };
        lake.recover()?;
        Ok(lake)
    }

    /// The lake's folder, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether no archive is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether an archive is in the lake, and if so whether it was the same then.
    pub(crate) fn find(&self, archive: &str, bytes: u64, modified: &str) -> Option<bool> {
        self.known.get(&name_hash(archive)).map(|version| *version == version_hash(bytes, modified))
    }

    /// Begins the next commit.
    pub(crate) fn begin(&self) -> Commit {
        let id = format!("{:06}", self.last_commit + 1);
        Commit { staging: self.root.join(STATE).join("staging").join(&id), id }
    }

    /// Shows all parts of a commit, that of `archives` last.
    ///
    /// # Errors
    ///
    /// When a rename fails; the next run removes what was renamed.
    pub(crate) fn publish(&mut self, commit: &Commit, parts: &[StagedPart], archives: &StagedPart) -> Result<()> {
        let mut folders = HashSet::new();
        for part in parts {
            folders.insert(self.show(commit, part)?);
        }
        for folder in &folders {
            sync_folder(folder)?;
        }
        let folder = self.show(commit, archives)?;
        sync_folder(&folder)?;
        self.last_commit += 1;
        remove_folder(&commit.staging)
    }

    fn show(&self, commit: &Commit, part: &StagedPart) -> Result<PathBuf> {
        let target = self.root.join(&part.path);
        let folder = target.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
        fs::rename(commit.staging.join(&part.path), &target).map_err(|error| unwritable(&target, error))?;
        Ok(folder)
    }

    fn recover(&mut self) -> Result<()> {
        remove_folder(&self.root.join(STATE).join("staging"))?;
        let mut committed = HashSet::new();
        for path in parquet_files(&self.root.join(Table::Archives.name()))? {
            let number = commit_number(&path);
            self.last_commit = self.last_commit.max(number.unwrap_or_default());
            committed.extend(number);
            self.read_manifest(&path)?;
        }
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Archives) {
            for path in parquet_files(&self.root.join(table.name()))? {
                if commit_number(&path).is_some_and(|number| !committed.contains(&number)) {
                    fs::remove_file(&path).map_err(|error| unwritable(&path, error))?;
                }
            }
        }
        Ok(())
    }

    fn read_manifest(&mut self, path: &Path) -> Result<()> {
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| Error::at(ErrorKind::LakeInvalid, path, error);
        let file = File::open(path).map_err(|error| invalid(error.into()))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| invalid(error.into()))?;
        let metadata = builder.metadata().file_metadata();
        let version = metadata
            .key_value_metadata()
            .into_iter()
            .flatten()
            .find(|entry| entry.key == "trailmill.schema_version")
            .and_then(|entry| entry.value.as_deref()?.parse::<u32>().ok());
        match version {
            None => {
                return Err(invalid("it was not written by trailmill".into()).advise("choose another --out"));
            }
            Some(version) if version > SCHEMA_VERSION => {
                let message = format!("it has schema version {version}, this program knows {SCHEMA_VERSION}");
                return Err(invalid(message.into()).advise("use a later version of trailmill"));
            }
            Some(_) => {}
        }
        let names = ["archive", "etag_or_mtime", "compressed_bytes"];
        let mask = ProjectionMask::columns(metadata.schema_descr(), names);
        let reader = builder.with_projection(mask).build().map_err(|error| invalid(error.into()))?;
        for batch in reader {
            let batch = batch.map_err(|error| invalid(error.into()))?;
            let [archive, modified, bytes] = names.map(|name| batch.column_by_name(name));
            let (Some(archive), Some(modified), Some(bytes)) = (archive, modified, bytes) else {
                return Err(invalid("a column is missing".into()));
            };
            let (archive, modified) = (archive.as_string::<i32>(), modified.as_string::<i32>());
            let bytes = bytes.as_primitive::<Int64Type>();
            for row in 0..archive.len() {
                let bytes = u64::try_from(bytes.value(row)).unwrap_or_default();
                self.known.insert(name_hash(archive.value(row)), version_hash(bytes, modified.value(row)));
            }
        }
        Ok(())
    }
}

/// A name as 16 bytes: ten million archives are known in a few hundred MB, and two of them share a hash with a
/// probability of 10⁻²⁵.
fn name_hash(archive: &str) -> u128 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, archive).hash(&mut hasher);
        hasher.finish()
    };
    u128::from(half(0)) << 64 | u128::from(half(1))
}

fn version_hash(bytes: u64, modified: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (bytes, modified).hash(&mut hasher);
    hasher.finish()
}

/// The commit number in `part-NNNNNN-PPPPP.parquet`.
fn commit_number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("part-")?.split('-').next()?.parse().ok()
}

/// All Parquet files below a folder that may not exist.
fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| unwritable(&folder, error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| unwritable(&folder, error))?;
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension() == Some(OsStr::new("parquet")) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn sync_folder(folder: &Path) -> Result<()> {
    // Only Unix lets a folder be synced; elsewhere a rename is as durable as it gets.
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(|error| unwritable(folder, error))?;
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(folder, error)),
        _ => Ok(()),
    }
}
