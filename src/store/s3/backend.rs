//! The client of a bucket: the client library for S3, or a store that the caller of the library supplies.
//!
//! In: requests. Out: answers. Never: does more than read from a store of the caller's: it never holds a lake.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path as Key;
use object_store::{Error, ListResult, ObjectMeta, ObjectStore, Result};

/// The client of a bucket.
#[derive(Debug)]
pub(super) enum Backend {
    S3(Box<AmazonS3>),
    Custom(Arc<dyn ObjectStore>),
}

/// A page of a list.
pub(super) struct Page {
    pub(super) objects: Vec<ObjectMeta>,
    /// Prefixes of other keys, up to the next slash.
    pub(super) folders: Vec<Key>,
    /// Requests the next page.
    pub(super) token: Option<String>,
}

impl Backend {
    /// Objects by their keys.
    pub(super) fn objects(&self) -> &dyn ObjectStore {
        match self {
            Self::S3(client) => &**client,
            Self::Custom(store) => &**store,
        }
    }

    /// What only S3 can do.
    pub(super) fn s3(&self) -> Result<&AmazonS3> {
        match self {
            Self::S3(client) => Ok(client),
            Self::Custom(store) => {
                let implementer = store.to_string();
                Err(Error::NotImplemented { operation: "an upload in pieces".to_owned(), implementer })
            }
        }
    }

    /// Whether lists come in pages.
    pub(super) const fn has_pages(&self) -> bool {
        matches!(self, Self::S3(_))
    }

    /// A page of the keys with a prefix; all of them if the store has no pages.
    pub(super) async fn list_page(&self, prefix: Option<&str>, options: PaginatedListOptions) -> Result<Page> {
        let store = match self {
            Self::S3(client) => {
                let page = client.list_paginated(prefix, options).await?;
                let ListResult { objects, common_prefixes: folders, .. } = page.result;
                return Ok(Page { objects, folders, token: page.page_token });
            }
            Self::Custom(store) => store,
        };
        // Such a store lists by folder, not by the beginning of a name.
        let prefix = prefix.unwrap_or_default();
        let folder = prefix.rsplit_once('/').map(|(folder, _)| Key::parse(folder)).transpose()?;
        let (mut objects, mut folders) = if options.delimiter.is_some() {
            let listed = store.list_with_delimiter(folder.as_ref()).await?;
            (listed.objects, listed.common_prefixes)
        } else {
            let listed = store.list(folder.as_ref());
            // A request for one key only tests whether keys can be listed.
            let listed = if options.max_keys == Some(1) { listed.take(1).boxed() } else { listed };
            (listed.try_collect().await?, Vec::new())
        };
        let after = options.offset.as_deref().unwrap_or_default();
        objects.retain(|object| object.location.as_ref().starts_with(prefix) && object.location.as_ref() > after);
        folders.retain(|folder| format!("{folder}/").starts_with(prefix) && folder.as_ref() > after);
        // S3 lists keys in order.
        objects.sort_unstable_by(|one, two| one.location.cmp(&two.location));
        folders.sort_unstable();
        Ok(Page { objects, folders, token: None })
    }
}
