//! A bucket: what is in it, and its bytes.
//!
//! In: keys and prefixes. Out: what the store answers, once it can be reached. Never: a key that was not listed or named, or
//! bytes of another version of an object than was listed.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::list::PaginatedListOptions;
use object_store::path::{Error as KeyError, Path as Key};
use object_store::{Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::task::JoinSet;

use super::access::{Access, Confirmed};
use super::buckets::Threads;
use super::explain::{broken, explain, not_a_key, panicked};
use super::version::BlockCache;
use crate::store::StoreOptions;
use crate::store::listed::{ListPage, NextPage, Object, PAGE_KEYS};
use crate::store::url::{COPY_IT, LONGEST_KEY, why_unreachable};

/// Concurrent requests where many are needed.
const CONCURRENT_REQUESTS: usize = 64;

/// A bucket of S3.
pub(crate) struct Bucket {
    /// URL of its store, empty for AWS.
    endpoint: String,
    /// Shared with network threads, which must not be the last to drop it: they would wait for themselves.
    access: Arc<Access>,
    threads: Arc<Threads>,
    blocks: BlockCache,
    /// Maximum time for a request that the client library does not send.
    timeout: Duration,
    /// Whether requests are not signed.
    is_anonymous: bool,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.access.bucket).finish_non_exhaustive()
    }
}

impl Bucket {
    pub(super) fn new(access: Access, endpoint: String, threads: Arc<Threads>, options: &StoreOptions) -> Self {
        let StoreOptions { timeout, is_anonymous, .. } = *options;
        Self { endpoint, access: Arc::new(access), threads, blocks: BlockCache::default(), timeout, is_anonymous }
    }

    pub(crate) fn name(&self) -> &str {
        &self.access.bucket
    }

    /// URL of its store, empty for AWS.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether lists come in pages.
    pub(crate) fn has_pages(&self) -> bool {
        self.access.backend.has_pages()
    }

    pub(super) fn wait_for<T>(&self, future: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
        self.threads.wait_for(future)?.map_err(|error| explain(&error))
    }

    /// Sends a request; with new credentials if the current ones are refused.
    pub(super) fn ask<T, F>(&self, ask: impl Fn() -> F) -> io::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        self.wait_for(self.access.ask(ask))
    }

    /// The same for a request that changes something.
    pub(super) fn change<T, F>(&self, ask: impl Fn() -> F) -> io::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        self.wait_for(self.access.change(ask))
    }

    /// Blocks that were read last.
    pub(super) const fn blocks(&self) -> &BlockCache {
        &self.blocks
    }

    /// Sends requests, and knows the state of the bucket.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// The client.
    pub(super) fn client(&self) -> &dyn ObjectStore {
        self.access.objects()
    }

    /// Why the lease on a lake cannot be renewed, after the wait for the store has ended.
    pub(crate) fn trouble(&self) -> Option<io::Error> {
        self.access.trouble().map(|why| broken(&why))
    }

    /// How long to wait for an unreachable store.
    pub(crate) fn patience(&self) -> Duration {
        self.access.patience.longest()
    }

    /// Maximum time for a request that the client library does not send.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether requests are not signed.
    pub(super) const fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Checks again what could not be read, before the result is used.
    pub(super) fn confirm(&self) -> io::Result<Confirmed> {
        self.threads.wait_for(self.access.confirm())
    }

    /// Whether that check is still due.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.access.is_in_doubt()
    }

    /// The network threads.
    pub(super) const fn threads(&self) -> &Arc<Threads> {
        &self.threads
    }

    /// A page of the keys with a prefix; with `by_folder` keys with a further slash are given by their prefix up to it.
    ///
    /// # Errors
    ///
    /// What the store answers, here and below.
    pub(crate) fn list_page(&self, prefix: &str, by_folder: bool, page: Option<NextPage>) -> io::Result<ListPage> {
        self.list_page_with_deadline(None, prefix, by_folder, page)
    }

    /// The same, with an optional deadline.
    pub(super) fn list_page_with_deadline(
        &self,
        deadline: Option<Duration>,
        prefix: &str,
        by_folder: bool,
        page: Option<NextPage>,
    ) -> io::Result<ListPage> {
        // No key has this prefix.
        if prefix.len() > LONGEST_KEY {
            return Ok(ListPage::default());
        }
        let page = page.unwrap_or(NextPage::first());
        let ask = || {
            let options = PaginatedListOptions {
                delimiter: by_folder.then_some("/".into()),
                page_token: page.token.clone(),
                offset: page.after.clone(),
                max_keys: Some(page.keys),
                ..PaginatedListOptions::default()
            };
            self.access.backend.list_page(Some(prefix).filter(|prefix| !prefix.is_empty()), options)
        };
        match self.timed(deadline, self.access.ask(ask))? {
            Ok(listed) => {
                self.access.note_listed(prefix);
                let next = listed.token.map(|token| NextPage { token: Some(token), after: None, keys: PAGE_KEYS });
                let folder = |key: Key| format!("{key}/");
                Ok(ListPage {
                    objects: listed.objects.into_iter().map(Object::from).collect(),
                    folders: listed.folders.into_iter().map(folder).collect(),
                    unreachable: Vec::new(),
                    next,
                })
            }
            // The library refuses a whole page for one key: smaller pages find it.
            Err(Error::InvalidPath { source }) => narrow(page, by_folder, &source),
            Err(error) => Err(explain(&error)),
        }
    }

    /// All objects with a prefix.
    pub(crate) fn list_all(&self, prefix: &str) -> io::Result<Vec<Object>> {
        self.list_all_with_deadline(None, prefix)
    }

    /// The metadata of each of these objects, in their order, requested concurrently.
    pub(crate) fn head_all(&self, keys: &[String]) -> Vec<io::Result<Object>> {
        let head = |key: &String| {
            let (access, key) = (Arc::clone(&self.access), parse(key));
            async move { access.head(&key?).await.map(Object::from).map_err(|error| explain(&error)) }
        };
        self.all(keys, head)
    }

    /// The first bytes of each of these objects, of the version with the given tag, in their order, requested
    /// concurrently.
    pub(crate) fn heads(&self, objects: &[(String, Option<String>)], bytes: u64) -> Vec<io::Result<Bytes>> {
        let head = |(key, etag): &(String, Option<String>)| {
            let getting = parse(key).map(|key| self.getting(key, etag.as_deref(), Some(0..bytes)));
            async move { getting?.await.map_err(|error| explain(&error)) }
        };
        self.all(objects, head)
    }

    /// Sends many requests concurrently; the answers in the order of the requests.
    fn all<Q, A, F>(&self, questions: &[Q], ask: impl Fn(&Q) -> F) -> Vec<io::Result<A>>
    where
        A: Send + 'static,
        F: Future<Output = io::Result<A>> + Send + 'static,
    {
        let mut answers: Vec<Option<io::Result<A>>> = questions.iter().map(|_| None).collect();
        let mut has_panicked = false;
        // Stopped requests have no answer.
        let _ = self.threads.wait_for(async {
            let mut asking = JoinSet::new();
            let mut questions = questions.iter().enumerate();
            loop {
                while asking.len() < CONCURRENT_REQUESTS
                    && let Some((number, question)) = questions.next()
                {
                    let asked = ask(question);
                    asking.spawn(async move { (number, asked.await) });
                }
                match asking.join_next().await {
                    Some(Ok((number, answer))) => answers[number] = Some(answer),
                    Some(Err(error)) => has_panicked |= error.is_panic(),
                    None => break,
                }
            }
        });
        let missing = || if has_panicked { panicked() } else { self.threads.stop().error() };
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(missing()))).collect()
    }

    /// The metadata of an object.
    pub(crate) fn head(&self, key: &str) -> io::Result<Object> {
        let key = parse(key)?;
        self.wait_for(self.access.head(&key)).map(Object::from)
    }

    /// The user metadata of the version of an object with this tag: names without `x-amz-meta-`, and values.
    pub(crate) fn metadata(&self, key: &str, etag: Option<&str>) -> io::Result<Vec<(String, String)>> {
        let key = parse(key)?;
        self.wait_for(self.access.metadata(&key, etag))
    }

    /// All bytes of an object.
    pub(crate) fn get(&self, key: &str, etag: Option<&str>) -> io::Result<Bytes> {
        self.wait_for(self.getting(parse(key)?, etag, None))
    }

    /// Some bytes of an object.
    pub(crate) fn get_range(&self, key: &str, etag: Option<&str>, range: Range<u64>) -> io::Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.wait_for(self.getting(parse(key)?, etag, Some(range)))
    }

    /// Gets bytes of the version with this tag, or of any. It does not hold the bucket, which holds the threads.
    pub(super) fn getting(
        &self,
        key: Key,
        etag: Option<&str>,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = object_store::Result<Bytes>> + Send + use<> {
        let access = Arc::clone(&self.access);
        let if_match = etag.map(str::to_owned);
        let options = GetOptions { if_match, range: range.map(Into::into), ..GetOptions::default() };
        async move { access.get(&key, &options).await }
    }

    /// Writes an object, replacing an older one.
    pub(crate) fn put(&self, key: &str, bytes: &Bytes) -> io::Result<()> {
        let key = parse(key)?;
        self.change(|| self.client().put(&key, bytes.clone().into())).map(drop)
    }

    /// Removes objects in batches; missing ones count as removed.
    pub(crate) fn remove(&self, keys: impl IntoIterator<Item = String>) -> io::Result<()> {
        let keys: Vec<Key> = keys.into_iter().map(|key| parse(&key)).collect::<io::Result<_>>()?;
        self.wait_for(async {
            let mut removing = JoinSet::new();
            for key in keys {
                if removing.len() >= CONCURRENT_REQUESTS {
                    removed(removing.join_next().await)?;
                }
                let access = Arc::clone(&self.access);
                removing.spawn(async move { access.change(|| access.objects().delete(&key)).await });
            }
            while let Some(done) = removing.join_next().await {
                removed(Some(done))?;
            }
            Ok(())
        })
    }
}

/// Continues with half of a page, or after the key if the page is only that key.
fn narrow(page: NextPage, by_folder: bool, error: &KeyError) -> io::Result<ListPage> {
    if page.keys > 1 {
        return Ok(ListPage { next: Some(NextPage { keys: page.keys / 2, ..page }), ..ListPage::default() });
    }
    // Other keys do not say where to continue.
    let (KeyError::EmptySegment { path: key } | KeyError::BadSegment { path: key, .. }) = error else {
        return Err(not_a_key(error));
    };
    // Keys in a folder sort after its name, and the store would list the folder again for them.
    let after = if by_folder && key.ends_with('/') { format!("{key}{}", char::MAX) } else { key.clone() };
    let why = why_unreachable(key).unwrap_or("the client library cannot ask for this key");
    let unreachable = vec![(key.clone(), format!("{why}; {COPY_IT}"))];
    Ok(ListPage { unreachable, next: Some(NextPage::behind(after)), ..ListPage::default() })
}

fn removed(done: Option<Result<object_store::Result<()>, tokio::task::JoinError>>) -> object_store::Result<()> {
    match done.transpose()? {
        Some(Err(Error::NotFound { .. })) | None => Ok(()),
        Some(removed) => removed,
    }
}

/// A key as the client library takes it.
pub(super) fn parse(key: &str) -> io::Result<Key> {
    Key::parse(key).map_err(|error| not_a_key(&error))
}

impl From<ObjectMeta> for Object {
    fn from(object: ObjectMeta) -> Self {
        Self {
            key: object.location.into(),
            bytes: object.size,
            modified_ms: object.last_modified.timestamp_millis(),
            etag: object.e_tag,
        }
    }
}
