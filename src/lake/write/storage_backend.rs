//! The storage backend of a lake: a folder or a bucket.
//!
//! In: staged parts, and paths of parts. Out: parts that readers see, or no longer see. Never: the order in which a commit
//! does so, which is the lake's alone.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::encode::part::StagedPart;
use crate::error::{Error, Result};

/// A commit that was not made, as far as is known.
#[derive(Debug)]
pub(super) struct CommitFailure {
    pub(super) error: Error,
    /// Whether it will not be seen later either: a request may have been done whose answer was lost.
    pub(super) is_certain: bool,
}

impl From<Error> for CommitFailure {
    fn from(error: Error) -> Self {
        Self { error, is_certain: true }
    }
}

/// The storage of a lake, held for one run.
pub(super) trait StorageBackend: fmt::Debug + Send {
    /// A local folder for files that are not whole, and for what does not fit into memory. Whatever is in it when a run
    /// begins is left from one that died.
    fn staging(&self) -> &Path;

    /// Makes ready what takes long, and shows nothing yet.
    fn prepare(&mut self, parts: &[StagedPart]) -> Result<()>;

    /// Shows parts, which are there to stay when this returns.
    fn show(&mut self, parts: &[StagedPart]) -> Result<()>;

    /// Shows the part that makes a commit of all that was shown, if no other run has made one meanwhile.
    fn commit(&mut self, part: &StagedPart) -> Result<(), CommitFailure>;

    /// Says which commit is the last one there, or is about to be made by this run.
    fn expect_commit(&mut self, _number: u32) {}

    /// Whether this run may still change something there.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LakeLocked`] when another may have taken over, and why else nobody can tell.
    fn check_held(&mut self) -> Result<()>;

    /// Removes parts; those that are gone already are as good.
    fn remove(&mut self, parts: &[PathBuf]) -> Result<()>;

    /// Removes what is staged, here first, by this run or one that died.
    fn clear_staging(&mut self) -> Result<()>;

    /// Lets others have the place when this run is done with it; what a person should know of what could not be cleared away.
    fn release_lease(&mut self) -> Vec<String> {
        Vec::new()
    }
}
