//! What a store reports about objects.
//!
//! In: answers. Out: plain values. Never: sends requests.

use std::sync::Arc;

use super::Bucket;

/// Keys of a page, the maximum in S3.
pub(super) const PAGE_KEYS: usize = 1_000;

/// What a list says about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: i64,
    /// As the store returns it, in quotes; it changes when the bytes do.
    pub(crate) etag: Option<String>,
}

/// A page of a list.
#[derive(Debug, Default)]
pub(crate) struct ListPage {
    pub(crate) objects: Vec<Object>,
    /// Prefixes of further keys, each ending in a slash.
    pub(crate) folders: Vec<String>,
    /// Keys that the client cannot request, and why; a key that ends in a slash stands for everything below it.
    pub(crate) unreachable: Vec<(String, String)>,
    /// Asks for the next page.
    pub(crate) next: Option<NextPage>,
}

/// Where a list continues.
#[derive(Clone, Debug)]
pub(crate) struct NextPage {
    pub(super) token: Option<String>,
    /// Key to continue after, where a page could not be read as a whole.
    pub(super) after: Option<String>,
    pub(super) keys: usize,
}

impl NextPage {
    /// The first page.
    pub(super) const fn first() -> Self {
        Self { token: None, after: None, keys: PAGE_KEYS }
    }

    /// The page of keys after this one, which need not exist.
    pub(crate) fn behind(key: String) -> Self {
        Self { token: None, after: Some(key), keys: PAGE_KEYS }
    }
}

/// An object as it was listed.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) key: String,
    /// As the store returns it, in quotes.
    pub(crate) etag: Option<String>,
    pub(crate) bytes: u64,
}

/// An incomplete multipart upload.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) id: String,
}
