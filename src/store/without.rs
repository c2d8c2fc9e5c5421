//! Replaces `s3` in a build without that feature.
//!
//! In: names of buckets. Out: an error that says what is missing. Never: a bucket: the type has no values, so its methods
//! are never called.

#![expect(clippy::unused_self, reason = "it is asked as `s3` is")]

use std::io::{self, Empty};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{ListPage, NextPage, Object, Session, Stop, Upload, Version};
use crate::error::{Error, ErrorKind, Result};

/// No bucket.
#[derive(Debug)]
pub(crate) enum Bucket {}

/// Opens none.
#[derive(Debug, Default)]
pub(super) struct Buckets;

impl Buckets {
    pub(super) fn get(&self, name: &str, _: &Session) -> Result<Arc<Bucket>> {
        let why = "this program was built without the feature `s3`, and reaches no buckets";
        Err(Error::at(ErrorKind::ConfigInvalid, Path::new(&format!("s3://{name}")), why)
            .advise("build it with `--features s3`"))
    }

    pub(super) fn confirm(&self, stop: &Stop) -> Result<bool> {
        stop.check().map(|()| false)
    }

    pub(super) const fn are_in_doubt(&self) -> bool {
        false
    }
}

/// Methods of [`Bucket`] as in `s3`.
macro_rules! never {
    ($(fn $name:ident(&self $(, $argument:ty)*) -> $answer:ty;)*) => {
        $(pub(crate) fn $name(&self $(, _: $argument)*) -> $answer { match *self {} })*
    };
}

impl Bucket {
    never! {
        fn name(&self) -> &str;
        fn endpoint(&self) -> &str;
        fn has_pages(&self) -> bool;
        fn trouble(&self) -> Option<io::Error>;
        fn patience(&self) -> Duration;
        fn list_page(&self, &str, bool, Option<NextPage>) -> io::Result<ListPage>;
        fn list_all(&self, &str) -> io::Result<Vec<Object>>;
        fn list_all_with_deadline(&self, Option<Duration>, &str) -> io::Result<Vec<Object>>;
        fn head(&self, &str) -> io::Result<Object>;
        fn head_all(&self, &[String]) -> Vec<io::Result<Object>>;
        fn head_with_deadline(&self, &str, Duration) -> io::Result<()>;
        fn heads(&self, &[(String, Option<String>)], u64) -> Vec<io::Result<Bytes>>;
        fn get(&self, &str, Option<&str>) -> io::Result<Bytes>;
        fn get_with_deadline(&self, &str, Duration) -> io::Result<Bytes>;
        fn put(&self, &str, &Bytes) -> io::Result<()>;
        fn put_new(&self, &str, &Bytes) -> io::Result<bool>;
        fn put_with_deadline(&self, &str, &Bytes, Duration) -> io::Result<()>;
        fn refuses_to_overwrite(&self, &str, &Bytes) -> bool;
        fn remove_own(&self, &[String], Duration) -> io::Result<()>;
        fn begin_upload(&self, &str) -> io::Result<Upload>;
        fn put_piece(&self, &Upload, usize, &Bytes, impl Fn() -> bool) -> io::Result<String>;
        fn complete(&self, &Upload, &[String], u64) -> io::Result<()>;
        fn abort(&self, &Upload) -> io::Result<()>;
        fn uploads_of(&self, &str) -> io::Result<Vec<Upload>>;
    }

    pub(crate) fn remove(&self, _: impl IntoIterator<Item = String>) -> io::Result<()> {
        match *self {}
    }
}

impl Version {
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        match *self.bucket {}
    }

    pub(crate) fn metadata(&self) -> io::Result<Vec<(String, String)>> {
        match *self.bucket {}
    }

    pub(crate) fn open(&self) -> io::Result<Empty> {
        match *self.bucket {}
    }

    pub(crate) fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        match *self.bucket {}
    }

    pub(crate) fn range(&self, _: u64, _: u64) -> io::Result<Bytes> {
        match *self.bucket {}
    }
}

/// Fetches nothing ahead.
#[derive(Debug)]
pub(crate) struct Prefetcher;

impl Prefetcher {
    pub(crate) fn start(
        _: Range<usize>,
        _: u64,
        _: Stop,
        _: impl Fn(usize) -> Option<Version> + Send + Sync + 'static,
    ) -> Self {
        Self
    }

    pub(crate) fn of(_: Vec<Option<Version>>, _: u64) -> Option<Self> {
        None
    }

    pub(crate) const fn take(&self, _: usize) -> Option<io::Result<Bytes>> {
        None
    }

    pub(crate) const fn release(&self, _: usize) {}
}
