//! Objects that are events, contain events, or are foreign.
//!
//! In: an object outside of arrays, or an element that is not an event itself. Out: the events in it, to be converted. Never:
//! takes something for an event because of its position.

use std::ops::Range;

use memchr::memmem;

use super::{Element, Splitter};
use crate::error::Reason;
use crate::json::tape::Parser;
use crate::split::document::{is_certain_start, is_event_like, is_event_start, names_version};
use crate::split::outcome::{Rejection, check, explain, finding, utf8};
use crate::split::unwrap::{Extracted, Payload, Unwrapped, unwrap};

/// The beginning of a line that is a document.
const NEXT_LINE: &[u8] = b"\n{";

/// What CloudWatch Logs sends to test a destination (CloudWatch Logs User Guide, subscription filters).
const CONTROL_MESSAGE: &[u8] = b"CWL CONTROL MESSAGE";

/// Maximum objects without events that are recorded individually before the first event.
const MAX_STRANGERS_BEFORE: usize = 1_000;

/// The same for the whole archive.
const MAX_STRANGERS: usize = 10_000;

impl Splitter {
    /// Takes an object outside of arrays.
    pub(super) fn take_document(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        range: Range<usize>,
        elements: &mut Vec<Element>,
    ) {
        let text = &window[range.clone()];
        if memmem::find(text, NEXT_LINE).is_some() {
            self.budget.rescan_bytes = self.budget.rescan_bytes.saturating_sub(text.len());
            // It has lost a bracket or quote and swallowed the next lines.
            if let Err(rejection) = check(parser, text) {
                let index = is_event_start(text).then(|| self.take_index());
                self.lose(index, range.start, rejection);
                return;
            }
        }
        if self.kind.is_some() && is_certain_start(text) {
            elements.push(Element { index: self.take_index(), range, text: None });
            return;
        }
        self.take_wrapper(parser, window, range, elements);
    }

    /// Takes an object that may be an event, or contain some.
    pub(super) fn take_wrapper(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        range: Range<usize>,
        elements: &mut Vec<Element>,
    ) {
        let original = &window[range.clone()];
        let unwrapped = match self.unwrapped.take() {
            Some((at, unwrapped)) if at == range.start => Ok(unwrapped),
            _ => self.unwrap(parser, original),
        };
        match unwrapped {
            Ok(Unwrapped::Event(kind)) => {
                self.kind.get_or_insert(kind);
                elements.push(Element { index: self.take_index(), range, text: None });
            }
            Ok(Unwrapped::Wrapper(extracted, _)) if !extracted.is_empty() => {
                self.take_extracted(range.start, extracted, elements);
            }
            Ok(Unwrapped::Wrapper(..)) if memmem::find(original, CONTROL_MESSAGE).is_some() => {}
            Ok(Unwrapped::Wrapper(_, kind)) => self.take_foreign(kind, range.start, original),
            Err(rejection) if self.reread_by_parts(window, &range, &rejection) => {}
            Err(rejection) => self.refuse_object(window, range, rejection),
        }
    }

    /// Reads in parts what cannot be read as a whole and may contain events, so that its valid parts are not lost.
    fn reread_by_parts(&mut self, window: &[u8], range: &Range<usize>, rejection: &Rejection) -> bool {
        let text = &window[range.clone()];
        let is_container = matches!(text.first(), Some(b'{' | b'['));
        let is_worth_it = is_container && !is_event_like(text) && names_version(text);
        if !is_worth_it || self.budget.rescan_bytes <= text.len() || !self.scanner.reenter(window, range.start) {
            return false;
        }
        self.budget.rescan_bytes -= text.len();
        if self.reread.is_none() {
            let Rejection { reason, message } = rejection;
            let rejection = Rejection { reason: *reason, message: message.clone() };
            let finding = finding(None, self.window_start + range.start as u64, rejection, text);
            self.reread = Some((self.findings.len(), finding));
        }
        true
    }

    /// Reports the error of a document that was read in parts, unless one of the parts had a finding.
    pub(super) fn end_reread(&mut self) {
        if self.scanner.is_outside()
            && let Some((findings, finding)) = self.reread.take()
            && self.findings.len() == findings
        {
            self.findings.push(finding);
        }
    }

    /// Unwraps an element; the result is kept for a second call.
    pub(super) fn unwrap_once(&mut self, parser: &mut Parser, element: &[u8], at: usize) -> Option<&Unwrapped> {
        let unwrapped = self.unwrap(parser, element).ok()?;
        Some(&self.unwrapped.insert((at, unwrapped)).1)
    }

    fn unwrap(&mut self, parser: &mut Parser, text: &[u8]) -> Result<Unwrapped, Rejection> {
        let text = utf8(text)?;
        unwrap(parser, text, &mut self.budget).map_err(|error| explain(&error, text))
    }

    /// Takes a value of a document that is returned in parts: it may be an event, or contain some.
    pub(super) fn take_part(
        &mut self,
        parser: &mut Parser,
        window: &[u8],
        range: Range<usize>,
        elements: &mut Vec<Element>,
    ) {
        let before = (self.next_index, self.findings.len());
        match self.unwrap(parser, &window[range.clone()]) {
            Ok(Unwrapped::Event(kind)) => {
                self.kind.get_or_insert(kind);
                elements.push(Element { index: self.take_index(), range, text: None });
            }
            Ok(Unwrapped::Wrapper(extracted, _)) => self.take_extracted(range.start, extracted, elements),
            Err(rejection) if self.reread_by_parts(window, &range, &rejection) => return,
            Err(rejection) => self.report(range.start, rejection, &window[range]),
        }
        if before != (self.next_index, self.findings.len()) {
            self.scanner.note_events_in_parts();
        }
    }

    /// Takes the events inside a value, and reports what should have been one.
    fn take_extracted(&mut self, value: usize, extracted: Vec<Extracted>, elements: &mut Vec<Element>) {
        for Extracted { range, content } in extracted {
            let range = value + range.start..value + range.end;
            match content {
                Payload::Event { text, kind } => {
                    self.kind.get_or_insert(kind);
                    elements.push(Element { index: self.take_index(), range, text });
                }
                Payload::Refused { rejection, is_event, original } => {
                    let index = is_event.then(|| self.take_index());
                    self.quarantined += u64::from(is_event);
                    self.findings.push(finding(index, self.window_start + range.start as u64, rejection, &original));
                }
            }
        }
    }

    /// Refuses an object that is not JSON.
    fn refuse_object(&mut self, window: &[u8], range: Range<usize>, rejection: Rejection) {
        if is_event_start(&window[range.clone()]) || self.scanner.is_in_array() {
            let index = self.take_index();
            self.refuse_event(index, window, range, rejection);
        } else {
            self.report(range.start, rejection, &window[range]);
        }
    }

    /// Records something without events. Its text is kept once there have been events: before that, the archive may be foreign
    /// as a whole.
    pub(super) fn take_foreign(&mut self, kind: &'static str, at: usize, text: &[u8]) {
        self.foreign_kind_seen.get_or_insert(kind);
        let offset = self.window_start + at as u64;
        let refuse =
            |message, text: &[u8]| finding(None, offset, Rejection { reason: Reason::TrailingData, message }, text);
        let is_before_events = self.kind.is_none();
        let most = if is_before_events { MAX_STRANGERS_BEFORE } else { MAX_STRANGERS };
        if self.foreign_not_noted > 0 || self.foreign_findings.len() >= most {
            self.foreign_not_noted += 1;
            let message = format!("{} more documents without events, from here on", self.foreign_not_noted);
            match self.foreign_findings.last_mut() {
                Some(last) if self.foreign_not_noted > 1 => last.message = message,
                _ => self.foreign_findings.push(refuse(message, &[])),
            }
            return;
        }
        let text = if is_before_events { &[] } else { text };
        self.foreign_findings.push(refuse(format!("{kind} without events, among documents with events"), text));
    }
}
