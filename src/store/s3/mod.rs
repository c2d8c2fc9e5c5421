//! The S3 client.
//!
//! In: names of buckets, keys, bytes. Out: what the store answers, as values of [`crate::store`]. Never: compiled without
//! the feature `s3`.

mod access;
mod answer;
mod backend;
mod bucket;
mod buckets;
mod client;
mod condition;
mod credentials;
mod deadline;
mod explain;
mod in_flight;
mod object;
mod prefetch;
mod request_limit;
mod retry;
mod unavailable;
mod upload;
mod version;

pub(crate) use bucket::Bucket;
pub(super) use buckets::Buckets;
pub(crate) use prefetch::Prefetcher;
