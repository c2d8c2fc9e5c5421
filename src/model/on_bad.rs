//! What to do when input is bad.
//!
//! In: nothing. Out: a choice. Never: decides what is bad; the code that reads does.

/// What to do when input is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBad {
    /// Keep it in the quarantine table and go on.
    Quarantine,
    /// Publish nothing.
    Fail,
}
