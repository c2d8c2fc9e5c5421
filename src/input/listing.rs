//! Buckets to archives.
//!
//! In: URLs as typed, and which keys are wanted. Out: an archive for every key that may be, page by page. Never: lists
//! keys that the layout shows to be unwanted, or silently skips a key.
//!
//! If everything is wanted and fits on a page, that page is the list. Otherwise folders below `AWSLogs` are listed one by one
//! down to the Regions, so that unwanted ones cost nothing, and the others are listed concurrently. Of a Region's dated keys
//! only the wanted months are listed, from the first to the last day, together with keys of other names.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::Scope;

use super::Archive;
use super::discover::Search;
use super::folder::{Below, DaysOfMonth, below};
use super::key::ObjectKey;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{caught, thread_pool};
use crate::store::{Bucket, ListPage, NextPage, Object, ObjectUrl};

/// Concurrent lists. S3 answers thousands a second for a prefix.
const CONCURRENT_LISTS: usize = 32;

/// Maximum folders outside the layout that are listed one by one; beyond them all keys of a folder are listed at once.
const FOLDERS_LOOKED_INTO: usize = 256;

/// Adds the archives below the URLs.
///
/// # Errors
///
/// A URL without objects, or a list that the store refuses: continuing without it would lose its archives.
pub(super) fn list(urls: &[ObjectUrl], search: &Search<'_>) -> Result<Vec<Archive>> {
    let lister = Lister { search, found: Mutex::default(), failed: Mutex::default(), looked_into: AtomicUsize::new(0) };
    let roots = roots(urls);
    thread_pool(CONCURRENT_LISTS)?.scope(|scope| {
        for url in roots {
            let lister = &lister;
            scope.spawn(move |scope| lister.note(caught(|| lister.root(url, scope)).flatten()));
        }
    });
    match lister.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(lister.found.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// URLs that are not below others, once each: nothing may be found twice.
fn roots(urls: &[ObjectUrl]) -> Vec<&ObjectUrl> {
    let is_in = |one: &ObjectUrl, other: &ObjectUrl| one.bucket == other.bucket && one.key.starts_with(&other.prefix());
    let mut roots: Vec<&ObjectUrl> = Vec::new();
    for url in urls {
        if !roots.contains(&url) && !urls.iter().any(|other| other != url && is_in(url, other)) {
            roots.push(url);
        }
    }
    roots
}

struct Lister<'a> {
    search: &'a Search<'a>,
    found: Mutex<Vec<Archive>>,
    /// The first error.
    failed: Mutex<Option<Error>>,
    looked_into: AtomicUsize,
}

/// Keys that are listed one by one.
struct ListedKeys {
    prefix: String,
    /// The wanted days of the month, when nothing else in it is wanted.
    days: Option<DaysOfMonth>,
}

impl<'a> Lister<'a> {
    fn note(&self, done: Result<()>) {
        if let Err(error) = done {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn has_failed(&self) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// An input as typed: an object, or everything in a folder.
    fn root(&'a self, url: &'a ObjectUrl, scope: &Scope<'a>) -> Result<()> {
        let bucket = self.search.session.bucket(&url.bucket)?;
        let place = url.to_path();
        if url.key.is_empty() {
            if self.lists_folders(&bucket) {
                return self.folder(&bucket, String::new(), scope);
            }
            let first = page(&bucket, "", false, None)?;
            return self.below_root(&bucket, String::new(), &first, scope);
        }
        let object = bucket.head(&url.key);
        if let Ok(object) = &object {
            self.take(&bucket, [object]);
        }
        let first = bucket.list_page(&url.prefix(), self.lists_folders(&bucket), None);
        match (first, object) {
            (Ok(page), object) if is_empty(&page) => match object {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let error = Error::at(ErrorKind::InputMissing, &place, "no object and no folder is called so");
                    Err(error.advise("check the URL; a prefix is made of whole folder names"))
                }
                Err(error) => Err(Error::at(ErrorKind::InputUnreadable, &place, error)),
            },
            (Ok(page), _) => self.below_root(&bucket, url.prefix(), &page, scope),
            // Permission to read an object does not imply permission to list the bucket.
            (Err(error), Ok(_)) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            (Err(error), _) => Err(Error::at(ErrorKind::InputUnreadable, &place, error)),
        }
    }

    /// Whether the first list of an input is by folder. If everything is wanted, it is of keys: a few need only that one
    /// request, not one after the other for each level of folders. A list without pages would be the whole store.
    fn lists_folders(&self, bucket: &Bucket) -> bool {
        !self.search.selection.is_everything() || !bucket.has_pages()
    }

    /// Takes the first page of an input, if it has all of its keys, and none that may stand for a folder: that shows only in a
    /// list of this folder, since keys like `a.json` come between `a` and `a/`. Otherwise lists the input by folder.
    fn below_root(&'a self, bucket: &Arc<Bucket>, prefix: String, first: &ListPage, scope: &Scope<'a>) -> Result<()> {
        let has_order = first.objects.is_sorted_by(|one, next| one.key < next.key);
        let is_clear = has_order && first.objects.iter().all(|object| object.bytes > 0);
        if self.lists_folders(bucket) || first.next.is_some() || !is_clear {
            return self.folder(bucket, prefix, scope);
        }
        self.take_page(bucket, &prefix, first);
        Ok(())
    }

    /// Lists a folder in the appropriate way.
    fn folder(&'a self, bucket: &Arc<Bucket>, prefix: String, scope: &Scope<'a>) -> Result<()> {
        let path = path_of(bucket, &prefix);
        if self.has_failed() || self.search.is_of_lake(&path) {
            return Ok(());
        }
        match below(&path, self.search.selection) {
            Below::Nothing => Ok(()),
            Below::Unknown if self.looked_into.fetch_add(1, Ordering::Relaxed) >= FOLDERS_LOOKED_INTO => {
                self.keys(bucket, ListedKeys { prefix, days: None })
            }
            Below::Folders | Below::Unknown => self.folders(bucket, &prefix, None, scope),
            Below::Days(days) => {
                let keys = ListedKeys { prefix: prefix.clone(), days: Some(days.clone()) };
                self.spawn(bucket, scope, move |lister, bucket, _| lister.keys(bucket, keys));
                self.folders(bucket, &prefix, Some(&days), scope)
            }
            Below::Keys => self.keys(bucket, ListedKeys { prefix, days: None }),
        }
    }

    fn spawn(
        &'a self,
        bucket: &Arc<Bucket>,
        scope: &Scope<'a>,
        work: impl FnOnce(&'a Self, &Arc<Bucket>, &Scope<'a>) -> Result<()> + Send + 'a,
    ) {
        let bucket = Arc::clone(bucket);
        scope.spawn(move |scope| self.note(caught(|| work(self, &bucket, scope)).flatten()));
    }

    /// Lists the folders of a folder, and descends into them, except for days that are listed by their keys.
    fn folders(
        &'a self,
        bucket: &Arc<Bucket>,
        prefix: &str,
        days: Option<&DaysOfMonth>,
        scope: &Scope<'a>,
    ) -> Result<()> {
        let mut next = None;
        loop {
            let listed = page(bucket, prefix, true, next)?;
            self.take_page(bucket, prefix, &listed);
            for folder in listed.folders {
                let below = folder.strip_prefix(prefix);
                if days.zip(below).is_some_and(|(days, below)| days.has(below)) {
                    continue;
                }
                if folder.starts_with(prefix) && folder.len() > prefix.len() {
                    self.spawn(bucket, scope, |lister, bucket, scope| lister.folder(bucket, folder, scope));
                } else {
                    self.refuse(bucket, &folder, ODD_SLASHES);
                }
            }
            next = listed.next;
            if next.is_none() || self.has_failed() {
                return Ok(());
            }
        }
    }

    /// Lists keys one by one.
    fn keys(&self, bucket: &Arc<Bucket>, keys: ListedKeys) -> Result<()> {
        let ListedKeys { prefix, days } = keys;
        let place = |day: &Option<String>| Some(format!("{prefix}{}", day.as_ref()?));
        let (after, until) = days.as_ref().map_or((None, None), |days| (place(&days.after), place(&days.until)));
        let mut next = after.map(NextPage::behind);
        loop {
            let mut listed = page(bucket, &prefix, false, next)?;
            let is_behind = |object: &Object| until.as_ref().is_some_and(|until| object.key >= *until);
            let is_done = listed.objects.last().is_some_and(is_behind);
            if let Some(days) = &days {
                let is_of_day = |key: &str| key.strip_prefix(&prefix).is_some_and(|below| days.has(below));
                listed.objects.retain(|object| is_of_day(&object.key));
                listed.unreachable.retain(|(key, _)| is_of_day(key));
            }
            self.take_page(bucket, &prefix, &listed);
            next = listed.next.filter(|_| !is_done);
            if next.is_none() || self.has_failed() {
                return Ok(());
            }
        }
    }

    fn take_page(&self, bucket: &Arc<Bucket>, prefix: &str, page: &ListPage) {
        let root = path_of(bucket, prefix);
        let mut decided = (String::new(), true);
        let mut is_passed_over = |key: &str| {
            let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
            if decided.0 != folder {
                let path = path_of(bucket, folder);
                let mut folders = path.ancestors().take_while(|path| path.starts_with(&root));
                let is_passed_over = folders.any(|path| below(path, self.search.selection) == Below::Nothing);
                decided = (folder.to_owned(), !is_passed_over);
            }
            !decided.1
        };
        let before = [None].into_iter().chain(page.objects.iter().map(Some));
        let following = page.objects.iter().skip(1).map(Some).chain([None]);
        let objects = page.objects.iter().zip(before).zip(following).filter_map(|((object, before), next)| {
            // The client strips the slash from the names of folder objects: of two objects with the same name the second
            // has the slash.
            let is_in_it = |key: &str| key.strip_prefix(&object.key).is_some_and(|rest| rest.starts_with('/'));
            let has_slash = is_in_it(prefix) || before.is_some_and(|before| before.key == object.key);
            let stands_for_folder = has_slash || next.is_some_and(|next| is_in_it(&next.key));
            if (stands_for_folder && object.bytes == 0) || is_passed_over(&object.key) {
                return None;
            }
            if object.key.starts_with(prefix) && !has_slash {
                return Some(object);
            }
            // So that it is not mistaken for the object without the slash.
            let key = if has_slash { format!("{}/", object.key) } else { format!("/{}", object.key) };
            self.refuse(bucket, &key, ODD_SLASHES);
            None
        });
        self.take(bucket, objects);
        for (key, why) in &page.unreachable {
            self.refuse(bucket, key, why);
        }
    }

    /// Adds the wanted objects.
    fn take<'o>(&self, bucket: &Arc<Bucket>, objects: impl IntoIterator<Item = &'o Object>) {
        let mut folder: Option<Arc<Path>> = None;
        let archives = objects.into_iter().filter_map(|object| {
            let archive = Archive::object(bucket, folder.as_ref(), object);
            folder = Some(archive.folder());
            self.search.wants(&archive).then_some(archive)
        });
        let archives: Vec<Archive> = archives.collect();
        self.found.lock().unwrap_or_else(PoisonError::into_inner).extend(archives);
    }

    /// Adds a key that cannot be requested, to be reported.
    fn refuse(&self, bucket: &Bucket, key: &str, why: &str) {
        let is_passed_over = !ObjectKey::of(Path::new(key)).may_match(self.search.selection);
        if !is_passed_over {
            let archive = Archive::unreachable(bucket, key, why);
            self.found.lock().unwrap_or_else(PoisonError::into_inner).push(archive);
        }
    }
}

/// Why some keys cannot be requested.
const ODD_SLASHES: &str = "the client library cannot ask for a key that begins or ends with a slash; copy what is there to other keys first, with `aws s3 cp`";

fn page(bucket: &Bucket, prefix: &str, by_folder: bool, next: Option<NextPage>) -> Result<ListPage> {
    let listed = bucket.list_page(prefix, by_folder, next);
    listed.map_err(|error| Error::at(ErrorKind::InputUnreadable, &path_of(bucket, prefix), error))
}

fn is_empty(page: &ListPage) -> bool {
    page.objects.is_empty() && page.folders.is_empty() && page.unreachable.is_empty() && page.next.is_none()
}

/// A prefix as the path of a folder.
fn path_of(bucket: &Bucket, prefix: &str) -> PathBuf {
    ObjectUrl { bucket: bucket.name().to_owned(), key: prefix.trim_end_matches('/').to_owned() }.to_path()
}
