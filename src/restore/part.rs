//! One file of `events`: which of its pages may hold wanted rows, and those rows.
//!
//! In: the path of a published part. Out: its pieces, each a few thousand rows that can be read separately. Never: reads a page
//! before its footer, statistics and indexes have shown that it is needed.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Field, Int32Type, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowFilter,
    RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::page_index::RowGroupPageIndex;
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;

use super::filter::{EVENT_SOURCE, Filter, intersection};
use crate::error::Result;
use crate::lake::bytes::LakeBytes;
use crate::lake::dictionary_field;
use crate::lake::file::damaged;
use crate::lake::root::Root;
use crate::rows::partition::{is_hidden, value_of_folder};
use crate::schema::{Hint, Table};

/// Maximum rows of a piece: those of a page of short values, so that few pages are read twice.
const PIECE_ROWS: usize = 20_000;
/// Pages of long text in a piece above which it gets fewer rows. A page has a mebibyte, however few rows that is.
const PIECE_PAGES: usize = 16;
/// Rows that are read at once.
const BATCH_ROWS: usize = 2_048;

/// The folders between a table and a part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartFolder(Box<str>);

impl PartFolder {
    pub(super) fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// Names and values as in the path.
    pub(super) fn segments(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split('/').filter_map(|segment| segment.split_once('='))
    }

    /// The event source in the path.
    pub(super) fn source(&self) -> Option<String> {
        let (_, value) = self.segments().find(|(name, _)| *name == EVENT_SOURCE)?;
        value_of_folder(value)
    }

    /// Whether all rows have that event source. A name of maximum length may be truncated.
    pub(super) fn names_source(&self) -> bool {
        const SURELY_WHOLE: usize = 66;
        self.source().is_some_and(|source| !is_hidden(&source) && source.len() < SURELY_WHOLE)
    }
}

/// A part that may hold wanted rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartTask {
    pub(super) path: PathBuf,
    pub(super) folder: PartFolder,
}

impl PartTask {
    /// The part of `events` at a path below the lake; `None` when the path has no folder.
    pub(super) fn new(root: &Root, below: &str) -> Option<Self> {
        let (folder, _) = below.rsplit_once('/')?;
        Some(Self { path: root.join(below), folder: PartFolder::new(folder) })
    }
}

/// A part whose footer was read.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) task: PartTask,
    file: LakeBytes,
    metadata: ArrowReaderMetadata,
}

/// Some rows of a part, of one row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowSlice {
    row_group: usize,
    rows: Vec<Range<usize>>,
}

/// The column of this name, if the file has it and it is not a list.
pub(super) fn column_of(schema: &SchemaDescriptor, name: &str) -> Option<usize> {
    schema.columns().iter().position(|column| column.path().parts() == [name])
}

impl Part {
    /// Reads the footer of a part, its indexes and bloom filters: the pieces that may hold wanted rows.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that has columns unknown to this version.
    pub(super) fn open(
        task: PartTask,
        root: &Root,
        filter: &Filter,
        read: Arc<AtomicU64>,
    ) -> Result<(Self, Vec<RowSlice>)> {
        let columns = if filter.is_everything() { PageIndexPolicy::Skip } else { PageIndexPolicy::Optional };
        let part = Self::load(task, root, columns, read)?;
        let pieces = part.pieces(filter)?;
        Ok((part, pieces))
    }

    /// Reads the footer of a part, and the page indexes that are asked for.
    ///
    /// # Errors
    ///
    /// As for [`Part::open`].
    pub(super) fn load(task: PartTask, root: &Root, columns: PageIndexPolicy, read: Arc<AtomicU64>) -> Result<Self> {
        let wrong = |error: ParquetError| damaged(&task.path, error);
        let file =
            root.open(&task.path).map(|file| file.counted_in(read)).map_err(|error| damaged(&task.path, error))?;
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_index_policy(columns);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(wrong)?;
        let schema = dictionary_schema(&metadata)
            .map_err(|words| damaged(&task.path, words).advise("use a later version of trailmill"))?;
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(wrong)?;
        Ok(Self { task, file, metadata })
    }

    /// Passes on the texts of a column in the first row groups, each at least once per row group.
    ///
    /// # Errors
    ///
    /// As for [`Part::read`].
    pub(super) fn words(&self, column: &str, row_groups: usize, see: &mut dyn FnMut(&str)) -> Result<()> {
        let schema = self.metadata.parquet_schema();
        let Some(leaf) = column_of(schema, column) else { return Ok(()) };
        let metadata = self.metadata.metadata();
        for at in 0..metadata.num_row_groups().min(row_groups) {
            if is_all_null(metadata.row_group(at), leaf) {
                continue;
            }
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
                .with_row_groups(vec![at])
                .with_projection(ProjectionMask::leaves(schema, [leaf]))
                .with_batch_size(PIECE_ROWS);
            let mut shown: Option<ArrayRef> = None;
            for batch in reader.build().map_err(|error| damaged(&self.task.path, error))? {
                let batch = batch.map_err(|error| damaged(&self.task.path, error))?;
                let Some(dictionary_array) = batch.column(0).as_dictionary_opt::<Int32Type>() else { return Ok(()) };
                // One dictionary serves many batches.
                if shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, dictionary_array.values())) {
                    continue;
                }
                dictionary_array.values().as_string_opt::<i32>().into_iter().flatten().flatten().for_each(&mut *see);
                shown = Some(Arc::clone(dictionary_array.values()));
            }
        }
        Ok(())
    }

    fn pieces(&self, filter: &Filter) -> Result<Vec<RowSlice>> {
        let mut pieces = Vec::new();
        for (at, row_group) in self.metadata.metadata().row_groups().iter().enumerate() {
            let blooms = |column: usize| {
                let builder =
                    ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone());
                builder.get_row_group_column_bloom_filter(at, column).map_err(|error| damaged(&self.task.path, error))
            };
            if !filter.wants_row_group(row_group, &blooms)? {
                continue;
            }
            let index = self.metadata.metadata().page_index_for_row_group(at);
            let rows = self.rows_of(row_group)?;
            let wanted = filter.wanted_rows(row_group, &index);
            let borders = borders(rows, page_starts(row_group, &index));
            for (start, end) in borders.iter().zip(borders.iter().skip(1)) {
                let rows = intersection(&wanted, std::slice::from_ref(&(*start..*end)));
                if !rows.is_empty() {
                    pieces.push(RowSlice { row_group: at, rows });
                }
            }
        }
        Ok(pieces)
    }

    /// The wanted rows of a piece.
    ///
    /// # Errors
    ///
    /// [`LakeInvalid`](crate::ErrorKind::LakeInvalid) when they cannot be read; the same for the batches.
    pub(super) fn read(&self, piece: &RowSlice, filter: &Filter) -> Result<ParquetRecordBatchReader> {
        let metadata = self.metadata.metadata();
        let row_group = metadata.row_group(piece.row_group);
        let schema = self.metadata.parquet_schema();
        let rows = self.rows_of(row_group)?;
        let is_needed = |column: &usize| {
            let path = row_group.column(*column).column_path();
            let name = path.parts().first().map_or("", String::as_str);
            !is_origin(name) && !is_all_null(row_group, *column)
        };
        let leaves = (0..schema.num_columns()).filter(is_needed);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
            .with_row_groups(vec![piece.row_group])
            .with_projection(ProjectionMask::leaves(schema, leaves))
            .with_batch_size(BATCH_ROWS)
            .with_row_selection(RowSelection::from_consecutive_ranges(piece.rows.iter().cloned(), rows));
        let predicates = filter.predicates(schema, &self.task.folder);
        if !predicates.is_empty() {
            builder = builder.with_row_filter(RowFilter::new(predicates));
        }
        builder.build().map_err(|error| damaged(&self.task.path, error))
    }

    fn rows_of(&self, row_group: &RowGroupMetaData) -> Result<usize> {
        usize::try_from(row_group.num_rows()).map_err(|error| damaged(&self.task.path, error))
    }
}

/// Columns that do not come from the event.
fn is_origin(name: &str) -> bool {
    matches!(name, "archive" | "event_index")
}

fn is_all_null(row_group: &RowGroupMetaData, column: usize) -> bool {
    let column = row_group.column(column);
    // A list has more values than rows, so it is not covered here.
    column.column_path().parts().len() == 1
        && column
            .statistics()
            .and_then(Statistics::null_count_opt)
            .is_some_and(|nulls| i64::try_from(nulls) == Ok(row_group.num_rows()))
}

/// Where pages of long text begin, sorted; columns with a single page do not count.
fn page_starts(row_group: &RowGroupMetaData, index: &RowGroupPageIndex) -> Vec<usize> {
    let long = Table::Events.columns().iter().filter(|column| column.hint == Hint::Bulk);
    let columns = long.filter_map(|column| column_of(row_group.schema_descr(), column.name));
    let pages = columns.filter_map(|column| index.page_locations(column)).filter(|pages| pages.len() > 1).flatten();
    let mut starts: Vec<usize> = pages.map(|page| usize::try_from(page.first_row_index).unwrap_or_default()).collect();
    starts.sort_unstable();
    starts
}

/// Where pieces of a row group begin, and where the last one ends.
fn borders(rows: usize, page_starts: Vec<usize>) -> Vec<usize> {
    let mut borders = vec![0];
    let (mut last, mut pages) = (0, 0);
    for start in page_starts.into_iter().chain([rows]) {
        while start.min(rows) - last > PIECE_ROWS {
            last += PIECE_ROWS;
            borders.push(last);
            pages = 0;
        }
        if pages >= PIECE_PAGES && (last + 1..rows).contains(&start) {
            last = start;
            borders.push(last);
            pages = 0;
        }
        pages += 1;
    }
    borders.push(rows);
    borders
}

/// The schema of a file with repeating text as dictionaries; the error names what is unknown.
fn dictionary_schema(metadata: &ArrowReaderMetadata) -> Result<Schema, String> {
    let known = Table::Events.arrow_schema();
    let mut fields: Vec<Arc<Field>> = Vec::new();
    for field in metadata.schema().fields() {
        let Some(at) = Table::Events.column_index(field.name()) else {
            return Err(format!("it has a column `{}`, which this version does not know", field.name()));
        };
        fields.push(if Table::Events.columns()[at].is_dictionary_encoded() {
            dictionary_field(field)
        } else {
            Arc::clone(&known.fields()[at])
        });
    }
    Ok(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_small_where_pages_are() {
        assert_eq!(borders(0, Vec::new()), [0, 0]);
        assert_eq!(borders(50_000, Vec::new()), [0, 20_000, 40_000, 50_000]);
        assert_eq!(borders(20_000, vec![0, 9_000]), [0, 20_000]);
        let dense: Vec<usize> = (0..30_000).step_by(10_000).chain((30_000..30_100).step_by(2)).collect();
        assert_eq!(borders(60_000, dense), [0, 20_000, 30_032, 30_064, 30_096, 50_096, 60_000]);
        // A damaged index may contain anything.
        assert_eq!(borders(10, vec![7; 40]), [0, 7, 10]);
        assert_eq!(borders(10, vec![900; 40]), [0, 10]);
    }
}
