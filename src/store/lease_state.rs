//! Whether the lease on a lake is still valid.
//!
//! In: when the lease object was last written. Out: whether the lake may be changed. Never: compares the clocks of two
//! machines.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A moment by two clocks: one stops while the machine sleeps, the other can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(Instant, SystemTime);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    /// The longer of the two durations.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed().max(self.1.elapsed().unwrap_or_default())
    }
}

/// A number that no other run draws.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A lease, for requests that depend on it. Without a lease every request may be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaseState(Arc<Mutex<Option<HeldLease>>>);

#[derive(Debug)]
struct HeldLease {
    lease: Duration,
    /// When it was last written.
    written: Moment,
    /// Why it could not be written since, and when the first failed attempt began: a changed clock or a machine that
    /// slept is not an attempt.
    trouble: Option<(String, Instant)>,
    /// Number of attempts, successful or not.
    attempts: usize,
}

impl LeaseState {
    /// Notes that the lease was renewed at a moment.
    pub(crate) fn renew(&self, lease: Duration, written: Moment) {
        let mut held = self.held();
        let attempts = held.as_ref().map_or(0, |held| held.attempts) + 1;
        *held = Some(HeldLease { lease, written, trouble: None, attempts });
    }

    /// Records why an attempt that began at this moment could not write it.
    pub(crate) fn note_trouble(&self, why: String, begun: Instant) {
        if let Some(held) = &mut *self.held() {
            let first = held.trouble.as_ref().map_or(begun, |(_, first)| *first);
            held.trouble = Some((why, first));
            held.attempts += 1;
        }
    }

    /// How many attempts were made to write it.
    pub(crate) fn attempts(&self) -> usize {
        self.held().as_ref().map_or(0, |held| held.attempts)
    }

    /// Whether it was not written for longer than its lease time: other runs may have taken over.
    pub(crate) fn is_lapsed(&self) -> bool {
        self.held().as_ref().is_some_and(|held| held.written.elapsed() >= held.lease)
    }

    /// Why it could not be written, if attempts have failed for this long.
    pub(crate) fn trouble_for(&self, long: Duration) -> Option<String> {
        let held = self.held();
        let (why, first) = held.as_ref()?.trouble.as_ref()?;
        (first.elapsed() >= long).then(|| why.clone())
    }

    fn held(&self) -> MutexGuard<'_, Option<HeldLease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time without attempts (the machine slept, or its clock was set) says nothing about the store.
    #[test]
    fn time_without_attempts_does_not_blame_the_store() {
        let (hold, lease) = (LeaseState::default(), Duration::from_secs(1));
        hold.renew(lease, Moment(Instant::now(), SystemTime::now() - Duration::from_hours(1)));
        assert!(hold.is_lapsed());
        assert_eq!((hold.trouble_for(Duration::ZERO), hold.attempts()), (None, 1));
        hold.note_trouble("refused".to_owned(), Instant::now());
        assert_eq!((hold.trouble_for(lease), hold.attempts()), (None, 2));
        assert_eq!(hold.trouble_for(Duration::ZERO).as_deref(), Some("refused"));
        hold.renew(lease, Moment::now());
        assert_eq!(hold.trouble_for(Duration::ZERO), None);
    }
}
