//! Whether a bucket can still be used: is one object unavailable, or is the session over?
//!
//! In: requests that a store has refused or not answered. Out: whether others would succeed: credentials are
//! renewed, and the store is asked for something that it returned before. Never: judges an object by an answer that is
//! older than its failure.
//!
//! A request can fail because of its object: it is lost, or access to it is denied. Or because every request fails:
//! credentials have expired, a role was revoked, the store is gone. The answer alone does not say which: AWS returns
//! `AccessDenied` for both. So a request that fails asks for the first byte of an object that was read before, or for a list
//! if none was, once for all that have failed by then. What was judged by a list alone is judged again before anything of
//! it is published, see [`Access::confirm`]: permission to list does not imply permission to read.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use object_store::list::PaginatedListOptions;
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, ObjectStore};

use super::backend::Backend;
use super::credentials::CredentialChain;
use super::explain::{Failure, explain, failure, own};
use super::in_flight::InFlight;
use super::retry::RetryPolicy;
use super::unavailable::UnavailableObjects;
use crate::store::LeaseState;
use crate::store::STOP_LATENCY;
use crate::store::Stop;

/// Objects that were read before and can be requested again.
const WITNESSES: usize = 3;

/// If nothing was ever returned, the number of refused objects from which on the session is to blame.
const SOME: usize = 8;

/// Maximum renewals in a row without an object: some sources always return new credentials, and a role that was revoked
/// stays revoked.
const MOST_RENEWALS: usize = 3;

/// Whether anything can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// The missing objects themselves are the problem.
    Alive,
    /// There are new credentials: try again.
    Renewed,
    /// Nothing can be read, and waits have ended.
    Over,
}

/// The client of a bucket, and what is known about the bucket.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) bucket: String,
    pub(super) backend: Backend,
    /// Retries requests.
    pub(super) patience: RetryPolicy,
    /// Whether anything may be changed.
    hold: LeaseState,
    /// Where credentials come from, unless requests are not signed.
    chain: Option<Arc<CredentialChain>>,
    stop: Stop,
    evidence: Mutex<Evidence>,
    /// Objects that the store does not serve.
    pub(super) unavailable: UnavailableObjects,
    /// Requests for bytes of objects. Others are few, or have a limit of their own: those that change something, lists, and
    /// requests for metadata or for proof.
    pub(super) in_flight: InFlight,
    /// When the last probe that the store answered was sent, and whether it was a list only. Locked during a probe.
    answered: tokio::sync::Mutex<Option<(Instant, Confirmation)>>,
}

/// Maximum requests for an object with new credentials.
const MOST_ATTEMPTS: usize = 8;

/// What the store has returned, and what it has not.
#[derive(Debug, Default)]
struct Evidence {
    /// The last objects of at least one byte that were read.
    read: Vec<Key>,
    /// A prefix of keys that were listed.
    listed: Option<String>,
    /// Renewals since an object was last read.
    fruitless: usize,
    /// Times that everything was tried again with new credentials.
    repeats: usize,
    /// Objects that were considered lost or denied while none had been read.
    doubtful: usize,
    /// The first of them.
    first_doubtful: Option<UnconfirmedFailure>,
}

/// An object that could not be read while none had been read before.
#[derive(Debug)]
struct UnconfirmedFailure {
    key: Key,
    failure: Failure,
    /// The error message.
    words: String,
    /// The generation of credentials that the request was signed with.
    since: u64,
}

/// What an answer proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confirmation {
    /// An object that was read before can be read.
    Proof,
    /// Keys can be listed, or nothing was ever returned that could be requested again.
    Hint,
}

impl Access {
    pub(super) fn new(
        bucket: &str,
        backend: Backend,
        chain: Option<Arc<CredentialChain>>,
        patience: RetryPolicy,
        hold: LeaseState,
        stop: Stop,
    ) -> Self {
        let (bucket, evidence) = (bucket.to_owned(), Mutex::default());
        Self {
            bucket,
            backend,
            patience,
            hold,
            chain,
            stop,
            evidence,
            unavailable: UnavailableObjects::default(),
            in_flight: InFlight::default(),
            answered: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn objects(&self) -> &dyn ObjectStore {
        self.backend.objects()
    }

    /// Requests an object; on failure, decides whether the object itself is the cause.
    pub(super) async fn checked<T, F>(&self, key: &Key, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        // Some sources return new credentials each time.
        for _ in 0..MOST_ATTEMPTS {
            let since = self.generation();
            let error = match ask().await {
                Err(error) => error,
                done => return done,
            };
            let Some(failure) = failure(&error) else { return Err(error) };
            match self.diagnose(key, failure, &error, since).await {
                Confirmed::Renewed => {}
                // It is back.
                Confirmed::Alive if failure == Failure::Unreachable && self.may_be_back(key) => return ask().await,
                _ => return Err(error),
            }
        }
        ask().await
    }

    /// Sends a request that is not for one object among many; once more if the store refuses the credentials and there are
    /// new ones.
    pub(super) async fn ask<T, F>(&self, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let since = self.generation();
        match self.patience.retry(&ask).await {
            Err(error) if matches!(failure(&error), Some(Failure::Denied { .. })) && self.renew(since).await => {
                self.patience.retry(&ask).await
            }
            done => done,
        }
    }

    /// The same for a request that changes something: only while the lease on the lake is valid, if there is one.
    pub(super) async fn change<T, F>(&self, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        self.ask(|| self.while_held(&ask)).await
    }

    /// Sends a request while the lease is valid, drops it when the lease expires, and repeats that until it is answered.
    async fn while_held<T, F>(&self, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        loop {
            while self.hold.is_lapsed() {
                if let Some(trouble) = self.trouble() {
                    return Err(own(trouble));
                }
                tokio::time::sleep(STOP_LATENCY).await;
            }
            let mut asking = pin!(ask());
            while !self.hold.is_lapsed() {
                if let Ok(done) = tokio::time::timeout(STOP_LATENCY, &mut asking).await {
                    return done;
                }
            }
        }
    }

    /// Why the lease on a lake cannot be renewed, after the wait for the store has ended.
    pub(super) fn trouble(&self) -> Option<String> {
        self.hold.trouble_for(self.patience.longest())
    }

    /// Notes that keys with a prefix could be listed.
    pub(super) fn note_listed(&self, prefix: &str) {
        self.evidence().listed.get_or_insert_with(|| prefix.to_owned());
    }

    /// An object that was read before, other than this one.
    pub(super) fn known_readable(&self, but: &Key) -> Option<Key> {
        self.evidence().read.iter().rev().find(|key| *key != but).cloned()
    }

    /// Notes that an object of this many bytes was read.
    pub(super) fn note_read(&self, key: &Key, bytes: u64) {
        self.unavailable.note_read(key);
        let mut evidence = self.evidence();
        evidence.fruitless = 0;
        // Pieces of a large object come in succession.
        if bytes > 0 && evidence.read.last() != Some(key) {
            evidence.read.retain(|known| known != key);
            if evidence.read.len() == WITNESSES {
                evidence.read.remove(0);
            }
            evidence.read.push(key.clone());
        }
    }

    /// Judges the failure of a request for an object; `since` is the generation of the credentials that it was sent with.
    async fn diagnose(&self, key: &Key, failure: Failure, error: &Error, since: u64) -> Confirmed {
        let failed = Instant::now();
        let mut answered = self.answered.lock().await;
        if self.stop.is_set() {
            return Confirmed::Over;
        }
        if self.generation() != since {
            return Confirmed::Renewed;
        }
        // Many fail at once; an answer to a later probe counts for all of them.
        let known = answered.filter(|(asked, _)| *asked > failed);
        let asked = Instant::now();
        let answer = match known {
            Some((_, answer)) => Ok(answer),
            None => self.ask_for_proof(Some(key), failure).await,
        };
        // Another thread has renewed the credentials, and perhaps the answer was for the new ones.
        if self.generation() != since {
            return Confirmed::Renewed;
        }
        let words = explain(error).to_string();
        match answer {
            // Lists may still work when objects do not, and the store has said why.
            Ok(Confirmation::Hint) if failure == (Failure::Denied { is_of_session: true }) => {
                self.renew_or_end(key, failure, &words, since).await
            }
            Ok(answer) => {
                *answered = known.or(Some((asked, answer)));
                if answer == Confirmation::Hint {
                    let mut evidence = self.evidence();
                    evidence.doubtful += 1;
                    let key = key.clone();
                    evidence.first_doubtful.get_or_insert(UnconfirmedFailure { key, failure, words, since });
                }
                Confirmed::Alive
            }
            Err(why) => self.renew_or_end(key, why, &words, since).await,
        }
    }

    /// Checks again what was decided without proof, now that objects may have been read.
    pub(super) async fn confirm(&self) -> Confirmed {
        let (doubtful, first, has_read, has_listed) = {
            let mut evidence = self.evidence();
            let (doubtful, first) = (std::mem::take(&mut evidence.doubtful), evidence.first_doubtful.take());
            (doubtful, first, !evidence.read.is_empty(), evidence.listed.is_some())
        };
        let Some(UnconfirmedFailure { key, failure, words, since }) = first else { return Confirmed::Alive };
        let may_repeat = {
            let mut evidence = self.evidence();
            evidence.repeats += 1;
            evidence.repeats <= MOST_RENEWALS
        };
        if may_repeat && self.generation() != since {
            return Confirmed::Renewed;
        }
        if !has_read && doubtful >= SOME {
            return match (failure, has_listed) {
                // Nothing was ever returned.
                (_, false) => self.renew_or_end(&key, failure, &words, since).await,
                (Failure::Denied { .. }, true) if may_repeat && self.renew(since).await => Confirmed::Renewed,
                _ => Confirmed::Alive,
            };
        }
        match self.ask_for_proof(None, failure).await {
            Err(why) if has_read => self.renew_or_end(&key, why, &words, since).await,
            _ => Confirmed::Alive,
        }
    }

    /// Whether something was decided without proof and not confirmed.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.evidence().first_doubtful.is_some()
    }

    /// Requests the first byte of an object, once.
    pub(super) async fn first_byte(&self, key: &Key) -> object_store::Result<Bytes> {
        let options = GetOptions { range: Some((0..1).into()), ..GetOptions::default() };
        self.objects().get_opts(key, options).await?.bytes().await
    }

    /// Requests something that the store has returned before, other than one object; why it fails, if it does.
    async fn ask_for_proof(&self, but: Option<&Key>, failed: Failure) -> Result<Confirmation, Failure> {
        let (read, listed) = {
            let evidence = self.evidence();
            (evidence.read.clone(), evidence.listed.clone())
        };
        let mut refused = None;
        for key in read.iter().rev().filter(|key| Some(*key) != but) {
            match self.ask_for_one(key, || self.first_byte(key)).await {
                Ok(_) => return Ok(Confirmation::Proof),
                Err(error) => match failure(&error) {
                    // It is gone or has changed, which a store says only to authenticated clients.
                    None => return Ok(Confirmation::Proof),
                    failure => refused = failure,
                },
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let prefix = listed.as_deref().filter(|prefix| !prefix.is_empty());
        let list = || self.backend.list_page(prefix, options.clone());
        match self.patience.retry(list).await.map_err(|error| failure(&error)) {
            Ok(_) | Err(None) => Ok(Confirmation::Hint),
            // Permission to read an object does not imply permission to list the bucket.
            Err(Some(Failure::Denied { is_of_session: false }))
                if listed.is_none() && failed == (Failure::Denied { is_of_session: false }) =>
            {
                Ok(Confirmation::Hint)
            }
            Err(Some(failure)) => Err(failure),
        }
    }

    /// Renews refused credentials; if there are no new ones, nothing more can be read.
    async fn renew_or_end(&self, key: &Key, why: Failure, words: &str, since: u64) -> Confirmed {
        let may_renew = {
            let mut evidence = self.evidence();
            evidence.fruitless += 1;
            evidence.fruitless <= MOST_RENEWALS
        };
        if may_renew && matches!(why, Failure::Denied { .. }) && self.renew(since).await {
            return Confirmed::Renewed;
        }
        let advice = match why {
            Failure::Denied { .. } => {
                "the credentials are no longer accepted, and asking for others brought none: renew them and run again"
            }
            Failure::Unreachable => "the store gives nothing any more: run again when it does",
        };
        self.stop.end(format!("s3://{}/{key}", self.bucket), words.to_owned(), advice);
        Confirmed::Over
    }

    async fn renew(&self, since: u64) -> bool {
        match &self.chain {
            Some(chain) => chain.renew(since).await,
            None => false,
        }
    }

    /// Changes whenever the credentials do.
    fn generation(&self) -> u64 {
        self.chain.as_ref().map_or(0, |chain| chain.generation())
    }

    fn evidence(&self) -> MutexGuard<'_, Evidence> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
