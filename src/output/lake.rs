//! A lake on a local file system: who may write to it, and when new parts are seen.
//!
//! In: staged parts. Out: parts under their final names. Never: shows a reader anything but whole files, or removes a
//! file that a dead run of this program did not leave.
//!
//! A commit has a number, which is in the name of each of its parts. Its parts are renamed into place, the one of
//! `archives` last: that rename is the commit. Parts with the number after the last commit belong to a run that died;
//! the next run removes them.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::manifest::{Commits, Known};
use super::part::{PartName, StagedPart, parquet_files, unwritable};
use crate::config::{Config, STATE_FOLDER};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result, printable};
use crate::schema::Table;

/// A lake that this process alone writes to.
#[derive(Debug)]
pub(crate) struct Lake {
    root: PathBuf,
    disk: Disk,
    /// Locked for as long as it is open, by the operating system: a dead process holds no lock.
    lock: File,
    last_commit: u32,
}

/// A numbered set of parts that become visible together.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// Number as it stands in file names and in `commit_id`.
    pub(crate) id: String,
    /// Where its parts are staged.
    pub(crate) staging: PathBuf,
    pub(crate) disk: Disk,
}

impl Commit {
    /// Throws away what was staged.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub(crate) fn discard(&self) -> Result<()> {
        self.disk.remove_folder(&self.staging).map_err(|error| unwritable(&self.staging, error))
    }
}

impl Lake {
    /// Opens a lake, or begins one, and clears away what a dead run left; the lake, and what is in it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written to, holds something else, is held by another run, or was filled by a later
    /// version or with other tables or partitions.
    pub(crate) fn open(config: &Config) -> Result<(Self, Known)> {
        let root = &config.lake;
        let state = root.join(STATE_FOLDER);
        // A copy of a lake may lack its state.
        if !state.exists() && Commits::read(root).map_or(true, |commits| commits.published.is_empty()) {
            refuse_strangers(root)?;
        }
        let disk = Disk::new(config.watch.clone());
        disk.create_folder(&state).map_err(|error| unwritable(&state, error))?;
        let lock_path = state.join("lock");
        let lock = disk.lock_file(&lock_path).map_err(|error| unwritable(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) if is_still_there(&lock, &lock_path) => {}
            Ok(()) | Err(TryLockError::WouldBlock) => return Err(in_use(root)),
            Err(TryLockError::Error(error)) => return Err(unwritable(&lock_path, error)),
        }
        let known = Known::read(config)?;
        let last_commit = known.commits.last;
        let lake = Self { root: known.root.clone(), disk, lock, last_commit };
        lake.clear_away_leftovers(&known.commits)?;
        Ok((lake, known))
    }

    /// Where parts are before they are published, and what does not fit into memory: whatever is in it when a run begins is
    /// left from one that died.
    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join(STATE_FOLDER).join("staging")
    }

    /// Begins the next commit.
    pub(crate) fn begin(&self) -> Commit {
        let id = format!("{:06}", self.last_commit + 1);
        Commit { staging: self.staging(), id, disk: self.disk.clone() }
    }

    /// Shows all parts of a commit, that of `archives` last: its rename publishes them. Then removes what they stand for,
    /// which is told by its path below the lake.
    ///
    /// # Errors
    ///
    /// When a rename fails; what was shown is removed again, by the next run if this one cannot. What fails after the last
    /// rename is told, and the commit is there all the same.
    pub(crate) fn publish(
        &mut self,
        commit: &Commit,
        parts: &[StagedPart],
        archives: &StagedPart,
        replaced: &[String],
    ) -> Result<()> {
        let shown = (|| {
            let mut folders = BTreeSet::new();
            parts.iter().try_for_each(|part| self.show(commit, part, &mut folders))?;
            self.sync(&folders)?;
            if !is_still_there(&self.lock, &self.root.join(STATE_FOLDER).join("lock")) {
                return Err(Error::at(ErrorKind::LakeLocked, &self.root, "somebody has removed the lock of this run"));
            }
            let mut folders = BTreeSet::new();
            self.show(commit, archives, &mut folders)?;
            Ok(folders)
        })();
        let folders = match shown {
            Ok(folders) => folders,
            Err(error) => {
                // The first error is the one to tell.
                let _ = self.roll_back();
                return Err(error);
            }
        };
        self.last_commit += 1;
        let replaced: Vec<PathBuf> = replaced.iter().map(|path| self.root.join(path)).collect();
        let cleared = self.sync(&folders).and_then(|()| self.remove_parts(replaced.iter()));
        cleared.map_err(|error| error.advise("the rows are published; the next run finishes what is left to be done"))
    }

    /// Renames a part into place; its name is durable when these folders are.
    fn show(&self, commit: &Commit, part: &StagedPart, folders: &mut BTreeSet<PathBuf>) -> Result<()> {
        let target = self.root.join(&part.path);
        let folder = target.parent().unwrap_or(&self.root);
        self.disk.create_folder(folder).map_err(|error| unwritable(folder, error))?;
        let staged = commit.staging.join(&part.path);
        self.disk.rename(&staged, &target).map_err(|error| unwritable(&target, error))?;
        // A new folder is a name in the folder above it.
        let above = folder.ancestors().take_while(|above| above.starts_with(&self.root));
        folders.extend(above.map(Path::to_owned));
        Ok(())
    }

    fn sync(&self, folders: &BTreeSet<PathBuf>) -> Result<()> {
        folders.iter().try_for_each(|folder| self.disk.sync_folder(folder).map_err(|error| unwritable(folder, error)))
    }

    /// Finishes what a dead run had published, and rolls back what it had not.
    fn clear_away_leftovers(&self, commits: &Commits) -> Result<()> {
        let mut replaced: Vec<_> = commits.replaced.iter().filter(|path| path.exists()).collect();
        replaced.sort_unstable();
        self.remove_parts(replaced.into_iter())?;
        self.roll_back()
    }

    /// Removes parts of a commit that is not published, staged or shown; first of all those of `archives`, so that no
    /// reader finds archives without rows.
    fn roll_back(&self) -> Result<()> {
        let staging = self.staging();
        self.disk.remove_folder(&staging).map_err(|error| unwritable(&staging, error))?;
        for table in [Table::Archives, Table::Events, Table::UsageRecords, Table::Quarantine] {
            let parts = parquet_files(&self.root.join(table.name()))?;
            let is_later =
                |path: &&PathBuf| PartName::parse(path).is_some_and(|name| name.commit > self.last_commit + 1);
            if let Some(path) = parts.iter().find(is_later) {
                let error =
                    Error::at(ErrorKind::LakeInvalid, path, "`archives` lacks its commit and the one before it");
                return Err(error.advise("bring the missing files of `archives` back, or choose another --out"));
            }
            let is_left =
                |path: &&PathBuf| PartName::parse(path).is_some_and(|name| name.commit == self.last_commit + 1);
            self.remove_parts(parts.iter().filter(is_left))?;
        }
        Ok(())
    }

    fn remove_parts<'p>(&self, parts: impl Iterator<Item = &'p PathBuf>) -> Result<()> {
        for path in parts {
            self.remove_part(path).map_err(|error| unwritable(path, error))?;
        }
        Ok(())
    }

    /// Removes a part, and the folders of its partition when nothing else is in them.
    fn remove_part(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)?;
        let is_partition = |folder: &&Path| folder.parent().is_some_and(|above| above != self.root);
        let mut partitions = path.ancestors().skip(1).take_while(is_partition);
        partitions.try_for_each(|folder| self.disk.remove_empty_folder(folder))
    }
}

/// Keeps runs from writing to a lake for as long as the answer is kept; others may do the same. A copy of a lake without
/// its state has no lock, and nobody writes to it.
///
/// # Errors
///
/// A place that is no lake, and a lake that a run is writing to.
pub(crate) fn hold_shared(root: &Path) -> Result<Option<File>> {
    let path = root.join(STATE_FOLDER).join("lock");
    let lock = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if root.join(Table::Archives.name()).is_dir() {
                return Ok(None);
            }
            return Err(Error::at(ErrorKind::LakeInvalid, root, "no run of trailmill has begun a lake there"));
        }
        lock => lock.map_err(|error| Error::at(ErrorKind::LakeInvalid, &path, error))?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(in_use(root)),
        Err(TryLockError::Error(error)) => Err(Error::at(ErrorKind::LakeInvalid, &path, error)),
    }
}

/// The same for a place that may be no lake yet.
///
/// # Errors
///
/// A lake that a run is writing to.
pub(crate) fn hold_if_there(root: &Path) -> Result<Option<File>> {
    if root.join(STATE_FOLDER).join("lock").exists() { hold_shared(root) } else { Ok(None) }
}

/// Whether a file is the one of that name: a lock on a file that was removed keeps nobody out.
fn is_still_there(file: &File, path: &Path) -> bool {
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(found)) => identity(&held) == identity(&found),
        _ => false,
    }
}

fn in_use(root: &Path) -> Error {
    let message = format!("another run is using {}; wait for it to end", printable(&root.display().to_string()));
    Error::new(ErrorKind::LakeLocked, message)
}

/// Refuses to begin a lake where somebody else's files have the names of its tables.
fn refuse_strangers(root: &Path) -> Result<()> {
    for table in Table::ALL {
        let entries = fs::read_dir(root.join(table.name()));
        let found = entries.into_iter().flatten().flatten().map(|entry| entry.path()).min();
        if let Some(path) = found {
            let error = Error::at(ErrorKind::LakeInvalid, &path, "it is there already and was not made by trailmill");
            return Err(error.advise("choose another --out"));
        }
    }
    Ok(())
}
