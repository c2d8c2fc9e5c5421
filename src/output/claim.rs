//! Who may write to a lake in a bucket.
//!
//! In: the runs that say they write. Out: the knowledge that nobody else does. Never: relies on conditions of requests,
//! which some stores pass over in silence, or compares the clocks of two machines.
//!
//! Each run has an object of its own below `_trailmill/runs`, which it writes anew every few seconds, and whose key says how
//! long it may be silent: that never depends on what the object holds. It lists them after it
//! wrote its own: since lists show what was written before, of two runs that begin at once at least one sees the other, and
//! whoever sees another that is alive gives way. One that does not change for as long as one and a half of its leases is
//! dead: it is removed, and what it left is cleared away. A run that was silent for a lease by its own clocks, or finds its
//! object gone, changes nothing any more: requests that are under way are given up, and no other is sent. So the time in
//! which a run that is dead and does not know it could still change something is that of a request which has left it.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::folder::in_use;
use super::part::unwritable;
use crate::error::{Error, Result, printable_path};
use crate::store::{Bucket, Object, Stop, Upload};

/// How often a claim is written within a lease, and the part of it that one attempt may take.
const BEATS_PER_LEASE: u32 = 6;

/// The longest time between two of them: whoever waits for a run that is alive sees so within it, however long its lease.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// However long a run wants to be silent, nobody waits longer.
const LONGEST_LEASE: Duration = Duration::from_hours(24);

/// What a claim counts for that does not say for how long it may be silent: no run of this program has written it.
const UNKNOWN_LEASE: Duration = Duration::from_secs(30);

/// Folder of the claims, below that of a lake's state.
const RUNS: &str = "runs/";

/// Folder of what runs try the store with. It is not among the claims: others would take it for one.
const PROBES: &str = "probes/";

const SILENT: &str = "this run could not reach the store for so long that another may have taken over";

const GONE: &str = "another run has taken over";

/// A run's own word that it writes.
#[derive(Debug)]
pub(super) struct Claim {
    beating: Arc<Beating>,
    /// What is no table of the lake, with a slash at its end.
    folder: String,
    /// Whether the store honours a request to write only what is not there.
    pub(super) honours_conditions: bool,
    /// What a person should know of what dead runs have left.
    pub(super) notes: Vec<String>,
    /// Ends the thread that writes the claim anew.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a run says of itself.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Words {
    process: u32,
    /// How long it may be silent, in milliseconds. Earlier versions say so here alone.
    lease_ms: u64,
    /// How often it has said so.
    beat: u64,
    /// Uploads that it has begun and not ended.
    uploads: Vec<Upload>,
    /// Keys of which it may have begun others, whose ids it does not know.
    #[serde(default)]
    keys: Vec<String>,
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
    lake: PathBuf,
    key: String,
    lease: Duration,
    /// What was said last, and when.
    said: Mutex<(Words, Moment)>,
    /// Set once and for all when another may have taken over; nothing waits for the store from then on.
    stop: Stop,
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
            // The machine may have slept since it was asked whether the claim is there.
            if at.elapsed() >= self.lease {
                return Err(io::Error::other(SILENT));
            }
            self.bucket.put_within(&self.key, &serde_json::to_vec(words)?.into(), deadline)?;
            *at = before;
            Ok(())
        };
        let spoken = say();
        if spoken.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            self.stop.lose(&self.lake, GONE);
        } else if at.elapsed() >= self.lease {
            self.stop.lose(&self.lake, SILENT);
        }
        spoken
    }

    fn is_lost(&self) -> bool {
        self.stop.is_lost()
    }

    /// The error of a request to the lake's bucket; when the claim is lost, that.
    fn failed(&self, error: io::Error) -> Error {
        self.stop.explain(unwritable(&self.lake, error))
    }
}

impl Claim {
    /// Claims a lake; `folder` has what is no table of it, with a slash at its end, and `stop` is set when the claim is lost.
    /// Uploads that dead runs have left are aborted.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LakeLocked`] when another run is alive, and what the store answers.
    pub(super) fn take(bucket: &Arc<Bucket>, folder: &str, lake: &Path, lease: Duration, stop: Stop) -> Result<Self> {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let name = ClaimName { run: format!("{:016x}{:016x}", random(), random()), lease_ms: Some(lease_ms) };
        let runs = format!("{folder}{RUNS}");
        let key = format!("{runs}{name}");
        let words = Words { process: std::process::id(), lease_ms, ..Words::default() };
        let said = serde_json::to_vec(&words).map_err(Error::internal)?;
        let begun = Moment::now();
        bucket.put(&key, &said.into()).map_err(|error| unwritable(lake, error))?;
        let (bucket, lake) = (Arc::clone(bucket), lake.to_owned());
        let beating = Arc::new(Beating { bucket, lake, key, lease, said: Mutex::new((words, begun)), stop });
        let (end, thread) = Self::keep_beating(&beating)?;
        let (end, thread) = (Some(end), Some(thread));
        let mut claim =
            Self { beating, folder: folder.to_owned(), honours_conditions: false, notes: Vec::new(), end, thread };
        claim.honours_conditions = claim.try_conditions(&name).map_err(|error| claim.beating.failed(error))?;
        claim.wait_for_others(&runs)?;
        Ok(claim)
    }

    /// Writes the claim anew all the time, on a thread that ends when the sender is dropped.
    fn keep_beating(beating: &Arc<Beating>) -> Result<(Sender<()>, JoinHandle<()>)> {
        let (end, ended) = channel();
        let pause = (beating.lease / BEATS_PER_LEASE).min(LONGEST_PAUSE);
        let thread = std::thread::Builder::new().name("claim".to_owned()).spawn({
            let beating = Arc::clone(beating);
            // One that cannot be written is written with the next beat, or the run is taken for dead.
            move || {
                while !beating.is_lost() && ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    let _ = beating.beat(|_| ());
                }
            }
        });
        Ok((end, thread.map_err(Error::internal)?))
    }

    /// Whether the store heeds a request to write only what is not there. It is tried with an object that says nothing of
    /// any run: a claim must never say less than it has to, not even for a moment.
    fn try_conditions(&self, name: &ClaimName) -> io::Result<bool> {
        let (bucket, key) = (&self.beating.bucket, self.probe_key(name));
        bucket.put(&key, &Bytes::from_static(b"first"))?;
        let honours_conditions = bucket.refuses_to_overwrite(&key, &Bytes::from_static(b"second"));
        bucket.remove([key])?;
        Ok(honours_conditions)
    }

    /// Where a run tries whether conditions are heeded. If it dies there, whoever removes its claim removes this first.
    fn probe_key(&self, name: &ClaimName) -> String {
        format!("{}{PROBES}{}", self.folder, name.run)
    }

    /// Returns when no other run is alive.
    fn wait_for_others(&mut self, runs: &str) -> Result<()> {
        let beating = Arc::clone(&self.beating);
        let failed = |error| beating.failed(error);
        let others = || -> io::Result<BTreeMap<String, Object>> {
            let listed = beating.bucket.list_all(runs)?;
            let others = listed.into_iter().filter(|object| object.key != beating.key);
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
                return Err(in_use(&self.beating.lake));
            }
            if now.is_empty() {
                return Ok(());
            }
            // A run gives up when it was silent for a lease; a request may have left it just before.
            if begun.elapsed() >= lease + lease / 2 {
                return now.keys().try_for_each(|key| self.bury(key)).map_err(failed);
            }
            std::thread::sleep((self.beating.lease / (2 * BEATS_PER_LEASE)).min(LONGEST_PAUSE));
        }
    }

    /// How long another run may be silent, by the name of its claim, or by its words; what says neither is no less alive.
    fn lease_of(&self, key: &str) -> io::Result<Duration> {
        let lease_ms = match ClaimName::of(key).lease_ms {
            None => self.words(key)?.map(|words| words.lease_ms),
            named => named,
        };
        Ok(lease_ms.map_or(UNKNOWN_LEASE, Duration::from_millis).min(LONGEST_LEASE))
    }

    /// What another run says; nothing when it is gone, or nobody can read it.
    fn words(&self, key: &str) -> io::Result<Option<Words>> {
        match self.beating.bucket.get(key, None) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            said => Ok(serde_json::from_slice(&said?).ok()),
        }
    }

    /// Aborts the uploads of a dead run and removes its claim, after all else of it.
    fn bury(&mut self, key: &str) -> io::Result<()> {
        let bucket = Arc::clone(&self.beating.bucket);
        let words = self.words(key)?.unwrap_or_default();
        words.uploads.iter().try_for_each(|upload| bucket.abort(upload))?;
        if let Some(why) = abort_all_of(&bucket, &words.keys)? {
            let lake = printable_path(&self.beating.lake.display().to_string());
            self.notes.push(format!(
                "a run that died may have left uploads below {lake}, which the store does not list: {why}; a lifecycle rule of the bucket (AbortIncompleteMultipartUpload) removes them"
            ));
        }
        bucket.remove([self.probe_key(&ClaimName::of(key))])?;
        bucket.remove([key.to_owned()])
    }

    /// Says of which keys uploads are to be aborted if the run dies, before any is begun.
    pub(super) fn note_keys(&self, keys: &[String]) -> Result<()> {
        let noted = self.beating.beat(|words| (words.keys, words.uploads) = (keys.to_vec(), Vec::new()));
        noted.map_err(|error| self.beating.failed(error))
    }

    /// Says which they are, before anything is uploaded: not every store lists them.
    pub(super) fn note_uploads(&self, uploads: &[Upload]) -> Result<()> {
        let noted = self.beating.beat(|words| words.uploads = uploads.to_vec());
        noted.map_err(|error| self.beating.failed(error))
    }

    /// Asks the store whether the run still counts as alive.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LakeLocked`] when another may have begun to write.
    pub(super) fn check(&self) -> Result<()> {
        self.beating.beat(|_| ()).map_err(|error| self.beating.failed(error))
    }

    /// The same by what is known already.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_soon(&self) -> Result<()> {
        let Beating { lake, lease, said, stop, .. } = &*self.beating;
        if said.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed() >= *lease {
            stop.lose(lake, SILENT);
        }
        stop.check()
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
        let Beating { bucket, key, .. } = &*self.beating;
        // Without the claim nobody would look for what it tried conditions with; with it, the next run waits for a lease.
        let _ = bucket.remove([self.probe_key(&ClaimName::of(key))]).and_then(|()| bucket.remove([key.clone()]));
    }
}

/// Aborts all uploads of some keys; why the store does not tell of them, when it does not.
///
/// # Errors
///
/// What else the store answers.
pub(super) fn abort_all_of(bucket: &Bucket, keys: &[String]) -> io::Result<Option<String>> {
    for key in keys {
        match bucket.uploads_of(key) {
            Ok(uploads) => uploads.iter().try_for_each(|upload| bucket.abort(upload))?,
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                return Ok(Some(error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// What the key of a claim says.
#[derive(Debug)]
struct ClaimName {
    run: String,
    /// Claims of earlier versions do not say it.
    lease_ms: Option<u64>,
}

impl ClaimName {
    fn of(key: &str) -> Self {
        let name = key.rsplit('/').next().unwrap_or(key);
        let (run, lease_ms) = name.split_once('-').map_or((name, None), |(run, lease)| (run, lease.parse().ok()));
        Self { run: run.to_owned(), lease_ms }
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.run)?;
        self.lease_ms.map_or(Ok(()), |lease_ms| write!(f, "-{lease_ms}"))
    }
}

/// A number that no other run has.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
