//! The progress of a run.
//!
//! In: numbers and waits, as they arrive. Out: the same for displays. Never: printed here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::store::{StoreOptions, Wait, Waits};

/// Live numbers for a progress display; any thread may read them.
#[derive(Debug, Default)]
pub struct Progress {
    /// Archives to convert in this run.
    pub archives_total: AtomicU64,
    /// Archives done.
    pub archives_done: AtomicU64,
    /// Compressed bytes to convert in this run.
    pub compressed_bytes_total: AtomicU64,
    /// Compressed bytes done.
    pub compressed_bytes_done: AtomicU64,
    /// Events seen.
    pub events: AtomicU64,
    is_stopping: Arc<AtomicBool>,
    waits: Waits,
}

impl Progress {
    /// Asks the run to stop soon: what it has published stays, the current step is discarded.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// The flag behind [`Progress::stop`], for code that can only set a flag, such as a signal handler.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_stopping)
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// What the run is waiting for, if it cannot continue without it.
    #[must_use]
    pub fn waiting(&self) -> Option<Wait> {
        self.waits.current()
    }

    /// Reports the waits for a store here; conversions and inspections do so themselves.
    pub fn attach(&self, store: &mut StoreOptions) {
        store.waits = self.waits();
    }

    /// Reports waits; a run that was asked to stop cuts them short.
    pub(crate) fn waits(&self) -> Waits {
        self.waits.hurried_by(self.stop_flag())
    }
}
