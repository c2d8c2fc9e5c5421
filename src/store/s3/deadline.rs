//! Requests that do not wait as long as for an unreachable store.
//!
//! In: a request and a deadline. Out: what the store answers until then. Never: waits for a valid lease: a run renews its
//! lease with most of these.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::{Error, ObjectStoreExt};

use super::bucket::{Bucket, parse};
use super::explain::{broken, explain};
use crate::store::Object;

impl Bucket {
    /// Writes an object, replacing an older one.
    pub(crate) fn put_with_deadline(&self, key: &str, bytes: &Bytes, deadline: Duration) -> io::Result<()> {
        let key = parse(key)?;
        self.wait_with_deadline(deadline, self.access().ask(|| self.client().put(&key, bytes.clone().into()))).map(drop)
    }

    /// Fails unless an object exists.
    pub(crate) fn head_with_deadline(&self, key: &str, deadline: Duration) -> io::Result<()> {
        let key = parse(key)?;
        self.wait_with_deadline(deadline, self.access().ask(|| self.client().head(&key))).map(drop)
    }

    /// All bytes of an object.
    pub(crate) fn get_with_deadline(&self, key: &str, deadline: Duration) -> io::Result<Bytes> {
        let key = parse(key)?;
        let get = || async { self.client().get(&key).await?.bytes().await };
        self.wait_with_deadline(deadline, self.access().ask(get))
    }

    /// All objects with a prefix; the deadline, if any, applies to each page of the list.
    pub(crate) fn list_all_with_deadline(&self, deadline: Option<Duration>, prefix: &str) -> io::Result<Vec<Object>> {
        let mut objects = Vec::new();
        let mut page = self.list_page_with_deadline(deadline, prefix, false, None)?;
        loop {
            objects.append(&mut page.objects);
            match page.next.take() {
                Some(next) => page = self.list_page_with_deadline(deadline, prefix, false, Some(next))?,
                None => return Ok(objects),
            }
        }
    }

    /// Removes the run's own objects, whether its lease is valid or not, one after the other, all within the deadline.
    /// Ends the report of a wait for the store.
    pub(crate) fn remove_own(&self, keys: &[String], deadline: Duration) -> io::Result<()> {
        let begun = Instant::now();
        let removed = keys.iter().try_for_each(|key| {
            let key = parse(key)?;
            let left = deadline.saturating_sub(begun.elapsed());
            match self.timed(Some(left), self.access().ask(|| self.client().delete(&key)))? {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(explain(&error)),
            }
        });
        self.access().patience.end_wait();
        removed
    }

    fn wait_with_deadline<T>(
        &self,
        deadline: Duration,
        future: impl Future<Output = object_store::Result<T>>,
    ) -> io::Result<T> {
        self.timed(Some(deadline), future)?.map_err(|error| explain(&error))
    }

    /// Waits for something, with an optional deadline.
    pub(super) fn timed<T>(
        &self,
        deadline: Option<Duration>,
        future: impl Future<Output = object_store::Result<T>>,
    ) -> io::Result<object_store::Result<T>> {
        let Some(deadline) = deadline else { return self.threads().wait_for(future) };
        // Timers need the runtime.
        let done = self.threads().wait_for(async { tokio::time::timeout(deadline, future).await })?;
        let late = || self.access().patience.trouble().unwrap_or_else(|| "no answer in time".to_owned());
        done.map_err(|_| broken(&late()))
    }
}
