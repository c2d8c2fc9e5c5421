//! What a run is waiting for, for progress displays.
//!
//! In: the start and end of waits. Out: what for, and how long at most. Never: decides how long, or prints.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Something that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What it waits for.
    pub what: Awaited,
    /// The bucket, or the lake.
    pub place: String,
    /// When it began to wait.
    pub since: Instant,
    /// When it stops waiting at the latest.
    pub until: Instant,
}

/// What a run may have to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaited {
    /// A store that does not answer, or answers only that it cannot: the answer.
    Store(String),
    /// The end of another run.
    OtherRun,
    /// A heartbeat of the run that holds the lake: it may be dead, and is presumed so at the end of the wait.
    SilentRun,
}

/// Current waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    now: Arc<Mutex<Now>>,
    /// Set when long waits are to be cut short.
    is_hurried: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Now {
    store: Option<Wait>,
    run: Option<Wait>,
}

impl Waits {
    /// The same, which is also in a hurry when a flag is set.
    pub(crate) fn hurried_by(&self, is_hurried: Arc<AtomicBool>) -> Self {
        Self { is_hurried, ..self.clone() }
    }

    /// Whether long waits are to be cut short.
    pub(crate) fn is_hurried(&self) -> bool {
        self.is_hurried.load(Ordering::Relaxed)
    }

    /// The wait that matters most.
    pub(crate) fn current(&self) -> Option<Wait> {
        let now = self.now();
        now.store.clone().or_else(|| now.run.clone())
    }

    /// Records that a store is unreachable, or is back.
    pub(super) fn set_store(&self, wait: Option<Wait>) {
        self.now().store = wait;
    }

    /// Records that a run waits for another, or no longer does.
    pub(crate) fn set_run(&self, wait: Option<Wait>) {
        self.now().run = wait;
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
