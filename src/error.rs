//! Why a run failed, and what was wrong with a piece of input.
//!
//! Two types for two cases: an [`Error`] ends the run and publishes nothing; a [`Finding`] is bad input, which goes to
//! the quarantine table while the run continues. Never: text for a terminal that still contains control characters
//! from an archive, see [`printable`].

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// Result of an operation that can end a run.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of error that ended the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Invalid options, alone or in combination.
    ConfigInvalid,
    /// An input does not exist, or contains no archive.
    InputMissing,
    /// An input exists but cannot be read.
    InputUnreadable,
    /// A file of public keys without keys, or with none that matches its fingerprint.
    PublicKeysInvalid,
    /// The lake cannot be written to.
    LakeUnwritable,
    /// The report cannot be written.
    ReportUnwritable,
    /// The requested output cannot be written, to a stream or to a folder.
    OutputUnwritable,
    /// The lake exists but this version cannot add to it.
    LakeInvalid,
    /// The lake was written by a later version of this program.
    LakeTooNew,
    /// A file for data that does not fit into memory cannot be written.
    ScratchUnwritable,
    /// Another run is writing to the lake.
    LakeLocked,
    /// A store refuses everything that it served before, or no longer answers.
    StoreUnusable,
    /// A store does not serve the content of a lake.
    StoreUnreadable,
    /// Bad input was found and `--on-bad fail` was given.
    InputRejected,
    /// The counters disagree with each other or with the files: a bug of this tool, found before anything was published.
    Unreconciled,
    /// The run was asked to stop.
    Stopped,
    /// Encoding failed: a bug of this tool or of a library that it uses.
    Internal,
}

impl ErrorKind {
    /// The error as the first words of a message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "invalid option",
            Self::InputMissing => "input not found",
            Self::InputUnreadable => "cannot read input",
            Self::PublicKeysInvalid => "not usable public keys",
            Self::LakeUnwritable => "cannot write to the lake",
            Self::ReportUnwritable => "cannot write the report",
            Self::OutputUnwritable => "cannot write the output",
            Self::LakeInvalid => "not a usable lake",
            Self::LakeTooNew => "lake of a later version",
            Self::ScratchUnwritable => "cannot write a temporary file",
            Self::LakeLocked => "lake in use",
            Self::StoreUnusable => "cannot use the store any more",
            Self::StoreUnreadable => "cannot read from the store",
            Self::InputRejected => "bad input",
            Self::Unreconciled => "counts do not add up",
            Self::Stopped => "stopped",
            Self::Internal => "internal error",
        }
    }
}

/// An error that ends a run: kind, place and cause on one line.
///
/// Its text includes that of its cause. So, as with [`std::io::Error`], `source` continues with the cause of that cause: printing
/// the chain shows everything once. The cause itself is [`Error::get_ref`].
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    place: Option<String>,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A copy, with its cause as text.
    pub(crate) fn repeat(&self) -> Self {
        let (place, message) = (self.place.clone(), self.message.clone());
        let source = self.source.as_ref().map(|source| source.to_string().into());
        Self { kind: self.kind, place, message, source }
    }

    /// An error with a full-sentence message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, place: None, message: message.into(), source: None }
    }

    /// An error about a path, with its cause.
    pub fn at(kind: ErrorKind, path: &Path, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind,
            place: Some(printable(&path.display().to_string())),
            message: String::new(),
            source: Some(source.into()),
        }
    }

    /// An error of an encoding library.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: ErrorKind::Internal, place: None, message: String::new(), source: Some(source.into()) }
    }

    /// Adds advice.
    #[must_use]
    pub fn advise(mut self, advice: &str) -> Self {
        if !self.message.is_empty() {
            self.message.push_str("; ");
        }
        self.message.push_str(advice);
        self
    }

    /// The same for a run that was asked to stop, and would not wait for what has failed.
    #[must_use]
    pub(crate) fn when_stopped(self) -> Self {
        Self { kind: ErrorKind::Stopped, ..self }
    }

    /// Adds how many commits of the same run are published and stay.
    #[must_use]
    pub(crate) fn after_commits(self, count: usize) -> Self {
        match count {
            0 => self,
            1 => self.advise("the commit before it is published; run again to go on from there"),
            _ => self.advise(&format!("{count} commits before it are published; run again to go on from there")),
        }
    }

    /// The file or folder of the error, as the message shows it.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// The cause alone, without kind and place.
    #[must_use]
    pub fn cause(&self) -> String {
        self.source.as_ref().map_or_else(|| self.message.clone(), ToString::to_string)
    }

    /// The error of the system or of a library that caused it, if any did.
    #[must_use]
    pub fn get_ref(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.source.as_deref()
    }

    /// The advice, after a semicolon; empty without any.
    pub(crate) fn advice(&self) -> String {
        if self.source.is_none() || self.message.is_empty() { String::new() } else { format!("; {}", self.message) }
    }

    /// The kind of the error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(place) = &self.place {
            write!(f, ": {place}")?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().and_then(|source| source.source())
    }
}

macro_rules! reasons {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// Why input was refused: the fixed vocabulary of `quarantine.reason`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason { $(#[doc = $doc] $variant,)* }

        impl Reason {
            /// All reasons, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in the table.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its meaning.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

reasons! {
    ReadFailed "read_failed" "The archive was listed and could not be read."
    GzipTruncated "gzip_truncated" "The gzip stream ends early; whole events before the end are kept."
    GzipCorrupt "gzip_corrupt" "The gzip stream is damaged or its checksum is wrong: no byte of it is certain."
    GzipTrailingGarbage "gzip_trailing_garbage" "Bytes follow the last gzip member; the events before them are kept."
    ZstdTruncated "zstd_truncated" "The zstd stream ends early; whole events before the end are kept."
    ZstdCorrupt "zstd_corrupt" "The zstd stream is damaged or its checksum is wrong: no byte of it is certain."
    ZstdTrailingGarbage "zstd_trailing_garbage" "Bytes follow the last zstd frame; the events before them are kept."
    CompressionUnsupported "compression_unsupported" "A log file's name stands for something that is compressed in a way that is not read, or more than four times."
    ContainerDamaged "container_damaged" "The tar or zip is cut or damaged; what is certain of its members is kept."
    NotVerified "not_verified" "Digest files do not prove the archive, and `--require-verified` wants that; it stays where it is."
    InflatedTooLarge "inflated_too_large" "The archive inflates to more than `--max-inflated` allows."
    Empty "empty" "A log file's name stands for an empty object, or for one without text."
    NoEvents "no_events" "A log file's name stands for JSON without events that is no other document that is known."
    Utf8Invalid "utf8_invalid" "The text is not UTF-8."
    JsonInvalid "json_invalid" "The text is not JSON."
    JsonTruncated "json_truncated" "The text ends in the middle of a value."
    NestingTooDeep "nesting_too_deep" "Values are nested more than 1,000 deep."
    SeparatorMissing "separator_missing" "Two elements stand side by side without a comma; both are kept."
    RecordsNotArray "records_not_array" "`Records` is not an array."
    EventNotObject "event_not_object" "An element of `Records` is not an object."
    DuplicateKey "duplicate_key" "A member occurs twice, so the event has two meanings."
    TrailingData "trailing_data" "Something that is no CloudTrail document follows one."
    EventTooLarge "event_too_large" "One event is larger than 256 MiB."
}

impl Reason {
    /// Whether a compressed stream is corrupt: no byte of it is certain.
    pub(crate) const fn is_corrupt(self) -> bool {
        matches!(self, Self::GzipCorrupt | Self::ZstdCorrupt)
    }

    /// Whether something follows a compressed stream that is itself intact.
    pub(crate) const fn is_trailing_garbage(self) -> bool {
        matches!(self, Self::GzipTrailingGarbage | Self::ZstdTrailingGarbage)
    }

    /// Whether a compressed stream was truncated: the text before the end is what was stored.
    pub(crate) const fn is_cut(self) -> bool {
        matches!(self, Self::GzipTruncated | Self::ZstdTruncated)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Bad input and its position; one row of the quarantine table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// 0-based position of the event in its archive, or `None` when the finding is about the archive.
    pub event_index: Option<u32>,
    /// Offset in the inflated text, or in the file for reasons of compression and containers.
    pub byte_offset: Option<u64>,
    /// Why.
    pub reason: Reason,
    /// What was expected and found.
    pub message: String,
    /// The refused bytes.
    pub original: Vec<u8>,
}

impl Finding {
    /// Whether the finding is about exactly one event, which counts as quarantined.
    #[must_use]
    pub const fn is_event(&self) -> bool {
        self.event_index.is_some()
    }
}

/// A number with its noun: `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Text that is safe to print: control characters, line ends and characters that reorder text are escaped, and text
/// longer than 200 characters is truncated. Archives and file names can come from an attacker.
#[must_use]
pub fn printable(text: &str) -> String {
    escape(text, 200)
}

/// As [`printable`] for keys and paths, whose end matters too: truncated at 4,096 characters, the longest path of Linux.
#[must_use]
pub fn printable_path(text: &str) -> String {
    escape(text, 4_096)
}

fn escape(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest * 2));
    for (count, character) in text.chars().enumerate() {
        if count == longest {
            out.push('…');
            break;
        }
        let reorders = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || reorders || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}') {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_place_cause_and_advice() {
        let cause = std::io::Error::other("disk on fire");
        let error =
            Error::at(ErrorKind::LakeUnwritable, Path::new("/lake/\u{1b}[31m"), cause).advise("choose another --out");
        assert_eq!(
            error.to_string(),
            "cannot write to the lake: /lake/\\u{1b}[31m: disk on fire: choose another --out"
        );
    }

    #[test]
    fn a_chain_of_causes_shows_everything_once() {
        let innermost = std::io::Error::other("disk on fire");
        let error = Error::at(ErrorKind::LakeUnwritable, Path::new("/lake"), Error::internal(innermost));
        assert_eq!(error.to_string(), "cannot write to the lake: /lake: internal error: disk on fire");
        assert!(error.source().is_none(), "its text has the cause");
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
        assert!(cause.and_then(Error::get_ref).is_some_and(<dyn StdError + Send + Sync>::is::<std::io::Error>));
    }

    #[test]
    fn archive_text_cannot_move_the_cursor_or_reorder_a_line() {
        assert_eq!(printable("a\nb\u{202e}c\u{7}"), "a\\u{a}b\\u{202e}c\\u{7}");
        assert_eq!(printable(&"x".repeat(300)).chars().count(), 201);
    }
}
