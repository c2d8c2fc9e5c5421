//! What digest files declare about log files.
//!
//! In: the declarations of each digest file. Out: for a file of a copy, the SHA-256 that its text must have, or that there is
//! none. Never: keeps a name, of which there may be millions: 60 bytes for a declaration.

use std::path::Path;

use super::place::{FilePlace, KeyHash};
use crate::model::Sha256;

/// The status of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeclarationStatus {
    /// Made by a valid digest file.
    Proved,
    /// Made by a digest file whose signature is not available.
    NotProved,
    /// As [`DeclarationStatus::NotProved`], of a log file in whose hour a valid digest file of the chain does not declare it.
    OutOfHour,
    /// Made by a digest file outside of the requested range; the log file is not judged.
    OutOfRange,
    /// Made by an invalid digest file.
    Invalid,
}

/// A log file that a digest file declares.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(super) key: KeyHash,
    /// The hash of its text.
    pub(crate) sha256: Sha256,
    /// Whether the digest file has a SHA-256; otherwise nothing matches.
    pub(crate) has_sha256: bool,
    pub(crate) status: DeclarationStatus,
    /// Whether such a file was found.
    pub(super) is_found: bool,
    /// The index of the digest file in the report, and that of the entry in its `logFiles`.
    pub(super) digest: u32,
    pub(super) index: u32,
}

impl Declaration {
    /// Whether a text with this hash matches the declaration.
    pub(crate) fn fits(&self, sha256: &Sha256) -> bool {
        self.has_sha256 && self.sha256 == *sha256
    }
}

/// The declarations of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// These declarations, all of which it has to match; usually there is one.
    By(Vec<u32>),
    /// Only digest files outside of the requested range declare it.
    OutOfRange,
    /// Only invalid digest files declare it.
    ByInvalid,
    /// No digest file declares it.
    No,
}

/// All declarations of digest files.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    sorted: Vec<Declaration>,
}

impl Declarations {
    pub(super) fn new(mut declarations: Vec<Declaration>) -> Self {
        declarations.sort_unstable_by_key(|one| (one.key, one.digest, one.index));
        Self { sorted: declarations }
    }

    /// The declarations of the file with this path: only its key from `AWSLogs/` on counts.
    pub(crate) fn of(&self, path: &Path) -> Declared {
        let key = FilePlace::of(path).key_hash();
        let start = self.sorted.partition_point(|declaration| declaration.key < key);
        let same = self.sorted[start..].iter().take_while(|declaration| declaration.key == key);
        let mut usable = Vec::new();
        let mut declared = Declared::No;
        for (at, declaration) in (start..).zip(same) {
            match declaration.status {
                DeclarationStatus::Proved | DeclarationStatus::NotProved | DeclarationStatus::OutOfHour => {
                    usable.extend(u32::try_from(at));
                }
                DeclarationStatus::OutOfRange => declared = Declared::OutOfRange,
                DeclarationStatus::Invalid if declared == Declared::No => declared = Declared::ByInvalid,
                DeclarationStatus::Invalid => {}
            }
        }
        if usable.is_empty() { declared } else { Declared::By(usable) }
    }

    /// The declaration with this number.
    pub(crate) fn get(&self, number: u32) -> Option<&Declaration> {
        self.sorted.get(number as usize)
    }

    pub(super) fn mark_found(&mut self, number: u32) {
        if let Some(declaration) = self.sorted.get_mut(number as usize) {
            declaration.is_found = true;
        }
    }

    /// Numbers of declarations that count and whose file was not found.
    pub(super) fn missing(&self) -> impl Iterator<Item = u32> + '_ {
        let is_missing = |declaration: &Declaration| {
            let counts = !matches!(declaration.status, DeclarationStatus::OutOfRange | DeclarationStatus::Invalid);
            counts && !declaration.is_found
        };
        (0..).zip(&self.sorted).filter(move |(_, declaration)| is_missing(declaration)).map(|(number, _)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::place::key_hash;

    #[test]
    fn the_best_declaration_counts() {
        let declare = |key: &str, status, digest| Declaration {
            key: key_hash(key),
            sha256: [1; 32],
            has_sha256: true,
            status,
            is_found: false,
            digest,
            index: 0,
        };
        let mut declarations = Declarations::new(vec![
            declare("AWSLogs/1/CloudTrail/r/a.json.gz", DeclarationStatus::Invalid, 3),
            declare("AWSLogs/1/CloudTrail/r/a.json.gz", DeclarationStatus::Proved, 2),
            declare("AWSLogs/1/CloudTrail/r/b.json.gz", DeclarationStatus::Invalid, 1),
            declare("AWSLogs/1/CloudTrail/r/c.json.gz", DeclarationStatus::Invalid, 0),
            declare("AWSLogs/1/CloudTrail/r/c.json.gz", DeclarationStatus::OutOfRange, 1),
        ]);
        let of = |declarations: &Declarations, name: &str| {
            declarations.of(Path::new(&format!("/copy/AWSLogs/1/CloudTrail/r/{name}")))
        };
        let Declared::By(numbers) = of(&declarations, "a.json") else { panic!("declared") };
        let found = numbers.iter().filter_map(|number| declarations.get(*number));
        assert!(found.clone().count() == 1 && found.clone().all(|one| one.digest == 2 && one.fits(&[1; 32])));
        assert_eq!(of(&declarations, "b.json.gz"), Declared::ByInvalid);
        assert_eq!(of(&declarations, "c.json.gz"), Declared::OutOfRange);
        assert_eq!(of(&declarations, "d.json.gz"), Declared::No);
        assert_eq!(declarations.missing().collect::<Vec<_>>(), numbers);
        declarations.mark_found(numbers[0]);
        assert_eq!(declarations.missing().count(), 0);
    }

    #[test]
    fn a_declaration_is_small() {
        assert!(size_of::<Declaration>() <= 60, "{} bytes", size_of::<Declaration>());
    }
}
