//! Names of places in S3.
//!
//! In: what was typed. Out: a bucket and a key or prefix, or the knowledge that it is a path of the file system. Never: a
//! request.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// Whether a bucket can be called so, now or when names were less strict (S3 User Guide, "General purpose bucket naming
/// rules"). Names become part of the host that requests go to: nothing else may.
pub(crate) fn is_bucket_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (3..=63).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectUrl {
    pub(crate) bucket: String,
    /// Without a slash at either end; empty for the whole bucket.
    pub(crate) key: String,
}

impl ObjectUrl {
    /// Reads an input or lake as typed; `None` when it is a path of the file system.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] for a URL without a bucket or with one that there cannot be, or of another kind of
    /// store.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>> {
        let Some((scheme, rest)) = path.to_str().and_then(|text| text.split_once("://")) else { return Ok(None) };
        let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+');
        if !is_scheme {
            return Ok(None);
        }
        let invalid = |message: &str| Err(Error::at(ErrorKind::ConfigInvalid, path, message));
        if !scheme.eq_ignore_ascii_case("s3") && !scheme.eq_ignore_ascii_case("s3a") {
            return invalid("only s3:// URLs and paths can be read and written");
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return invalid("it names no bucket; write s3://bucket/prefix");
        }
        if !is_bucket_name(bucket) {
            return invalid(
                "no bucket can be called so: a name is of 3 to 63 letters, digits, dots, hyphens, underscores",
            );
        }
        Ok(Some(Self { bucket: bucket.to_owned(), key: key.trim_matches('/').to_owned() }))
    }

    /// Whether a path is a URL rather than a path of the file system.
    pub(crate) fn is_url(path: &Path) -> bool {
        Self::of(path).map_or(true, |url| url.is_some())
    }

    /// The prefix of all keys below it.
    pub(crate) fn prefix(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!("{}/", self.key) }
    }

    /// The same as a path, for messages and to be joined with names below it.
    pub(crate) fn to_path(&self) -> PathBuf {
        PathBuf::from(self.to_string())
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.key.is_empty() { Ok(()) } else { write!(f, "/{}", self.key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: Option<&str>) {
        let url = ObjectUrl::of(Path::new(typed)).unwrap();
        assert_eq!(url.map(|url| url.to_string()).as_deref(), expected, "{typed}");
    }

    #[test]
    fn urls_are_told_from_paths() {
        check("s3://bucket", Some("s3://bucket"));
        check("s3://bucket/", Some("s3://bucket"));
        check("S3://bucket/a/b/", Some("s3://bucket/a/b"));
        check("s3a://bucket/a b", Some("s3://bucket/a b"));
        check("./s3://bucket", None);
        check("/a/b", None);
        check("a:b", None);
    }

    #[test]
    fn other_urls_are_refused_in_words() {
        let error = ObjectUrl::of(Path::new("gs://bucket/a")).unwrap_err();
        assert!(error.to_string().contains("only s3://"), "{error}");
        let error = ObjectUrl::of(Path::new("s3:///a")).unwrap_err();
        assert!(error.to_string().contains("names no bucket"), "{error}");
        for name in ["2130706433#", "intranet:8443?", "user@host", "a", &"a".repeat(64)] {
            let error = ObjectUrl::of(Path::new(&format!("s3://{name}/a"))).unwrap_err();
            assert!(error.to_string().contains("no bucket can be called so"), "{error}");
        }
    }
}
