//! Objects that are written only where nothing is.
//!
//! In: a key and bytes. Out: whether they are there now. Never: trusts a store to look: some write whatever the condition.

use std::io;

use bytes::Bytes;
use object_store::PutMode;

use super::Bucket;
use super::bucket::parse;
use super::retry::Backoff;

/// How often others may be about to write the same object, and not do it.
const MOST_CONFLICTS: usize = 8;

impl Bucket {
    /// Whether an object that is there stays as it is when it is to be written only if it is not there. Otherwise it has
    /// these bytes now.
    pub(crate) fn refuses_to_overwrite(&self, key: &str, bytes: &Bytes) -> bool {
        let Ok(key) = parse(key) else { return false };
        let put = self.change(|| self.client().put_opts(&key, bytes.clone().into(), PutMode::Create.into()));
        put.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
    }

    /// Writes an object unless there is one; whether it has these bytes now. Some stores do not look.
    pub(crate) fn put_new(&self, key: &str, bytes: &Bytes) -> io::Result<bool> {
        let path = parse(key)?;
        let put = || self.client().put_opts(&path, bytes.clone().into(), PutMode::Create.into());
        let (mut backoff, mut conflict) = (Backoff::default(), None);
        for _ in 0..=MOST_CONFLICTS {
            match self.change(put) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => conflict = Some(error),
                put => return put.map(|_| true),
            }
            match self.get(key, None) {
                // Somebody else was about to write it, and has not.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The answer to an earlier attempt may have been lost.
                found => return Ok(found? == *bytes),
            }
            // A pause begins where there is a clock.
            self.threads().wait_for(async { backoff.wait().await })?;
        }
        // Nothing is there, and the store keeps saying that something is.
        conflict.map_or(Ok(false), Err)
    }
}
