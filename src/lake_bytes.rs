//! Bytes of a file of a lake, wherever the lake is.
//!
//! In: an open file, or an object. Out: its bytes at any place. Never: moves a position that others read from, or reads
//! what was not asked for but for what a small buffer takes; of an object that is more, since each request takes its time.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::store::{Bucket, Object};

/// Bytes that are read ahead of a header, whose length nobody knows.
const HEADER_BYTES: usize = 1 << 10;

/// Bytes of an object that are fetched at once, from a multiple of that on.
const BLOCK_BYTES: u64 = 1 << 20;

/// Blocks of an object that are kept: its footer, and what is read at the time.
const KEPT_BLOCKS: usize = 4;

/// An open file; copies share it.
#[derive(Clone)]
pub(crate) struct LakeBytes {
    source: Source,
    bytes: u64,
    /// What was read of it is added to this.
    read: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Source {
    File(Arc<File>),
    Object(Arc<RemoteFile>),
}

/// An object as it was when it was opened.
struct RemoteFile {
    bucket: Arc<Bucket>,
    object: Object,
    /// Blocks that were fetched, by number, the one that was needed last at the end.
    blocks: Mutex<Vec<(u64, Bytes)>>,
}

impl LakeBytes {
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { source: Source::File(Arc::new(file)), bytes, read: Arc::default() })
    }

    pub(crate) fn of_object(bucket: &Arc<Bucket>, key: &str) -> io::Result<Self> {
        let object = bucket.head(key)?;
        let bytes = object.bytes;
        let remote = RemoteFile { bucket: Arc::clone(bucket), object, blocks: Mutex::default() };
        Ok(Self { source: Source::Object(Arc::new(remote)), bytes, read: Arc::default() })
    }

    /// The same; what is read of it is added to `read`.
    pub(crate) fn counted_in(self, read: Arc<AtomicU64>) -> Self {
        Self { read, ..self }
    }

    /// Reads it from front to back.
    pub(crate) fn reader(&self) -> impl Read {
        let ahead = match self.source {
            Source::File(_) => 256 << 10,
            Source::Object(_) => 8 << 20,
        };
        BufReader::with_capacity(ahead, At { source: self.clone(), offset: 0 })
    }

    /// Reads up to so many bytes from a place; none at the end.
    fn read_some_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = match &self.source {
            Source::File(file) => file.read_at(bytes, offset)?,
            Source::Object(remote) => remote.read_some_at(bytes, offset)?,
        };
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl RemoteFile {
    fn fetch(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let Object { key, bytes, etag, .. } = &self.object;
        self.bucket.get_range(key, etag.as_deref(), start..end.min(*bytes))
    }

    /// A block, fetched unless it is at hand.
    fn block(&self, number: u64) -> io::Result<Bytes> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = blocks.iter().position(|(known, _)| *known == number);
        let block = match known {
            Some(at) => blocks.remove(at),
            None => (number, self.fetch(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES)?),
        };
        if blocks.len() >= KEPT_BLOCKS {
            blocks.remove(0);
        }
        blocks.push(block.clone());
        Ok(block.1)
    }

    fn read_some_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.object.bytes {
            return Ok(0);
        }
        if bytes.len() as u64 >= BLOCK_BYTES {
            let fetched = self.fetch(offset, offset.saturating_add(bytes.len() as u64))?;
            let length = fetched.len().min(bytes.len());
            bytes[..length].copy_from_slice(&fetched[..length]);
            return Ok(length);
        }
        let block = self.block(offset / BLOCK_BYTES)?;
        let at = usize::try_from(offset % BLOCK_BYTES).map_err(io::Error::other)?;
        // A store that gives less than it was asked for has no more.
        let rest = block.get(at..).unwrap_or_default();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl Length for LakeBytes {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for LakeBytes {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::with_capacity(HEADER_BYTES, At { source: self.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged footer may name any length.
        let end = start.checked_add(length as u64).filter(|end| *end <= self.bytes);
        let Some(end) = end else {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {} bytes", self.bytes)));
        };
        if let Source::Object(remote) = &self.source
            && length as u64 >= BLOCK_BYTES
        {
            self.read.fetch_add(length as u64, Ordering::Relaxed);
            return Ok(remote.fetch(start, end)?);
        }
        let mut bytes = vec![0; length];
        let mut done = 0;
        while done < length {
            match self.read_some_at(&mut bytes[done..], start + done as u64)? {
                0 => return Err(ParquetError::EOF(format!("{length} bytes at {start}: it has become shorter"))),
                read => done += read,
            }
        }
        Ok(bytes.into())
    }
}

/// Reads on from a place.
pub(crate) struct At {
    source: LakeBytes,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_some_at(bytes, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
