//! The buckets of a run, and what they share.
//!
//! In: how S3 is reached. Out: buckets. Never: sends a request before a bucket is opened.

use std::sync::Arc;

use super::{Bucket, Buckets, LeaseState, Stop, StoreOptions, Waits};
use crate::error::Result;

/// What the buckets of a run share.
#[derive(Debug, Default)]
pub(crate) struct Session {
    options: StoreOptions,
    buckets: Buckets,
    /// Set when waits are to end.
    stop: Stop,
    /// Reports waits.
    waits: Waits,
    /// The lease on a lake, for requests that change something.
    hold: LeaseState,
}

impl Session {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        Self { options: options.clone(), waits: options.waits.clone(), ..Self::default() }
    }

    /// The same, whose waits end soon after `stop` is set.
    pub(crate) fn stopped_by(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same, which reports its waits.
    pub(crate) fn reporting_to(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    /// Current waits.
    pub(crate) const fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The lease on a lake, kept by the run that takes one.
    pub(crate) const fn hold(&self) -> &LeaseState {
        &self.hold
    }

    /// Ends waits, including those in progress, once it is set.
    pub(crate) const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// How the buckets are reached.
    pub(crate) const fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// A bucket; nothing is requested yet except possibly its Region.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::ConfigInvalid`] for options that make no sense, a bucket that AWS does not know, or a build without
    /// buckets.
    pub(crate) fn bucket(&self, name: &str) -> Result<Arc<Bucket>> {
        self.buckets.get(name, self)
    }

    /// Checks again what could not be read from buckets, before the result is used: whether to try again with
    /// new credentials.
    ///
    /// # Errors
    ///
    /// Why nothing can be read any more.
    pub(crate) fn confirm(&self) -> Result<bool> {
        self.buckets.confirm(&self.stop)
    }

    /// Whether something could not be read, and it is undecided whether the object itself is the cause.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.buckets.are_in_doubt()
    }
}
