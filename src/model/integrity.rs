//! What is proved about an archive.
//!
//! In: nothing. Out: a word, and the hash that proves it. Never: proves anything; the owner of the digest files does.

use std::fmt::Write;

/// A SHA-256.
pub(crate) type Sha256 = [u8; 32];

/// What is proved about an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Integrity {
    /// Verification is off.
    #[default]
    NotChecked,
    /// No digest file that is proved declares it.
    NotCovered,
    /// It does not match the declaration of a digest file.
    Invalid,
    /// Its text has this hash, as declared by a valid digest file.
    Verified(Sha256),
}

impl Integrity {
    pub(crate) const fn is_verified(self) -> bool {
        matches!(self, Self::Verified(_))
    }

    /// The word in the table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotChecked => "not_checked",
            Self::NotCovered => "not_covered",
            Self::Invalid => "invalid",
            Self::Verified(_) => "verified",
        }
    }
}

/// Bytes as lower-case hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
