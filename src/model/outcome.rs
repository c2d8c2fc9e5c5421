//! The outcome of a usage record.
//!
//! In: AWS's word for it. Out: ours. Never: a word that the documentation does not list.

/// The outcome of a record: the vocabulary of the `outcome` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// AWS accepted it.
    Success,
    /// The customer has no active agreement; not honoured.
    CustomerNotSubscribed,
    /// Another quantity was metered before for the same hour; not honoured.
    DuplicateRecord,
    /// Not handled, to be sent again.
    Unprocessed,
    /// The call as a whole failed.
    RequestError,
    /// AWS left the call's records out of the event.
    Omitted,
    /// The event does not say.
    Unknown,
}

impl Outcome {
    /// All outcomes, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Success,
        Self::CustomerNotSubscribed,
        Self::DuplicateRecord,
        Self::Unprocessed,
        Self::RequestError,
        Self::Omitted,
        Self::Unknown,
    ];

    /// The position in [`Outcome::ALL`] of the outcome with this word.
    pub(crate) fn position(word: &str) -> Option<usize> {
        Self::ALL.iter().position(|outcome| outcome.as_str() == word)
    }

    /// The word in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::CustomerNotSubscribed => "customer_not_subscribed",
            Self::DuplicateRecord => "duplicate_record",
            Self::Unprocessed => "unprocessed",
            Self::RequestError => "request_error",
            Self::Omitted => "omitted",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) fn of_status(status: Option<&str>) -> Self {
        match status {
            Some("Success") => Self::Success,
            Some("CustomerNotSubscribed") => Self::CustomerNotSubscribed,
            Some("DuplicateRecord") => Self::DuplicateRecord,
            _ => Self::Unknown,
        }
    }
}

/// Rows of one call, counted by outcome in the order of [`Outcome::ALL`].
pub(crate) type OutcomeCounts = [u64; Outcome::ALL.len()];
