//! A run step by step, each of which is published as a whole.
//!
//! In: the archives of a step. Out: a published commit, and what was counted. Never: a step published before everything in
//! it is counted, compared with its files, and on disk.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use rayon::ThreadPool;

use super::ending::{Ending, Staged};
use super::run::{Run, Shared};
use crate::config::Config;
use crate::dedup::{Claims, Scratch};
use crate::disk::Disk;
use crate::error::Result;
use crate::input::{Archive, Worthless};
use crate::lake::published_keys;
use crate::lake::root::Root;
use crate::lake::write::{Commit, Lake, Replacement, read_back};
use crate::report::{Progress, StageClock, Summary};
use crate::schema::Table;
use crate::store::Session;
use crate::verify::Proofs;

/// Keys on disk above which a step begins anew with those of the dates that it touches.
const MOST_SPILLED_KEYS: usize = 32 << 20;

/// Stored bytes of an event, roughly.
const EVENT_BYTES: u64 = 200;

/// What the steps of a run share.
pub(super) struct Steps<'a> {
    pub(super) config: &'a Config,
    pub(super) progress: &'a Progress,
    /// Reads archives, and ends the run before its time.
    pub(super) session: &'a Session,
    pub(super) clock: &'a Arc<StageClock>,
    pub(super) pool: &'a Arc<ThreadPool>,
    pub(super) archives: &'a Arc<Vec<Archive>>,
    pub(super) proofs: Option<&'a Arc<Proofs>>,
    /// None in a run that only counts.
    pub(super) lake: Option<Lake>,
    pub(super) root: Root,
    /// Who has which event, as of the steps before.
    pub(super) claims: Option<Arc<Claims>>,
    /// What the first step has to replace.
    pub(super) replacement: Option<Replacement>,
}

impl Steps<'_> {
    /// Converts the archives of a step and publishes them.
    ///
    /// # Errors
    ///
    /// Whatever ends the run; nothing of the step is published then.
    pub(super) fn convert(&mut self, step: &Range<usize>, before: &Summary) -> Result<Summary> {
        // A large archive is converted while it is read, and its checksum stands at its end. When that is wrong, rows of
        // it are among the others already: all that is staged is thrown away, and the next attempt knows the archive.
        let mut refused: Arc<HashMap<usize, Worthless>> = Arc::default();
        loop {
            let mut summary = Summary::default();
            summary.archives.seen = step.len() as u64;
            let claims = self.claims()?;
            let commit = self.lake.as_ref().map(Lake::begin);
            let Self { config, progress, session, clock, pool, archives, proofs, .. } = *self;
            let (claims_of_run, replacement) = (claims.as_ref(), self.replacement.as_ref());
            let shared = Shared {
                config,
                progress,
                session,
                clock,
                pool,
                archives,
                step,
                claims: claims_of_run,
                replacement,
                proofs,
            };
            let run = Run::new(shared, commit.as_ref(), Arc::clone(&refused))?;
            let ending = run.convert_all(&mut summary);
            match (ending, commit) {
                (Ok(Ending::Staged(staged)), Some(commit)) => {
                    let published = self.publish(&commit, &staged, &mut summary);
                    // Nothing of the lake depends on staging any more, and the next run clears it anyway.
                    let _ = commit.discard();
                    published?;
                    // What stays of former rows was not claimed.
                    let is_replaced = self.replacement.take().is_some();
                    self.claims = claims.filter(|claims| !is_replaced && claims.spilled() < MOST_SPILLED_KEYS);
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

    /// The claims of the steps before, or those of the lake; none when nobody asks who has which event.
    fn claims(&self) -> Result<Option<Arc<Claims>>> {
        let is_asked = self.config.dedup || self.replacement.is_some();
        if !is_asked || self.claims.is_some() {
            return Ok(self.claims.clone().filter(|_| is_asked));
        }
        let folder = self.config.scratch.clone().or_else(|| self.lake.as_ref().map(Lake::staging));
        let scratch = Scratch { disk: Disk::new(self.config.watch.clone()), folder };
        let mut keys = published_keys(&self.root, self.config)?;
        if let Some(replacement) = &self.replacement {
            keys = keys.without(replacement.archives.clone());
        }
        let bytes = super::bytes_to_read(self.archives);
        Ok(Some(Arc::new(Claims::new(keys, self.config.keys_memory(), scratch, bytes / EVENT_BYTES))))
    }

    fn publish(&mut self, commit: &Commit, staged: &Staged, summary: &mut Summary) -> Result<()> {
        let Some(lake) = &mut self.lake else { return Ok(()) };
        let found = self.clock.coordinate(self.pool, || read_back(commit, staged.all()))?;
        // A table that was not asked for has no rows, whatever was found.
        let is_kept = |table: Table| !table.is_partitioned() || self.config.tables.contains(&table);
        let rows = |table| {
            let [found, carried] = [&found, &staged.carried].map(|rows| rows.get(&table).copied().unwrap_or_default());
            is_kept(table).then(|| found.saturating_sub(carried))
        };
        summary.reconcile(rows)?;
        summary.parts = staged.all().count() as u64;
        summary.bytes.written = staged.all().map(|part| part.bytes).sum();
        lake.publish(&staged.parts, &staged.archives, &staged.replaced)?;
        summary.commits.push(commit.id.clone());
        Ok(())
    }
}
