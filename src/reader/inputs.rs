//! The inputs of a caller to the archives that are read.
//!
//! In: paths, URLs, messages of queues, standard input. Out: archives in order. Never: reads an archive.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::ThreadPool;

use super::ReadOptions;
use super::in_order::{Limits, ReadRequest};
use super::members::open_containers;
use crate::clock::{StageClock, logical};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Archive, Referenced, Search, copy_stdin, discover, follow};
use crate::model::OnBad;
use crate::model::STDIN;
use crate::pool::thread_pool;
use crate::report::{NoticeCounts, Progress};
use crate::store::{Session, Stop};

/// What was found below the inputs.
pub(crate) struct FoundArchives {
    /// In order; containers are not opened.
    pub(crate) archives: Vec<Archive>,
    /// Counts of lines that name archives.
    pub(crate) notices: NoticeCounts,
    /// Errors in such lines.
    pub(crate) wrong_notices: Vec<String>,
}

/// The archives below the inputs but not in the lake, in order; standard input is copied to a folder.
///
/// # Errors
///
/// Inputs that cannot be listed, a request to stop, and with [`OnBad::Fail`] notices that are not understood.
pub(crate) fn find_archives(
    options: &ReadOptions,
    progress: &Progress,
    (pool, clock): (&ThreadPool, &StageClock),
    search: &Search<'_>,
    (disk, folder): (&Disk, &Path),
    on_bad: OnBad,
) -> Result<FoundArchives> {
    let (piped, mut named): (Vec<PathBuf>, Vec<PathBuf>) =
        options.inputs.iter().cloned().partition(|input| input.as_os_str() == STDIN);
    let Referenced { objects, paths, counts, wrong } = follow(&options.inputs_from, &named, search)?;
    if let (OnBad::Fail, Some(wrong)) = (on_bad, wrong.first()) {
        let error = Error::new(ErrorKind::InputRejected, wrong.clone());
        return Err(error.advise("--on-bad quarantine would go on; nothing was published"));
    }
    named.extend(paths);
    let found = clock.coordinate(pool, || discover(&named, objects, search));
    if progress.is_stopping() {
        return Err(Error::new(ErrorKind::Stopped, "asked to stop before anything was read"));
    }
    let mut archives = found?;
    if !piped.is_empty() {
        archives.push(copy_stdin(disk, folder)?);
    }
    Ok(FoundArchives { archives, notices: counts, wrong_notices: wrong })
}

/// Opens all archives below the inputs, for a caller that takes only their rows.
///
/// # Errors
///
/// Inputs that cannot be listed or no longer exist, and a request to stop.
pub(crate) fn open(options: &ReadOptions, progress: &Progress) -> Result<(ReadRequest, FoundArchives)> {
    let clock = Arc::new(StageClock::default());
    let pool = Arc::new(thread_pool(options.threads)?);
    let session = Session::new(&options.store).stopped_by(Stop::default().or_when(progress.stop_flag()));
    let session = Arc::new(session.reporting_to(progress.waits()));
    let search = Search { lake: None, selection: &options.selection, session: &session, is_new: &|_| true };
    let folder = options.scratch.clone().unwrap_or_default();
    let mut found =
        find_archives(options, progress, (&pool, &clock), &search, (&Disk::default(), &folder), OnBad::Quarantine)?;
    let archives = std::mem::take(&mut found.archives);
    let archives = Arc::new(logical::install(&pool, || open_containers(archives, |_| true, &options.selection)));
    expect_archives(progress, &archives);
    let range = 0..archives.len();
    let limits = Limits::of(options);
    let request = ReadRequest { limits, session, clock, pool, archives, range, proofs: None, cuts_back: false };
    Ok((request, found))
}

/// Bytes that are read to convert archives; the sizes claimed by directories of containers have no bound.
pub(crate) fn bytes_to_read(archives: &[Archive]) -> u64 {
    archives.iter().map(Archive::bytes_to_read).fold(0, u64::saturating_add)
}

/// Sets the totals of the progress.
pub(crate) fn expect_archives(progress: &Progress, archives: &[Archive]) {
    progress.archives_total.store(archives.len() as u64, Ordering::Relaxed);
    progress.compressed_bytes_total.store(bytes_to_read(archives), Ordering::Relaxed);
}
