//! Replaces `verify` in a build without that feature.
//!
//! In: public keys. Out: an error that says what is missing. Never: a proof of anything, so no archive is reported as checked.

#![expect(clippy::unused_self, reason = "it is asked as `verify` is")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::input::Archive;
use crate::model::Integrity;

/// No digest files.
#[derive(Debug)]
pub(crate) enum Proofs {}

impl Proofs {
    pub(crate) fn read(_: &[Archive], _: &[PathBuf]) -> Result<Self> {
        let why = "public keys are of no use: this program was built without the feature `verify`";
        Err(Error::new(ErrorKind::ConfigInvalid, why).advise("build it with `--features verify`"))
    }
}

/// Proves nothing.
pub(crate) struct Proof;

impl Proof {
    pub(crate) const fn none() -> Self {
        Self
    }

    pub(crate) fn begin(proofs: &Arc<Proofs>, _: &Path) -> Self {
        match **proofs {}
    }

    pub(crate) fn take(&mut self, _: &[u8]) {}

    pub(crate) fn end(self) -> Integrity {
        Integrity::NotChecked
    }

    pub(crate) fn read(self, _: &Archive) -> Integrity {
        Integrity::NotChecked
    }

    pub(crate) fn read_stored(self, _: &[u8]) -> Integrity {
        Integrity::NotChecked
    }
}
