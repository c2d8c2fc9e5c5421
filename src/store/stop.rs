//! What ends the waits of a run early.
//!
//! In: a request to stop a run, a lost lease on a lake, or a store that serves nothing any more. Out: the end of all waits,
//! with the reason. Never: a reason other than the one for which waits ended.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::failure::failed;
use crate::error::{Error, ErrorKind, Result};

/// How long a wait goes on after a request to stop.
pub(crate) const STOP_LATENCY: Duration = Duration::from_millis(100);

/// Ends the waits of all that share it.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    /// Set to ask the run to stop.
    asked: Arc<AtomicBool>,
    /// Set once when another run may have taken over the lake.
    lost: Arc<OnceLock<LeaseLost>>,
    /// Set once when a store serves nothing any more.
    over: Arc<OnceLock<StoreGone>>,
}

/// Why a store serves nothing any more.
struct StoreGone {
    /// What was requested.
    place: String,
    why: String,
    advice: &'static str,
}

/// A lease that was lost, or can no longer be renewed.
struct LeaseLost {
    kind: ErrorKind,
    lake: PathBuf,
    why: String,
}

impl Stop {
    /// The same, which also stops when a flag is set.
    pub(crate) fn or_when(&self, asked: Arc<AtomicBool>) -> Self {
        Self { asked, lost: Arc::clone(&self.lost), over: Arc::default() }
    }

    /// Whether waits are to end.
    pub(crate) fn is_set(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.is_lost() || self.over.get().is_some()
    }

    /// Whether the lease on a lake is lost.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.get().is_some()
    }

    /// Records that the lease on the lake is lost. The first reason counts.
    pub(crate) fn lose(&self, lake: &Path, why: &str) {
        self.lost.get_or_init(|| LeaseLost { kind: ErrorKind::LakeLocked, lake: lake.to_owned(), why: why.to_owned() });
    }

    /// Records that the store does not let the lease be renewed. The first reason counts.
    pub(crate) fn deny(&self, lake: &Path, why: &str) {
        self.lost.get_or_init(|| LeaseLost {
            kind: ErrorKind::LakeUnwritable,
            lake: lake.to_owned(),
            why: why.to_owned(),
        });
    }

    /// Records that a store serves nothing any more. The first reason counts.
    pub(super) fn end(&self, place: String, why: String, advice: &'static str) {
        self.over.get_or_init(|| StoreGone { place, why, advice });
    }

    /// The error of a wait that ended early. It is not [`io::ErrorKind::Interrupted`]: readers would retry.
    pub(super) fn error(&self) -> io::Error {
        let why = match (self.lost.get(), self.over.get()) {
            (Some(lost), _) => &lost.why,
            (None, Some(over)) => &over.why,
            (None, None) => "asked to stop",
        };
        failed(io::ErrorKind::ConnectionAborted, why.to_owned())
    }

    /// Fails if there is a reason to stop.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeLocked`] when the lease is lost, [`ErrorKind::LakeUnwritable`] when it cannot be kept,
    /// [`ErrorKind::StoreUnusable`] when a store serves nothing any more, [`ErrorKind::Stopped`] after a request to stop.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_stores()?;
        if self.asked.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Stopped, "asked to stop"));
        }
        Ok(())
    }

    /// The error to report: the reason for which a wait ended early, rather than the error that followed from it.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Stopped => error,
            ErrorKind::LakeLocked if !self.is_lost() => error,
            _ => self.check_stores().err().unwrap_or(error),
        }
    }

    fn check_stores(&self) -> Result<()> {
        if let Some(LeaseLost { kind, lake, why }) = self.lost.get() {
            return Err(Error::at(*kind, lake, why.as_str()));
        }
        match self.over.get() {
            Some(StoreGone { place, why, advice }) => {
                Err(Error::at(ErrorKind::StoreUnusable, Path::new(place), why.as_str()).advise(advice))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}
