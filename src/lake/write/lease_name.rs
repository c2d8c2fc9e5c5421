//! How leases on a lake are named.
//!
//! In: keys of lease objects. Out: whose they are, and their lease times. Never: what a lease object holds.

use std::fmt;

use crate::store::random;

/// What the key of a lease object says.
#[derive(Debug)]
pub(super) struct LeaseName {
    /// No other run has it.
    pub(super) run: String,
    /// Leases of earlier versions do not have it.
    pub(super) lease_ms: Option<u64>,
}

impl LeaseName {
    /// That of a new run.
    pub(super) fn new(lease_ms: Option<u64>) -> Self {
        Self { run: format!("{:016x}{:016x}", random(), random()), lease_ms }
    }

    pub(super) fn of(key: &str) -> Self {
        let name = key.rsplit('/').next().unwrap_or(key);
        let (run, lease_ms) = name.split_once('-').map_or((name, None), |(run, lease)| (run, lease.parse().ok()));
        Self { run: run.to_owned(), lease_ms }
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.run)?;
        self.lease_ms.map_or(Ok(()), |lease_ms| write!(f, "-{lease_ms}"))
    }
}
