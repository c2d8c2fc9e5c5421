//! Things that are dear to make, kept from one task to the next.
//!
//! In: what a task has finished with. Out: the same to another task, whichever comes first. Never: makes one itself, or
//! shares one between two tasks.

use std::sync::{Mutex, PoisonError};

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
