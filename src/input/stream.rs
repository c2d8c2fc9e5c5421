//! A large file to text, a window at a time.
//!
//! In: a file as stored. Out: its text in a window that the caller advances. Never: holds the whole file or text.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::encoding::{Utf16Reader, is_utf16};
use super::packing::{CompressionFormat, MemberDecoder};
use super::sequence::TextReader;
use super::{Archive, MAX_LAYERS};
use crate::error::{Finding, Reason};
use crate::store::is_of_store;

/// Bytes read from the file at a time.
const READ_BYTES: usize = 256 << 10;

/// The current part of a text.
#[derive(Debug, Default)]
pub(crate) struct Window {
    text: Vec<u8>,
}

impl Window {
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Discards its text.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
    }

    /// Takes the window's text and leaves what follows `done` in the next one.
    pub(crate) fn split_off(&mut self, done: usize) -> Vec<u8> {
        let mut rest = Vec::with_capacity(self.text.capacity());
        rest.extend_from_slice(&self.text[done..]);
        std::mem::replace(&mut self.text, rest)
    }
}

/// How a text ended: with a finding when the file is damaged after it.
pub(crate) type TextEnd = Option<Finding>;

/// Reads and unpacks a file.
#[derive(Debug)]
pub(crate) struct TextStream {
    /// The source of the first bytes that a finding keeps; `None` when findings are not needed.
    archive: Option<Archive>,
    source: TextSource,
    limit: u64,
    inflated_bytes: u64,
    /// Where the current compressed member begins in the file.
    member_at: u64,
    /// Length of the text of the members before it, whose checksums were right.
    sound_bytes: u64,
    /// Where to end, known from an earlier reading, and why.
    end: Option<Unusable>,
    /// The first text, which was checked for a further layer of compression, and the result of reading it.
    first: Option<(Window, Result<Option<TextEnd>, Unusable>)>,
    /// How the file around this text ended, when it is compressed more than once.
    outer_end: Option<Arc<Mutex<TextEnd>>>,
    /// Whether the text so far is that of the file's first gzip member, or the file itself.
    is_exact: bool,
}

/// Why text is unusable from some point on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", finding.message)]
pub(crate) struct Unusable {
    pub(crate) finding: Finding,
    /// Length of the text before that point.
    pub(crate) sound_bytes: u64,
}

/// Any file.
pub(super) type Input = Box<dyn Read + Send>;

enum TextSource {
    Plain(BufReader<Input>),
    Packed(MemberDecoder<CountingReader>),
    /// Only between two states.
    AtEnd,
}

impl fmt::Debug for TextSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Packed(_) => "Packed",
            Self::AtEnd => "AtEnd",
        })
    }
}

impl TextStream {
    /// Opens a file whose text may have at most `limit` bytes; `end` is where an earlier reading found it unusable.
    pub(crate) fn open(archive: &Archive, limit: u64, end: Option<Unusable>) -> io::Result<Self> {
        let mut stream = Self::over(Some(archive), archive.open()?, limit)?;
        stream.end_at(end);
        Ok(stream)
    }

    /// Whether the text so far is exactly that of the file's only gzip member, or the file itself.
    pub(crate) const fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Reads the first bytes of a file, given in memory. Where they end, nothing more is fetched.
    pub(super) fn over_head(head: Bytes) -> io::Result<Self> {
        Self::over(None, Box::new(io::Cursor::new(head)), u64::MAX)
    }

    fn over(archive: Option<&Archive>, input: Input, limit: u64) -> io::Result<Self> {
        let mut stream = Self::over_layer(archive, input, limit)?;
        // Services compress what is compressed already.
        for layers in 1..=MAX_LAYERS {
            let mut window = Window::default();
            let read = stream.fill(&mut window, CompressionFormat::MAGIC_BYTES);
            let is_packed = layers < MAX_LAYERS && CompressionFormat::of(window.text()).is_some();
            let has_layer = is_packed || is_utf16(window.text());
            stream.first = Some((window, read));
            if !has_layer || !matches!(stream.source, TextSource::Packed(_)) {
                break;
            }
            let outer_end = Arc::default();
            let inner = Box::new(TextReader::noting_end(stream, Arc::clone(&outer_end)));
            stream = Self { outer_end: Some(outer_end), is_exact: false, ..Self::over_layer(archive, inner, limit)? };
        }
        Ok(stream)
    }

    /// Ends the text where an earlier reading found it unusable.
    fn end_at(&mut self, end: Option<Unusable>) {
        if let (Some(end), Some((first, read))) = (&end, &mut self.first)
            && end.sound_bytes < first.text.len() as u64
        {
            first.text.truncate(usize::try_from(end.sound_bytes).unwrap_or(usize::MAX));
            *read = Ok(Some(Some(end.finding.clone())));
            (self.source, self.inflated_bytes) = (TextSource::AtEnd, end.sound_bytes);
        }
        self.is_exact &= end.is_none();
        self.end = end;
    }

    fn over_layer(archive: Option<&Archive>, input: Input, limit: u64) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(READ_BYTES, input);
        let head = reader.fill_buf()?;
        let is_utf16 = is_utf16(head);
        let packing = CompressionFormat::of(head);
        let source = match packing {
            Some(packing) => TextSource::Packed(MemberDecoder::new(
                packing,
                CountingReader { peeked: Vec::new(), reader, count: 0 },
            )?),
            None if is_utf16 => TextSource::Plain(BufReader::new(Box::new(Utf16Reader::new(reader)))),
            None => TextSource::Plain(reader),
        };
        Ok(Self {
            archive: archive.cloned(),
            source,
            limit,
            inflated_bytes: 0,
            member_at: 0,
            sound_bytes: 0,
            end: None,
            first: None,
            outer_end: None,
            is_exact: if packing.is_none() { !is_utf16 } else { packing == Some(CompressionFormat::Gzip) },
        })
    }

    /// Adds text to the window until it has `wanted` bytes; returns how the text ended, if it has.
    ///
    /// # Errors
    ///
    /// What makes text unusable that was already returned: a wrong checksum, a read error, or too much text.
    pub(crate) fn fill(&mut self, window: &mut Window, wanted: usize) -> Result<Option<TextEnd>, Unusable> {
        let text = &mut window.text;
        if let Some((mut first, read)) = self.first.take() {
            let room = wanted.saturating_sub(text.len());
            if first.text.len() > room {
                text.extend(first.text.drain(..room));
                self.first = Some((first, read));
                return Ok(None);
            }
            text.append(&mut first.text);
            if !matches!(read, Ok(None)) {
                return read;
            }
        }
        while text.len() < wanted {
            let before = text.len();
            let mut room = (wanted - before) as u64;
            if let Some(end) = &self.end {
                room = room.min(end.sound_bytes - self.inflated_bytes);
                if room == 0 {
                    self.source = TextSource::AtEnd;
                    return Ok(Some(Some(end.finding.clone())));
                }
            }
            let read = match &mut self.source {
                TextSource::Plain(reader) => reader.take(room).read_to_end(text),
                TextSource::Packed(decoder) => decoder.take(room).read_to_end(text),
                TextSource::AtEnd => return Ok(Some(None)),
            };
            self.inflated_bytes += (text.len() - before) as u64;
            if self.inflated_bytes > self.limit {
                return Err(Unusable { finding: self.too_large(), sound_bytes: 0 });
            }
            if let Err(error) = read {
                let sound_bytes = if outer_damage(&error).is_some() { 0 } else { self.sound_bytes };
                let failed = self.failed(&error).map(|finding| Some(Some(finding)));
                return failed.map_err(|finding| Unusable { finding, sound_bytes });
            }
            if text.len() - before < usize::try_from(room).unwrap_or(usize::MAX)
                && let Some(ended) = self.next_member()?
            {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// Reads to the end of the file, for its checksum only, and passes on the text; the size of the whole text and
    /// how it ended.
    ///
    /// # Errors
    ///
    /// As [`TextStream::fill`].
    pub(crate) fn drain(&mut self, ended: TextEnd, mut take: impl FnMut(&[u8])) -> Result<(u64, TextEnd), Unusable> {
        let mut ended = ended;
        let mut window = Window::default();
        while self.first.is_some() || !matches!(self.source, TextSource::AtEnd) {
            window.text.clear();
            let end = self.fill(&mut window, READ_BYTES)?;
            take(&window.text);
            if let Some(end) = end {
                ended = ended.or(end);
                break;
            }
        }
        Ok((self.inflated_bytes, ended))
    }

    /// Goes to the next gzip member; returns how the text ended when there is none.
    fn next_member(&mut self) -> Result<Option<TextEnd>, Unusable> {
        let TextSource::Packed(decoder) = std::mem::replace(&mut self.source, TextSource::AtEnd) else {
            return Ok(Some(self.outer_ended()));
        };
        let packing = decoder.packing();
        let mut counted = decoder.into_inner();
        self.member_at = counted.count;
        self.sound_bytes = self.inflated_bytes;
        let rest = counted.peek(CompressionFormat::START_BYTES).map_err(|error| self.unreadable(&error))?;
        if let Some(next) = CompressionFormat::of_member(rest) {
            let decoder = MemberDecoder::new(next, counted).map_err(|error| self.unreadable(&error))?;
            (self.source, self.is_exact) = (TextSource::Packed(decoder), false);
            return Ok(None);
        }
        let mut original = Vec::new();
        let read = counted.take(super::MAX_GARBAGE_BYTES).read_to_end(&mut original);
        read.map_err(|error| self.unreadable(&error))?;
        self.is_exact &= original.is_empty();
        let garbage = packing.trailing_garbage(self.member_at, original);
        Ok(Some(garbage.or_else(|| self.outer_ended())))
    }

    /// Damage after the compressed file that contains this text.
    fn outer_ended(&self) -> TextEnd {
        self.outer_end.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A read or inflate error: `Ok` when the text before it still counts.
    fn failed(&mut self, error: &io::Error) -> Result<Finding, Finding> {
        let TextSource::Packed(decoder) = &self.source else { return Err(self.read_failed(error)) };
        let is_read_error = super::is_of_system(error) || outer_damage(error).is_some();
        if is_read_error {
            return Err(self.read_failed(error));
        }
        let (packing, stored_bytes) = (decoder.packing(), decoder.get_ref().count);
        self.source = TextSource::AtEnd;
        let finding = packing.damage(error, stored_bytes, self.member_at, self.original());
        if finding.reason.is_cut() { Ok(finding) } else { Err(finding) }
    }

    fn unreadable(&self, error: &io::Error) -> Unusable {
        Unusable { finding: self.read_failed(error), sound_bytes: 0 }
    }

    fn read_failed(&self, error: &io::Error) -> Finding {
        let finding = super::unreadable(error);
        match finding.reason {
            // Requests to a store were already retried.
            Reason::ReadFailed if is_of_store(error) => finding,
            Reason::ReadFailed | Reason::ContainerDamaged => Finding { original: self.original(), ..finding },
            _ => finding,
        }
    }

    fn too_large(&self) -> Finding {
        super::too_large(self.limit, self.original())
    }

    /// The first bytes of the file, as many as quarantine keeps.
    fn original(&self) -> Vec<u8> {
        let mut original = Vec::new();
        let Some(archive) = &self.archive else { return original };
        // What cannot be read cannot be kept; the finding says what happened.
        let _ = archive.open().and_then(|file| file.take(super::MAX_GARBAGE_BYTES).read_to_end(&mut original));
        original
    }
}

/// Damage of the outer file, when a text is compressed more than once: nothing then shows which bytes
/// of the text are right.
pub(super) fn outer_damage(error: &io::Error) -> Option<&Finding> {
    error.get_ref()?.downcast_ref::<Unusable>().map(|unusable| &unusable.finding)
}

/// A reader that tracks its position.
struct CountingReader {
    /// Bytes taken from the reader and not yet consumed.
    peeked: Vec<u8>,
    reader: BufReader<Input>,
    count: u64,
}

impl CountingReader {
    /// The next bytes, up to `wanted`; fewer at the end of the file. A single buffer may hold fewer.
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let missing = wanted.saturating_sub(self.peeked.len()) as u64;
        (&mut self.reader).take(missing).read_to_end(&mut self.peeked)?;
        Ok(&self.peeked)
    }
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(buffer.len());
        buffer[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for CountingReader {
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
