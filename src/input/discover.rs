//! Files, folders and buckets to a sorted list of archives.
//!
//! In: the inputs as typed. Out: every regular file and object below them, once, in the order of delivery and then of name.
//! Never: judges a file by its name, except by the account, Region and day in a CloudTrail key.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::ParallelSliceMut;

use super::folder::{Below, below};
use super::key::ObjectKey;
use super::{Archive, listing};
use crate::clock::logical;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Selection, is_own_folder};
use crate::store::{Bucket, ObjectUrl, Session};

/// The criteria of a search.
pub(crate) struct Search<'a> {
    /// A lake, which may be among the inputs: it and everything below it is skipped. It need not exist.
    pub(crate) lake: Option<&'a Path>,
    pub(crate) selection: &'a Selection,
    pub(crate) session: &'a Session,
    /// A further condition for objects. It is checked while lists arrive, so that skipped objects
    /// take no memory.
    pub(crate) is_new: &'a (dyn Fn(&Archive) -> bool + Sync),
}

impl Search<'_> {
    /// Whether a path belongs to the lake's own folders; the lake may be among the inputs, or they in its folder.
    pub(super) fn is_of_lake(&self, path: &Path) -> bool {
        let below = self.lake.and_then(|lake| path.strip_prefix(lake).ok()).and_then(|below| below.iter().next());
        below.is_some_and(is_own_folder)
    }

    /// Whether an archive may be wanted, by its key.
    fn may_want(&self, archive: &Archive) -> bool {
        // A container may be named after any day.
        let path = archive.path();
        let is_passed_over = archive.is_named_like_a_log() && !ObjectKey::of(&path).may_match(self.selection);
        !is_passed_over && !self.is_of_lake(&path)
    }

    /// Whether a list of an input includes the folder of this key.
    pub(super) fn lists(&self, bucket: &Bucket, key: &str) -> bool {
        let path = ObjectUrl { bucket: bucket.name().to_owned(), key: key.to_owned() }.to_path();
        path.ancestors().skip(1).all(|folder| below(folder, self.selection) != Below::Nothing)
    }

    /// Whether an object is wanted.
    pub(super) fn wants(&self, archive: &Archive) -> bool {
        self.may_want(archive) && (self.is_new)(archive)
    }
}

/// Lists the archives below the inputs, and those that are known already, on the current thread pool and some
/// threads that wait for buckets.
///
/// # Errors
///
/// An input that does not exist, or a folder that cannot be listed: continuing without it would lose its archives.
pub(crate) fn discover(inputs: &[PathBuf], objects: Vec<Archive>, search: &Search<'_>) -> Result<Vec<Archive>> {
    let mut walk = FolderWalk { archives: objects, roots: Vec::new(), visited: HashSet::new(), search };
    let is_of_lake = |root: &Path| {
        let error = Error::at(ErrorKind::ConfigInvalid, root, "it is part of the lake");
        Err(error.advise("name another input, or another --out"))
    };
    let mut urls = Vec::new();
    for input in inputs {
        if let Some(url) = ObjectUrl::of(input)? {
            if search.is_of_lake(&url.to_path()) {
                return is_of_lake(&url.to_path());
            }
            urls.push(url);
            continue;
        }
        let root = fs::canonicalize(input).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::at(ErrorKind::InputMissing, input, error).advise("check the path"),
            _ => Error::at(ErrorKind::InputUnreadable, input, error),
        })?;
        if search.is_of_lake(&root) {
            return is_of_lake(&root);
        }
        walk.roots.push(root);
    }
    while let Some(root) = walk.roots.pop() {
        let metadata = fs::metadata(&root).map_err(|error| Error::at(ErrorKind::InputUnreadable, &root, error))?;
        if !metadata.is_dir() {
            let (folder, name) = (root.parent().unwrap_or(&root), root.file_name().unwrap_or_default());
            let archive = walk.file(&Arc::from(folder), name, &metadata);
            walk.archives.extend(archive);
        } else if walk.visited.insert(root.clone()) {
            walk.tree(root)?;
        }
    }
    let mut archives = walk.archives;
    if !urls.is_empty() {
        archives.extend(listing::list(&urls, search)?);
    }
    // Inputs may overlap; archives are identified by path, not by spelling.
    archives.par_sort_unstable_by(Archive::order);
    archives.dedup_by(|one, two| one.order(two).is_eq());
    Ok(archives)
}

struct FolderWalk<'a> {
    archives: Vec<Archive>,
    /// Inputs and link targets, absolute and with links resolved: a file has one name, however it is reached.
    roots: Vec<PathBuf>,
    /// Roots that were visited: a link may lead back to a folder above it.
    visited: HashSet<PathBuf>,
    search: &'a Search<'a>,
}

impl FolderWalk<'_> {
    /// Walks a folder level by level, on all threads.
    fn tree(&mut self, root: PathBuf) -> Result<()> {
        let mut folders = vec![root];
        while !folders.is_empty() {
            let listed: Vec<Result<FolderListing>> = logical::map(folders, |folder| self.list(folder));
            folders = Vec::new();
            for listing in listed {
                let FolderListing { archives, folders: below, links } = listing?;
                self.archives.extend(archives);
                self.roots.extend(links);
                folders.extend(below);
            }
        }
        Ok(())
    }

    fn list(&self, folder: PathBuf) -> Result<FolderListing> {
        let mut listing = FolderListing::default();
        // What a list of a bucket skips is skipped here, too.
        if self.search.is_of_lake(&folder) || below(&folder, self.search.selection) == Below::Nothing {
            return Ok(listing);
        }
        let folder: Arc<Path> = Arc::from(folder);
        let unreadable = |error: io::Error| Error::at(ErrorKind::InputUnreadable, &folder, error);
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                listing.folders.push(folder.join(name));
            } else if kind.is_symlink() {
                match fs::canonicalize(entry.path()) {
                    Ok(target) => listing.links.push(target),
                    Err(_) => listing.archives.push(Archive::lost(&folder, &name)),
                }
            } else {
                match entry.metadata() {
                    Ok(metadata) => listing.archives.extend(self.file(&folder, &name, &metadata)),
                    Err(_) => listing.archives.push(Archive::lost(&folder, &name)),
                }
            }
        }
        Ok(listing)
    }

    /// A file as an archive, unless it is skipped.
    fn file(&self, folder: &Arc<Path>, name: &OsStr, metadata: &Metadata) -> Option<Archive> {
        let archive = Archive::file(folder, name, metadata);
        self.search.may_want(&archive).then_some(archive)
    }
}

/// The content of a folder.
#[derive(Default)]
struct FolderListing {
    archives: Vec<Archive>,
    folders: Vec<PathBuf>,
    /// Targets of its links.
    links: Vec<PathBuf>,
}
