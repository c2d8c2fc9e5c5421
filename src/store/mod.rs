//! Objects in S3, as blocking calls.
//!
//! In: `s3://` URLs, and how to reach them. Out: keys, sizes and bytes; objects written and removed. Never: a type of tokio
//! or of the client library outside this folder: threads that convert call in here and wait, or find what was fetched
//! ahead.
//!
//! `s3` does the networking. In a build without that feature `without` takes its place: its buckets cannot be opened, so
//! callers need no other code.
//!
//! Requests are retried with growing backoff while the store is busy or unreachable. Failures are explained in one sentence.

mod failure;

mod lease_state;

mod listed;

mod options;

#[cfg(feature = "s3")]
mod s3;

mod session;

mod stop;

mod url;

mod waits;

#[cfg(not(feature = "s3"))]
mod without;

#[cfg(feature = "s3")]
use s3 as network;
#[cfg(not(feature = "s3"))]
use without as network;

pub(crate) use failure::is_of_store;
pub(crate) use lease_state::{LeaseState, Moment, random};
pub(crate) use listed::{ListPage, NextPage, Object, Upload, Version};
use network::Buckets;
pub(crate) use network::{Bucket, Prefetcher};
#[cfg(feature = "s3")]
pub use object_store::ObjectStore;
pub use options::StoreOptions;
pub(crate) use session::Session;
pub(crate) use stop::{STOP_LATENCY, Stop};
pub(crate) use url::{COPY_IT, ObjectUrl, is_bucket_name, why_unreachable};
pub(crate) use waits::Waits;
pub use waits::{Awaited, Wait};
