//! Objects that a store does not serve, though it serves others.
//!
//! In: an object that is requested without success. Out: an error as soon as it is clear that the object is the cause. Never:
//! gives up an object while no other can be read either, or while the store says that it is busy.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use object_store::path::Path as Key;

use super::access::Access;
use super::explain::{Retry, is_busy, retry};
use super::retry::SingleObject;

/// How long an object is requested before a check whether others can be read.
const LONGEST: Duration = Duration::from_secs(12);

/// The same after several objects were given up.
const LONGEST_OF_MANY: Duration = Duration::from_secs(3);

/// The same for an object that was given up before.
const LONGEST_REPEATED: Duration = Duration::from_secs(1);

/// How many are several.
const SOME: usize = 3;

/// The objects that were given up, and when an object was last read.
#[derive(Debug, Default)]
pub(super) struct UnavailableObjects(Mutex<Unavailable>);

#[derive(Debug, Default)]
struct Unavailable {
    given_up: HashSet<Key>,
    last_read: Option<Instant>,
}

impl UnavailableObjects {
    /// Records that an object was read.
    pub(super) fn note_read(&self, key: &Key) {
        let mut known = self.known();
        if !known.given_up.is_empty() {
            known.given_up.remove(key);
        }
        known.last_read = Some(Instant::now());
    }

    fn longest(&self, key: &Key) -> Duration {
        let known = self.known();
        match known.given_up.len() {
            _ if known.given_up.contains(key) => LONGEST_REPEATED,
            SOME.. => LONGEST_OF_MANY,
            _ => LONGEST,
        }
    }

    fn known(&self) -> MutexGuard<'_, Unavailable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Access {
    /// Requests one object for as long as a store is waited for, or less when others can be read.
    pub(super) async fn ask_for_one<T, F>(&self, key: &Key, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let (begun, longest) = (Instant::now(), self.unavailable.longest(key));
        let error = match self.patience.retry_for(Some(SingleObject { key, longest }), &ask).await {
            Err(error) if retry(&error) == Retry::Patiently => error,
            done => return done,
        };
        // The wait is over, whatever the cause.
        if begun.elapsed() < longest
            || self.patience.longest() <= longest
            || self.patience.is_counted()
            || is_busy(&error)
        {
            return Err(error);
        }
        // A store that became unreachable meanwhile has returned something before.
        let is_read = self.unavailable.known().last_read.is_some_and(|last| last.elapsed() < longest / 2);
        if is_read || self.gives_another(key).await {
            self.unavailable.known().given_up.insert(key.clone());
            self.patience.end_wait();
            return Err(error);
        }
        self.patience.retry(ask).await
    }

    /// Whether an object that was given up during an outage may be readable now that others are. A single object that was
    /// given up while others could be read is not waited for as long again.
    pub(super) fn may_be_back(&self, key: &Key) -> bool {
        let is_given_up = self.unavailable.known().given_up.contains(key);
        !is_given_up && !self.patience.is_counted() && self.known_readable(key).is_some()
    }

    /// Whether an object that was read before can be read right now.
    async fn gives_another(&self, but: &Key) -> bool {
        let Some(key) = self.known_readable(but) else { return false };
        tokio::time::timeout(LONGEST, self.first_byte(&key)).await.is_ok_and(|first| first.is_ok())
    }
}
