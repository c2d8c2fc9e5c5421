//! Integration tests: what users see, and the promises, one file each.

/// Bad input: each defect of `data/corrupt`, where it is told to be and what is saved around it.
mod corrupt;
/// The checked-in data: how each file is made, and that it is what its maker makes.
mod fixtures;
/// Working folders, archives, running the binary, and a dump of everything when a test fails.
mod harness;
/// Random archives: the converter against the slow reference.
mod property;
/// The independent serde_json reference, written from the contract alone.
mod reference;
