//! An object of S3, as far as an archive needs to know it.
//!
//! In: the entry of a list. Out: the same in few bytes: there may be ten million. Never: sends a request.

use std::path::Path;
use std::sync::Arc;

use crate::store::{Bucket, ObjectUrl, Version};

/// The location of an archive in a bucket.
#[derive(Clone, Debug)]
pub(super) struct StoredObject {
    bucket: Arc<Bucket>,
    etag: ETag,
}

/// The tag of an object's bytes. AWS makes it from an MD5, and the number of parts of a multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ETag {
    None,
    Md5([u8; 16]),
    Parts([u8; 16], u16),
    /// In any other form.
    Text(Box<str>),
}

impl StoredObject {
    pub(super) fn new(bucket: &Arc<Bucket>, etag: Option<&str>) -> Self {
        Self { bucket: Arc::clone(bucket), etag: ETag::of(etag) }
    }

    /// Its tag without quotes.
    pub(super) fn etag(&self) -> Option<String> {
        self.etag.text().map(|text| text.trim_matches('"').to_owned())
    }

    /// The version that was listed, of this many bytes; `path` is the archive's.
    pub(super) fn version(&self, path: &Path, bytes: u64) -> Version {
        // A path made from a bucket and a key can be split into both again.
        let key = path.to_str().and_then(|path| path.strip_prefix(&bucket_folder(&self.bucket)));
        let key = key.unwrap_or_default().trim_start_matches('/').to_owned();
        Version { bucket: Arc::clone(&self.bucket), key, etag: self.etag.text(), bytes }
    }
}

/// The common beginning of the paths of all objects of a bucket.
pub(super) fn bucket_folder(bucket: &Bucket) -> String {
    ObjectUrl { bucket: bucket.name().to_owned(), key: String::new() }.to_string()
}

impl ETag {
    fn of(etag: Option<&str>) -> Self {
        let Some(text) = etag else { return Self::None };
        let other = || Self::Text(text.into());
        let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return other() };
        let (digits, parts) = inner.split_once('-').map_or((inner, None), |(digits, parts)| (digits, Some(parts)));
        let Some(md5) = sixteen_bytes(digits) else { return other() };
        match parts.map(str::parse) {
            None => Self::Md5(md5),
            Some(Ok(number)) if parts == Some(&*u16::to_string(&number)) => Self::Parts(md5, number),
            Some(_) => other(),
        }
    }

    /// As the store returns it, in quotes.
    fn text(&self) -> Option<String> {
        let hex = |md5: &[u8; 16]| format!("{:032x}", u128::from_be_bytes(*md5));
        match self {
            Self::None => None,
            Self::Md5(md5) => Some(format!("\"{}\"", hex(md5))),
            Self::Parts(md5, parts) => Some(format!("\"{}-{parts}\"", hex(md5))),
            Self::Text(text) => Some(text.to_string()),
        }
    }
}

fn sixteen_bytes(digits: &str) -> Option<[u8; 16]> {
    let is_lower_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digits.len() != 32 || !is_lower_hex {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_keep_their_text() {
        let md5 = "0123456789abcdef0123456789abcdef";
        for text in [
            format!("\"{md5}\""),
            format!("\"{md5}-17\""),
            format!("\"{md5}-017\""),
            format!("\"{md5}-70000\""),
            format!("\"{}\"", md5.to_uppercase()),
            format!("W/\"{md5}\""),
            md5.to_owned(),
            "\"\"".to_owned(),
        ] {
            assert_eq!(ETag::of(Some(&text)).text().as_deref(), Some(text.as_str()));
        }
        assert_eq!(ETag::of(None).text(), None);
        assert_eq!(
            ETag::of(Some(&format!("\"{md5}\""))),
            ETag::Md5(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef")
        );
    }

    #[test]
    fn an_object_takes_few_bytes() {
        assert!(size_of::<StoredObject>() <= 32, "{}", size_of::<StoredObject>());
    }
}
