//! Events to archives in the layout of CloudTrail's keys.
//!
//! In: chunks, in order. Out: a folder in which CloudTrail tools find their usual layout. Never: shows an incomplete
//! archive, touches a file of another name, or keeps more events in memory than the limit allows.
//!
//! Events wait in a buffer for each account, kind, Region and day. A buffer becomes an archive when it is full; when all
//! of them together hold too much, the largest does. Both follow from the order of events alone, so the same lake gives
//! the same archives. Within an archive events are sorted by time, equal ones in the order of the lake.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use libdeflater::{CompressionLvl, Compressor};
use rayon::ThreadPool;
use twox_hash::XxHash3_128;

use super::blocks::{Blocks, IdleBlocks};
use super::chunk::Chunk;
use super::flow::{ChunkSink, limited};
use super::key::FolderKey;
use super::{OutFolder, RestoreConfig, RestoreSummary};
use crate::disk::{Disk, StagedFile};
use crate::error::{Error, ErrorKind, Result};
use crate::model::is_own_folder;
use crate::pool::{Pool, caught, thread_pool};

/// Bytes of events in an archive: some MB of memory for its reader, and one on disk.
const ARCHIVE_BYTES: usize = 8 << 20;
/// Maximum number of buffers.
const MOST_BUFFERS: usize = 4_096;
/// Compression level of archives: higher ones cost more time than they save space, as usual for data written once.
const LEVEL: i32 = 1;
/// Folder for incomplete archives. A killed run leaves it, and the next one removes it.
const UNFINISHED: &str = "_trailmill_restore";

const BEFORE: &[u8] = b"{\"Records\":[";
const AFTER: &[u8] = b"]}";

/// Events for one archive.
struct Buffer {
    json: Blocks,
    /// Time of each event, and where it ends in the text.
    events: Vec<(i64, usize)>,
}

/// A tree under construction.
pub(super) struct Tree {
    shared: Arc<WriterShared>,
    /// A separate pool: reading threads block until their results are taken.
    pool: ThreadPool,
    limit: Option<u64>,
    buffers: BTreeMap<FolderKey, Buffer>,
    blocks: IdleBlocks,
    bytes: usize,
    most_bytes: usize,
    archive_bytes: usize,
    /// Number of the next archive.
    number: u64,
    /// Archives that are being written.
    in_work: usize,
    most_in_work: usize,
    sender: Sender<Result<u64>>,
    receiver: Receiver<Result<u64>>,
    archives: u64,
    written_bytes: u64,
}

/// What archive writers share.
struct WriterShared {
    disk: Disk,
    root: PathBuf,
    idle: Pool<ArchiveCompressor>,
}

/// Buffers for compressing an archive, megabytes that would otherwise be reallocated for each.
struct ArchiveCompressor {
    compressor: Compressor,
    text: Vec<u8>,
    /// An archive at its start, and spare room.
    stored: Vec<u8>,
}

impl Tree {
    /// Begins a tree in a folder.
    ///
    /// # Errors
    ///
    /// A folder that is not empty, unless that is allowed, that belongs to the lake, or that cannot be written to.
    pub(super) fn begin(config: &RestoreConfig, out: &OutFolder, lake: &Path) -> Result<Self> {
        let disk = Disk::new(config.faults.clone());
        let unwritable = |error: io::Error| out_unwritable(&out.path, error);
        if !out.may_hold_files && holds_files(&out.path).map_err(unwritable)? {
            let error = Error::at(ErrorKind::ConfigInvalid, &out.path, "there are files in it already");
            return Err(error.advise("name an empty folder, or add --overwrite to replace files of the same names"));
        }
        let absolute = absolute(&out.path).map_err(unwritable)?;
        let of_lake = absolute.strip_prefix(lake).ok().map(|below| below.iter().next());
        if of_lake.is_some_and(|first| first.is_none_or(is_own_folder)) {
            let error = Error::at(ErrorKind::ConfigInvalid, &out.path, "it is part of the lake");
            return Err(error.advise("name a folder beside it with --out"));
        }
        disk.create_folder(&absolute).map_err(unwritable)?;
        disk.remove_folder(&absolute.join(UNFINISHED)).map_err(unwritable)?;
        let (sender, receiver) = channel();
        let memory = usize::try_from(config.memory_limit).unwrap_or(usize::MAX);
        Ok(Self {
            shared: Arc::new(WriterShared { disk, root: absolute, idle: Pool::default() }),
            pool: thread_pool(config.threads)?,
            limit: config.limit,
            buffers: BTreeMap::new(),
            blocks: IdleBlocks::default(),
            bytes: 0,
            most_bytes: memory / 4,
            archive_bytes: ARCHIVE_BYTES.min(memory / 16),
            number: 0,
            in_work: 0,
            most_in_work: config.threads,
            sender,
            receiver,
            archives: 0,
            written_bytes: 0,
        })
    }

    fn add(&mut self, key: &FolderKey, time: i64, line: &[u8]) -> Result<()> {
        if !self.buffers.contains_key(key) {
            self.buffers.insert(key.clone(), Buffer::new(&self.blocks));
        }
        let Some(buffer) = self.buffers.get_mut(key) else { return Ok(()) };
        let before = buffer.memory();
        buffer.json.extend(line);
        buffer.events.push((time, buffer.json.len()));
        self.bytes += buffer.memory() - before;
        if buffer.json.len() >= self.archive_bytes {
            self.store(&key.clone())?;
        }
        while self.bytes > self.most_bytes || self.buffers.len() > MOST_BUFFERS {
            // Of equal ones the last.
            let largest = self.buffers.iter().max_by_key(|(_, buffer)| buffer.json.len());
            let Some(largest) = largest.map(|(key, _)| key.clone()) else { break };
            self.store(&largest)?;
        }
        Ok(())
    }

    /// Makes an archive of a buffer.
    fn store(&mut self, key: &FolderKey) -> Result<()> {
        let Some((key, buffer)) = self.buffers.remove_entry(key) else { return Ok(()) };
        self.bytes -= buffer.memory();
        self.number += 1;
        let archive = ArchiveTask { key, buffer, number: self.number };
        if self.in_work == self.most_in_work {
            self.wait()?;
        }
        self.in_work += 1;
        let (shared, sender) = (Arc::clone(&self.shared), self.sender.clone());
        self.pool.spawn_fifo(move || {
            let _ = sender.send(caught(|| archive.store(&shared)).flatten());
        });
        Ok(())
    }

    /// Waits for an archive to be written.
    fn wait(&mut self) -> Result<()> {
        let stored = self.receiver.recv().map_err(Error::internal)?;
        self.in_work -= 1;
        self.written_bytes += stored?;
        self.archives += 1;
        Ok(())
    }

    /// Stops, leaving the tree as it is; its archives are complete.
    pub(super) fn give_up(mut self) {
        // Only the first error is reported.
        while self.in_work > 0 {
            let _ = self.wait();
        }
        let _ = self.shared.disk.remove_folder(&self.shared.root.join(UNFINISHED));
    }

    /// Ends the tree.
    ///
    /// # Errors
    ///
    /// A folder that cannot be written to.
    pub(super) fn end(self, summary: &mut RestoreSummary) -> Result<()> {
        let unfinished = self.shared.root.join(UNFINISHED);
        self.shared.disk.remove_folder(&unfinished).map_err(|error| out_unwritable(&unfinished, error))?;
        summary.archives = self.archives;
        summary.archive_bytes = self.written_bytes;
        Ok(())
    }
}

impl ChunkSink for Tree {
    fn take(&mut self, chunk: &Chunk, summary: &mut RestoreSummary) -> Result<bool> {
        let mut start = 0;
        for event in limited(chunk, self.limit, summary.events) {
            // Without the line end.
            let line = &chunk.json[start..event.end - 1];
            self.add(&chunk.keys[event.key as usize], event.time, line)?;
            start = event.end;
            summary.events += 1;
        }
        summary.json_bytes += start as u64;
        Ok(self.limit != Some(summary.events))
    }

    fn finish(&mut self) -> Result<()> {
        let keys: Vec<FolderKey> = self.buffers.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.store(key))?;
        while self.in_work > 0 {
            self.wait()?;
        }
        Ok(())
    }

    fn wants_keys(&self) -> bool {
        true
    }
}

impl Buffer {
    fn new(blocks: &IdleBlocks) -> Self {
        Self { json: Blocks::new(blocks), events: Vec::new() }
    }

    const fn memory(&self) -> usize {
        self.json.memory() + self.events.capacity() * size_of::<(i64, usize)>()
    }

    /// Replaces the content of `text` with the text of an archive.
    fn write_text(&self, text: &mut Vec<u8>) {
        let starts = std::iter::once(0).chain(self.events.iter().map(|(_, end)| *end));
        let mut events: Vec<(i64, usize, usize)> =
            starts.zip(&self.events).map(|(start, (time, end))| (*time, start, *end)).collect();
        events.sort_unstable();
        text.clear();
        text.reserve(self.json.len() + events.len() + BEFORE.len() + AFTER.len());
        text.extend_from_slice(BEFORE);
        for (at, (_, start, end)) in events.into_iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            self.json.copy(start..end, text);
        }
        text.extend_from_slice(AFTER);
    }
}

/// An archive to write.
struct ArchiveTask {
    key: FolderKey,
    buffer: Buffer,
    number: u64,
}

impl ArchiveTask {
    /// Writes it to a temporary file, syncs and renames it; its size.
    fn store(self, shared: &WriterShared) -> Result<u64> {
        let mut press = shared.idle.take().map_or_else(ArchiveCompressor::new, Ok)?;
        self.buffer.write_text(&mut press.text);
        let latest = self.buffer.events.iter().map(|(time, _)| *time).max().unwrap_or_default();
        drop(self.buffer);
        let folder = shared.root.join(self.key.folder());
        let path = folder.join(self.key.file_name(latest, &unique(&press.text, self.number)));
        let aside = shared.root.join(UNFINISHED).join(format!("{}.json.gz", self.number));
        let stored = press.compress()?;
        let disk = &shared.disk;
        let write = || {
            let mut file = StagedFile::create(disk, &aside)?;
            file.write_all(stored)?;
            file.sync()?;
            disk.create_folder(&folder)?;
            disk.rename(&aside, &path)
        };
        write().map_err(|error| out_unwritable(&path, error))?;
        let bytes = stored.len() as u64;
        shared.idle.give(press);
        Ok(bytes)
    }
}

impl ArchiveCompressor {
    fn new() -> Result<Self> {
        let level = CompressionLvl::new(LEVEL).map_err(|_| Error::internal("no such level of compression"))?;
        Ok(Self { compressor: Compressor::new(level), text: Vec::new(), stored: Vec::new() })
    }

    /// The text as one gzip member.
    fn compress(&mut self) -> Result<&[u8]> {
        let most = self.compressor.gzip_compress_bound(self.text.len());
        if self.stored.len() < most {
            self.stored.resize(most, 0);
        }
        let bytes = self.compressor.gzip_compress(&self.text, &mut self.stored).map_err(Error::internal)?;
        Ok(&self.stored[..bytes])
    }
}

/// Sixteen characters derived from the text and the number of an archive: archives with equal events stay distinct.
fn unique(text: &[u8], number: u64) -> String {
    const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut hash = XxHash3_128::oneshot_with_seed(number, text);
    let mut next = || {
        let character = CHARACTERS[(hash % CHARACTERS.len() as u128) as usize];
        hash /= CHARACTERS.len() as u128;
        char::from(character)
    };
    (0..16).map(|_| next()).collect()
}

/// Whether a folder contains anything except leftovers of a killed run.
fn holds_files(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        if entry?.file_name() != UNFINISHED {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The path with links and relative components resolved, as far as it exists.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    for above in path.ancestors() {
        if let Ok(known) = above.canonicalize() {
            return Ok(known.join(path.strip_prefix(above).unwrap_or(Path::new(""))));
        }
    }
    Ok(path)
}

fn out_unwritable(path: &Path, error: io::Error) -> Error {
    Error::at(ErrorKind::OutputUnwritable, path, error).advise("name another folder with --out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_one_line_in_the_order_of_time() {
        let mut buffer = Buffer::new(&IdleBlocks::default());
        for (time, event) in [(5, "{\"a\":1}"), (3, "{}"), (5, "{\"a\":0}"), (3, "{\"b\":2}")] {
            buffer.json.extend(event.as_bytes());
            buffer.events.push((time, buffer.json.len()));
        }
        let mut text = b"another".to_vec();
        buffer.write_text(&mut text);
        let text = String::from_utf8(text).expect("UTF-8");
        assert_eq!(text, r#"{"Records":[{},{"b":2},{"a":1},{"a":0}]}"#);
    }

    #[test]
    fn names_of_different_archives_differ() {
        let names = [unique(b"a", 1), unique(b"a", 2), unique(b"b", 1)];
        assert!(names.iter().all(|name| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        assert!(names[0] != names[1] && names[0] != names[2]);
        assert_eq!(unique(b"a", 1), names[0]);
    }
}
