//! The public keys that `CloudTrail` signs digest files with.
//!
//! In: the output of `aws cloudtrail list-public-keys`, for any number of Regions. Out: RSA keys by fingerprint. Never:
//! accepts a key under a fingerprint that is not its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::input::to_utf8;
use crate::model::hex;

/// Maximum bytes of a file of public keys; a key is half a kilobyte, and a Region has a few dozen a year.
const MAX_BYTES: u64 = 64 << 20;

const ADVICE: &str = "--public-keys wants what `aws cloudtrail list-public-keys --region REGION --start-time FROM \
                      --end-time TO` prints, for each Region that there are digest files of";

/// The response of `ListPublicKeys` (CloudTrail API Reference); the User Guide's example has the list in lower case.
#[derive(Deserialize)]
struct ListPublicKeysResponse {
    #[serde(rename = "PublicKeyList", alias = "publicKeyList")]
    keys: Vec<ListedKey>,
}

#[derive(Deserialize)]
struct ListedKey {
    /// DER in base64.
    #[serde(rename = "Value")]
    value: String,
    #[serde(rename = "Fingerprint")]
    fingerprint: Option<String>,
}

/// Public keys by fingerprint.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublicKeys {
    /// `None` for a key that is not RSA, or whose size is too small or too large.
    by_fingerprint: HashMap<String, Option<RsaPublicKeyComponents<Vec<u8>>>>,
}

/// The result of a lookup by fingerprint.
pub(super) enum FoundKey<'a> {
    Key(&'a RsaPublicKeyComponents<Vec<u8>>),
    Unusable,
    Nothing,
}

impl PublicKeys {
    /// Reads files of public keys.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is something else, or holds a key that does not match its fingerprint.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self> {
        let mut keys = Self::default();
        for path in files {
            let mut text = Vec::new();
            let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text));
            read.map_err(|error| Error::at(ErrorKind::PublicKeysInvalid, path, error).advise(ADVICE))?;
            if text.len() as u64 > MAX_BYTES {
                return Err(invalid(path, "it is too large"));
            }
            keys.add(path, &to_utf8(text))?;
        }
        Ok(keys)
    }

    /// Adds the keys of a file: a response, or several concatenated, as from a loop over Regions.
    fn add(&mut self, path: &Path, text: &[u8]) -> Result<()> {
        let mut count = 0;
        for answer in serde_json::Deserializer::from_slice(text).into_iter::<ListPublicKeysResponse>() {
            let answer = answer.map_err(|error| invalid(path, &format!("no list of public keys: {error}")))?;
            for listed in answer.keys {
                let der = STANDARD
                    .decode(listed.value.trim())
                    .map_err(|error| invalid(path, &format!("a key is not base64: {error}")))?;
                // The fingerprint is the MD5 of the content of `Value`, in either form, as the keys published in the User Guide
                // show.
                let fingerprint = hex(&md5::compute(&der).0);
                if let Some(listed_fingerprint) = listed
                    .fingerprint
                    .filter(|listed_fingerprint| !listed_fingerprint.eq_ignore_ascii_case(&fingerprint))
                {
                    let listed_fingerprint = crate::error::printable(&listed_fingerprint);
                    return Err(invalid(
                        path,
                        &format!("the key under fingerprint {listed_fingerprint} has the fingerprint {fingerprint}"),
                    ));
                }
                self.by_fingerprint.insert(fingerprint, rsa_key(&der));
                count += 1;
            }
        }
        if count == 0 { Err(invalid(path, "it lists no key")) } else { Ok(()) }
    }

    pub(super) fn find(&self, fingerprint: &str) -> FoundKey<'_> {
        match self.by_fingerprint.get(&fingerprint.to_ascii_lowercase()) {
            Some(Some(key)) => FoundKey::Key(key),
            Some(None) => FoundKey::Unusable,
            None => FoundKey::Nothing,
        }
    }
}

/// Whether this is a valid RSA PKCS#1 v1.5 signature over SHA-256 for a message.
pub(super) fn has_signed(key: &RsaPublicKeyComponents<Vec<u8>>, message: &[u8], signature: &[u8]) -> bool {
    key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
}

fn invalid(path: &Path, message: &str) -> Error {
    Error::at(ErrorKind::PublicKeysInvalid, path, message).advise(ADVICE)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// 1.2.840.113549.1.1.1, `rsaEncryption` (RFC 8017).
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// An RSA key in PKCS#1 DER, as documented, or in X.509 `SubjectPublicKeyInfo`, as one of the published keys is.
fn rsa_key(der: &[u8]) -> Option<RsaPublicKeyComponents<Vec<u8>>> {
    let (outer, rest) = element(der, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    if outer.first() == Some(&SEQUENCE) {
        let (algorithm, key) = element(outer, SEQUENCE)?;
        let (identifier, _) = element(algorithm, OBJECT_IDENTIFIER)?;
        let (bits, rest) = element(key, BIT_STRING)?;
        let is_rsa = identifier == RSA_ENCRYPTION && rest.is_empty();
        // The first byte gives the number of unused bits of the last.
        return pkcs1(bits.strip_prefix(&[0]).filter(|_| is_rsa)?);
    }
    pkcs1(der)
}

fn pkcs1(der: &[u8]) -> Option<RsaPublicKeyComponents<Vec<u8>>> {
    let (sequence, rest) = element(der, SEQUENCE)?;
    let (n, numbers) = element(sequence, INTEGER)?;
    let (e, end) = element(numbers, INTEGER)?;
    let [n, e] = [n, e].map(|number| number.strip_prefix(&[0]).unwrap_or(number).to_vec());
    // The limits of ring's signature verification.
    let is_sound = rest.is_empty() && end.is_empty() && (256..=1_024).contains(&n.len()) && (1..=5).contains(&e.len());
    is_sound.then_some(RsaPublicKeyComponents { n, e })
}

/// The content of a DER element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, mut rest) = rest.split_first().filter(|_| *found == tag)?;
    let mut length = usize::from(*first);
    if length >= 0x80 {
        let count = length & 0x7f;
        if !(1..=3).contains(&count) || rest.len() < count {
            return None;
        }
        length = rest[..count].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = &rest[count..];
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample response of the CloudTrail User Guide, "Custom implementations of log file integrity validation": keys
    /// that AWS publishes, one of them as X.509 `SubjectPublicKeyInfo`.
    const PUBLISHED: [(&str, &str); 3] = [
        (
            "8eba5db5bea9b640d1c96a77256fe7f2",
            "MIIBCgKCAQEAn11L2YZ9h7onug2ILi1MWyHiMRsTQjfWE+pHVRLk1QjfWhirG+lpOa8NrwQ/r7Ah5bNL6HepznOU9XTDSfmmnP97mqyc7z/upfZdS/AHhYcGaz7n6Wc/RRBU6VmiPCrAUojuSk6/GjvA8iOPFsYDuBtviXarvuLPlrT9kAd4Lb+rFfR5peEgBEkhlzc5HuWO7S0y+KunqxX6jQBnXGMtxmPBPP0FylgWGNdFtks/4YSKcgqwH0YDcawP9GGGDAeCIqPWIXDLG1jOjRRzWfCmD0iJUkz8vTsn4hq/5ZxRFE7UBAUiVcGbdnDdvVfhF9C3dQiDq3k7adQIziLT0cShgQIDAQAB",
        ),
        (
            "8933b39ddc64d26d8e14ffbf6566fee4",
            "MIIBCgKCAQEApfYL2FiZhpN74LNWVUzhR+VheYhwhYm8w0n5Gf6i95ylW5kBAWKVEmnAQG7BvS5g9SMqFDQx52fW7NWV44IvfJ2xGXT+wT+DgR6ZQ+6yxskQNqV5YcXj4Aa5Zz4jJfsYjDuO2MDTZNIzNvBNzaBJ+r2WIWAJ/Xq54kyF63B6WE38vKuDE7nSd1FqQuEoNBFLPInvgggYe2Ym1Refe2z71wNcJ2kY+q0h1BSHrSM8RWuJIw7MXwF9iQncg9jYzUlNJomozQzAG5wSRfbplcCYNY40xvGd/aAmO0m+Y+XFMrKwtLCwseHPvj843qVno6x4BJN9bpWnoPo9sdsbGoiK3QIDAQAB",
        ),
        (
            "31e8b5433410dfb61a9dc45cc65b22ff",
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqlzPJbvZJ42UdcmLfPUqXYNfOs6I8lCfao/tOs8CmzPOEdtLWugB9xoIUz78qVHdKIqxbaG4jWHfJBiOSSFBM0lt8cdVo4TnRa7oG9io5pysS6DJhBBAeXsicufsiFJR+wrUNh8RSLxL4k6G1+BhLX20tJkZ/erT97tDGBujAelqseGg3vPZbTx9SMfOLN65PdLFudLP7Gat0Z9p5jw/rjpclKfo9Bfc3heeBxWGKwBBOKnFAaN9V57pOaosCvPKmHd9bg7jsQkI9Xp22IzGLsTFJZYVA3KiTAElDMu80iFXPHEq9hKNbt9e4URFam+1utKVEiLkR2disdCmPTK0VQIDAQAB",
        ),
    ];

    fn add(text: &str) -> Result<PublicKeys> {
        let mut keys = PublicKeys::default();
        keys.add(Path::new("keys.json"), text.as_bytes()).map(|()| keys)
    }

    fn answer(list: &str, fingerprint: &str, value: &str) -> String {
        format!(
            r#"{{"{list}":[{{"Value":"{value}","Fingerprint":"{fingerprint}","ValidityStartTime":"1436317441.0"}}]}}"#
        )
    }

    #[test]
    fn published_keys_match_their_fingerprints_and_are_usable() {
        let text: Vec<String> =
            PUBLISHED.iter().map(|(fingerprint, value)| answer("publicKeyList", fingerprint, value)).collect();
        let keys = add(&text.join("\n")).expect("published keys");
        for (fingerprint, _) in PUBLISHED {
            let FoundKey::Key(key) = keys.find(&fingerprint.to_uppercase()) else { panic!("{fingerprint}") };
            assert_eq!((key.n.len(), key.e.as_slice()), (256, [1, 0, 1].as_slice()), "{fingerprint}");
        }
        assert!(matches!(keys.find("00"), FoundKey::Nothing));
    }

    #[test]
    fn files_without_keys_are_refused_with_advice() {
        let (fingerprint, value) = PUBLISHED[0];
        for (text, words) in [
            (String::new(), "it lists no key"),
            ("{\"PublicKeyList\":[]}".into(), "it lists no key"),
            ("[]".into(), "no list of public keys"),
            ("{\"Records\":[]}".into(), "no list of public keys"),
            (answer("PublicKeyList", fingerprint, "!"), "not base64"),
            (answer("PublicKeyList", PUBLISHED[1].0, value), "has the fingerprint 8eba5db5bea9b640d1c96a77256fe7f2"),
        ] {
            let error = add(&text).expect_err(&text).to_string();
            assert!(error.contains(words) && error.contains("list-public-keys"), "{text}: {error}");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_kept_as_unusable() {
        let (_, value) = PUBLISHED[0];
        let der = STANDARD.decode(value).expect("base64");
        assert!(rsa_key(&der).is_some());
        for at in 1..der.len() {
            assert!(rsa_key(&der[..at]).is_none(), "{at} bytes");
        }
        assert!(rsa_key(&[der.as_slice(), &[0]].concat()).is_none());
        // "Hello" is not a key, and its MD5 is well known.
        let keys = add(&answer("PublicKeyList", "8b1a9953c4611296a827abf8c47804d7", "SGVsbG8=")).expect("a list");
        assert!(matches!(keys.find("8b1a9953c4611296a827abf8c47804d7"), FoundKey::Unusable));
    }
}
