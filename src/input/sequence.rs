//! A container that can only be read from front to back.
//!
//! In: a compressed tar. Out: its members, as they are requested. Never: more of it in memory than the members that are
//! being converted.
//!
//! Workers request members nearly in order. A worker that is ahead reads past members that others have yet to take; these are
//! kept until they are done. Members that are not expected are skipped.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stream::TextEnd;
use super::{Archive, TextStream, Unusable, Window};
use crate::error::Finding;

/// Text that is read at a time.
const READ_BYTES: usize = 256 << 10;

/// A compressed container.
#[derive(Debug)]
pub(super) struct Sequence {
    archive: Box<Archive>,
    state: Mutex<SequenceState>,
}

#[derive(Debug, Default)]
struct SequenceState {
    reader: Option<TextReader>,
    /// The current position.
    position: u64,
    /// Members that are being converted, by their position.
    expected: BTreeMap<u64, Expected>,
}

/// A member that is being converted.
#[derive(Debug)]
struct Expected {
    bytes: u64,
    /// The text that was read of it.
    text: Option<Arc<[u8]>>,
}

impl Sequence {
    pub(super) fn new(archive: Archive) -> Self {
        Self { archive: Box::new(archive), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, SequenceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a member as needed soon.
    pub(super) fn mark_wanted(&self, start: u64, bytes: u64) {
        self.state().expected.entry(start).or_insert(Expected { bytes, text: None });
    }

    /// Marks a member as done.
    pub(super) fn release(&self, start: u64) {
        self.state().expected.remove(&start);
    }

    /// Reads a member at once.
    pub(super) fn read(&self, start: u64, bytes: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut state = self.state();
        buffer.clear();
        if let Some(Expected { text: Some(text), .. }) = state.expected.get(&start) {
            buffer.extend_from_slice(text);
            return Ok(());
        }
        state.go_to(&self.archive, start)?;
        state.take(bytes, buffer)?;
        if let Some(expected) = state.expected.get_mut(&start) {
            expected.text = Some(Arc::from(buffer.as_slice()));
        }
        Ok(())
    }

    /// Reads bytes at a position.
    pub(super) fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.go_to(&self.archive, at)?;
        state.read(buffer)
    }
}

impl SequenceState {
    /// Goes to a position, starting over if it has passed it; keeps expected members on the way.
    fn go_to(&mut self, archive: &Archive, to: u64) -> io::Result<()> {
        if self.reader.is_none() || self.position > to {
            self.reader = Some(TextReader::new(TextStream::open(archive, u64::MAX, None)?));
            self.position = 0;
        }
        while self.position < to {
            let next = self.expected.range(self.position..to).find(|(_, expected)| expected.text.is_none());
            let next = next.map(|(start, expected)| (*start, expected.bytes));
            self.skip_to(next.map_or(to, |(start, _)| start))?;
            if let Some((start, bytes)) = next {
                let mut member = Vec::new();
                self.take(bytes, &mut member)?;
                self.expected.insert(start, Expected { bytes, text: Some(Arc::from(member)) });
            }
        }
        Ok(())
    }

    fn skip_to(&mut self, to: u64) -> io::Result<()> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let skipped = io::copy(&mut reader.take(to - self.position), &mut io::sink())?;
        self.position += skipped;
        if self.position < to { Err(io::Error::from(io::ErrorKind::UnexpectedEof)) } else { Ok(()) }
    }

    /// Reads at most this many bytes.
    fn take(&mut self, bytes: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let read = reader.take(bytes).read_to_end(buffer)?;
        self.position += read as u64;
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else { return Ok(0) };
        let read = reader.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// The text of a file as a reader.
#[derive(Debug)]
pub(super) struct TextReader {
    stream: TextStream,
    window: Window,
    at: usize,
    /// Bytes of text that were read.
    bytes: u64,
    end: Option<Result<TextEnd, Unusable>>,
    /// Where to record how the file ended.
    noted: Arc<Mutex<TextEnd>>,
}

impl TextReader {
    pub(super) fn new(stream: TextStream) -> Self {
        Self::noting_end(stream, Arc::default())
    }

    /// A reader that also records damage after the text.
    pub(super) fn noting_end(stream: TextStream, noted: Arc<Mutex<TextEnd>>) -> Self {
        Self { stream, window: Window::default(), at: 0, bytes: 0, end: None, noted }
    }

    /// Reads to the end: how much of the text is certain, and the damage of the file.
    pub(super) fn finish(mut self) -> (u64, Option<Finding>) {
        // An error is recorded where it occurs.
        let _ = io::copy(&mut self, &mut io::sink());
        match self.end {
            Some(Ok(finding)) => (self.bytes, finding),
            Some(Err(Unusable { finding, sound_bytes })) => (sound_bytes, Some(finding)),
            None => (self.bytes, None),
        }
    }
}

impl Read for TextReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.window.text().len() && self.end.is_none() {
            self.window.clear();
            self.at = 0;
            match self.stream.fill(&mut self.window, READ_BYTES) {
                Ok(None) => {}
                Ok(Some(ended)) => {
                    self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&ended);
                    self.end = Some(Ok(ended));
                }
                Err(unusable) => self.end = Some(Err(unusable)),
            }
        }
        let text = &self.window.text()[self.at..];
        if let (Some(Err(unusable)), true) = (&self.end, text.is_empty()) {
            return Err(io::Error::other(unusable.clone()));
        }
        let read = text.len().min(buffer.len());
        buffer[..read].copy_from_slice(&text[..read]);
        self.at += read;
        self.bytes += read as u64;
        Ok(read)
    }
}
