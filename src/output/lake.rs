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
use std::path::{Path, PathBuf};

use super::manifest::Known;
use super::part::{PartName, StagedPart, parquet_files, unwritable};
use crate::config::{Config, STATE_FOLDER};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;

/// A lake that this process alone writes to.
#[derive(Debug)]
pub(crate) struct Lake {
    root: PathBuf,
    /// Locked for as long as it is open, by the operating system: a dead process holds no lock.
    _lock: File,
    last_commit: u32,
    known: Known,
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
    /// When the folder cannot be written to, holds something else, is held by another run, or was filled by a later
    /// version or with other tables or partitions.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let root = &config.lake;
        let state = root.join(STATE_FOLDER);
        if !state.exists() {
            refuse_strangers(root)?;
        }
        fs::create_dir_all(&state)
            .map_err(|error| unwritable(root, error).advise("name a folder that can be written to with --out"))?;
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
        let known = Known::read(config)?;
        let last_commit = known.commits.iter().copied().max().unwrap_or_default();
        let lake = Self { root: known.root.clone(), _lock: lock, last_commit, known };
        lake.clear_away_leftovers()?;
        Ok(lake)
    }

    /// The archives that are in it, handed over.
    pub(crate) fn take_known(&mut self) -> Known {
        let taken = std::mem::take(&mut self.known);
        self.known.root.clone_from(&taken.root);
        taken
    }

    /// A folder for what does not fit into memory, cleared away like staging.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join(STATE_FOLDER).join("staging")
    }

    /// Begins the next commit.
    pub(crate) fn begin(&self) -> Commit {
        let id = format!("{:06}", self.last_commit + 1);
        Commit { staging: self.root.join(STATE_FOLDER).join("staging").join(&id), id }
    }

    /// Shows all parts of a commit, that of `archives` last.
    ///
    /// # Errors
    ///
    /// When a rename fails; what was shown is removed again, by the next run if this one cannot.
    pub(crate) fn publish(&mut self, commit: &Commit, parts: &[StagedPart], archives: &StagedPart) -> Result<()> {
        if let Err(error) =
            self.show_all(commit, parts).and_then(|()| self.show_all(commit, std::slice::from_ref(archives)))
        {
            // The first error is the one to tell.
            let _ = self.clear_away_leftovers();
            return Err(error);
        }
        self.last_commit += 1;
        commit.discard()
    }

    /// Renames parts into place and makes their names durable.
    fn show_all(&self, commit: &Commit, parts: &[StagedPart]) -> Result<()> {
        let mut folders = BTreeSet::new();
        for part in parts {
            let target = self.root.join(&part.path);
            let folder = target.parent().unwrap_or(&self.root);
            fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
            fs::rename(commit.staging.join(&part.path), &target).map_err(|error| unwritable(&target, error))?;
            // A new folder is a name in the folder above it.
            let above = folder.ancestors().take_while(|above| above.starts_with(&self.root));
            folders.extend(above.map(Path::to_owned));
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn clear_away_leftovers(&self) -> Result<()> {
        remove_folder(&self.root.join(STATE_FOLDER).join("staging"))?;
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Archives) {
            for path in parquet_files(&self.root.join(table.name()))? {
                if PartName::parse(&path).is_some_and(|name| name.commit == self.last_commit + 1) {
                    fs::remove_file(&path).map_err(|error| unwritable(&path, error))?;
                }
            }
        }
        Ok(())
    }
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
