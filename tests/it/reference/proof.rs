//! What digest files prove about a copy, one file at a time, by AWS's User Guide alone.
//!
//! In: every file of a copy, public keys. Out: what a digest file and a log file are worth. Never: a chain, an order or an
//! index: to assess one file, all others are searched again.
//!
//! The rules ("CloudTrail digest file structure", "Custom implementations of log file integrity validation"):
//!
//! - a digest file is one gzip member of JSON, and lies where its `digestS3Object` says;
//! - it is signed with the private key of `digestPublicKeyFingerprint`, RSA with PKCS #1 v1.5 over SHA-256, over four lines:
//!   `digestEndTime`, bucket and key, the hexadecimal SHA-256 of its text, and `previousDigestSignature` or `null`;
//! - its signature is metadata of its object, and the `previousDigestSignature` of the digest file after it;
//! - a log file is what was delivered when the SHA-256 of its text is the `hashValue` of a digest file signed like that.
//!
//! A copy is files under keys from `AWSLogs/` on; it may be gunzipped, and keeps a signature beside a digest file.

use std::collections::BTreeMap;
use std::io::Read as _;

use ring::digest::{SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value as Json;

/// What a digest file is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestWorth {
    /// A signature of it verifies.
    Signed,
    /// There is no signature to try.
    Unsigned,
    /// Something is wrong with it.
    Wrong,
}

/// What a log file is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogWorth {
    /// A signed digest file declares it, and it matches.
    Proved,
    /// A signed digest file declares it, and it does not match.
    Contradicted,
    /// Only digest files without signature declare it; whether it matches.
    Unproved(bool),
    /// Only digest files that are wrong declare it.
    OfWrongDigest,
    /// None does.
    Undeclared,
}

/// Every file of a copy by its path in it, and public keys in PKCS #1 DER by fingerprint.
pub struct Copy<'a> {
    pub files: &'a BTreeMap<String, Vec<u8>>,
    pub keys: &'a BTreeMap<String, Vec<u8>>,
}

/// The key of a path: from the last folder `AWSLogs` on, as an object that was not gunzipped.
pub fn key_of(path: &str) -> String {
    let start = path.rfind("/AWSLogs/").map(|at| at + 1).or_else(|| path.find("AWSLogs/").filter(|at| *at == 0));
    let key = start.map_or(path, |start| &path[start..]);
    let is_gunzipped = std::path::Path::new(key).extension().is_some_and(|extension| extension == "json");
    if is_gunzipped { format!("{key}.gz") } else { key.to_owned() }
}

/// The text of a file that is one gzip member with nothing after it, or no gzip at all.
pub fn text_of(stored: &[u8]) -> Option<Vec<u8>> {
    if !stored.starts_with(b"\x1f\x8b") {
        return Some(stored.to_owned());
    }
    let mut rest = stored;
    let mut text = Vec::new();
    flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut text).ok()?;
    rest.is_empty().then_some(text)
}

fn hex_sha256(text: &[u8]) -> String {
    digest(&SHA256, text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// Whether a file holds metadata of the digest file beside it.
fn is_beside(path: &str) -> bool {
    [".signature", ".metadata.json"].iter().any(|end| path.ends_with(end))
}

impl Copy<'_> {
    /// Digest files, by path.
    pub fn digests(&self) -> impl Iterator<Item = &String> {
        self.files.keys().filter(|path| path.contains("_CloudTrail-Digest_") && !is_beside(path))
    }

    /// The JSON of a digest file that is in its own place.
    pub fn digest(&self, path: &str) -> Option<Json> {
        let json: Json = serde_json::from_slice(&text_of(&self.files[path])?).ok()?;
        let is_there = key_of(json["digestS3Object"].as_str()?) == key_of(path);
        is_there.then_some(json)
    }

    pub fn worth_of_digest(&self, path: &str) -> DigestWorth {
        let Some(json) = self.digest(path) else { return DigestWorth::Wrong };
        let member = |name: &str| json[name].as_str().unwrap_or("null");
        let Some(key) = self.keys.get(member("digestPublicKeyFingerprint")) else { return DigestWorth::Wrong };
        let text = text_of(&self.files[path]).expect("it was read");
        let message = [
            member("digestEndTime").to_owned(),
            format!("{}/{}", member("digestS3Bucket"), member("digestS3Object")),
            hex_sha256(&text),
            member("previousDigestSignature").to_owned(),
        ]
        .join("\n");
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        let signs = |signature: &str| {
            bytes_of_hex(signature).is_some_and(|signature| key.verify(message.as_bytes(), &signature).is_ok())
        };
        let beside = self.files.get(&format!("{path}.signature"));
        let beside = beside.map(|text| String::from_utf8_lossy(text).trim().to_owned());
        let after: Vec<(&String, String)> = self.digests().filter_map(|other| self.signature_in(other, path)).collect();
        if beside.iter().any(|it| signs(it)) || after.iter().any(|(_, it)| signs(it)) {
            return DigestWorth::Signed;
        }
        // A wrong digest file proves nothing about another, nor does one without signature that is no later.
        let end = |path: &str| path.rsplit('_').find(|part| part.starts_with('2')).unwrap_or_default().to_owned();
        let counts = |(other, _): &(&String, String)| match self.worth_of_digest(other) {
            DigestWorth::Signed => true,
            DigestWorth::Unsigned => end(other) > end(path),
            DigestWorth::Wrong => false,
        };
        if beside.is_some() || after.iter().any(counts) { DigestWorth::Wrong } else { DigestWorth::Unsigned }
    }

    /// The signature of another digest file that one of the same account and Region has, with its path: a signature proves
    /// itself in any place.
    fn signature_in<'c>(&self, path: &'c String, of: &str) -> Option<(&'c String, String)> {
        let json: Json = serde_json::from_slice(&text_of(&self.files[path])?).ok()?;
        let area = |path: &str| key_of(path).split('/').rev().skip(4).map(str::to_owned).collect::<Vec<_>>();
        let is_of = key_of(json["previousDigestS3Object"].as_str()?) == key_of(of) && area(path) == area(of);
        Some((path, json["previousDigestSignature"].as_str().filter(|_| is_of)?.to_owned()))
    }

    /// What digest files of this worth declare of a key: the hash of its text.
    fn hashes(&self, key: &str, worth: DigestWorth, worths: &BTreeMap<String, DigestWorth>) -> Vec<String> {
        let mut hashes = Vec::new();
        for path in self.digests().filter(|path| worths[*path] == worth) {
            // A wrong one may be anywhere.
            let json = text_of(&self.files[path]).and_then(|text| serde_json::from_slice::<Json>(&text).ok());
            let logs = json.as_ref().and_then(|json| json["logFiles"].as_array()).into_iter().flatten();
            let of_key = logs.filter(|log| log["s3Object"].as_str().is_some_and(|object| key_of(object) == key));
            hashes.extend(of_key.filter_map(|log| log["hashValue"].as_str().map(str::to_owned)));
        }
        hashes
    }

    /// What a log file is worth, which digest files are worth that much.
    pub fn worth_of_log(&self, path: &str, worths: &BTreeMap<String, DigestWorth>) -> LogWorth {
        let hash = text_of(&self.files[path]).map(|text| hex_sha256(&text));
        let fits = |hashes: &[String]| hashes.iter().all(|declared| Some(declared) == hash.as_ref());
        let signed = self.hashes(&key_of(path), DigestWorth::Signed, worths);
        if !signed.is_empty() {
            return if fits(&signed) { LogWorth::Proved } else { LogWorth::Contradicted };
        }
        let unsigned = self.hashes(&key_of(path), DigestWorth::Unsigned, worths);
        if !unsigned.is_empty() {
            return LogWorth::Unproved(fits(&unsigned));
        }
        let wrong = self.hashes(&key_of(path), DigestWorth::Wrong, worths);
        if wrong.is_empty() { LogWorth::Undeclared } else { LogWorth::OfWrongDigest }
    }
}
