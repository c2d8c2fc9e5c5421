//! Buckets, each opened once.
//!
//! In: names of buckets. Out: their clients, and the network threads. Never: starts a thread before the first bucket is
//! opened.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::ClientOptions;
use object_store::aws::resolve_bucket_region;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::Bucket;
use super::access::{Access, Confirmed};
use super::answer::{Connector, innermost};
use super::backend::Backend;
use super::client::{ClientSettings, check_region};
use super::credentials::CredentialChain;
use super::explain::{explain, is_lost, own};
use super::retry::RetryPolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{STOP_LATENCY, Session, Stop, StoreOptions};

/// Network threads: they pass bytes on, and decrypt them.
const NETWORK_THREADS: usize = 2;

/// The open buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<Opened>);

#[derive(Debug, Default)]
struct Opened {
    threads: Option<Arc<Threads>>,
    /// The credential chain of all buckets.
    chain: Option<Arc<CredentialChain>>,
    buckets: BTreeMap<String, Arc<Bucket>>,
}

/// The network threads.
#[derive(Debug)]
pub(super) struct Threads {
    /// `Some` until it is dropped.
    runtime: Option<Runtime>,
    stop: Stop,
}

impl Threads {
    fn start(stop: Stop) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(NETWORK_THREADS).enable_all().build()?;
        Ok(Self { runtime: Some(runtime), stop })
    }

    /// Waits for something, unless the run is stopped.
    pub(super) fn wait_for<T>(&self, future: impl Future<Output = T>) -> io::Result<T> {
        let Some(runtime) = &self.runtime else { return Err(self.stop.error()) };
        runtime.block_on(async {
            let mut future = pin!(future);
            while !self.stop.is_set() {
                if let Ok(done) = tokio::time::timeout(STOP_LATENCY, &mut future).await {
                    return Ok(done);
                }
            }
            Err(self.stop.error())
        })
    }

    /// What ends waits.
    pub(super) const fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Starts something that runs in the background.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(future))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // The last reference may be dropped by one of the threads, which cannot wait for its own end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Buckets {
    pub(in crate::store) fn get(&self, name: &str, session: &Session) -> Result<Arc<Bucket>> {
        let options = session.options();
        let mut opened = self.opened();
        if let Some(bucket) = opened.buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let threads = if let Some(threads) = &opened.threads {
            Arc::clone(threads)
        } else {
            // The default, unless the program has chosen a cryptography provider.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let threads = Threads::start(session.stop().clone()).map_err(Error::internal)?;
            Arc::clone(opened.threads.insert(Arc::new(threads)))
        };
        let chain = (!options.is_anonymous).then(|| {
            let chain = opened.chain.get_or_insert_with(|| Arc::new(CredentialChain::new(options)));
            Arc::clone(chain)
        });
        let patience = RetryPolicy::new(format!("s3://{name}"), options, session.waits().clone());
        let (backend, endpoint) = match options.object_stores.get(name) {
            Some(store) => (Backend::Custom(Arc::clone(store)), String::new()),
            None => client(name, options, &threads, chain.as_ref(), &patience)?,
        };
        let access = Access::new(name, backend, chain, patience, session.hold().clone(), session.stop().clone());
        let bucket = Arc::new(Bucket::new(access, endpoint, threads, options));
        opened.buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    pub(in crate::store) fn confirm(&self, stop: &Stop) -> Result<bool> {
        stop.check()?;
        let opened = self.opened();
        let mut is_renewed = false;
        for bucket in opened.buckets.values() {
            is_renewed |= bucket.confirm().is_ok_and(|confirmed| confirmed == Confirmed::Renewed);
            stop.check()?;
        }
        Ok(is_renewed)
    }

    pub(in crate::store) fn are_in_doubt(&self) -> bool {
        self.opened().buckets.values().any(|bucket| bucket.is_in_doubt())
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client of a bucket, and the URL of its store.
fn client(
    name: &str,
    options: &StoreOptions,
    threads: &Threads,
    chain: Option<&Arc<CredentialChain>>,
    patience: &RetryPolicy,
) -> Result<(Backend, String)> {
    let place = format!("s3://{name}");
    let failed = |error| Error::at(ErrorKind::ConfigInvalid, Path::new(&place), explain(&error));
    let mut settings = ClientSettings::of(options).map_err(|why| Error::new(ErrorKind::ConfigInvalid, why))?;
    if settings.region.is_none() && settings.endpoint.is_none() {
        // A stopped run sends no more requests.
        if let Ok(region) = threads.wait_for(patience.retry(|| resolve_region(name))) {
            let region = region.map_err(failed)?;
            let region =
                check_region(&region).map_err(|why| Error::at(ErrorKind::ConfigInvalid, Path::new(&place), why))?;
            settings.region = Some(region.to_owned());
        }
    }
    let client = settings.client(name, chain, Connector).map_err(failed)?;
    Ok((Backend::S3(Box::new(client)), settings.endpoint.unwrap_or_default()))
}

/// Asks AWS for the Region of a bucket.
async fn resolve_region(bucket: &str) -> object_store::Result<String> {
    let resolved = resolve_bucket_region(bucket, &ClientOptions::new()).await;
    // AWS would give the same answer again.
    resolved.map_err(|error| if is_lost(&error) { error } else { own(innermost(&error)) })
}
