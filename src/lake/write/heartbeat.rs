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

/// The longest time between two of them: whoever waits for a run that is alive sees so within it, however long its lease.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

const SILENT: &str = "this run could not reach the store for longer than its lease";

const GONE: &str = "another run has taken over";

const CLAIMED: &str =
    "this run could not reach the store for longer than its lease, and another has acquired it meanwhile";

const PUBLISHED: &str =
    "this run could not reach the store for longer than its lease, and another has published a commit meanwhile";

/// What a run says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RunState {
    pub(super) process: u32,
    /// How long it may be silent, in milliseconds. Earlier versions say so here alone.
    #[serde(default)]
    pub(super) lease_ms: Option<u64>,
    /// How often it has said so.
    pub(super) beat: u64,
    /// Uploads that it has begun and not ended.
    pub(super) uploads: Vec<Upload>,
    /// Keys of which it may have begun others, whose ids it does not know.
    #[serde(default)]
    pub(super) keys: Vec<String>,
    /// Whether it writes to the lake, or only asks to. Earlier versions do not tell.
    #[serde(default = "may_write")]
    pub(super) holds: bool,
    /// Its ticket among those who ask, once it has looked for others.
    #[serde(default)]
    pub(super) turn: Option<u64>,
}

const fn may_write() -> bool {
    true
}

impl RunState {
    /// What counts for those of a run that nobody can read.
    pub(super) fn unreadable() -> Self {
        Self { holds: true, ..Self::default() }
    }
}

/// What was said last, and when.
#[derive(Debug)]
pub(super) struct LastBeat {
    pub(super) state: RunState,
    at: Moment,
    /// Whether nobody else held the lake when that was looked for after it was said.
    is_sure: bool,
}

/// Since when nobody else can have taken over: nothing is said when that was a lease ago.
#[derive(Clone, Copy, Debug)]
pub(super) enum HeldSince {
    /// A run that only asks says so whenever it can; one that holds the lake since it said so last.
    LastBeat,
    /// Since it found that it is alone.
    Alone(Moment),
    /// It only asks.
    Asking,
}

/// Where a lake in a bucket has what.
#[derive(Clone, Debug)]
pub(super) struct LeaseKeys {
    pub(super) lake: PathBuf,
    /// Prefix of leases.
    pub(super) runs: String,
    /// Prefix of what runs try the store with.
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
    /// Set once and for all when another may have taken over; nothing waits for the store from then on.
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
        // Of words of its own a run always says it.
        let lease = Duration::from_millis(state.lease_ms.unwrap_or_default());
        let last_beat = Mutex::new(LastBeat { state, at: Moment::now(), is_sure: false });
        let (bucket, newest) = (Arc::clone(bucket), AtomicU32::new(u32::MAX));
        Self { bucket, places, key, lease, last_beat, stop, hold, newest }
    }

    pub(super) fn last_beat(&self) -> MutexGuard<'_, LastBeat> {
        self.last_beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which commit is the last one that this run knows of, or is about to publish.
    pub(super) fn expect_commit(&self, number: u32) {
        self.newest.store(number, Ordering::Relaxed);
    }

    /// Says again that the run is alive, and perhaps something new.
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
            // The machine may have slept since it was asked whether the lease is there.
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
    /// Those who only ask come after this run: its ticket is lower.
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

    /// Says that this run holds the lake, and then looks whether another says so as well: all who say it do so before they
    /// look, so of two at least one sees the other. Whether nobody does; only then anything may be changed.
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

    /// What another run says; nothing when it is gone.
    pub(super) fn state_of(content: io::Result<Bytes>) -> io::Result<Option<RunState>> {
        match content {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            content => Ok(Some(serde_json::from_slice(&content?).unwrap_or_else(|_| RunState::unreadable()))),
        }
    }

    /// Whether another run says that it holds the lake. An error when the lease of this one is gone.
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

    /// Remembers why the lease could not be renewed by an attempt that began then; a store that refuses it ends the run.
    fn note(&self, error: &io::Error, begun: Instant) {
        match error.kind() {
            io::ErrorKind::PermissionDenied => self.stop.deny(&self.places.lake, &error.to_string()),
            // That is what comes of it.
            io::ErrorKind::TimedOut => {}
            _ => self.hold.note_trouble(error.to_string(), begun),
        }
    }

    /// Renews the lease all the time, until the other end is dropped.
    pub(super) fn run_heartbeat(&self, ended: &Receiver<()>) {
        let usual = (self.lease / BEATS_PER_LEASE).min(LONGEST_PAUSE);
        let mut pause = usual;
        while !self.stop.is_lost() && ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let written = caught(|| if self.hold.is_lapsed() { self.renew_lapsed() } else { self.beat(|_| ()) });
            pause = if matches!(written, Ok(Ok(()))) { usual } else { usual / 4 };
        }
    }

    /// Says something until it is heard, as long as a store is waited for.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LakeLocked`] when another may have begun to write, and what the store answers.
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

    /// Says once that the run is alive.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_once(&self) -> Result<()> {
        // What went by in which nobody tried says nothing of the store.
        let attempts = self.hold.attempts();
        while self.hold.is_lapsed() && self.hold.attempts() == attempts && !self.stop.is_lost() {
            std::thread::sleep(STOP_LATENCY);
        }
        if self.hold.is_lapsed() {
            return Err(self.failed(self.bucket.trouble().unwrap_or_else(|| io::Error::other(SILENT))));
        }
        self.beat(|_| ()).map_err(|error| self.failed(error))
    }

    /// The error of a request to the lake's bucket; when the lease is lost, that.
    pub(super) fn failed(&self, error: io::Error) -> Error {
        self.stop.explain(unwritable(&self.places.lake, error))
    }
}
