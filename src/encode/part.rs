//! Encoded row groups of one partition, in order, to part files.
//!
//! In: row groups, as workers finish them. Out: whole files in staging. Never: writes row groups out of order, or keeps
//! a file open between two of them: a lake may have thousands of partitions and a process a thousand file handles.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

use super::row_group::ColumnChunk;
use crate::clock::logical::LogicalTime;
use crate::disk::{Disk, StagedFile};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;

/// A whole file that readers cannot see yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StagedPart {
    /// Path below the lake that it will have; below staging it is the same.
    pub(crate) path: PathBuf,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Of its bytes.
    pub(crate) hash: u128,
}

impl StagedPart {
    /// The table that it is of, as its path says.
    ///
    /// # Errors
    ///
    /// When that is the path of no table, which is a bug.
    pub(crate) fn table(&self) -> Result<Table> {
        let folder = self.path.iter().next().unwrap_or_default();
        let table = Table::ALL.into_iter().find(|table| folder == table.name());
        table.ok_or_else(|| Error::internal("a part of no table"))
    }
}

/// Learns which bytes of staged files are there to stay, by the paths of their parts below the lake.
pub(crate) trait StagingObserver: fmt::Debug + Send + Sync {
    /// The file has this many bytes, to which others are only added.
    fn note_written(&self, part: &Path, bytes: u64);

    /// The file is a whole part.
    fn note_whole(&self, part: &StagedPart);

    /// The file is not what the part begins with any more.
    fn note_discarded(&self, part: &Path);
}

/// Where the parts of a commit are staged.
#[derive(Clone, Debug)]
pub(crate) struct StagingArea {
    pub(crate) folder: PathBuf,
    /// Start of the file names.
    pub(crate) commit: String,
    pub(crate) observer: Option<Arc<dyn StagingObserver>>,
}

/// What the parts of one table have in common.
pub(crate) struct PartFormat {
    pub(crate) disk: Disk,
    pub(crate) parquet_schema: TypePtr,
    pub(crate) properties: WriterPropertiesPtr,
    pub(crate) target_part_bytes: u64,
}

/// Appends row groups to the parts of one partition.
pub(crate) struct PartAppender {
    format: Arc<PartFormat>,
    staging: StagingArea,
    /// Folder of the partition below the lake.
    folder: PathBuf,
    next_sequence: u64,
    /// What is to be done, but for something before it that is not finished.
    waiting: BTreeMap<u64, (PartStep, LogicalTime)>,
    /// When its last step was done.
    done: LogicalTime,
    open: Option<SerializedFileWriter<StagedFile>>,
    /// The part at hand as a whole file, as long as no more rows come.
    aside: Option<StagedPart>,
    /// What it was whenever more rows came, to be put together in the end.
    pieces: Vec<PathBuf>,
    pieces_bytes: u64,
    finished: Vec<StagedPart>,
}

/// What is done to a part, in order.
pub(crate) enum PartStep {
    /// Its next row group is written.
    Append(Vec<ColumnChunk>),
    /// It becomes a whole file: what is known of its row groups takes some hundred KB of memory as long as it is open.
    SetAside,
}

impl PartAppender {
    pub(crate) fn new(format: Arc<PartFormat>, staging: StagingArea, folder: PathBuf) -> Self {
        Self {
            format,
            staging,
            folder,
            next_sequence: 0,
            waiting: BTreeMap::new(),
            done: LogicalTime::default(),
            open: None,
            aside: None,
            pieces: Vec::new(),
            pieces_bytes: 0,
            finished: Vec::new(),
        }
    }

    /// Takes the step with this number and does whatever is next in order.
    pub(crate) fn take(&mut self, sequence: u64, step: PartStep) -> Result<()> {
        self.waiting.insert(sequence, (step, LogicalTime::now()));
        while let Some((step, ready)) = self.waiting.remove(&self.next_sequence) {
            self.next_sequence += 1;
            let (result, done) = self.done.max(ready).run(|| match step {
                PartStep::Append(chunks) => self.write(chunks),
                PartStep::SetAside => self.set_aside(),
            });
            self.done = done;
            result?;
        }
        // Whoever took the last step has done those that waited for it, too.
        self.done.wait();
        Ok(())
    }

    fn write(&mut self, chunks: Vec<ColumnChunk>) -> Result<()> {
        let path = self.next_path();
        if self.open.is_none() {
            self.make_piece()?;
            self.open = Some(self.create(&path)?);
        }
        let Some(file) = &mut self.open else { return Ok(()) };
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
        let written = written.map_err(|error: ParquetError| unwritable(&self.staging.folder.join(&path), error))?;
        // Otherwise it is put together with others in the end.
        if self.pieces.is_empty() {
            self.tell(|observer| observer.note_written(&path, written));
        }
        if self.pieces_bytes + written >= self.format.target_part_bytes {
            self.close_part()?;
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> Result<SerializedFileWriter<StagedFile>> {
        let path = self.staging.folder.join(path);
        let file = StagedFile::create(&self.format.disk, &path).map_err(|error| unwritable(&path, error))?;
        let (schema, properties) = (Arc::clone(&self.format.parquet_schema), Arc::clone(&self.format.properties));
        SerializedFileWriter::new(file, schema, properties).map_err(|error| unwritable(&path, error))
    }

    /// Makes what there is of the part a whole file.
    fn set_aside(&mut self) -> Result<()> {
        let path = self.next_path();
        if let Some(file) = self.open.take() {
            let (rows, bytes, hash) =
                close_file(file).map_err(|error| unwritable(&self.staging.folder.join(&path), error))?;
            self.aside = Some(StagedPart { path, rows, bytes, hash });
        }
        Ok(())
    }

    /// Moves the part that was set aside out of the way of its continuation.
    fn make_piece(&mut self) -> Result<()> {
        if let Some(part) = self.aside.take() {
            let whole = self.staging.folder.join(&part.path);
            let piece = whole.with_extension(format!("piece-{}", self.pieces.len()));
            self.tell(|observer| observer.note_discarded(&part.path));
            self.format.disk.rename(&whole, &piece).map_err(|error| unwritable(&piece, error))?;
            self.pieces.push(piece);
            self.pieces_bytes += part.bytes;
        }
        Ok(())
    }

    fn tell(&self, what: impl FnOnce(&dyn StagingObserver)) {
        if let Some(observer) = &self.staging.observer {
            what(&**observer);
        }
    }

    fn next_path(&self) -> PathBuf {
        self.folder.join(format!("part-{}-{:05}.parquet", self.staging.commit, self.finished.len()))
    }

    fn close_part(&mut self) -> Result<()> {
        self.set_aside()?;
        if !self.pieces.is_empty() {
            self.make_piece()?;
            let mut whole = self.create(&self.next_path())?;
            for piece in self.pieces.drain(..) {
                append_piece(&mut whole, &piece).map_err(|error| unwritable(&piece, error))?;
                self.format.disk.remove_file(&piece).map_err(|error| unwritable(&piece, error))?;
            }
            self.pieces_bytes = 0;
            self.open = Some(whole);
            self.set_aside()?;
        }
        if let Some(part) = self.aside.take() {
            let path = self.staging.folder.join(&part.path);
            self.format.disk.sync_file(&path).map_err(|error| unwritable(&path, error))?;
            self.tell(|observer| observer.note_whole(&part));
            self.finished.push(part);
        }
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

/// Copies the row groups of a piece as they are, with all that is known of them.
fn append_piece(whole: &mut SerializedFileWriter<StagedFile>, piece: &Path) -> Result<(), ParquetError> {
    let file = File::open(piece)?;
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = reader.parse_and_finish(&file)?;
    let page_index = metadata.page_index();
    for (at, row_group) in metadata.row_groups().iter().enumerate() {
        let mut copy = whole.next_row_group()?;
        for (leaf, column) in row_group.columns().iter().enumerate() {
            let close = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: row_group.num_rows() as u64,
                bloom_filter: Sbbf::read_from_column_chunk(column, &file)?,
                column_index: page_index.and_then(|index| index.column_index(at, leaf)).cloned(),
                offset_index: page_index.and_then(|index| index.offset_index(at, leaf)).cloned(),
                metadata: column.clone(),
            };
            copy.append_column(&file, close)?;
        }
        copy.close()?;
    }
    Ok(())
}

/// Writes the footer; rows, bytes and hash of the file.
fn close_file(mut file: SerializedFileWriter<StagedFile>) -> Result<(u64, u64, u128), ParquetError> {
    let rows = file.finish()?.file_metadata().num_rows();
    Ok((u64::try_from(rows).unwrap_or_default(), file.bytes_written() as u64, file.inner().hash()))
}

/// An error about a file of the lake.
pub(crate) fn unwritable(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    // The library hands errors of the system through in a wrapping that says nothing.
    let error = match error.into().downcast::<ParquetError>() {
        Ok(error) => match *error {
            ParquetError::External(inner) => inner,
            error => error.into(),
        },
        Err(error) => error,
    };
    let advice = error.downcast_ref().and_then(advice_for);
    let error = Error::at(ErrorKind::LakeUnwritable, path, error);
    match advice {
        Some(advice) => error.advise(advice),
        None => error,
    }
}

/// What to do about an error of the system.
fn advice_for(error: &io::Error) -> Option<&'static str> {
    /// Too many open files, of the process and of the system.
    const EMFILE: [i32; 2] = [24, 23];
    Some(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space and run again: what is published stays"
        }
        io::ErrorKind::FileTooLarge => "allow larger files (ulimit -f), or ask for smaller ones with --part-size",
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "name a lake that can be written to with --out"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "move away the file that is in its place",
        _ if error.raw_os_error().is_some_and(|code| EMFILE.contains(&code)) => {
            "allow more open files (ulimit -n), or use fewer --threads"
        }
        _ => return None,
    })
}
