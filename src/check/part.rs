//! One file of a lake.
//!
//! In: a file and its entry in the commit. Out: its problems, and its rows by archive. Never: relies
//! on the footer alone, unless only that is to be checked.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use parquet::file::reader::Length;

use super::ProblemKind;
use super::rows::RowCounts;
use crate::dedup::{DuplicateIndex, KeyColumns};
use crate::disk::hash_of;
use crate::error::{Result, counted};
use crate::lake::file::{LakeFile, damaged};
use crate::lake::root::Root;
use crate::lake::write::batch_rows;
use crate::lake::{FileLayout, name_hash};
use crate::model::Place;
use crate::rows::event_key::{EventKey, KeyEntry};
use crate::schema::Table;

/// A file that a commit lists.
#[derive(Clone, Debug)]
pub(super) struct ListedPart {
    pub(super) table: Table,
    /// Path below the lake.
    pub(super) path: String,
    pub(super) rows: u64,
    /// Its size, if the manifest has it.
    pub(super) bytes: Option<u64>,
    /// Its hash, if the manifest has it.
    pub(super) xxh3: Option<String>,
    /// Whether its commit was to write each event once.
    pub(super) is_deduplicated: bool,
}

/// The content of a file.
#[derive(Debug, Default)]
pub(super) struct PartFindings {
    pub(super) rows: u64,
    pub(super) problems: Vec<(ProblemKind, String)>,
    pub(super) counts: RowCounts,
    /// The first and the last event with a key, when an event may have several rows.
    pub(super) edges: Option<(Edge, Edge)>,
}

/// An event at the edge of a file: its rows may continue in the next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) event: RowEvent,
    /// The place of its first row in the file.
    pub(super) place: Place,
}

/// Distinguishes an event from a duplicate: its key, and the archive and the position that it comes from.
pub(super) type RowEvent = (EventKey, u128, i32);

/// Checks a file; `duplicate_index` takes the keys of its events, and `number` is that of the file in it.
///
/// # Errors
///
/// [`LakeInvalid`](crate::ErrorKind::LakeInvalid) when it cannot be read to its end.
pub(super) fn check_part(
    root: &Root,
    part: &ListedPart,
    layout: &FileLayout,
    is_quick: bool,
    duplicate_index: Option<(&DuplicateIndex, usize)>,
) -> Result<PartFindings> {
    let path = root.join(&part.path);
    let mut found = PartFindings::default();
    let file = root.open(&path).map_err(|error| damaged(&path, error))?;
    let bytes = file.len();
    if let Some(published) = part.bytes.filter(|published| *published != bytes) {
        found.problems.push((ProblemKind::PartChanged, format!("{}, {published} published", counted(bytes, "byte"))));
    }
    if let Some(published) = part.xxh3.as_ref().filter(|_| !is_quick) {
        let hash = hash_of(file.reader()).map_err(|error| damaged(&path, error))?;
        if format!("{hash:032x}") != *published {
            found.problems.push((ProblemKind::PartChanged, "other bytes than were published".to_owned()));
        }
    }
    let mut file = LakeFile::open(root, &path)?.batch_rows(batch_rows(part.table));
    if file.metadata().file_metadata().schema() != layout.descriptor.root_schema() {
        found.problems.push((ProblemKind::SchemaDiffers, "its columns are not those of the table".to_owned()));
        return Ok(found);
    }
    if is_quick {
        file = file.columns(KeyColumns::NAMES.into_iter().chain(["archive", "event_index"]));
    }
    let mut keys = KeyReader { duplicate_index, row: 0, edges: None, buffer: Vec::new() };
    for batch in file.batches()? {
        let batch = batch?;
        found.rows += batch.num_rows() as u64;
        found.counts.count(part.table, &batch).ok_or_else(|| damaged(&path, "it does not tell archives"))?;
        keys.insert(part.table, &batch)?;
    }
    found.edges = keys.edges;
    if found.rows != part.rows {
        let message = format!("{}, {} published", counted(found.rows, "row"), part.rows);
        found.problems.push((ProblemKind::PartChanged, message));
    }
    Ok(found)
}

/// Inserts the keys of a file's events.
struct KeyReader<'c> {
    duplicate_index: Option<(&'c DuplicateIndex, usize)>,
    row: u32,
    /// The first event and that of the previous row: an event may have several usage records.
    edges: Option<(Edge, Edge)>,
    buffer: Vec<u8>,
}

impl KeyReader<'_> {
    fn insert(&mut self, table: Table, batch: &RecordBatch) -> Result<()> {
        let Some((duplicate_index, part)) = self.duplicate_index else { return Ok(()) };
        let indexes = batch.column_by_name("event_index").and_then(|column| column.as_primitive_opt::<Int32Type>());
        let archives = batch.column_by_name("archive").and_then(|column| column.as_string_opt::<i32>());
        let (Some(columns), Some(indexes), Some(archives)) = (KeyColumns::of(batch), indexes, archives) else {
            return Ok(());
        };
        let part = u32::try_from(part).unwrap_or(u32::MAX);
        let mut all = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let place = Place::new(part, self.row);
            self.row = self.row.saturating_add(1);
            let Some(identity) = columns.identity(row) else { continue };
            let key = identity.key(&mut self.buffer);
            if table == Table::UsageRecords {
                let event = (key, name_hash(archives.value(row)), indexes.value(row));
                let edge = Edge { event, place };
                let (first, last) = self.edges.unwrap_or((edge, edge));
                if self.edges.is_some() && last.event == event {
                    continue;
                }
                self.edges = Some((first, edge));
            }
            all.push(KeyEntry { key, place });
        }
        duplicate_index.insert_all(&mut all)
    }
}
