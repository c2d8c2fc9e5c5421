//! The buckets of a run, and what they share.
//!
//! In: how S3 is reached. Out: buckets. Never: a request before a bucket is asked for.

use std::sync::Arc;

use super::{Bucket, Buckets, LeaseState, Stop, StoreOptions, Waits};
use crate::error::Result;

/// What the buckets of a run share.
#[derive(Debug, Default)]
pub(crate) struct Session {
    options: StoreOptions,
    buckets: Buckets,
    /// Set when nobody wants to wait any more.
    stop: Stop,
    /// Tells of waits.
    waits: Waits,
    /// The lease on a lake, for requests that change something.
    hold: LeaseState,
}

impl Session {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        Self { options: options.clone(), waits: options.waits.clone(), ..Self::default() }
    }

    /// The same, whose waits end soon after this is set.
    pub(crate) fn stopped_by(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same, which reports its waits.
    pub(crate) fn reporting_to(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    /// What is waited for.
    pub(crate) const fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The lease on a lake, kept by whoever takes one.
    pub(crate) const fn hold(&self) -> &LeaseState {
        &self.hold
    }

    /// Ends waits, also those that are under way, once it is set.
    pub(crate) const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// How the buckets are reached.
    pub(crate) const fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// A bucket; nothing is asked of it yet, but perhaps its Region.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::ConfigInvalid`] for options that make no sense, a bucket that AWS does not know, or a build without
    /// buckets.
    pub(crate) fn bucket(&self, name: &str) -> Result<Arc<Bucket>> {
        self.buckets.get(name, self)
    }

    /// Judges once more what could not be had from buckets, before anything comes of it: whether it can be tried again, with
    /// other credentials than before.
    ///
    /// # Errors
    ///
    /// Why nothing can be had any more.
    pub(crate) fn confirm(&self) -> Result<bool> {
        self.buckets.confirm(&self.stop)
    }

    /// Whether something could not be read, and it is open whether that is the object's own fault.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.buckets.are_in_doubt()
    }
}
