//! Which archives are converted, in which steps.
//!
//! In: the archives that were found and what is known of them. Out: those to convert, in order. Never: the same archives
//! in other steps: a run that goes on where another died makes the same ones.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use crate::config::{Config, OnBad};
use crate::error::Result;
use crate::input::Archive;
use crate::output::{Again, Known, Replacement, Standing, name_hash, quarantined_archives};
use crate::report::Summary;
use crate::schema::Table;

/// What a run has to do.
pub(super) struct Worklist {
    /// Archives in the order of conversion: first those that are in the lake already and are converted again.
    pub(super) archives: Arc<Vec<Archive>>,
    again: Again,
    /// Whether some of those have rows but in `archives` and `quarantine`.
    has_rows: bool,
}

impl Worklist {
    /// Sorts archives out, on the threads of the pool that this is called in; what is left out is counted.
    ///
    /// # Errors
    ///
    /// When the lake cannot be read.
    pub(super) fn new(found: Vec<Archive>, known: &Known, config: &Config, summary: &mut Summary) -> Result<Self> {
        summary.archives.seen = found.len() as u64;
        let mut list = Self { archives: Arc::default(), again: Again::new(), has_rows: false };
        if known.is_empty() {
            list.archives = Arc::new(found);
            return Ok(list);
        }
        let quarantined = if config.retry_quarantined { quarantined_archives(known)? } else { HashSet::new() };
        let standing = |archive: &Archive| {
            let uri = archive.uri();
            let is_quarantined = !quarantined.is_empty() && quarantined.contains(&name_hash(&uri));
            (known.find(&uri, archive.bytes, &archive.modified()), is_quarantined)
        };
        let standings: Vec<(Standing, bool)> = found.par_iter().map(standing).collect();
        let (mut again, mut new) = (Vec::new(), Vec::new());
        for (archive, (standing, is_quarantined)) in found.into_iter().zip(standings) {
            let is_changed = standing == Standing::Changed;
            match standing {
                Standing::New => new.push(archive),
                Standing::Unread { has_rows } => {
                    list.has_rows |= has_rows;
                    again.push(archive);
                }
                _ if is_quarantined || (is_changed && config.reconvert_changed) => {
                    list.has_rows = true;
                    again.push(archive);
                }
                _ => {
                    summary.archives.already_converted += 1;
                    if is_changed {
                        summary.add_changed(|| archive.uri());
                    }
                }
            }
        }
        list.again = again.iter().map(Archive::uri).collect();
        again.append(&mut new);
        list.archives = Arc::new(again);
        Ok(list)
    }

    /// What is to be replaced, if anything, on the threads of the pool that this is called in.
    ///
    /// # Errors
    ///
    /// When the lake cannot be read.
    pub(super) fn replacement(&self, known: &Known, config: &Config) -> Result<Option<Replacement>> {
        if self.again.is_empty() {
            return Ok(None);
        }
        let mut tables = if self.has_rows { config.tables.clone() } else { Vec::new() };
        tables.push(Table::Quarantine);
        Replacement::find(&known.root, &known.commits, self.again.clone(), &tables).map(Some)
    }

    /// The archives that are published together, step by step.
    pub(super) fn steps(&self, config: &Config) -> Vec<Range<usize>> {
        let is_one = config.on_bad == OnBad::Fail || config.dry_run;
        let most = if is_one { u64::MAX } else { config.step_bytes };
        let mut steps = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (at, archive) in self.archives.iter().enumerate() {
            bytes += archive.bytes;
            let end = at + 1;
            // Archives that are converted again make a step of their own, whatever their size.
            let is_full = end >= self.again.len() && bytes >= most;
            let is_last_again = end == self.again.len() && !is_one;
            if is_full || is_last_again || end == self.archives.len() {
                steps.push(start..end);
                (start, bytes) = (end, 0);
            }
        }
        steps
    }
}
