//! Bytes of a file of the lake, counted.
//!
//! In: a file and places in it. Out: its bytes. Never: moves a position that others read from, or reads what was not
//! asked for but for what a small buffer takes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that are read ahead of a header, whose length nobody knows.
const HEADER_BYTES: usize = 1 << 10;

/// An open file; copies share it.
#[derive(Clone)]
pub(super) struct Counted {
    file: Arc<File>,
    bytes: u64,
    read: Arc<AtomicU64>,
}

impl Counted {
    /// Opens a file; what is read of it is added to `read`.
    pub(super) fn open(path: &Path, read: Arc<AtomicU64>) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), bytes, read })
    }
}

impl Length for Counted {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Counted {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::with_capacity(HEADER_BYTES, At { source: self.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged footer may name any length.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {} bytes", self.bytes)));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(bytes.into())
    }
}

/// Reads on from a place.
pub(super) struct At {
    source: Counted,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.source.file.read_at(bytes, self.offset)?;
        self.offset += read as u64;
        self.source.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
