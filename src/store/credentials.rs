//! Credentials of AWS, from wherever its tools keep them.
//!
//! In: an environment and a home folder. Out: credentials that are valid, the same for as long as they are. Never: shows
//! them.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use reqsign_aws_core::{Credential, DefaultCredentialProvider};
use reqsign_command_execute_tokio::TokioCommandExecute;
use reqsign_core::{Context, ProvideCredential, SigningCredential, StaticEnv};
use reqsign_file_read_tokio::TokioFileRead;
use reqsign_http_send_reqwest::ReqwestHttpSend;
use tokio::sync::Mutex;

use super::StoreOptions;

/// The chain of AWS's tools: environment, profiles (keys, SSO, assumed roles, processes), web identity, roles of
/// containers and of instances.
#[derive(Debug)]
pub(super) struct Chain {
    context: Context,
    sources: DefaultCredentialProvider,
    /// What it gave last.
    known: Mutex<Option<(Credential, Arc<AwsCredential>)>>,
}

impl Chain {
    pub(super) fn new(options: &StoreOptions) -> Self {
        let environment = StaticEnv {
            home_dir: options.home.clone(),
            envs: options.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        let context = Context::new()
            .with_file_read(TokioFileRead)
            .with_http_send(ReqwestHttpSend::new(reqwest::Client::new()))
            .with_command_execute(TokioCommandExecute)
            .with_env(environment);
        Self { context, sources: DefaultCredentialProvider::new(), known: Mutex::default() }
    }
}

#[async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut known = self.known.lock().await;
        if let Some((credential, given)) = &*known
            && credential.is_valid()
        {
            return Ok(Arc::clone(given));
        }
        let refused = |source| object_store::Error::Unauthenticated { path: String::new(), source };
        let found = self.sources.provide_credential(&self.context).await.map_err(|error| refused(error.into()))?;
        let Some(credential) = found else {
            let words = "no credentials of AWS were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or \
                         use --s3-anonymous for a public bucket";
            return Err(refused(words.into()));
        };
        let given = Arc::new(AwsCredential {
            key_id: credential.access_key_id.clone(),
            secret_key: credential.secret_access_key.clone(),
            token: credential.session_token.clone(),
        });
        *known = Some((credential, Arc::clone(&given)));
        Ok(given)
    }
}
