//! Which archives are converted, in which steps.
//!
//! In: the archives that were found and what is known about them. Out: those to convert, in order. Never: assigns archives
//! to other steps: a run that continues after one that died makes the same steps.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::config::Config;
use crate::clock::logical;
use crate::error::Result;
use crate::input::Archive;
use crate::lake::write::{ReconvertedArchives, Replacement};
use crate::lake::{ArchiveState, KnownArchives, containers, name_hash, quarantined_archives};
use crate::model::OnBad;
use crate::reader::open_containers;
use crate::report::Summary;
use crate::schema::Table;

/// The work of a run.
pub(super) struct Worklist {
    /// Archives in the order of conversion: first the step of `reconverted`.
    pub(super) archives: Arc<Vec<Archive>>,
    /// Archives that are already in the lake and are converted again.
    reconverted: ReconvertedArchives,
    /// Number of archives in that step: the reconverted ones, and new members of containers among them. A container is marked
    /// as known only when all of its members are in the lake.
    reconverted_step: usize,
    /// Whether some of `reconverted` have rows outside of `archives` and `quarantine`.
    has_rows: bool,
}

/// Separates archives to convert from those that the lake has.
pub(super) struct Sorter<'a> {
    known: &'a KnownArchives,
    config: &'a Config,
    /// Archives to retry, and the containers that they are in, by the hash of their names.
    quarantined: HashSet<u128>,
    /// Archives that were skipped as soon as they were found.
    left_out: AtomicU64,
}

impl<'a> Sorter<'a> {
    /// Reads the archives to retry from the lake.
    ///
    /// # Errors
    ///
    /// When the lake cannot be read.
    pub(super) fn new(known: &'a KnownArchives, config: &'a Config) -> Result<Self> {
        let quarantined = if config.retry_quarantined { quarantined_archives(known)? } else { HashSet::new() };
        Ok(Self { known, config, quarantined, left_out: AtomicU64::new(0) })
    }

    /// Whether an archive has to be kept in the list at all. What is skipped here is counted together with what
    /// [`Sorter::sort`] skips.
    pub(super) fn is_new(&self, archive: &Archive) -> bool {
        // Files that digest files declare are searched among all archives.
        let is_asked = !self.known.is_empty() && self.config.public_keys.is_empty();
        let is_left_out = is_asked && self.state(archive) == (ArchiveState::Same, false);
        if is_left_out {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        !is_left_out
    }

    /// What is known about an archive, and whether it is to be retried.
    fn state(&self, archive: &Archive) -> (ArchiveState, bool) {
        let uri = archive.uri();
        let is_quarantined = !self.quarantined.is_empty() && self.quarantined.contains(&name_hash(&uri));
        (self.known.find(&uri, archive.bytes, &archive.modified()), is_quarantined)
    }

    /// Sorts archives, on the current thread pool; what is skipped is counted.
    pub(super) fn sort(&self, found: Vec<Archive>, summary: &mut Summary) -> Worklist {
        let left_out = self.left_out.load(Ordering::Relaxed);
        summary.archives.already_converted = left_out;
        summary.archives.seen = found.len() as u64 + left_out;
        let mut list = Worklist {
            archives: Arc::default(),
            reconverted: ReconvertedArchives::new(),
            reconverted_step: 0,
            has_rows: false,
        };
        if self.known.is_empty() {
            list.archives = Arc::new(found);
            return list;
        }
        let states: Vec<(ArchiveState, bool)> = logical::map(&found, |archive| self.state(archive));
        let (mut reconverted, mut new) = (Vec::new(), Vec::new());
        let mut unfinished = HashSet::new();
        for (archive, (state, is_quarantined)) in found.into_iter().zip(states) {
            let is_changed = state == ArchiveState::Changed;
            match state {
                ArchiveState::New => new.push(archive),
                ArchiveState::Unread { has_rows } => {
                    list.has_rows |= has_rows;
                    reconverted.push(archive);
                }
                // It has no rows of its own; each of its members is judged separately.
                _ if archive.is_container() => reconverted.push(archive),
                _ if is_quarantined || (is_changed && self.config.reconvert_changed) => {
                    list.has_rows = true;
                    reconverted.push(archive);
                }
                _ => {
                    summary.archives.already_converted += 1;
                    if is_changed {
                        let uri = archive.uri();
                        unfinished.extend(containers(&uri).map(str::to_owned));
                        summary.add_changed(|| uri);
                    }
                }
            }
        }
        // A container with a member that is left unchanged is opened again by the next run.
        let found = reconverted.len() + new.len();
        for archives in [&mut reconverted, &mut new] {
            archives.retain(|archive: &Archive| !archive.is_container() || !unfinished.contains(&archive.uri()));
        }
        summary.archives.already_converted += (found - reconverted.len() - new.len()) as u64;
        list.reconverted = reconverted.iter().map(Archive::uri).collect();
        if reconverted.iter().any(Archive::is_container) {
            let is_of_reconverted =
                |archive: &Archive| containers(&archive.uri()).any(|uri| list.reconverted.contains(uri));
            let (of_reconverted, others): (Vec<_>, Vec<_>) = new.into_iter().partition(is_of_reconverted);
            new = others;
            reconverted.extend(of_reconverted);
            reconverted.sort_unstable_by(Archive::order);
        }
        list.reconverted_step = reconverted.len();
        reconverted.append(&mut new);
        list.archives = Arc::new(reconverted);
        list
    }

    /// Opens containers that the lake does not know, on the current thread pool.
    pub(super) fn open_containers(&self, found: Vec<Archive>) -> Vec<Archive> {
        let is_looked_into = |archive: &Archive| match self.state(archive) {
            (ArchiveState::Same, is_quarantined) => is_quarantined,
            _ => true,
        };
        open_containers(found, is_looked_into, &self.config.selection)
    }
}

impl Worklist {
    /// What is to be replaced, if anything, on the current thread pool.
    ///
    /// # Errors
    ///
    /// When the lake cannot be read.
    pub(super) fn replacement(&self, known: &KnownArchives, config: &Config) -> Result<Option<Replacement>> {
        if self.reconverted.is_empty() {
            return Ok(None);
        }
        let mut tables = if self.has_rows { config.tables.clone() } else { Vec::new() };
        tables.push(Table::Quarantine);
        Replacement::find(&known.root, &known.commits, self.reconverted.clone(), &tables).map(Some)
    }

    /// The archives of each step, which are published together.
    pub(super) fn steps(&self, config: &Config) -> Vec<Range<usize>> {
        let is_one = config.on_bad == OnBad::Fail || config.dry_run;
        let most = if is_one { u64::MAX } else { config.step_bytes };
        let mut steps = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (at, archive) in self.archives.iter().enumerate() {
            bytes = archive.bytes_to_read().saturating_add(bytes);
            let end = at + 1;
            // Archives that are converted again make a step of their own, whatever their size.
            let is_full = end >= self.reconverted_step && bytes >= most;
            let is_last_reconverted = end == self.reconverted_step && !is_one;
            if is_full || is_last_reconverted || end == self.archives.len() {
                steps.push(start..end);
                (start, bytes) = (end, 0);
            }
        }
        steps
    }
}
