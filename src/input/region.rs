//! Bytes with random access.
//!
//! In: a file or object, or a range of one. Out: its bytes. Never: keeps a file open between two uses: there may be more
//! files than a process has handles.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::disk::ScratchFile;
use crate::store::Version;

/// The location of bytes.
#[derive(Clone, Debug)]
pub(super) enum Base {
    /// In a file, by its path.
    File(Arc<Path>),
    /// In memory.
    Memory(Bytes),
    /// In a file without a name.
    Scratch(Arc<ScratchFile>),
    /// In an object of S3.
    Object(Arc<Version>),
}

/// A range of a file.
#[derive(Clone, Debug)]
pub(super) struct Region {
    base: Base,
    start: u64,
    pub(super) bytes: u64,
}

impl Region {
    pub(super) const fn new(base: Base, bytes: u64) -> Self {
        Self { base, start: 0, bytes }
    }

    /// A part of it, as far as it exists.
    pub(super) fn part(&self, start: u64, bytes: u64) -> Self {
        let start = start.min(self.bytes);
        Self { base: self.base.clone(), start: self.start + start, bytes: bytes.min(self.bytes - start) }
    }

    pub(super) fn open(&self) -> io::Result<RegionReader> {
        let handle = match &self.base {
            Base::File(path) => Handle::File(File::open(path)?),
            Base::Memory(bytes) => Handle::Memory(bytes.clone()),
            Base::Scratch(file) => Handle::Scratch(Arc::clone(file)),
            Base::Object(version) => Handle::Object(Arc::clone(version)),
        };
        Ok(RegionReader { handle, region: self.clone(), at: 0, failed: None })
    }

    /// Reads it with a library that may mistake failed reads for damage, and continue.
    ///
    /// # Errors
    ///
    /// The library's error; and the first read that failed, however the library treated it.
    pub(super) fn with_reader<T>(&self, read: impl FnOnce(RegionReader) -> io::Result<T>) -> io::Result<T> {
        let failed = ReadFailure::default();
        let result = read(RegionReader { failed: Some(Arc::clone(&failed)), ..self.open()? });
        let failed = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(result, Err)
    }
}

#[derive(Debug)]
enum Handle {
    File(File),
    Memory(Bytes),
    Scratch(Arc<ScratchFile>),
    Object(Arc<Version>),
}

/// Reads a region, sequentially or with seeks.
#[derive(Debug)]
pub(super) struct RegionReader {
    handle: Handle,
    region: Region,
    at: u64,
    /// Where to keep the first failed read, if it is to be kept.
    failed: Option<ReadFailure>,
}

type ReadFailure = Arc<Mutex<Option<io::Error>>>;

impl RegionReader {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.handle {
            Handle::File(file) => file.read_at(buffer, offset),
            Handle::Memory(bytes) => {
                let at = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
                (&bytes[at..]).read(buffer)
            }
            Handle::Scratch(file) => file.read_some_at(buffer, offset),
            Handle::Object(version) => version.read_at(buffer, offset),
        }
    }

    /// Reads the bytes from a position of the region on; fewer at the end of the region or the file.
    pub(super) fn read_all_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.region.bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let mut filled = 0;
        while filled < wanted {
            match self.read_at(&mut buffer[filled..wanted], self.region.start + at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Keeps an error if it is the first to be kept; the error for the reader.
    fn note(&self, error: io::Error) -> io::Error {
        let Some(failed) = self.failed.as_ref().filter(|_| error.kind() != io::ErrorKind::Interrupted) else {
            return error;
        };
        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some() {
            return error;
        }
        let copy = io::Error::new(error.kind(), error.to_string());
        *failed = Some(error);
        copy
    }
}

impl Read for RegionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.region.bytes.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let (buffer, offset) = (&mut buffer[..wanted], self.region.start + self.at);
        let read = self.read_at(buffer, offset).map_err(|error| self.note(error))?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for RegionReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.region.bytes.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
