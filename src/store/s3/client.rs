//! The client library, set up for one bucket.
//!
//! In: flags and variables as typed. Out: a client. Never: passes on a value that the library would panic on: it assumes
//! that values make a valid URL or header.

use std::collections::BTreeMap;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{ClientConfigKey, HttpConnector};
use object_store::{HeaderValue, RetryConfig};
use reqwest::Url;

use super::credentials::CredentialChain;
use super::explain::own;
use crate::store::StoreOptions;

/// The maximum length of a store's URL.
const LONGEST_URL: usize = 1_024;

/// Variables that name a Region.
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// What was typed, checked.
#[derive(Debug)]
pub(super) struct ClientSettings<'o> {
    options: &'o StoreOptions,
    /// URL of the store, without a slash at its end, unless it is AWS.
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
}

impl<'o> ClientSettings<'o> {
    /// Checks what was typed; the error names the flag or variable. Empty variables are ignored.
    pub(super) fn of(options: &'o StoreOptions) -> Result<Self, String> {
        let StoreOptions { region, environment, .. } = options;
        let endpoint = options.named_endpoint();
        let endpoint = endpoint.map(|(name, typed)| url(typed).map_err(|why| format!("{name}: {why}"))).transpose()?;
        let region = region.as_deref().map(|typed| ("--s3-region", typed)).or_else(|| options.variable(&REGIONS));
        let region =
            region.map(|(name, typed)| check_region(typed).map_err(|why| format!("{name}: {why}"))).transpose()?;
        for (name, _, value) in variables(environment) {
            if HeaderValue::from_str(value).is_err() {
                return Err(format!("{name}: the variable holds characters that no request can, such as a line end"));
            }
        }
        Ok(Self { options, endpoint, region: region.map(str::to_owned) })
    }

    /// A client that sends each request once.
    pub(super) fn client(
        &self,
        bucket: &str,
        chain: Option<&std::sync::Arc<CredentialChain>>,
        connector: impl HttpConnector,
    ) -> object_store::Result<AmazonS3> {
        let StoreOptions { uses_path_style, requester_pays, environment, timeout, .. } = self.options;
        let setting = AmazonS3ConfigKey::Client;
        let mut builder = AmazonS3Builder::new()
            .with_config(setting(ClientConfigKey::Timeout), format!("{} ms", timeout.as_millis()))
            .with_config(setting(ClientConfigKey::ConnectTimeout), "5 s")
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(connector);
        for (_, key, value) in variables(environment) {
            builder = builder.with_config(key, value);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        builder = match &self.endpoint {
            // An explicit endpoint is used even without TLS.
            Some(endpoint) => builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://")),
            // AWS certificates do not cover bucket names with dots.
            None => builder.with_virtual_hosted_style_request(!uses_path_style && !bucket.contains('.')),
        };
        builder = match chain {
            Some(chain) => builder.with_credentials(std::sync::Arc::clone(chain) as _),
            // Nothing is signed with these: they only let a URL be made.
            None => builder.with_skip_signature(true).with_access_key_id("none").with_secret_access_key("none"),
        };
        // Not every store can remove many objects in one request.
        let builder =
            builder.with_bucket_name(bucket).with_request_payer(*requester_pays).with_disable_bulk_delete(true);
        builder
            .build()
            .map_err(|error| self.culprit().map_or(error, |name| own(format!("{name}: no such value is known"))))
    }

    /// The variable that prevents a client from being made.
    fn culprit(&self) -> Option<&'o str> {
        let fails = |key, value: &str| {
            let builder = AmazonS3Builder::new().with_bucket_name("any").with_skip_signature(true);
            let builder = builder.with_access_key_id("none").with_secret_access_key("none");
            builder.with_config(key, value).build().is_err()
        };
        variables(&self.options.environment).find(|(_, key, value)| fails(*key, value)).map(|(name, ..)| name)
    }
}

/// The variables that the client library understands, except those handled here and those of credentials.
fn variables(environment: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, AmazonS3ConfigKey, &str)> {
    use AmazonS3ConfigKey as Key;
    let is_elsewhere = |key: &Key| {
        matches!(
            key,
            Key::AccessKeyId
                | Key::SecretAccessKey
                | Key::Token
                | Key::Region
                | Key::DefaultRegion
                | Key::Endpoint
                | Key::S3Endpoint
                | Key::Bucket
                | Key::ImdsV1Fallback
                | Key::MetadataEndpoint
                | Key::ContainerCredentialsRelativeUri
                | Key::ContainerCredentialsFullUri
                | Key::ContainerAuthorizationTokenFile
                | Key::WebIdentityTokenFile
                | Key::RoleArn
                | Key::RoleSessionName
                | Key::StsEndpoint
        )
    };
    environment.iter().filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty()).filter_map(
        move |(name, value)| {
            let key = name.to_ascii_lowercase().parse::<Key>().ok().filter(|key| !is_elsewhere(key))?;
            Some((name.as_str(), key, value.as_str()))
        },
    )
}

/// The URL of a store.
fn url(typed: &str) -> Result<String, String> {
    let shown = crate::error::printable(typed);
    let wrong = |why: &str| {
        Err(format!(
            "{shown:?} {why}; write the URL of a store, such as https://s3.example.com or http://localhost:9000"
        ))
    };
    let Ok(url) = Url::parse(typed) else { return wrong("is no URL") };
    if !["http", "https"].contains(&url.scheme()) {
        return wrong("does not begin with http:// or https://");
    }
    let is_plain =
        |text: &str, more: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte));
    if !url.host_str().is_some_and(|host| !host.is_empty() && is_plain(host, b".-_:[]")) {
        return wrong("names no host");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return wrong("holds more than a host, a port and a path");
    }
    if !is_plain(url.path(), b"/-._~%!$&'()*+,;=:@") || url.as_str().len() > LONGEST_URL {
        return wrong("has a path that no request can have");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The name of a Region, which becomes part of the host and of the signature.
pub(super) fn check_region(typed: &str) -> Result<&str, String> {
    let is_name = typed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_name && (1..=63).contains(&typed.len()) {
        return Ok(typed);
    }
    Err(format!("{:?} is no Region; write it like eu-central-1", crate::error::printable(typed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Session;
    use async_trait::async_trait;
    use object_store::client::{HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService};
    use object_store::{ClientOptions, ObjectStoreExt};
    use proptest::prelude::*;

    /// A store that does not exist.
    #[derive(Debug)]
    struct NoStore;

    impl HttpConnector for NoStore {
        fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
            Ok(HttpClient::new(Self))
        }
    }

    #[async_trait]
    impl HttpService for NoStore {
        async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
            Err(HttpError::new(HttpErrorKind::Connect, std::io::Error::other("nowhere")))
        }
    }

    /// Whether a client can be set up and sign requests.
    fn is_taken(options: &StoreOptions) -> bool {
        let Ok(settings) = ClientSettings::of(options) else { return false };
        let chain = std::sync::Arc::new(CredentialChain::new(options));
        let Ok(client) = settings.client("bucket", Some(&chain), NoStore) else { return false };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let key = "some/key".into();
        let asked = runtime.block_on(async {
            let put = client.put(&key, "bytes".into()).await;
            (client.head(&key).await.unwrap_err(), put.unwrap_err())
        });
        asked.0.to_string().contains("nowhere") && asked.1.to_string().contains("nowhere")
    }

    fn options(variables: &[(&str, &str)]) -> StoreOptions {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "eu-central-1")];
        let nowhere = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| (name, "/nonexistent"));
        let all = keys.iter().chain(&nowhere).chain(variables);
        let environment = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        StoreOptions { environment, ..StoreOptions::default() }
    }

    #[test]
    fn urls_of_stores() {
        for (typed, expected) in [
            ("http://localhost:9000", "http://localhost:9000"),
            ("https://s3.example.com/", "https://s3.example.com"),
            ("HTTPS://S3.example.com/a/b//", "https://s3.example.com/a/b"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://bücher.example", "http://xn--bcher-kva.example"),
        ] {
            assert_eq!(url(typed).as_deref(), Ok(expected));
        }
        for typed in [
            "",
            " ",
            "localhost:9000",
            "localhost",
            "//host",
            "http://",
            "http://:80",
            "http://host:99999",
            "http://h:-1",
            "http://a b",
            "ftp://host",
            "http://u:p@host",
            "http://host?x",
            "http://host#x",
            "http://[::1",
            "http://a\"b",
            "http://{x}",
            "http://h/a|b",
            "s3://bucket",
        ] {
            assert!(url(typed).is_err(), "{typed:?}: {:?}", url(typed));
        }
    }

    #[test]
    fn empty_variables_are_ignored_and_flags_take_precedence() {
        let empty = options(&[("AWS_ENDPOINT_URL", ""), ("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "us-east-1")]);
        let settings = ClientSettings::of(&empty).unwrap();
        assert_eq!((settings.endpoint.as_deref(), settings.region.as_deref()), (None, Some("us-east-1")));
        let mut both = options(&[("AWS_ENDPOINT_URL", "http://b"), ("AWS_ENDPOINT_URL_S3", "http://a")]);
        assert_eq!(ClientSettings::of(&both).unwrap().endpoint.as_deref(), Some("http://a"));
        both.endpoint = Some("http://flag".to_owned());
        assert_eq!(ClientSettings::of(&both).unwrap().endpoint.as_deref(), Some("http://flag"));
        assert!(is_taken(&both));
        both.endpoint = Some(String::new());
        assert!(ClientSettings::of(&both).unwrap_err().starts_with("--s3-endpoint: "));
    }

    #[test]
    fn invalid_variables_are_named() {
        for (name, value) in
            [("AWS_SKIP_SIGNATURE", "perhaps"), ("AWS_SERVER_SIDE_ENCRYPTION", "rot13"), ("AWS_TIMEOUT", "x")]
        {
            let session = Session::new(&options(&[("AWS_ENDPOINT_URL", "http://localhost:1"), (name, value)]));
            let message = session.bucket("bucket").unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }

    /// Text with a special character somewhere.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,20}",
            "\\PC{0,12}",
            "[\\x00-\\x20:/?#@\\[\\]%{}\"\\\\.a-z0-9-]{0,24}",
            "(https?://)?[a-z:/.%0-9 -]{0,20}"
        ]
    }

    const NAMES: [&str; 24] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
        "AWS_S3_EXPRESS",
        "AWS_UNSIGNED_PAYLOAD",
        "AWS_CHECKSUM_ALGORITHM",
        "AWS_SKIP_SIGNATURE",
        "AWS_CONDITIONAL_PUT",
        "AWS_REQUEST_PAYER",
        "AWS_SERVER_SIDE_ENCRYPTION",
        "AWS_SSE_KMS_KEY_ID",
        "AWS_SSE_BUCKET_KEY_ENABLED",
        "AWS_SSE_CUSTOMER_KEY_BASE64",
        "AWS_DEFAULT_CONTENT_TYPE",
        "AWS_PROXY_URL",
        "AWS_TIMEOUT",
        "AWS_USER_AGENT",
        "AWS_ALLOW_HTTP",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any input is accepted or refused.
        #[test]
        fn no_input_panics(
            endpoint in proptest::option::weighted(0.5, text()),
            region in proptest::option::weighted(0.3, text()),
            variables in proptest::collection::vec((proptest::sample::select(&NAMES[..]), text()), 0..3),
        ) {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            is_taken(&StoreOptions { endpoint, region, ..options(&variables) });
        }
    }
}
