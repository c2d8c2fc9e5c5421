//! A lake: which run may write to it, and when new parts become visible.
//!
//! In: staged parts. Out: parts under their final names. Never: shows a reader an incomplete file, or removes a
//! file that was not left by a dead run of this program.
//!
//! A commit has a number, which is in the name of each of its parts. Its parts are published, the first of `archives` last:
//! that is the commit. Parts with the number after the last commit belong to a run that died; the next run removes them.
//! How parts are published and removed, and how others are kept out, depends on the place of the lake: see `folder` and `bucket`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bucket::BucketBackend;
use super::folder::{self, FolderBackend, FolderLock};
use super::options::WriteOptions;
use super::storage_backend::{CommitFailure, StorageBackend};
use super::uploads::EarlyUploads;
use crate::disk::Disk;
use crate::encode::part::{StagedPart, StagingArea, StagingObserver, unwritable};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::PartName;
use crate::lake::manifest::{Commits, KnownArchives};
use crate::lake::root::Root;
use crate::schema::Table;
use crate::store::{Awaited, Session, Wait};

/// The time between two attempts to take a lake that another run holds.
const TIME_TO_LOOK: Duration = Duration::from_millis(250);

/// A lake that only this process writes to.
#[derive(Debug)]
pub(crate) struct Lake {
    root: Root,
    disk: Disk,
    backend: Box<dyn StorageBackend>,
    last_commit: u32,
}

/// A numbered set of parts that become visible together.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// The number as in file names and in `commit_id`.
    pub(crate) id: String,
    /// Where its parts are staged.
    pub(crate) staging: PathBuf,
    pub(crate) disk: Disk,
    /// Uploads of parts that are being written, in a bucket.
    uploads: Option<Arc<EarlyUploads>>,
}

impl Commit {
    /// Where its parts are staged, and what is done about them meanwhile.
    pub(crate) fn staging_area(&self) -> StagingArea {
        let observer = self.uploads.clone().map(|uploads| uploads as Arc<dyn StagingObserver>);
        StagingArea { folder: self.staging.clone(), commit: self.id.clone(), observer }
    }

    /// Discards what was staged, and what was uploaded unless it is published.
    ///
    /// # Errors
    ///
    /// When staging cannot be removed.
    pub(crate) fn discard(&self) -> Result<()> {
        if let Some(uploads) = &self.uploads {
            uploads.abort();
        }
        self.disk.remove_folder(&self.staging).map_err(|error| unwritable(&self.staging, error))
    }
}

impl Lake {
    /// Opens a lake, or begins one, and clears away what a dead run left; the lake, and its known archives.
    ///
    /// # Errors
    ///
    /// When the place cannot be written to, holds something else, is held by another run, or was filled by a later
    /// version or with other tables or partitions.
    pub(crate) fn open(options: &WriteOptions, session: &Session) -> Result<(Self, KnownArchives)> {
        let disk = Disk::new(options.faults.clone());
        let root = Root::of(&options.lake, session)?;
        let mut backend = Self::wait_for_backend(&root, options, session, &disk)?;
        // The folder may have been made only now.
        let root = Root::of(&options.lake, session)?;
        let known = KnownArchives::read(root.clone(), &options.settings)?;
        backend.expect_commit(known.commits.last);
        let mut lake = Self { root, disk, backend, last_commit: known.commits.last };
        lake.clear_away_leftovers(&known.commits)?;
        Ok((lake, known))
    }

    /// Holds the place of a lake; if another run has it, as soon as that run has ended.
    fn wait_for_backend(
        root: &Root,
        options: &WriteOptions,
        session: &Session,
        disk: &Disk,
    ) -> Result<Box<dyn StorageBackend>> {
        let deadline = (!options.wait.is_zero()).then(|| Instant::now() + options.wait);
        let take = || -> Result<Box<dyn StorageBackend>> {
            if root.remote().is_some() {
                return Ok(Box::new(BucketBackend::hold(
                    root,
                    options.scratch.as_deref(),
                    session,
                    disk.clone(),
                    deadline,
                )?));
            }
            let is_lake = || Commits::read(root).map_or(true, |commits| !commits.published.is_empty());
            Ok(Box::new(FolderBackend::hold(&options.lake, disk.clone(), is_lake)?))
        };
        wait_for_others(root, options.wait, session, take)
    }

    /// Where parts are before they are published, and data that does not fit into memory.
    pub(crate) fn staging(&self) -> PathBuf {
        self.backend.staging().to_owned()
    }

    /// Releases the lake for other runs; notes for the user about what could not be cleared away.
    pub(crate) fn release_lease(&mut self) -> Vec<String> {
        self.backend.release_lease()
    }

    /// Begins the next commit.
    pub(crate) fn begin(&self) -> Commit {
        let id = format!("{:06}", self.last_commit + 1);
        Commit { staging: self.staging(), id, disk: self.disk.clone(), uploads: self.backend.upload_early() }
    }

    /// Publishes all parts of a commit, that of `archives` last, which makes the commit. Then removes the parts that they
    /// replace, given as paths below the lake.
    ///
    /// # Errors
    ///
    /// When a part cannot be published; what was published is removed again, by the next run if this one cannot or may not.
    /// A failure after the last part is reported although the commit exists.
    pub(crate) fn publish(&mut self, parts: &[StagedPart], archives: &StagedPart, replaced: &[String]) -> Result<()> {
        let backend = &mut self.backend;
        let shown = backend.prepare(parts).and_then(|()| backend.show(parts)).map_err(CommitFailure::from);
        backend.expect_commit(self.last_commit + 1);
        if let Err(CommitFailure { error, is_certain }) = shown.and_then(|()| backend.commit(archives)) {
            let held = backend.check_held();
            // Parts that may still appear, or that now belong to another run, are left to the next run. The first error is
            // reported.
            let _ = if is_certain && held.is_ok() { self.roll_back() } else { backend.clear_staging() };
            return Err(held.err().filter(|held| held.kind() == ErrorKind::LakeLocked).unwrap_or(error));
        }
        self.last_commit += 1;
        let replaced: Vec<PathBuf> = replaced.iter().map(|path| self.root.join(path)).collect();
        let cleared = self.backend.remove(&replaced);
        cleared.map_err(|error| error.advise("the rows are published; the next run finishes what is left to be done"))
    }

    /// Finishes what a dead run had published, and rolls back what it had not.
    fn clear_away_leftovers(&mut self, commits: &Commits) -> Result<()> {
        if !commits.replaced.is_empty() {
            let mut left = Vec::new();
            for table in Table::ALL {
                left.extend(self.root.parquet_files(table)?.into_iter().filter(|path| commits.replaced.contains(path)));
            }
            left.sort_unstable();
            self.backend.remove(&left)?;
        }
        if self.root.remote().is_some() {
            self.backend.remove(&self.late_parts(commits)?)?;
        }
        self.roll_back()
    }

    /// Parts of requests that arrived after their run had died: they have the number of a commit that does not list them.
    fn late_parts(&self, commits: &Commits) -> Result<Vec<PathBuf>> {
        let mut late = Vec::new();
        for table in [Table::Events, Table::UsageRecords, Table::Quarantine] {
            let listed: HashSet<PathBuf> = commits.parts_of(&self.root, table).into_iter().collect();
            let is_late = |path: &PathBuf| {
                PartName::parse(path).is_some_and(|name| name.commit <= self.last_commit) && !listed.contains(path)
            };
            late.extend(self.root.parquet_files(table)?.into_iter().filter(is_late));
        }
        Ok(late)
    }

    /// Removes parts of an unpublished commit, staged or visible; first those of `archives`, so that no
    /// reader finds archives without rows.
    fn roll_back(&mut self) -> Result<()> {
        self.backend.clear_staging()?;
        for table in [Table::Archives, Table::Events, Table::UsageRecords, Table::Quarantine] {
            let mut parts = self.root.parquet_files(table)?;
            let commit = |path: &Path| PartName::parse(path).map(|name| name.commit);
            if let Some(path) = parts.iter().find(|path| commit(path) > Some(self.last_commit + 1)) {
                let error =
                    Error::at(ErrorKind::LakeInvalid, path, "`archives` lacks its commit and the one before it");
                return Err(error.advise("bring the missing files of `archives` back, or choose another --out"));
            }
            parts.retain(|path| commit(path) == Some(self.last_commit + 1));
            self.backend.remove(&parts)?;
        }
        Ok(())
    }
}

/// Takes what another run may hold, as soon as that has ended, or gives up after the wait.
fn wait_for_others<T>(root: &Root, wait: Duration, session: &Session, take: impl Fn() -> Result<T>) -> Result<T> {
    let (waits, begun) = (session.waits(), Instant::now());
    loop {
        let held = take();
        let is_locked = held.as_ref().is_err_and(|error| error.kind() == ErrorKind::LakeLocked);
        let left = wait.saturating_sub(begun.elapsed());
        if !is_locked || session.stop().is_lost() || left.is_zero() {
            waits.set_run(None);
            let is_in_vain = is_locked && !session.stop().is_lost() && !wait.is_zero();
            return if is_in_vain { Err(folder::still_in_use(root.path())) } else { held };
        }
        let what = Awaited::OtherRun;
        let (place, until) = (root.path().display().to_string(), begun + wait);
        waits.set_run(Some(Wait { what, place, since: begun, until }));
        std::thread::sleep(TIME_TO_LOOK.min(left));
        if waits.is_hurried() {
            waits.set_run(None);
            return Err(Error::new(ErrorKind::Stopped, "asked to stop while another run had the lake"));
        }
    }
}

/// The same as [`hold_if_there`], but waits for the end of a run that holds the lake.
///
/// # Errors
///
/// A lake that a run is still writing to.
pub(crate) fn wait_to_hold(root: &Root, wait: Duration, session: &Session) -> Result<Option<FolderLock>> {
    wait_for_others(root, wait, session, || hold_if_there(root))
}

/// Keeps runs from writing to a lake for as long as the lock is held; it can be shared. In a bucket there is no lock:
/// what was read of the commits stays true, but for parts that a later commit replaces.
///
/// # Errors
///
/// A place that is not a lake, and a lake that a run is writing to.
pub(crate) fn hold_shared(root: &Root) -> Result<Option<FolderLock>> {
    let lock = hold_if_there(root)?;
    if lock.is_none() && !root.is_lake()? {
        return Err(Error::at(ErrorKind::LakeInvalid, root.path(), "no run of trailmill has begun a lake there"));
    }
    Ok(lock)
}

/// The same for a place that may not be a lake yet.
///
/// # Errors
///
/// A lake that a run is writing to.
pub(crate) fn hold_if_there(root: &Root) -> Result<Option<FolderLock>> {
    if root.remote().is_some() { Ok(None) } else { folder::hold_shared(root.path()) }
}
