//! Objects that are written only where none exists.
//!
//! In: a key and bytes. Out: whether they are stored now. Never: relies on the condition: some stores ignore it.

use std::io;

use bytes::Bytes;
use object_store::PutMode;

use super::Bucket;
use super::bucket::parse;
use super::retry::Backoff;

/// Maximum conflicts with writers that then do not write.
const MOST_CONFLICTS: usize = 8;

impl Bucket {
    /// Whether a conditional write leaves an existing object unchanged. Otherwise it has these bytes now.
    pub(crate) fn refuses_to_overwrite(&self, key: &str, bytes: &Bytes) -> bool {
        let Ok(key) = parse(key) else { return false };
        let put = self.change(|| self.client().put_opts(&key, bytes.clone().into(), PutMode::Create.into()));
        put.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
    }

    /// Writes an object unless one exists; whether it has these bytes now. Some stores ignore the condition.
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
                // Another writer was about to write it, and has not.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The answer to an earlier attempt may have been lost.
                found => return Ok(found? == *bytes),
            }
            // Timers need the runtime.
            self.threads().wait_for(async { backoff.wait().await })?;
        }
        // No object exists, and the store keeps reporting a conflict.
        conflict.map_or(Ok(false), Err)
    }
}
