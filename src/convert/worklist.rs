//! Which archives are converted, in which steps.
//!
//! In: the archives that were found and what is known of them. Out: those to convert, in order. Never: the same archives
//! in other steps: a run that goes on where another died makes the same ones.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::config::Config;
use crate::error::Result;
use crate::input::Archive;
use crate::lake::write::{ReconvertedArchives, Replacement};
use crate::lake::{ArchiveState, KnownArchives, containers, name_hash, quarantined_archives};
use crate::model::OnBad;
use crate::reader::open_containers;
use crate::report::Summary;
use crate::schema::Table;

/// What a run has to do.
pub(super) struct Worklist {
    /// Archives in the order of conversion: first those that belong to the step of `reconverted`.
    pub(super) archives: Arc<Vec<Archive>>,
    /// Archives that are in the lake already and are converted again.
    reconverted: ReconvertedArchives,
    /// Archives of their step: those, and new members of containers that are among them. A container is known only when
    /// all of its members are in the lake.
    reconverted_step: usize,
    /// Whether some of `reconverted` have rows but in `archives` and `quarantine`.
    has_rows: bool,
}

/// Tells archives that are to be converted from those that the lake has.
pub(super) struct Sorter<'a> {
    known: &'a KnownArchives,
    config: &'a Config,
    /// Archives that are to be tried again, and the containers that they are in, by the hash of their name.
    quarantined: HashSet<u128>,
    /// Archives that were found and left out at once.
    left_out: AtomicU64,
}

impl<'a> Sorter<'a> {
    /// Reads what the lake says of archives that are to be tried again.
    ///
    /// # Errors
    ///
    /// When the lake cannot be read.
    pub(super) fn new(known: &'a KnownArchives, config: &'a Config) -> Result<Self> {
        let quarantined = if config.retry_quarantined { quarantined_archives(known)? } else { HashSet::new() };
        Ok(Self { known, config, quarantined, left_out: AtomicU64::new(0) })
    }

    /// Whether an archive has to be remembered at all. What is left out here is counted with those that [`Sorter::sort`]
    /// leaves out.
    pub(super) fn is_new(&self, archive: &Archive) -> bool {
        // What digest files declare is looked for among all archives.
        let is_asked = !self.known.is_empty() && self.config.public_keys.is_empty();
        let is_left_out = is_asked && self.state(archive) == (ArchiveState::Same, false);
        if is_left_out {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        !is_left_out
    }

    /// What is known of an archive, and whether it is to be tried again.
    fn state(&self, archive: &Archive) -> (ArchiveState, bool) {
        let uri = archive.uri();
        let is_quarantined = !self.quarantined.is_empty() && self.quarantined.contains(&name_hash(&uri));
        (self.known.find(&uri, archive.bytes, &archive.modified()), is_quarantined)
    }

    /// Sorts archives out, on the threads of the pool that this is called in; what is left out is counted.
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
        let states: Vec<(ArchiveState, bool)> = found.par_iter().map(|archive| self.state(archive)).collect();
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
                // It has no rows of its own; each of its members is judged by itself.
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
        // A container with a member that is left as it was is looked into again by the next run.
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

    /// Looks into containers that the lake does not know, on the threads of the pool that this is called in.
    pub(super) fn open_containers(&self, found: Vec<Archive>) -> Vec<Archive> {
        let is_looked_into = |archive: &Archive| match self.state(archive) {
            (ArchiveState::Same, is_quarantined) => is_quarantined,
            _ => true,
        };
        open_containers(found, is_looked_into, &self.config.selection)
    }
}

impl Worklist {
    /// What is to be replaced, if anything, on the threads of the pool that this is called in.
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

    /// The archives that are published together, step by step.
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
