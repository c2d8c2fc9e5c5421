//! The text of an archive to the elements to convert, and findings for the rest.
//!
//! In: windows of text, in order. Out: the place of every event, what was refused, and at the end the kind of archive.
//! Never: converts an event: this sequential pass over an archive stays cheap, and everything else can run on many
//! threads.

mod array;
mod damage;
mod document;
mod resync;

use std::ops::Range;

use memchr::memmem;

use array::{ArrayElements, ArrayState};
use damage::LostEnd;

use super::document::{is_event_like, is_json_string_start, message_start, names_version};
use super::outcome::{ArchiveStatus, Damage, Rejection, SplitOutcome, check};
use super::scanner::{ArrayKind, BYTE_ORDER_MARK, NEXT_EVENT, Piece, Scanner};
use super::shape;
use super::unwrap::{Budget, Unwrapped};
use crate::error::{Finding, Reason};
use crate::json::tape::Parser;

/// Largest event: a thousand times what CloudTrail writes (CloudTrail User Guide, record contents), and a bound for the window.
const MAX_EVENT_BYTES: usize = 256 << 20;

/// Text of one archive that is rescanned because of damage: a bound for hostile archives, in which every event
/// seems to contain all that follow.
const MAX_RESCAN_BYTES: usize = 256 << 20;

/// Text that suffices to recognise a file that is not JSON.
pub(crate) const SNIFF_BYTES: usize = 1_024;

/// Text that waits for the end of one element; above it, the element is checked for a missing end.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// White space after an element that is waited through to see what follows.
const MAX_BLANK_BYTES: usize = 1 << 20;

/// Text shown in a message.
const FOUND_BYTES: usize = 16;

const UNMATCHED: &str = "the brackets or quotes of this event do not match";

/// An object to convert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// 0-based position in the archive.
    pub(crate) index: u32,
    /// Place in the window.
    pub(crate) range: Range<usize>,
    /// Its text, when it is inside a string.
    pub(crate) text: Option<Box<str>>,
}

/// What the splitter needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// More text; everything before this offset of the window is done.
    More(usize),
    /// Nothing: the archive is done.
    End,
}

/// Splits one archive.
#[derive(Debug)]
pub(crate) struct Splitter {
    scanner: Scanner,
    /// Offset in the archive's text of the first byte of the window.
    window_start: u64,
    state: SplitState,
    /// Kind by the first object; `None` until there is one.
    kind: Option<&'static str>,
    /// Kind of the first document without events.
    foreign_kind_seen: Option<&'static str>,
    /// Such documents, as findings: if there are events, the documents do not belong.
    foreign_findings: Vec<Finding>,
    /// Those before the first event that were too many to record individually.
    foreign_not_noted: u64,
    array: ArrayState,
    next_index: u32,
    quarantined: u64,
    findings: Vec<Finding>,
    /// Remaining budget for nested and damaged text.
    budget: Budget,
    /// The result for the current element, by its position in the window.
    unwrapped: Option<(usize, Unwrapped)>,
    /// The error of a document that is read again in parts, and the number of findings before.
    reread: Option<(usize, Finding)>,
    /// Finds the next event inside another.
    next_event: memmem::Finder<'static>,
}

#[derive(Debug)]
enum SplitState {
    Begin,
    Go,
    /// In text that cannot be trusted, searching for the next certain event.
    Lost(Damage),
    /// It holds no events at all.
    Foreign(&'static str),
    End,
}

impl Splitter {
    pub(crate) fn new() -> Self {
        Self::within(Budget { depth: Budget::DEPTH, rescan_bytes: MAX_RESCAN_BYTES })
    }

    /// The kind of a text that is not JSON, by its beginning; `is_all` when nothing follows. `None` when it may contain
    /// events, or when more text is needed.
    pub(crate) fn foreign_kind(text: &[u8], is_all: bool) -> Option<&'static str> {
        let mut splitter = Self::new();
        match (splitter.begin(text, is_all), splitter.state) {
            (None, SplitState::Foreign(kind)) => Some(kind),
            _ => None,
        }
    }

    /// Splits a text that is embedded in another one.
    pub(super) fn within(budget: Budget) -> Self {
        Self {
            scanner: Scanner::new(),
            window_start: 0,
            state: SplitState::Begin,
            kind: None,
            foreign_kind_seen: None,
            foreign_findings: Vec::new(),
            foreign_not_noted: 0,
            array: ArrayState::default(),
            next_index: 0,
            quarantined: 0,
            findings: Vec::new(),
            budget,
            unwrapped: None,
            reread: None,
            next_event: memmem::Finder::new(NEXT_EVENT),
        }
    }

    /// Bytes that may still be scanned a second time because of damage.
    pub(super) const fn rescan_bytes(&self) -> usize {
        self.budget.rescan_bytes
    }

    /// Offset in the archive's text of the first byte of the window.
    pub(crate) const fn window_start(&self) -> u64 {
        self.window_start
    }

    /// Splits a window, adding the objects in it to `elements`; `is_all` when no text follows it.
    pub(crate) fn split(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        elements: &mut Vec<Element>,
    ) -> Next {
        loop {
            match std::mem::replace(&mut self.state, SplitState::End) {
                SplitState::Begin => {
                    if let Some(next) = self.begin(window, is_all) {
                        self.state = SplitState::Begin;
                        return next;
                    }
                }
                SplitState::Go => {
                    self.state = SplitState::Go;
                    if let Some(next) = self.take_piece(parser, window, is_all, elements) {
                        return next;
                    }
                }
                SplitState::Lost(damage) => {
                    if let Some(next) = self.look_for_event(parser, window, is_all, damage) {
                        return next;
                    }
                }
                ended => {
                    self.state = ended;
                    return Next::End;
                }
            }
        }
    }

    fn take_piece(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        elements: &mut Vec<Element>,
    ) -> Option<Next> {
        let before = self.scanner.checkpoint();
        // Positions are those of this window, and the result at one counts for one piece only.
        self.unwrapped = None;
        let piece = self.scanner.next(window, is_all);
        // Findings after the document must not count as its own.
        self.end_reread();
        match piece {
            Piece::Incomplete(at) if !is_all && window.len() - at <= MAX_WAITING_BYTES => return Some(Next::More(at)),
            Piece::Incomplete(at) => return self.take_incomplete(parser, window, is_all, at),
            Piece::Element(range) => {
                // What follows an element shows whether it ends where it should; a long run of white space does not.
                let is_open = !is_all && crate::json::scan::skip_space(window, range.end) == window.len();
                if is_open && window.len() - range.end <= MAX_BLANK_BYTES {
                    self.scanner.back_to(before);
                    return Some(Next::More(self.scanner.position()));
                }
                if !self.take_element(parser, window, is_all, range, elements) {
                    self.scanner.back_to(before);
                    return Some(Next::More(self.scanner.position()));
                }
            }
            Piece::Document(range) => self.take_document(parser, window, range, elements),
            Piece::Beside(range) => self.take_beside(parser, window, range, elements),
            Piece::Part(range) => self.take_part(parser, window, range, elements),
            Piece::OtherDocument => {
                let kind = shape::foreign_kind(self.scanner.names().iter().map(String::as_str));
                self.take_foreign(kind, self.scanner.position(), &[]);
            }
            Piece::SeparatorMissing(at) => {
                let message = "expected `,` between two elements".to_owned();
                self.report(at, Rejection { reason: Reason::SeparatorMissing, message }, &[]);
            }
            // The message shows the text at this point.
            Piece::Broken(at, ..) if !is_all && window.len() - at < FOUND_BYTES => {
                self.scanner.back_to(before);
                return Some(Next::More(self.scanner.position()));
            }
            Piece::Broken(at, reason, expected) => {
                let found = String::from_utf8_lossy(&window[at..window.len().min(at + FOUND_BYTES)]).into_owned();
                let message = format!("{expected}, found {found:?}");
                self.lose(None, at, Rejection { reason, message });
            }
            Piece::End => self.state = SplitState::End,
        }
        None
    }

    /// The text, or as much of it as may wait in memory, ends inside something that begins at `at`.
    fn take_incomplete(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, at: usize) -> Option<Next> {
        let element = crate::json::scan::skip_space(window, at + usize::from(window.get(at) == Some(&b',')));
        let is_in_array = self.scanner.is_in_array();
        let text = window.get(element..).unwrap_or_default();
        if is_in_array && !is_all && !is_event_like(text) && names_version(text) && self.is_no_event_array() {
            // It is too large to be held, and contains events.
            if self.scanner.enter_element(window, element) {
                return None;
            }
        }
        let is_event = match is_in_array {
            true if self.is_among_foreign() => names_version(text),
            true => true,
            false => is_event_like(text),
        };
        let is_element = element < window.len() && is_event;
        if !is_all && window.len() - at <= MAX_EVENT_BYTES {
            // An event may be this long; but if others begin inside it, its end is missing.
            let holds_others = is_element && self.holds_others(parser, window, is_all, element);
            if !holds_others {
                return Some(Next::More(at));
            }
        }
        let (reason, message) = match (is_all, is_element) {
            (true, true) => (Reason::JsonTruncated, "the text ends inside this event".to_owned()),
            (true, false) => (Reason::JsonTruncated, "the text ends before the document does".to_owned()),
            (false, _) if window.len() - at > MAX_EVENT_BYTES => {
                (Reason::EventTooLarge, format!("an element is larger than {MAX_EVENT_BYTES} bytes"))
            }
            (false, _) => (Reason::JsonInvalid, UNMATCHED.to_owned()),
        };
        let index = is_element.then(|| self.take_index());
        self.lose(index, if is_element { element } else { at }, Rejection { reason, message });
        None
    }

    /// Drops the first `bytes` bytes of the window.
    pub(crate) const fn forget(&mut self, bytes: usize) {
        self.scanner.forget(bytes);
        self.window_start += bytes as u64;
    }

    /// The outcome, after the end of the text.
    pub(crate) fn close(mut self) -> SplitOutcome {
        self.scanner.resume_outside(self.scanner.position());
        self.end_reread();
        let (status, kind) = match self.state {
            SplitState::Foreign(kind) => return SplitOutcome::foreign(kind),
            // An archive may have no events; but a text with only foreign documents is not an archive.
            _ if self.findings.is_empty() && self.next_index == 0 => match self.foreign_kind_seen {
                Some(kind) => return SplitOutcome::foreign(kind),
                None if !self.scanner.has_event_arrays() => return SplitOutcome::foreign(shape::JSON),
                None => (ArchiveStatus::Converted, shape::EMPTY),
            },
            _ if self.next_index == 0 => (ArchiveStatus::Quarantined, shape::JSON),
            _ => (ArchiveStatus::Converted, self.kind.unwrap_or(shape::EMPTY)),
        };
        if status == ArchiveStatus::Converted {
            self.findings.append(&mut self.foreign_findings);
        }
        SplitOutcome {
            status,
            kind,
            events_seen: u64::from(self.next_index),
            quarantined: self.quarantined,
            findings: self.findings,
        }
    }

    /// Examines the beginning of the text; requests more when that is not enough.
    fn begin(&mut self, window: &[u8], is_all: bool) -> Option<Next> {
        let mut start = crate::json::scan::skip_space(window, 0);
        // Concatenated files may bring a mark each, including empty ones.
        while window[start..].starts_with(BYTE_ORDER_MARK) {
            start = crate::json::scan::skip_space(window, start + BYTE_ORDER_MARK.len());
        }
        self.scanner.skip_to(start);
        if window.len() - start < SNIFF_BYTES && !is_all {
            return Some(Next::More(start));
        }
        self.state = match window.get(start) {
            None => SplitState::Foreign(shape::EMPTY),
            Some(b'{' | b'[') => SplitState::Go,
            Some(_) if message_start(window, start).is_some() || is_json_string_start(&window[start..]) => {
                SplitState::Go
            }
            Some(_) => SplitState::Foreign(shape::foreign_text_kind(&window[start..])),
        };
        None
    }

    fn take_index(&mut self) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        index
    }

    /// `false` when more text is needed to decide.
    fn take_element(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        range: Range<usize>,
        elements: &mut Vec<Element>,
    ) -> bool {
        let text = &window[range.clone()];
        let was_among_foreign = self.is_among_foreign();
        let content = self.classify_array(parser, text, range.start);
        let is_object = text[0] == b'{';
        let is_looked_at = was_among_foreign && names_version(text);
        if content == Some(ArrayElements::Foreign) && !is_looked_at {
            return true;
        }
        let is_outermost = self.scanner.array() == ArrayKind::Outermost;
        let is_wrapper = match content {
            Some(ArrayElements::Events) | None => !is_object && is_outermost,
            Some(ArrayElements::Wrappers | ArrayElements::Foreign) => is_object || names_version(text),
        };
        let may_be_one = is_object || (is_wrapper && names_version(text));
        if !may_be_one {
            let message = "an event is a JSON object".to_owned();
            let index = self.take_index();
            self.refuse_event(index, window, range, Rejection { reason: Reason::EventNotObject, message });
            return true;
        }
        match self.lost_end(parser, window, is_all, &range) {
            LostEnd::Undecided => return false,
            LostEnd::Others(rejection) => {
                let index = self.take_index();
                self.lose(Some(index), range.start, rejection);
            }
            LostEnd::Nothing if is_wrapper => self.take_wrapper(parser, window, range, elements),
            LostEnd::Nothing => elements.push(Element { index: self.take_index(), range, text: None }),
        }
        true
    }

    /// Checks the value of a member next to an event array.
    fn take_beside(&mut self, parser: &mut Parser, window: &[u8], range: Range<usize>, elements: &mut Vec<Element>) {
        if names_version(&window[range.clone()]) {
            return self.take_part(parser, window, range, elements);
        }
        // One such finding is enough: text that only resembles JSON would yield one for every member.
        if self.findings.is_empty()
            && let Err(Rejection { reason, message }) = check(parser, &window[range.clone()])
        {
            let rejection = Rejection { reason, message: format!("beside `Records`: {message}") };
            self.report(range.start, rejection, &window[range]);
        }
    }
}
