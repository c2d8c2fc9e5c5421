//! What S3 does and `s3s-fs` does not, around `s3s-fs`.
//!
//! In: requests of the S3 API. Out: the answers of `s3s_fs::FileSystem`, and beyond it: conditions that hold when several
//! writers come at once, `If-Match` of a GET, ETags and short pages in listings, the list of open multipart uploads,
//! and the errors `NoSuchBucket` and `NoSuchUpload`. Never: an answer that S3 would not give and a test could take for one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::TryStreamExt as _;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    DeletedObject, ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, MultipartUpload, PutObjectInput, PutObjectOutput, Range,
    StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::RwLock;

/// A header that no client sends: the fault proxy uses it to have conditions ignored. It cannot remove the conditions from a
/// request, because they are signed.
pub const IGNORE_CONDITIONS: &str = "x-ignore-conditions";

/// Most keys on a page of a listing (Amazon S3 API Reference, `ListObjectsV2`).
pub const PAGE: usize = 1000;

/// The longest name of a file.
const MAX_NAME: usize = 255;

/// The length that `s3s-fs` adds to such a name for a multipart upload.
const UPLOAD_WORDS: usize = ".upload-00000000-0000-4000-8000-000000000000".len();

/// Buckets in a folder. Clones share them.
#[derive(Clone)]
pub struct Shelf {
    files: Arc<FileSystem>,
    root: PathBuf,
    /// Held while an object is changed, so that checking and replacing it is one step.
    turn: Arc<RwLock<()>>,
    /// Multipart uploads that are neither complete nor aborted, by their id.
    uploads: Arc<Mutex<BTreeMap<String, Upload>>>,
    page: Arc<AtomicUsize>,
    knows_conditions: Arc<AtomicBool>,
}

struct Upload {
    bucket: String,
    key: String,
    initiated: SystemTime,
}

impl Shelf {
    /// The buckets that are folders in `root`.
    pub fn new(root: &Path) -> Self {
        Self {
            files: Arc::new(FileSystem::new(root).expect("a folder")),
            root: fs::canonicalize(root).expect("a folder"),
            turn: Arc::default(),
            uploads: Arc::default(),
            page: Arc::new(PAGE.into()),
            knows_conditions: Arc::new(true.into()),
        }
    }

    /// Limits the keys on a page of a listing.
    pub fn set_page(&self, keys: usize) {
        self.page.store(keys, Ordering::Relaxed);
    }

    /// Simulates a store that ignores the conditions of puts.
    pub fn ignore_conditions(&self) {
        self.knows_conditions.store(false, Ordering::Relaxed);
    }

    /// Keys of the multipart uploads of a bucket that are open, and their ids, sorted.
    pub fn uploads(&self, bucket: &str) -> Vec<(String, String)> {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open: Vec<_> = uploads
            .iter()
            .filter(|(_, upload)| upload.bucket == bucket)
            .map(|(id, upload)| (upload.key.clone(), id.clone()))
            .collect();
        open.sort();
        open
    }

    /// Makes an upload look old enough for a lifecycle rule to remove it.
    pub fn age_uploads(&self, age: std::time::Duration) {
        for upload in self.uploads.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            upload.initiated -= age;
        }
    }

    fn ignores_conditions<T>(&self, request: &S3Request<T>) -> bool {
        !self.knows_conditions.load(Ordering::Relaxed) || request.headers.contains_key(IGNORE_CONDITIONS)
    }

    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Refuses keys that S3 allows and files do not, rather than mix them up: keys with empty segments, `.` and `..`, or with
    /// `/` at either end, objects below an object, and keys too long for the files in which `s3s-fs` keeps metadata, which
    /// have the key in their name, and `words` more bytes.
    fn check_key(&self, bucket: &str, key: &str, words: usize) -> S3Result<()> {
        self.check_bucket(bucket)?;
        let path = self.path(bucket, key);
        let is_plain = key.split('/').all(|step| !matches!(step, "" | "." | ".."));
        let bucket_folder = self.root.join(bucket);
        let has_place = !path.is_dir()
            && path.ancestors().skip(1).take_while(|folder| **folder != bucket_folder).all(|folder| !folder.is_file());
        let fits = self.sidecars(bucket, key)[1].file_name().is_some_and(|name| name.len() + words <= MAX_NAME);
        match (is_plain, has_place, fits) {
            (true, true, true) => Ok(()),
            (false, ..) => {
                Err(s3_error!(NotImplemented, "a key that is no path of a file: test it with another store"))
            }
            (_, false, _) => Err(s3_error!(NotImplemented, "an object below an object: test it with another store")),
            (.., false) => Err(s3_error!(NotImplemented, "a key this long: shorten it, or test it with another store")),
        }
    }

    fn check_upload(&self, id: &str) -> S3Result<()> {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        if uploads.contains_key(id) { Ok(()) } else { Err(s3_error!(NoSuchUpload)) }
    }

    fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.root.join(bucket).join(key)
    }

    /// Where `s3s-fs` keeps the `ETag` and the metadata of an object.
    fn sidecars(&self, bucket: &str, key: &str) -> [PathBuf; 2] {
        let [bucket, key] = [bucket, key].map(|name| URL_SAFE_NO_PAD.encode(name));
        ["internal", "metadata"].map(|kind| self.root.join(format!(".bucket-{bucket}.object-{key}.{kind}.json")))
    }

    /// Forgets the metadata of an object that has been replaced in the folder since.
    fn forget_if_changed(&self, bucket: &str, key: &str) {
        let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let object = changed(&self.path(bucket, key));
        for sidecar in self.sidecars(bucket, key) {
            if changed(&sidecar).is_some_and(|written| object.is_none_or(|object| object > written)) {
                let _ = fs::remove_file(sidecar);
            }
        }
    }

    async fn e_tag(&self, bucket: &str, key: &str) -> Option<ETag> {
        self.forget_if_changed(bucket, key);
        let known = fs::read(&self.sidecars(bucket, key)[0]).ok();
        let known = known.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
        if let Some(value) = known.as_ref().and_then(|known| known["e_tag"].as_str()) {
            return Some(ETag::Strong(value.to_owned()));
        }
        let input = HeadObjectInput { bucket: bucket.to_owned(), key: key.to_owned(), ..Default::default() };
        self.files.head_object(request(input)).await.ok()?.output.e_tag
    }

    /// Conditions of a GET or HEAD (RFC 9110, section 13.2.2, but for those on dates).
    async fn check_conditions(
        &self,
        bucket: &str,
        key: &str,
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> S3Result<()> {
        self.check_bucket(bucket)?;
        if !self.path(bucket, key).is_file() {
            return Err(s3_error!(NoSuchKey));
        }
        let Some(e_tag) = self.e_tag(bucket, key).await else { return Err(s3_error!(NoSuchKey)) };
        let holds = |condition: ETagCondition| condition.into_etag().is_none_or(|wanted| wanted.weak_cmp(&e_tag));
        if if_match.is_some_and(|condition| !holds(condition)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if if_none_match.is_some_and(holds) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }

    /// Removes an object, and the folders that held only it: S3 has no folders.
    fn remove(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.check_bucket(bucket)?;
        let path = self.path(bucket, key);
        if path.is_file() {
            fs::remove_file(&path).map_err(|error| s3_error!(error, InternalError))?;
        }
        let bucket_folder = self.root.join(bucket);
        for folder in path.ancestors().skip(1).take_while(|folder| **folder != bucket_folder) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        for sidecar in self.sidecars(bucket, key) {
            let _ = fs::remove_file(sidecar);
        }
        Ok(())
    }
}

/// A request without a client.
pub fn request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: hyper::Method::GET,
        uri: hyper::Uri::from_static("/"),
        headers: hyper::HeaderMap::new(),
        extensions: hyper::http::Extensions::new(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// A body in memory.
pub fn blob(bytes: Bytes) -> StreamingBlob {
    StreamingBlob::wrap(futures::stream::once(std::future::ready(Ok::<_, std::io::Error>(bytes))))
}

/// The whole of a body, received before any lock is taken.
async fn whole(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let pieces: Result<Vec<Bytes>, _> = body.try_collect().await;
    pieces.map(|pieces| pieces.concat().into()).map_err(|error| s3_error!(IncompleteBody, "{error}"))
}

#[async_trait::async_trait]
impl S3 for Shelf {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.files.create_bucket(req).await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(req).await
    }

    async fn get_object(&self, mut req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let _turn = self.turn.read().await;
        let input = &mut req.input;
        let [if_match, if_none_match] = [input.if_match.take(), input.if_none_match.take()];
        self.check_conditions(&input.bucket, &input.key, if_match, if_none_match).await?;
        let bytes = fs::metadata(self.path(&input.bucket, &input.key)).map_or(0, |metadata| metadata.len());
        if bytes == 0 && input.range.is_some() {
            return Err(s3_error!(InvalidRange));
        }
        // `s3s-fs` would seek before the beginning.
        if let Some(Range::Suffix { length }) = &mut input.range {
            *length = bytes.min(*length);
        }
        self.files.get_object(req).await
    }

    async fn head_object(&self, mut req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let _turn = self.turn.read().await;
        let input = &mut req.input;
        let [if_match, if_none_match] = [input.if_match.take(), input.if_none_match.take()];
        self.check_conditions(&input.bucket, &input.key, if_match, if_none_match).await?;
        self.files.head_object(req).await
    }

    async fn list_objects_v2(
        &self,
        mut req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let _turn = self.turn.read().await;
        let bucket = req.input.bucket.clone();
        let page = self.page.load(Ordering::Relaxed).min(PAGE);
        let asked = req.input.max_keys.and_then(|keys| usize::try_from(keys).ok()).unwrap_or(PAGE);
        req.input.max_keys = i32::try_from(asked.min(page)).ok();
        // `s3s-fs` would say that keys are encoded, and not encode them.
        req.input.encoding_type = None;
        let mut response = self.files.list_objects_v2(req).await?;
        for object in response.output.contents.iter_mut().flatten() {
            object.e_tag = self.e_tag(&bucket, object.key.as_deref().unwrap_or_default()).await;
        }
        Ok(response)
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        req.input.body = Some(blob(whole(req.input.body.take()).await?));
        let _turn = self.turn.write().await;
        self.check_key(&req.input.bucket, &req.input.key, 0)?;
        self.forget_if_changed(&req.input.bucket, &req.input.key);
        if self.ignores_conditions(&req) {
            (req.input.if_match, req.input.if_none_match) = (None, None);
        }
        self.files.put_object(req).await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let _turn = self.turn.write().await;
        self.check_key(&req.input.bucket, &req.input.key, 0)?;
        self.files.copy_object(req).await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let _turn = self.turn.write().await;
        self.remove(&req.input.bucket, &req.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let _turn = self.turn.write().await;
        let mut deleted = Vec::new();
        for object in req.input.delete.objects {
            self.remove(&req.input.bucket, &object.key)?;
            deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
        }
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..Default::default() }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        self.check_key(&bucket, &key, UPLOAD_WORDS)?;
        let response = self.files.create_multipart_upload(req).await?;
        let id = response.output.upload_id.clone().unwrap_or_default();
        let upload = Upload { bucket, key, initiated: SystemTime::now() };
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(id, upload);
        Ok(response)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.check_upload(&req.input.upload_id)?;
        self.files.upload_part(req).await
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.check_upload(&req.input.upload_id)?;
        let mut response = self.files.list_parts(req).await?;
        response.output.parts.iter_mut().flatten().for_each(|part| part.e_tag = None);
        response.output.parts.iter_mut().for_each(|parts| parts.sort_by_key(|part| part.part_number));
        Ok(response)
    }

    async fn complete_multipart_upload(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let _turn = self.turn.write().await;
        let id = req.input.upload_id.clone();
        self.check_upload(&id)?;
        self.check_key(&req.input.bucket, &req.input.key, 0)?;
        self.forget_if_changed(&req.input.bucket, &req.input.key);
        if self.ignores_conditions(&req) {
            (req.input.if_match, req.input.if_none_match) = (None, None);
        }
        let response = self.files.complete_multipart_upload(req).await?;
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(response)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let id = req.input.upload_id.clone();
        self.check_upload(&id)?;
        let mut response = self.files.abort_multipart_upload(req).await?;
        response.status = Some(hyper::StatusCode::NO_CONTENT);
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(response)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = req.input;
        self.check_bucket(&input.bucket)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let marker = (input.key_marker.unwrap_or_default(), input.upload_id_marker.unwrap_or_default());
        // A key marker alone skips all uploads of the key.
        let is_next = |(key, id): &(String, String)| {
            if marker.1.is_empty() { *key > marker.0 } else { (key, id) > (&marker.0, &marker.1) }
        };
        let open = self.uploads(&input.bucket).into_iter();
        let mut open: Vec<_> = open.filter(|(key, _)| key.starts_with(&prefix)).filter(is_next).collect();
        let asked = input.max_uploads.and_then(|uploads| usize::try_from(uploads).ok()).unwrap_or(PAGE);
        let page = asked.min(self.page.load(Ordering::Relaxed)).min(PAGE);
        let is_truncated = open.len() > page;
        open.truncate(page);
        let last = open.last().filter(|_| is_truncated).cloned();
        let known = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let described = open.into_iter().map(|(key, id)| MultipartUpload {
            initiated: known.get(&id).map(|upload| Timestamp::from(upload.initiated)),
            key: Some(key),
            upload_id: Some(id),
            ..Default::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(is_truncated),
            next_key_marker: last.as_ref().map(|(key, _)| key.clone()),
            next_upload_id_marker: last.map(|(_, id)| id),
            uploads: Some(described.collect()),
            ..Default::default()
        }))
    }
}
