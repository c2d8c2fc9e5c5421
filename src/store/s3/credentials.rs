//! AWS credentials, from wherever AWS tools keep them.
//!
//! In: an environment and a home folder. Out: valid credentials, cached until they expire. Never: shows them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, HeaderValue};
use reqsign_aws_core::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider, EnvCredentialProvider,
    IMDSv2CredentialProvider, ProcessCredentialProvider, ProfileCredentialProvider, SSOCredentialProvider,
};
use reqsign_command_execute_tokio::TokioCommandExecute;
use reqsign_core::time::Timestamp;
use reqsign_core::{Context, ProvideCredential, ProvideCredentialChain, SigningCredential, StaticEnv};
use reqsign_file_read_tokio::TokioFileRead;
use reqsign_http_send_reqwest::ReqwestHttpSend;
use tokio::sync::Mutex;

use super::explain::{passing, unauthenticated};
use crate::error::printable;
use crate::store::StoreOptions;

/// Connect timeout for AWS credential endpoints: they are close by, or absent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum time for one of their answers.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum time for which a failure is repeated without another attempt.
const FAILURE_KEPT: Duration = Duration::from_secs(30);
/// The time between two renewals, and their maximum number while a store refuses the current credentials.
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);
const MOST_RENEWALS: usize = 5;

/// The credential chain of AWS tools: environment, profiles (keys, SSO, assumed roles, processes), web identity, roles of
/// containers and of instances.
#[derive(Debug)]
pub(super) struct CredentialChain {
    /// The error if there is none.
    context: Result<Context, String>,
    sources: ProvideCredentialChain<Credential>,
    /// Why the first source that exists failed, in the last pass.
    trouble: Trouble,
    known: Mutex<CachedCredential>,
    /// Counts replacements of credentials.
    generation: AtomicU64,
}

/// The last result of the chain.
#[derive(Debug, Default)]
struct CachedCredential {
    credential: Option<(Credential, Arc<AwsCredential>)>,
    /// Why it has failed since, and until when that counts: as long again as the failure took, so that many waiters do
    /// not each wait for the same unresponsive address.
    failure: Option<(String, Instant)>,
}

impl CachedCredential {
    /// What to sign with when there is nothing newer: the previous credentials, until they expire. A source that worked
    /// before may work again.
    fn despite(&self, why: &str) -> object_store::Result<Arc<AwsCredential>> {
        match &self.credential {
            Some((credential, given)) if credential.is_valid_at(Timestamp::now()) => Ok(Arc::clone(given)),
            Some(_) => Err(passing(format!("the credentials have expired and could not be renewed: {why}"))),
            None => Err(unauthenticated(why)),
        }
    }
}

type Trouble = Arc<std::sync::Mutex<Option<String>>>;

/// A source of credentials that remembers why it failed: the chain silently goes on to the next.
#[derive(Debug)]
struct CredentialSource<P>(P, Trouble);

impl<P: ProvideCredential<Credential = Credential>> ProvideCredential for CredentialSource<P> {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> reqsign_core::Result<Option<Credential>> {
        self.0.provide_credential(context).await.inspect_err(|error| {
            let mut trouble = self.1.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.get_or_insert_with(|| error.to_string());
        })
    }
}

/// The order of AWS tools. Outside EC2 the last source always fails, so its error is ignored.
fn sources(trouble: &Trouble) -> ProvideCredentialChain<Credential> {
    let trouble = || Arc::clone(trouble);
    ProvideCredentialChain::new()
        .push(CredentialSource(EnvCredentialProvider::new(), trouble()))
        .push(CredentialSource(ProfileCredentialProvider::default(), trouble()))
        .push(CredentialSource(SSOCredentialProvider::default(), trouble()))
        .push(CredentialSource(AssumeRoleWithWebIdentityCredentialProvider::default(), trouble()))
        .push(CredentialSource(ProcessCredentialProvider::default(), trouble()))
        .push(CredentialSource(ECSCredentialProvider::default(), trouble()))
        .push(IMDSv2CredentialProvider::default())
}

impl CredentialChain {
    pub(super) fn new(options: &StoreOptions) -> Self {
        let environment = StaticEnv {
            home_dir: options.home.clone(),
            envs: options.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        let trouble = Trouble::default();
        let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(TIMEOUT).build();
        let context = client.map_err(|error| format!("credentials cannot be asked for: {error}")).map(|client| {
            Context::new()
                .with_file_read(TokioFileRead)
                .with_http_send(ReqwestHttpSend::new(client))
                .with_command_execute(TokioCommandExecute)
                .with_env(environment)
        });
        Self { context, sources: sources(&trouble), trouble, known: Mutex::default(), generation: AtomicU64::new(0) }
    }

    /// Changes when credentials that a store has refused are replaced.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Asks all sources again, since a store refuses the current credentials; whether there are newer ones than that generation.
    pub(super) async fn renew(&self, since: u64) -> bool {
        let mut known = self.known.lock().await;
        if self.generation() != since {
            return true;
        }
        let Some((_, refused)) = &known.credential else { return false };
        for attempt in 1..=MOST_RENEWALS {
            if let Ok(credential) = self.find().await {
                let given = given(&credential);
                if given == **refused {
                    return false;
                }
                *known = CachedCredential { credential: Some((credential, Arc::new(given))), failure: None };
                self.generation.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            if attempt < MOST_RENEWALS {
                tokio::time::sleep(RENEWAL_PAUSE).await;
            }
        }
        false
    }

    /// Tries the sources in order.
    async fn find(&self) -> Result<Credential, String> {
        let context = self.context.as_ref().map_err(String::clone)?;
        let trouble = || self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        trouble();
        let found = self.sources.provide_credential(context).await.map_err(|error| error.to_string())?;
        let found = found.ok_or_else(|| match trouble() {
            Some(trouble) => format!("{NOT_FOUND} ({})", printable(&trouble)),
            None => NOT_FOUND.to_owned(),
        })?;
        // They go into headers, and the client library assumes that they are valid there.
        let is_sound = |text: &str| HeaderValue::from_str(text).is_ok();
        if is_sound(&found.access_key_id) && found.session_token.as_deref().is_none_or(is_sound) {
            return Ok(found);
        }
        Err("the credentials of AWS that were found hold characters that none can have, such as a line end".to_owned())
    }
}

/// Credentials as a type of the client library.
fn given(credential: &Credential) -> AwsCredential {
    AwsCredential {
        key_id: credential.access_key_id.clone(),
        secret_key: credential.secret_access_key.clone(),
        token: credential.session_token.clone(),
    }
}

const NOT_FOUND: &str = "no credentials of AWS were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or use --s3-anonymous for a public bucket";

#[async_trait]
impl CredentialProvider for CredentialChain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut known = self.known.lock().await;
        if let Some((credential, given)) = &known.credential
            && credential.is_valid()
        {
            return Ok(Arc::clone(given));
        }
        if let Some((why, until)) = &known.failure
            && Instant::now() < *until
        {
            return known.despite(why);
        }
        let started = Instant::now();
        let credential = match self.find().await {
            Ok(credential) => credential,
            Err(why) => {
                let backoff = if known.credential.is_some() { RENEWAL_PAUSE } else { Duration::ZERO };
                let until = Instant::now() + started.elapsed().clamp(backoff, FAILURE_KEPT);
                known.failure = Some((why.clone(), until));
                return known.despite(&why);
            }
        };
        let given = Arc::new(given(&credential));
        if known.credential.as_ref().is_some_and(|(_, before)| **before != *given) {
            // Requests that used the old ones are sent once more.
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
        *known = CachedCredential { credential: Some((credential, Arc::clone(&given))), failure: None };
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The location of credentials is user input too, read by another library. No request leaves this machine.
    #[test]
    fn no_location_of_credentials_panics() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let names = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_COGNITO_IDENTITY_POOL_ID",
            "AWS_COGNITO_ENDPOINT",
            "AWS_SSO_ENDPOINT",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "AWS_STS_REGIONAL_ENDPOINTS",
            "AWS_PROFILE",
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_REGION",
        ];
        for name in names {
            for value in [
                "",
                " ",
                ":x",
                "http://",
                "http://[",
                "http://127.0.0.1:1",
                "localhost:x",
                "a\nb",
                "/dev/null",
                "\u{e9}",
            ] {
                let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let mut environment = std::collections::BTreeMap::from([
                    set("AWS_CONFIG_FILE", "/nonexistent"),
                    set("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
                    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"),
                    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1"),
                ]);
                if name.contains("RELATIVE") {
                    environment.remove("AWS_CONTAINER_CREDENTIALS_FULL_URI");
                }
                environment.extend([set(name, value)]);
                let chain = CredentialChain::new(&StoreOptions { environment, ..StoreOptions::default() });
                assert!(runtime.block_on(chain.get_credential()).is_err(), "{name}={value:?}");
            }
        }
    }
}
