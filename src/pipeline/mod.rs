//! The order of things: which archive is whose work, and what happens when.
//!
//! In: a [`Config`]. Out: a published commit and its [`Summary`]. Never: parses, encodes or writes itself.

mod ending;

mod grouping;

mod process;

mod run;

mod turns;

mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::input::{Archive, Worthless, discover};
use crate::output::{Commit, Known, Lake};
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
/// [`OnBad::Fail`](crate::config::OnBad::Fail) bad input. Nothing was published then.
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
    if !archives.is_empty() {
        let shared = Shared { config, progress, clock: &clock, pool: &pool, archives: &archives };
        summary = convert_new(shared, lake.as_mut(), &summary)?;
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

fn convert_new(shared: Shared<'_>, mut lake: Option<&mut Lake>, before: &Summary) -> Result<Summary> {
    // A large archive is converted while it is read, and its checksum stands at its end. When that is wrong, rows of it
    // are among the others already: all that is staged is thrown away, and the next attempt knows the archive.
    let mut refused: Arc<HashMap<usize, Worthless>> = Arc::default();
    loop {
        let mut summary = before.clone();
        let commit = lake.as_deref().map(Lake::begin);
        let run = Run::new(shared, commit.as_ref(), Arc::clone(&refused))?;
        let ending = run.convert_all(&mut summary);
        match (ending, lake.as_deref_mut().zip(commit)) {
            (Ok(Ending::Staged(staged)), Some((lake, commit))) => {
                publish(lake, &commit, &staged, &shared.config.tables, &mut summary)?;
                return Ok(summary);
            }
            (Ok(Ending::Counted | Ending::Staged(_)), _) => return Ok(summary),
            (Ok(Ending::Refused(found)), staged) => {
                if let Some((_, commit)) = staged {
                    commit.discard()?;
                }
                Arc::make_mut(&mut refused).extend(found);
            }
            (Err(error), staged) => {
                if let Some((_, commit)) = staged {
                    // The error that stopped the run is the one to tell; the next run clears staging anyway.
                    let _ = commit.discard();
                }
                return Err(error);
            }
        }
        shared.progress.reset();
    }
}

fn publish(lake: &mut Lake, commit: &Commit, staged: &Staged, tables: &[Table], summary: &mut Summary) -> Result<()> {
    // A table that was not asked for has no rows, whatever was found.
    let is_kept = |table: Table| !table.is_partitioned() || tables.contains(&table);
    summary.reconcile(|table| is_kept(table).then(|| staged.rows(table)))?;
    summary.parts = staged.all().count() as u64;
    summary.bytes.written = staged.all().map(|part| part.bytes).sum();
    lake.publish(commit, &staged.parts, &staged.archives)?;
    summary.commit_id = Some(commit.id.clone());
    Ok(())
}
