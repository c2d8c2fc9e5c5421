//! A claim that is kept alive.
//!
//! In: what a run says of itself. Out: the same in its object, again and again. Never: a word that it holds the lake when it
//! was silent for a lease and has not claimed anew.

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
use crate::store::{Bucket, Hold, Moment, Object, STOP_LATENCY, Stop, Upload};

/// How often a claim is written within a lease, and the part of it that one attempt may take.
pub(super) const BEATS_PER_LEASE: u32 = 6;

/// The longest time between two of them: whoever waits for a run that is alive sees so within it, however long its lease.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

const SILENT: &str = "this run could not reach the store for longer than its lease";

const GONE: &str = "another run has taken over";

const CLAIMED: &str =
    "this run could not reach the store for longer than its lease, and another has claimed the lake meanwhile";

const PUBLISHED: &str =
    "this run could not reach the store for longer than its lease, and another has published a commit meanwhile";

/// What a run says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Words {
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
    /// Its place among those who ask, when it has looked for others.
    #[serde(default)]
    pub(super) turn: Option<u64>,
}

const fn may_write() -> bool {
    true
}

impl Words {
    /// What counts for those of a run that nobody can read.
    pub(super) fn unreadable() -> Self {
        Self { holds: true, ..Self::default() }
    }
}

/// What was said last, and when.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) words: Words,
    at: Moment,
    /// Whether nobody else held the lake when that was looked for after it was said.
    is_sure: bool,
}

/// Since when nobody else can have taken over: nothing is said when that was a lease ago.
#[derive(Clone, Copy, Debug)]
pub(super) enum Since {
    /// A run that only asks says so whenever it can; one that holds the lake since it said so last.
    LastSaid,
    /// Since it found that it is alone.
    Alone(Moment),
    /// It only asks.
    Asking,
}

/// Where a lake in a bucket has what.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) lake: PathBuf,
    /// Prefix of claims.
    pub(super) runs: String,
    /// Prefix of what runs try the store with.
    pub(super) probes: String,
    /// Prefix of commits.
    pub(super) archives: String,
}

/// A claim, as its own run sees it.
#[derive(Debug)]
pub(super) struct Beating {
    pub(super) bucket: Arc<Bucket>,
    pub(super) places: Places,
    pub(super) key: String,
    pub(super) lease: Duration,
    said: Mutex<Said>,
    /// Set once and for all when another may have taken over; nothing waits for the store from then on.
    pub(super) stop: Stop,
    /// Whether requests may change anything.
    hold: Hold,
    /// The last commit that this run knows of, or is about to publish.
    newest: AtomicU32,
}

impl Beating {
    pub(super) fn new(bucket: &Arc<Bucket>, places: Places, key: String, words: Words, stop: Stop, hold: Hold) -> Self {
        // Of words of its own a run always says it.
        let lease = Duration::from_millis(words.lease_ms.unwrap_or_default());
        let said = Mutex::new(Said { words, at: Moment::now(), is_sure: false });
        let (bucket, newest) = (Arc::clone(bucket), AtomicU32::new(u32::MAX));
        Self { bucket, places, key, lease, said, stop, hold, newest }
    }

    pub(super) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which commit is the last one that this run knows of, or is about to publish.
    pub(super) fn expect_commit(&self, number: u32) {
        self.newest.store(number, Ordering::Relaxed);
    }

    /// Says again that the run is alive, and perhaps something new.
    pub(super) fn beat(&self, change: impl FnOnce(&mut Words)) -> io::Result<()> {
        self.say(Since::LastSaid, change)
    }

    pub(super) fn say(&self, since: Since, change: impl FnOnce(&mut Words)) -> io::Result<()> {
        let mut said = self.said();
        let begun = Instant::now();
        let Said { words, at, is_sure } = &mut *said;
        let since = match since {
            Since::LastSaid => words.holds.then_some(*at),
            Since::Alone(since) => Some(since),
            Since::Asking => None,
        };
        let is_late = || since.is_some_and(|since| since.elapsed() >= self.lease);
        let silent = || Err(io::Error::new(io::ErrorKind::TimedOut, SILENT));
        let deadline = self.lease / BEATS_PER_LEASE;
        let say = || {
            if self.stop.is_lost() || is_late() {
                return silent();
            }
            // A claim that is gone must not come back.
            self.bucket.head_within(&self.key, deadline).inspect_err(|error| self.lose_if_gone(error))?;
            words.beat += 1;
            let mut new = words.clone();
            change(&mut new);
            let before = Moment::now();
            // The machine may have slept since it was asked whether the claim is there.
            if is_late() {
                return silent();
            }
            self.bucket.put_within(&self.key, &serde_json::to_vec(&new)?.into(), deadline)?;
            (*words, *at) = (new, before);
            *is_sure &= words.holds;
            if *is_sure {
                self.hold.renew(self.lease, before);
            }
            Ok(())
        };
        say().inspect_err(|error| self.note(error, begun))
    }

    /// Claims the lake as a new run does, after a silence that was longer than the lease, unless another has it, or has had it.
    /// Those who only ask come after this run: its turn is before theirs.
    fn claim_anew(&self) -> io::Result<()> {
        let begun = Instant::now();
        let noted = |error: &io::Error| self.note(error, begun);
        self.lose_if_taken().inspect_err(noted)?;
        self.say(Since::Asking, |words| (words.holds, words.turn) = (false, Some(0)))?;
        let alone = Moment::now();
        self.lose_if_taken().inspect_err(noted)?;
        self.lose_if_published().inspect_err(noted)?;
        if self.hold_lake(alone).inspect_err(noted)? { Ok(()) } else { Err(self.lost(CLAIMED)) }
    }

    /// Says that this run holds the lake, and then looks whether another says so as well: all who say it do so before they
    /// look, so of two at least one sees the other. Whether nobody does; only then anything may be changed.
    pub(super) fn hold_lake(&self, alone: Moment) -> io::Result<bool> {
        self.say(Since::Alone(alone), |words| words.holds = true)?;
        if self.is_taken()? {
            return Ok(false);
        }
        let mut said = self.said();
        said.is_sure = true;
        self.hold.renew(self.lease, said.at);
        Ok(true)
    }

    /// The claims of other runs.
    pub(super) fn others(&self) -> io::Result<Vec<Object>> {
        let mut listed = self.bucket.list_all(&self.places.runs)?;
        listed.retain(|object| object.key != self.key);
        Ok(listed)
    }

    /// What another run says; nothing when it is gone.
    pub(super) fn words_of(said: io::Result<Bytes>) -> io::Result<Option<Words>> {
        match said {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            said => Ok(Some(serde_json::from_slice(&said?).unwrap_or_else(|_| Words::unreadable()))),
        }
    }

    /// Whether another run says that it holds the lake. When the claim of this one is gone, that is over.
    fn is_taken(&self) -> io::Result<bool> {
        let deadline = self.lease / BEATS_PER_LEASE;
        let mut listed = self.bucket.list_all_within(Some(deadline), &self.places.runs)?;
        let all = listed.len();
        listed.retain(|object| object.key != self.key);
        if listed.len() == all {
            return Err(self.lost(GONE));
        }
        for other in listed {
            if Self::words_of(self.bucket.get_within(&other.key, deadline))?.is_some_and(|words| words.holds) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn lose_if_taken(&self) -> io::Result<()> {
        if self.is_taken()? { Err(self.lost(CLAIMED)) } else { Ok(()) }
    }

    fn lose_if_published(&self) -> io::Result<()> {
        let listed = self.bucket.list_all_within(Some(self.lease / BEATS_PER_LEASE), &self.places.archives)?;
        let commits = listed.iter().filter_map(|object| PartName::parse(Path::new(&object.key)));
        let newest = commits.map(|part| part.commit).max().unwrap_or_default();
        if newest > self.newest.load(Ordering::Relaxed) { Err(self.lost(PUBLISHED)) } else { Ok(()) }
    }

    fn lose_if_gone(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            self.stop.lose(&self.places.lake, GONE);
        }
    }

    fn lost(&self, why: &str) -> io::Error {
        self.stop.lose(&self.places.lake, why);
        io::Error::other(why)
    }

    /// Remembers why the claim could not be written by an attempt that was begun then; a store that refuses it ends the run.
    fn note(&self, error: &io::Error, begun: Instant) {
        match error.kind() {
            io::ErrorKind::PermissionDenied => self.stop.deny(&self.places.lake, &error.to_string()),
            // That is what comes of it.
            io::ErrorKind::TimedOut => {}
            _ => self.hold.note_trouble(error.to_string(), begun),
        }
    }

    /// Writes the claim anew all the time, until the other end is dropped.
    pub(super) fn keep_on(&self, ended: &Receiver<()>) {
        let usual = (self.lease / BEATS_PER_LEASE).min(LONGEST_PAUSE);
        let mut pause = usual;
        while !self.stop.is_lost() && ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let spoken = caught(|| if self.hold.is_lapsed() { self.claim_anew() } else { self.beat(|_| ()) });
            pause = if matches!(spoken, Ok(Ok(()))) { usual } else { usual / 4 };
        }
    }

    /// Says something until it is heard, as long as a store is waited for.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LakeLocked`] when another may have begun to write, and what the store answers.
    pub(super) fn insist(&self, change: impl Fn(&mut Words)) -> Result<()> {
        loop {
            self.stop.check()?;
            let is_said = !self.hold.is_lapsed() && self.beat(&change).is_ok();
            self.stop.check()?;
            if is_said && !self.hold.is_lapsed() {
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

    /// The error of a request to the lake's bucket; when the claim is lost, that.
    pub(super) fn failed(&self, error: io::Error) -> Error {
        self.stop.explain(unwritable(&self.places.lake, error))
    }
}
