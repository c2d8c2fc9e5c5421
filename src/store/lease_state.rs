//! Whether the lease on a lake is still valid.
//!
//! In: when the lease object was written last. Out: whether anything may be changed in the lake. Never: compares the clocks of two
//! machines.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A moment by two clocks: the one stands still while the machine sleeps, and the other may be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(Instant, SystemTime);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    /// The longer of what the two say.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed().max(self.1.elapsed().unwrap_or_default())
    }
}

/// A number that no other run draws.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A lease, for those whose requests depend on it. Without one every request may be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaseState(Arc<Mutex<Option<HeldLease>>>);

#[derive(Debug)]
struct HeldLease {
    lease: Duration,
    /// When it was written last.
    written: Moment,
    /// Why it could not be written since, and when the first attempt of those that failed was begun: a clock that was set,
    /// or a machine that slept, is no attempt.
    trouble: Option<(String, Instant)>,
    /// How often that was tried, well or not.
    attempts: usize,
}

impl LeaseState {
    /// Notes that the lease was renewed at a moment.
    pub(crate) fn renew(&self, lease: Duration, written: Moment) {
        let mut held = self.held();
        let attempts = held.as_ref().map_or(0, |held| held.attempts) + 1;
        *held = Some(HeldLease { lease, written, trouble: None, attempts });
    }

    /// Says why it could not be written by an attempt that was begun then.
    pub(crate) fn note_trouble(&self, why: String, begun: Instant) {
        if let Some(held) = &mut *self.held() {
            let first = held.trouble.as_ref().map_or(begun, |(_, first)| *first);
            held.trouble = Some((why, first));
            held.attempts += 1;
        }
    }

    /// How often it was tried to write it.
    pub(crate) fn attempts(&self) -> usize {
        self.held().as_ref().map_or(0, |held| held.attempts)
    }

    /// Whether it was not written for longer than its lease: others may have taken over.
    pub(crate) fn is_lapsed(&self) -> bool {
        self.held().as_ref().is_some_and(|held| held.written.elapsed() >= held.lease)
    }

    /// Why it could not be written, when that was tried for so long.
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

    /// A machine that slept, or whose clock was set: what went by in which nobody tried says nothing of the store.
    #[test]
    fn a_claim_that_was_not_written_because_nobody_tried_is_no_trouble_with_the_store() {
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
