//! Parts that hold rows of archives that are converted again, and what is left of them.
//!
//! In: the names of these archives. Out: the parts with their rows, and the rows of other archives, as batches for new parts.
//! Never: changes or removes a part: the commit with the new ones lists the parts that they replace, which are removed once it
//! is published.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray, RecordBatch};
use parquet::file::metadata::RowGroupMetaData;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::error::Result;
use crate::lake::commit_metadata::CommitMetadata;
use crate::lake::file::{Batches, LakeFile, text_column};
use crate::lake::layout::FileLayout;
use crate::lake::manifest::{Commits, PublishedCommit};
use crate::lake::root::Root;
use crate::rows::Batch;
use crate::schema::Table;

/// Archives that are converted again, by URI.
pub(crate) type ReconvertedArchives = BTreeSet<String>;

/// A part that has rows of these archives and of others.
#[derive(Debug)]
pub(crate) struct OldPart {
    pub(crate) table: Table,
    pub(crate) path: PathBuf,
}

/// What has to be replaced.
#[derive(Debug)]
pub(crate) struct Replacement {
    pub(crate) root: Root,
    pub(crate) archives: ReconvertedArchives,
    /// Parts of all tables but `archives`.
    pub(crate) parts: Vec<OldPart>,
    /// Parts of `archives`, and their metadata.
    pub(crate) manifests: Vec<(PathBuf, CommitMetadata)>,
    /// Paths of all of them below the lake.
    pub(crate) replaced: BTreeSet<String>,
}

impl Replacement {
    /// Finds the parts of `archives` and of other tables of a lake that hold rows of these archives or list such parts, on
    /// the current thread pool.
    ///
    /// # Errors
    ///
    /// A part that cannot be read.
    pub(crate) fn find(
        root: &Root,
        commits: &Commits,
        archives: ReconvertedArchives,
        tables: &[Table],
    ) -> Result<Self> {
        let parts = |&table| commits.parts_of(root, table).into_iter().map(move |path| OldPart { table, path });
        let candidates: Vec<OldPart> = tables.iter().flat_map(parts).collect();
        let has_rows = |part: OldPart| Ok(holds(root, &part.path, &archives)?.then_some(part));
        let parts: Vec<_> = candidates.into_par_iter().map(has_rows).collect::<Result<_>>()?;
        let parts: Vec<OldPart> = parts.into_iter().flatten().collect();
        let below = |path: &Path| root.below(path);
        let mut replaced: BTreeSet<String> = parts.iter().map(|part| below(&part.path)).collect();
        let mut manifests = Vec::new();
        for PublishedCommit { path, commit_metadata, .. } in &commits.published {
            // Rows that were carried over are in parts of another commit than that of their archive.
            let lists_replaced = commit_metadata.parts.iter().any(|part| replaced.contains(&part.path));
            if lists_replaced || holds(root, path, &archives)? {
                manifests.push((path.clone(), commit_metadata.clone()));
            }
        }
        replaced.extend(manifests.iter().map(|(path, _)| below(path)));
        Ok(Self { root: root.clone(), archives, parts, manifests, replaced })
    }

    /// The rows of a part, batch by batch, with the types that writers expect.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn read(&self, part: &OldPart, layout: &FileLayout) -> Result<PartRows> {
        PartRows::open(&self.root, part.table, &part.path, layout)
    }

    /// The metadata of a part of `archives` that replaces an old one: it lists what is left.
    pub(crate) fn what_is_left(&self, commit_metadata: &CommitMetadata) -> CommitMetadata {
        let parts = commit_metadata.parts.iter().filter(|part| !self.replaced.contains(&part.path)).cloned().collect();
        CommitMetadata { settings: commit_metadata.settings.clone(), parts, replaces: Vec::new() }
    }
}

/// The rows of a part, with the types that writers expect.
pub(crate) struct PartRows {
    table: Table,
    partition: Arc<str>,
    kept: Vec<usize>,
    batches: Batches,
}

impl PartRows {
    /// Opens a part below a root.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn open(root: &Root, table: Table, path: &Path, layout: &FileLayout) -> Result<Self> {
        let folder = path.parent().and_then(|folder| folder.strip_prefix(root.join(table.name())).ok());
        let file =
            LakeFile::open_with_types(root, path, layout.dictionary_schema(table))?.batch_rows(batch_rows(table));
        Ok(Self {
            table,
            partition: folder.unwrap_or(Path::new("")).display().to_string().into(),
            kept: layout.kept.clone(),
            batches: file.batches()?,
        })
    }

    /// The next rows as they are in the file.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.batches.next().transpose()
    }

    /// Such rows as a batch of the table, with all its declared columns.
    pub(crate) fn batch(&self, rows: &RecordBatch) -> Batch {
        let nothing: ArrayRef = Arc::new(NullArray::new(rows.num_rows()));
        let mut columns = vec![nothing; self.table.columns().len()];
        for (at, column) in self.kept.iter().zip(rows.columns()) {
            columns[*at] = Arc::clone(column);
        }
        Batch::new(self.table, Arc::clone(&self.partition), columns, rows.num_rows())
    }
}

/// Rows that are read at once: an original may be 16 MiB long.
pub(crate) const fn batch_rows(table: Table) -> usize {
    if matches!(table, Table::Quarantine) { 4 } else { 8_192 }
}

/// Whether a part has a row of one of these archives.
fn holds(root: &Root, path: &Path, archives: &ReconvertedArchives) -> Result<bool> {
    let file = LakeFile::open(root, path)?;
    let row_groups = file.metadata().row_groups().iter().enumerate();
    let candidates = row_groups.filter(|(_, row_group)| may_hold(row_group, archives)).map(|(at, _)| at).collect();
    for batch in file.columns(["archive"]).row_groups(candidates).batches()? {
        if text_column(&batch?, "archive", path)?.iter().flatten().any(|uri| archives.contains(uri)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one of these archives lies within its bounds; names from the same folder sort together.
fn may_hold(row_group: &RowGroupMetaData, archives: &ReconvertedArchives) -> bool {
    let column = row_group.columns().iter().find(|column| column.column_path().string() == "archive");
    let Some(statistics) = column.and_then(|column| column.statistics()) else { return true };
    let (Some(least), Some(most)) = (statistics.min_bytes_opt(), statistics.max_bytes_opt()) else { return true };
    archives.iter().any(|uri| least <= uri.as_bytes() && uri.as_bytes() <= most)
}
