//! A large file to text, a window at a time.
//!
//! In: a file as stored. Out: its text in a window that the caller moves along. Never: holds the whole file or text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::{Archive, MAGIC, MEMBER_START};
use crate::error::{Finding, Reason};

/// Bytes read from the file at a time.
const READ_BYTES: usize = 256 << 10;

/// The part of a text that is being worked on.
#[derive(Default)]
pub(crate) struct Window {
    text: Vec<u8>,
}

impl Window {
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Takes the window's text and leaves what stands behind `done` in the next one.
    pub(crate) fn split_off(&mut self, done: usize) -> Vec<u8> {
        let mut rest = Vec::with_capacity(self.text.capacity());
        rest.extend_from_slice(&self.text[done..]);
        std::mem::replace(&mut self.text, rest)
    }
}

/// How a text ended: with a finding when the file is damaged behind it.
pub(crate) type Ended = Option<Finding>;

/// Reads and gunzips a file.
pub(crate) struct TextStream {
    archive: Archive,
    source: Source,
    limit: u64,
    inflated_bytes: u64,
    /// Where the gzip member at hand begins in the file.
    member_at: u64,
    /// Text of the members before it, whose checksums were right.
    certain_bytes: u64,
    /// Where to end, known from an attempt before, and why.
    end: Option<Worthless>,
}

/// Why text is worthless from some point on.
#[derive(Clone, Debug)]
pub(crate) struct Worthless {
    pub(crate) finding: Finding,
    /// Text before that point.
    pub(crate) certain_bytes: u64,
}

enum Source {
    Plain(BufReader<File>),
    Gzip(Box<GzDecoder<Counted>>),
    /// Between two states only.
    Ended,
}

impl TextStream {
    /// Opens a file whose text may have at most `limit` bytes; `end` is where an attempt before found it worthless.
    pub(crate) fn open(archive: &Archive, limit: u64, end: Option<Worthless>) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(READ_BYTES, archive.open()?);
        let source = if reader.fill_buf()?.starts_with(MAGIC) {
            Source::Gzip(Box::new(GzDecoder::new(Counted { peeked: Vec::new(), reader, count: 0 })))
        } else {
            Source::Plain(reader)
        };
        Ok(Self { archive: archive.clone(), source, limit, inflated_bytes: 0, member_at: 0, certain_bytes: 0, end })
    }

    /// Adds text to the window until it has `wanted` bytes; tells when the text has ended.
    ///
    /// # Errors
    ///
    /// What makes text worthless that was handed out: a wrong checksum, a read error, or too much text.
    pub(crate) fn fill(&mut self, window: &mut Window, wanted: usize) -> Result<Option<Ended>, Worthless> {
        let text = &mut window.text;
        while text.len() < wanted {
            let before = text.len();
            let mut room = (wanted - before) as u64;
            if let Some(end) = &self.end {
                room = room.min(end.certain_bytes - self.inflated_bytes);
                if room == 0 {
                    self.source = Source::Ended;
                    return Ok(Some(Some(end.finding.clone())));
                }
            }
            let read = match &mut self.source {
                Source::Plain(reader) => reader.take(room).read_to_end(text),
                Source::Gzip(decoder) => decoder.take(room).read_to_end(text),
                Source::Ended => return Ok(Some(None)),
            };
            self.inflated_bytes += (text.len() - before) as u64;
            if self.inflated_bytes > self.limit {
                return Err(Worthless { finding: self.too_large(), certain_bytes: 0 });
            }
            if let Err(error) = read {
                let certain_bytes = self.certain_bytes;
                let failed = self.failed(&error).map(|finding| Some(Some(finding)));
                return failed.map_err(|finding| Worthless { finding, certain_bytes });
            }
            if text.len() - before < usize::try_from(room).unwrap_or(usize::MAX)
                && let Some(ended) = self.next_member()?
            {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// Reads on to the end of the file, for its checksum alone; the size of the text and how it ended.
    ///
    /// # Errors
    ///
    /// As [`TextStream::fill`].
    pub(crate) fn drain(&mut self, ended: Ended) -> Result<(u64, Ended), Worthless> {
        let mut ended = ended;
        let mut window = Window::default();
        while !matches!(self.source, Source::Ended) {
            window.text.clear();
            if let Some(end) = self.fill(&mut window, READ_BYTES)? {
                ended = ended.or(end);
                break;
            }
        }
        Ok((self.inflated_bytes, ended))
    }

    /// Goes on to the next gzip member; tells how the text ended when there is none.
    fn next_member(&mut self) -> Result<Option<Ended>, Worthless> {
        let Source::Gzip(decoder) = std::mem::replace(&mut self.source, Source::Ended) else { return Ok(Some(None)) };
        let mut counted = decoder.into_inner();
        self.member_at = counted.count;
        self.certain_bytes = self.inflated_bytes;
        let rest = counted.peek(MEMBER_START.len()).map_err(|error| self.unreadable(&error))?;
        if rest == MEMBER_START {
            self.source = Source::Gzip(Box::new(GzDecoder::new(counted)));
            return Ok(None);
        }
        let mut original = Vec::new();
        let read = counted.take(super::MAX_GARBAGE_BYTES).read_to_end(&mut original);
        read.map_err(|error| self.unreadable(&error))?;
        Ok(Some(super::trailing_garbage(self.member_at, original)))
    }

    /// A read or inflate error: `Ok` when the text before it still counts.
    fn failed(&mut self, error: &io::Error) -> Result<Finding, Finding> {
        if !matches!(self.source, Source::Gzip(_)) {
            return Err(self.read_failed(error));
        }
        let is_read_error = error.raw_os_error().is_some();
        if is_read_error {
            return Err(self.read_failed(error));
        }
        self.source = Source::Ended;
        let finding = super::gzip_damage(error, self.archive.bytes, self.member_at, self.original());
        if finding.reason == Reason::GzipTruncated { Ok(finding) } else { Err(finding) }
    }

    fn unreadable(&self, error: &io::Error) -> Worthless {
        Worthless { finding: self.read_failed(error), certain_bytes: 0 }
    }

    fn read_failed(&self, error: &io::Error) -> Finding {
        Finding {
            event_index: None,
            byte_offset: None,
            reason: Reason::ReadFailed,
            message: error.to_string(),
            original: self.original(),
        }
    }

    fn too_large(&self) -> Finding {
        super::too_large(self.limit, self.original())
    }

    /// The first bytes of the file, as many as quarantine keeps.
    fn original(&self) -> Vec<u8> {
        let mut original = Vec::new();
        // What cannot be read cannot be kept; the finding says what happened.
        let _ = self.archive.open().and_then(|file| file.take(super::MAX_GARBAGE_BYTES).read_to_end(&mut original));
        original
    }
}

/// A reader that knows how far it is.
struct Counted {
    /// Bytes taken from the reader and not yet consumed.
    peeked: Vec<u8>,
    reader: BufReader<File>,
    count: u64,
}

impl Counted {
    /// The next bytes, up to `wanted`; fewer at the end of the file. A buffer may end after one of them.
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let missing = wanted.saturating_sub(self.peeked.len()) as u64;
        (&mut self.reader).take(missing).read_to_end(&mut self.peeked)?;
        Ok(&self.peeked)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(buffer.len());
        buffer[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.peeked.is_empty() { self.reader.fill_buf() } else { Ok(&self.peeked) }
    }

    fn consume(&mut self, amount: usize) {
        self.count += amount as u64;
        if self.peeked.is_empty() {
            self.reader.consume(amount);
        } else {
            self.peeked.drain(..amount);
        }
    }
}
