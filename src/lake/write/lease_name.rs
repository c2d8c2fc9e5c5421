//! The names of leases on a lake.
//!
//! In: keys of lease objects. Out: their runs and lease times. Never: the content of a lease object.

use std::fmt;

use crate::store::random;

/// The parts of a lease object's key.
#[derive(Debug)]
pub(super) struct LeaseName {
    /// Unique to the run.
    pub(super) run: String,
    /// Missing from leases of earlier versions.
    pub(super) lease_ms: Option<u64>,
}

impl LeaseName {
    /// The name for a new run.
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
