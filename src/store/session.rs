//! The buckets of a run.
//!
//! In: names of buckets. Out: buckets, each opened once. Never: a thread before the first of them is asked for.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::ClientOptions;
use object_store::aws::{AmazonS3, resolve_bucket_region};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::access::{Access, Confirmed};
use super::answer::{Connector, innermost};
use super::client::{Settings, check_region};
use super::credentials::Chain;
use super::explain::{explain, is_lost, own};
use super::patience::Patience;
use super::{Bucket, Hold, Stop, StoreOptions, Waits};
use crate::error::{Error, ErrorKind, Result};

/// Threads that speak to the network: they hand bytes on, and decrypt them.
const NETWORK_THREADS: usize = 2;

/// How long a wait goes on when somebody has asked to stop.
pub(crate) const STOP_LATENCY: Duration = Duration::from_millis(100);

/// What the buckets of a run share.
#[derive(Debug, Default)]
pub(crate) struct Session {
    options: StoreOptions,
    opened: Mutex<Opened>,
    /// Set when nobody wants to wait any more.
    stop: Stop,
    /// Tells of waits.
    waits: Waits,
    /// The claim on a lake, for requests that change something.
    hold: Hold,
}

#[derive(Debug, Default)]
struct Opened {
    threads: Option<Arc<Threads>>,
    /// Where all buckets have their credentials from.
    chain: Option<Arc<Chain>>,
    buckets: BTreeMap<String, Arc<Bucket>>,
}

/// Threads of the network.
#[derive(Debug)]
pub(super) struct Threads {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    stop: Stop,
}

impl Threads {
    fn start(stop: Stop) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(NETWORK_THREADS).enable_all().build()?;
        Ok(Self { runtime: Some(runtime), stop })
    }

    /// Waits for something, unless nobody wants to wait any more.
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

    /// Begins something that goes on while nobody waits for it.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(future))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // The last one who lets go may be one of the threads themselves, which cannot wait for its own end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Session {
    pub(crate) fn new(options: &StoreOptions) -> Self {
        Self { options: options.clone(), waits: options.waits.clone(), ..Self::default() }
    }

    /// The same, whose waits end soon after this is set.
    pub(crate) fn stopped_by(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same, whose waits are told.
    pub(crate) fn watched_by(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    /// What is waited for.
    pub(crate) const fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The claim on a lake, which whoever takes one keeps.
    pub(crate) const fn hold(&self) -> &Hold {
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
    /// [`ErrorKind::ConfigInvalid`] for options that make no sense, or a bucket that AWS does not know.
    pub(crate) fn bucket(&self, name: &str) -> Result<Arc<Bucket>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = opened.buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let threads = if let Some(threads) = &opened.threads {
            Arc::clone(threads)
        } else {
            // Unless the program has chosen a provider of cryptography, this is it.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let threads = Threads::start(self.stop.clone()).map_err(Error::internal)?;
            Arc::clone(opened.threads.insert(Arc::new(threads)))
        };
        let chain = (!self.options.is_anonymous).then(|| {
            let chain = opened.chain.get_or_insert_with(|| Arc::new(Chain::new(&self.options)));
            Arc::clone(chain)
        });
        let patience = Patience::new(format!("s3://{name}"), &self.options, self.waits.clone());
        let (client, endpoint) = self.client(name, &threads, chain.as_ref(), &patience)?;
        let access = Access::new(name, client, chain, patience, self.hold.clone(), self.stop.clone());
        let bucket = Arc::new(Bucket::new(access, endpoint, threads, &self.options));
        opened.buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// Judges once more what could not be had from buckets, before anything comes of it: whether it can be tried again, with
    /// other credentials than before.
    ///
    /// # Errors
    ///
    /// Why nothing can be had any more.
    pub(crate) fn confirm(&self) -> Result<bool> {
        self.stop.check()?;
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_renewed = false;
        for bucket in opened.buckets.values() {
            is_renewed |= bucket.confirm().is_ok_and(|confirmed| confirmed == Confirmed::Renewed);
            self.stop.check()?;
        }
        Ok(is_renewed)
    }

    /// Whether something could not be had, and nothing tells yet whether that is for its own sake.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.buckets.values().any(|bucket| bucket.is_in_doubt())
    }

    /// What speaks to a bucket, and the URL of the store that it is in.
    fn client(
        &self,
        name: &str,
        threads: &Threads,
        chain: Option<&Arc<Chain>>,
        patience: &Patience,
    ) -> Result<(AmazonS3, String)> {
        let place = format!("s3://{name}");
        let failed = |error| Error::at(ErrorKind::ConfigInvalid, Path::new(&place), explain(&error));
        let mut settings = Settings::of(&self.options).map_err(|why| Error::new(ErrorKind::ConfigInvalid, why))?;
        if settings.region.is_none() && settings.endpoint.is_none() {
            // Who is stopped here asks for nothing more.
            if let Ok(region) = threads.wait_for(patience.again(|| resolve_region(name))) {
                let region = region.map_err(failed)?;
                let region =
                    check_region(&region).map_err(|why| Error::at(ErrorKind::ConfigInvalid, Path::new(&place), why))?;
                settings.region = Some(region.to_owned());
            }
        }
        let client = settings.client(name, chain, Connector).map_err(failed)?;
        Ok((client, settings.endpoint.unwrap_or_default()))
    }
}

/// Asks AWS for the Region of a bucket.
async fn resolve_region(bucket: &str) -> object_store::Result<String> {
    let resolved = resolve_bucket_region(bucket, &ClientOptions::new()).await;
    // What AWS has answered it would answer again.
    resolved.map_err(|error| if is_lost(&error) { error } else { own(innermost(&error)) })
}
