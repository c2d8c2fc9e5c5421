//! A run in steps, each of which is published as a whole.
//!
//! In: the archives of a step. Out: a published commit, and the counts. Never: publishes a step before everything in
//! it is counted, compared with its files, and on disk.

use std::ops::Range;
use std::sync::Arc;

use super::config::Config;
use super::step::{Staged, Step};
use crate::dedup::{DuplicateIndex, PublishedKeys, Scratch};
use crate::disk::Disk;
use crate::error::Result;
use crate::lake::root::Root;
use crate::lake::write::{Commit, Lake, Replacement, read_back};
use crate::model::OnBad;
use crate::reader::{InOrder, ReadRequest, bytes_to_read, plan};
use crate::report::{Progress, Summary};
use crate::rows::{KeyIndex, Plan};
use crate::schema::Table;

/// Keys on disk above which a step starts with a new index of the dates that it covers.
const MOST_SPILLED_KEYS: usize = 32 << 20;

/// Stored bytes of an event, roughly.
const EVENT_BYTES: u64 = 200;

/// What the steps of a run share.
pub(super) struct Steps<'a> {
    pub(super) config: &'a Config,
    pub(super) progress: &'a Progress,
    /// How the archives of each step are read.
    pub(super) request: ReadRequest,
    /// `None` in a dry run.
    pub(super) lake: Option<Lake>,
    pub(super) root: Root,
    /// Which place has which event, as of the previous steps.
    pub(super) duplicate_index: Option<Arc<DuplicateIndex>>,
    /// What the first step replaces.
    pub(super) replacement: Option<Replacement>,
}

impl Steps<'_> {
    /// Converts the archives of a step and publishes them.
    ///
    /// # Errors
    ///
    /// Whatever ends the run; nothing of the step is published then.
    pub(super) fn convert(&mut self, range: Range<usize>) -> Result<Summary> {
        let commit = self.lake.as_ref().map(Lake::begin);
        let converted = self.convert_to(range, commit.as_ref());
        // The lake does not depend on staging any more, and the next run clears it anyway. Uploads that could not be aborted
        // are reported when the lease is released.
        let _ = commit.map_or(Ok(()), |commit| commit.discard());
        converted
    }

    fn convert_to(&mut self, range: Range<usize>, commit: Option<&Commit>) -> Result<Summary> {
        let duplicate_index = self.duplicate_index()?;
        let request = ReadRequest { range, ..self.request.clone() };
        let replacement = self.replacement.as_ref();
        let mut step = Step::new(self.config, self.progress, &request, duplicate_index.clone(), replacement, commit)?;
        let key_index = duplicate_index.clone().map(|duplicate_index| duplicate_index as Arc<dyn KeyIndex>);
        let plan = Plan {
            partition_by: self.config.partition_by.clone(),
            reads_all: self.config.on_bad == OnBad::Fail,
            ..plan(&self.config.read_options(), key_index)
        };
        let mut pieces = InOrder::new(request, plan);
        let taken: Result<()> = (|| {
            while let Some(piece) = pieces.next()? {
                step.take(piece)?;
            }
            Ok(())
        })();
        if let Err(error) = taken {
            step.abandon();
            let is_stopped = self.request.session.stop().is_set();
            return Err(if is_stopped { error.advise("what is not published was thrown away") } else { error });
        }
        let (staged, mut summary) = step.finish()?;
        if let (Some(staged), Some(commit)) = (staged, commit) {
            self.publish(commit, &staged, &mut summary)?;
            // The keys of kept rows were not inserted.
            let is_replaced = self.replacement.take().is_some();
            self.duplicate_index =
                duplicate_index.filter(|duplicate_index| !is_replaced && duplicate_index.spilled() < MOST_SPILLED_KEYS);
        }
        Ok(summary)
    }

    /// The index of the previous steps, or that of the lake; none without deduplication.
    fn duplicate_index(&self) -> Result<Option<Arc<DuplicateIndex>>> {
        let is_asked = self.config.dedup || self.replacement.is_some();
        if !is_asked || self.duplicate_index.is_some() {
            return Ok(self.duplicate_index.clone().filter(|_| is_asked));
        }
        let folder = self.config.scratch.clone().or_else(|| self.lake.as_ref().map(Lake::staging));
        let scratch = Scratch { disk: Disk::new(self.config.faults.clone()), folder };
        let mut keys = PublishedKeys::of_lake(&self.root, &self.config.tables, &self.config.partition_by)?;
        if let Some(replacement) = &self.replacement {
            keys = keys.without(replacement.archives.clone());
        }
        let bytes = bytes_to_read(&self.request.archives);
        Ok(Some(Arc::new(DuplicateIndex::new(keys, self.config.keys_memory(), scratch, bytes / EVENT_BYTES))))
    }

    fn publish(&mut self, commit: &Commit, staged: &Staged, summary: &mut Summary) -> Result<()> {
        let Some(lake) = &mut self.lake else { return Ok(()) };
        let ReadRequest { clock, pool, .. } = &self.request;
        let found = clock.coordinate(pool, || read_back(commit, staged.all()))?;
        // A table that was not asked for has no rows, whatever the archives contain.
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
