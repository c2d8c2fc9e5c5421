//! One digest file, read.
//!
//! In: a file of a folder `CloudTrail-Digest`. Out: its content, its own hash, and the string that its signature signs.
//! Never: trusts any of it, which is decided by `chain`, or fails: a malformed file is a finding.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use serde::Deserialize;

use super::place::{DigestName, FilePlace, KeyHash, Sidecar, area_of_key, from_logs_folder, key_hash, log_time};
use super::signature::{from_sidecar, string_to_sign, unhex_hash};
use crate::input::{Archive, MemberEnd, MemberReader, to_utf8};
use crate::model::Sha256;

/// Maximum text of a digest file: some 400 bytes for each log file of an hour, of which there may be thousands.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// Maximum bytes of a sidecar file: a signature has 512 digits, and S3 metadata at most 2 KB.
const MAX_SIDECAR_BYTES: u64 = 64 << 10;

/// The JSON of a digest file (CloudTrail User Guide, digest file structure). Other members are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DigestJson<'a> {
    #[serde(borrow)]
    digest_start_time: Cow<'a, str>,
    #[serde(borrow)]
    digest_end_time: Cow<'a, str>,
    #[serde(borrow, rename = "digestS3Bucket")]
    bucket: Cow<'a, str>,
    #[serde(borrow, rename = "digestS3Object")]
    object: Cow<'a, str>,
    #[serde(borrow)]
    digest_public_key_fingerprint: Cow<'a, str>,
    #[serde(borrow, rename = "previousDigestS3Bucket")]
    previous_bucket: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "previousDigestS3Object")]
    previous_object: Option<Cow<'a, str>>,
    #[serde(borrow)]
    previous_digest_hash_value: Option<Cow<'a, str>>,
    #[serde(borrow)]
    previous_digest_signature: Option<Cow<'a, str>>,
    #[serde(borrow)]
    log_files: Option<Vec<LogFileJson<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogFileJson<'a> {
    #[serde(borrow, rename = "s3Bucket")]
    bucket: Cow<'a, str>,
    #[serde(borrow, rename = "s3Object")]
    object: Cow<'a, str>,
    #[serde(borrow)]
    hash_value: Cow<'a, str>,
    #[serde(borrow)]
    hash_algorithm: Option<Cow<'a, str>>,
}

/// A digest file with its sidecar file.
pub(super) struct ReadDigest {
    /// Position in the list of archives.
    pub(super) archive: usize,
    pub(super) path: PathBuf,
    pub(super) key: KeyHash,
    pub(super) name: DigestName,
    pub(super) content: DigestContent,
    /// The signature in the sidecar file, or in the metadata of its object.
    pub(super) sidecar: Option<Result<Vec<u8>, String>>,
    /// Whether that metadata was requested from the store.
    pub(super) was_asked_for: bool,
    /// Whether it is the original object of CloudTrail, without the signature that came with it.
    pub(super) lacks_signature: bool,
}

/// The content of a digest file.
pub(super) enum DigestContent {
    /// Its hour is not requested; its existence counts all the same.
    Unread,
    Text(Box<DigestText>),
    /// Not a digest file, and why.
    Malformed(String),
    /// The error of the system.
    Unreadable(String),
}

/// The parsed text of a digest file.
pub(super) struct DigestText {
    /// Seconds since 1970.
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) bucket: String,
    pub(super) object: String,
    /// Whether its path agrees with the key that it states.
    pub(super) is_at_its_place: bool,
    pub(super) fingerprint: String,
    /// The hash of the text.
    pub(super) sha256: Sha256,
    pub(super) string_to_sign: String,
    pub(super) previous: Option<Previous>,
    pub(super) logs: Vec<DeclaredLog>,
}

/// What a digest file states about the previous one.
pub(super) struct Previous {
    pub(super) key: KeyHash,
    pub(super) bucket: String,
    pub(super) object: String,
    pub(super) sha256: Option<Sha256>,
    pub(super) signature: Option<Vec<u8>>,
}

/// What a digest file states about a log file.
pub(super) struct DeclaredLog {
    pub(super) key: KeyHash,
    /// `None` when it is not a SHA-256.
    pub(super) sha256: Option<Sha256>,
    /// The minute in its name, in seconds since 1970.
    pub(super) minute: Option<i64>,
    /// Whether it belongs to another account or Region.
    pub(super) is_foreign: bool,
}

/// Sidecar files by the path of their digest file, as positions in the list of archives.
pub(super) type Sidecars = HashMap<PathBuf, Vec<(Sidecar, usize)>>;

/// Reads digest files with reused buffers.
#[derive(Default)]
pub(super) struct DigestReader {
    reader: MemberReader,
    text: Vec<u8>,
}

impl DigestReader {
    /// Reads a digest file and its sidecar file. `fetched` are its bytes if they were fetched ahead.
    pub(super) fn read(
        &mut self,
        archives: &[Archive],
        archive: usize,
        fetched: Option<io::Result<Bytes>>,
        region: &str,
        sidecars: &Sidecars,
        is_wanted: impl FnOnce(&DigestName) -> bool,
    ) -> ReadDigest {
        let path = archives[archive].path();
        let place = FilePlace::of(&path);
        let name = DigestName::parse(&place.key, region);
        let content = if is_wanted(&name) {
            match self.text_of(&archives[archive], fetched) {
                Err(content) => content,
                Ok(sha256) => DigestText::parse(&self.text, sha256, &place.key)
                    .map_or_else(DigestContent::Malformed, |text| DigestContent::Text(Box::new(text))),
            }
        } else {
            DigestContent::Unread
        };
        // A gunzipped file keeps the sidecar of the original.
        let gzip = path.with_added_extension("gz");
        let beside: Vec<_> =
            [&path, &gzip].into_iter().filter_map(|path| sidecars.get(path)).flatten().copied().collect();
        let sidecar = self.best_sidecar(archives, &beside);
        ReadDigest {
            archive,
            key: place.key_hash(),
            name,
            content,
            sidecar,
            was_asked_for: false,
            lacks_signature: false,
            path,
        }
    }

    /// Fills `text`.
    fn text_of(&mut self, archive: &Archive, fetched: Option<io::Result<Bytes>>) -> Result<Sha256, DigestContent> {
        self.text.clear();
        let mut hash = Context::new(&SHA256);
        let end = self.reader.read(archive, fetched, MAX_TEXT_BYTES, |piece| {
            hash.update(piece);
            self.text.extend_from_slice(piece);
        });
        let malformed = |why: &str| Err(DigestContent::Malformed(why.to_owned()));
        match end {
            Ok(MemberEnd::Gzip | MemberEnd::Plain) => Ok(finish(hash)),
            Ok(MemberEnd::TrailingData) => malformed("unexpected data after end of compressed stream"),
            Ok(MemberEnd::Damaged) => malformed("its gzip stream is damaged"),
            Ok(MemberEnd::TooLarge) => malformed("it is too large"),
            Err(error) => Err(DigestContent::Unreadable(error.to_string())),
        }
    }

    /// The signature in sidecar files: the first one found, otherwise why there is none. An empty file, as left by a failed
    /// command, does not count.
    fn best_sidecar(&mut self, archives: &[Archive], sidecars: &[(Sidecar, usize)]) -> Option<Result<Vec<u8>, String>> {
        let mut best = None;
        for (sidecar, at) in sidecars.iter().filter(|(_, at)| archives[*at].bytes > 0) {
            let read = self.sidecar(&archives[*at], *sidecar);
            if read.is_ok() {
                return Some(read);
            }
            best = Some(read);
        }
        best
    }

    fn sidecar(&mut self, archive: &Archive, sidecar: Sidecar) -> Result<Vec<u8>, String> {
        self.text.clear();
        let read = self.reader.read(archive, None, MAX_SIDECAR_BYTES, |piece| self.text.extend_from_slice(piece));
        let signature = match read {
            Ok(MemberEnd::Plain) => from_sidecar(sidecar, &to_utf8(std::mem::take(&mut self.text))),
            Ok(_) => Err("it is no text of that size".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        signature.map_err(|why| format!("its sidecar file is of no use: {why}"))
    }

    /// The bucket and key that a digest file states for itself, unverified.
    pub(super) fn declared_place(&mut self, archive: &Archive) -> Option<(String, String)> {
        self.text_of(archive, None).ok()?;
        let json: DigestJson = serde_json::from_slice(&self.text).ok()?;
        Some((json.bucket.into_owned(), json.object.into_owned()))
    }

    /// Bucket and key of the log files at these positions of a digest file, in their order; fewer when the file has
    /// changed since.
    pub(super) fn names_of_logs(&mut self, archive: &Archive, wanted: &[u32]) -> Vec<(String, String)> {
        if self.text_of(archive, None).is_err() {
            return Vec::new();
        }
        let Ok(DigestJson { log_files: Some(logs), .. }) = serde_json::from_slice(&self.text) else {
            return Vec::new();
        };
        let names = wanted.iter().map_while(|at| logs.get(*at as usize));
        names.map(|log| (log.bucket.clone().into_owned(), log.object.clone().into_owned())).collect()
    }
}

impl DigestText {
    /// Parses the JSON of the digest file at `key`.
    fn parse(text: &[u8], sha256: Sha256, key: &str) -> Result<Self, String> {
        let json: DigestJson = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let seconds =
            |text: &str| text.parse().map(jiff::Timestamp::as_second).map_err(|_| format!("{text:?} is no time"));
        let previous_signature = json.previous_digest_signature.as_deref();
        let previous = json.previous_object.map(|object| Previous {
            key: place_hash(&object),
            bucket: json.previous_bucket.unwrap_or_default().into_owned(),
            object: object.into_owned(),
            sha256: json.previous_digest_hash_value.as_deref().and_then(unhex_hash),
            signature: previous_signature.and_then(super::signature::unhex),
        });
        let here = area_of_key(key);
        let logs = json.log_files.unwrap_or_default().into_iter().map(|log| {
            let place = place_of(&log.object);
            let there = area_of_key(&place);
            let is_known = log.hash_algorithm.is_none_or(|algorithm| algorithm == "SHA-256");
            DeclaredLog {
                key: place_hash(&log.object),
                sha256: unhex_hash(&log.hash_value).filter(|_| is_known),
                minute: log_time(&log.object),
                is_foreign: here.zip(there).is_some_and(|(here, there)| here != there),
            }
        });
        Ok(Self {
            start: seconds(&json.digest_start_time)?,
            end: seconds(&json.digest_end_time)?,
            is_at_its_place: place_of(&json.object) == key,
            string_to_sign: string_to_sign(
                &json.digest_end_time,
                &json.bucket,
                &json.object,
                &sha256,
                previous_signature,
            ),
            bucket: json.bucket.into_owned(),
            object: json.object.into_owned(),
            fingerprint: json.digest_public_key_fingerprint.into_owned(),
            sha256,
            previous,
            logs: logs.collect(),
        })
    }
}

/// The part of an object's key that a copy keeps.
fn place_of(object: &str) -> Cow<'_, str> {
    from_logs_folder(object).unwrap_or(Cow::Borrowed(object))
}

fn place_hash(object: &str) -> KeyHash {
    key_hash(&place_of(object))
}

/// The hash of everything that was added.
pub(super) fn finish(hash: Context) -> Sha256 {
    let mut bytes = Sha256::default();
    bytes.copy_from_slice(hash.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AWSLogs/1/CloudTrail-Digest/us-east-1/2015/08/17/d.json.gz";

    /// The example of the CloudTrail User Guide, shortened.
    fn text(more: &str) -> String {
        format!(
            r#"{{"awsAccountId":"1","digestStartTime":"2015-08-17T14:01:31Z","digestEndTime":"2015-08-17T15:01:31Z","digestS3Bucket":"b","digestS3Object":"p/{KEY}","digestPublicKeyFingerprint":"31e8","newestEventTime":null{more}}}"#
        )
    }

    fn parse(text: &str) -> Result<DigestText, String> {
        DigestText::parse(text.as_bytes(), [0; 32], KEY)
    }

    #[test]
    fn digest_files_are_parsed() {
        let starting = parse(&text(",\"previousDigestS3Object\":null,\"logFiles\":null")).expect("a digest file");
        assert!(starting.previous.is_none() && starting.logs.is_empty() && starting.is_at_its_place);
        assert_eq!((starting.start, starting.end), (1_439_820_091, 1_439_823_691));
        let expected = format!("2015-08-17T15:01:31Z\nb/p/{KEY}\n{}\nnull", "0".repeat(64));
        assert_eq!(starting.string_to_sign, expected);
        let log = |hash: &str, algorithm: &str| {
            format!(r#"{{"s3Bucket":"b","s3Object":"p/AWSLogs/1/CloudTrail/x","hashValue":"{hash}"{algorithm}}}"#)
        };
        let hash = "ab".repeat(32);
        let logs = [
            log(&hash, ",\"hashAlgorithm\":\"SHA-256\""),
            log(&hash, ""),
            log(&hash, ",\"hashAlgorithm\":\"MD5\""),
            log("ab", ""),
        ];
        let more = format!(
            r#","previousDigestS3Bucket":"b","previousDigestS3Object":"p/AWSLogs/1/before","previousDigestHashValue":"{hash}","previousDigestSignature":"AbCd","logFiles":[{}]"#,
            logs.join(",")
        );
        let next = parse(&text(&more)).expect("a digest file");
        let known: Vec<bool> = next.logs.iter().map(|log| log.sha256 == Some([0xab; 32])).collect();
        assert_eq!(known, [true, true, false, false]);
        assert!(next.logs.iter().all(|log| log.key == key_hash("AWSLogs/1/CloudTrail/x")));
        let previous = next.previous.expect("one before it");
        assert_eq!((previous.key, previous.sha256), (key_hash("AWSLogs/1/before"), Some([0xab; 32])));
        assert_eq!(previous.signature, Some(vec![0xab, 0xcd]));
        // Its text is signed verbatim.
        assert!(next.string_to_sign.ends_with("\nAbCd"));
    }

    #[test]
    fn malformed_digest_files_are_reported() {
        // Unknown members are skipped at any depth; known ones are flat.
        let deep = |name: &str| text(&format!(",\"{name}\":{}{}", "[".repeat(100_000), "]".repeat(100_000)));
        assert!(parse(&deep("x")).is_ok());
        for (text, words) in [
            (String::new(), "EOF"),
            ("[]".into(), "invalid"),
            ("{}".into(), "missing field"),
            (text(",\"digestS3Bucket\":\"c\""), "duplicate field"),
            (deep("logFiles"), "invalid type"),
            (text(",\"logFiles\":[{}]"), "missing field"),
            (text(",\"logFiles\":[{\"s3Bucket\":1}]"), "invalid type"),
            (text("").replace("2015-08-17T15:01:31Z", "now"), "\"now\" is no time"),
        ] {
            let error = parse(&text).err().unwrap_or_default();
            assert!(error.contains(words), "{error}");
        }
        assert!(!parse(&text("").replace("p/AWSLogs/1", "p/AWSLogs/2")).expect("a digest file").is_at_its_place);
    }
}
