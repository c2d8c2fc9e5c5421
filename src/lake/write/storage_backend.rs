//! The storage backend of a lake: a folder or a bucket.
//!
//! In: staged parts, and paths of parts. Out: parts that become visible or are removed. Never: decides the order in which a
//! commit does so; the lake does.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::uploads::EarlyUploads;
use crate::encode::part::StagedPart;
use crate::error::{Error, Result};

/// A commit that failed, as far as is known.
#[derive(Debug)]
pub(super) struct CommitFailure {
    pub(super) error: Error,
    /// Whether it cannot become visible later either: a request may have been carried out though its answer was lost.
    pub(super) is_certain: bool,
}

impl From<Error> for CommitFailure {
    fn from(error: Error) -> Self {
        Self { error, is_certain: true }
    }
}

/// The storage of a lake, held for one run.
pub(super) trait StorageBackend: fmt::Debug + Send {
    /// A local folder for incomplete files, and for data that does not fit into memory. Whatever is in it when a run
    /// begins was left by one that died.
    fn staging(&self) -> &Path;

    /// Uploads parts of the next commit while they are written, where that is of use.
    fn upload_early(&self) -> Option<Arc<EarlyUploads>> {
        None
    }

    /// Does the slow preparations, without publishing anything.
    fn prepare(&mut self, parts: &[StagedPart]) -> Result<()>;

    /// Publishes parts; they are durable when this returns.
    fn show(&mut self, parts: &[StagedPart]) -> Result<()>;

    /// Publishes the part that makes a commit of all parts before it, unless another run has made a commit meanwhile.
    fn commit(&mut self, part: &StagedPart) -> Result<(), CommitFailure>;

    /// Records the last existing commit, or the one that this run is about to make.
    fn expect_commit(&mut self, _number: u32) {}

    /// Checks that this run may still change something there.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LakeLocked`] when another may have taken over, or the reason why that cannot be determined.
    fn check_held(&mut self) -> Result<()>;

    /// Removes parts; missing ones count as removed.
    fn remove(&mut self, parts: &[PathBuf]) -> Result<()>;

    /// Removes what is staged, first locally, by this run or one that died.
    fn clear_staging(&mut self) -> Result<()>;

    /// Releases the place for other runs; notes for the user about what could not be cleared away.
    fn release_lease(&mut self) -> Vec<String> {
        Vec::new()
    }
}
