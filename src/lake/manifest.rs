//! What a lake already contains: its `archives` table, read back.
//!
//! In: a lake, or a place for one. Out: its commits, and what is known about each archive, as hashes. Never: writes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use twox_hash::XxHash3_128;

use super::PartName;
use super::commit_metadata::{CommitMetadata, CommittedPart, InvalidMetadata, Settings, covers};
use super::file::{LakeFile, damaged, text_column};
use super::root::Root;
use crate::error::{Error, ErrorKind, Result};
use crate::rows::{DAMAGED, UNREADABLE};
use crate::schema::Table;

/// Columns that describe the outcome of an archive.
const COLUMNS: [&str; 6] = ["archive", "etag_or_mtime", "kind", "compressed_bytes", "filtered", "events_written"];

/// A part of `archives` that counts: of a published commit, or what a later one has kept of it.
#[derive(Debug)]
pub(crate) struct PublishedCommit {
    pub(crate) path: PathBuf,
    pub(crate) metadata: ArrowReaderMetadata,
    pub(crate) commit_metadata: CommitMetadata,
}

/// The commits of a lake, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    /// Those that count.
    pub(crate) published: Vec<PublishedCommit>,
    /// Parts that a later commit replaces: they are to be removed, and not to be read.
    pub(crate) replaced: HashSet<PathBuf>,
    /// The number of the newest commit.
    pub(crate) last: u32,
}

impl Commits {
    /// Reads the commits of a lake.
    ///
    /// # Errors
    ///
    /// When a part of `archives` is not what this version writes.
    pub(crate) fn read(root: &Root) -> Result<Self> {
        let mut commits = Self::default();
        let parts = root.parquet_files(Table::Archives)?;
        let name = |path: &PathBuf| PartName::parse(path);
        // The first part of a commit is published last; without it nothing of the newest commit counts.
        let first_parts = parts.iter().filter_map(name).filter(|name| name.number == 0);
        commits.last = first_parts.map(|name| name.commit).max().unwrap_or_default();
        for path in parts {
            if name(&path).is_some_and(|name| name.commit > commits.last) {
                continue;
            }
            let (metadata, commit_metadata) = read_commit_metadata(root, &path)?;
            commits.replaced.extend(commit_metadata.replaces.iter().map(|below| root.join(below)));
            commits.published.push(PublishedCommit { path, metadata, commit_metadata });
        }
        let replaced = &commits.replaced;
        commits.published.retain(|commit| !replaced.contains(&commit.path));
        Ok(commits)
    }

    /// The parts of a table that count, in the order of the commits: a file that no commit lists is not in the lake, wherever it
    /// is.
    pub(crate) fn listed(&self, root: &Root, table: Table) -> impl Iterator<Item = &CommittedPart> {
        let parts = self.published.iter().flat_map(|commit| &commit.commit_metadata.parts);
        parts.filter(move |part| {
            Path::new(&part.path).starts_with(table.name()) && !self.replaced.contains(&root.join(&part.path))
        })
    }

    /// The paths of these parts, sorted.
    pub(crate) fn parts_of(&self, root: &Root, table: Table) -> Vec<PathBuf> {
        let mut parts: Vec<PathBuf> = self.listed(root, table).map(|part| root.join(&part.path)).collect();
        parts.sort();
        parts
    }
}

fn read_commit_metadata(root: &Root, path: &Path) -> Result<(ArrowReaderMetadata, CommitMetadata)> {
    let load = || ArrowReaderMetadata::load(&root.open(path)?, ArrowReaderOptions::default());
    let metadata = load().map_err(|error| damaged(path, error))?;
    let commit_metadata = CommitMetadata::read(metadata.metadata().file_metadata());
    let commit_metadata = commit_metadata.map_err(|error| match error {
        InvalidMetadata::TooNew(words) => {
            Error::at(ErrorKind::LakeTooNew, path, words).advise("use a later version of trailmill")
        }
        InvalidMetadata::Invalid(words) => damaged(path, words),
    })?;
    Ok((metadata, commit_metadata))
}

/// What is known about an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArchiveState {
    /// Nothing.
    New,
    /// It is in the lake as this run would convert it.
    Same,
    /// It is in the lake and has other bytes now, or other selectors left out some of its events.
    Changed,
    /// It could not be read; an earlier version of it may have been.
    Unread {
        /// Whether rows of that version are in the lake.
        has_rows: bool,
    },
}

/// The archives of a lake.
#[derive(Debug)]
pub(crate) struct KnownArchives {
    pub(crate) root: Root,
    pub(crate) commits: Commits,
    /// For each archive 96 bits of a hash of its name and 32 of one of its version, sorted: ten million take 160 MB, and
    /// the probability that any two names collide is 10⁻¹⁵.
    archives: Vec<u128>,
    /// Containers of archives that could not be read.
    unread_containers: HashSet<u128>,
}

/// Marks an archive that was converted with other selectors, which left out some of its events.
const OTHERWISE: u32 = 0;
/// Marks an archive that could not be read.
const UNREAD: u32 = 1;
/// Marks an archive that could not be read, though rows of it are in the lake.
const UNREAD_WITH_ROWS: u32 = 2;

impl KnownArchives {
    /// Reads what is in the lake of a run, if anything, on the current thread pool.
    ///
    /// # Errors
    ///
    /// When its files are damaged, or were written with other tables or partitions.
    pub(crate) fn read(root: Root, wanted: &Settings) -> Result<Self> {
        let commits = Commits::read(&root).map_err(|error| match error.kind() {
            ErrorKind::LakeInvalid => error.advise("mend it, or choose another --out"),
            _ => error,
        })?;
        for PublishedCommit { path, commit_metadata, .. } in &commits.published {
            check_settings(&commit_metadata.settings, wanted)
                .map_err(|message| Error::at(ErrorKind::LakeInvalid, path, message).advise("choose another --out"))?;
        }
        let (archives, unread_containers) = read_archives(&root, &commits, &wanted.selection)?;
        Ok(Self { root, commits, archives, unread_containers })
    }

    /// Whether no archive is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.archives.is_empty()
    }

    /// What is known about an archive.
    pub(crate) fn find(&self, archive: &str, bytes: u64, modified: &str) -> ArchiveState {
        let name = name_hash(archive);
        let first = self.archives.partition_point(|known| *known < name);
        let versions = self.archives[first..].iter().take_while(|known| *known >> 32 == name >> 32);
        let mut state = ArchiveState::New;
        for version in versions.map(|known| *known & u128::from(u32::MAX)) {
            if version == u128::from(version_hash(bytes, modified)) {
                let is_unread = self.unread_containers.contains(&name);
                return if is_unread { ArchiveState::Unread { has_rows: false } } else { ArchiveState::Same };
            }
            state = if version == u128::from(UNREAD) {
                ArchiveState::Unread { has_rows: false }
            } else if version == u128::from(UNREAD_WITH_ROWS) {
                ArchiveState::Unread { has_rows: true }
            } else {
                ArchiveState::Changed
            };
        }
        state
    }
}

fn check_settings(found: &Settings, wanted: &Settings) -> Result<(), String> {
    for (found, wanted, flag) in
        [(&found.tables, &wanted.tables, "--tables"), (&found.partition_by, &wanted.partition_by, "--partition-by")]
    {
        if found != wanted {
            return Err(format!("it was filled with {flag} {found}, not {wanted}"));
        }
    }
    Ok(())
}

fn read_archives(root: &Root, commits: &Commits, selection: &str) -> Result<(Vec<u128>, HashSet<u128>)> {
    let row_groups = |commit: &PublishedCommit| commit.metadata.metadata().num_row_groups();
    let units: Vec<(&PublishedCommit, usize)> =
        commits.published.iter().flat_map(|commit| (0..row_groups(commit)).map(move |at| (commit, at))).collect();
    let read = |(commit, at): (&PublishedCommit, usize)| {
        let has_all_wanted = covers(&commit.commit_metadata.settings.selection, selection);
        let file = LakeFile::open_with(root, &commit.path, commit.metadata.clone())?;
        let (mut archives, mut unread) = (Vec::new(), HashSet::new());
        for batch in file.columns(COLUMNS).row_groups(vec![at]).batches()? {
            let read = read_batch(&batch?, has_all_wanted, &mut archives, &mut unread);
            read.ok_or_else(|| damaged(&commit.path, "a column is missing"))?;
        }
        Ok((archives, unread))
    };
    let parts: Vec<(Vec<u128>, HashSet<u128>)> = units.into_par_iter().map(read).collect::<Result<_>>()?;
    let mut archives = Vec::with_capacity(parts.iter().map(|(archives, _)| archives.len()).sum());
    let mut unread_containers = HashSet::new();
    for (part, unread) in parts {
        archives.extend(part);
        unread_containers.extend(unread);
    }
    archives.sort_unstable();
    Ok((archives, unread_containers))
}

/// `None` when a column is missing.
fn read_batch(
    batch: &RecordBatch,
    has_all_wanted: bool,
    archives: &mut Vec<u128>,
    unread_containers: &mut HashSet<u128>,
) -> Option<()> {
    let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>();
    let number = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
    let (archive, modified, kind) = (text("archive")?, text("etag_or_mtime")?, text("kind")?);
    let (bytes, filtered, written) = (number("compressed_bytes")?, number("filtered")?, number("events_written")?);
    for row in 0..batch.num_rows() {
        let is_whole = has_all_wanted || filtered.is_null(row) || filtered.value(row) == 0;
        // For a damaged member the directory of its container gives the same version as for an intact one.
        let version = if matches!(kind.value(row), UNREADABLE | DAMAGED) {
            unread_containers.extend(containers(archive.value(row)).map(name_hash));
            if written.value(row) == 0 { UNREAD } else { UNREAD_WITH_ROWS }
        } else if is_whole {
            version_hash(u64::try_from(bytes.value(row)).unwrap_or_default(), modified.value(row))
        } else {
            OTHERWISE
        };
        archives.push(name_hash(archive.value(row)) | u128::from(version));
    }
    Some(())
}

/// Archives that have rows in `quarantine`, by the hash of their names.
///
/// # Errors
///
/// A part that cannot be read.
pub(crate) fn quarantined_archives(known: &KnownArchives) -> Result<HashSet<u128>> {
    let mut archives = HashSet::new();
    for path in known.commits.parts_of(&known.root, Table::Quarantine) {
        for batch in LakeFile::open(&known.root, &path)?.columns(["archive"]).batches()? {
            for archive in text_column(&batch?, "archive", &path)?.iter().flatten() {
                archives.extend(containers(archive).chain([archive]).map(name_hash));
            }
        }
    }
    Ok(archives)
}

/// The containers that an archive is in, by its name.
pub(crate) fn containers(archive: &str) -> impl Iterator<Item = &str> {
    archive.match_indices('!').map(|(at, _)| &archive[..at])
}

/// A hash of a name, in the upper 96 bits.
pub(crate) fn name_hash(archive: &str) -> u128 {
    XxHash3_128::oneshot(archive.as_bytes()) >> 32 << 32
}

#[expect(clippy::cast_possible_truncation, reason = "some bits of a hash")]
fn version_hash(bytes: u64, modified: &str) -> u32 {
    let hash = XxHash3_128::oneshot_with_seed(bytes, modified.as_bytes()) as u32;
    hash.max(UNREAD_WITH_ROWS + 1)
}

/// The table that has the keys of all events with rows: a lake has a table from its beginning, or never, and all
/// usage records belong to events.
pub(crate) fn key_table(tables: &[Table]) -> Table {
    if tables.contains(&Table::Events) { Table::Events } else { Table::UsageRecords }
}
