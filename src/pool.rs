//! Threads, and things that are dear to make, kept from one task to the next.
//!
//! In: what a task has finished with. Out: the same to another task, whichever comes first. Never: makes one itself, or
//! shares one between two tasks.

use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// The worker threads of a request.
///
/// # Errors
///
/// When the system has no more.
pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool> {
    let builder = ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("trailmill-{index}"));
    builder.build().map_err(Error::internal)
}

/// What is idle at the moment.
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// Takes one out, if any is idle.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Gives one back.
    pub(crate) fn give(&self, idle: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }
}
