//! What digest files prove about an archive that is being converted.
//!
//! In: the files of a copy, public keys; then texts, as they are inflated. Out: whether each is what AWS wrote. Never:
//! reads a log file itself unless its text is not simply its unpacked content, or hashes one without a declaration.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::declarations::{Declarations, Declared};
use super::digest::finish;
use super::digests::{Digests, Survey};
use super::keys::PublicKeys;
use super::logs::compare;
use super::outcome::VerifyOutcome;
use crate::error::Result;
use crate::input::{Archive, MemberEnd, MemberReader};
use crate::model::Integrity;
use crate::model::limits;
use crate::model::{Selection, Sha256};

/// The declarations of the digest files of all inputs.
#[derive(Debug)]
pub(crate) struct Proofs {
    declarations: Declarations,
}

impl Proofs {
    /// Reads and validates the digest files among archives, on the current thread pool.
    ///
    /// # Errors
    ///
    /// Invalid public keys.
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
    /// The hash of the text so far; `None` when it does not matter.
    hash: Option<Context>,
}

impl Proof {
    /// Proves nothing, when verification is off.
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

    /// The result for the text that was taken, which is that of the archive's only gzip member, or the archive itself.
    pub(crate) fn end(mut self) -> Integrity {
        let sha256 = self.hash.take().map(finish);
        sha256.map_or_else(|| self.nothing(), |sha256| self.compare(MemberEnd::Gzip, &sha256))
    }

    /// The result for an archive whose text was not taken, or not verbatim, by reading it.
    pub(crate) fn read(self, archive: &Archive) -> Integrity {
        self.look(|take| MemberReader::default().read(archive, None, limits::INFLATED_BYTES, take))
    }

    /// The same for an archive in memory.
    pub(crate) fn read_stored(self, stored: &[u8]) -> Integrity {
        self.look(|take| MemberReader::default().read_stored(stored, limits::INFLATED_BYTES, take))
    }

    fn look(self, read: impl FnOnce(&mut dyn FnMut(&[u8])) -> io::Result<MemberEnd>) -> Integrity {
        if self.hash.is_none() {
            return self.nothing();
        }
        let mut hash = Context::new(&SHA256);
        match read(&mut |piece| hash.update(piece)) {
            Ok(end) => self.compare(end, &finish(hash)),
            Err(_) => Integrity::NotCovered,
        }
    }

    /// The result without a declaration that counts.
    const fn nothing(&self) -> Integrity {
        if self.proofs.is_some() { Integrity::NotCovered } else { Integrity::NotChecked }
    }

    fn compare(&self, end: MemberEnd, sha256: &Sha256) -> Integrity {
        let (Some(proofs), Declared::By(numbers)) = (&self.proofs, &self.declared) else { return self.nothing() };
        let declarations = numbers.iter().filter_map(|number| proofs.declarations.get(*number));
        let outcomes: Vec<VerifyOutcome> = declarations.map(|declaration| compare(end, sha256, declaration)).collect();
        let contradicts = |outcome: &VerifyOutcome| {
            matches!(
                outcome,
                VerifyOutcome::LogHashDiffers | VerifyOutcome::LogMalformed | VerifyOutcome::LogTrailingData
            )
        };
        if outcomes.iter().any(contradicts) {
            Integrity::Invalid
        } else if outcomes.contains(&VerifyOutcome::LogValid) {
            Integrity::Verified(*sha256)
        } else {
            Integrity::NotCovered
        }
    }
}
