//! The bytes of archives to rows, where the caller does the fetching.
//!
//! In: names, and stored bytes piece by piece. Out: the batches and outcomes of a [`Reader`](super::Reader). Never: does
//! I/O, starts a thread, or returns a row that it might have to take back.

use std::collections::VecDeque;

use bytes::Bytes;

use super::batches::{ArchiveEnd, TableBatch};
use super::large::{LargeArchive, LargeEnd, LargeStep};
use super::options::{ReadOptions, WantedTable};
use super::plan_batches;
use super::worker::{Converted, ReadContext, ReadOutcome, Worker, position};
use crate::clock::StageClock;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{Archive, expand};
use crate::rows::{ArchiveOutcome, ArchiveRef, Batch, ConvertCounts};

/// Decodes the stored bytes of archives that the caller fetches. See [the module](crate::reader).
///
/// For each archive call [`begin`](Decoder::begin), [`decode`](Decoder::decode) for each piece of its bytes,
/// [`flush`](Decoder::flush) until there are no more rows, and [`finish`](Decoder::finish). Its bytes are held until the
/// first flush, since a checksum comes at the end of the data. Each member of a container is an archive.
///
/// One decoder for many archives is faster than one for each.
pub struct Decoder {
    wanted: Vec<WantedTable>,
    memory_limit: u64,
    reading: ReadContext,
    clock: StageClock,
    worker: Worker,
    name: String,
    stored: Vec<u8>,
    /// Whether all bytes were taken.
    is_complete: bool,
    /// The archives in them: the archive itself, or the members of a container.
    archives: Vec<Archive>,
    /// The first archive that was not begun.
    next: usize,
    large: Option<LargeInWork>,
    ready: VecDeque<Batch>,
    ends: Vec<ArchiveEnd>,
}

/// A large archive that is partly decoded.
struct LargeInWork {
    position: usize,
    archive: Archive,
    rest: Box<LargeArchive>,
    counts: ConvertCounts,
}

impl Decoder {
    /// Decodes what these options select; their inputs, threads and store are not used.
    ///
    /// # Errors
    ///
    /// Invalid options, and columns that no table has.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        options.validate_rows()?;
        let wanted = options.wanted()?;
        let worker = Worker::new(plan_batches(options, &wanted));
        Ok(Self {
            wanted,
            memory_limit: options.memory_limit,
            reading: ReadContext {
                limit: options.max_inflated_bytes,
                segment_bytes: options.segment_bytes,
                proofs: None,
                requires_verified: false,
                prefetcher: None,
            },
            clock: StageClock::default(),
            worker,
            name: String::new(),
            stored: Vec::new(),
            is_complete: false,
            archives: Vec::new(),
            next: 0,
            large: None,
            ready: VecDeque::new(),
            ends: Vec::new(),
        })
    }

    /// Begins an archive: `name` is written in its rows, and its last component determines what is expected in it, as a file
    /// name does. Whatever is left of the previous archive is discarded.
    pub fn begin(&mut self, name: impl Into<String>) {
        self.name = name.into();
        self.stored.clear();
        self.is_complete = false;
        self.archives.clear();
        self.next = 0;
        self.large = None;
        self.ready.clear();
        self.ends.clear();
    }

    /// Takes the next stored bytes of the archive.
    ///
    /// # Errors
    ///
    /// More bytes than [`ReadOptions::memory_limit`], and bytes that come after a flush.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<()> {
        if self.is_complete {
            let why = format!("{}: bytes after the archive was flushed", self.name);
            return Err(Error::new(ErrorKind::ConfigInvalid, why));
        }
        if (self.stored.len() + bytes.len()) as u64 > self.memory_limit {
            let why = format!("{}: more than {} stored bytes", self.name, self.memory_limit);
            return Err(Error::new(ErrorKind::InputRejected, why).advise("a higher memory limit would do, or a Reader"));
        }
        self.stored.extend_from_slice(bytes);
        Ok(())
    }

    /// The next rows of the archive, once all its bytes were taken; `None` when there are no more.
    ///
    /// # Errors
    ///
    /// Bugs only: damage of an archive is reported by [`Decoder::finish`].
    pub fn flush(&mut self) -> Result<Option<TableBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return TableBatch::of(&batch, &self.wanted).map(Some);
            }
            if !self.is_complete {
                self.open();
            } else if let Some(large) = self.large.take() {
                self.advance_large(large)?;
            } else if self.next < self.archives.len() {
                self.decode_small()?;
            } else {
                return Ok(None);
            }
        }
    }

    /// The outcome of the archive, or of each member of a container and the container; rows that were not flushed are
    /// discarded, but counted.
    ///
    /// # Errors
    ///
    /// As [`Decoder::flush`].
    pub fn finish(&mut self) -> Result<Vec<ArchiveEnd>> {
        while self.flush()?.is_some() {}
        Ok(std::mem::take(&mut self.ends))
    }

    fn open(&mut self) {
        self.is_complete = true;
        let archive = Archive::in_memory(&self.name, Bytes::from(std::mem::take(&mut self.stored)));
        let members = if archive.is_named_like_a_log() { None } else { expand(&archive, None) };
        self.archives = members.unwrap_or_else(|| vec![archive]);
        self.archives.sort_unstable_by(Archive::order);
    }

    /// Decodes small archives, up to the first large one.
    fn decode_small(&mut self) -> Result<()> {
        let range = self.next..self.archives.len();
        let done = self.worker.convert_group(&self.archives, range, &self.reading, &self.clock)?;
        self.next = done.rest.or(done.alone).unwrap_or(self.archives.len());
        self.ready.extend(done.batches);
        self.ends.extend(done.archives.into_iter().map(ArchiveEnd::from));
        if let Some(position) = done.alone {
            self.next += 1;
            self.open_large(position);
        }
        Ok(())
    }

    /// Reads a large archive to its end, and opens it again up to where it is intact.
    fn open_large(&mut self, position: usize) {
        let archive = self.archives[position].clone();
        let opened = match LargeArchive::check(&archive, &self.reading, &mut self.worker, &self.clock) {
            Some(unusable) if unusable.sound_bytes == 0 => Err(unusable),
            end => LargeArchive::open(&archive, &self.reading, end),
        };
        match opened {
            Ok(rest) => {
                self.large =
                    Some(LargeInWork { position, archive, rest: Box::new(rest), counts: ConvertCounts::default() });
            }
            Err(unusable) => {
                let outcome = ReadOutcome::without_text(ArchiveOutcome::refused(unusable.finding));
                self.ends.push(Converted::new(position, archive.uri(), outcome).into());
            }
        }
    }

    /// Decodes the next segment of a large archive.
    fn advance_large(&mut self, mut large: LargeInWork) -> Result<()> {
        let (segment, next) = match large.rest.step(&mut self.worker, &self.clock) {
            LargeStep::Segment(rest, segment) => (segment, Ok(rest)),
            LargeStep::Last(segment, end) => (segment, Err(end)),
        };
        let uri = large.archive.uri();
        let source = ArchiveRef { uri: &uri, position: position(large.position) };
        let decoded = self.worker.convert_segment(source, &segment, &self.clock)?;
        self.ready.extend(decoded.batches);
        large.counts.add(decoded.counts);
        match next {
            Ok(rest) => self.large = Some(LargeInWork { rest, ..large }),
            Err(LargeEnd::Read(text)) => {
                let outcome = ReadOutcome::of_large(&large.archive, large.counts, text);
                self.ends.push(Converted::new(large.position, uri, outcome).into());
            }
            Err(LargeEnd::Refused(_)) => return Err(Error::internal("bytes in memory are not what they were")),
        }
        Ok(())
    }
}
