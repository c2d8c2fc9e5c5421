//! A lake in a bucket.
//!
//! In: parts, staged in a local folder. Out: objects. Never: an incomplete object: small parts are put in one request, large
//! ones are uploaded in pieces and completed when they are published.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use twox_hash::XxHash3_128;

use super::folder::{FolderLock, foreign_file, in_use, lock};
use super::lease::Lease;
use super::storage_backend::{CommitFailure, StorageBackend};
use super::uploads::{EarlyUploads, PartUploads, REQUESTS_AT_ONCE};
use crate::disk::{Disk, Effect};
use crate::encode::part::{StagedPart, unwritable};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::root::{Remote, Root};
use crate::pool::at_once;
use crate::schema::Table;
use crate::store::Session;

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
    uploads: Arc<PartUploads>,
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
        let uploads = PartUploads::new(root, &remote, &disk, &staging, lease.heartbeat());
        Ok(Self { root: root.clone(), remote, disk, state, staging, _lock: lock, lease, uploads })
    }

    /// Publishes a part in one request.
    fn show_part(&self, part: &StagedPart) -> Result<()> {
        let (path, key) = self.uploads.target(&part.path);
        let failed = |error| unwritable(&path, error);
        self.lease.check_soon()?;
        if let Some((upload, pieces)) = self.uploads.of(part)? {
            self.disk.before(Effect::Complete, &path).map_err(failed)?;
            return self.remote.bucket.complete(&upload, &pieces, part.bytes).map_err(failed);
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

    fn upload_early(&self) -> Option<Arc<EarlyUploads>> {
        Some(self.uploads.begin())
    }

    /// Uploads large parts.
    fn prepare(&mut self, parts: &[StagedPart]) -> Result<()> {
        self.uploads.finish(parts)
    }

    fn show(&mut self, parts: &[StagedPart]) -> Result<()> {
        self.lease.check()?;
        at_once(REQUESTS_AT_ONCE, parts.len(), |at| self.show_part(&parts[at]))?;
        self.uploads.end();
        Ok(())
    }

    fn commit(&mut self, part: &StagedPart) -> Result<(), CommitFailure> {
        let parts = std::slice::from_ref(part);
        self.prepare(parts)?;
        self.lease.check()?;
        let (path, key) = self.uploads.target(&part.path);
        let failed = |error| unwritable(&path, error);
        if !self.uploads.are_none() || !self.lease.honours_conditions {
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
        let removed = self.disk.remove_folder(&self.staging).map_err(|error| unwritable(&self.staging, error));
        self.uploads.abort();
        removed
    }

    fn release_lease(&mut self) -> Vec<String> {
        // Those of a commit that was neither published nor discarded.
        self.uploads.abort();
        let left = self.lease.release_lease(self.uploads.take_failure());
        std::mem::take(&mut self.lease.notes).into_iter().chain(left).collect()
    }
}

impl Drop for BucketBackend {
    fn drop(&mut self) {
        // The notes cannot be reported here.
        drop(self.release_lease());
        // Best effort: the next run on this machine clears it. Another may begin once the lock is gone.
        let _ = self.disk.remove_folder(&self.staging);
        let _ = self.disk.remove_file(&self.state.join("lock"));
        let _ = self.disk.remove_empty_folder(&self.state);
    }
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
