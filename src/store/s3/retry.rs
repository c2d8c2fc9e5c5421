//! Retries of requests to a store that is unreachable.
//!
//! In: requests that have failed. Out: the same, sent again after growing pauses, until one is answered or the wait is
//! over. Never: retries a request that would get the same answer.
//!
//! All requests to a bucket share the time of its last answer: a request that starts after the store has been silent for
//! the whole wait fails soon. A store that has never answered is probably misnamed, and is waited for briefly.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use object_store::Error;
use object_store::path::Path as Key;

use super::answer::ErrorResponse;
use super::explain::{Retry, explain, is_busy, retry, silent, tried};
use crate::store::STOP_LATENCY;
use crate::store::StoreOptions;
use crate::store::{Awaited, Wait, Waits, random};

/// The backoff before a retry is drawn from this up to three times the last one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long to wait for a store that has never answered.
const FOR_AN_UNKNOWN_STORE: Duration = Duration::from_secs(10);

/// How long a run that was asked to stop waits for a store.
const IN_A_HURRY: Duration = Duration::from_secs(5);

/// Maximum attempts when the answers are malformed.
const MOST_MALFORMED: usize = 9;

/// This many attempts are over before a user notices.
const FEW_TRIES: usize = 9;

/// Minimum attempts for an object.
const FEWEST_TRIES: usize = 3;

/// Longer waits are reported.
const WORTH_REPORTING: Duration = Duration::from_secs(1);

/// The retry policy of one bucket.
#[derive(Debug)]
pub(super) struct RetryPolicy {
    place: String,
    most_tries: usize,
    longest: Duration,
    waits: Waits,
    heard: Mutex<StoreHealth>,
}

#[derive(Debug, Default)]
struct StoreHealth {
    /// Whether the store has ever answered.
    ever: bool,
    /// Since when it has been unreachable.
    away: Option<Instant>,
    /// The reason.
    trouble: Option<String>,
    /// When it last answered.
    last: Option<Instant>,
}

/// One object among many: it may be unavailable while its store is not.
#[derive(Clone, Copy, Debug)]
pub(super) struct SingleObject<'k> {
    pub(super) key: &'k Key,
    /// How long it is requested before a check whether other objects can be read.
    pub(super) longest: Duration,
}

impl RetryPolicy {
    pub(super) fn new(place: String, options: &StoreOptions, waits: Waits) -> Self {
        let most_tries = options.retries.map_or(usize::MAX, |retries| retries.saturating_add(1));
        Self { place, most_tries, longest: options.patience, waits, heard: Mutex::default() }
    }

    /// How long a store may be unreachable.
    pub(super) fn longest(&self) -> Duration {
        if self.waits.is_hurried() { self.longest.min(IN_A_HURRY) } else { self.longest }
    }

    /// Whether the number of attempts is limited.
    pub(super) fn is_counted(&self) -> bool {
        self.most_tries < usize::MAX
    }

    /// Ends the report of a wait for the store, whether it has answered or not.
    pub(super) fn end_wait(&self) {
        self.waits.set_store(None);
    }

    /// Why the store counts as unreachable.
    pub(super) fn trouble(&self) -> Option<String> {
        self.heard().trouble.clone()
    }

    /// Sends a request until it is answered: an answer may be lost or truncated although the request was carried out.
    pub(super) async fn retry<T, F>(&self, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        self.retry_for(None, ask).await
    }

    /// The same, optionally for a single object, which has its own time limit while the store does not say that it is
    /// busy.
    pub(super) async fn retry_for<T, F>(
        &self,
        single: Option<SingleObject<'_>>,
        ask: impl Fn() -> F,
    ) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let begun = Instant::now();
        let mut backoff = Backoff::default();
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.attempt(ask()).await {
                Ok(done) => {
                    self.note_answer();
                    return Ok(done);
                }
                Err(error) => error,
            };
            let is_odd = single
                .is_some_and(|single| tries >= FEWEST_TRIES && begun.elapsed() >= single.longest && !is_busy(&error));
            if !self.is_retried(&error, begun, tries, single) || is_odd {
                return Err(tried(error, tries));
            }
            backoff.wait().await;
        }
    }

    /// One attempt. Some stores accept connections and never answer: one that has never answered is given up soon, and a
    /// run in a hurry gives up one that was silent for a while.
    async fn attempt<T>(&self, asking: impl Future<Output = object_store::Result<T>>) -> object_store::Result<T> {
        let begun = Instant::now();
        let (mut asking, mut hurried) = (pin!(asking), None);
        loop {
            if let Ok(done) = tokio::time::timeout(STOP_LATENCY, &mut asking).await {
                return done;
            }
            if self.waits.is_hurried() {
                hurried.get_or_insert_with(Instant::now);
            }
            let heard = self.heard();
            let (ever, last) = (heard.ever, heard.last);
            drop(heard);
            let is_late = |since: Instant| since.elapsed() >= IN_A_HURRY;
            let longest = self.longest.min(FOR_AN_UNKNOWN_STORE);
            if hurried.is_some_and(is_late) && last.is_none_or(is_late) || !ever && begun.elapsed() >= longest {
                return Err(silent());
            }
            if !ever && begun.elapsed() >= WORTH_REPORTING {
                let what = Awaited::Store("no answer yet".to_owned());
                let place = self.place.clone();
                self.waits.set_store(Some(Wait { what, place, since: begun, until: begun + longest }));
            }
        }
    }

    /// Whether a request that was first sent at `begun` is retried.
    fn is_retried(&self, error: &Error, begun: Instant, tries: usize, single: Option<SingleObject<'_>>) -> bool {
        match retry(error) {
            Retry::Never => {
                if ErrorResponse::of(error).is_some() {
                    self.note_answer();
                }
                return false;
            }
            Retry::Briefly if tries >= MOST_MALFORMED => return false,
            Retry::Briefly | Retry::Patiently => {}
        }
        let trouble = explain(error).to_string();
        let longest = self.longest();
        let mut heard = self.heard();
        heard.trouble = Some(trouble.clone());
        // A busy store is reachable.
        heard.ever |= ErrorResponse::of(error).is_some();
        let away = *heard.away.get_or_insert_with(Instant::now);
        let longest = if heard.ever { longest } else { longest.min(FOR_AN_UNKNOWN_STORE) };
        drop(heard);
        let gone = away.elapsed().max(begun.elapsed());
        if gone >= WORTH_REPORTING && gone < longest && self.most_tries > FEW_TRIES {
            let what = Awaited::Store(trouble);
            // The store is reachable, by this answer or by those to other requests.
            let is_there = ErrorResponse::of(error).is_some() && !is_busy(error) || away.elapsed() < WORTH_REPORTING;
            let single = single.filter(|_| is_there);
            let wait = match single {
                Some(single) => {
                    let (place, until) =
                        (format!("{}/{}", self.place, single.key), begun + single.longest.min(longest));
                    Wait { what, place, since: begun, until }
                }
                None => Wait { what, place: self.place.clone(), since: away, until: away + longest },
            };
            self.waits.set_store(Some(wait));
        }
        tries < self.most_tries && gone < longest
    }

    fn note_answer(&self) {
        let mut heard = self.heard();
        (heard.ever, heard.trouble, heard.last) = (true, None, Some(Instant::now()));
        if heard.away.take().is_some() {
            drop(heard);
            self.waits.set_store(None);
        }
    }

    fn heard(&self) -> MutexGuard<'_, StoreHealth> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Growing, randomised pauses: clients that wait for the same store do not all come back at once.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(SHORTEST_PAUSE)
    }
}

impl Backoff {
    /// Waits, each time longer.
    pub(super) async fn wait(&mut self) {
        let most = (self.0 * 3).min(LONGEST_PAUSE).saturating_sub(SHORTEST_PAUSE);
        let drawn = u32::try_from(random() >> 32).unwrap_or(u32::MAX);
        let part = f64::from(drawn) / f64::from(u32::MAX);
        self.0 = SHORTEST_PAUSE + most.mul_f64(part);
        tokio::time::sleep(self.0).await;
    }
}
