//! Bytes of a file of a lake, wherever the lake is.
//!
//! In: an open file, or an object. Out: its bytes at any position. Never: moves a shared file position, or reads
//! more than asked for plus a small buffer; more of an object, since each request takes time.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::store::{Bucket, Object, Version};

/// Bytes that are read ahead of a header, whose length is not known.
const HEADER_BYTES: usize = 1 << 10;

/// Reads of an object from this size on are fetched alone, without what surrounds them.
const LARGE_BYTES: usize = 1 << 20;

/// An open file; copies share it.
#[derive(Clone)]
pub(crate) struct LakeBytes {
    source: ByteSource,
    bytes: u64,
    /// Counts the bytes that were read.
    read: Arc<AtomicU64>,
}

#[derive(Clone)]
enum ByteSource {
    File(Arc<File>),
    Object(Version),
}

impl LakeBytes {
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { source: ByteSource::File(Arc::new(file)), bytes, read: Arc::default() })
    }

    pub(crate) fn of_object(bucket: &Arc<Bucket>, key: &str) -> io::Result<Self> {
        let Object { key, bytes, etag, .. } = bucket.head(key)?;
        let version = Version { bucket: Arc::clone(bucket), key, etag, bytes };
        Ok(Self { source: ByteSource::Object(version), bytes, read: Arc::default() })
    }

    /// The same; the bytes that are read are added to `read`.
    pub(crate) fn counted_in(self, read: Arc<AtomicU64>) -> Self {
        Self { read, ..self }
    }

    /// Reads it from front to back.
    pub(crate) fn reader(&self) -> impl Read {
        let ahead = match self.source {
            ByteSource::File(_) => 256 << 10,
            ByteSource::Object(_) => 8 << 20,
        };
        BufReader::with_capacity(ahead, LakeBytesReader { source: self.clone(), offset: 0 })
    }

    /// Reads at most this many bytes from a position; none at the end.
    fn read_some_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = match &self.source {
            ByteSource::File(file) => file.read_at(bytes, offset)?,
            ByteSource::Object(version) if bytes.len() >= LARGE_BYTES => {
                let fetched = version.range(offset, bytes.len() as u64)?;
                bytes[..fetched.len()].copy_from_slice(&fetched);
                fetched.len()
            }
            ByteSource::Object(version) => version.read_at(bytes, offset)?,
        };
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Length for LakeBytes {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for LakeBytes {
    type T = BufReader<LakeBytesReader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::with_capacity(HEADER_BYTES, LakeBytesReader { source: self.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged footer may name any length.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {} bytes", self.bytes)));
        }
        if let ByteSource::Object(version) = &self.source
            && length >= LARGE_BYTES
        {
            self.read.fetch_add(length as u64, Ordering::Relaxed);
            return Ok(version.range(start, length as u64)?);
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

/// Reads on from a position.
pub(crate) struct LakeBytesReader {
    source: LakeBytes,
    offset: u64,
}

impl Read for LakeBytesReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read_some_at(bytes, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
