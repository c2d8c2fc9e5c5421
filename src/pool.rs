//! Threads, and expensive resources that are kept from one task to the next.
//!
//! In: resources that a task no longer needs. Out: the same for another task, whichever comes first. Never: creates one itself, or
//! shares one between two tasks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// The worker threads of a request.
///
/// # Errors
///
/// When the system cannot start more threads.
pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool> {
    let builder = ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("trailmill-{index}"));
    builder.build().map_err(Error::internal)
}

/// Runs the work of a task. A panic is a bug, and an error like others: it neither ends the process nor leaves another thread
/// waiting for the result. The state that the work has changed must not be used afterwards.
///
/// # Errors
///
/// A panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Error::internal("a task panicked; please report it"))
}

/// Idle resources.
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// Takes one out, if there is any.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Returns one.
    pub(crate) fn give(&self, idle: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_task_that_panics_is_an_error() {
        let panicked = caught(|| resume_unwind(Box::new("a bug")));
        assert_eq!(panicked.map_err(|error: Error| error.kind()), Err::<(), _>(ErrorKind::Internal));
        assert!(matches!(caught(|| 1), Ok(1)));
    }
}
