//! Who may write to a lake in a bucket.
//!
//! In: the lease objects of runs. Out: the certainty that no other run writes. Never: relies on conditional requests, which
//! some stores silently ignore, or compares the clocks of two machines.
//!
//! Each run has a lease object of its own below `_trailmill/runs` and rewrites it every few seconds. The lease time is part of
//! its key, so it never depends on the content. A run writes its own object, then lists all of them, and holds the lake if
//! there is no other: lists show what was written before, so of two runs that start together at least one sees the other. Runs
//! that see each other take a ticket each, one higher than the highest they see, and write it into their objects (Lamport's
//! bakery algorithm). A run gives way to one that is alive and holds the lake or has a lower ticket; equal tickets are decided
//! by the keys, so one run always proceeds. A lease object that does not change for 1.5 times its lease time has expired: it is
//! removed, and what its run left behind is cleaned up.
//!
//! A run that finds its object gone stops changing the lake. So does one that was silent for its lease time by its own clocks,
//! until it has acquired the lease again as a new run does; it cannot if another run holds the lake or has published a commit.
//! Requests in flight are then dropped, and no more are sent. Runs that are still asking give way to it. A run that declares
//! that it holds the lake, or is about to remove an expired lease, declares it first and then looks for others once more: of
//! two that do so at once at least one sees the other and backs off. So a run whose lease has expired unnoticed can change
//! something only with a request that has already left it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::folder::in_use;
use super::heartbeat::{BEATS_PER_LEASE, Heartbeat, HeldSince, LeaseKeys, RunState};
use super::lease_name::LeaseName;
use crate::encode::part::unwritable;
use crate::error::{Error, ErrorKind, Result, counted, printable_path};
use crate::lake::root::{Remote, Root};
use crate::model::STATE_FOLDER;
use crate::schema::Table;
use crate::store::{Awaited, Bucket, Moment, Object, Session, Wait, Waits};

/// The maximum time that others wait for a silent run, whatever its lease time.
const LONGEST_LEASE: Duration = Duration::from_hours(24);

/// How long a run waits for the store to release its lease at the end.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// The same when it was asked to stop.
const HURRIED_RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// The lease time of an object that does not state one: no run of this program has written it.
const UNKNOWN_LEASE: Duration = Duration::from_secs(30);

/// What ends uploads of which no run knows.
const LIFECYCLE_RULE: &str = "a lifecycle rule of the bucket (AbortIncompleteMultipartUpload) removes them";

/// The maximum time between two looks at others.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// A run's own lease on a lake.
#[derive(Debug)]
pub(super) struct Lease {
    heartbeat: Arc<Heartbeat>,
    waits: Waits,
    /// Whether the store honours conditional writes.
    pub(super) honours_conditions: bool,
    /// Notes for the user about what dead runs have left.
    pub(super) notes: Vec<String>,
    /// Ends the thread that renews the lease.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Another run, as its lease was last seen.
#[derive(Debug)]
struct OtherRun {
    object: Object,
    /// Since when it has not changed.
    since: Instant,
    /// When it counts as dead if it does not change.
    until: Instant,
}

impl Lease {
    /// Acquires the lease on a lake. Uploads left by dead runs are aborted. After the deadline other runs are not waited for, dead
    /// or alive.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another run is alive, and errors of the store.
    pub(super) fn take(root: &Root, remote: &Remote, session: &Session, deadline: Option<Instant>) -> Result<Self> {
        let Remote { bucket, prefix } = remote;
        let places = LeaseKeys {
            lake: root.path().to_owned(),
            runs: format!("{prefix}{STATE_FOLDER}/runs/"),
            // Not next to the leases: other runs would mistake them for leases.
            probes: format!("{prefix}{STATE_FOLDER}/probes/"),
            archives: format!("{prefix}{}/", Table::Archives.name()),
        };
        let lease_ms = Some(u64::try_from(session.options().lease.as_millis()).unwrap_or(u64::MAX));
        let name = LeaseName::new(lease_ms);
        let key = format!("{}{name}", places.runs);
        let state = RunState { process: std::process::id(), lease_ms, ..RunState::default() };
        let content = serde_json::to_vec(&state).map_err(Error::internal)?;
        let (stop, hold, waits) = (session.stop().clone(), session.hold().clone(), session.waits().clone());
        let heartbeat = Arc::new(Heartbeat::new(bucket, places, key, state, stop, hold));
        bucket.put(&heartbeat.key, &content.into()).map_err(|error| unwritable(root.path(), error))?;
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("lease".to_owned()).spawn({
            let heartbeat = Arc::clone(&heartbeat);
            // A failed write is repeated with the next beat, or the run is presumed dead.
            move || heartbeat.run_heartbeat(&ended)
        });
        let thread = Some(thread.map_err(Error::internal)?);
        let (honours_conditions, notes, end) = (false, Vec::new(), Some(end));
        let mut lease = Self { heartbeat, waits, honours_conditions, notes, end, thread };
        let taken = lease.wait_for_ticket(deadline);
        lease.waits.set_run(None);
        taken?;
        lease.honours_conditions = lease.try_conditions(&name).map_err(|error| lease.heartbeat.failed(error))?;
        Ok(lease)
    }

    /// Whether the store honours conditional writes. It is tried with an object other than the lease: a lease must never be
    /// replaced by an incomplete one, not even for a moment.
    fn try_conditions(&self, name: &LeaseName) -> io::Result<bool> {
        let (bucket, key) = (&self.heartbeat.bucket, self.probe_key(name));
        bucket.put(&key, &Bytes::from_static(b"first"))?;
        let honours_conditions = bucket.refuses_to_overwrite(&key, &Bytes::from_static(b"second"));
        bucket.remove([key])?;
        Ok(honours_conditions)
    }

    /// The key with which a run tries conditional writes. If it dies meanwhile, the run that removes its lease removes this first.
    fn probe_key(&self, name: &LeaseName) -> String {
        format!("{}{}", self.heartbeat.places.probes, name.run)
    }

    /// Returns once this run holds the lake.
    fn wait_for_ticket(&mut self, deadline: Option<Instant>) -> Result<()> {
        let mut failing: Option<Instant> = None;
        loop {
            let alone = self.wait_for_others(deadline)?;
            match self.heartbeat.hold_lake(alone) {
                Ok(true) => return Ok(()),
                // Another run was alive after all. If this write fails, it is repeated after the next look.
                Ok(false) => {
                    let _ = self.heartbeat.write_state(HeldSince::Asking, |state| state.holds = false);
                }
                Err(error) => {
                    let since = *failing.get_or_insert_with(Instant::now);
                    if self.heartbeat.stop.is_lost() || since.elapsed() >= self.heartbeat.bucket.patience() {
                        return Err(self.heartbeat.failed(error));
                    }
                }
            }
            std::thread::sleep(self.time_to_look());
        }
    }

    /// Returns once no other run is alive: the moment of that look.
    fn wait_for_others(&mut self, deadline: Option<Instant>) -> Result<Moment> {
        let heartbeat = Arc::clone(&self.heartbeat);
        let failed = |error| heartbeat.failed(error);
        let mut seen: Option<BTreeMap<String, OtherRun>> = None;
        let mut last_look = Instant::now();
        loop {
            let looked = Moment::now();
            let others = heartbeat.others().map_err(failed)?;
            // Time in which this run could not look does not count as silence of others.
            let unseen = last_look.elapsed().saturating_sub(2 * self.time_to_look());
            last_look = Instant::now();
            if others.is_empty() {
                return Ok(looked);
            }
            if self.waits.is_hurried() {
                return Err(Error::new(ErrorKind::Stopped, "asked to stop before the lease on the lake was acquired"));
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(in_use(&heartbeat.places.lake));
            }
            self.take_ticket(&others).map_err(failed)?;
            let known = seen.take();
            let mut now = BTreeMap::new();
            for object in others {
                let key = object.key.clone();
                let before = known.as_ref().map(|known| known.get(&key));
                // At the first look it is not known which runs are alive.
                let is_alive = before.is_some_and(|before| before.is_none_or(|before| before.object != object));
                if is_alive && self.has_precedence(&key).map_err(failed)? {
                    return Err(in_use(&heartbeat.places.lake));
                }
                let (since, until) = match before.flatten() {
                    Some(before) if before.object == object => (before.since, before.until + unseen),
                    _ => {
                        let lease = self.lease_of(&key).map_err(failed)?.max(heartbeat.lease);
                        // A run gives up after a lease time of silence; a request may have left it just before.
                        (Instant::now(), Instant::now() + lease + lease / 2)
                    }
                };
                now.insert(key, OtherRun { object, since, until });
            }
            self.report_others(&now);
            let dead = now.iter().filter(|(_, seen)| Instant::now() >= seen.until);
            let dead: Vec<Object> = dead.map(|(_, seen)| seen.object.clone()).collect();
            if dead.is_empty() || !self.remove_all_dead(&dead).map_err(failed)? {
                std::thread::sleep(self.time_to_look());
            }
            seen = Some(now);
        }
    }

    fn time_to_look(&self) -> Duration {
        (self.heartbeat.lease / (2 * BEATS_PER_LEASE)).min(LONGEST_LOOK)
    }

    /// Reports which run is waited for: the one with the longest remaining time.
    fn report_others(&self, others: &BTreeMap<String, OtherRun>) {
        let last = others.values().max_by_key(|seen| seen.until);
        let place = self.heartbeat.places.lake.display().to_string();
        let wait = last.map(|OtherRun { since, until, .. }| Wait {
            what: Awaited::SilentRun,
            place,
            since: *since,
            until: *until,
        });
        self.waits.set_run(wait);
    }

    /// Takes a ticket after all others, unless this run has one.
    fn take_ticket(&self, others: &[Object]) -> io::Result<()> {
        if self.heartbeat.last_beat().state.turn.is_some() {
            return Ok(());
        }
        let mut last = 0;
        for other in others {
            last = last.max(self.state(&other.key)?.and_then(|state| state.turn).unwrap_or_default());
        }
        // If this write fails, it is repeated after the next look.
        let _ = self.heartbeat.beat(|state| state.turn = Some(last.saturating_add(1)));
        Ok(())
    }

    /// Whether another live run holds the lake, or takes precedence over this one.
    fn has_precedence(&self, key: &str) -> io::Result<bool> {
        let Some(state) = self.state(key)? else { return Ok(false) };
        let own = self.heartbeat.last_beat().state.turn;
        Ok(match (state.turn, own) {
            _ if state.holds => true,
            (Some(turn), Some(own)) => (turn, key) < (own, self.heartbeat.key.as_str()),
            // A run without a ticket is about to take one.
            _ => false,
        })
    }

    /// The lease time of another run, by the name of its lease, or by its content; one that states neither counts as alive as well.
    fn lease_of(&self, key: &str) -> io::Result<Duration> {
        let lease_ms = match LeaseName::of(key).lease_ms {
            None => self.state(key)?.and_then(|state| state.lease_ms),
            named => named,
        };
        Ok(lease_ms.map_or(UNKNOWN_LEASE, Duration::from_millis).min(LONGEST_LEASE))
    }

    /// The state of another run; `None` when it is gone.
    fn state(&self, key: &str) -> io::Result<Option<RunState>> {
        Heartbeat::state_of(self.heartbeat.bucket.get(key, None))
    }

    /// Clears away what dead runs have left, unless one of them is alive after all. First this run declares that it
    /// holds the lake, and looks once more: either it sees that the other has renewed its lease, or the other sees this.
    fn remove_all_dead(&mut self, dead: &[Object]) -> io::Result<bool> {
        let heartbeat = Arc::clone(&self.heartbeat);
        if heartbeat.write_state(HeldSince::Alone(Moment::now()), |state| state.holds = true).is_err() {
            return Ok(false);
        }
        let others = heartbeat.others()?;
        let has_changed = |dead: &Object| others.iter().any(|other| other.key == dead.key && other != dead);
        let are_dead = !dead.iter().any(has_changed);
        if are_dead {
            dead.iter().try_for_each(|dead| self.remove_dead(&dead.key))?;
        }
        // Others may still precede this run. If this write fails, they give way to it.
        let _ = heartbeat.write_state(HeldSince::Asking, |state| state.holds = false);
        Ok(are_dead)
    }

    /// Aborts the uploads of a dead run and removes its lease, last of all.
    fn remove_dead(&mut self, key: &str) -> io::Result<()> {
        let bucket = Arc::clone(&self.heartbeat.bucket);
        let state = self.state(key)?.unwrap_or_default();
        state.uploads.iter().try_for_each(|upload| bucket.abort(upload))?;
        if let Some(why) = abort_all_of(&bucket, &state.keys)? {
            let lake = self.lake();
            self.notes.push(format!(
                "a run that died may have left uploads below {lake}, which the store does not list: {why}; {LIFECYCLE_RULE}"
            ));
        }
        bucket.remove([self.probe_key(&LeaseName::of(key))])?;
        bucket.remove([key.to_owned()])
    }

    /// What renews the lease, and has its state.
    pub(super) const fn heartbeat(&self) -> &Arc<Heartbeat> {
        &self.heartbeat
    }

    /// Records the last commit that this run knows of, or is about to publish.
    pub(super) fn expect_commit(&self, number: u32) {
        self.heartbeat.expect_commit(number);
    }

    /// Asks the store whether the run still counts as alive, as long as a store is waited for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when another may have begun to write, and errors of the store.
    pub(super) fn check(&self) -> Result<()> {
        self.heartbeat.retry_until_lapsed(|_| ())
    }

    /// The same, with one attempt.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_once(&self) -> Result<()> {
        self.heartbeat.check_once()
    }

    /// The lake in messages.
    fn lake(&self) -> String {
        printable_path(&self.heartbeat.places.lake.display().to_string())
    }

    /// Releases the lake, once; a note for the user if the store cannot be reached, or if uploads could not be aborted. The next
    /// run aborts them if the lease, which names them, stays; unless that would be refused again.
    pub(super) fn release_lease(&mut self, uploads: Option<io::Error>) -> Option<String> {
        self.end = None;
        let (thread, begun) = (self.thread.take()?, Instant::now());
        let longest = if self.waits.is_hurried() { HURRIED_RELEASE_TIMEOUT } else { RELEASE_TIMEOUT };
        let longest = longest.min(self.heartbeat.bucket.patience());
        // It does not panic, and whatever it still waits for is no longer needed.
        while !thread.is_finished() && begun.elapsed() < longest {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.heartbeat.stop.is_lost() {
            return None;
        }
        let Heartbeat { bucket, key, lease, .. } = &*self.heartbeat;
        let (lake, wait) = (self.lake(), counted((*lease + *lease / 2).as_secs().max(1), "second"));
        let denied = match uploads {
            Some(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                return Some(format!(
                    "uploads below {lake} could not be aborted: {error}; the lease of this run names them and was not removed: the next run waits {wait} until it has expired, and aborts them; otherwise {LIFECYCLE_RULE}"
                ));
            }
            denied => denied,
        };
        // Without the lease no run would look for the probe object; with it, the next run waits for a lease time.
        match bucket.remove_own(&[self.probe_key(&LeaseName::of(key)), key.clone()], longest) {
            Ok(()) => Some(format!("uploads below {lake} could not be aborted: {}; {LIFECYCLE_RULE}", denied?)),
            Err(error) => Some(format!(
                "the lease of this run on {lake} could not be removed: {error}; the next run waits {wait} until it has expired"
            )),
        }
    }

    /// The same, from what is already known.
    ///
    /// # Errors
    ///
    /// The same.
    pub(super) fn check_soon(&self) -> Result<()> {
        self.heartbeat.stop.check()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The note cannot be reported here.
        let _ = self.release_lease(None);
    }
}

/// Aborts all uploads of some keys; why the store does not list them, if it does not.
///
/// # Errors
///
/// Other errors of the store.
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
