//! A lake against its own manifest.
//!
//! In: a lake, at any time after the runs that filled it. Out: what is missing, damaged, duplicated or unaccounted for. Never:
//! changes anything, or trusts a file's name about its content.

mod part;

mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;

use crate::dedup::{DuplicateIndex, PublishedKeys, Scratch};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result, counted, printable, printable_path};
use crate::lake::file::guarded;
use crate::lake::root::Root;
use crate::lake::write::hold_shared;
use crate::lake::{Commits, CommittedPart, FileLayout, PartName, key_table};
use crate::model::limits;
use crate::pool::thread_pool;
use crate::schema::Table;
use crate::store::{Session, StoreOptions};

use part::{Edge, ListedPart, check_part};
use rows::{RowCounts, check_archives};

/// Maximum problems of one kind that are listed; all are counted.
const TOLD: usize = 20;

/// A request to check a lake.
#[derive(Clone, Debug)]
pub struct CheckConfig {
    /// The lake.
    pub lake: PathBuf,
    /// Worker threads.
    pub threads: usize,
    /// Bytes of memory for keys of events.
    pub memory_limit: u64,
    /// Folder for keys of events that do not fit into memory; without one all keys stay in memory.
    pub scratch: Option<PathBuf>,
    /// How S3 is reached, when the lake is there.
    pub store: StoreOptions,
    /// Whether to read only footers and the columns that identify archives and events, and not every page.
    pub is_quick: bool,
}

impl CheckConfig {
    /// A request with the defaults of the command line.
    #[must_use]
    pub fn new(lake: PathBuf) -> Self {
        let (threads, memory_limit) = (limits::threads(), limits::MEMORY);
        Self { lake, threads, memory_limit, scratch: None, store: StoreOptions::default(), is_quick: false }
    }
}

macro_rules! problems {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// The kinds of problems of a lake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ProblemKind { $(#[doc = $doc] $variant,)* }

        impl ProblemKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

problems! {
    ManifestDamaged "manifest_damaged" "A part of `archives` cannot be read, so nothing can be said of what it told."
    PartMissing "part_missing" "A file that a commit has published is not there."
    PartDamaged "part_damaged" "A file cannot be read to its end."
    PartChanged "part_changed" "A file has another size or other rows than it was published with."
    SchemaDiffers "schema_differs" "A file does not have the columns of its table."
    Unpublished "unpublished" "A file of a run that died is among those that readers see; the next run removes it."
    Replaced "replaced" "A file that a later one stands for is still there; the next run removes it."
    Stranger "stranger" "A file in the folder of a table that no run has put there."
    RowsDiffer "rows_differ" "The rows of an archive are not as many as the manifest says."
    CountsDiffer "counts_differ" "The numbers of an archive in the manifest contradict each other."
    ArchiveTwice "archive_twice" "The manifest has an archive twice."
    ArchiveUnknown "archive_unknown" "Rows of an archive that the manifest does not have."
    EventTwice "event_twice" "An event is there a second time."
}

/// A problem of a lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its kind.
    pub kind: ProblemKind,
    /// File below the lake, or archive; safe to print.
    pub place: String,
    /// What was expected and found; safe to print.
    pub message: String,
}

/// The result of a check.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckReport {
    /// The lake, absolute.
    pub lake: PathBuf,
    /// Number of its commits.
    pub commits: u64,
    /// Archives in its manifest.
    pub archives: u64,
    /// Files that were checked.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Duplicate events, from runs that were to keep duplicates.
    pub copies: u64,
    /// Problems by kind.
    pub problem_counts: BTreeMap<&'static str, u64>,
    /// The first problems of each kind.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether there are no problems.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problem_counts.is_empty()
    }

    fn add(&mut self, kind: ProblemKind, place: &str, message: impl Into<String>) {
        let count = self.problem_counts.entry(kind.as_str()).or_default();
        *count += 1;
        if *count <= TOLD as u64 {
            let message = printable_path(&message.into());
            self.problems.push(Problem { kind, place: printable(place), message });
        }
    }
}

/// Checks a lake.
///
/// # Errors
///
/// A place that is not a lake or a folder that a run is writing to, and failures of the system. Problems of the lake are not
/// errors but part of the report.
pub fn check(config: &CheckConfig) -> Result<CheckReport> {
    let session = Session::new(&config.store);
    loop {
        let checked = check_in(config, &session);
        let is_read = checked.as_ref().map_or_else(|error| error.kind() == ErrorKind::StoreUnreadable, |_| true);
        // A part that could not be read is not known to be damaged.
        if !is_read || !session.confirm()? {
            return checked.map_err(|error| session.stop().explain(error));
        }
    }
}

/// Whether a part could not be read, which is different from a missing one.
fn is_unread(error: &Error) -> bool {
    error.of_store().is_some_and(|why| why.kind() != io::ErrorKind::NotFound)
}

/// The error of a part that the store does not serve, in its own words.
fn unread(root: &Root, error: Error) -> Error {
    let place = error.place().map_or_else(|| root.path().to_owned(), PathBuf::from);
    match error.of_store() {
        Some(why) => Error::at(ErrorKind::StoreUnreadable, &place, why.to_string()),
        None => error,
    }
}

fn check_in(config: &CheckConfig, session: &Session) -> Result<CheckReport> {
    let root = Root::existing(&config.lake, session)?;
    let _lock = hold_shared(&root)?;
    let mut report = CheckReport { lake: root.path().to_owned(), ..CheckReport::default() };
    let commits = match Commits::read(&root) {
        Err(error) if is_unread(&error) => return Err(unread(&root, error)),
        Err(error) if error.kind() == ErrorKind::LakeInvalid => {
            let place =
                error.place().map_or_else(|| Table::Archives.name().to_owned(), |place| root.below(Path::new(place)));
            report.add(ProblemKind::ManifestDamaged, &place, error.cause());
            return Ok(report);
        }
        commits => commits?,
    };
    let pool = thread_pool(config.threads)?;
    let Some(plan) = CheckPlan::new(&root, &commits, config, &mut report)? else { return Ok(report) };
    pool.install(|| plan.run(&mut report))?;
    report.problems.sort_by(|one, two| (one.kind, &one.place).cmp(&(two.kind, &two.place)));
    Ok(report)
}

/// The files to check.
struct CheckPlan<'a> {
    root: &'a Root,
    commits: &'a Commits,
    is_quick: bool,
    tables: Vec<Table>,
    layouts: HashMap<Table, FileLayout>,
    listed: Vec<ListedPart>,
    duplicate_index: DuplicateIndex,
}

impl<'a> CheckPlan<'a> {
    /// Compares the existing files with those that should exist; `None` when there is nothing further to check.
    fn new(
        root: &'a Root,
        commits: &'a Commits,
        config: &CheckConfig,
        report: &mut CheckReport,
    ) -> Result<Option<Self>> {
        report.commits = commits.last.into();
        let mut listed = list_parts(commits, root);
        let known: HashSet<PathBuf> = listed.iter().map(|part| root.join(&part.path)).collect();
        let mut found = HashSet::new();
        for table in Table::ALL {
            for path in root.parquet_files(table)? {
                if !known.contains(&path) {
                    let (kind, message) = explain_foreign_file(commits, &path);
                    report.add(kind, &root.below(&path), message);
                }
                found.insert(path);
            }
        }
        let Some(first) = commits.published.first() else { return Ok(None) };
        let Some((tables, partition_by)) = first.commit_metadata.settings.layout() else {
            let words = format!("{:?}", first.commit_metadata.settings);
            report.add(ProblemKind::ManifestDamaged, &root.below(&first.path), words);
            return Ok(None);
        };
        listed.retain(|part| {
            let is_there = found.contains(&root.join(&part.path));
            if !is_there {
                report.add(
                    ProblemKind::PartMissing,
                    &part.path,
                    format!("{} published in it", counted(part.rows, "row")),
                );
            }
            is_there
        });
        report.parts = listed.len() as u64;
        report.bytes = listed.iter().map(|part| part.bytes.unwrap_or_default()).sum();
        let layout = |table| Ok((table, FileLayout::new(table, &partition_by)?));
        let scratch = Scratch { disk: Disk::default(), folder: config.scratch.clone() };
        let expected = listed.iter().filter(|part| part.table == key_table(&tables)).map(|part| part.rows).sum();
        let nothing = PublishedKeys::new(root, Table::Events, Vec::new(), &partition_by);
        Ok(Some(Self {
            root,
            commits,
            is_quick: config.is_quick,
            layouts: Table::ALL.into_iter().map(layout).collect::<Result<_>>()?,
            tables,
            listed,
            duplicate_index: DuplicateIndex::new(nothing, config.memory_limit / 2, scratch, expected),
        }))
    }

    /// Checks every file.
    fn run(&self, report: &mut CheckReport) -> Result<()> {
        let shared = Mutex::new((std::mem::take(report), RowCounts::default(), BTreeMap::new()));
        self.duplicate_index.settle_all();
        let key_table = key_table(&self.tables);
        (0..self.listed.len()).into_par_iter().try_for_each(|number| {
            let part = &self.listed[number];
            let duplicate_index = (part.table == key_table).then_some((&self.duplicate_index, number));
            let check = || check_part(self.root, part, &self.layouts[&part.table], self.is_quick, duplicate_index);
            let found = guarded(&self.root.join(&part.path), check);
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (report, counts, edges) = &mut *shared;
            match found {
                Ok(found) => {
                    *report.rows.entry(part.table.name()).or_default() += found.rows;
                    for (kind, message) in found.problems {
                        report.add(kind, &part.path, message);
                    }
                    counts.add(found.counts);
                    edges.extend(found.edges.map(|found| (number, found)));
                    Ok(())
                }
                // What could not be read is neither damaged nor intact.
                Err(error) if is_unread(&error) => Err(unread(self.root, error)),
                Err(error) if error.kind() == ErrorKind::LakeInvalid => {
                    report.add(ProblemKind::PartDamaged, &part.path, error.cause());
                    Ok(())
                }
                Err(error) => Err(error),
            }
        })?;
        let (found, counts, edges) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        *report = found;
        check_archives(self.commits, self.root, &self.tables, counts, report)?;
        self.report_duplicates(&edges, report)
    }

    fn report_duplicates(&self, edges: &BTreeMap<usize, (Edge, Edge)>, report: &mut CheckReport) -> Result<()> {
        let mut copies = self.duplicate_index.take_all_lost()?;
        for ((one, (_, last)), (two, (first, _))) in edges.iter().zip(edges.iter().skip(1)) {
            let folder = |part: &usize| Path::new(&self.listed[*part].path).parent();
            // Rows of an event that continue in the next file of its partition are not duplicates.
            if folder(one) == folder(two) && last.event == first.event {
                copies.remove(&last.place);
                copies.remove(&first.place);
            }
        }
        for place in copies {
            let part = &self.listed[place.archive() as usize];
            if !part.is_deduplicated {
                report.copies += 1;
                continue;
            }
            let message = format!("the event of row {} is in the lake a second time", place.event_index());
            report.add(ProblemKind::EventTwice, &part.path, message);
        }
        Ok(())
    }
}

fn list_parts(commits: &Commits, root: &Root) -> Vec<ListedPart> {
    let mut listed = Vec::new();
    for commit in &commits.published {
        let rows = u64::try_from(commit.metadata.metadata().file_metadata().num_rows()).unwrap_or_default();
        let is_deduplicated = commit.commit_metadata.settings.dedup;
        let path = root.below(&commit.path);
        listed.push(ListedPart { table: Table::Archives, path, rows, bytes: None, xxh3: None, is_deduplicated });
        for part in &commit.commit_metadata.parts {
            let table = Table::ALL.into_iter().find(|table| Path::new(&part.path).starts_with(table.name()));
            let Some(table) = table else { continue };
            let CommittedPart { path, rows, bytes, xxh3 } = part.clone();
            listed.push(ListedPart { table, path, rows, bytes: Some(bytes), xxh3: Some(xxh3), is_deduplicated });
        }
    }
    listed.sort_by(|one, two| one.path.cmp(&two.path));
    listed
}

fn explain_foreign_file(commits: &Commits, path: &Path) -> (ProblemKind, String) {
    let name = PartName::parse(path);
    if commits.replaced.contains(path) {
        (ProblemKind::Replaced, "readers see its rows twice until the next run".to_owned())
    } else if name.is_some_and(|name| name.commit > commits.last) {
        (ProblemKind::Unpublished, "readers see its rows until the next run".to_owned())
    } else {
        (ProblemKind::Stranger, "no commit has published it".to_owned())
    }
}
