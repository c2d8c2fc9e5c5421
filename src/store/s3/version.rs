//! An object as it was listed, and its bytes.
//!
//! In: a bucket, a key, a tag. Out: all bytes of that version, or a range of them. Never: bytes of another version, or more
//! than a few pieces of a large object in memory.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use object_store::path::Path as Key;
use tokio::task::JoinHandle;

use super::bucket::parse;
use super::explain::{broken, explain};
use crate::store::Version;

/// Size of a request for a large object.
const PIECE_BYTES: u64 = 2 << 20;
/// Requests ahead for an object that is read from front to back.
const PIECES_UNDER_WAY: usize = 3;

/// Bytes that are read around a position.
const BLOCK_BYTES: u64 = 1 << 20;
/// Cached blocks of a bucket, for reads close by.
const BLOCKS_KEPT: usize = 16;

const FEWER_BYTES: &str = "the store sent less than it was asked for";

impl Version {
    /// All its bytes.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        self.bucket.get(&self.key, self.etag.as_deref())
    }

    /// Its user metadata: names without `x-amz-meta-`, and values.
    pub(crate) fn metadata(&self) -> io::Result<Vec<(String, String)>> {
        self.bucket.metadata(&self.key, self.etag.as_deref())
    }

    /// Opens it to be read from front to back.
    pub(crate) fn open(&self) -> io::Result<VersionReader> {
        Ok(VersionReader {
            key: parse(&self.key)?,
            version: self.clone(),
            asked: 0,
            under_way: VecDeque::new(),
            piece: Bytes::new(),
        })
    }

    /// Reads bytes at a position, at least one unless it is past the end.
    pub(crate) fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        if at >= self.bytes || buffer.is_empty() {
            return Ok(0);
        }
        let number = at / BLOCK_BYTES;
        let block = self.bucket.blocks().get(self, number)?;
        let start = usize::try_from(at - number * BLOCK_BYTES).unwrap_or(usize::MAX);
        let rest = block.get(start..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        if read == 0 { Err(broken(FEWER_BYTES)) } else { Ok(read) }
    }

    /// Bytes from a position on, at most this many.
    pub(crate) fn range(&self, start: u64, bytes: u64) -> io::Result<Bytes> {
        let end = self.bytes.min(start.saturating_add(bytes));
        let got = self.bucket.get_range(&self.key, self.etag.as_deref(), start.min(end)..end)?;
        if got.len() as u64 == end - start.min(end) { Ok(got) } else { Err(broken(FEWER_BYTES)) }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.etag == other.etag
    }
}

/// Reads an object from front to back.
#[derive(Debug)]
pub(crate) struct VersionReader {
    version: Version,
    key: Key,
    /// Bytes that were requested so far.
    asked: u64,
    under_way: VecDeque<(u64, JoinHandle<object_store::Result<Bytes>>)>,
    piece: Bytes,
}

impl VersionReader {
    fn ask(&mut self) {
        let Version { bucket, etag, bytes, .. } = &self.version;
        while self.under_way.len() < PIECES_UNDER_WAY && self.asked < *bytes {
            let end = bytes.min(&(self.asked + PIECE_BYTES)).to_owned();
            let getting = bucket.getting(self.key.clone(), etag.as_deref(), Some(self.asked..end));
            let Some(handle) = bucket.threads().spawn(getting) else { return };
            self.under_way.push_back((end - self.asked, handle));
            self.asked = end;
        }
    }
}

impl Read for VersionReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            self.ask();
            let Some((bytes, handle)) = self.under_way.front_mut() else { return Ok(0) };
            let got = self.version.bucket.threads().wait_for(handle)?;
            let piece = got.map_err(|error| broken(&error.to_string()))?.map_err(|error| explain(&error))?;
            if piece.len() as u64 != *bytes {
                return Err(broken("the store sent another number of bytes than it was asked for"));
            }
            self.piece = piece;
            self.under_way.pop_front();
            self.ask();
        }
        let read = self.piece.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.piece.split_to(read));
        Ok(read)
    }
}

impl Drop for VersionReader {
    fn drop(&mut self) {
        self.under_way.iter().for_each(|(_, handle)| handle.abort());
    }
}

/// Blocks of objects that were read last.
#[derive(Debug, Default)]
pub(super) struct BlockCache(Mutex<VecDeque<Block>>);

#[derive(Debug)]
struct Block {
    version: Version,
    number: u64,
    /// Locked during the fetch: others wait.
    bytes: Arc<Mutex<Option<Bytes>>>,
}

impl BlockCache {
    /// A block of an object, fetched unless it is cached.
    fn get(&self, version: &Version, number: u64) -> io::Result<Bytes> {
        let slot = self.slot(version, number);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = &*slot {
            return Ok(bytes.clone());
        }
        let bytes = version.range(number * BLOCK_BYTES, BLOCK_BYTES)?;
        Ok(slot.insert(bytes).clone())
    }

    fn slot(&self, version: &Version, number: u64) -> Arc<Mutex<Option<Bytes>>> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = blocks.iter().position(|block| block.number == number && block.version.is_same(version));
        let block = found.and_then(|at| blocks.remove(at)).unwrap_or_else(|| Block {
            version: version.clone(),
            number,
            bytes: Arc::default(),
        });
        let bytes = Arc::clone(&block.bytes);
        blocks.push_back(block);
        if blocks.len() > BLOCKS_KEPT {
            blocks.pop_front();
        }
        bytes
    }
}
