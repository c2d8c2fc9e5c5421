//! Whether a claim on a lake still counts.
//!
//! In: when the claim was written last. Out: whether anything may be changed in the lake. Never: compares the clocks of two
//! machines.

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

/// A claim, for those whose requests depend on it. Without one nothing is held up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold(Arc<Mutex<Option<Held>>>);

#[derive(Debug)]
struct Held {
    lease: Duration,
    /// When it was written last.
    written: Moment,
    /// Why it could not be written since.
    trouble: Option<String>,
}

impl Hold {
    /// Says that the claim was written at a moment.
    pub(crate) fn renew(&self, lease: Duration, written: Moment) {
        *self.held() = Some(Held { lease, written, trouble: None });
    }

    /// Says why it could not be written.
    pub(crate) fn note_trouble(&self, why: String) {
        if let Some(held) = &mut *self.held() {
            held.trouble = Some(why);
        }
    }

    /// Whether it was not written for longer than its lease: others may have taken over.
    pub(crate) fn is_lapsed(&self) -> bool {
        self.held().as_ref().is_some_and(|held| held.written.elapsed() >= held.lease)
    }

    /// Why it could not be written for so long, when that is so long.
    pub(crate) fn trouble_for(&self, long: Duration) -> Option<String> {
        let held = self.held();
        let held = held.as_ref().filter(|held| held.written.elapsed() >= long)?;
        Some(held.trouble.clone().unwrap_or_else(|| "the store did not answer".to_owned()))
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
