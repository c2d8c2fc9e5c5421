//! The order of things: which archive is whose work, and what happens when.
//!
//! In: a [`Config`]. Out: a published commit and its [`Summary`]. Never: parses, encodes or writes itself.

mod ending;

mod grouping;

mod process;

mod refusal;

mod run;

mod turns;

mod deal;

mod again;

mod worklist;

mod steps;

mod observe;

mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rayon::ThreadPool;

use crate::config::{Config, OnBad};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Archive, Referenced, STDIN, Search, copy_stdin, discover, follow};
use crate::lake::Known;
use crate::lake::root::Root;
use crate::lake::write::{Lake, wait_to_hold};
use crate::pool::thread_pool;
use crate::report::{Progress, Stage, StageClock, Summary, thread_cpu_time};
use crate::store::Session;
use crate::verify::Proofs;

pub(crate) use observe::{Observer, observe};
use steps::Steps;
use worklist::Sorter;

/// Converts archives into a lake.
///
/// Only archives that the lake does not have yet are read. What is bad goes to the quarantine table and is told in the
/// summary.
///
/// # Errors
///
/// Options that make no sense, inputs that cannot be listed, a lake that cannot be written to, and with
/// [`OnBad::Fail`] bad input. Of the step at hand nothing was published then; of those before it all is, and the error
/// says so.
pub fn convert(config: &Config, progress: &Progress) -> Result<Summary> {
    config.validate()?;
    let lake_session = Session::new(&config.store).watched_by(progress.waits());
    let stop = lake_session.stop().or_when(progress.stop_flag());
    let session = Session::new(&config.store).stopped_by(stop).watched_by(progress.waits());
    let converted = convert_in(config, progress, &lake_session, &session);
    converted.map_err(|error| {
        let error = lake_session.stop().explain(session.stop().explain(error));
        // Who asks to stop does not wait for a store; what comes of that is no other end.
        if progress.is_stopping() && error.of_store().is_some() { error.when_stopped() } else { error }
    })
}

/// Converts archives that one session reads into a lake that another writes.
fn convert_in(config: &Config, progress: &Progress, lake_session: &Session, session: &Session) -> Result<Summary> {
    let started = Instant::now();
    let cpu_before = thread_cpu_time();
    let clock = Arc::new(StageClock::default());
    let pool = Arc::new(thread_pool(config.threads)?);
    let lake = if config.dry_run { None } else { Some(clock.coordinate(&pool, || Lake::open(config, lake_session))?) };
    let (lake, known, _lock) = if let Some((lake, known)) = lake {
        (Some(lake), known, None)
    } else {
        let root = Root::of(&config.lake, lake_session)?;
        // A dry run must not read what another run is about to replace.
        let lock = wait_to_hold(&root, config, lake_session)?;
        (None, clock.coordinate(&pool, || Known::read(root, config))?, lock)
    };
    let mut summary = Summary { lake: known.root.path().to_owned(), ..Summary::default() };
    let folder = config.scratch.clone().or_else(|| lake.as_ref().map(Lake::staging)).unwrap_or_default();
    let sorter = clock.coordinate(&pool, || Sorter::new(&known, config))?;
    let is_new = |archive: &Archive| sorter.is_new(archive);
    let lake_path = Some(known.root.path());
    let search = Search { lake: lake_path, selection: &config.selection, session, is_new: &is_new };
    let found = find_archives(config, progress, (&pool, &clock), &search, &folder, &mut summary)?;
    let found = clock.coordinate(&pool, || sorter.open_containers(found));
    let proofs = match config.public_keys.as_slice() {
        [] => None,
        keys => Some(Arc::new(clock.coordinate(&pool, || Proofs::read(&found, keys))?)),
    };
    let worklist = clock.coordinate(&pool, || sorter.sort(found, &mut summary));
    let archives = &worklist.archives;
    expect_archives(progress, archives);
    let replacement = clock.coordinate(&pool, || worklist.replacement(&known, config))?;
    let root = known.root.clone();
    drop(known);
    let (clock, pool, proofs) = (&clock, &pool, proofs.as_ref());
    let mut steps =
        Steps { config, progress, session, clock, pool, archives, proofs, lake, root, claims: None, replacement };
    for step in worklist.steps(config) {
        match steps.convert(&step, &summary) {
            Ok(done) => summary.add_step(done),
            Err(error) => {
                let error = session.stop().explain(error).after_commits(summary.commits.len());
                // Nobody reads a summary of a run that failed.
                let notes = steps.lake.as_mut().map(Lake::let_go).unwrap_or_default();
                return Err(notes.iter().fold(error, |error, note| error.advise(note)));
            }
        }
    }
    summary.notes = steps.lake.as_mut().map(Lake::let_go).unwrap_or_default();
    clock.add(Stage::Coordinate, thread_cpu_time().saturating_sub(cpu_before));
    summary.close(started, clock, process::peak_rss_bytes());
    Ok(summary)
}

/// The archives below the inputs but not of the lake, in order; what is piped in is copied to a folder.
fn find_archives(
    config: &Config,
    progress: &Progress,
    (pool, clock): (&ThreadPool, &StageClock),
    search: &Search<'_>,
    folder: &Path,
    summary: &mut Summary,
) -> Result<Vec<Archive>> {
    let (piped, mut named): (Vec<PathBuf>, Vec<PathBuf>) =
        config.inputs.iter().cloned().partition(|input| input.as_os_str() == STDIN);
    let Referenced { objects, paths, counts, wrong } = follow(&config.inputs_from, &named, search)?;
    if let (OnBad::Fail, Some(wrong)) = (config.on_bad, wrong.first()) {
        let error = Error::new(ErrorKind::InputRejected, wrong.clone());
        return Err(error.advise("--on-bad quarantine would go on; nothing was published"));
    }
    (summary.notices, summary.wrong_notices) = (counts, wrong);
    named.extend(paths);
    let found = clock.coordinate(pool, || discover(&named, objects, search));
    if progress.is_stopping() {
        return Err(Error::new(ErrorKind::Stopped, "asked to stop before anything was converted"));
    }
    let mut found = found?;
    if !piped.is_empty() {
        found.push(copy_stdin(&Disk::new(config.watch.clone()), folder)?);
    }
    Ok(found)
}

/// Bytes that are read to convert archives; what directories of containers claim has no bound.
fn bytes_to_read(archives: &[Archive]) -> u64 {
    archives.iter().map(Archive::bytes_to_read).fold(0, u64::saturating_add)
}

fn expect_archives(progress: &Progress, archives: &[Archive]) {
    progress.archives_total.store(archives.len() as u64, Ordering::Relaxed);
    progress.compressed_bytes_total.store(bytes_to_read(archives), Ordering::Relaxed);
}
