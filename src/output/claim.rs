//! Who may write to a lake in a bucket.
//!
//! In: the runs that say they write. Out: the knowledge that nobody else does. Never: relies on conditions of requests,
//! which some stores pass over in silence, or compares the clocks of two machines.
//!
//! Each run has an object of its own below `_trailmill/runs`, which it writes anew every few seconds. It lists them after it
//! wrote its own: since lists show what was written before, of two runs that begin at once at least one sees the other, and
//! whoever sees another that is alive gives way. One that does not change for as long as one and a half of its leases is
//! dead: it is removed, and what it left is cleared away. A run that was silent for a lease by its own clocks, or finds its
//! object gone, changes nothing any more: requests that are under way are given up, and no other is sent. So the time in
//! which a run that is dead and does not know it could still change something is that of a request which has left it.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::folder::in_use;
use super::part::unwritable;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Bucket, Object, Upload};

/// How often a claim is written within a lease, and the part of it that one attempt may take.
const BEATS_PER_LEASE: u32 = 6;

/// However long a run wants to be silent, nobody waits longer.
const LONGEST_LEASE: Duration = Duration::from_hours(24);

const SILENT: &str = "this run could not reach the store for so long that another may have taken over";

const GONE: &str = "another run has taken over";

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
    /// How long it may be silent, in milliseconds.
    lease_ms: u64,
    /// How often it has said so.
    beat: u64,
    /// Uploads that it has begun and not ended.
    uploads: Vec<Upload>,
}

/// A moment by two clocks: the one stands still while the machine sleeps, and the other may be set.
#[derive(Clone, Copy, Debug)]
struct Moment(Instant, SystemTime);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    /// The longer of what the two say.
    fn elapsed(self) -> Duration {
        self.0.elapsed().max(self.1.elapsed().unwrap_or_default())
    }
}

#[derive(Debug)]
struct Beating {
    bucket: Arc<Bucket>,
    key: String,
    lease: Duration,
    /// What was said last, and when.
    said: Mutex<(Words, Moment)>,
    /// Set once and for all when another may have taken over; nothing waits for the store from then on.
    lost: Arc<AtomicBool>,
}

impl Beating {
    /// Says again that the run is alive, and perhaps something new.
    fn beat(&self, change: impl FnOnce(&mut Words)) -> io::Result<()> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (words, at) = &mut *said;
        let deadline = self.lease / BEATS_PER_LEASE;
        let say = || {
            if self.is_lost() || at.elapsed() >= self.lease {
                return Err(io::Error::other(SILENT));
            }
            // A claim that is gone must not come back.
            self.bucket.head_within(&self.key, deadline)?;
            change(words);
            words.beat += 1;
            let before = Moment::now();
            self.bucket.put_within(&self.key, serde_json::to_vec(words)?.into(), deadline)?;
            *at = before;
            Ok(())
        };
        let spoken = say();
        let is_gone = spoken.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if is_gone || at.elapsed() >= self.lease {
            self.lost.store(true, Ordering::Relaxed);
        }
        if is_gone { Err(io::Error::new(io::ErrorKind::NotFound, GONE)) } else { spoken }
    }

    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Claim {
    /// Claims a lake; `folder` has the objects of the runs, with a slash at its end, and `lost` is set when the claim is
    /// lost. Uploads that dead runs have left are aborted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another run is alive, and what the store answers.
    pub(super) fn take(
        bucket: &Arc<Bucket>,
        folder: &str,
        lake: &Path,
        lease: Duration,
        lost: Arc<AtomicBool>,
    ) -> Result<Self> {
        let failed = |error| unwritable(lake, error);
        let key = format!("{folder}{:016x}{:016x}", random(), random());
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let words = Words { process: std::process::id(), lease_ms, ..Words::default() };
        let said = serde_json::to_vec(&words).map_err(Error::internal)?;
        let begun = Moment::now();
        bucket.put(&key, said.into()).map_err(failed)?;
        let honours_conditions = bucket.refuses_to_overwrite(&key, Bytes::from_static(b"{}"));
        let beating = Beating { bucket: Arc::clone(bucket), key, lease, said: Mutex::new((words, begun)), lost };
        let beating = Arc::new(beating);
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("claim".to_owned()).spawn({
            let beating = Arc::clone(&beating);
            // One that cannot be written is written with the next beat, or the run is taken for dead.
            move || {
                while !beating.is_lost()
                    && ended.recv_timeout(lease / BEATS_PER_LEASE) == Err(RecvTimeoutError::Timeout)
                {
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
        let lease = first.keys().map(|key| self.lease_of(key)).collect::<io::Result<Vec<_>>>().map_err(failed)?;
        let lease = lease.into_iter().max().unwrap_or_default().max(self.beating.lease);
        loop {
            let now = others().map_err(failed)?;
            if now.iter().any(|(key, object)| first.get(key) != Some(object)) {
                return Err(in_use(lake));
            }
            if now.is_empty() {
                return Ok(());
            }
            // A run gives up when it was silent for a lease; a request may have left it just before.
            if begun.elapsed() >= lease + lease / 2 {
                return now.keys().try_for_each(|key| self.bury(key)).map_err(failed);
            }
            std::thread::sleep(self.beating.lease / (2 * BEATS_PER_LEASE));
        }
    }

    /// How long another run may be silent, by its own words.
    fn lease_of(&self, key: &str) -> io::Result<Duration> {
        Ok(Duration::from_millis(self.words(key)?.lease_ms).min(LONGEST_LEASE))
    }

    /// What another run says; nothing when it is gone, or somebody else has put something there.
    fn words(&self, key: &str) -> io::Result<Words> {
        match self.beating.bucket.get(key, None) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Words::default()),
            said => Ok(serde_json::from_slice(&said?).unwrap_or_default()),
        }
    }

    /// Aborts the uploads of a dead run and removes its claim.
    fn bury(&self, key: &str) -> io::Result<()> {
        let bucket = &self.beating.bucket;
        self.words(key)?.uploads.iter().try_for_each(|upload| bucket.abort(upload))?;
        bucket.remove([key.to_owned()])
    }

    /// Says which uploads are to be aborted if the run dies, before anything is uploaded.
    pub(super) fn note_uploads(&self, uploads: &[Upload]) -> io::Result<()> {
        self.beating.beat(|words| words.uploads = uploads.to_vec())
    }

    /// Asks the store whether the run still counts as alive.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another may have begun to write.
    pub(super) fn check(&self, lake: &Path) -> Result<()> {
        match self.beating.beat(|_| ()) {
            Err(error) if !self.beating.is_lost() => Err(unwritable(lake, error)),
            Err(error) => Err(Error::at(ErrorKind::LakeLocked, lake, error)),
            Ok(()) => Ok(()),
        }
    }

    /// The same by what is known already.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_soon(&self, lake: &Path) -> Result<()> {
        let said = self.beating.said.lock().unwrap_or_else(PoisonError::into_inner).1;
        if self.beating.is_lost() || said.elapsed() >= self.beating.lease {
            self.beating.lost.store(true, Ordering::Relaxed);
            return Err(Error::at(ErrorKind::LakeLocked, lake, SILENT));
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It panics on nothing, and there is nothing else to be told.
            let _ = thread.join();
        }
        if self.beating.is_lost() {
            return;
        }
        // Without it, the next run waits for a lease.
        let _ = self.beating.bucket.remove([self.beating.key.clone()]);
    }
}

/// A number that no other run has.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
