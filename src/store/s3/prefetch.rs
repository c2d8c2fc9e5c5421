//! Objects that are fetched ahead.
//!
//! In: numbers of objects, in the order in which they are needed. Out: their bytes, usually without a wait. Never: more
//! bytes ahead than allowed, or a wait for an object that was not requested.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::task::AbortHandle;

use super::bucket::parse;
use super::explain::{explain, panicked};
use crate::store::STOP_LATENCY;
use crate::store::Stop;
use crate::store::Version;

/// Returns the object with a number, if it is to be fetched ahead.
type Objects = dyn Fn(usize) -> Option<Version> + Send + Sync;

/// Fetches objects before they are taken.
pub(crate) struct Prefetcher(Arc<PrefetchShared>);

struct PrefetchShared {
    objects: Box<Objects>,
    end: usize,
    most_bytes: u64,
    stop: Stop,
    state: Mutex<PrefetchState>,
    arrived: Condvar,
}

#[derive(Default)]
struct PrefetchState {
    /// The first that was not considered yet.
    next: usize,
    /// The next one to request, when there was no room for it.
    waiting: Option<Version>,
    /// Those that were wanted before their turn.
    passed: BTreeSet<usize>,
    slots: HashMap<usize, PendingObject>,
    requests: usize,
    /// Total bytes of all slots.
    bytes: u64,
    is_closed: bool,
}

/// An object that was requested and not taken.
struct PendingObject {
    bytes: u64,
    /// `None` while the request is in flight.
    got: Option<io::Result<Bytes>>,
    request: Option<AbortHandle>,
}

impl fmt::Debug for Prefetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetcher").finish_non_exhaustive()
    }
}

impl Prefetcher {
    /// Starts to fetch the objects with these numbers, up to this many bytes ahead; waits end when `stop` is set.
    pub(crate) fn start(
        numbers: Range<usize>,
        most_bytes: u64,
        stop: Stop,
        objects: impl Fn(usize) -> Option<Version> + Send + Sync + 'static,
    ) -> Self {
        let state = PrefetchState { next: numbers.start, ..PrefetchState::default() };
        let (objects, state) = (Box::new(objects), Mutex::new(state));
        let shared = PrefetchShared { objects, end: numbers.end, most_bytes, stop, state, arrived: Condvar::new() };
        let shared = Arc::new(shared);
        shared.fill(&mut shared.state());
        Self(shared)
    }

    /// Starts to fetch these objects, whose numbers are their positions; `None` if there are none.
    pub(crate) fn of(objects: Vec<Option<Version>>, most_bytes: u64) -> Option<Self> {
        let stop = objects.iter().flatten().next()?.bucket.threads().stop().clone();
        Some(Self::start(0..objects.len(), most_bytes, stop, move |number| objects[number].clone()))
    }

    /// The bytes of an object, once they have arrived; `None` when they were not requested or are taken already: they are
    /// not fetched any more then.
    pub(crate) fn take(&self, number: usize) -> Option<io::Result<Bytes>> {
        let shared = &self.0;
        let mut state = shared.state();
        loop {
            let Some(slot) = state.slots.get(&number) else {
                if number >= state.next {
                    state.passed.insert(number);
                }
                return None;
            };
            if slot.got.is_some() {
                break;
            }
            if shared.stop.is_set() {
                return Some(Err(shared.stop.error()));
            }
            let waited = shared.arrived.wait_timeout(state, STOP_LATENCY);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        shared.remove(&mut state, number)?.got
    }

    /// Marks an object as done, taken or not.
    pub(crate) fn release(&self, number: usize) {
        let removed = self.0.remove(&mut self.0.state(), number);
        drop(removed);
    }
}

impl Drop for Prefetcher {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_closed = true;
        for request in state.slots.drain().filter_map(|(_, slot)| slot.request) {
            request.abort();
        }
    }
}

/// An object that a thread may be waiting for.
struct FetchGuard {
    shared: Weak<PrefetchShared>,
    number: usize,
}

impl FetchGuard {
    fn arrive(&self, got: io::Result<Bytes>) {
        if let Some(shared) = self.shared.upgrade() {
            shared.arrive(self.number, got);
        }
    }
}

impl Drop for FetchGuard {
    fn drop(&mut self) {
        // Otherwise the waiting thread would never learn that it does not come.
        if std::thread::panicking() {
            self.arrive(Err(panicked()));
        }
    }
}

impl PrefetchShared {
    fn state(&self) -> MutexGuard<'_, PrefetchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests as many objects as there is room for.
    fn fill(self: &Arc<Self>, state: &mut PrefetchState) {
        while !state.is_closed && state.next < self.end {
            let number = state.next;
            let is_passed = state.passed.remove(&number);
            let object = state.waiting.take().or_else(|| (self.objects)(number)).filter(|_| !is_passed);
            if let Some(object) = object {
                // Others would only wait for their turn, and retries and objects that a thread needs now behind them. One that
                // exceeds the whole budget is fetched all the same.
                let has_turn = state.requests < object.bucket.access().in_flight.limit();
                if !has_turn || state.bytes > 0 && state.bytes + object.bytes > self.most_bytes {
                    state.waiting = Some(object);
                    return;
                }
                self.ask(state, number, &object);
            }
            state.next += 1;
        }
    }

    fn ask(self: &Arc<Self>, state: &mut PrefetchState, number: usize, object: &Version) {
        let mut slot = PendingObject { bytes: object.bytes, got: None, request: None };
        match parse(&object.key) {
            Ok(key) => {
                let getting = object.bucket.getting(key, object.etag.as_deref(), None);
                let guard = FetchGuard { shared: Arc::downgrade(self), number };
                let fetching = object.bucket.threads().spawn(async move {
                    let got = getting.await;
                    guard.arrive(got.map_err(|error| explain(&error)));
                });
                slot.request = fetching.map(|fetching| fetching.abort_handle());
                state.requests += 1;
            }
            Err(error) => slot.got = Some(Err(error)),
        }
        state.bytes += slot.bytes;
        state.slots.insert(number, slot);
    }

    fn arrive(self: &Arc<Self>, number: usize, got: io::Result<Bytes>) {
        let mut state = self.state();
        // If the slot is gone, the request was cancelled.
        if let Some(slot) = state.slots.get_mut(&number) {
            (slot.got, slot.request) = (Some(got), None);
            state.requests -= 1;
            self.arrived.notify_all();
            self.fill(&mut state);
        }
    }

    fn remove(self: &Arc<Self>, state: &mut PrefetchState, number: usize) -> Option<PendingObject> {
        let slot = state.slots.remove(&number)?;
        state.bytes -= slot.bytes;
        if let Some(request) = &slot.request {
            request.abort();
            state.requests -= 1;
        }
        self.fill(state);
        Some(slot)
    }
}
