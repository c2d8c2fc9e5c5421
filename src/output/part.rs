//! Encoded row groups of one partition, in order, to part files.
//!
//! In: row groups, as workers finish them. Out: whole files in staging. Never: writes row groups out of order, or keeps
//! a file open between two of them: a lake may have thousands of partitions and a process a thousand file handles.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

use super::row_group::ColumnChunk;
use crate::error::{Error, ErrorKind, Result};

/// A whole file that readers cannot see yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StagedPart {
    /// Path below the lake that it will have; below staging it is the same.
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// The name of a part: `part-COMMIT-NUMBER.parquet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartName {
    /// Number of the commit that the part belongs to.
    pub(crate) commit: u32,
}

impl PartName {
    /// Reads the name of a file; `None` when it is not exactly of this form.
    pub(crate) fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_prefix("part-")?.strip_suffix(".parquet")?;
        let (commit, number) = name.split_once('-')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_ours = commit.len() >= 6 && number.len() >= 5 && is_digits(commit) && is_digits(number);
        if is_ours { Some(Self { commit: commit.parse().ok()? }) } else { None }
    }
}

/// All Parquet files below a folder that may not exist, sorted.
pub(crate) fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| unwritable(&folder, error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| unwritable(&folder, error))?;
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What the parts of one table have in common.
pub(crate) struct PartFormat {
    pub(crate) parquet_schema: TypePtr,
    pub(crate) properties: WriterPropertiesPtr,
    pub(crate) target_part_bytes: u64,
}

/// Appends row groups to the parts of one partition.
pub(crate) struct PartAppender {
    format: Arc<PartFormat>,
    staging: PathBuf,
    /// Folder of the partition below the lake.
    folder: PathBuf,
    /// Start of the file names.
    commit: String,
    next_sequence: u64,
    /// Row groups that were finished before an earlier one.
    waiting: BTreeMap<u64, Vec<ColumnChunk>>,
    open: Option<SerializedFileWriter<StagedFile>>,
    finished: Vec<StagedPart>,
}

impl PartAppender {
    pub(crate) const fn new(format: Arc<PartFormat>, staging: PathBuf, folder: PathBuf, commit: String) -> Self {
        Self {
            format,
            staging,
            folder,
            commit,
            next_sequence: 0,
            waiting: BTreeMap::new(),
            open: None,
            finished: Vec::new(),
        }
    }

    /// Takes the row group with this number and writes whatever is next in order.
    pub(crate) fn append(&mut self, sequence: u64, chunks: Vec<ColumnChunk>) -> Result<()> {
        self.waiting.insert(sequence, chunks);
        while let Some(chunks) = self.waiting.remove(&self.next_sequence) {
            self.next_sequence += 1;
            self.write(chunks)?;
        }
        Ok(())
    }

    fn write(&mut self, chunks: Vec<ColumnChunk>) -> Result<()> {
        let path = self.next_path();
        let file = match &mut self.open {
            Some(file) => file,
            none => {
                let staged = StagedFile::create(&self.staging.join(&path))?;
                let schema = Arc::clone(&self.format.parquet_schema);
                let properties = Arc::clone(&self.format.properties);
                let writer = SerializedFileWriter::new(staged, schema, properties);
                none.insert(writer.map_err(|error| unwritable(&path, error))?)
            }
        };
        let written = (|| {
            let mut row_group = file.next_row_group()?;
            for chunk in chunks {
                chunk.append_to(&mut row_group)?;
            }
            row_group.close()?;
            file.flush()?;
            file.inner_mut().release();
            Ok(file.bytes_written() as u64)
        })();
        if written.map_err(|error: parquet::errors::ParquetError| unwritable(&path, error))?
            >= self.format.target_part_bytes
        {
            self.close_part()?;
        }
        Ok(())
    }

    fn next_path(&self) -> PathBuf {
        self.folder.join(format!("part-{}-{:05}.parquet", self.commit, self.finished.len()))
    }

    fn close_part(&mut self) -> Result<()> {
        let path = self.next_path();
        let Some(file) = self.open.take() else {
            return Ok(());
        };
        let (rows, bytes) = close_synced(file).map_err(|error| unwritable(&path, error))?;
        self.finished.push(StagedPart { path, rows, bytes });
        Ok(())
    }

    /// Closes the last part; the parts in order.
    ///
    /// # Errors
    ///
    /// When a row group is missing, which is a bug, or the disk fails.
    pub(crate) fn finish(&mut self) -> Result<Vec<StagedPart>> {
        if !self.waiting.is_empty() {
            return Err(Error::internal("a row group was lost between encoding and writing"));
        }
        self.close_part()?;
        Ok(std::mem::take(&mut self.finished))
    }
}

/// Writes the footer and makes the file durable; its rows and bytes.
fn close_synced(mut file: SerializedFileWriter<StagedFile>) -> Result<(u64, u64), parquet::errors::ParquetError> {
    let metadata = file.finish()?;
    let bytes = file.bytes_written() as u64;
    file.inner_mut().sync()?;
    Ok((u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default(), bytes))
}

/// An error about a file of the lake.
pub(crate) fn unwritable(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::at(ErrorKind::LakeUnwritable, path, error)
}

/// A file that is opened to append only while it is written to.
pub(crate) struct StagedFile {
    path: PathBuf,
    file: Option<File>,
}

impl StagedFile {
    /// Creates the file and its folders; an older file of that name is overwritten.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let open = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            File::create(path)
        };
        let file = open().map_err(|error| unwritable(path, error))?;
        Ok(Self { path: path.to_owned(), file: Some(file) })
    }

    fn opened(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => Ok(none.insert(OpenOptions::new().append(true).open(&self.path)?)),
        }
    }

    /// Gives the handle back until the next write.
    fn release(&mut self) {
        self.file = None;
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.opened()?.sync_all()
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.opened()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
