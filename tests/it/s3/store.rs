//! What every object store of the tests can do.
//!
//! In: buckets, keys and bytes. Out: the same from the store, an environment for the command, and a client. Never: reaches a
//! store where the developer has an account: the variables exclude every other.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential, S3ConditionalPut};
use object_store::client::HttpRequestBody;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::moto::Moto;
use super::server::Server;
use crate::harness::files;

/// This key allows everything; without it nothing is allowed. It opens only these stores.
pub const ACCESS_KEY: &str = "trailmill-tests";
/// Another such key.
pub const OTHER_ACCESS_KEY: &str = "trailmill-tests-later";
/// The secret of both.
pub const SECRET_KEY: &str = "no-secret-at-all";
/// The Region that all stores are in.
pub const REGION: &str = "eu-central-1";

/// Variables of an environment.
pub type Environment = Vec<(&'static str, String)>;

/// An object store that speaks the S3 API.
pub trait Store: Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> &'static str;

    /// Its endpoint, such as `http://127.0.0.1:40000`.
    fn endpoint(&self) -> String;

    /// Whether a request that was changed in transit is refused.
    fn checks_signatures(&self) -> bool;

    /// Makes a bucket.
    fn create_bucket(&self, bucket: &str);

    /// Puts an object with user metadata (`x-amz-meta-…`, given without that).
    fn put_with(&self, bucket: &str, key: &str, bytes: &[u8], metadata: &[(&str, &str)]);

    /// Removes an object.
    fn remove(&self, bucket: &str, key: &str);

    /// All keys of a bucket, sorted as S3 sorts them.
    fn objects(&self, bucket: &str) -> Vec<String>;

    /// An object's bytes, if it is there.
    fn bytes(&self, bucket: &str, key: &str) -> Option<Vec<u8>>;

    /// Keys and ids of multipart uploads that are neither complete nor aborted, sorted.
    fn uploads(&self, bucket: &str) -> Vec<(String, String)>;

    /// Puts an object.
    fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        self.put_with(bucket, key, bytes, &[]);
    }

    /// Puts every file below a folder, or one file, under keys that begin with `prefix/`; returns the keys, sorted.
    fn put_tree(&self, bucket: &str, prefix: &str, folder: &Path) -> Vec<String> {
        let below = files(folder);
        let put = |path: &PathBuf| {
            let path_below = path.to_str().expect("tests use UTF-8 paths");
            let key = if prefix.is_empty() { path_below.to_owned() } else { format!("{prefix}/{path_below}") };
            self.put(bucket, &key, &std::fs::read(folder.join(path)).expect("a readable file"));
            key
        };
        let mut keys: Vec<String> = below.iter().map(put).collect();
        keys.sort();
        keys
    }

    /// Writes every object of a bucket below a prefix to a file below a folder, its key without the prefix.
    fn get_tree(&self, bucket: &str, prefix: &str, folder: &Path) {
        for key in self.objects(bucket) {
            let Some(below) = key.strip_prefix(prefix).map(|key| key.trim_start_matches('/')) else { continue };
            let path = folder.join(below);
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            std::fs::write(&path, self.bytes(bucket, &key).expect("an object")).expect("a file");
        }
    }

    /// The variables with which a command reaches this store and no other.
    fn environment(&self) -> Environment {
        environment(&self.endpoint())
    }

    /// A client without retries.
    fn client(&self, bucket: &str) -> Client {
        Client::new(&self.endpoint(), bucket, 0)
    }
}

/// The variables with which a command reaches the store at `endpoint`, and no other by mistake.
pub fn environment(endpoint: &str) -> Environment {
    let nowhere = "/nonexistent/trailmill-tests";
    vec![
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_CONFIG_FILE", nowhere.to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", nowhere.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ]
}

/// `object_store` with a runtime of its own, on which [`Client::wait`] runs its futures.
pub struct Client {
    runtime: tokio::runtime::Runtime,
    endpoint: String,
    http: reqwest::Client,
    pub s3: AmazonS3,
}

impl Client {
    /// A client of a bucket with this many retries.
    pub fn new(endpoint: &str, bucket: &str, retries: usize) -> Self {
        // The tests use no encryption, but the client needs to know the service.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let backoff = BackoffConfig { init_backoff: Duration::from_millis(1), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: retries, ..RetryConfig::default() };
        let s3 = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_bucket_name(bucket)
            .with_region(REGION)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(retry)
            .with_client_options(ClientOptions::new().with_allow_http(true).with_timeout(Duration::from_secs(30)))
            .build();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { runtime: runtime.expect("a runtime"), endpoint: endpoint.to_owned(), http, s3: s3.expect("a client") }
    }

    /// Waits for a future of the client.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A signed request, for what `object_store` has no method for: `target` is path and query, encoded. Returns status
    /// and body of the answer.
    pub fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
        let mut request = hyper::Request::builder().method(method).uri(format!("{}{target}", self.endpoint));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(HttpRequestBody::from(body.to_vec())).expect("a request");
        let credential =
            AwsCredential { key_id: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned(), token: None };
        let signed = AwsAuthorizer::new(&credential, "s3", REGION).try_authorize(&mut request, None);
        signed.expect("a signed request");
        let (parts, _) = request.into_parts();
        self.wait(async {
            let request = self.http.request(parts.method, parts.uri.to_string()).headers(parts.headers);
            let response = request.body(body.to_vec()).send().await.expect("an answer");
            (response.status().as_u16(), response.bytes().await.expect("a body").to_vec())
        })
    }

    /// [`Client::send`] without a body, for an answer that is text.
    pub fn ask(&self, method: &str, target: &str) -> (u16, String) {
        let (status, body) = self.send(method, target, &[], b"");
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

/// A key as encoded in the path of a request.
pub fn encoded(key: &str) -> String {
    let mut path = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            path.push(byte.into());
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// Runs a test with an empty store of every available kind.
pub fn on_every_store(test: impl Fn(&dyn Store)) {
    test(&Server::start());
    if let Some(moto) = Moto::start() {
        test(&moto);
    }
}
