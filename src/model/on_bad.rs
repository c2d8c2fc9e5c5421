//! What to do when input is bad.
//!
//! In: nothing. Out: a choice. Never: what is bad; that is for whoever reads.

/// What to do when input is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBad {
    /// Keep it in the quarantine table and go on.
    Quarantine,
    /// Publish nothing.
    Fail,
}
