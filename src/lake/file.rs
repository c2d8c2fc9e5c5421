//! A Parquet file of a lake, read back.
//!
//! In: a path and the columns that are wanted. Out: batches. Never: an error without its place, or a column that was not
//! asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::bytes::LakeBytes;
use super::root::Root;
use crate::error::{Error, ErrorKind, Result};

/// An open file, and what is to be read of it.
pub(crate) struct LakeFile {
    path: PathBuf,
    builder: ParquetRecordBatchReaderBuilder<LakeBytes>,
}

impl LakeFile {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LakeInvalid`], here and below, when it cannot be read.
    pub(crate) fn open(root: &Root, path: &Path) -> Result<Self> {
        Self::open_as(root, path, ArrowReaderOptions::new())
    }

    /// Opens a file and casts its columns to the types of a schema that has all of them.
    pub(crate) fn open_with_types(root: &Root, path: &Path, schema: SchemaRef) -> Result<Self> {
        Self::open_as(root, path, ArrowReaderOptions::new().with_schema(schema))
    }

    fn open_as(root: &Root, path: &Path, options: ArrowReaderOptions) -> Result<Self> {
        let open = || ParquetRecordBatchReaderBuilder::try_new_with_options(root.open(path)?, options);
        Self::new(path, open())
    }

    /// Opens a file whose footer was already read.
    pub(crate) fn open_with(root: &Root, path: &Path, metadata: ArrowReaderMetadata) -> Result<Self> {
        let open = || Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(root.open(path)?, metadata));
        Self::new(path, open())
    }

    fn new(path: &Path, opened: Result<ParquetRecordBatchReaderBuilder<LakeBytes>, ParquetError>) -> Result<Self> {
        Ok(Self { path: path.to_owned(), builder: opened.map_err(|error| damaged(path, error))? })
    }

    /// The metadata in its footer.
    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.builder.metadata()
    }

    /// Reads only these columns; missing ones are skipped.
    pub(crate) fn columns<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let mask = ProjectionMask::columns(self.builder.parquet_schema(), names);
        self.builder = self.builder.with_projection(mask);
        self
    }

    /// Reads only these row groups.
    pub(crate) fn row_groups(mut self, row_groups: Vec<usize>) -> Self {
        self.builder = self.builder.with_row_groups(row_groups);
        self
    }

    /// Reads this many rows at once.
    pub(crate) fn batch_rows(mut self, rows: usize) -> Self {
        self.builder = self.builder.with_batch_size(rows);
        self
    }

    /// The rows.
    pub(crate) fn batches(self) -> Result<Batches> {
        let reader = self.builder.build().map_err(|error| damaged(&self.path, error))?;
        Ok(Batches { path: self.path, reader })
    }
}

/// Rows of a file.
pub(crate) struct Batches {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.reader.next()?.map_err(|error| damaged(&self.path, error)))
    }
}

/// A text column without nulls.
///
/// # Errors
///
/// When there is none.
pub(crate) fn text_column<'b>(batch: &'b RecordBatch, name: &str, path: &Path) -> Result<&'b StringArray> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt());
    column.ok_or_else(|| damaged(path, format!("it has no column `{name}` of text")))
}

/// Runs a read of a file; a panic of the library over damaged bytes becomes an error like others.
pub(crate) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged(path, "its pages make no sense")))
}

/// The error of a damaged file.
pub(crate) fn damaged(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::at(ErrorKind::LakeInvalid, path, error)
}
