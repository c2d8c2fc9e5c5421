//! A lake in a bucket.
//!
//! In: parts, staged in a local folder. Out: objects. Never: an incomplete object: small parts are put in one request, large
//! ones are uploaded in pieces and completed when they are published.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use twox_hash::XxHash3_128;

use super::folder::{FolderLock, foreign_file, in_use, lock};
use super::lease::{Lease, abort_all_of};
use super::storage_backend::{CommitFailure, StorageBackend};
use crate::disk::{Disk, Effect};
use crate::encode::part::{StagedPart, unwritable};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::root::{Remote, Root};
use crate::pool::caught;
use crate::schema::Table;
use crate::store::{Session, Upload};

/// Size of a piece: the minimum is 5 MiB, and there may be 10,000.
const PIECE_BYTES: usize = 8 << 20;

/// Parts from this size on are uploaded in pieces.
const LARGE_PART_BYTES: u64 = PIECE_BYTES as u64;

/// Concurrent requests; each has a piece in memory, or a small part.
const UPLOADS_AT_ONCE: usize = 8;

/// A bucket that only this process writes to, below the root of a lake.
#[derive(Debug)]
pub(super) struct BucketBackend {
    root: Root,
    remote: Remote,
    disk: Disk,
    /// Local folder of this lake, with its lock: two runs on one machine would stage the same files.
    state: PathBuf,
    staging: PathBuf,
    _lock: FolderLock,
    lease: Lease,
    /// Uploads to be completed, with their parts.
    uploaded: Vec<(PathBuf, Upload, Vec<String>)>,
    /// Keys for which other uploads may exist: the answer to a request to begin one may be lost.
    begun: Vec<String>,
}

impl BucketBackend {
    /// Claims the place of a lake; after the deadline other runs are not waited for.
    ///
    /// # Errors
    ///
    /// When it cannot be written to, holds something else, or is held by another run.
    pub(super) fn hold(
        root: &Root,
        scratch: Option<&Path>,
        session: &Session,
        disk: Disk,
        deadline: Option<Instant>,
    ) -> Result<Self> {
        let path = root.path();
        let Some(remote) = root.remote().cloned() else { return Err(Error::internal("no lake in a bucket")) };
        let Some(scratch) = scratch else {
            let message = "a lake in a bucket needs a local folder for files that are not whole";
            return Err(Error::new(ErrorKind::ConfigInvalid, message));
        };
        let place = format!("{} {}", remote.bucket.endpoint(), path.display());
        let hash = XxHash3_128::oneshot(place.as_bytes());
        let state = scratch.join(format!("trailmill-{hash:032x}"));
        let lock = lock(&state, &disk, || in_use(path))?;
        if !root.is_lake()? {
            refuse_foreign_files(root, &remote)?;
        }
        let lease = Lease::take(root, &remote, session, deadline)?;
        let staging = state.join("staging");
        Ok(Self {
            root: root.clone(),
            remote,
            disk,
            state,
            staging,
            _lock: lock,
            lease,
            uploaded: Vec::new(),
            begun: Vec::new(),
        })
    }

    /// The path of a part for readers, and its key.
    fn target(&self, part: &StagedPart) -> (PathBuf, String) {
        let path = self.root.join(&part.path);
        let key = self.root.key(&self.remote, &path);
        (path, key)
    }

    /// Uploads the pieces of a part.
    fn upload(&self, part: &StagedPart, upload: &Upload) -> Result<Vec<String>> {
        let (path, _) = self.target(part);
        let staged = self.staging.join(&part.path);
        let mut file = File::open(&staged).map_err(|error| unwritable(&staged, error))?;
        let mut pieces = Vec::new();
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece);
            if read.map_err(|error| unwritable(&staged, error))? == 0 {
                return Ok(pieces);
            }
            self.lease.check_soon()?;
            self.disk.before(Effect::Upload, &path).map_err(|error| unwritable(&path, error))?;
            let put = self.remote.bucket.put_piece(upload, pieces.len(), &Bytes::from(piece));
            pieces.push(put.map_err(|error| unwritable(&path, error))?);
        }
    }

    /// Publishes a part in one request.
    fn show_part(&self, part: &StagedPart) -> Result<()> {
        let (path, key) = self.target(part);
        let failed = |error| unwritable(&path, error);
        self.lease.check_soon()?;
        if let Some((_, upload, pieces)) = self.uploaded.iter().find(|(uploaded, ..)| *uploaded == part.path) {
            self.disk.before(Effect::Complete, &path).map_err(failed)?;
            return self.remote.bucket.complete(upload, pieces, part.bytes).map_err(failed);
        }
        let bytes = self.read_staged(part)?;
        self.disk.before(Effect::Put, &path).map_err(failed)?;
        if !self.lease.honours_conditions {
            return self.remote.bucket.put(&key, &bytes).map_err(failed);
        }
        // A late request of a run that has lost its lease must not overwrite what another has written since.
        if self.remote.bucket.put_new(&key, &bytes).map_err(failed)? {
            return Ok(());
        }
        Err(Error::at(ErrorKind::LakeLocked, &path, "another run has written it meanwhile"))
    }

    fn read_staged(&self, part: &StagedPart) -> Result<Bytes> {
        let staged = self.staging.join(&part.path);
        std::fs::read(&staged).map(Bytes::from).map_err(|error| unwritable(&staged, error))
    }
}

impl StorageBackend for BucketBackend {
    fn staging(&self) -> &Path {
        &self.staging
    }

    /// Uploads large parts.
    fn prepare(&mut self, parts: &[StagedPart]) -> Result<()> {
        let large: Vec<&StagedPart> = parts.iter().filter(|part| part.bytes >= LARGE_PART_BYTES).collect();
        if large.is_empty() {
            return Ok(());
        }
        self.begun = large.iter().map(|part| self.target(part).1).collect();
        self.lease.note_keys(&self.begun)?;
        // On any failure all uploads that were begun are aborted.
        for part in &large {
            let (path, key) = self.target(part);
            self.disk.before(Effect::Upload, &path).map_err(|error| unwritable(&path, error))?;
            let upload = self.remote.bucket.begin_upload(&key).map_err(|error| unwritable(&path, error))?;
            self.uploaded.push((part.path.clone(), upload, Vec::new()));
        }
        let uploads: Vec<Upload> = self.uploaded.iter().map(|(_, upload, _)| upload.clone()).collect();
        self.lease.note_uploads(&uploads)?;
        let pieces = at_once(large.len(), |at| self.upload(large[at], &uploads[at]))?;
        for ((.., uploaded), pieces) in self.uploaded.iter_mut().zip(pieces) {
            *uploaded = pieces;
        }
        Ok(())
    }

    fn show(&mut self, parts: &[StagedPart]) -> Result<()> {
        self.lease.check()?;
        at_once(parts.len(), |at| self.show_part(&parts[at]))?;
        self.uploaded.clear();
        // Leftover uploads hold no data, and the parts are published: no reason to end a run.
        let begun = std::mem::take(&mut self.begun);
        let _ = at_once(begun.len(), |at| {
            abort_all_of(&self.remote.bucket, &begun[at..=at]).map_err(|error| unwritable(self.root.path(), error))
        });
        Ok(())
    }

    fn commit(&mut self, part: &StagedPart) -> Result<(), CommitFailure> {
        let parts = std::slice::from_ref(part);
        self.prepare(parts)?;
        self.lease.check()?;
        let (path, key) = self.target(part);
        let failed = |error| unwritable(&path, error);
        if !self.uploaded.is_empty() || !self.lease.honours_conditions {
            return self.show(parts).map_err(|error| CommitFailure { error, is_certain: false });
        }
        let bytes = self.read_staged(part)?;
        self.disk.before(Effect::Put, &path).map_err(failed)?;
        let error = match self.remote.bucket.put_new(&key, &bytes) {
            Ok(true) => return Ok(()),
            Ok(false) => {
                let words = "another run has published a commit of this number";
                return Err(CommitFailure { error: Error::at(ErrorKind::LakeLocked, &path, words), is_certain: false });
            }
            Err(error) => error,
        };
        let is_certain = matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound);
        Err(CommitFailure { error: failed(error), is_certain })
    }

    fn expect_commit(&mut self, number: u32) {
        self.lease.expect_commit(number);
    }

    fn check_held(&mut self) -> Result<()> {
        self.lease.check_once()
    }

    fn remove(&mut self, parts: &[PathBuf]) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        for path in parts {
            self.disk.before(Effect::RemoveObject, path).map_err(|error| unwritable(path, error))?;
        }
        let keys = parts.iter().map(|path| self.root.key(&self.remote, path));
        self.remote.bucket.remove(keys).map_err(|error| unwritable(self.root.path(), error))
    }

    fn clear_staging(&mut self) -> Result<()> {
        self.disk.remove_folder(&self.staging).map_err(|error| unwritable(&self.staging, error))?;
        for (path, upload, _) in self.uploaded.drain(..) {
            self.remote.bucket.abort(&upload).map_err(|error| unwritable(&self.root.join(path), error))?;
        }
        // Whether the store lists other uploads or not, the error that led here is the one to report.
        let _ = abort_all_of(&self.remote.bucket, &std::mem::take(&mut self.begun));
        Ok(())
    }

    fn release_lease(&mut self) -> Vec<String> {
        let left = self.lease.release_lease();
        std::mem::take(&mut self.lease.notes).into_iter().chain(left).collect()
    }
}

impl Drop for BucketBackend {
    fn drop(&mut self) {
        // Best effort: the next run on this machine clears it. Another may begin once the lock is gone.
        let _ = self.disk.remove_folder(&self.staging);
        let _ = self.disk.remove_file(&self.state.join("lock"));
        let _ = self.disk.remove_empty_folder(&self.state);
    }
}

/// Runs tasks concurrently; the results in order, or the first error.
fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..count.min(UPLOADS_AT_ONCE) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    match caught(|| work(at)).flatten() {
                        Ok(result) => done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result)),
                        Err(error) => {
                            next.store(count, Ordering::Relaxed);
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Refuses to begin a lake where foreign objects have the names of its tables.
fn refuse_foreign_files(root: &Root, remote: &Remote) -> Result<()> {
    for table in Table::ALL {
        let listed = remote.bucket.list_all(&format!("{}{}/", remote.prefix, table.name()));
        let listed = listed.map_err(|error: io::Error| unwritable(root.path(), error))?;
        // Parts of a run that died before its first commit are not foreign.
        let is_strange = |key: &&String| crate::lake::PartName::parse(Path::new(key)).is_none();
        if let Some(key) = listed.iter().map(|object| &object.key).find(is_strange) {
            return Err(foreign_file(&root.join(key.strip_prefix(&remote.prefix).unwrap_or(key))));
        }
    }
    Ok(())
}
