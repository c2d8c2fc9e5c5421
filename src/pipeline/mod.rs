//! The order of things: which archive is whose work, and what happens when.
//!
//! In: a [`Config`]. Out: a published commit and its [`Summary`]. Never: parses, encodes or writes itself.

mod ending;

mod grouping;

mod process;

mod run;

mod turns;

mod deal;

mod worker;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::config::{Config, OnBad};
use crate::dedup::Claims;
use crate::error::{Error, Result};
use crate::input::{Archive, Worthless, discover};
use crate::output::{Commit, Known, Lake, published_keys, read_back};
use crate::report::{Progress, Stage, StageClock, Summary};
use crate::schema::Table;

use ending::{Ending, Staged};
use run::{Run, Shared};

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
    let started = Instant::now();
    let cpu_before = process::thread_cpu_time();
    let clock = Arc::new(StageClock::default());
    let mut lake = if config.dry_run { None } else { Some(Lake::open(config)?) };
    let known = lake.as_mut().map_or_else(|| Known::read(config), |lake| Ok(lake.take_known()))?;
    let mut summary = Summary { lake: known.root.clone(), ..Summary::default() };
    let pool = new_pool(config)?;
    let found = pool.install(|| discover(&config.inputs, &known.root, &config.selection))?;
    let archives = Arc::new(only_new(found, &known, &mut summary));
    drop(known);
    progress.archives_total.store(archives.len() as u64, Ordering::Relaxed);
    progress.compressed_bytes_total.store(archives.iter().map(|archive| archive.bytes).sum(), Ordering::Relaxed);
    let mut steps = Steps { config, progress, clock: &clock, pool: &pool, archives: &archives, lake, claims: None };
    for step in cut_into_steps(&archives, config) {
        let done = steps.convert(&step, &summary).map_err(|error| error.after_commits(summary.commits.len()))?;
        summary.add_step(done);
    }
    clock.add(Stage::Coordinate, process::thread_cpu_time().saturating_sub(cpu_before));
    summary.close(started, &clock, process::peak_rss_bytes());
    Ok(summary)
}

/// Leaves out the archives that the lake has.
fn only_new(archives: Vec<Archive>, known: &Known, summary: &mut Summary) -> Vec<Archive> {
    summary.archives.seen = archives.len() as u64;
    if known.is_empty() {
        return archives;
    }
    let is_new = |archive: &Archive| {
        let uri = archive.uri();
        let Some(is_same) = known.find(&uri, archive.bytes, &archive.modified()) else { return true };
        summary.archives.already_converted += 1;
        if !is_same {
            summary.changed_archives.push(uri);
        }
        false
    };
    archives.into_iter().filter(is_new).collect()
}

fn new_pool(config: &Config) -> Result<Arc<ThreadPool>> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(config.threads)
        .thread_name(|index| format!("trailmill-{index}"))
        .build()
        .map_err(Error::internal)?;
    Ok(Arc::new(pool))
}

/// The archives that are published together. It depends on nothing but the archives: a run that goes on where another
/// died makes the same steps.
fn cut_into_steps(archives: &[Archive], config: &Config) -> Vec<Range<usize>> {
    let most = if config.on_bad == OnBad::Fail || config.dry_run { u64::MAX } else { config.step_bytes };
    let mut steps = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, archive) in archives.iter().enumerate() {
        bytes += archive.bytes;
        if bytes >= most || at + 1 == archives.len() {
            steps.push(start..at + 1);
            (start, bytes) = (at + 1, 0);
        }
    }
    steps
}

/// What the steps of a run share.
struct Steps<'a> {
    config: &'a Config,
    progress: &'a Progress,
    clock: &'a Arc<StageClock>,
    pool: &'a Arc<ThreadPool>,
    archives: &'a Arc<Vec<Archive>>,
    lake: Option<Lake>,
    /// Who has which event, as of the steps before.
    claims: Option<Arc<Claims>>,
}

/// Keys on disk above which a step begins anew with those of the dates that it touches.
const MOST_SPILLED_KEYS: usize = 32 << 20;

impl Steps<'_> {
    /// Converts the archives of a step and publishes them.
    fn convert(&mut self, step: &Range<usize>, before: &Summary) -> Result<Summary> {
        // A large archive is converted while it is read, and its checksum stands at its end. When that is wrong, rows of
        // it are among the others already: all that is staged is thrown away, and the next attempt knows the archive.
        let mut refused: Arc<HashMap<usize, Worthless>> = Arc::default();
        loop {
            let mut summary = Summary::default();
            summary.archives.seen = step.len() as u64;
            let claims = self.claims(&before.lake)?;
            let commit = self.lake.as_ref().map(Lake::begin);
            let Self { config, progress, clock, pool, archives, .. } = *self;
            let shared = Shared { config, progress, clock, pool, archives, step, claims: claims.as_ref() };
            let run = Run::new(shared, commit.as_ref(), Arc::clone(&refused))?;
            let ending = run.convert_all(&mut summary);
            match (ending, commit) {
                (Ok(Ending::Staged(staged)), Some(commit)) => {
                    self.publish(&commit, &staged, &mut summary)?;
                    self.claims = claims.filter(|claims| claims.spilled() < MOST_SPILLED_KEYS);
                    return Ok(summary);
                }
                (Ok(Ending::Counted | Ending::Staged(_)), _) => return Ok(summary),
                (Ok(Ending::Refused(found)), commit) => {
                    commit.map_or(Ok(()), |commit| commit.discard())?;
                    Arc::make_mut(&mut refused).extend(found);
                    // What it has claimed may be what is worthless.
                    self.claims = None;
                }
                (Err(error), commit) => {
                    // The error that stopped the run is the one to tell; the next run clears staging anyway.
                    let _ = commit.map_or(Ok(()), |commit| commit.discard());
                    return Err(error);
                }
            }
            progress.go_back_to(before);
        }
    }

    /// The claims of the steps before, or those of the lake.
    fn claims(&self, lake: &Path) -> Result<Option<Arc<Claims>>> {
        if !self.config.dedup || self.claims.is_some() {
            return Ok(self.claims.clone());
        }
        let scratch = self.config.scratch.clone().or_else(|| self.lake.as_ref().map(Lake::scratch));
        let keys = published_keys(lake, self.config)?;
        let bytes: u64 = self.archives.iter().map(|archive| archive.bytes).sum();
        Ok(Some(Arc::new(Claims::new(keys, self.config.keys_memory(), scratch, bytes / EVENT_BYTES))))
    }

    fn publish(&mut self, commit: &Commit, staged: &Staged, summary: &mut Summary) -> Result<()> {
        let Some(lake) = &mut self.lake else { return Ok(()) };
        let found = self.pool.install(|| read_back(commit, staged.all()))?;
        // A table that was not asked for has no rows, whatever was found.
        let is_kept = |table: Table| !table.is_partitioned() || self.config.tables.contains(&table);
        summary.reconcile(|table| is_kept(table).then(|| found.get(&table).copied().unwrap_or_default()))?;
        summary.parts = staged.all().count() as u64;
        summary.bytes.written = staged.all().map(|part| part.bytes).sum();
        lake.publish(commit, &staged.parts, &staged.archives)?;
        summary.commits.push(commit.id.clone());
        Ok(())
    }
}

/// Stored bytes of an event, roughly.
const EVENT_BYTES: u64 = 200;
