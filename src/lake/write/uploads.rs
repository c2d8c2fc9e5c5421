//! Uploads of large parts, which go on while the parts are still being written.
//!
//! In: files in staging, as they grow, and at last as parts. Out: uploads that only have to be completed. Never: an
//! object: completing an upload is what publishes it, and that is left to the commit.
//!
//! A file in staging only grows until it is a part, so its pieces can be uploaded before its end is known. If it is
//! written anew, or another part gets its name, its upload is aborted. A piece that fails ends the early upload of its part:
//! what is missing is uploaded before the commit, and only then a failure ends the run. Each upload is noted in the lease
//! before a piece is sent, so another run aborts it if this one dies or cannot.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::heartbeat::Heartbeat;
use super::lease::abort_all_of;
use super::piece_plan::{LARGE_PART_BYTES, PIECE_BYTES, PartUpload, PiecePlan, UploadProgress, UploadTask};
use crate::disk::{Disk, Effect};
use crate::encode::part::{StagedPart, StagingObserver, unwritable};
use crate::error::{Error, Result};
use crate::lake::root::{Remote, Root};
use crate::pool::{at_once, caught, lock};
use crate::store::Upload;

/// Pieces that are uploaded at once while archives are converted: each takes memory.
const EARLY_PIECES: usize = 2;

/// Concurrent requests; each has a piece of a part in memory, or a small part.
pub(super) const REQUESTS_AT_ONCE: usize = 8;

/// What is uploaded in pieces for a commit.
pub(super) struct PartUploads {
    root: Root,
    remote: Remote,
    disk: Disk,
    staging: PathBuf,
    heartbeat: Arc<Heartbeat>,
    state: Mutex<PiecePlan>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    changed: Condvar,
    /// What the lease says; locked while an upload is begun.
    noted: Mutex<NotedUploads>,
}

/// Keys and uploads that another run has to look after if this one dies.
#[derive(Default)]
struct NotedUploads {
    keys: Vec<String>,
    uploads: Vec<Upload>,
    /// Those of the run that could not be aborted.
    left: LeftUploads,
}

#[derive(Default)]
struct LeftUploads {
    keys: Vec<String>,
    uploads: Vec<Upload>,
    /// Why, for the last of them.
    why: Option<io::Error>,
}

impl fmt::Debug for PartUploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartUploads").finish_non_exhaustive()
    }
}

/// Parts that are being written, as the encoders report them.
#[derive(Clone, Debug)]
pub(crate) struct EarlyUploads(Arc<PartUploads>);

impl StagingObserver for EarlyUploads {
    fn note_written(&self, part: &Path, bytes: u64) {
        self.note(part, |state| state.entry(part).written = bytes);
    }

    fn note_whole(&self, part: &StagedPart) {
        self.note(&part.path, |state| {
            let entry = state.entry(&part.path);
            (entry.written, entry.whole) = (part.bytes, Some(part.clone()));
        });
    }

    fn note_discarded(&self, part: &Path) {
        self.note(part, |state| drop(state.parts.remove(part)));
    }
}

impl EarlyUploads {
    fn note(&self, part: &Path, change: impl FnOnce(&mut PiecePlan)) {
        let mut state = self.0.state();
        if state.is_over {
            return;
        }
        change(&mut state);
        if state.parts.get(part).is_none_or(|part| part.written < LARGE_PART_BYTES) {
            return;
        }
        let mut threads = self.0.threads();
        while threads.len() < EARLY_PIECES {
            let uploads = Arc::clone(&self.0);
            // Without threads the parts are uploaded before the commit.
            let Ok(thread) = std::thread::Builder::new().name("upload".to_owned()).spawn(move || uploads.run()) else {
                break;
            };
            threads.push(thread);
        }
        self.0.changed.notify_all();
    }

    /// Aborts what was uploaded of a commit that is given up.
    pub(super) fn abort(&self) {
        self.0.abort();
    }
}

impl PartUploads {
    pub(super) fn new(
        root: &Root,
        remote: &Remote,
        disk: &Disk,
        staging: &Path,
        heartbeat: &Arc<Heartbeat>,
    ) -> Arc<Self> {
        Arc::new(Self {
            root: root.clone(),
            remote: remote.clone(),
            disk: disk.clone(),
            staging: staging.to_owned(),
            heartbeat: Arc::clone(heartbeat),
            state: Mutex::default(),
            threads: Mutex::default(),
            changed: Condvar::new(),
            noted: Mutex::default(),
        })
    }

    /// Begins with the parts of the next commit.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<EarlyUploads> {
        self.end_early();
        self.state().is_over = false;
        Arc::new(EarlyUploads(Arc::clone(self)))
    }

    fn state(&self) -> MutexGuard<'_, PiecePlan> {
        lock(&self.state)
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        lock(&self.threads)
    }

    fn noted(&self) -> MutexGuard<'_, NotedUploads> {
        lock(&self.noted)
    }

    /// Uploads pieces until files do not grow any more.
    fn run(&self) {
        let mut state = self.state();
        while !state.is_over {
            let Some(task) = state.next_task() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let done = caught(|| self.work(&task)).flatten();
            state = self.state();
            if let Err(error) = done {
                let is_gone = error.of_store().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
                state.fail(&task, is_gone);
            }
            self.changed.notify_all();
        }
    }

    fn work(&self, task: &UploadTask) -> Result<()> {
        match task {
            UploadTask::Begin(parts) => {
                let paths: Vec<&Path> = parts.iter().map(|part| part.path.as_path()).collect();
                let uploads = self.begin_all(&paths)?;
                let mut state = self.state();
                for (part, upload) in parts.iter().zip(uploads) {
                    state.note_begun(part, upload);
                }
            }
            UploadTask::Piece { part, piece, upload } => {
                let name = self.put_piece(&part.path, *piece, upload)?;
                self.state().note_piece(part, *piece, name);
            }
        }
        Ok(())
    }

    /// The path of a part for readers, and its key.
    pub(super) fn target(&self, part: &Path) -> (PathBuf, String) {
        let path = self.root.join(part);
        let key = self.root.key(&self.remote, &path);
        (path, key)
    }

    /// Begins the uploads of some parts: their keys are noted before, and they themselves before anything is uploaded.
    fn begin_all(&self, parts: &[&Path]) -> Result<Vec<Upload>> {
        let mut noted = self.noted();
        let targets: Vec<_> = parts.iter().map(|part| self.target(part)).collect();
        for (_, key) in &targets {
            if !noted.keys.contains(key) {
                noted.keys.push(key.clone());
            }
        }
        self.note(&noted)?;
        let first = noted.uploads.len();
        for (path, key) in &targets {
            self.disk.before(Effect::Upload, path).map_err(|error| unwritable(path, error))?;
            let upload = self.remote.bucket.begin_upload(key).map_err(|error| unwritable(path, error))?;
            noted.uploads.push(upload);
        }
        self.note(&noted)?;
        Ok(noted.uploads[first..].to_vec())
    }

    fn note(&self, noted: &NotedUploads) -> Result<()> {
        let NotedUploads { keys, uploads, left } = noted;
        self.heartbeat.retry_until_lapsed(|state| {
            (state.keys, state.uploads) = ([&left.keys[..], keys].concat(), [&left.uploads[..], uploads].concat());
        })
    }

    fn put_piece(&self, part: &Path, number: usize, upload: &Upload) -> Result<String> {
        let staged = self.staging.join(part);
        let unreadable = |error| unwritable(&staged, error);
        let file = File::open(&staged).map_err(unreadable)?;
        let start = number as u64 * PIECE_BYTES;
        let left = file.metadata().map_err(unreadable)?.len().saturating_sub(start);
        let mut piece = vec![0; usize::try_from(left.min(PIECE_BYTES)).unwrap_or_default()];
        file.read_exact_at(&mut piece, start).map_err(unreadable)?;
        let (path, _) = self.target(part);
        self.heartbeat.stop.check()?;
        self.disk.before(Effect::Upload, &path).map_err(|error| unwritable(&path, error))?;
        let is_needless = || self.state().is_given_up;
        let put = self.remote.bucket.put_piece(upload, number, &Bytes::from(piece), is_needless);
        put.map_err(|error| unwritable(&path, error))
    }

    /// Waits until no piece is uploaded ahead any more.
    pub(super) fn end_early(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            // It does not panic.
            let _ = thread.join();
        }
    }

    /// Uploads what is missing of the large ones among these parts.
    ///
    /// # Errors
    ///
    /// When that fails; all uploads are left to be aborted.
    pub(super) fn finish(&self, parts: &[StagedPart]) -> Result<()> {
        self.end_early();
        let large: Vec<&StagedPart> = parts.iter().filter(|part| part.bytes >= LARGE_PART_BYTES).collect();
        let unbegun: Vec<&Path> = {
            let mut state = self.state();
            state.retain(&large);
            large.iter().map(|part| part.path.as_path()).filter(|path| !state.parts.contains_key(*path)).collect()
        };
        if !unbegun.is_empty() {
            let uploads = self.begin_all(&unbegun)?;
            let mut state = self.state();
            for (path, upload) in unbegun.iter().zip(uploads) {
                state.entry(path).progress = UploadProgress::Begun(upload);
            }
        }
        let missing = self.missing_pieces(&large);
        let names = at_once(REQUESTS_AT_ONCE, missing.len(), |at| {
            let (part, piece, upload) = &missing[at];
            self.put_piece(&part.path, *piece, upload)
        })?;
        let mut state = self.state();
        for ((part, piece, _), name) in missing.into_iter().zip(names) {
            state.entry(&part.path).pieces[piece] = Some(name);
        }
        Ok(())
    }

    fn missing_pieces<'p>(&self, large: &[&'p StagedPart]) -> Vec<(&'p StagedPart, usize, Upload)> {
        let (mut state, mut missing) = (self.state(), Vec::new());
        for part in large {
            let entry = state.entry(&part.path);
            let pieces = usize::try_from(part.bytes.div_ceil(PIECE_BYTES)).unwrap_or(usize::MAX);
            entry.pieces.resize(pieces, None);
            if let UploadProgress::Begun(upload) = &entry.progress {
                let without_name = (0..pieces).filter(|piece| entry.pieces[*piece].is_none());
                missing.extend(without_name.map(|piece| (*part, piece, upload.clone())));
            }
        }
        missing
    }

    /// The upload of a part and the names of its pieces, if it was uploaded in pieces.
    pub(super) fn of(&self, part: &StagedPart) -> Result<Option<(Upload, Vec<String>)>> {
        let state = self.state();
        let Some(PartUpload { progress: UploadProgress::Begun(upload), pieces, .. }) = state.parts.get(&part.path)
        else {
            return Ok(None);
        };
        let pieces: Option<Vec<String>> = pieces.iter().cloned().collect();
        let pieces = pieces.ok_or_else(|| Error::internal("a piece of a part was not uploaded"))?;
        Ok(Some((upload.clone(), pieces)))
    }

    /// Whether no part was uploaded in pieces.
    pub(super) fn are_none(&self) -> bool {
        self.state().parts.is_empty()
    }

    /// Aborts what is left of uploads, once the parts are published: no reason to end a run.
    pub(super) fn end(&self) {
        let (keys, mut uploads) = self.take_noted();
        let mut state = self.state();
        uploads.retain(|upload| !state.is_needed(upload));
        state.parts.clear();
        drop(state);
        self.abort_all(keys, uploads);
    }

    /// Aborts all uploads of a commit that was not published, if there are any.
    pub(super) fn abort(&self) {
        self.state().is_given_up = true;
        self.end_early();
        let mut state = self.state();
        state.is_given_up = false;
        state.parts.clear();
        drop(state);
        let (keys, uploads) = self.take_noted();
        self.abort_all(keys, uploads);
    }

    fn take_noted(&self) -> (Vec<String>, Vec<Upload>) {
        let mut noted = self.noted();
        (std::mem::take(&mut noted.keys), std::mem::take(&mut noted.uploads))
    }

    /// Aborts uploads, and others of these keys. The lease goes on to name those for which that fails.
    fn abort_all(&self, keys: Vec<String>, uploads: Vec<Upload>) {
        let bucket = &self.remote.bucket;
        let (uploads, why) = try_each(uploads, |upload| bucket.abort(upload));
        // Whether the store lists other uploads or not: usually there are none.
        let (keys, why_not_listed) = try_each(keys, |key| abort_all_of(bucket, std::slice::from_ref(key)).map(drop));
        let mut noted = self.noted();
        noted.left.keys.extend(keys);
        noted.left.uploads.extend(uploads);
        noted.left.why = why.or(why_not_listed).or(noted.left.why.take());
    }

    /// Why some uploads could not be aborted, if there are any.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.noted().left.why.take()
    }
}

/// Does something for each item; those for which it failed, and why.
fn try_each<T: Send + Sync>(items: Vec<T>, work: impl Fn(&T) -> io::Result<()> + Sync) -> (Vec<T>, Option<io::Error>) {
    let errors = match at_once(REQUESTS_AT_ONCE, items.len(), |at| Ok(work(&items[at]).err())) {
        Ok(errors) => errors,
        Err(error) => return (items, Some(io::Error::other(error))),
    };
    let (mut left, mut why) = (Vec::new(), None);
    for (item, error) in items.into_iter().zip(errors) {
        if error.is_some() {
            left.push(item);
            why = error;
        }
    }
    (left, why)
}
