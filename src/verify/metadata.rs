//! Signatures of digest files in S3, where `CloudTrail` keeps them: in the metadata of their objects.
//!
//! In: verified digest files. Out: the same, verified again with signatures that only the store has. Never: requests one that
//! the next digest file contains, or the same object twice.

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::chain::{Chains, DigestStatus};
use super::digest::{DigestContent, ReadDigest};
use super::history::{Range, is_in_range};
use super::keys::PublicKeys;
use super::outcome::VerifyOutcome;
use super::signature::from_metadata;
use crate::input::Archive;

/// Requests signatures as long as that helps: for the newest digest file of each chain and the last one before each gap,
/// and for those whose successors turned out to be invalid by the previous requests.
pub(super) fn complete(mut chains: Chains, archives: &[Archive], keys: &PublicKeys, range: Range) -> Chains {
    loop {
        let is_wanted = |at: &usize| {
            let digest = &chains.digests[*at];
            let may_be_signed = match chains.statuses[*at] {
                DigestStatus::WithoutSignature => true,
                DigestStatus::Invalid(outcome) => {
                    matches!(outcome, VerifyOutcome::DigestSignatureFailed | VerifyOutcome::DigestUnlinked)
                }
                _ => false,
            };
            let is_open = !matches!(digest.sidecar, Some(Ok(_))) || is_original(digest);
            may_be_signed && is_open && !digest.was_asked_for && is_in_range(digest, range)
        };
        let wanted: Vec<usize> = (0..chains.digests.len()).filter(is_wanted).collect();
        let ask = |at: &usize| Some((*at, archives[chains.digests[*at].archive].version()?.metadata()));
        let answers: Vec<_> = wanted.par_iter().filter_map(ask).collect();
        let mut has_more = false;
        for (at, answer) in answers {
            let digest = &mut chains.digests[at];
            digest.was_asked_for = true;
            let is_original = is_original(digest);
            match answer.map(|metadata| from_metadata(&metadata)) {
                Ok(signature) => {
                    // An original object of CloudTrail has a signature, while a sidecar file could come from anyone.
                    digest.lacks_signature = is_original && !matches!(signature, Some(Ok(_)));
                    has_more |= is_original || matches!(signature, Some(Ok(_)));
                    if is_original || digest.sidecar.is_none() || matches!(signature, Some(Ok(_))) {
                        digest.sidecar = signature;
                    }
                }
                // A store that does not answer proves nothing.
                Err(error) if digest.sidecar.is_none() => {
                    digest.sidecar = Some(Err(format!("the metadata of its object cannot be read: {error}")));
                }
                Err(_) => {}
            }
        }
        if !has_more {
            return chains;
        }
        chains = Chains::verify_all(chains.digests, keys);
    }
}

/// Whether it is the object that it states, and not a copy of it.
fn is_original(digest: &ReadDigest) -> bool {
    match &digest.content {
        DigestContent::Text(text) => digest.path.to_string_lossy() == format!("s3://{}/{}", text.bucket, text.object),
        _ => false,
    }
}
