//! Removes rows of large archives from staged parts, if the archives turned out to be unusable after rows were written.
//!
//! In: which rows were written before it was known. Out: parts without them, under the same names. Never: touches a part
//! that has none of them, or one that readers can see.
//!
//! Parts keep the order of an archive's rows. So in each partition the rows of the archive to remove are its first ones, and
//! their number identifies them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::BooleanArray;

use super::config::Config;
use crate::encode::{EncodeContext, StagedPart, StagingArea, unwritable};
use crate::error::Result;
use crate::lake::FileLayout;
use crate::lake::root::Root;
use crate::lake::write::{Commit, PartRows, TableWriters};
use crate::rows::Batch;
use crate::schema::Table;

/// A partition of a table.
type PartitionOf = (Table, Arc<str>);

/// Rows that were written and must be removed.
#[derive(Debug, Default)]
pub(super) struct CutBack {
    /// Rows of the current archive, which may still turn out to be unusable.
    written: HashMap<PartitionOf, u64>,
    /// Rows to remove, by partition and archive.
    unwanted: HashMap<PartitionOf, HashMap<String, u64>>,
}

impl CutBack {
    /// Records rows of an archive that may still turn out to be unusable.
    pub(super) fn note(&mut self, batch: &Batch) {
        *self.written.entry((batch.table, Arc::clone(&batch.partition))).or_default() += batch.rows as u64;
    }

    /// Keeps the rows of the current archive.
    pub(super) fn keep(&mut self) {
        self.written.clear();
    }

    /// Marks the rows of the current archive, which is this one, for removal.
    pub(super) fn cut(&mut self, uri: &str) {
        for (partition, rows) in self.written.drain() {
            *self.unwanted.entry(partition).or_default().entry(uri.to_owned()).or_default() += rows;
        }
    }

    /// Rewrites parts that have unwanted rows; the parts by table and partition.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(super) fn apply(
        self,
        parts: Vec<StagedPart>,
        config: &Config,
        context: Arc<EncodeContext>,
        commit: &Commit,
    ) -> Result<Vec<StagedPart>> {
        if self.unwanted.is_empty() {
            return Ok(parts);
        }
        let staged = Root::of_folder(&commit.staging);
        let aside = commit.staging.join("cut-back");
        // Nothing of these is uploaded before they have their names.
        let staging = StagingArea { folder: aside.clone(), commit: commit.id.clone(), observer: None };
        let mut writers = TableWriters::new(&config.write_options(), context, staging)?;
        let mut unwanted = self.unwanted;
        let (mut untouched, mut replaced) = (Vec::new(), Vec::new());
        for part in parts {
            let partition = partition_of(&part)?;
            let Some(of_archives) = unwanted.get_mut(&partition) else {
                untouched.push(part);
                continue;
            };
            let path = commit.staging.join(&part.path);
            let layout = FileLayout::new(partition.0, &config.partition_by)?;
            let mut rows = PartRows::open(&staged, partition.0, &path, &layout)?;
            while let Some(read) = rows.next()? {
                let batch = rows.batch(&read);
                let wanted = wanted(&batch, of_archives)?;
                if wanted.true_count() > 0 {
                    writers.push(batch.only(&wanted)?)?;
                }
            }
            replaced.push(path);
        }
        let written = writers.finish()?;
        for path in replaced {
            commit.disk.remove_file(&path).map_err(|error| unwritable(&path, error))?;
        }
        for part in &written {
            let path = commit.staging.join(&part.path);
            commit.disk.rename(&aside.join(&part.path), &path).map_err(|error| unwritable(&path, error))?;
        }
        commit.disk.remove_folder(&aside).map_err(|error| unwritable(&aside, error))?;
        untouched.extend(written);
        untouched.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(untouched)
    }
}

/// The table and the partition of a part, by its path.
fn partition_of(part: &StagedPart) -> Result<PartitionOf> {
    let table = part.table()?;
    let partition = part.path.parent().and_then(|folder| folder.strip_prefix(table.name()).ok());
    Ok((table, partition.unwrap_or(Path::new("")).display().to_string().into()))
}

/// Which rows are kept: for each archive all but this many of its next ones.
fn wanted(batch: &Batch, unwanted: &mut HashMap<String, u64>) -> Result<BooleanArray> {
    let (archives, _) = batch.origins()?;
    let mut is_wanted = |row: usize| {
        let left = archives.value(row).and_then(|uri| unwanted.get_mut(uri));
        let Some(left) = left.filter(|left| **left > 0) else { return true };
        *left -= 1;
        false
    };
    Ok((0..batch.rows).map(|row| Some(is_wanted(row))).collect())
}
