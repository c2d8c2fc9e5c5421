//! Who may write to a lake in a bucket.
//!
//! In: the runs that say they write. Out: the knowledge that nobody else does. Never: relies on conditions of requests,
//! which some stores pass over in silence, or on anybody's clock.
//!
//! Each run has an object of its own below `_trailmill/runs`, which it writes anew every few seconds. It lists them after it
//! wrote its own: since lists show what was written before, of two runs that begin at once at least one sees the other, and
//! whoever sees another that is alive gives way. One that does not change for as long as a lease is dead: it is removed, and
//! what it left is cleared away. A run that finds its own object gone was taken for dead, and publishes nothing.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::folder::in_use;
use super::part::unwritable;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Bucket, Object, Upload};

/// How often a claim is written within a lease.
const BEATS_PER_LEASE: u32 = 6;

const SILENT: &str = "this run could not reach the store for so long that another may have taken over";

/// A run's own word that it writes.
#[derive(Debug)]
pub(super) struct Claim {
    beating: Arc<Beating>,
    /// Whether the store honours a request to write only what is not there.
    pub(super) honours_conditions: bool,
    /// Ends the thread that writes the claim anew.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a run says of itself.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Words {
    process: u32,
    /// How often it has said so.
    beat: u64,
    /// Uploads that it has begun and not ended.
    uploads: Vec<Upload>,
}

#[derive(Debug)]
struct Beating {
    bucket: Arc<Bucket>,
    key: String,
    lease: Duration,
    /// What was said last, and when.
    said: Mutex<(Words, Instant)>,
}

impl Beating {
    /// Says again that the run is alive, and perhaps something new. One that was silent for a lease has no say any more: its
    /// claim may be gone, and must not come back.
    fn beat(&self, change: impl FnOnce(&mut Words)) -> io::Result<()> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (words, at) = &mut *said;
        if at.elapsed() >= self.lease {
            return Err(io::Error::other(SILENT));
        }
        change(words);
        words.beat += 1;
        let before = Instant::now();
        self.bucket.put(&self.key, serde_json::to_vec(words)?.into())?;
        *at = before;
        Ok(())
    }
}

impl Claim {
    /// Claims a lake; `folder` has the objects of the runs, with a slash at its end. Uploads that dead runs have left are
    /// aborted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another run is alive, and what the store answers.
    pub(super) fn take(bucket: &Arc<Bucket>, folder: &str, lake: &Path, lease: Duration) -> Result<Self> {
        let failed = |error| unwritable(lake, error);
        let key = format!("{folder}{:016x}{:016x}", random(), random());
        let words = Words { process: std::process::id(), ..Words::default() };
        let said = serde_json::to_vec(&words).map_err(Error::internal)?;
        let begun = Instant::now();
        bucket.put(&key, said.into()).map_err(failed)?;
        // A store that honours the condition refuses to write something else.
        let honours_conditions = bucket.put_new(&key, &Bytes::from_static(b"{}")).is_ok_and(|is_written| !is_written);
        let beating = Beating { bucket: Arc::clone(bucket), key, lease, said: Mutex::new((words, begun)) };
        let beating = Arc::new(beating);
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("claim".to_owned()).spawn({
            let beating = Arc::clone(&beating);
            // One that cannot be written is written with the next beat, or the run is taken for dead.
            move || {
                while ended.recv_timeout(lease / BEATS_PER_LEASE) == Err(RecvTimeoutError::Timeout) {
                    let _ = beating.beat(|_| ());
                }
            }
        });
        let thread = Some(thread.map_err(Error::internal)?);
        let claim = Self { beating, honours_conditions, end: Some(end), thread };
        claim.wait_for_others(folder, lake)?;
        Ok(claim)
    }

    /// Returns when no other run is alive.
    fn wait_for_others(&self, folder: &str, lake: &Path) -> Result<()> {
        let failed = |error| unwritable(lake, error);
        let others = || -> io::Result<BTreeMap<String, Object>> {
            let listed = self.beating.bucket.list_all(folder)?;
            let others = listed.into_iter().filter(|object| object.key != self.beating.key);
            Ok(others.map(|object| (object.key.clone(), object)).collect())
        };
        let first = others().map_err(failed)?;
        if first.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        // A run gives up when it was silent for a lease, and its last word may have been under way.
        let lease = self.beating.lease;
        while begun.elapsed() < lease * 3 / 2 {
            std::thread::sleep(lease / (2 * BEATS_PER_LEASE));
            let now = others().map_err(failed)?;
            if now.iter().any(|(key, object)| first.get(key) != Some(object)) {
                return Err(in_use(lake));
            }
            if now.is_empty() {
                return Ok(());
            }
        }
        for key in others().map_err(failed)?.into_keys() {
            self.bury(&key).map_err(failed)?;
        }
        Ok(())
    }

    /// Aborts the uploads of a dead run and removes its claim.
    fn bury(&self, key: &str) -> io::Result<()> {
        let bucket = &self.beating.bucket;
        let said = match bucket.get(key, None) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            said => said?,
        };
        // What is not a claim, somebody else has put there.
        let words: Words = serde_json::from_slice(&said).unwrap_or_default();
        words.uploads.iter().try_for_each(|upload| bucket.abort(upload))?;
        bucket.remove([key.to_owned()])
    }

    /// Says which uploads are to be aborted if the run dies, before anything is uploaded.
    pub(super) fn note_uploads(&self, uploads: &[Upload]) -> io::Result<()> {
        self.beating.beat(|words| words.uploads = uploads.to_vec())
    }

    /// Whether the run still counts as alive.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another may have begun to write.
    pub(super) fn check(&self, lake: &Path) -> Result<()> {
        let lost = |message: &'static str| Err(Error::at(ErrorKind::LakeLocked, lake, message));
        if self.beating.beat(|_| ()).is_err() {
            return lost(SILENT);
        }
        match self.beating.bucket.head(&self.beating.key) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => lost("another run has taken over"),
            Err(error) => Err(unwritable(lake, error)),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It panics on nothing, and there is nothing else to be told.
            let _ = thread.join();
        }
        // Without it, the next run waits for a lease.
        let _ = self.beating.bucket.remove([self.beating.key.clone()]);
    }
}

/// A number that no other run has.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
