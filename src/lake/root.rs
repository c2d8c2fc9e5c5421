//! Where a lake is: a folder, or a prefix in a bucket.
//!
//! In: a path or URL as typed. Out: the paths below it, each beginning with it, and their bytes. Never: changes anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PartName;
use super::bytes::LakeBytes;
use crate::error::{Error, ErrorKind, Result};
use crate::model::STATE_FOLDER;
use crate::schema::Table;
use crate::store::{Bucket, Object, ObjectUrl, Session};

/// The root of a lake.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// Absolute, or the URL.
    path: Arc<Path>,
    remote: Option<Remote>,
}

/// A prefix in a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) bucket: Arc<Bucket>,
    /// Empty, or ends in a slash.
    pub(crate) prefix: String,
}

impl Root {
    /// A place for a lake, whether one exists or not.
    ///
    /// # Errors
    ///
    /// An invalid path, or a URL of another store than S3.
    pub(crate) fn of(lake: &Path, session: &Session) -> Result<Self> {
        if let Some(url) = ObjectUrl::of(lake)? {
            let remote = Remote { bucket: session.bucket(&url.bucket)?, prefix: url.prefix() };
            return Ok(Self { path: Arc::from(url.to_path()), remote: Some(remote) });
        }
        let path = fs::canonicalize(lake).or_else(|_| std::path::absolute(lake));
        let path = path.map_err(|error| Error::at(ErrorKind::LakeInvalid, lake, error))?;
        Ok(Self { path: Arc::from(path), remote: None })
    }

    /// A folder, absolute; for parts in the folders of a lake.
    pub(crate) fn of_folder(path: &Path) -> Self {
        Self { path: Arc::from(path), remote: None }
    }

    /// The place of an existing lake.
    ///
    /// # Errors
    ///
    /// The same, and a folder that does not exist.
    pub(crate) fn existing(lake: &Path, session: &Session) -> Result<Self> {
        let root = Self::of(lake, session)?;
        if root.remote.is_none() {
            fs::canonicalize(lake).map_err(|error| Error::at(ErrorKind::LakeInvalid, lake, error))?;
        }
        Ok(root)
    }

    /// Its path, or its URL as a path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The bucket that it is in, if it is in one.
    pub(crate) const fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// A path below it.
    pub(crate) fn join(&self, below: impl AsRef<Path>) -> PathBuf {
        self.path.join(below)
    }

    /// A path below it as written in the manifest.
    pub(crate) fn below(&self, path: &Path) -> String {
        path.strip_prefix(&self.path).unwrap_or(path).display().to_string()
    }

    /// Whether a run has begun a lake there.
    ///
    /// # Errors
    ///
    /// When it cannot be listed.
    pub(crate) fn is_lake(&self) -> Result<bool> {
        let is_part = |path: PathBuf| PartName::parse(&path).is_some();
        match &self.remote {
            // A copy of a lake may lack its state.
            None if self.join(STATE_FOLDER).is_dir() => Ok(true),
            None => {
                let folder = self.join(Table::Archives.name());
                if !folder.is_dir() {
                    return Ok(false);
                }
                Ok(self.parquet_files(Table::Archives)?.into_iter().any(is_part))
            }
            Some(Remote { bucket, prefix }) => {
                let listed = bucket.list_all(&format!("{prefix}{}/", Table::Archives.name()));
                let listed = listed.map_err(|error| Error::at(ErrorKind::StoreUnreadable, &self.path, error))?;
                Ok(listed.into_iter().any(|object| is_part(PathBuf::from(object.key))))
            }
        }
    }

    /// Opens a file below it.
    pub(crate) fn open(&self, path: &Path) -> io::Result<LakeBytes> {
        match &self.remote {
            None => LakeBytes::of_file(path),
            Some(remote) => LakeBytes::of_object(&remote.bucket, &self.key(remote, path)),
        }
    }

    /// The key of a path below it.
    pub(crate) fn key(&self, remote: &Remote, path: &Path) -> String {
        format!("{}{}", remote.prefix, self.below(path))
    }

    /// All Parquet files in the folder of a table that may not exist, sorted.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub(crate) fn parquet_files(&self, table: Table) -> Result<Vec<PathBuf>> {
        let unreadable = |path: &Path, error| Error::at(ErrorKind::LakeInvalid, path, error);
        let Some(Remote { bucket, prefix }) = &self.remote else {
            let mut files = Vec::new();
            walk(self.join(table.name()), &mut files).map_err(|(folder, error)| unreadable(&folder, error))?;
            files.sort();
            return Ok(files);
        };
        let listed = bucket.list_all(&format!("{prefix}{}/", table.name()));
        let listed = listed.map_err(|error| unreadable(&self.join(table.name()), error))?;
        let path = |object: Object| {
            let below = object.key.strip_prefix(prefix.as_str()).filter(|below| below.ends_with(".parquet"))?;
            Some(self.join(below))
        };
        let mut files: Vec<PathBuf> = listed.into_iter().filter_map(path).collect();
        files.sort();
        Ok(files)
    }
}

/// Adds the Parquet files below a folder that may not exist.
fn walk(folder: PathBuf, files: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| (folder.clone(), error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| (folder.clone(), error))?;
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files.push(path);
            }
        }
    }
    Ok(())
}
