//! What CloudTrail delivers with validation turned on, made here: log files, and digest files signed with keys of our own.
//!
//! In: trails and hours. Out: objects of a bucket with their keys, and signatures as S3 metadata has them. Never: a key
//! that signs anything else; the three in `digests/` were made for these tests with `openssl genpkey -algorithm RSA`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value as Json, json};

use crate::harness::{Workdir, gzip, inflated};

/// The end of the first digest file: 2025-03-01T01:00:17Z.
pub const FIRST_END: i64 = 1_740_790_817;
pub const HOUR: i64 = 3_600;

/// A key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// What CloudTrail signs with in `us-east-1`.
    East,
    /// What CloudTrail signs with in `eu-west-1`.
    West,
    /// A key that is not CloudTrail's.
    Strangers,
}

impl Key {
    /// Reading one takes longer than signing with it.
    fn pair(self) -> &'static RsaKeyPair {
        static PAIRS: [OnceLock<RsaKeyPair>; 3] = [const { OnceLock::new() }; 3];
        PAIRS[self as usize].get_or_init(|| self.read())
    }

    fn read(self) -> RsaKeyPair {
        let pkcs8: &[u8] = match self {
            Self::East => include_bytes!("digests/key-1.pk8"),
            Self::West => include_bytes!("digests/key-2.pk8"),
            Self::Strangers => include_bytes!("digests/key-3.pk8"),
        };
        RsaKeyPair::from_pkcs8(pkcs8).expect("a key")
    }

    /// The public key in PKCS#1 DER.
    pub fn pkcs1(self) -> Vec<u8> {
        self.pair().public_key().as_ref().to_owned()
    }

    /// The public key in X.509 `SubjectPublicKeyInfo` DER.
    pub fn spki(self) -> Vec<u8> {
        let pkcs1 = self.pkcs1();
        assert_eq!(pkcs1.len(), 270, "lengths below are those of 2,048 bits");
        let mut der = vec![0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09];
        der.extend([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00]);
        der.extend(pkcs1);
        der
    }

    /// The fingerprint of the PKCS#1 form.
    pub fn fingerprint(self) -> String {
        fingerprint(&self.pkcs1())
    }

    /// Signs a text; hexadecimal.
    pub fn sign(self, text: &str) -> String {
        let pair = self.pair();
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).expect("a signature");
        hex(&signature)
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(text: &[u8]) -> String {
    hex(digest(&SHA256, text).as_ref())
}

pub fn fingerprint(der: &[u8]) -> String {
    hex(&md5::compute(der).0)
}

/// What `aws cloudtrail list-public-keys` prints.
pub fn public_keys(ders: &[Vec<u8>]) -> String {
    let keys: Vec<Json> = ders
        .iter()
        .map(|der| {
            json!({
                "Value": STANDARD.encode(der),
                "ValidityStartTime": "2025-01-01T00:00:00+00:00",
                "ValidityEndTime": "2026-01-01T00:00:00+00:00",
                "Fingerprint": fingerprint(der),
            })
        })
        .collect();
    json!({ "PublicKeyList": keys }).to_string()
}

/// Objects with their keys, as stored, and the signatures of digest files.
#[derive(Clone, Default)]
pub struct Bucket {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub signatures: BTreeMap<String, String>,
}

impl Bucket {
    /// Copies the bucket to a folder, as `aws s3 sync` does: without metadata.
    pub fn copy_to(&self, workdir: &Workdir, folder: &str) {
        for (key, stored) in &self.objects {
            workdir.file(&format!("{folder}/{key}"), stored);
        }
    }

    /// The keys of objects whose name has this text.
    pub fn keys(&self, has: &str) -> Vec<String> {
        self.objects.keys().filter(|key| key.contains(has)).cloned().collect()
    }

    /// Changes the text of an object.
    pub fn edit(&mut self, key: &str, edit: impl FnOnce(String) -> String) {
        let stored = self.objects.get_mut(key).expect("an object");
        let text = String::from_utf8(inflated(stored)).expect("text");
        let edited = edit(text.clone());
        assert_ne!(text, edited, "the edit changes nothing");
        *stored = gzip(edited.as_bytes());
    }

    /// Moves an object.
    pub fn rename(&mut self, from: &str, to: &str) {
        let stored = self.objects.remove(from).expect("an object");
        self.objects.insert(to.to_owned(), stored);
    }

    /// Removes an object.
    pub fn remove(&mut self, key: &str) {
        assert!(self.objects.remove(key).is_some(), "{key} is not there");
    }
}

/// A trail in one account and Region, and how far its chain is.
#[derive(Clone)]
pub struct Trail {
    pub name: String,
    pub bucket: String,
    /// Empty, or with a slash at its end.
    pub prefix: String,
    /// `o-id/` or empty, and the account.
    pub account: String,
    pub region: String,
    pub key: Key,
    /// The digest file's key, as it states it.
    pub fingerprint: String,
    pub end: i64,
    pub is_backfill: bool,
    /// Bucket, key, hash and signature of the digest file before.
    pub previous: Option<[String; 4]>,
}

impl Trail {
    /// A trail of `us-east-1` whose logging starts.
    pub fn new(account: &str, region: &str) -> Self {
        let key = if region == "us-east-1" { Key::East } else { Key::West };
        Self {
            name: "my_trail".into(),
            bucket: "trail-bucket".into(),
            prefix: String::new(),
            account: account.into(),
            region: region.into(),
            key,
            fingerprint: key.fingerprint(),
            end: FIRST_END,
            is_backfill: false,
            previous: None,
        }
    }

    fn number(&self) -> &str {
        self.account.rsplit('/').next().unwrap_or_default()
    }

    /// The key of a log file of a minute.
    pub fn log_key(&self, folder: &str, second: i64, unique: &str) -> String {
        let (day, minute) = (time(second, "%Y/%m/%d"), time(second, "%Y%m%dT%H%MZ"));
        let Self { prefix, account, region, .. } = self;
        let name = format!("{}_{folder}_{region}_{minute}_{unique}.json.gz", self.number());
        format!("{prefix}AWSLogs/{account}/{folder}/{region}/{day}/{name}")
    }

    /// The key of the next digest file.
    pub fn digest_key(&self) -> String {
        let (day, end) = (time(self.end, "%Y/%m/%d"), time(self.end, "%Y%m%dT%H%M%SZ"));
        let Self { prefix, account, region, name, .. } = self;
        let backfill = if self.is_backfill { "_backfill" } else { "" };
        let name = format!("{}_CloudTrail-Digest_{region}_{name}_us-east-1_{end}{backfill}.json.gz", self.number());
        format!("{prefix}AWSLogs/{account}/CloudTrail-Digest/{region}/{day}/{name}")
    }

    /// Delivers an hour with this many log files, and its digest file; returns the digest file's key.
    pub fn hour(&mut self, bucket: &mut Bucket, logs: i64) -> String {
        let keys: Vec<String> = (0..logs)
            .map(|at| {
                let second = self.end - HOUR + 60 + at * 300;
                let folder = if at == 3 { "CloudTrail-Insight" } else { "CloudTrail" };
                let key = self.log_key(folder, second, &format!("{}{at:08}", self.end % 100_000_000));
                let text = format!("{{\"Records\":[{{\"eventID\":\"{}-{second}\"}}]}}", self.account);
                bucket.objects.insert(key.clone(), gzip(text.as_bytes()));
                key
            })
            .collect();
        self.digest(bucket, &keys, |_| {})
    }

    /// Delivers a digest file that declares these objects as they are, after a change to its JSON; returns its key.
    pub fn digest(&mut self, bucket: &mut Bucket, logs: &[String], edit: impl FnOnce(&mut Json)) -> String {
        let logs: Vec<Json> = logs
            .iter()
            .map(|key| {
                json!({
                    "s3Bucket": self.bucket,
                    "s3Object": key,
                    "hashValue": sha256(&inflated(&bucket.objects[key])),
                    "hashAlgorithm": "SHA-256",
                    "newestEventTime": "2025-03-01T00:10:00Z",
                    "oldestEventTime": "2025-03-01T00:05:00Z",
                })
            })
            .collect();
        let key = self.digest_key();
        let [previous_bucket, previous_object, previous_hash, previous_signature] =
            self.previous.clone().map_or([const { None }; 4], |previous| previous.map(Some));
        let event_time = (!logs.is_empty()).then_some("2025-03-01T00:10:00Z");
        let mut json = json!({
            "awsAccountId": self.number(),
            "digestStartTime": time(self.end - HOUR, "%Y-%m-%dT%H:%M:%SZ"),
            "digestEndTime": time(self.end, "%Y-%m-%dT%H:%M:%SZ"),
            "digestS3Bucket": self.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": self.fingerprint,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": event_time,
            "oldestEventTime": event_time,
            "previousDigestS3Bucket": previous_bucket,
            "previousDigestS3Object": previous_object,
            "previousDigestHashValue": previous_hash,
            "previousDigestHashAlgorithm": previous_hash.as_ref().map(|_| "SHA-256"),
            "previousDigestSignature": previous_signature,
            "logFiles": logs,
        });
        edit(&mut json);
        let text = json.to_string();
        let signature = self.key.sign(&string_to_sign(&text));
        bucket.objects.insert(key.clone(), gzip(text.as_bytes()));
        bucket.signatures.insert(key.clone(), signature.clone());
        self.previous = Some([self.bucket.clone(), key.clone(), sha256(text.as_bytes()), signature]);
        self.end += HOUR;
        key
    }
}

/// The text of a digest file that is signed.
pub fn string_to_sign(text: &str) -> String {
    let json: Json = serde_json::from_str(text).expect("a digest file");
    let member = |name: &str| json[name].as_str().unwrap_or("null").to_owned();
    [
        member("digestEndTime"),
        format!("{}/{}", member("digestS3Bucket"), member("digestS3Object")),
        sha256(text.as_bytes()),
        member("previousDigestSignature"),
    ]
    .join("\n")
}

pub fn time(second: i64, format: &str) -> String {
    let time = jiff::Timestamp::from_second(second).expect("a time").to_zoned(TimeZone::UTC);
    time.strftime(format).to_string()
}
