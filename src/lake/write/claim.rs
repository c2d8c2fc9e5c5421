//! Who may write to a lake in a bucket.
//!
//! In: the runs that say they write. Out: the knowledge that nobody else does. Never: relies on conditions of requests,
//! which some stores pass over in silence, or compares the clocks of two machines.
//!
//! Each run has an object of its own below `_trailmill/runs`, which it writes anew every few seconds, and whose key says how
//! long it may be silent: that never depends on what the object holds. It lists them after it wrote its own, and holds the
//! lake when no other is there: since lists show what was written before, of two runs that begin at once at least one sees
//! the other. Of those who see each other each takes a turn, one more than the highest that it sees, and says so in its
//! object: whoever sees another that is alive and holds the lake, or comes before it, gives way. Turns may be equal, and then
//! the keys decide; so one always goes on. A claim that does not change for as long as one and a half of its leases is
//! dead: it is removed, and what it left is cleared away.
//!
//! A run that finds its object gone changes nothing any more. One that was silent for a lease by its own clocks does neither,
//! until it has claimed anew as a new run does, which it does not when another holds the lake or has published a commit: requests
//! that are under way are given up, and no other is sent. Those who only ask give way to it. Whoever says that it holds the
//! lake, or is about to remove a claim, says so first and then looks once more whether another does: of two who meet so
//! at least one sees the other, and draws back. So the time in which a run that is dead and does not know it could still
//! change something is that of a request which has left it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::beating::{BEATS_PER_LEASE, Beating, Places, Since, Words};
use super::claim_name::ClaimName;
use super::folder::in_use;
use crate::encode::part::unwritable;
use crate::error::{Error, ErrorKind, Result, counted, printable_path};
use crate::lake::root::{Remote, Root};
use crate::model::STATE_FOLDER;
use crate::schema::Table;
use crate::store::{Awaited, Bucket, Moment, Object, Session, Upload, Wait, Waits};

/// However long a run wants to be silent, nobody waits longer.
const LONGEST_LEASE: Duration = Duration::from_hours(24);

/// How long a run waits for a store that it has nothing more to ask of than that others may have the lake.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The same when it was asked to stop.
const LAST_WORDS_IN_A_HURRY: Duration = Duration::from_secs(2);

/// What a claim counts for that does not say for how long it may be silent: no run of this program has written it.
const UNKNOWN_LEASE: Duration = Duration::from_secs(30);

/// The longest time between two looks at others.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// A run's own word that it writes.
#[derive(Debug)]
pub(super) struct Claim {
    beating: Arc<Beating>,
    waits: Waits,
    /// Whether the store honours a request to write only what is not there.
    pub(super) honours_conditions: bool,
    /// What a person should know of what dead runs have left.
    pub(super) notes: Vec<String>,
    /// Ends the thread that writes the claim anew.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Another run, as its claim was seen.
#[derive(Debug)]
struct Seen {
    object: Object,
    /// Since when it has not changed.
    since: Instant,
    /// When it is dead if it does not.
    until: Instant,
}

impl Claim {
    /// Claims a lake. Uploads that dead runs have left are aborted. After the deadline others are not waited for, be they dead
    /// or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another run is alive, and what the store answers.
    pub(super) fn take(root: &Root, remote: &Remote, session: &Session, deadline: Option<Instant>) -> Result<Self> {
        let Remote { bucket, prefix } = remote;
        let places = Places {
            lake: root.path().to_owned(),
            runs: format!("{prefix}{STATE_FOLDER}/runs/"),
            // They are not among the claims: others would take them for some.
            probes: format!("{prefix}{STATE_FOLDER}/probes/"),
            archives: format!("{prefix}{}/", Table::Archives.name()),
        };
        let lease_ms = Some(u64::try_from(session.options().lease.as_millis()).unwrap_or(u64::MAX));
        let name = ClaimName::new(lease_ms);
        let key = format!("{}{name}", places.runs);
        let words = Words { process: std::process::id(), lease_ms, ..Words::default() };
        let said = serde_json::to_vec(&words).map_err(Error::internal)?;
        let (stop, hold, waits) = (session.stop().clone(), session.hold().clone(), session.waits().clone());
        let beating = Arc::new(Beating::new(bucket, places, key, words, stop, hold));
        bucket.put(&beating.key, &said.into()).map_err(|error| unwritable(root.path(), error))?;
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("claim".to_owned()).spawn({
            let beating = Arc::clone(&beating);
            // One that cannot be written is written with the next beat, or the run is taken for dead.
            move || beating.keep_on(&ended)
        });
        let thread = Some(thread.map_err(Error::internal)?);
        let (honours_conditions, notes, end) = (false, Vec::new(), Some(end));
        let mut claim = Self { beating, waits, honours_conditions, notes, end, thread };
        let taken = claim.wait_for_turn(deadline);
        claim.waits.set_run(None);
        taken?;
        claim.honours_conditions = claim.try_conditions(&name).map_err(|error| claim.beating.failed(error))?;
        Ok(claim)
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
        format!("{}{}", self.beating.places.probes, name.run)
    }

    /// Returns when this run holds the lake.
    fn wait_for_turn(&mut self, deadline: Option<Instant>) -> Result<()> {
        let mut failing: Option<Instant> = None;
        loop {
            let alone = self.wait_for_others(deadline)?;
            match self.beating.hold_lake(alone) {
                Ok(true) => return Ok(()),
                // Another was not as dead as it seemed. If this is not heard, it is said after the next look.
                Ok(false) => {
                    let _ = self.beating.say(Since::Asking, |words| words.holds = false);
                }
                Err(error) => {
                    let since = *failing.get_or_insert_with(Instant::now);
                    if self.beating.stop.is_lost() || since.elapsed() >= self.beating.bucket.patience() {
                        return Err(self.beating.failed(error));
                    }
                }
            }
            std::thread::sleep(self.time_to_look());
        }
    }

    /// Returns when no other run is alive; when it was found so.
    fn wait_for_others(&mut self, deadline: Option<Instant>) -> Result<Moment> {
        let beating = Arc::clone(&self.beating);
        let failed = |error| beating.failed(error);
        let mut seen: Option<BTreeMap<String, Seen>> = None;
        let mut last_look = Instant::now();
        loop {
            let looked = Moment::now();
            let others = beating.others().map_err(failed)?;
            // Who could not look has not seen anybody be silent.
            let unseen = last_look.elapsed().saturating_sub(2 * self.time_to_look());
            last_look = Instant::now();
            if others.is_empty() {
                return Ok(looked);
            }
            if self.waits.is_hurried() {
                return Err(Error::new(ErrorKind::Stopped, "asked to stop before the lake was claimed"));
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(in_use(&beating.places.lake));
            }
            self.take_turn(&others).map_err(failed)?;
            let known = seen.take();
            let mut now = BTreeMap::new();
            for object in others {
                let key = object.key.clone();
                let before = known.as_ref().map(|known| known.get(&key));
                // Before the first look nobody knows who is alive.
                let is_alive = before.is_some_and(|before| before.is_none_or(|before| before.object != object));
                if is_alive && self.goes_before(&key).map_err(failed)? {
                    return Err(in_use(&beating.places.lake));
                }
                let (since, until) = match before.flatten() {
                    Some(before) if before.object == object => (before.since, before.until + unseen),
                    _ => {
                        let lease = self.lease_of(&key).map_err(failed)?.max(beating.lease);
                        // A run gives up when it was silent for a lease; a request may have left it just before.
                        (Instant::now(), Instant::now() + lease + lease / 2)
                    }
                };
                now.insert(key, Seen { object, since, until });
            }
            self.tell_of(&now);
            let dead = now.iter().filter(|(_, seen)| Instant::now() >= seen.until);
            let dead: Vec<Object> = dead.map(|(_, seen)| seen.object.clone()).collect();
            if dead.is_empty() || !self.bury_all(&dead).map_err(failed)? {
                std::thread::sleep(self.time_to_look());
            }
            seen = Some(now);
        }
    }

    fn time_to_look(&self) -> Duration {
        (self.beating.lease / (2 * BEATS_PER_LEASE)).min(LONGEST_LOOK)
    }

    /// Tells whoever watches which run is waited for: the one that takes longest.
    fn tell_of(&self, others: &BTreeMap<String, Seen>) {
        let last = others.values().max_by_key(|seen| seen.until);
        let place = self.beating.places.lake.display().to_string();
        let wait = last.map(|Seen { since, until, .. }| Wait {
            what: Awaited::SilentRun,
            place,
            since: *since,
            until: *until,
        });
        self.waits.set_run(wait);
    }

    /// Takes a turn behind all who have one, unless this run has one.
    fn take_turn(&self, others: &[Object]) -> io::Result<()> {
        if self.beating.said().words.turn.is_some() {
            return Ok(());
        }
        let mut last = 0;
        for other in others {
            last = last.max(self.words(&other.key)?.and_then(|words| words.turn).unwrap_or_default());
        }
        // If it is not heard, it is said after the next look.
        let _ = self.beating.beat(|words| words.turn = Some(last.saturating_add(1)));
        Ok(())
    }

    /// Whether another run that is alive holds the lake, or may have it before this one.
    fn goes_before(&self, key: &str) -> io::Result<bool> {
        let Some(words) = self.words(key)? else { return Ok(false) };
        let own = self.beating.said().words.turn;
        Ok(match (words.turn, own) {
            _ if words.holds => true,
            (Some(turn), Some(own)) => (turn, key) < (own, self.beating.key.as_str()),
            // Who has taken no turn yet is about to.
            _ => false,
        })
    }

    /// How long another run may be silent, by the name of its claim, or by its words; what says neither is no less alive.
    fn lease_of(&self, key: &str) -> io::Result<Duration> {
        let lease_ms = match ClaimName::of(key).lease_ms {
            None => self.words(key)?.and_then(|words| words.lease_ms),
            named => named,
        };
        Ok(lease_ms.map_or(UNKNOWN_LEASE, Duration::from_millis).min(LONGEST_LEASE))
    }

    /// What another run says; nothing when it is gone.
    fn words(&self, key: &str) -> io::Result<Option<Words>> {
        Beating::words_of(self.beating.bucket.get(key, None))
    }

    /// Clears away what dead runs have left, unless one of them is alive after all. Before it does, this run says that it
    /// holds the lake, and looks once more: either it sees that the other has written its claim, or the other sees this.
    fn bury_all(&mut self, dead: &[Object]) -> io::Result<bool> {
        let beating = Arc::clone(&self.beating);
        if beating.say(Since::Alone(Moment::now()), |words| words.holds = true).is_err() {
            return Ok(false);
        }
        let others = beating.others()?;
        let has_changed = |dead: &Object| others.iter().any(|other| other.key == dead.key && other != dead);
        let are_dead = !dead.iter().any(has_changed);
        if are_dead {
            dead.iter().try_for_each(|dead| self.bury(&dead.key))?;
        }
        // Others may still come before this run. If it is not heard, they give way to it.
        let _ = beating.say(Since::Asking, |words| words.holds = false);
        Ok(are_dead)
    }

    /// Aborts the uploads of a dead run and removes its claim, after all else of it.
    fn bury(&mut self, key: &str) -> io::Result<()> {
        let bucket = Arc::clone(&self.beating.bucket);
        let words = self.words(key)?.unwrap_or_default();
        words.uploads.iter().try_for_each(|upload| bucket.abort(upload))?;
        if let Some(why) = abort_all_of(&bucket, &words.keys)? {
            let lake = printable_path(&self.beating.places.lake.display().to_string());
            self.notes.push(format!(
                "a run that died may have left uploads below {lake}, which the store does not list: {why}; a lifecycle rule of the bucket (AbortIncompleteMultipartUpload) removes them"
            ));
        }
        bucket.remove([self.probe_key(&ClaimName::of(key))])?;
        bucket.remove([key.to_owned()])
    }

    /// Says of which keys uploads are to be aborted if the run dies, before any is begun.
    pub(super) fn note_keys(&self, keys: &[String]) -> Result<()> {
        self.beating.insist(|words| (words.keys, words.uploads) = (keys.to_vec(), Vec::new()))
    }

    /// Says which they are, before anything is uploaded: not every store lists them.
    pub(super) fn note_uploads(&self, uploads: &[Upload]) -> Result<()> {
        self.beating.insist(|words| words.uploads = uploads.to_vec())
    }

    /// Says which commit is the last one that this run knows of, or is about to publish.
    pub(super) fn expect_commit(&self, number: u32) {
        self.beating.expect_commit(number);
    }

    /// Asks the store whether the run still counts as alive, as long as a store is waited for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another may have begun to write, and what the store answers.
    pub(super) fn check(&self) -> Result<()> {
        self.beating.insist(|_| ())
    }

    /// The same, asked once.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_once(&self) -> Result<()> {
        self.beating.check_once()
    }

    /// Lets others have the lake, once; what a person should know when the store does not hear of it.
    pub(super) fn let_go(&mut self) -> Option<String> {
        self.end = None;
        let (thread, begun) = (self.thread.take()?, Instant::now());
        let longest = if self.waits.is_hurried() { LAST_WORDS_IN_A_HURRY } else { LAST_WORDS };
        let longest = longest.min(self.beating.bucket.patience());
        // It panics on nothing, and what it still waits for is of no use to anybody.
        while !thread.is_finished() && begun.elapsed() < longest {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.beating.stop.is_lost() {
            return None;
        }
        let Beating { bucket, key, places, lease, .. } = &*self.beating;
        // Without the claim nobody would look for what it tried conditions with; with it, the next run waits for a lease.
        let keys = [self.probe_key(&ClaimName::of(key)), key.clone()];
        let error = bucket.remove_own(&keys, longest).err()?;
        Some(format!(
            "the claim of this run on {} could not be removed: {error}; the next run waits {} until it counts as dead",
            printable_path(&places.lake.display().to_string()),
            counted((*lease + *lease / 2).as_secs().max(1), "second")
        ))
    }

    /// The same by what is known already.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_soon(&self) -> Result<()> {
        self.beating.stop.check()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = self.let_go();
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
