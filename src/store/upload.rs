//! Objects that are uploaded in pieces.
//!
//! In: a key, and pieces. Out: an object, once all of them are there and somebody says so. Never: an object before that.

use std::io;

use bytes::Bytes;
use object_store::multipart::{MultipartStore, PartId};

use super::Bucket;
use super::bucket::{again, parse};

/// An upload of an object in pieces that is not complete.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) id: String,
}

impl Bucket {
    /// Begins an upload in pieces.
    pub(crate) fn begin_upload(&self, key: &str) -> io::Result<Upload> {
        let path = parse(key)?;
        // One that was begun without our knowing holds nothing.
        let id = self.wait_for(again(self.retries(), || self.client().create_multipart(&path)))?;
        Ok(Upload { key: key.to_owned(), id })
    }

    /// Uploads a piece, of 5 MiB at least unless it is the last; its name for [`Bucket::complete`].
    pub(crate) fn put_piece(&self, upload: &Upload, number: usize, bytes: Bytes) -> io::Result<String> {
        let path = parse(&upload.key)?;
        let part = self.wait_for(self.client().put_part(&path, &upload.id, number, bytes.into()))?;
        Ok(part.content_id)
    }

    /// Makes an object of the pieces, which have so many bytes together.
    pub(crate) fn complete(&self, upload: &Upload, pieces: &[String], bytes: u64) -> io::Result<()> {
        let path = parse(&upload.key)?;
        let parts = pieces.iter().map(|id| PartId { content_id: id.clone() }).collect();
        match self.wait_for(self.client().complete_multipart(&path, &upload.id, parts)) {
            // The answer to an earlier attempt was lost.
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.head(&upload.key) {
                Ok(object) if object.bytes == bytes => Ok(()),
                _ => Err(error),
            },
            completed => completed.map(drop),
        }
    }

    /// Throws an upload away; one that is gone is as good.
    pub(crate) fn abort(&self, upload: &Upload) -> io::Result<()> {
        let path = parse(&upload.key)?;
        match self.wait_for(again(self.retries(), || self.client().abort_multipart(&path, &upload.id))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            aborted => aborted,
        }
    }
}
