//! Names of places in S3.
//!
//! In: what was typed. Out: a bucket and a key or prefix, or nothing for a path of the file system. Never: sends a
//! request.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// Whether this is a valid bucket name, now or under older, less strict rules (S3 User Guide, "General purpose bucket naming
/// rules"). Names become part of the host that requests go to: nothing else may.
pub(crate) fn is_bucket_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (3..=63).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// What to do about a key that cannot be requested.
pub(crate) const COPY_IT: &str = "copy what is there to other keys first, with `aws s3 cp`";

/// The longest key of S3, in bytes.
pub(super) const LONGEST_KEY: usize = 1_024;

/// Why the client library cannot request a key, if it cannot.
pub(crate) fn why_unreachable(key: &str) -> Option<&'static str> {
    let is_odd = |folder: &str| folder == "." || folder == ".." || folder.chars().any(|char| char.is_ascii_control());
    match key {
        _ if key.len() > LONGEST_KEY => Some("no key of S3 is longer than 1,024 bytes"),
        _ if key.starts_with('/') => Some("the client library cannot ask for a key that begins with a slash"),
        _ if key.ends_with('/') => Some("the client library cannot ask for a key that ends in a slash"),
        "" => None,
        _ if key.split('/').any(str::is_empty) => {
            Some("the client library cannot ask for a key with an empty folder name, as between two slashes")
        }
        _ if key.split('/').any(is_odd) => {
            Some("the client library cannot ask for a key with a control character, or a folder that is called . or ..")
        }
        _ => None,
    }
}

/// The scheme of a URL, and what follows its colon; `None` for a path. A URL with a missing slash is not a path.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_known = || ["s3", "s3a", "file"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let is_url = rest.starts_with("//") || rest.starts_with('/') && is_known();
    (is_scheme && is_url).then_some((scheme, rest))
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
    /// [`ErrorKind::ConfigInvalid`] for a URL without a bucket or with an invalid one, with a key that the client
    /// library cannot request, or of another kind of store.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>> {
        let text = path.to_string_lossy();
        let Some((scheme, rest)) = scheme(&text) else { return Ok(None) };
        let invalid = |message: &str| Err(Error::at(ErrorKind::ConfigInvalid, path, message));
        if scheme.eq_ignore_ascii_case("file") {
            return invalid("only s3:// URLs and paths can be read and written; write the path alone");
        }
        if !["s3", "s3a"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return invalid("only s3:// URLs and paths can be read and written");
        }
        let Some(rest) = rest.strip_prefix("//") else {
            return invalid("it is neither a URL nor a plain path; write s3://bucket/prefix, or ./ before a path");
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return invalid("it names no bucket; write s3://bucket/prefix");
        }
        if !is_bucket_name(bucket) {
            return invalid(
                "no bucket can be called so: a name is of 3 to 63 letters, digits, dots, hyphens, underscores",
            );
        }
        // One slash at the end marks a folder.
        let key = key.strip_suffix('/').filter(|folder| !folder.is_empty()).unwrap_or(key);
        let why = if path.to_str().is_none() { Some("a key is UTF-8") } else { why_unreachable(key) };
        if let Some(why) = why {
            return Err(Error::at(ErrorKind::ConfigInvalid, path, why).advise(COPY_IT));
        }
        Ok(Some(Self { bucket: bucket.to_owned(), key: key.to_owned() }))
    }

    /// Whether a path is a URL rather than a path of the file system.
    pub(crate) fn is_url(path: &Path) -> bool {
        Self::of(path).map_or(true, |url| url.is_some())
    }

    /// The prefix of all keys below it.
    pub(crate) fn prefix(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!("{}/", self.key) }
    }

    /// The same as a path, for messages and to join names to.
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
    fn urls_are_distinguished_from_paths() {
        check("s3://bucket", Some("s3://bucket"));
        check("s3://bucket/", Some("s3://bucket"));
        check("S3://bucket/a/b/", Some("s3://bucket/a/b"));
        check("s3a://bucket/a b", Some("s3://bucket/a b"));
        check("./s3://bucket", None);
        check("/a/b", None);
        check("a:b", None);
        check("a:/b", None);
        check("./s3:/b", None);
    }

    #[test]
    fn keys_that_cannot_be_requested_are_refused_as_typed() {
        for typed in [
            "s3://bucket//lead",
            "s3://bucket//",
            "s3://bucket/a//b",
            "s3://bucket/a//",
            "s3://bucket/../b",
            "s3://bucket/a/./b",
            "s3://bucket/a/..",
            "s3://bucket/a\u{1}b",
            &format!("s3://bucket/{}", "a".repeat(1_025)),
        ] {
            let error = ObjectUrl::of(Path::new(typed)).unwrap_err().to_string();
            let typed = crate::error::printable(typed);
            assert!(error.contains(&typed) && error.contains("aws s3 cp"), "{error}");
        }
        let bytes = std::os::unix::ffi::OsStrExt::from_bytes(b"s3://bucket/\xff");
        let bytes: &std::ffi::OsStr = bytes;
        assert!(ObjectUrl::of(Path::new(bytes)).is_err());
    }

    /// Our check of a key agrees with the client library.
    #[cfg(feature = "s3")]
    #[test]
    fn a_key_can_be_requested_when_the_client_library_takes_it() {
        let mut random = crate::tests::Random::new(9);
        let pieces = ["/", ".", "..", "a", "\u{1}", "\u{7f}", "\u{80}", "%2e", " ", "é"];
        for _ in 0..20_000 {
            let key: String = (0..random.pick(6)).map(|_| pieces[random.pick(pieces.len())]).collect();
            let ends_in_slash = key.starts_with('/') || key.ends_with('/');
            let is_taken = object_store::path::Path::parse(&key).is_ok() && !ends_in_slash;
            assert_eq!(why_unreachable(&key).is_none(), is_taken, "{key:?}");
        }
    }

    #[test]
    fn other_urls_are_refused_with_an_explanation() {
        let error = ObjectUrl::of(Path::new("gs://bucket/a")).unwrap_err();
        assert!(error.to_string().contains("only s3://"), "{error}");
        for typed in ["gcs-x.y+z://b", "file:///a", "file:/a", "s3:/bucket/a", "S3N://bucket/a", "https://bucket/a"] {
            assert!(ObjectUrl::of(Path::new(typed)).is_err(), "{typed}");
        }
        let error = ObjectUrl::of(Path::new("s3:///a")).unwrap_err();
        assert!(error.to_string().contains("names no bucket"), "{error}");
        for name in ["2130706433#", "intranet:8443?", "user@host", "a", &"a".repeat(64)] {
            let error = ObjectUrl::of(Path::new(&format!("s3://{name}/a"))).unwrap_err();
            assert!(error.to_string().contains("no bucket can be called so"), "{error}");
        }
    }
}
