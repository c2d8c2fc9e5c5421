//! What a store reports about objects.
//!
//! In: answers. Out: plain values. Never: asks for anything.

use std::sync::Arc;

use super::Bucket;

/// Keys of a page, the most that S3 gives.
pub(super) const PAGE_KEYS: usize = 1_000;

/// What a list has of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: i64,
    /// As the store gives it, in quotes; it changes when the bytes do.
    pub(crate) etag: Option<String>,
}

/// A page of a list.
#[derive(Debug, Default)]
pub(crate) struct ListPage {
    pub(crate) objects: Vec<Object>,
    /// Prefixes of further keys, each with a slash at its end.
    pub(crate) folders: Vec<String>,
    /// Keys that the client cannot ask for, with why; of one that ends in a slash all below it are meant.
    pub(crate) unreachable: Vec<(String, String)>,
    /// Asks for the next page.
    pub(crate) next: Option<NextPage>,
}

/// Where a list goes on.
#[derive(Clone, Debug)]
pub(crate) struct NextPage {
    pub(super) token: Option<String>,
    /// Key to go on behind, where a page could not be read as a whole.
    pub(super) after: Option<String>,
    pub(super) keys: usize,
}

impl NextPage {
    /// The first page.
    pub(super) const fn first() -> Self {
        Self { token: None, after: None, keys: PAGE_KEYS }
    }

    /// The page of keys behind one, which need not be there.
    pub(crate) fn behind(key: String) -> Self {
        Self { token: None, after: Some(key), keys: PAGE_KEYS }
    }
}

/// An object as it was listed.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) key: String,
    /// As the store gives it, in quotes.
    pub(crate) etag: Option<String>,
    pub(crate) bytes: u64,
}

/// An upload of an object in pieces that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) id: String,
}
