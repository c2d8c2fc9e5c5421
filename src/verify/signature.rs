//! The signature of a digest file: where it comes from, and what it signs.
//!
//! In: texts of digest files and of sidecar files, metadata of objects. Out: signatures as bytes, and the string that is
//! signed. Never: guesses: a signature verifies with a key or it does not.

use serde::Deserialize;

use super::place::Sidecar;
use crate::model::hex;

/// The only algorithm (CloudTrail User Guide, digest file structure).
const ALGORITHM: &str = "SHA256withRSA";

const NO_HEX: &str = "it holds no hexadecimal signature";

/// Hexadecimal text as bytes.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<_>>().filter(|_| rest.is_empty() && !text.is_empty())
}

/// A SHA-256 in hexadecimal text.
pub(super) fn unhex_hash(text: &str) -> Option<[u8; 32]> {
    unhex(text)?.try_into().ok()
}

/// The string that is signed (CloudTrail User Guide, custom implementations): four lines, the last without an end.
pub(super) fn string_to_sign(
    end_time: &str,
    bucket: &str,
    object: &str,
    hash: &[u8; 32],
    previous_signature: Option<&str>,
) -> String {
    // A starting digest file has no previous signature; the placeholder is JSON's.
    let previous = previous_signature.unwrap_or("null");
    format!("{end_time}\n{bucket}/{object}\n{}\n{previous}", hex(hash))
}

/// The output of `aws s3api head-object`; the SDKs return names of metadata in lower case.
#[derive(Deserialize)]
struct HeadObject {
    #[serde(rename = "Metadata")]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    signature: String,
    #[serde(rename = "signature-algorithm")]
    algorithm: Option<String>,
}

/// The signature in a sidecar file.
///
/// # Errors
///
/// Why there is none.
pub(super) fn from_sidecar(sidecar: Sidecar, text: &[u8]) -> Result<Vec<u8>, String> {
    match sidecar {
        Sidecar::Signature => {
            let signature = std::str::from_utf8(text).ok().and_then(|text| unhex(text.trim()));
            signature.ok_or_else(|| NO_HEX.to_owned())
        }
        Sidecar::Metadata => {
            let head: HeadObject =
                serde_json::from_slice(text).map_err(|error| format!("no answer of head-object: {error}"))?;
            signature_of(&head.metadata.signature, head.metadata.algorithm.as_deref())
        }
    }
}

/// The signature in the user metadata of an object; `None` when there is none.
pub(super) fn from_metadata(metadata: &[(String, String)]) -> Option<Result<Vec<u8>, String>> {
    let value = |wanted: &str| {
        let of_name = |(name, value): &(String, String)| name.eq_ignore_ascii_case(wanted).then(|| value.clone());
        metadata.iter().find_map(of_name)
    };
    let signature = signature_of(&value("signature")?, value("signature-algorithm").as_deref());
    Some(signature.map_err(|why| format!("the metadata of its object is of no use: {why}")))
}

fn signature_of(signature: &str, algorithm: Option<&str>) -> Result<Vec<u8>, String> {
    match algorithm.filter(|algorithm| *algorithm != ALGORITHM) {
        Some(algorithm) => Err(format!("the signature algorithm {algorithm} is not known")),
        None => unhex(signature).ok_or_else(|| NO_HEX.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_text_round_trips() {
        assert_eq!(hex(&[0, 0x0f, 0xff]), "000fff");
        assert_eq!(unhex("000fFF"), Some(vec![0, 0x0f, 0xff]));
        for text in ["", "0", "0g", "00 ", "+1", "é"] {
            assert_eq!(unhex(text), None, "{text:?}");
        }
        assert_eq!(unhex_hash(&"ab".repeat(32)), Some([0xab; 32]));
        assert_eq!(unhex_hash(&"ab".repeat(31)), None);
    }

    /// The form of the example in the CloudTrail User Guide, "Custom implementations".
    #[test]
    fn the_string_to_sign_has_four_lines() {
        let hash = [0x4f; 32];
        let text = string_to_sign("2015-08-12T04:01:31Z", "bucket", "AWSLogs/1/x.json.gz", &hash, Some("6E85"));
        let expected = format!("2015-08-12T04:01:31Z\nbucket/AWSLogs/1/x.json.gz\n{}\n6E85", "4f".repeat(32));
        assert_eq!(text, expected);
        assert!(string_to_sign("t", "b", "o", &hash, None).ends_with("\nnull"));
    }

    #[test]
    fn sidecar_files() {
        assert_eq!(from_sidecar(Sidecar::Signature, b" 0aff\n"), Ok(vec![0x0a, 0xff]));
        assert!(from_sidecar(Sidecar::Signature, b"x").is_err());
        let metadata = |text: &str| from_sidecar(Sidecar::Metadata, text.as_bytes());
        let whole = r#"{"ETag":"x","Metadata":{"signature":"0aff","signature-algorithm":"SHA256withRSA","backfill-generation-timestamp":"t"}}"#;
        assert_eq!(metadata(whole), Ok(vec![0x0a, 0xff]));
        assert_eq!(metadata(r#"{"Metadata":{"signature":"0aff"}}"#), Ok(vec![0x0a, 0xff]));
        for text in ["{}", "0aff", r#"{"Metadata":{}}"#, r#"{"Metadata":{"signature":"x"}}"#] {
            assert!(metadata(text).is_err(), "{text}");
        }
        let other = metadata(r#"{"Metadata":{"signature":"0aff","signature-algorithm":"MD5withRSA"}}"#);
        assert!(other.is_err_and(|error| error.contains("MD5withRSA")));
    }
}
