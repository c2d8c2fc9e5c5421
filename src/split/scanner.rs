//! The text of an archive to the spans of its events, without parsing them.
//!
//! In: bytes, all at once or as they arrive. Out: the span of each element of each event array and of each document without
//! one, in order, and whatever is between them. Never: changes a byte, or needs the whole text: it works on a window
//! and requests more when it needs it.

mod checkpoint;
mod parts;

use std::ops::Range;

use parts::Nesting;

use super::document::{
    EVENT_NAME, MAX_TIMESTAMP_BYTES, array_kind, has_event_array, is_event_like, is_event_start, is_json_string_start,
    message_start,
};
use super::shape::NAMES_KEPT;
use crate::error::Reason;
use crate::json::scan::{self, skip_space};

/// The next thing in the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// An element of an event array.
    Element(Range<usize>),
    /// An object outside of arrays that has no event array: an event, a wrapper of one, or something foreign.
    Document(Range<usize>),
    /// The value of a member beside an event array, to be checked and then ignored.
    Beside(Range<usize>),
    /// A value in a document that is too large to be returned as a whole, or is truncated, and has no event array so far.
    Part(Range<usize>),
    /// The end of a document that was not returned as a whole, had no event array, and none of whose parts was known to contain
    /// events; its first member names are in [`Scanner::names`].
    OtherDocument,
    /// An element follows another without a comma, at this offset.
    SeparatorMissing(usize),
    /// The window ends inside something that begins at this offset.
    Incomplete(usize),
    /// The text is invalid from this offset on.
    Broken(usize, Reason, &'static str),
    /// The text has ended.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScanState {
    /// Before, between or after documents.
    Outside,
    /// In the outermost object, before a member name or the end.
    Object { is_first: bool, has_records: bool },
    /// In an event array, before an element or its end.
    Array { kind: ArrayKind, is_first: bool },
}

/// The kind of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArrayKind {
    /// No object holds it: events, or wrappers of events.
    Outermost,
    /// `Records`: events, or wrappers of events.
    Records,
    /// `Events` of `lookup-events` and `logEvents` of CloudWatch Logs: wrappers of events.
    Wrappers,
    /// Any other, in a document whose parts are returned.
    Other,
}

/// Splits text into events.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: ScanState,
    at: usize,
    names: Vec<String>,
    has_event_arrays: bool,
    /// Number of arrays so far.
    arrays: u64,
    /// The current array, or the last one.
    last_array: ArrayKind,
    /// Whether the current document is returned in parts: it has no end in the window.
    shows_parts: bool,
    nesting: Nesting,
    /// Whether parts of the current document were known to contain events.
    has_events_in_parts: bool,
}

/// Some editors put it before UTF-8; in concatenated files it precedes each document.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The beginning of the next event in an archive as CloudTrail writes it. Inside an event it can only be damage: quotes
/// in a string are escaped.
pub(crate) const NEXT_EVENT: &[u8] = b",{\"eventVersion\"";

/// The member that makes a document an archive.
const RECORDS_NAME: &[u8] = b"\"Records\"";

/// The longest document that is returned as a whole when it does not begin like an event; a longer one is searched for
/// event arrays.
const MAX_DOCUMENT_BYTES: usize = 8 << 20;

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            state: ScanState::Outside,
            at: 0,
            names: Vec::new(),
            has_event_arrays: false,
            arrays: 0,
            last_array: ArrayKind::Records,
            shows_parts: false,
            nesting: Nesting { depth: 0, objects: 0 },
            has_events_in_parts: false,
        }
    }

    /// Where the search for the next piece begins.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// The current array, or the last one.
    pub(crate) const fn array(&self) -> ArrayKind {
        self.last_array
    }

    /// Number of event arrays so far, including the current one.
    pub(crate) const fn arrays(&self) -> u64 {
        self.arrays
    }

    /// Whether there was an array named `Records`, or an outermost one with elements.
    pub(crate) const fn has_event_arrays(&self) -> bool {
        self.has_event_arrays
    }

    /// Whether the position is before, between or after documents.
    pub(crate) const fn is_outside(&self) -> bool {
        matches!(self.state, ScanState::Outside)
    }

    /// Whether the next piece is an element of an event array.
    pub(crate) const fn is_in_array(&self) -> bool {
        matches!(self.state, ScanState::Array { kind, .. } if !matches!(kind, ArrayKind::Other))
    }

    /// Whether the current document is returned in parts.
    pub(crate) const fn shows_parts(&self) -> bool {
        self.shows_parts
    }

    /// Records that a part of the current document contains events.
    pub(crate) const fn note_events_in_parts(&mut self) {
        self.has_events_in_parts = true;
    }

    /// The first member names of the current document.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Skips text up to an offset of the window.
    pub(crate) const fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Notes that `bytes` bytes before the position were dropped from the window.
    pub(crate) const fn forget(&mut self, bytes: usize) {
        self.at -= bytes;
    }

    /// The next piece of the window; `is_all` when no more text follows it.
    pub(crate) fn next(&mut self, window: &[u8], is_all: bool) -> Piece {
        loop {
            self.at = skip_space(window, self.at);
            let Some(byte) = window.get(self.at).copied() else {
                return match (self.state, is_all) {
                    (ScanState::Outside, true) => Piece::End,
                    _ => Piece::Incomplete(self.at),
                };
            };
            let step = match self.state {
                ScanState::Outside if window[self.at..].starts_with(BYTE_ORDER_MARK) => {
                    self.at += BYTE_ORDER_MARK.len();
                    continue;
                }
                ScanState::Outside if !is_all && BYTE_ORDER_MARK.starts_with(&window[self.at..]) => {
                    return Piece::Incomplete(self.at);
                }
                ScanState::Outside => self.open_document(window, is_all, byte),
                ScanState::Object { is_first, has_records } => {
                    self.next_member(window, is_all, byte, is_first, has_records)
                }
                ScanState::Array { kind, is_first } => self.next_element(window, is_all, byte, kind, is_first),
            };
            if let Some(piece) = step {
                return piece;
            }
        }
    }

    fn open_document(&mut self, window: &[u8], is_all: bool, byte: u8) -> Option<Piece> {
        match byte {
            b'{' => return self.open_object(window, is_all),
            b'[' => self.open_array(ArrayKind::Outermost),
            b'"' if is_json_string_start(&window[self.at..]) => {
                let start = self.at;
                let Some(end) = scan::string_end(window, start + 1) else { return Some(Piece::Incomplete(start)) };
                self.at = end;
                return Some(Piece::Document(start..end));
            }
            _ if window.len() - self.at < MAX_TIMESTAMP_BYTES && !is_all => return Some(Piece::Incomplete(self.at)),
            _ => match message_start(window, self.at) {
                Some(object) => {
                    self.at = object;
                    return None;
                }
                None => return Some(Piece::Broken(self.at, Reason::TrailingData, "expected `{` or `[`")),
            },
        }
        self.at += 1;
        None
    }

    /// Begins an object outside of arrays: it is returned as a whole, unless it has an event array.
    fn open_object(&mut self, window: &[u8], is_all: bool) -> Option<Piece> {
        let start = self.at;
        let first_name = &window[skip_space(window, start + 1)..];
        if first_name.len() < EVENT_NAME.len() && !is_all {
            return Some(Piece::Incomplete(start));
        }
        let is_event = is_event_start(&window[start..]);
        self.shows_parts = false;
        if !first_name.starts_with(RECORDS_NAME) {
            match scan::container_end(window, start) {
                Some(end) if is_event || !has_event_array(&window[start..end]) => {
                    self.at = end;
                    return Some(Piece::Document(start..end));
                }
                None if is_event_like(&window[start..]) => return Some(Piece::Incomplete(start)),
                None if !is_all && window.len() - start <= MAX_DOCUMENT_BYTES => return Some(Piece::Incomplete(start)),
                None => self.shows_parts = !has_event_array(&window[start..]),
                Some(_) => {}
            }
        }
        self.names.clear();
        self.at += 1;
        (self.nesting, self.has_events_in_parts) = (Nesting::default(), false);
        self.state = ScanState::Object { is_first: true, has_records: false };
        None
    }

    const fn open_array(&mut self, kind: ArrayKind) {
        self.arrays += 1;
        self.last_array = kind;
        self.state = ScanState::Array { kind, is_first: true };
    }

    fn next_member(
        &mut self,
        window: &[u8],
        is_all: bool,
        byte: u8,
        is_first: bool,
        has_records: bool,
    ) -> Option<Piece> {
        let broken = |at, expected| Some(Piece::Broken(at, Reason::JsonInvalid, expected));
        let mut at = self.at;
        match byte {
            b'}' => {
                self.at += 1;
                self.has_events_in_parts |= has_records;
                let is_outermost = self.leave().is_none();
                return if self.has_events_in_parts || !is_outermost { None } else { Some(Piece::OtherDocument) };
            }
            b',' if !is_first => at = skip_space(window, at + 1),
            b'"' if is_first => {}
            _ if is_first => return broken(at, "expected a member name or `}`"),
            _ => return broken(at, "expected `,` or `}`"),
        }
        let incomplete = Some(Piece::Incomplete(self.at));
        let Some(quote) = window.get(at) else {
            return incomplete;
        };
        if *quote != b'"' {
            return broken(at, "expected a member name");
        }
        let Some(name_end) = scan::string_end(window, at + 1) else {
            return incomplete;
        };
        let name = &window[at + 1..name_end - 1];
        let colon = skip_space(window, name_end);
        let Some(found) = window.get(colon) else {
            return incomplete;
        };
        if *found != b':' {
            return broken(colon, "expected `:`");
        }
        let start = skip_space(window, colon + 1);
        let Some(first) = window.get(start) else {
            return incomplete;
        };
        let array = array_kind(name);
        if let Some(kind) = array
            && *first == b'['
        {
            self.at = start + 1;
            self.has_event_arrays |= kind == ArrayKind::Records;
            if kind == ArrayKind::Wrappers {
                self.keep_name(name);
            }
            self.open_array(kind);
            return None;
        }
        let Some(end) = scan::value_end(window, start).filter(|end| *end < window.len()) else {
            let is_entered = !has_records && array.is_none() && self.enter_unfinished(window, is_all, start, true);
            return if is_entered { None } else { incomplete };
        };
        if end == start {
            return broken(start, "expected a value");
        }
        if array == Some(ArrayKind::Records) {
            return Some(Piece::Broken(start, Reason::RecordsNotArray, "`Records` is not an array"));
        }
        if self.nesting.depth == 0 {
            self.keep_name(name);
        }
        self.at = end;
        self.state = ScanState::Object { is_first: false, has_records };
        let is_part = self.shows_parts && !has_records;
        Some(if is_part { Piece::Part(start..end) } else { Piece::Beside(start..end) })
    }

    fn keep_name(&mut self, name: &[u8]) {
        if self.names.len() < NAMES_KEPT {
            self.names.push(String::from_utf8_lossy(name).into_owned());
        }
    }

    fn next_element(
        &mut self,
        window: &[u8],
        is_all: bool,
        byte: u8,
        kind: ArrayKind,
        is_first: bool,
    ) -> Option<Piece> {
        let mut start = self.at;
        match byte {
            b']' => {
                self.at += 1;
                match kind {
                    ArrayKind::Outermost => self.state = ScanState::Outside,
                    ArrayKind::Other => drop(self.leave()),
                    _ => self.state = ScanState::Object { is_first: false, has_records: true },
                }
                return None;
            }
            b',' if !is_first => start = skip_space(window, start + 1),
            b'{' if !is_first => {
                self.state = ScanState::Array { kind, is_first: true };
                return Some(Piece::SeparatorMissing(start));
            }
            _ if !is_first => {
                return Some(Piece::Broken(start, Reason::JsonInvalid, "expected `,` or `]`"));
            }
            _ => {}
        }
        let is_closed = |end: &usize| is_all || *end < window.len();
        let end = match scan::value_end(window, start) {
            Some(end) if is_closed(&end) => end,
            _ if kind == ArrayKind::Other && self.enter_unfinished(window, is_all, start, false) => return None,
            _ => return Some(Piece::Incomplete(self.at)),
        };
        if end == start {
            return Some(Piece::Broken(start, Reason::JsonInvalid, "expected a value"));
        }
        if kind == ArrayKind::Other {
            self.at = end;
            self.state = ScanState::Array { kind, is_first: false };
            return Some(Piece::Part(start..end));
        }
        self.has_event_arrays |= kind != ArrayKind::Wrappers;
        self.at = end;
        self.state = ScanState::Array { kind, is_first: false };
        Some(Piece::Element(start..end))
    }

    /// Continues with an event after damage.
    pub(crate) const fn resume_at(&mut self, event: usize) {
        self.at = event;
        self.state = ScanState::Array { kind: self.last_array, is_first: true };
    }

    /// Continues with a document after damage.
    pub(crate) const fn resume_outside(&mut self, at: usize) {
        self.at = at;
        self.state = ScanState::Outside;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<Piece> {
        let mut scanner = Scanner::new();
        let mut pieces = Vec::new();
        loop {
            let piece = scanner.next(text.as_bytes(), true);
            let is_last = matches!(piece, Piece::End | Piece::Broken(..) | Piece::Incomplete(_));
            pieces.push(piece);
            if is_last {
                return pieces;
            }
        }
    }

    fn elements(text: &str) -> Vec<&str> {
        pieces(text)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Element(range) => Some(&text[range]),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn elements_of_every_array_in_order() {
        assert_eq!(elements(r#"{"Records":[{"a":1},{"b":"]}"}]}"#), [r#"{"a":1}"#, r#"{"b":"]}"}"#]);
        assert_eq!(
            elements(" { \"x\" : {\"Records\":[9]} , \"Records\" : [ { } , 5 ] , \"Records\":[{}] } [7]\n[]"),
            ["{ }", "5", "{}", "7"]
        );
        assert_eq!(elements(r#"{"Records":[]}"#), Vec::<&str>::new());
    }

    #[test]
    fn damage_is_located() {
        assert_eq!(
            pieces(r#"{"Records":{}}"#).last(),
            Some(&Piece::Broken(11, Reason::RecordsNotArray, "`Records` is not an array"))
        );
        assert!(matches!(pieces(r#"{"Records":[{},{"a"#).last(), Some(Piece::Incomplete(14))));
        assert!(pieces(r#"{"Records":[{}{}]}"#).contains(&Piece::SeparatorMissing(14)));
        assert!(matches!(pieces(r#"{"Records":[]} x"#).last(), Some(Piece::Broken(15, Reason::TrailingData, _))));
        assert!(matches!(pieces(r#"{"Records":[{},]}"#).last(), Some(Piece::Broken(15, Reason::JsonInvalid, _))));
    }

    #[test]
    fn a_window_at_a_time_gives_the_same_pieces() {
        let text = r#"{"v":"1","Records":[{"a":[1,"\"}"]},12,{"b":{}}],"w":3}{"Records":[true]}"#;
        let whole: Vec<String> = elements(text).into_iter().map(str::to_owned).collect();
        for step in 1..text.len() {
            let (mut scanner, mut start, mut end, mut found) = (Scanner::new(), 0, 0, Vec::new());
            loop {
                let window = &text[start..end];
                match scanner.next(window.as_bytes(), end == text.len()) {
                    Piece::Element(range) => found.push(window[range].to_owned()),
                    Piece::Incomplete(at) => {
                        scanner.forget(at);
                        start += at;
                        end = (end + step).min(text.len());
                    }
                    Piece::End => break,
                    _ => {}
                }
            }
            assert_eq!(found, whole, "step {step}");
        }
    }
}
