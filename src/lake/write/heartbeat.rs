//! The heartbeat of a lease.
//!
//! In: the state of a run. Out: the same in its lease object, rewritten every few seconds. Never: declares that the run holds
//! the lake after its lease has expired and was not acquired again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::encode::part::unwritable;
use crate::error::{Error, Result};
use crate::lake::PartName;
use crate::pool::caught;
use crate::store::{Bucket, LeaseState, Moment, Object, STOP_LATENCY, Stop, Upload};

/// Heartbeats within a lease time, and the fraction of it that one attempt may take.
pub(super) const BEATS_PER_LEASE: u32 = 6;

/// The maximum time between two of them: a waiting run notices within it that this one is alive, whatever the lease time.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

const SILENT: &str = "this run could not reach the store for longer than its lease";

const GONE: &str = "another run has taken over";

const CLAIMED: &str =
    "this run could not reach the store for longer than its lease, and another has acquired it meanwhile";

const PUBLISHED: &str =
    "this run could not reach the store for longer than its lease, and another has published a commit meanwhile";

/// The state that a run publishes in its lease object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RunState {
    pub(super) process: u32,
    /// Its lease time in milliseconds. Earlier versions state it only here.
    #[serde(default)]
    pub(super) lease_ms: Option<u64>,
    /// Number of times it was written.
    pub(super) beat: u64,
    /// Uploads that were begun and have not ended.
    pub(super) uploads: Vec<Upload>,
    /// Keys that may have further uploads, whose ids are not known.
    #[serde(default)]
    pub(super) keys: Vec<String>,
    /// Whether it holds the lake, or only asks for it. Earlier versions do not state it.
    #[serde(default = "may_write")]
    pub(super) holds: bool,
    /// Its ticket among those that ask, once it has looked for others.
    #[serde(default)]
    pub(super) turn: Option<u64>,
}

const fn may_write() -> bool {
    true
}

impl RunState {
    /// What is assumed of a run whose state cannot be read.
    pub(super) fn unreadable() -> Self {
        Self { holds: true, ..Self::default() }
    }
}

/// The last state that was written, and when.
#[derive(Debug)]
pub(super) struct LastBeat {
    pub(super) state: RunState,
    at: Moment,
    /// Whether no other run held the lake when that was checked after the write.
    is_sure: bool,
}

/// Since when no other run can have taken over: nothing is written if that was a lease time ago.
#[derive(Clone, Copy, Debug)]
pub(super) enum HeldSince {
    /// A run that only asks may always write; one that holds the lake counts from its last write.
    LastBeat,
    /// Since it found that it is alone.
    Alone(Moment),
    /// It only asks.
    Asking,
}

/// The keys of a lake in a bucket.
#[derive(Clone, Debug)]
pub(super) struct LeaseKeys {
    pub(super) lake: PathBuf,
    /// Prefix of leases.
    pub(super) runs: String,
    /// Prefix of objects that probe the store.
    pub(super) probes: String,
    /// Prefix of commits.
    pub(super) archives: String,
}

/// A lease, as its own run sees it.
#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) bucket: Arc<Bucket>,
    pub(super) places: LeaseKeys,
    pub(super) key: String,
    pub(super) lease: Duration,
    last_beat: Mutex<LastBeat>,
    /// Set once when another run may have taken over; nothing waits for the store from then on.
    pub(super) stop: Stop,
    /// Whether requests may change anything.
    hold: LeaseState,
    /// The last commit that this run knows of, or is about to publish.
    newest: AtomicU32,
}

impl Heartbeat {
    pub(super) fn new(
        bucket: &Arc<Bucket>,
        places: LeaseKeys,
        key: String,
        state: RunState,
        stop: Stop,
        hold: LeaseState,
    ) -> Self {
        // This version always states it.
        let lease = Duration::from_millis(state.lease_ms.unwrap_or_default());
        let last_beat = Mutex::new(LastBeat { state, at: Moment::now(), is_sure: false });
        let (bucket, newest) = (Arc::clone(bucket), AtomicU32::new(u32::MAX));
        Self { bucket, places, key, lease, last_beat, stop, hold, newest }
    }

    pub(super) fn last_beat(&self) -> MutexGuard<'_, LastBeat> {
        self.last_beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the last commit that this run knows of, or is about to publish.
    pub(super) fn expect_commit(&self, number: u32) {
        self.newest.store(number, Ordering::Relaxed);
    }

    /// Writes the state again, possibly with a change.
    pub(super) fn beat(&self, change: impl FnOnce(&mut RunState)) -> io::Result<()> {
        self.write_state(HeldSince::LastBeat, change)
    }

    pub(super) fn write_state(&self, since: HeldSince, change: impl FnOnce(&mut RunState)) -> io::Result<()> {
        let mut last_beat = self.last_beat();
        let begun = Instant::now();
        let LastBeat { state, at, is_sure } = &mut *last_beat;
        let since = match since {
            HeldSince::LastBeat => state.holds.then_some(*at),
            HeldSince::Alone(since) => Some(since),
            HeldSince::Asking => None,
        };
        let is_late = || since.is_some_and(|since| since.elapsed() >= self.lease);
        let silent = || Err(io::Error::new(io::ErrorKind::TimedOut, SILENT));
        let deadline = self.lease / BEATS_PER_LEASE;
        let write_state = || {
            if self.stop.is_lost() || is_late() {
                return silent();
            }
            // A lease that is gone must not come back.
            self.bucket.head_with_deadline(&self.key, deadline).inspect_err(|error| self.fail_if_gone(error))?;
            state.beat += 1;
            let mut new = state.clone();
            change(&mut new);
            let before = Moment::now();
            // The machine may have slept since the check that the lease exists.
            if is_late() {
                return silent();
            }
            self.bucket.put_with_deadline(&self.key, &serde_json::to_vec(&new)?.into(), deadline)?;
            (*state, *at) = (new, before);
            *is_sure &= state.holds;
            if *is_sure {
                self.hold.renew(self.lease, before);
            }
            Ok(())
        };
        write_state().inspect_err(|error| self.note(error, begun))
    }

    /// Acquires the lease again as a new run does, after it has expired, unless another run has it, or has had it.
    /// Runs that only ask come after this one: its ticket is lower.
    fn renew_lapsed(&self) -> io::Result<()> {
        let begun = Instant::now();
        let noted = |error: &io::Error| self.note(error, begun);
        self.fail_if_taken().inspect_err(noted)?;
        self.write_state(HeldSince::Asking, |state| (state.holds, state.turn) = (false, Some(0)))?;
        let alone = Moment::now();
        self.fail_if_taken().inspect_err(noted)?;
        self.fail_if_published().inspect_err(noted)?;
        if self.hold_lake(alone).inspect_err(noted)? { Ok(()) } else { Err(self.lost(CLAIMED)) }
    }

    /// Declares that this run holds the lake, and then looks whether another does too: all declare it before they look, so of
    /// two at least one sees the other. Whether none does; only then anything may be changed.
    pub(super) fn hold_lake(&self, alone: Moment) -> io::Result<bool> {
        self.write_state(HeldSince::Alone(alone), |state| state.holds = true)?;
        if self.is_held_by_other()? {
            return Ok(false);
        }
        let mut last_beat = self.last_beat();
        last_beat.is_sure = true;
        self.hold.renew(self.lease, last_beat.at);
        Ok(true)
    }

    /// The leases of other runs.
    pub(super) fn others(&self) -> io::Result<Vec<Object>> {
        let mut listed = self.bucket.list_all(&self.places.runs)?;
        listed.retain(|object| object.key != self.key);
        Ok(listed)
    }

    /// The state of another run; `None` when it is gone.
    pub(super) fn state_of(content: io::Result<Bytes>) -> io::Result<Option<RunState>> {
        match content {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            content => Ok(Some(serde_json::from_slice(&content?).unwrap_or_else(|_| RunState::unreadable()))),
        }
    }

    /// Whether another run declares that it holds the lake. An error when the lease of this one is gone.
    fn is_held_by_other(&self) -> io::Result<bool> {
        let deadline = self.lease / BEATS_PER_LEASE;
        let mut listed = self.bucket.list_all_with_deadline(Some(deadline), &self.places.runs)?;
        let all = listed.len();
        listed.retain(|object| object.key != self.key);
        if listed.len() == all {
            return Err(self.lost(GONE));
        }
        for other in listed {
            if Self::state_of(self.bucket.get_with_deadline(&other.key, deadline))?.is_some_and(|state| state.holds) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn fail_if_taken(&self) -> io::Result<()> {
        if self.is_held_by_other()? { Err(self.lost(CLAIMED)) } else { Ok(()) }
    }

    fn fail_if_published(&self) -> io::Result<()> {
        let listed = self.bucket.list_all_with_deadline(Some(self.lease / BEATS_PER_LEASE), &self.places.archives)?;
        let commits = listed.iter().filter_map(|object| PartName::parse(Path::new(&object.key)));
        let newest = commits.map(|part| part.commit).max().unwrap_or_default();
        if newest > self.newest.load(Ordering::Relaxed) { Err(self.lost(PUBLISHED)) } else { Ok(()) }
    }

    fn fail_if_gone(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            self.stop.lose(&self.places.lake, GONE);
        }
    }

    fn lost(&self, why: &str) -> io::Error {
        self.stop.lose(&self.places.lake, why);
        io::Error::other(why)
    }

    /// Records why an attempt that began at this moment could not renew the lease; a refusal by the store ends the run.
    fn note(&self, error: &io::Error, begun: Instant) {
        match error.kind() {
            io::ErrorKind::PermissionDenied => self.stop.deny(&self.places.lake, &error.to_string()),
            // The lease has expired, which is an effect and not the cause.
            io::ErrorKind::TimedOut => {}
            _ => self.hold.note_trouble(error.to_string(), begun),
        }
    }

    /// Renews the lease until the other end of the channel is dropped.
    pub(super) fn run_heartbeat(&self, ended: &Receiver<()>) {
        let usual = (self.lease / BEATS_PER_LEASE).min(LONGEST_PAUSE);
        let mut pause = usual;
        while !self.stop.is_lost() && ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let written = caught(|| if self.hold.is_lapsed() { self.renew_lapsed() } else { self.beat(|_| ()) });
            pause = if matches!(written, Ok(Ok(()))) { usual } else { usual / 4 };
        }
    }

    /// Writes a change until it succeeds, as long as a store is waited for.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LakeLocked`] when another may have begun to write, and errors of the store.
    pub(super) fn retry_until_lapsed(&self, change: impl Fn(&mut RunState)) -> Result<()> {
        loop {
            self.stop.check()?;
            let is_written = !self.hold.is_lapsed() && self.beat(&change).is_ok();
            self.stop.check()?;
            if is_written && !self.hold.is_lapsed() {
                return Ok(());
            }
            if let Some(trouble) = self.bucket.trouble() {
                return Err(unwritable(&self.places.lake, trouble));
            }
            std::thread::sleep(LONGEST_PAUSE.min(self.lease / BEATS_PER_LEASE) / 4);
        }
    }

    /// Writes the state once.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_once(&self) -> Result<()> {
        // Time without attempts says nothing about the store.
        let attempts = self.hold.attempts();
        while self.hold.is_lapsed() && self.hold.attempts() == attempts && !self.stop.is_lost() {
            std::thread::sleep(STOP_LATENCY);
        }
        if self.hold.is_lapsed() {
            return Err(self.failed(self.bucket.trouble().unwrap_or_else(|| io::Error::other(SILENT))));
        }
        self.beat(|_| ()).map_err(|error| self.failed(error))
    }

    /// The error of a request to the lake's bucket; if the lease is lost, that error.
    pub(super) fn failed(&self, error: io::Error) -> Error {
        self.stop.explain(unwritable(&self.places.lake, error))
    }
}
