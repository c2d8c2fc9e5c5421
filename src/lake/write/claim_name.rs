//! How claims on a lake are named.
//!
//! In: keys of claims. Out: whose they are, and how long their runs may be silent. Never: what a claim holds.

use std::fmt;

use crate::store::random;

/// What the key of a claim says.
#[derive(Debug)]
pub(super) struct ClaimName {
    /// No other run has it.
    pub(super) run: String,
    /// Claims of earlier versions do not say it.
    pub(super) lease_ms: Option<u64>,
}

impl ClaimName {
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

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.run)?;
        self.lease_ms.map_or(Ok(()), |lease_ms| write!(f, "-{lease_ms}"))
    }
}
