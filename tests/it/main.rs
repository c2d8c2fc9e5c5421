//! Integration tests: what users see, and the promises, one file each.

/// Working folders, archives, running the binary, and a dump of everything when a test fails.
mod harness;
/// Random archives: the converter against the slow reference.
mod property;
/// The independent serde_json reference, written from the contract alone.
mod reference;
