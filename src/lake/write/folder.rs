//! A lake in a folder of a local file system.
//!
//! In: staged parts. Out: the same under their final names, durable. Never: copies: staging is below the lake, and a part is
//! renamed into place.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::storage_backend::{CommitFailure, StorageBackend};
use crate::disk::Disk;
use crate::encode::part::{StagedPart, unwritable};
use crate::error::{Error, ErrorKind, Result, printable_path};
use crate::model::STATE_FOLDER;
use crate::schema::Table;

/// Maximum times that a lock file may vanish while it is locked.
const MOST_ATTEMPTS: usize = 10;

/// An operating system lock on a file: it is released when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl Drop for FolderLock {
    /// Closing the file is not enough: a child that another thread starts at this moment keeps it open until it executes its
    /// program. When unlocking fails, the lock ends then.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// A folder that only this process writes to.
#[derive(Debug)]
pub(super) struct FolderBackend {
    root: PathBuf,
    staging: PathBuf,
    disk: Disk,
    lock: FolderLock,
}

impl FolderBackend {
    /// Locks a folder; `is_lake` returns whether it is a lake already, by its commits: a copy may lack its state.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written to, holds something else, or is held by another run.
    pub(super) fn hold(root: &Path, disk: Disk, is_lake: impl FnOnce() -> bool) -> Result<Self> {
        let state = root.join(STATE_FOLDER);
        if !state.exists() && !is_lake() {
            refuse_foreign_files(root)?;
        }
        let lock = lock(&state, &disk, || in_use(root))?;
        // Links can be resolved only once the folder exists.
        let root = fs::canonicalize(root).map_err(|error| unwritable(root, error))?;
        Ok(Self { staging: root.join(STATE_FOLDER).join("staging"), root, disk, lock })
    }

    fn sync(&self, folders: &BTreeSet<PathBuf>) -> Result<()> {
        folders.iter().try_for_each(|folder| self.disk.sync_folder(folder).map_err(|error| unwritable(folder, error)))
    }

    /// Removes a part, and the folders of its partition if they are empty.
    fn remove_part(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)?;
        let is_partition = |folder: &&Path| folder.parent().is_some_and(|above| above != self.root);
        let mut partitions = path.ancestors().skip(1).take_while(is_partition);
        partitions.try_for_each(|folder| self.disk.remove_empty_folder(folder))
    }
}

impl StorageBackend for FolderBackend {
    fn staging(&self) -> &Path {
        &self.staging
    }

    fn prepare(&mut self, _parts: &[StagedPart]) -> Result<()> {
        Ok(())
    }

    /// Renames parts into place, and makes their names durable.
    fn show(&mut self, parts: &[StagedPart]) -> Result<()> {
        let mut folders = BTreeSet::new();
        for part in parts {
            let target = self.root.join(&part.path);
            let folder = target.parent().unwrap_or(&self.root);
            self.disk.create_folder(folder).map_err(|error| unwritable(folder, error))?;
            let staged = self.staging.join(&part.path);
            self.disk.rename(&staged, &target).map_err(|error| unwritable(&target, error))?;
            // A new folder is an entry of its parent, which is synced as well.
            let above = folder.ancestors().take_while(|above| above.starts_with(&self.root));
            folders.extend(above.map(Path::to_owned));
        }
        self.sync(&folders)
    }

    fn commit(&mut self, part: &StagedPart) -> Result<(), CommitFailure> {
        self.check_held()?;
        Ok(self.show(std::slice::from_ref(part))?)
    }

    fn check_held(&mut self) -> Result<()> {
        if is_still_there(&self.lock.0, &self.root.join(STATE_FOLDER).join("lock")) {
            return Ok(());
        }
        Err(Error::at(ErrorKind::LakeLocked, &self.root, "somebody has removed the lock of this run"))
    }

    fn remove(&mut self, parts: &[PathBuf]) -> Result<()> {
        parts.iter().try_for_each(|path| self.remove_part(path).map_err(|error| unwritable(path, error)))
    }

    fn clear_staging(&mut self) -> Result<()> {
        self.disk.remove_folder(&self.staging).map_err(|error| unwritable(&self.staging, error))
    }
}

/// Locks the file `lock` in a folder, which is made if it does not exist.
///
/// # Errors
///
/// When the folder cannot be written to, and `taken` when another process has the lock.
pub(super) fn lock(folder: &Path, disk: &Disk, taken: impl FnOnce() -> Error) -> Result<FolderLock> {
    let path = folder.join("lock");
    for _ in 0..MOST_ATTEMPTS {
        disk.create_folder(folder).map_err(|error| unwritable(folder, error))?;
        let lock = disk.lock_file(&path).map_err(|error| unwritable(&path, error))?;
        match lock.try_lock() {
            Ok(()) if is_still_there(&lock, &path) => return Ok(FolderLock(lock)),
            // The previous holder has ended and removed the file.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => return Err(unwritable(&path, error)),
        }
    }
    Err(taken())
}

/// Keeps runs from writing to a folder for as long as the lock is held; it can be shared. `None` when there is no
/// lock file: no run writes there.
///
/// # Errors
///
/// A lake that a run is writing to.
pub(super) fn hold_shared(root: &Path) -> Result<Option<FolderLock>> {
    let path = root.join(STATE_FOLDER).join("lock");
    let lock = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        lock => lock.map_err(|error| Error::at(ErrorKind::LakeInvalid, &path, error))?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(FolderLock(lock))),
        Err(TryLockError::WouldBlock) => Err(in_use(root)),
        Err(TryLockError::Error(error)) => Err(Error::at(ErrorKind::LakeInvalid, &path, error)),
    }
}

/// Whether this file is still the one with that name: a lock on a removed file keeps no one out.
fn is_still_there(file: &File, path: &Path) -> bool {
    let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(found)) => identity(&held) == identity(&found),
        _ => false,
    }
}

pub(super) fn in_use(root: &Path) -> Error {
    let message = format!(
        "another run is using {}; wait for it to end, as `convert --wait` does",
        printable_path(&root.display().to_string())
    );
    Error::new(ErrorKind::LakeLocked, message)
}

/// The same after a wait.
pub(super) fn still_in_use(root: &Path) -> Error {
    let lake = printable_path(&root.display().to_string());
    Error::new(ErrorKind::LakeLocked, format!("another run is using {lake}, and the wait for it to end is over"))
}

/// Refuses to begin a lake where foreign files have the names of its tables.
fn refuse_foreign_files(root: &Path) -> Result<()> {
    for table in Table::ALL {
        let entries = fs::read_dir(root.join(table.name()));
        let found = entries.into_iter().flatten().flatten().map(|entry| entry.path()).min();
        if let Some(path) = found {
            return Err(foreign_file(&path));
        }
    }
    Ok(())
}

/// The error for a file in the place of a table that no run has written.
pub(super) fn foreign_file(path: &Path) -> Error {
    let error = Error::at(ErrorKind::LakeInvalid, path, "it is there already and was not made by trailmill");
    error.advise("choose another --out")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A child that was started meanwhile has the same file open for a moment.
    #[test]
    fn a_lock_ends_with_its_holder_even_if_the_file_is_open_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join(STATE_FOLDER);
        let held = lock(&state, &Disk::default(), || in_use(folder.path())).unwrap();
        let of_a_child = held.0.try_clone().unwrap();
        hold_shared(folder.path()).unwrap_err();
        drop(held);
        let shared = hold_shared(folder.path()).unwrap().unwrap();
        drop(of_a_child);
        lock(&state, &Disk::default(), || in_use(folder.path())).unwrap_err();
        drop(shared);
        lock(&state, &Disk::default(), || in_use(folder.path())).unwrap();
    }
}
