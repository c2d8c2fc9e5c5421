//! The text of an archive to the elements that are to be converted, and a judgement of the rest.
//!
//! In: windows of text, in order. Out: the place of every event, what was refused, and in the end what kind of archive
//! it was. Never: converts an event, so that this, which has to go through an archive from front to back, stays cheap
//! and everything else can happen on many threads.

use std::ops::Range;

use super::shape;
use super::split::{Piece, Splitter};
use super::tape::{MAX_DEPTH, ParseError, Parser};
use crate::error::{Finding, Reason};

/// Most bytes of refused input that one quarantine row keeps; the archive itself stays where it is.
pub(crate) const MAX_ORIGINAL_BYTES: usize = 16 << 20;

/// Largest event: a thousand times what CloudTrail writes (facts 1.3), and a bound for the window.
const MAX_EVENT_BYTES: usize = 256 << 20;

/// Text that is enough to tell what a file is that is no JSON.
const ENOUGH_TO_TELL: usize = 1_024;

/// What became of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Converted,
    Quarantined,
    Foreign,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Quarantined => "quarantined",
            Self::Foreign => "foreign",
        }
    }
}

/// An object that is to be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// 0-based position in the archive.
    pub(crate) index: u32,
    /// Place in the window.
    pub(crate) range: Range<usize>,
}

/// What the cutter wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// More text; what stands before this offset of the window is done with.
    More(usize),
    /// Nothing: the archive is judged.
    End,
}

/// What was found in an archive beside its convertible events.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) status: Status,
    pub(crate) kind: &'static str,
    pub(crate) events_seen: u64,
    pub(crate) quarantined: u64,
    pub(crate) findings: Vec<Finding>,
}

/// Why text was refused.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Rejection {
    /// As a finding about an event.
    pub(crate) fn of_event(self, index: u32, offset: u64, original: &[u8]) -> Finding {
        finding(Some(index), offset, self, original)
    }
}

fn finding(event_index: Option<u32>, offset: u64, rejection: Rejection, original: &[u8]) -> Finding {
    let original = original[..original.len().min(MAX_ORIGINAL_BYTES)].to_vec();
    let Rejection { reason, message } = rejection;
    Finding { event_index, byte_offset: Some(offset), reason, message, original }
}

/// Cuts one archive.
#[derive(Debug)]
pub(crate) struct Cutter {
    splitter: Splitter,
    /// Offset in the archive's text of the first byte of the window.
    window_start: u64,
    state: State,
    /// Kind by the first object; `None` until it comes.
    kind: Option<&'static str>,
    /// Kind of the first document without events.
    stranger_kind: Option<&'static str>,
    /// Where such documents end.
    strangers: Vec<u64>,
    next_index: u32,
    quarantined: u64,
    findings: Vec<Finding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begin,
    Go,
    /// It holds no events at all.
    Foreign(&'static str),
    End,
}

impl Cutter {
    pub(crate) const fn new() -> Self {
        Self {
            splitter: Splitter::new(),
            window_start: 0,
            state: State::Begin,
            kind: None,
            stranger_kind: None,
            strangers: Vec::new(),
            next_index: 0,
            quarantined: 0,
            findings: Vec::new(),
        }
    }

    /// Offset in the archive's text of the first byte of the window.
    pub(crate) const fn window_start(&self) -> u64 {
        self.window_start
    }

    /// Goes through a window, adding the objects in it to `elements`; `is_all` says that no text follows it.
    pub(crate) fn cut(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, elements: &mut Vec<Element>) -> Cut {
        if self.state == State::Begin {
            if window.len() < ENOUGH_TO_TELL && !is_all {
                return Cut::More(0);
            }
            self.begin(window);
        }
        while self.state == State::Go {
            let piece = self.splitter.next(window, is_all);
            match piece {
                Piece::Incomplete(at) if !is_all && window.len() - at <= MAX_EVENT_BYTES => return Cut::More(at),
                Piece::Incomplete(at) if !is_all => {
                    let message = format!("an element is larger than {MAX_EVENT_BYTES} bytes");
                    self.refuse_rest(window, at, Rejection { reason: Reason::EventTooLarge, message });
                }
                Piece::Incomplete(at) => self.take_truncated(parser, window, at),
                Piece::Element(range) => self.take_element(parser, window, range, elements),
                Piece::Beside(range) => self.check_beside(parser, window, range),
                Piece::OtherDocument => {
                    let kind = shape::foreign_kind(self.splitter.names());
                    self.stranger_kind.get_or_insert(kind);
                    self.strangers.push(self.window_start + self.splitter.position() as u64);
                }
                Piece::SeparatorMissing(at) => {
                    let message = "expected `,` between two elements".to_owned();
                    self.report(at, Rejection { reason: Reason::SeparatorMissing, message }, &[]);
                }
                Piece::Broken(at, reason, expected) => {
                    let found = String::from_utf8_lossy(&window[at..window.len().min(at + 16)]).into_owned();
                    self.refuse_rest(window, at, Rejection { reason, message: format!("{expected}, found {found:?}") });
                }
                Piece::End => self.state = State::End,
            }
        }
        Cut::End
    }

    /// Tells that the window lost its first `bytes` bytes.
    pub(crate) const fn forget(&mut self, bytes: usize) {
        self.splitter.forget(bytes);
        self.window_start += bytes as u64;
    }

    /// The judgement, once the cut has ended.
    pub(crate) fn close(mut self) -> Judgement {
        let (status, kind) = match self.state {
            State::Foreign(kind) => return Judgement::foreign(kind),
            _ if self.findings.is_empty() && !self.splitter.has_event_arrays() => {
                return Judgement::foreign(self.stranger_kind.unwrap_or("json"));
            }
            _ if self.next_index == 0 && !self.findings.is_empty() => (Status::Quarantined, "json"),
            _ => (Status::Converted, self.kind.unwrap_or(shape::EMPTY)),
        };
        if status == Status::Converted {
            for end in std::mem::take(&mut self.strangers) {
                let message = "a document without events ends here, among documents with events".to_owned();
                let rejection = Rejection { reason: Reason::TrailingData, message };
                self.findings.push(finding(None, end, rejection, &[]));
            }
        }
        Judgement {
            status,
            kind,
            events_seen: u64::from(self.next_index),
            quarantined: self.quarantined,
            findings: self.findings,
        }
    }

    fn begin(&mut self, window: &[u8]) {
        let start = byte_order_mark(window);
        self.splitter.skip(start);
        self.state = match window.get(super::scan::skip_space(window, start)) {
            None => State::Foreign(shape::EMPTY),
            Some(b'{' | b'[') => State::Go,
            Some(_) => State::Foreign(shape::foreign_text_kind(window)),
        };
    }

    fn take_element(&mut self, parser: &mut Parser, window: &[u8], range: Range<usize>, elements: &mut Vec<Element>) {
        let text = &window[range.clone()];
        let is_object = text[0] == b'{';
        if self.kind.is_none() && (is_object || self.splitter.is_outermost()) {
            match judge(parser, text) {
                Ok(kind) => self.kind = Some(kind),
                Err(kind) => {
                    self.state = State::Foreign(kind);
                    return;
                }
            }
        }
        let index = self.next_index;
        self.next_index += 1;
        let behind = super::scan::skip_space(window, range.end);
        if !matches!(window.get(behind), Some(b',' | b']') | None)
            && let Err(rejection) = check(parser, text)
        {
            // The element ends where none should: its brackets or quotes are damaged and it has swallowed others.
            let end = self.resume(parser, window, range.start).unwrap_or(range.end);
            self.refuse_event(index, window, range.start..end, rejection);
        } else if is_object {
            elements.push(Element { index, range });
        } else {
            let message = "an event is a JSON object".to_owned();
            self.refuse_event(index, window, range, Rejection { reason: Reason::EventNotObject, message });
        }
    }

    /// The text ends inside something.
    fn take_truncated(&mut self, parser: &mut Parser, window: &[u8], at: usize) {
        let reason = Reason::JsonTruncated;
        // Past the comma that announced it, an element has begun.
        let element = super::scan::skip_space(window, at + usize::from(window.get(at) == Some(&b',')));
        if !self.splitter.is_in_array() || element >= window.len() {
            let message = "the text ends before the document does".to_owned();
            self.refuse_rest(window, at, Rejection { reason, message });
            return;
        }
        let index = self.next_index;
        self.next_index += 1;
        let resumed = self.resume(parser, window, element);
        if resumed.is_none() {
            self.state = State::End;
        }
        let message = match resumed {
            Some(_) => "the brackets or quotes of this event do not match".to_owned(),
            None => "the text ends inside this event".to_owned(),
        };
        let reason = if resumed.is_some() { Reason::JsonInvalid } else { reason };
        self.refuse_event(index, window, element..resumed.unwrap_or(window.len()), Rejection { reason, message });
    }

    fn check_beside(&mut self, parser: &mut Parser, window: &[u8], range: Range<usize>) {
        // One such finding is enough: text that only looks like JSON would yield one for every member.
        if self.findings.is_empty()
            && let Err(Rejection { reason, message }) = check(parser, &window[range.clone()])
        {
            let rejection = Rejection { reason, message: format!("beside `Records`: {message}") };
            self.report(range.start, rejection, &window[range]);
        }
    }

    /// Finds the next certain event behind damage; returns where the damaged text ends.
    fn resume(&mut self, parser: &mut Parser, window: &[u8], damage: usize) -> Option<usize> {
        self.splitter.resume_after(window, damage, |range| {
            let text = std::str::from_utf8(&window[range]).ok();
            text.is_some_and(|text| {
                matches!(parser.parse_lenient(text, |document| shape::judge(document.root())), Ok(Ok(_)))
            })
        })
    }

    fn refuse_event(&mut self, index: u32, window: &[u8], range: Range<usize>, rejection: Rejection) {
        self.quarantined += 1;
        let offset = self.window_start + range.start as u64;
        self.findings.push(rejection.of_event(index, offset, &window[range]));
    }

    fn refuse_rest(&mut self, window: &[u8], at: usize, rejection: Rejection) {
        self.report(at, rejection, &window[at..]);
        self.state = State::End;
    }

    fn report(&mut self, at: usize, rejection: Rejection, original: &[u8]) {
        self.findings.push(finding(None, self.window_start + at as u64, rejection, original));
    }
}

impl Judgement {
    pub(crate) const fn foreign(kind: &'static str) -> Self {
        Self { status: Status::Foreign, kind, events_seen: 0, quarantined: 0, findings: Vec::new() }
    }
}

/// The kind of an archive by its first object, or as an error that of a foreign one. What is no valid JSON is taken for
/// an event: it will be refused with its place.
fn judge(parser: &mut Parser, text: &[u8]) -> Result<&'static str, &'static str> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok("log") };
    parser.parse_lenient(text, |document| shape::judge(document.root())).unwrap_or(Ok("log"))
}

/// Whether text is one JSON value.
fn check(parser: &mut Parser, text: &[u8]) -> Result<(), Rejection> {
    let text = utf8(text)?;
    parser.parse_lenient(text, |_| ()).map_err(|error| explain(&error, text))
}

/// The text of bytes that should be UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Rejection> {
    simdutf8::compat::from_utf8(bytes).map_err(|error| Rejection {
        reason: Reason::Utf8Invalid,
        message: format!("invalid UTF-8 at byte {} of the event", error.valid_up_to()),
    })
}

/// Words for a refused value. simd-json tells that, not always where; `serde_json` tells where and what was expected.
pub(crate) fn explain(error: &ParseError, text: &str) -> Rejection {
    match error {
        ParseError::TooDeep => Rejection {
            reason: Reason::NestingTooDeep,
            message: format!("values are nested more than {MAX_DEPTH} deep"),
        },
        ParseError::Invalid(message) => {
            let located = serde_json::from_str::<serde::de::IgnoredAny>(text).err();
            let message = located.map_or_else(|| message.clone(), |error| error.to_string());
            Rejection { reason: Reason::JsonInvalid, message }
        }
    }
}

/// Length of the byte order mark that some editors put before UTF-8.
fn byte_order_mark(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}
