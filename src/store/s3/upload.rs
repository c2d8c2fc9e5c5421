//! Multipart uploads.
//!
//! In: a key, and pieces. Out: an object, once all of them are uploaded and the caller completes it; the pending uploads.
//! Never: an object before that, or a URL with a signature in an error.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use object_store::Error;
use object_store::aws::AmazonS3;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Key;
use object_store::signer::{SignedUrlOptions, Signer};
use reqwest::{Client, Method, StatusCode, Url};
use serde::Deserialize;

use super::Bucket;
use super::answer::ErrorResponse;
use super::bucket::parse;
use super::explain::{broken, own};
use crate::store::{STOP_LATENCY, Upload};

/// Lifetime of a signature: a request is sent as soon as it is signed.
const SIGNATURE_LASTS: Duration = Duration::from_mins(5);

/// A page of uploads (Amazon S3 API Reference, `ListMultipartUploads`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadsPage {
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
    #[serde(default, rename = "Upload")]
    uploads: Vec<ListedUpload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUpload {
    key: String,
    upload_id: String,
}

impl Bucket {
    fn s3(&self) -> object_store::Result<&AmazonS3> {
        self.access().backend.s3()
    }

    /// Begins a multipart upload.
    pub(crate) fn begin_upload(&self, key: &str) -> io::Result<Upload> {
        let path = parse(key)?;
        let id = self.change(|| async { self.s3()?.create_multipart(&path).await })?;
        Ok(Upload { key: key.to_owned(), id })
    }

    /// Uploads a piece, of at least 5 MiB unless it is the last; its name for [`Bucket::complete`]. The request is dropped when
    /// it has become needless.
    pub(crate) fn put_piece(
        &self,
        upload: &Upload,
        number: usize,
        bytes: &Bytes,
        is_needless: impl Fn() -> bool,
    ) -> io::Result<String> {
        let path = parse(&upload.key)?;
        let put = || async { self.s3()?.put_part(&path, &upload.id, number, bytes.clone().into()).await };
        let part = self.wait_for(async {
            let mut putting = pin!(self.access().change(put));
            while !is_needless() {
                if let Ok(done) = tokio::time::timeout(STOP_LATENCY, &mut putting).await {
                    return done;
                }
            }
            Err(own("the upload was given up"))
        })?;
        Ok(part.content_id)
    }

    /// Makes an object of the pieces, which have this many bytes in total.
    pub(crate) fn complete(&self, upload: &Upload, pieces: &[String], bytes: u64) -> io::Result<()> {
        let path = parse(&upload.key)?;
        let parts = || pieces.iter().map(|id| PartId { content_id: id.clone() }).collect();
        match self.change(|| async { self.s3()?.complete_multipart(&path, &upload.id, parts()).await }) {
            // The answer to an earlier attempt was lost.
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.head(&upload.key) {
                Ok(object) if object.bytes == bytes => Ok(()),
                _ => Err(error),
            },
            completed => completed.map(drop),
        }
    }

    /// Aborts an upload; one that is gone counts as aborted.
    pub(crate) fn abort(&self, upload: &Upload) -> io::Result<()> {
        let path = parse(&upload.key)?;
        match self.change(|| async { self.s3()?.abort_multipart(&path, &upload.id).await }) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            aborted => aborted,
        }
    }

    /// The pending uploads of a key, whichever run has begun them.
    ///
    /// # Errors
    ///
    /// What the store answers; [`io::ErrorKind::PermissionDenied`] and [`io::ErrorKind::Unsupported`] when it does not list them.
    pub(crate) fn uploads_of(&self, key: &str) -> io::Result<Vec<Upload>> {
        let client = Client::builder().timeout(self.timeout()).build();
        let client = client.map_err(|error| broken(&error.to_string()))?;
        let (mut uploads, mut markers): (_, Option<(String, String)>) = (Vec::new(), None);
        loop {
            // With the full key as prefix: some stores list only the uploads of one key.
            let query = || {
                let mut query = vec![("uploads", ""), ("prefix", key)];
                if let Some((key, id)) = &markers {
                    query.extend([("key-marker", key.as_str()), ("upload-id-marker", id)]);
                }
                SignedUrlOptions::new().with_query(query)
            };
            let answer = self.ask(|| self.get_signed(&client, query()))?;
            let page: UploadsPage = quick_xml::de::from_str(&answer)
                .map_err(|error| broken(&format!("the list of uploads makes no sense: {error}")))?;
            let of_key = page.uploads.into_iter().filter(|listed| listed.key == key);
            uploads.extend(of_key.map(|ListedUpload { key, upload_id: id }| Upload { key, id }));
            let next = Some((page.next_key_marker, page.next_upload_id_marker));
            if !page.is_truncated || next == markers {
                return Ok(uploads);
            }
            markers = next;
        }
    }

    /// Sends a request to the bucket that the client library does not support.
    async fn get_signed(&self, client: &Client, query: SignedUrlOptions) -> object_store::Result<String> {
        let signed = self.s3()?.signed_url_opts(Method::GET, &Key::default(), SIGNATURE_LASTS, &query).await?;
        let url = if self.is_anonymous() { unsigned(&signed) } else { signed };
        // URLs contain a signature.
        let lost = |error: reqwest::Error| failed(HttpError::new(HttpErrorKind::Interrupted, error.without_url()));
        let answer = client.get(url).send().await.map_err(lost)?;
        let status = answer.status();
        let text = answer.text().await.map_err(lost)?;
        if status.is_success() { Ok(text) } else { Err(refused(status, &text)) }
    }
}

fn failed(error: HttpError) -> Error {
    Error::Generic { store: "S3", source: Box::new(error) }
}

/// The error of a response, like those of the client library.
fn refused(status: StatusCode, text: &str) -> Error {
    let answer = ErrorResponse::new(status, text);
    let is_unknown = status.is_client_error() || status == StatusCode::NOT_IMPLEMENTED;
    let is_denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
    if is_unknown && !is_denied && !answer.is_passing() {
        return Error::NotSupported { source: Box::new(answer) };
    }
    failed(HttpError::new(HttpErrorKind::Unknown, answer))
}

/// A URL without its signature.
fn unsigned(signed: &Url) -> Url {
    let mut url = signed.clone();
    let kept = signed.query_pairs().filter(|(name, _)| !name.starts_with("X-Amz-"));
    url.query_pairs_mut().clear().extend_pairs(kept);
    url
}
