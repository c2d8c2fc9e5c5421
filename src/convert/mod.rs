//! Archives to a lake: which of them are converted, and what each step publishes.
//!
//! In: a [`Config`]. Out: published commits and a [`Summary`]. Never: parses, encodes or writes itself.

pub mod config;

mod worklist;

mod cut_back;

mod carry_over;

mod step;

mod steps;

mod process;

use std::sync::Arc;
use std::time::Instant;

use crate::clock::logical::LogicalTime;
use crate::clock::{Stage, StageClock, thread_cpu_time};
use crate::disk::Disk;
use crate::error::Result;
use crate::input::{Archive, Search};
use crate::lake::KnownArchives;
use crate::lake::root::Root;
use crate::lake::write::{Lake, wait_to_hold};
use crate::pool::thread_pool;
use crate::reader::{Limits, ReadRequest, expect_archives, find_archives};
use crate::report::{Progress, Summary};
use crate::store::Session;
use crate::verify::Proofs;
use config::Config;

use steps::Steps;
use worklist::Sorter;

/// Converts archives into a lake.
///
/// Only archives that the lake does not have yet are read. Bad input goes to the quarantine table and is reported in the
/// summary.
///
/// # Errors
///
/// Invalid options, inputs that cannot be listed, a lake that cannot be written to, and bad input with
/// [`config::OnBad::Fail`]. Nothing of the current step is published then; earlier steps are, and the error
/// says so.
pub fn convert(config: &Config, progress: &Progress) -> Result<Summary> {
    config.validate()?;
    let lake_session = Session::new(&config.store).reporting_to(progress.waits());
    let stop = lake_session.stop().or_when(progress.stop_flag());
    let session = Arc::new(Session::new(&config.store).stopped_by(stop).reporting_to(progress.waits()));
    let converted = convert_in(config, progress, &lake_session, &session);
    converted.map_err(|error| {
        let error = lake_session.stop().explain(session.stop().explain(error));
        // A run that was asked to stop does not wait for a store; the resulting error still counts as stopped.
        if progress.is_stopping() && error.of_store().is_some() { error.when_stopped() } else { error }
    })
}

/// Converts archives that one session reads into a lake that another writes.
fn convert_in(config: &Config, progress: &Progress, lake_session: &Session, session: &Arc<Session>) -> Result<Summary> {
    let (started, start) = (Instant::now(), LogicalTime::now());
    let cpu_before = thread_cpu_time();
    let clock = Arc::new(StageClock::default());
    let pool = Arc::new(thread_pool(config.threads)?);
    let lake = if config.dry_run {
        None
    } else {
        Some(clock.coordinate(&pool, || Lake::open(&config.write_options(), lake_session))?)
    };
    let (lake, known, _lock) = if let Some((lake, known)) = lake {
        (Some(lake), known, None)
    } else {
        let root = Root::of(&config.lake, lake_session)?;
        // A dry run must not read parts that another run is about to replace.
        let lock = wait_to_hold(&root, config.wait, lake_session)?;
        (None, clock.coordinate(&pool, || KnownArchives::read(root, &config.settings()))?, lock)
    };
    let mut summary = Summary { lake: known.root.path().to_owned(), ..Summary::default() };
    // A dry run without one keeps all in memory.
    let folder = config.scratch.clone().or_else(|| lake.as_ref().map(Lake::staging)).unwrap_or_default();
    let sorter = clock.coordinate(&pool, || Sorter::new(&known, config))?;
    let is_new = |archive: &Archive| sorter.is_new(archive);
    let lake_path = Some(known.root.path());
    let search = Search { lake: lake_path, selection: &config.selection, session, is_new: &is_new };
    let (options, disk) = (config.read_options(), Disk::new(config.faults.clone()));
    let mut found = find_archives(&options, progress, (&pool, &clock), &search, (&disk, &folder), config.on_bad)?;
    (summary.notices, summary.wrong_notices) = (found.notices, std::mem::take(&mut found.wrong_notices));
    let found = clock.coordinate(&pool, || sorter.open_containers(found.archives));
    let proofs = match config.public_keys.as_slice() {
        [] => None,
        keys => Some(Arc::new(clock.coordinate(&pool, || Proofs::read(&found, keys))?)),
    };
    let worklist = clock.coordinate(&pool, || sorter.sort(found, &mut summary));
    expect_archives(progress, &worklist.archives);
    let replacement = clock.coordinate(&pool, || worklist.replacement(&known, config))?;
    let root = known.root.clone();
    drop(known);
    let request = ReadRequest {
        limits: Limits {
            rows_memory: config.rows_memory(),
            requires_verified: config.requires_verified,
            ..Limits::of(&options)
        },
        session: Arc::clone(session),
        clock: Arc::clone(&clock),
        pool,
        archives: Arc::clone(&worklist.archives),
        range: 0..0,
        proofs,
        cuts_back: true,
    };
    let mut steps = Steps { config, progress, request, lake, root, duplicate_index: None, replacement };
    for range in worklist.steps(config) {
        match steps.convert(range) {
            Ok(done) => summary.add_step(done),
            Err(error) => {
                let error = session.stop().explain(error).after_commits(summary.commits.len());
                // A failed run has no summary to read.
                let notes = steps.lake.as_mut().map(Lake::release_lease).unwrap_or_default();
                return Err(notes.iter().fold(error, |error, note| error.advise(note)));
            }
        }
    }
    summary.notes = steps.lake.as_mut().map(Lake::release_lease).unwrap_or_default();
    clock.add(Stage::Coordinate, thread_cpu_time().saturating_sub(cpu_before));
    summary.close(started, &clock, process::peak_rss_bytes());
    summary.span_cpu_ms = u64::try_from(LogicalTime::now().since(start).as_millis()).unwrap_or(u64::MAX);
    Ok(summary)
}
