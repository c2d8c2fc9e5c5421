//! Signatures of digest files that lie in S3, where `CloudTrail` keeps them: in the metadata of their objects.
//!
//! In: judged digest files. Out: the same, judged once more with signatures that only the store has. Never: asks for one that
//! a digest file after it gives, or of an object twice.

use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::chain::{Chains, DigestStatus};
use super::digest::{DigestContent, ReadDigest};
use super::history::{Range, is_in_range};
use super::keys::PublicKeys;
use super::outcome::VerifyOutcome;
use super::signature::from_metadata;
use crate::input::Archive;

/// Asks for signatures as long as that helps: of the newest digest file of each chain and the last one before each gap,
/// and of those whose successors turned out to be wrong by what was asked for before.
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
                    // Where CloudTrail has put a digest file, it has a signature, and anybody may have put a file beside it.
                    digest.lacks_signature = is_original && !matches!(signature, Some(Ok(_)));
                    has_more |= is_original || matches!(signature, Some(Ok(_)));
                    if is_original || digest.sidecar.is_none() || matches!(signature, Some(Ok(_))) {
                        digest.sidecar = signature;
                    }
                }
                // A store that does not answer says nothing.
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

/// Whether it is the object that it says, and no copy of it.
fn is_original(digest: &ReadDigest) -> bool {
    match &digest.content {
        DigestContent::Text(text) => digest.path.to_string_lossy() == format!("s3://{}/{}", text.bucket, text.object),
        _ => false,
    }
}
