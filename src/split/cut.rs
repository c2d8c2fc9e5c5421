//! The text of an archive to the elements that are to be converted, and a judgement of the rest.
//!
//! In: windows of text, in order. Out: the place of every event, what was refused, and in the end what kind of archive
//! it was. Never: converts an event, so that this, which has to go through an archive from front to back, stays cheap
//! and everything else can happen on many threads.

mod array;
mod damage;
mod document;
mod resume;

use std::ops::Range;

use memchr::memmem;

use array::{ArrayState, Elements};
use damage::Swallowed;

use super::document::{is_event_like, is_json_string_start, message_start, names_version};
use super::judgement::{Damage, Judgement, Rejection, Status, check, finding};
use super::shape;
use super::splitter::{ArrayKind, BYTE_ORDER_MARK, NEXT_EVENT, Piece, Splitter};
use super::unwrap::{Budget, Unwrapped};
use crate::error::{Finding, Reason};
use crate::json::tape::Parser;

/// Largest event: a thousand times what CloudTrail writes (CloudTrail User Guide, record contents), and a bound for the window.
const MAX_EVENT_BYTES: usize = 256 << 20;

/// Text of one archive that is looked at again because of damage: a bound for hostile archives, in which every event
/// seems to have swallowed all that follow.
const MAX_RESCAN_BYTES: usize = 256 << 20;

/// Text that is enough to tell what a file is that is no JSON.
pub(crate) const ENOUGH_TO_TELL: usize = 1_024;

/// Text that waits for the end of one element; above it, the element is asked whether it has lost that end.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// White space behind an element that is waited through to see what comes.
const MAX_BLANK_BYTES: usize = 1 << 20;

/// Text that a message shows.
const FOUND_BYTES: usize = 16;

const UNMATCHED: &str = "the brackets or quotes of this event do not match";

/// An object that is to be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// 0-based position in the archive.
    pub(crate) index: u32,
    /// Place in the window.
    pub(crate) range: Range<usize>,
    /// Its text, when it stands there in a string.
    pub(crate) text: Option<Box<str>>,
}

/// What the cutter wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// More text; what stands before this offset of the window is done with.
    More(usize),
    /// Nothing: the archive is judged.
    End,
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
    /// Such documents, as findings: if there are events, they do not belong.
    strangers: Vec<Finding>,
    /// Those before the first event that are too many to be noted one by one.
    strangers_not_noted: u64,
    array: ArrayState,
    next_index: u32,
    quarantined: u64,
    findings: Vec<Finding>,
    /// What may still be spent on nested and damaged text.
    budget: Budget,
    /// What the element at hand was found to be, by its place in the window.
    unwrapped: Option<(usize, Unwrapped)>,
    /// What was wrong with a document that is read again by its parts, and how many findings there were before.
    reread: Option<(usize, Finding)>,
    /// Finds the next event inside another.
    next_event: memmem::Finder<'static>,
}

#[derive(Debug)]
enum State {
    Begin,
    Go,
    /// In text that cannot be trusted, looking for the next event that can.
    Lost(Damage),
    /// It holds no events at all.
    Foreign(&'static str),
    End,
}

impl Cutter {
    pub(crate) fn new() -> Self {
        Self::within(Budget { depth: Budget::DEPTH, rescan_bytes: MAX_RESCAN_BYTES })
    }

    /// The kind of a text that is no JSON, by how it begins; `is_all` says that nothing follows. `None` when it may have
    /// events, or when more has to be seen.
    pub(crate) fn foreign_kind(text: &[u8], is_all: bool) -> Option<&'static str> {
        let mut cutter = Self::new();
        match (cutter.begin(text, is_all), cutter.state) {
            (None, State::Foreign(kind)) => Some(kind),
            _ => None,
        }
    }

    /// Cuts a text that stands in another one.
    pub(super) fn within(budget: Budget) -> Self {
        Self {
            splitter: Splitter::new(),
            window_start: 0,
            state: State::Begin,
            kind: None,
            stranger_kind: None,
            strangers: Vec::new(),
            strangers_not_noted: 0,
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

    /// Bytes that may still be looked at a second time because of damage.
    pub(super) const fn rescan_bytes(&self) -> usize {
        self.budget.rescan_bytes
    }

    /// Offset in the archive's text of the first byte of the window.
    pub(crate) const fn window_start(&self) -> u64 {
        self.window_start
    }

    /// Goes through a window, adding the objects in it to `elements`; `is_all` says that no text follows it.
    pub(crate) fn cut(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, elements: &mut Vec<Element>) -> Cut {
        loop {
            match std::mem::replace(&mut self.state, State::End) {
                State::Begin => {
                    if let Some(cut) = self.begin(window, is_all) {
                        self.state = State::Begin;
                        return cut;
                    }
                }
                State::Go => {
                    self.state = State::Go;
                    if let Some(cut) = self.take_piece(parser, window, is_all, elements) {
                        return cut;
                    }
                }
                State::Lost(damage) => {
                    if let Some(cut) = self.look_for_event(parser, window, is_all, damage) {
                        return cut;
                    }
                }
                ended => {
                    self.state = ended;
                    return Cut::End;
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
    ) -> Option<Cut> {
        let before = self.splitter.mark();
        self.end_reread();
        // Places are those of this window, and what is found at one counts for one piece alone.
        self.unwrapped = None;
        match self.splitter.next(window, is_all) {
            Piece::Incomplete(at) if !is_all && window.len() - at <= MAX_WAITING_BYTES => return Some(Cut::More(at)),
            Piece::Incomplete(at) => return self.take_incomplete(parser, window, is_all, at),
            Piece::Element(range) => {
                // What follows an element tells whether it ends where it should; a great deal of white space does not.
                let is_open = !is_all && crate::json::scan::skip_space(window, range.end) == window.len();
                if is_open && window.len() - range.end <= MAX_BLANK_BYTES {
                    self.splitter.back_to(before);
                    return Some(Cut::More(self.splitter.position()));
                }
                if !self.take_element(parser, window, is_all, range, elements) {
                    self.splitter.back_to(before);
                    return Some(Cut::More(self.splitter.position()));
                }
            }
            Piece::Document(range) => self.take_document(parser, window, range, elements),
            Piece::Beside(range) => self.take_beside(parser, window, range, elements),
            Piece::Part(range) => self.take_part(parser, window, range, elements),
            Piece::OtherDocument => {
                let kind = shape::foreign_kind(self.splitter.names().iter().map(String::as_str));
                self.take_stranger(kind, self.splitter.position(), &[]);
            }
            Piece::SeparatorMissing(at) => {
                let message = "expected `,` between two elements".to_owned();
                self.report(at, Rejection { reason: Reason::SeparatorMissing, message }, &[]);
            }
            // The message tells what stands there.
            Piece::Broken(at, ..) if !is_all && window.len() - at < FOUND_BYTES => {
                self.splitter.back_to(before);
                return Some(Cut::More(self.splitter.position()));
            }
            Piece::Broken(at, reason, expected) => {
                let found = String::from_utf8_lossy(&window[at..window.len().min(at + FOUND_BYTES)]).into_owned();
                let message = format!("{expected}, found {found:?}");
                self.lose(None, at, Rejection { reason, message });
            }
            Piece::End => self.state = State::End,
        }
        None
    }

    /// The text, or as much of it as may wait in memory, ends inside something that begins at `at`.
    fn take_incomplete(&mut self, parser: &mut Parser, window: &[u8], is_all: bool, at: usize) -> Option<Cut> {
        let element = crate::json::scan::skip_space(window, at + usize::from(window.get(at) == Some(&b',')));
        let is_in_array = self.splitter.is_in_array();
        let text = window.get(element..).unwrap_or_default();
        if is_in_array && !is_all && !is_event_like(text) && names_version(text) && self.is_no_event_array() {
            // It is too large to be held, and brings events.
            if self.splitter.enter_element(window, element) {
                return None;
            }
        }
        let is_event = match is_in_array {
            true if self.is_among_strangers() => names_version(text),
            true => true,
            false => is_event_like(text),
        };
        let is_element = element < window.len() && is_event;
        if !is_all && window.len() - at <= MAX_EVENT_BYTES {
            // An event may be this long; but if others begin inside it, it has lost its end.
            let holds_others = is_element && self.holds_others(parser, window, is_all, element);
            if !holds_others {
                return Some(Cut::More(at));
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

    /// Tells that the window lost its first `bytes` bytes.
    pub(crate) const fn forget(&mut self, bytes: usize) {
        self.splitter.forget(bytes);
        self.window_start += bytes as u64;
    }

    /// The judgement, once the cut has ended.
    pub(crate) fn close(mut self) -> Judgement {
        self.splitter.resume_outside(self.splitter.position());
        self.end_reread();
        let (status, kind) = match self.state {
            State::Foreign(kind) => return Judgement::foreign(kind),
            // An archive may be empty; what has nothing else to show is none.
            _ if self.findings.is_empty() && self.next_index == 0 => match self.stranger_kind {
                Some(kind) => return Judgement::foreign(kind),
                None if !self.splitter.has_event_arrays() => return Judgement::foreign(shape::JSON),
                None => (Status::Converted, shape::EMPTY),
            },
            _ if self.next_index == 0 => (Status::Quarantined, shape::JSON),
            _ => (Status::Converted, self.kind.unwrap_or(shape::EMPTY)),
        };
        if status == Status::Converted {
            self.findings.append(&mut self.strangers);
        }
        Judgement {
            status,
            kind,
            events_seen: u64::from(self.next_index),
            quarantined: self.quarantined,
            findings: self.findings,
        }
    }

    /// Looks at how the text begins; asks for more when that cannot be told yet.
    fn begin(&mut self, window: &[u8], is_all: bool) -> Option<Cut> {
        let mut start = crate::json::scan::skip_space(window, 0);
        // Files that were put together may bring a mark each, empty ones among them.
        while window[start..].starts_with(BYTE_ORDER_MARK) {
            start = crate::json::scan::skip_space(window, start + BYTE_ORDER_MARK.len());
        }
        self.splitter.skip_to(start);
        if window.len() - start < ENOUGH_TO_TELL && !is_all {
            return Some(Cut::More(start));
        }
        self.state = match window.get(start) {
            None => State::Foreign(shape::EMPTY),
            Some(b'{' | b'[') => State::Go,
            Some(_) if message_start(window, start).is_some() || is_json_string_start(&window[start..]) => State::Go,
            Some(_) => State::Foreign(shape::foreign_text_kind(&window[start..])),
        };
        None
    }

    fn take_index(&mut self) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        index
    }

    /// `false` when more text has to tell what to make of it.
    fn take_element(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        is_all: bool,
        range: Range<usize>,
        elements: &mut Vec<Element>,
    ) -> bool {
        let text = &window[range.clone()];
        let was_among_strangers = self.is_among_strangers();
        let content = self.judge_array(parser, text, range.start);
        let is_object = text[0] == b'{';
        let is_looked_at = was_among_strangers && names_version(text);
        if content == Some(Elements::Strangers) && !is_looked_at {
            return true;
        }
        let is_outermost = self.splitter.array() == ArrayKind::Outermost;
        let is_wrapper = match content {
            Some(Elements::Events) | None => !is_object && is_outermost,
            Some(Elements::Wrappers | Elements::Strangers) => is_object || names_version(text),
        };
        let may_be_one = is_object || (is_wrapper && names_version(text));
        if !may_be_one {
            let message = "an event is a JSON object".to_owned();
            let index = self.take_index();
            self.refuse_event(index, window, range, Rejection { reason: Reason::EventNotObject, message });
            return true;
        }
        match self.swallowed(parser, window, is_all, &range) {
            Swallowed::Undecided => return false,
            Swallowed::Others(rejection) => {
                let index = self.take_index();
                self.lose(Some(index), range.start, rejection);
            }
            Swallowed::Nothing if is_wrapper => self.take_wrapper(parser, window, range, elements),
            Swallowed::Nothing => elements.push(Element { index: self.take_index(), range, text: None }),
        }
        true
    }

    /// Looks at the value of a member beside an event array.
    fn take_beside(&mut self, parser: &mut Parser, window: &[u8], range: Range<usize>, elements: &mut Vec<Element>) {
        if names_version(&window[range.clone()]) {
            return self.take_part(parser, window, range, elements);
        }
        // One such finding is enough: text that only looks like JSON would yield one for every member.
        if self.findings.is_empty()
            && let Err(Rejection { reason, message }) = check(parser, &window[range.clone()])
        {
            let rejection = Rejection { reason, message: format!("beside `Records`: {message}") };
            self.report(range.start, rejection, &window[range]);
        }
    }

    fn refuse_event(&mut self, index: u32, window: &[u8], range: Range<usize>, rejection: Rejection) {
        self.quarantined += 1;
        let offset = self.window_start + range.start as u64;
        self.findings.push(rejection.of_event(index, offset, &window[range]));
    }

    fn report(&mut self, at: usize, rejection: Rejection, original: &[u8]) {
        self.findings.push(finding(None, self.window_start + at as u64, rejection, original));
    }
}
