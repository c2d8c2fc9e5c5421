//! Keys on disk.
//!
//! In: sorted keys. Out: whether a key is among them. Never: more in memory than a filter and the first key of every
//! block; a file that outlives the process.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::bloom_filter::Sbbf;

use crate::disk::{Disk, ScratchFile};
use crate::error::{Error, ErrorKind, Result};
use crate::rows::event_key::EventKey;

/// Keys of a block, which is read as a whole: 4 KiB.
const BLOCK_KEYS: usize = 256;
const KEY_BYTES: usize = size_of::<EventKey>();
const BLOCK_BYTES: usize = BLOCK_KEYS * KEY_BYTES;
/// A filter has a byte for each key, and one false positive in forty, up to this size; above it false positives are more
/// frequent, and each costs the read of a block.
const MOST_FILTER_BYTES: usize = 128 << 10;

/// The file with all runs, created on first use.
#[derive(Debug)]
pub(super) struct SpillFile {
    disk: Disk,
    /// Where to create it; without a folder nothing can be spilled.
    folder: Option<PathBuf>,
    file: Mutex<Option<Arc<ScratchFile>>>,
    length: AtomicU64,
}

impl SpillFile {
    pub(super) fn new(disk: Disk, folder: Option<PathBuf>) -> Self {
        Self { disk, folder, file: Mutex::default(), length: AtomicU64::new(0) }
    }

    /// Whether keys can go to disk at all.
    pub(super) const fn has_place(&self) -> bool {
        self.folder.is_some()
    }

    fn with_file<R>(&self, work: impl FnOnce(&ScratchFile) -> io::Result<R>) -> Result<R> {
        let Some(folder) = &self.folder else { return Err(Error::internal("no place to spill keys to")) };
        let path = folder.join("trailmill-keys");
        let open = || {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            match &*file {
                Some(file) => Ok(Arc::clone(file)),
                None => Ok(Arc::clone(file.insert(Arc::new(self.disk.nameless_file(&path)?)))),
            }
        };
        open().and_then(|file| work(&file)).map_err(|error| {
            let error = Error::at(ErrorKind::ScratchUnwritable, &path, error);
            error.advise("keys of events that do not fit into memory go there; more --memory-limit needs less of it")
        })
    }

    /// The position of this many bytes to write.
    fn reserve(&self, bytes: usize) -> u64 {
        self.length.fetch_add(bytes as u64, Ordering::Relaxed)
    }
}

/// Sorted keys in the file.
#[derive(Debug)]
pub(super) struct Run {
    start: u64,
    keys: usize,
    /// First key of each block.
    firsts: Vec<EventKey>,
    filter: Sbbf,
}

impl Run {
    /// Writes keys, which must be sorted.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(super) fn write(file: &SpillFile, keys: &[EventKey]) -> Result<Self> {
        let mut writer = RunWriter::new(file, keys.len());
        keys.iter().try_for_each(|key| writer.push(*key))?;
        writer.finish()
    }

    /// Merges several runs.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(super) fn merge(file: &SpillFile, runs: &[Self]) -> Result<Self> {
        let mut writer = RunWriter::new(file, runs.iter().map(Self::len).sum());
        let mut readers: Vec<_> = runs.iter().map(|run| RunReader::new(file, run)).collect();
        let mut heads = readers.iter_mut().map(RunReader::next).collect::<Result<Vec<_>>>()?;
        while let Some((least, at)) = heads.iter().zip(0..).filter_map(|(head, at)| Some(((*head)?, at))).min() {
            writer.push(least)?;
            heads[at] = readers[at].next()?;
        }
        writer.finish()
    }

    /// Number of keys in it.
    pub(super) const fn len(&self) -> usize {
        self.keys
    }

    /// Whether a key is in it.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(super) fn contains(&self, file: &SpillFile, key: EventKey) -> Result<bool> {
        if !self.filter.check(&filter_key(key)) {
            return Ok(false);
        }
        let behind = self.firsts.partition_point(|first| *first <= key);
        if behind == 0 {
            return Ok(false);
        }
        let mut buffer = [0; BLOCK_BYTES];
        let keys = self.read_block(file, behind - 1, &mut buffer)?;
        Ok(keys.binary_search_by(|found| EventKey::from_le_bytes(*found).cmp(&key)).is_ok())
    }

    fn read_block<'b>(
        &self,
        file: &SpillFile,
        block: usize,
        buffer: &'b mut [u8; BLOCK_BYTES],
    ) -> Result<&'b [[u8; KEY_BYTES]]> {
        let start = block * BLOCK_KEYS;
        let bytes = &mut buffer[..BLOCK_KEYS.min(self.keys - start) * KEY_BYTES];
        let at = self.start + (start * KEY_BYTES) as u64;
        file.with_file(|file| file.read_at(bytes, at))?;
        Ok(bytes.as_chunks().0)
    }
}

/// Writes a run of known length, key by key.
struct RunWriter<'f> {
    file: &'f SpillFile,
    run: Run,
    /// Bytes to be written.
    buffer: Vec<u8>,
    written: u64,
}

/// Size of a write.
const WRITE_BYTES: usize = 64 << 10;

impl<'f> RunWriter<'f> {
    fn new(file: &'f SpillFile, keys: usize) -> Self {
        let filter = Sbbf::new_with_num_of_bytes(keys.min(MOST_FILTER_BYTES));
        let firsts = Vec::with_capacity(keys.div_ceil(BLOCK_KEYS));
        let run = Run { start: file.reserve(keys * KEY_BYTES), keys: 0, firsts, filter };
        Self { file, run, buffer: Vec::with_capacity(WRITE_BYTES.min(keys * KEY_BYTES)), written: 0 }
    }

    fn push(&mut self, key: EventKey) -> Result<()> {
        if self.run.keys.is_multiple_of(BLOCK_KEYS) {
            self.run.firsts.push(key);
        }
        self.run.keys += 1;
        self.run.filter.insert(&filter_key(key));
        self.buffer.extend_from_slice(&key.to_le_bytes());
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let at = self.run.start + self.written;
        self.file.with_file(|file| file.write_at(&self.buffer, at))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Run> {
        self.flush()?;
        Ok(self.run)
    }
}

/// Reads a run in ascending order.
struct RunReader<'r> {
    file: &'r SpillFile,
    run: &'r Run,
    next: usize,
    buffer: [u8; BLOCK_BYTES],
}

impl<'r> RunReader<'r> {
    const fn new(file: &'r SpillFile, run: &'r Run) -> Self {
        Self { file, run, next: 0, buffer: [0; BLOCK_BYTES] }
    }

    fn next(&mut self) -> Result<Option<EventKey>> {
        if self.next == self.run.keys {
            return Ok(None);
        }
        if self.next.is_multiple_of(BLOCK_KEYS) {
            self.run.read_block(self.file, self.next / BLOCK_KEYS, &mut self.buffer)?;
        }
        let (keys, _) = self.buffer.as_chunks::<KEY_BYTES>();
        let key = keys[self.next % BLOCK_KEYS];
        self.next += 1;
        Ok(Some(EventKey::from_le_bytes(key)))
    }
}

/// Keys are hashes already; half of one is enough for a filter.
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
const fn filter_key(key: EventKey) -> i64 {
    key as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Random;

    fn random_keys(random: &mut Random, count: usize) -> Vec<EventKey> {
        let mut key = || u128::from(random.next()) << 64 | u128::from(random.next());
        let mut keys: Vec<EventKey> = (0..count).map(|_| key()).collect();
        keys.sort_unstable();
        keys
    }

    fn check(file: &SpillFile, run: &Run, keys: &[EventKey]) {
        assert_eq!(run.len(), keys.len());
        assert!(keys.iter().all(|key| run.contains(file, *key).unwrap()), "{}", keys.len());
        let near = keys.iter().flat_map(|key| [key.wrapping_add(1), key.wrapping_sub(1)]);
        assert!(near.filter(|key| keys.binary_search(key).is_err()).all(|key| !run.contains(file, key).unwrap()));
    }

    #[test]
    fn a_run_has_exactly_the_keys_that_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = SpillFile::new(Disk::default(), Some(folder.path().to_owned()));
        let mut random = Random::new(7);
        for count in [1, 2, BLOCK_KEYS - 1, BLOCK_KEYS, BLOCK_KEYS + 1, 3 * BLOCK_KEYS, 10_000] {
            let keys = random_keys(&mut random, count);
            check(&file, &Run::write(&file, &keys).unwrap(), &keys);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn merged_runs_have_all_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = SpillFile::new(Disk::default(), Some(folder.path().to_owned()));
        let mut random = Random::new(8);
        let parts: Vec<_> = [5, 1_000, 256, 7_777].map(|count| random_keys(&mut random, count)).into();
        let runs: Vec<_> = parts.iter().map(|keys| Run::write(&file, keys).unwrap()).collect();
        let mut all = parts.concat();
        all.sort_unstable();
        check(&file, &Run::merge(&file, &runs).unwrap(), &all);
    }
}
