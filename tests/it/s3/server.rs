//! An S3 server in this process: `s3s-fs` over a temporary folder.
//!
//! In: buckets and objects. Out: an endpoint on the loopback interface, and the stored objects. Never: accepts a request that
//! is not signed with the tests' key, or leaves anything when it is dropped.

use std::net::SocketAddr;
use std::path::PathBuf;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::S3 as _;
use s3s::auth::SimpleAuth;
use s3s::dto::{DeleteObjectInput, PutObjectInput};
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::shelf::{Shelf, blob, request};
use super::store::{ACCESS_KEY, OTHER_ACCESS_KEY, SECRET_KEY, Store};
use crate::harness::{Workdir, files};

/// A running server; it ends when it is dropped.
pub struct Server {
    folder: Workdir,
    shelf: Shelf,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts a server without buckets.
    pub fn start() -> Self {
        let folder = Workdir::new();
        let shelf = Shelf::new(&folder.path());
        let mut service = S3ServiceBuilder::new(shelf.clone());
        let mut keys = SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY);
        keys.register(OTHER_ACCESS_KEY.to_owned(), SECRET_KEY.into());
        service.set_auth(keys);
        let service = service.build();
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("s3").enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("its address");
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                let service = service.clone();
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        Self { folder, shelf, address, runtime: Some(runtime) }
    }

    /// Starts a server with one bucket.
    pub fn with_bucket(bucket: &str) -> Self {
        let server = Self::start();
        server.bucket(bucket);
        server
    }

    /// Makes a bucket; the folder in which each object is a file under its key.
    pub fn bucket(&self, bucket: &str) -> PathBuf {
        assert!(s3s::path::check_bucket_name(bucket), "S3 allows no bucket of this name: {bucket}");
        let path = self.folder.at(bucket);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    /// Limits the keys on a page of a listing, so that few objects need several pages.
    pub fn set_page(&self, keys: usize) {
        self.shelf.set_page(keys);
    }

    /// Simulates a store that ignores the conditions of puts, as some do.
    pub fn ignore_conditions(&self) {
        self.shelf.ignore_conditions();
    }

    /// Makes all open uploads look this much older.
    pub fn age_uploads(&self, age: std::time::Duration) {
        self.shelf.age_uploads(age);
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it runs until it is dropped")
    }
}

impl Store for Server {
    fn name(&self) -> &'static str {
        "s3s-fs"
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn checks_signatures(&self) -> bool {
        true
    }

    fn create_bucket(&self, bucket: &str) {
        self.bucket(bucket);
    }

    fn put_with(&self, bucket: &str, key: &str, bytes: &[u8], metadata: &[(&str, &str)]) {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let input = PutObjectInput {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            body: Some(blob(bytes.to_vec().into())),
            metadata: Some(metadata),
            ..Default::default()
        };
        self.runtime().block_on(self.shelf.put_object(request(input))).expect("an object is put");
    }

    fn remove(&self, bucket: &str, key: &str) {
        let input = DeleteObjectInput { bucket: bucket.to_owned(), key: key.to_owned(), ..Default::default() };
        self.runtime().block_on(self.shelf.delete_object(request(input))).expect("an object is removed");
    }

    fn objects(&self, bucket: &str) -> Vec<String> {
        let paths = files(&self.folder.at(bucket)).into_iter();
        let mut keys: Vec<String> = paths.map(|path| path.to_str().expect("UTF-8").to_owned()).collect();
        keys.sort();
        keys
    }

    fn bytes(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.at(bucket).join(key)).ok()
    }

    fn uploads(&self, bucket: &str) -> Vec<(String, String)> {
        self.shelf.uploads(bucket)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
