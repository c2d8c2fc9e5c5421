//! What digest files prove of an archive that is being converted.
//!
//! In: the files of a copy, public keys; then texts, as they are inflated. Out: whether each is what AWS wrote. Never:
//! reads a log file itself, or hashes one that nothing is declared of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::declarations::{Declarations, Declared, Standing};
use super::digest::{Sha256, finish};
use super::digests::{Digests, Survey};
use super::keys::PublicKeys;
use crate::config::Selection;
use crate::error::Result;
use crate::input::Archive;

/// What is proved of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Integrity {
    /// Nobody asked.
    #[default]
    NotChecked,
    /// No digest file that is proved declares it.
    NotCovered,
    /// Its text is not what a digest file declares, or the digest file that declares it is invalid itself.
    Invalid,
    /// Its text has this hash, as a valid digest file declares.
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

/// What the digest files of all inputs declare.
#[derive(Debug)]
pub(crate) struct Proofs {
    declarations: Declarations,
}

impl Proofs {
    /// Reads and validates the digest files among archives, on the threads of the pool that this is called in.
    ///
    /// # Errors
    ///
    /// Public keys that are none.
    pub(crate) fn read(archives: &[Archive], public_keys: &[PathBuf]) -> Result<Self> {
        let keys = PublicKeys::read(public_keys)?;
        let everything = Selection::default();
        let mut survey = Survey::new(archives, &everything);
        let digests = Digests::read(archives, &mut survey, &keys, &everything, false);
        Ok(Self { declarations: digests.declarations })
    }
}

/// The proof of one archive, while its text is read.
pub(crate) struct Proof {
    proofs: Option<Arc<Proofs>>,
    declared: Declared,
    /// Of the text so far; `None` when it does not matter.
    hash: Option<Context>,
}

impl Proof {
    /// A proof that nobody asked for.
    pub(crate) const fn none() -> Self {
        Self { proofs: None, declared: Declared::No, hash: None }
    }

    /// Begins the proof of the archive with this path.
    pub(crate) fn begin(proofs: &Arc<Proofs>, path: &Path) -> Self {
        let declared = proofs.declarations.of(path);
        let hash = matches!(declared, Declared::By(_)).then(|| Context::new(&SHA256));
        Self { proofs: Some(Arc::clone(proofs)), declared, hash }
    }

    /// Adds the next piece of the text.
    pub(crate) fn take(&mut self, text: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(text);
        }
    }

    /// Judges a text that is whole; `is_damaged` says that something was wrong with how it was stored.
    pub(crate) fn end(self, is_damaged: bool) -> Integrity {
        let Some(proofs) = &self.proofs else { return Integrity::NotChecked };
        let numbers = match &self.declared {
            Declared::By(numbers) => numbers,
            Declared::ByInvalid => return Integrity::Invalid,
            Declared::OutOfRange | Declared::No => return Integrity::NotCovered,
        };
        let Some(sha256) = self.hash.map(finish) else { return Integrity::NotCovered };
        let declarations = || numbers.iter().filter_map(|number| proofs.declarations.get(*number));
        if is_damaged || !declarations().all(|declaration| declaration.fits(&sha256)) {
            Integrity::Invalid
        } else if declarations().any(|declaration| declaration.standing == Standing::Proved) {
            Integrity::Verified(sha256)
        } else {
            Integrity::NotCovered
        }
    }

    /// Judges an archive whose text nobody will see as a whole.
    pub(crate) fn give_up(self) -> Integrity {
        self.end(true)
    }
}
