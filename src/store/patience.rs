//! How long a store that is away is waited for.
//!
//! In: requests that have failed. Out: the same, sent again after growing pauses, until one is answered or nobody wants to
//! wait any longer. Never: a request sent again that would be answered the same.
//!
//! All who ask a bucket know when it was heard of last: who begins to ask when it has been away for that long already is
//! answered soon. A store that has never answered is not away, but more likely called otherwise, and is waited for briefly.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use object_store::Error;

use super::StoreOptions;
use super::answer::Answer;
use super::explain::{Again, again, explain, tried};
use super::waits::{Awaited, Wait, Waits};

/// The pause before a request is sent again is drawn from this up to three times the last one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// For how long a store is waited for that has never answered.
const FOR_A_STRANGER: Duration = Duration::from_secs(10);

/// For how long a store is waited for by a run that was asked to stop.
const IN_A_HURRY: Duration = Duration::from_secs(5);

/// How often a request is sent whose answers make no sense.
const MOST_SENSELESS: usize = 9;

/// So many are over before anybody wonders.
const FEW_TRIES: usize = 9;

/// Somebody should know of a wait that is longer.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// How long one bucket is waited for.
#[derive(Debug)]
pub(super) struct Patience {
    place: String,
    most_tries: usize,
    longest: Duration,
    waits: Waits,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// Whether the store has ever answered.
    ever: bool,
    /// Since when it has been away.
    away: Option<Instant>,
    /// Why.
    trouble: Option<String>,
}

impl Patience {
    pub(super) fn new(place: String, options: &StoreOptions, waits: Waits) -> Self {
        let most_tries = options.retries.map_or(usize::MAX, |retries| retries.saturating_add(1));
        Self { place, most_tries, longest: options.patience, waits, heard: Mutex::default() }
    }

    /// How long a store may be away.
    pub(super) fn longest(&self) -> Duration {
        if self.waits.is_hurried() { self.longest.min(IN_A_HURRY) } else { self.longest }
    }

    /// Says that the store is not waited for any more, whether it has answered or not.
    pub(super) fn end_wait(&self) {
        self.waits.set_store(None);
    }

    /// Why the store counts as away.
    pub(super) fn trouble(&self) -> Option<String> {
        self.heard().trouble.clone()
    }

    /// Sends a request until it is answered: the answer may be lost, or cut off, and the request be done all the same.
    pub(super) async fn again<T, F>(&self, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let begun = Instant::now();
        let mut pause = Pause::default();
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match ask().await {
                Ok(done) => {
                    self.note_answer();
                    return Ok(done);
                }
                Err(error) => error,
            };
            if !self.is_worth_another(&error, begun, tries) {
                return Err(tried(error, tries));
            }
            pause.wait().await;
        }
    }

    /// Whether a request that was first sent then is sent once more.
    fn is_worth_another(&self, error: &Error, begun: Instant, tries: usize) -> bool {
        match again(error) {
            Again::Never => {
                if Answer::of(error).is_some() {
                    self.note_answer();
                }
                return false;
            }
            Again::Briefly if tries >= MOST_SENSELESS => return false,
            Again::Briefly | Again::Patiently => {}
        }
        let trouble = explain(error).to_string();
        let longest = self.longest();
        let mut heard = self.heard();
        heard.trouble = Some(trouble.clone());
        // A busy store is there.
        heard.ever |= Answer::of(error).is_some();
        let away = *heard.away.get_or_insert_with(Instant::now);
        let longest = if heard.ever { longest } else { longest.min(FOR_A_STRANGER) };
        drop(heard);
        let gone = away.elapsed().max(begun.elapsed());
        if gone >= WORTH_TELLING && gone < longest && self.most_tries > FEW_TRIES {
            let what = Awaited::Store(trouble);
            let (since, until) = (away, away + longest);
            self.waits.set_store(Some(Wait { what, place: self.place.clone(), since, until }));
        }
        tries < self.most_tries && gone < longest
    }

    fn note_answer(&self) {
        let mut heard = self.heard();
        (heard.ever, heard.trouble) = (true, None);
        if heard.away.take().is_some() {
            drop(heard);
            self.waits.set_store(None);
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pauses that grow, and of which no two are alike: many who wait for one store do not all come back at once.
#[derive(Debug)]
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(SHORTEST_PAUSE)
    }
}

impl Pause {
    /// Waits, each time longer.
    pub(super) async fn wait(&mut self) {
        let most = (self.0 * 3).min(LONGEST_PAUSE).saturating_sub(SHORTEST_PAUSE);
        let part = f64::from(random_u32()) / f64::from(u32::MAX);
        self.0 = SHORTEST_PAUSE + most.mul_f64(part);
        tokio::time::sleep(self.0).await;
    }
}

fn random_u32() -> u32 {
    let bytes = RandomState::new().build_hasher().finish().to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
