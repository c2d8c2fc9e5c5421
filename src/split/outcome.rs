//! Errors in text, and the kind of an archive.
//!
//! In: a refusal and where it happened. Out: a [`Finding`], or the [`SplitOutcome`] of a whole archive. Never: a message
//! without a place.

use super::shape;
use crate::error::{Finding, Reason};
use crate::json::tape::{Document, MAX_DEPTH, ParseError, Parser};

/// Maximum bytes of refused input in one quarantine row; the archive itself stays where it is.
pub(crate) const MAX_ORIGINAL_BYTES: usize = 16 << 20;

/// The outcome of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArchiveStatus {
    Converted,
    Quarantined,
    Foreign,
}

impl ArchiveStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Quarantined => "quarantined",
            Self::Foreign => "foreign",
        }
    }
}

/// What was found in an archive besides its convertible events.
#[derive(Clone, Debug)]
pub(crate) struct SplitOutcome {
    pub(crate) status: ArchiveStatus,
    pub(crate) kind: &'static str,
    pub(crate) events_seen: u64,
    pub(crate) quarantined: u64,
    pub(crate) findings: Vec<Finding>,
}

/// Text that is refused, while its end is being searched.
#[derive(Debug)]
pub(crate) struct Damage {
    /// The index of the refused event, or `None` for something between events.
    pub(crate) index: Option<u32>,
    pub(crate) offset: u64,
    pub(crate) rejection: Rejection,
    /// Its first bytes, as many as quarantine keeps.
    pub(crate) original: Vec<u8>,
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

pub(crate) fn finding(event_index: Option<u32>, offset: u64, rejection: Rejection, original: &[u8]) -> Finding {
    let original = original[..original.len().min(MAX_ORIGINAL_BYTES)].to_vec();
    let Rejection { reason, message } = rejection;
    Finding { event_index, byte_offset: Some(offset), reason, message, original }
}

impl SplitOutcome {
    pub(crate) const fn foreign(kind: &'static str) -> Self {
        Self { status: ArchiveStatus::Foreign, kind, events_seen: 0, quarantined: 0, findings: Vec::new() }
    }
}

/// The text of bytes that should be UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Rejection> {
    simdutf8::compat::from_utf8(bytes).map_err(|error| Rejection {
        reason: Reason::Utf8Invalid,
        message: format!("invalid UTF-8 at byte {} of the event", error.valid_up_to()),
    })
}

/// Explains a refused value. simd-json does not always report where it fails; `serde_json` does, and what was expected.
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

/// The kind of an archive by its first object, or as an error that of a foreign one. Invalid JSON counts as
/// an event: it will be refused with its place.
pub(crate) fn classify(parser: &mut Parser, text: &[u8]) -> Result<&'static str, &'static str> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(shape::LOG) };
    let classify = |document: Document<'_>| shape::classify(document.root());
    parser.parse(text, classify).or_else(|_| parser.parse_lenient(text, classify)).unwrap_or(Ok(shape::LOG))
}

/// Whether text is certainly an event.
pub(crate) fn is_event(parser: &mut Parser, text: &[u8]) -> bool {
    let classify = |document: Document<'_>| shape::classify(document.root());
    std::str::from_utf8(text).is_ok_and(|text| matches!(parser.parse_lenient(text, classify), Ok(Ok(_))))
}

/// Whether text is one JSON value.
pub(crate) fn check(parser: &mut Parser, text: &[u8]) -> Result<(), Rejection> {
    let text = utf8(text)?;
    parser.parse_lenient(text, |_| ()).map_err(|error| explain(&error, text))
}
