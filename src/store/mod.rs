//! Objects in S3, as blocking calls.
//!
//! In: `s3://` URLs, and how to reach them. Out: keys, sizes and bytes; objects written and removed. Never: a type of tokio
//! or of the client library beyond this folder: threads that convert call in here and wait, or find what was fetched before
//! they asked.
//!
//! Requests are sent again with growing pauses while the store is busy or away. What is given up is told in a sentence.

mod access;

mod answer;

mod bucket;

mod client;

mod condition;

mod credentials;

mod explain;

mod hold;

mod object;

mod odd;

mod options;

mod patience;

mod prefetch;

mod session;

mod stop;

mod upload;

mod url;

mod version;

mod waits;

mod within;

pub(crate) use bucket::{Bucket, ListPage, NextPage, Object};
pub(crate) use explain::is_of_store;
pub(crate) use hold::{Hold, Moment};
pub use options::StoreOptions;
pub(crate) use patience::random;
pub(crate) use prefetch::Prefetcher;
pub(crate) use session::{STOP_LATENCY, Session};
pub(crate) use stop::Stop;
pub(crate) use upload::Upload;
pub(crate) use url::{COPY_IT, ObjectUrl, is_bucket_name, why_unreachable};
pub(crate) use version::Version;
pub(crate) use waits::Waits;
pub use waits::{Awaited, Wait};
