//! Objects that are written only where nothing is.
//!
//! In: a key and bytes. Out: whether they are there now. Never: trusts a store to look: some write whatever the condition.

use std::io;

use bytes::Bytes;
use object_store::{ObjectStore, PutMode};

use super::Bucket;
use super::access::{FIRST_PAUSE, LONGEST_PAUSE};
use super::bucket::parse;

impl Bucket {
    /// Whether an object that is there stays as it is when it is to be written only if it is not there. Otherwise it has
    /// these bytes now.
    pub(crate) fn refuses_to_overwrite(&self, key: &str, bytes: &Bytes) -> bool {
        let Ok(key) = parse(key) else { return false };
        let put = self.ask(|| self.client().put_opts(&key, bytes.clone().into(), PutMode::Create.into()));
        put.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
    }

    /// Writes an object unless there is one; whether it has these bytes now. Some stores do not look.
    pub(crate) fn put_new(&self, key: &str, bytes: &Bytes) -> io::Result<bool> {
        let path = parse(key)?;
        let put = || self.client().put_opts(&path, bytes.clone().into(), PutMode::Create.into());
        let mut pause = FIRST_PAUSE;
        for _ in 0..=self.retries() {
            match self.ask_again(put) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                put => return put.map(|_| true),
            }
            match self.get(key, None) {
                // Somebody else was about to write it, and has not.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The answer to an earlier attempt may have been lost.
                found => return Ok(found? == *bytes),
            }
            // A pause begins where there is a clock.
            self.threads().wait_for(async { tokio::time::sleep(pause).await })?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(false)
    }
}
