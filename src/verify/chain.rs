//! Which digest files of an account and Region are proved.
//!
//! In: digest files as read, public keys. Out: a status for each. Never: lets a digest file that is not proved
//! count against another, or one that is invalid count at all.
//!
//! A signature proves itself: it verifies with CloudTrail's key or it does not, wherever it was kept. So a digest file is
//! valid when any available signature for it verifies. Unsigned is another matter: the newest digest file
//! of a chain, whose signature a copy has lost, could have been written by anyone. It is distinguished, and must not
//! contradict its neighbours.

use std::collections::{HashMap, HashSet};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::digest::{DeclaredLog, DigestContent, DigestText, Previous, ReadDigest};
use super::keys::{FoundKey, PublicKeys, has_signed};
use super::outcome::VerifyOutcome;
use super::place::{DigestName, KeyHash};
use crate::model::Sha256;

/// The status of a digest file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DigestStatus {
    /// It was not read.
    Unread,
    /// Signed by CloudTrail.
    Valid,
    /// No signature is available.
    WithoutSignature,
    /// Wrong.
    Invalid(VerifyOutcome),
}

impl DigestStatus {
    /// Whether its content counts.
    pub(super) const fn is_usable(self) -> bool {
        matches!(self, Self::Valid | Self::WithoutSignature)
    }
}

/// Where a signature comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignatureSource {
    Sidecar,
    /// From the digest file at this position, which follows.
    Next(usize),
}

/// The digest files of an account and Region, chain by chain, the newest first.
pub(super) struct Chains {
    pub(super) digests: Vec<ReadDigest>,
    pub(super) statuses: Vec<DigestStatus>,
    by_key: HashMap<KeyHash, Vec<usize>>,
}

impl Chains {
    /// Verifies digest files.
    pub(super) fn verify_all(mut digests: Vec<ReadDigest>, keys: &PublicKeys) -> Self {
        digests.sort_by(|one, two| {
            let order = chain_of(&one.name).cmp(&chain_of(&two.name)).then(end_of(two).cmp(&end_of(one)));
            order.then_with(|| one.path.cmp(&two.path))
        });
        let mut by_key: HashMap<KeyHash, Vec<usize>> = HashMap::with_capacity(digests.len());
        for (at, digest) in digests.iter().enumerate() {
            by_key.entry(digest.key).or_default().push(at);
        }
        let statuses = vec![DigestStatus::Unread; digests.len()];
        let mut chains = Self { digests, statuses, by_key };
        chains.verify_signatures(keys);
        chains.compare_links();
        chains.compare_declarations();
        for range in chains.ranges() {
            chains.compare_neighbours(range);
        }
        chains.compare_copies();
        chains
    }

    pub(super) fn text(&self, at: usize) -> Option<&DigestText> {
        match &self.digests[at].content {
            DigestContent::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What a digest file that counts states about the previous one.
    pub(super) fn previous(&self, at: usize) -> Option<&Previous> {
        self.text(at).filter(|_| self.statuses[at].is_usable())?.previous.as_ref()
    }

    /// How many files have the same key.
    pub(super) fn copies(&self, at: usize) -> usize {
        self.by_key.get(&self.digests[at].key).map_or(0, Vec::len)
    }

    pub(super) fn is_here(&self, key: &KeyHash) -> bool {
        self.by_key.contains_key(key)
    }

    /// Whether a digest file that counts has this key.
    pub(super) fn is_usable(&self, key: &KeyHash) -> bool {
        self.by_key.get(key).into_iter().flatten().any(|at| self.statuses[*at].is_usable())
    }

    /// Positions of each chain.
    pub(super) fn ranges(&self) -> Vec<std::ops::Range<usize>> {
        let mut start = 0;
        let chains = self.digests.chunk_by(|one, two| chain_of(&one.name) == chain_of(&two.name));
        let ranges = chains.map(|chain| {
            let range = start..start + chain.len();
            start = range.end;
            range
        });
        ranges.collect()
    }

    fn verify_signatures(&mut self, keys: &PublicKeys) {
        let mut kept: Vec<Vec<(SignatureSource, &[u8])>> = vec![Vec::new(); self.digests.len()];
        for (at, digest) in self.digests.iter().enumerate() {
            if let Some(Ok(signature)) = &digest.sidecar {
                kept[at].push((SignatureSource::Sidecar, signature));
            }
            let DigestContent::Text(text) = &digest.content else { continue };
            let Some(Previous { key, signature: Some(signature), .. }) = &text.previous else { continue };
            for before in self.by_key.get(key).into_iter().flatten() {
                kept[*before].push((SignatureSource::Next(at), signature));
            }
        }
        let looks: Vec<Result<bool, VerifyOutcome>> =
            (0..kept.len()).into_par_iter().map(|at| self.is_signed_by(at, keys, &kept[at])).collect();
        // First the statuses that are known without other files; then from the newest on, so that the file after it is decided.
        let status = |is_signed_by: &Result<bool, VerifyOutcome>| match is_signed_by {
            Err(outcome) => DigestStatus::Invalid(*outcome),
            Ok(true) => DigestStatus::Valid,
            Ok(false) => DigestStatus::Unread,
        };
        let mut statuses: Vec<DigestStatus> = looks.iter().map(status).collect();
        for at in (0..looks.len()).filter(|at| looks[*at] == Ok(false)) {
            let may_speak = |(keeper, _): &(SignatureSource, &[u8])| match keeper {
                SignatureSource::Sidecar => true,
                SignatureSource::Next(next) => statuses[*next].is_usable(),
            };
            statuses[at] = match self.digests[at].content {
                DigestContent::Unread => DigestStatus::Unread,
                _ if kept[at].iter().any(may_speak) => DigestStatus::Invalid(VerifyOutcome::DigestSignatureFailed),
                _ => DigestStatus::WithoutSignature,
            };
        }
        self.statuses = statuses;
    }

    /// Whether any of the signatures that are kept for a digest file is valid for it.
    fn is_signed_by(
        &self,
        at: usize,
        keys: &PublicKeys,
        kept: &[(SignatureSource, &[u8])],
    ) -> Result<bool, VerifyOutcome> {
        let text = match &self.digests[at].content {
            DigestContent::Unread => return Ok(false),
            DigestContent::Malformed(_) => return Err(VerifyOutcome::DigestMalformed),
            DigestContent::Unreadable(_) => return Err(VerifyOutcome::DigestUnreadable),
            DigestContent::Text(text) => text,
        };
        if !text.is_at_its_place {
            return Err(VerifyOutcome::DigestMoved);
        }
        let key = match keys.find(&text.fingerprint) {
            FoundKey::Nothing => return Err(VerifyOutcome::DigestKeyMissing),
            FoundKey::Unusable => return Err(VerifyOutcome::DigestKeyUnusable),
            FoundKey::Key(key) => key,
        };
        let mut tried = HashSet::new();
        let is_signed = kept.iter().any(|(_, signature)| {
            tried.insert(*signature) && has_signed(key, text.string_to_sign.as_bytes(), signature)
        });
        if !is_signed && self.digests[at].lacks_signature {
            return Err(VerifyOutcome::DigestSignatureFailed);
        }
        Ok(is_signed)
    }

    /// Compares each digest file with what the next one states about it: the AWS CLI follows that pointer and compares nothing.
    fn compare_links(&mut self) {
        for at in 0..self.digests.len() {
            let Some(previous) = self.previous(at) else { continue };
            let mut wrong = Vec::new();
            for before in self.by_key.get(&previous.key).into_iter().flatten().copied() {
                let Some(text) = self.text(before) else { continue };
                let has_other_hash = previous.sha256.is_some_and(|hash| hash != text.sha256);
                let sidecar = self.digests[before].sidecar.as_ref().and_then(|sidecar| sidecar.as_ref().ok());
                let has_other_signature = sidecar.is_some() && sidecar != previous.signature.as_ref();
                match (self.statuses[at], self.statuses[before]) {
                    (DigestStatus::Valid, it) if it.is_usable() && has_other_hash => {
                        wrong.push((before, VerifyOutcome::DigestHashDiffers));
                    }
                    (DigestStatus::Valid, DigestStatus::Valid) if has_other_signature => {
                        wrong.push((before, VerifyOutcome::DigestSignatureDiffers));
                    }
                    // The signed file is right.
                    (DigestStatus::WithoutSignature, DigestStatus::Valid) if has_other_hash || has_other_signature => {
                        wrong.push((at, VerifyOutcome::DigestUnlinked));
                    }
                    _ => {}
                }
            }
            for (at, outcome) in wrong {
                self.statuses[at] = DigestStatus::Invalid(outcome);
            }
        }
    }

    /// The declarations of digest files of a status, with the files' positions.
    fn logs_of(&self, status: DigestStatus) -> impl Iterator<Item = (usize, &DeclaredLog)> {
        let texts = (0..self.digests.len()).filter_map(move |at| Some((at, self.text(at)?)));
        let texts = texts.filter(move |(at, _)| self.statuses[*at] == status);
        texts.flat_map(|(at, text)| text.logs.iter().map(move |log| (at, log)))
    }

    /// A digest file without signature must not contradict the declarations of a signed one, nor declare log files of another
    /// account or Region.
    fn compare_declarations(&mut self) {
        let mut wrong: HashSet<usize> = HashSet::new();
        let mut unsigned: HashMap<KeyHash, Vec<(usize, Option<Sha256>)>> = HashMap::new();
        for (at, log) in self.logs_of(DigestStatus::WithoutSignature) {
            if log.is_foreign {
                wrong.insert(at);
            }
            unsigned.entry(log.key).or_default().push((at, log.sha256));
        }
        if unsigned.is_empty() {
            return;
        }
        for (_, log) in self.logs_of(DigestStatus::Valid).filter(|(_, log)| log.sha256.is_some()) {
            let others = unsigned.get(&log.key).into_iter().flatten();
            wrong.extend(others.filter(|(_, sha256)| *sha256 != log.sha256).map(|(at, _)| *at));
        }
        for at in wrong {
            self.statuses[at] = DigestStatus::Invalid(VerifyOutcome::DigestUnlinked);
        }
    }

    /// A digest file without signature must fit between its neighbours: the next one names it, or names
    /// one that is missing between them, or starts the chain again.
    fn compare_neighbours(&mut self, range: std::ops::Range<usize>) {
        let mut newer: Option<usize> = None;
        for at in range {
            if !self.statuses[at].is_usable() {
                continue;
            }
            let Some(next) = newer.filter(|next| self.digests[*next].key != self.digests[at].key) else {
                newer = Some(at);
                continue;
            };
            if self.has_room(next, at) {
                newer = Some(at);
                continue;
            }
            let is_unsigned = |at: usize| self.statuses[at] == DigestStatus::WithoutSignature;
            let (is_next_unsigned, is_unsigned) = (is_unsigned(next), is_unsigned(at));
            if is_next_unsigned {
                self.statuses[next] = DigestStatus::Invalid(VerifyOutcome::DigestUnlinked);
            }
            if is_unsigned {
                self.statuses[at] = DigestStatus::Invalid(VerifyOutcome::DigestUnlinked);
            } else {
                newer = Some(at);
            }
            if is_next_unsigned && is_unsigned {
                newer = None;
            }
        }
    }

    /// Whether a digest file can be the next older one of another that counts.
    fn has_room(&self, newer: usize, older: usize) -> bool {
        let Some(previous) = self.previous(newer) else { return true };
        if previous.key == self.digests[older].key {
            return true;
        }
        // A file between them is missing or does not count.
        let copies = self.by_key.get(&previous.key).into_iter().flatten();
        let is_out = copies.copied().all(|at| !self.statuses[at].is_usable());
        is_out && DigestName::parse(&previous.object, "").end > Some(end_of(&self.digests[older]))
    }

    /// Two files with one key in several trees: an unsigned one must not differ from the other.
    fn compare_copies(&mut self) {
        for copies in self.by_key.values().filter(|copies| copies.len() > 1) {
            let hash = |at: usize| match &self.digests[at].content {
                DigestContent::Text(text) => Some(text.sha256),
                _ => None,
            };
            let usable: Vec<usize> = copies.iter().copied().filter(|at| self.statuses[*at].is_usable()).collect();
            let is_split = usable.iter().any(|at| hash(*at) != hash(usable[0]));
            for at in usable {
                if is_split && self.statuses[at] == DigestStatus::WithoutSignature {
                    self.statuses[at] = DigestStatus::Invalid(VerifyOutcome::DigestUnlinked);
                }
            }
        }
    }
}

/// The identity of a chain: standard and backfill digest files point to their own kind.
fn chain_of(name: &DigestName) -> (&str, &str, bool) {
    (&name.trail, &name.home_region, name.is_backfill)
}

/// The end of a digest file by its name, which its signature covers; otherwise by its content.
pub(super) fn end_of(digest: &ReadDigest) -> i64 {
    let told = match &digest.content {
        DigestContent::Text(text) => Some(text.end),
        _ => None,
    };
    digest.name.end.or(told).unwrap_or(i64::MIN)
}
