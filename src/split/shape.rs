//! The kind of a document, by its content.
//!
//! In: a parsed document, or the names of its first members. Out: whether it holds events, and otherwise a word for its
//! kind. Never: looks at a file name.

use crate::json::tape::{Member, Shape, Value};

/// Words for what an archive with events holds, by the `eventCategory` of its first event.
fn kind_of_category(category: Option<&str>) -> &'static str {
    match category {
        Some("Insight") => "insight",
        Some("NetworkActivity") => "network_activity",
        Some("Aggregated") => "aggregated",
        _ => LOG,
    }
}

/// Kind of an archive with events of no special category.
pub(crate) const LOG: &str = "log";

/// Number of names that suffice to identify a document without events.
pub(crate) const NAMES_KEPT: usize = 32;

/// Kind of JSON without events that is nothing else known.
pub(crate) const JSON: &str = "json";

/// Kind of an archive whose event arrays are all empty.
pub(crate) const EMPTY: &str = "empty";

/// Kind of the notifications of services and stores.
pub(crate) const NOTIFICATION: &str = "notification";

/// Whether this describes an object of a store: S3 and compatible stores in `s3`, Alibaba Cloud's OSS in
/// `oss`, Huawei Cloud's OBS in `obs`.
fn describes_object(value: Value<'_>) -> bool {
    let has = |name: &str| value.members().any(|member| member.name() == name && !member.value().is_null());
    has("bucket") && has("object")
}

/// Whether this is a store's name for a change of an object, such as `ObjectCreated:Put` or `tos:ObjectCreated:Put`: names of
/// API calls have no colon.
fn names_object_event(name: &str) -> bool {
    name.split_once(':').is_some_and(|(before, after)| before.starts_with("Object") || after.starts_with("Object"))
}

/// What the elements of an event array are, by the first object among them: the kind of the archive, or as an error the
/// kind of foreign object. Notifications of S3, SNS and SQS come in arrays called `Records` too, and those of stores differ
/// from events only in what they describe.
pub(crate) fn classify(value: Value<'_>) -> Result<&'static str, &'static str> {
    let mut is_event = false;
    let mut category = None;
    for member in value.members() {
        match member.name() {
            "eventSource" | "EventSource" => {
                if matches!(member.value().shape(), Shape::String(source) if source.starts_with("aws:")) {
                    return Err(NOTIFICATION);
                }
                is_event |= member.name() == "eventSource";
            }
            "eventName" if member.value().text().is_some_and(names_object_event) => return Err(NOTIFICATION),
            "s3" | "oss" | "obs" if describes_object(member.value()) => return Err(NOTIFICATION),
            "eventVersion" | "eventTime" | "eventName" | "eventID" | "eventId" | "eventType" => is_event = true,
            "eventCategory" => {
                is_event = true;
                category = member.value().text();
            }
            _ => {}
        }
    }
    if is_event { Ok(kind_of_category(category)) } else { Err(JSON) }
}

/// The kind of archive for an object that is certainly an event, wherever it is: it has a version and event
/// details (CloudTrail User Guide, record contents). Notifications of S3 do, too.
pub(crate) fn kind_of_event(value: Value<'_>) -> Option<&'static str> {
    const SUBJECTS: [&str; 4] = ["eventSource", "eventName", "eventType", "eventCategory"];
    let is_text = |name: &str| value.get(name).is_some_and(|member| matches!(member.value().shape(), Shape::String(_)));
    // Pipelines that turn number-like strings into numbers keep a version's decimal point.
    let is_version = |member: Member<'_>| match member.value().shape() {
        Shape::String(_) => true,
        Shape::Number => member.raw().contains('.'),
        _ => false,
    };
    let is_certain = value.get("eventVersion").is_some_and(is_version) && SUBJECTS.into_iter().any(is_text);
    if is_certain { classify(value).ok() } else { None }
}

/// A word for a document without events, by the names of its first members.
pub(crate) fn foreign_kind<'n>(names: impl IntoIterator<Item = &'n str>) -> &'static str {
    // The first row whose names are all present wins, so the more specific ones come first.
    const KINDS: &[(&[&str], &str)] = &[
        (&["digestS3Object", "logFiles"], "digest"),
        (&["configurationItems"], "config"),
        (&["configSnapshotId"], "config"),
        (&["detail-type", "detail"], "eventbridge_event"),
        (&["messageType", "logEvents"], "cloudwatch_logs"),
        (&["s3Bucket", "s3ObjectKey"], "sns_notice"),
        (&["Type", "Message"], "sns_notice"),
        (&["CloudTrailEvent"], "lookup_events"),
        (&["Events"], "lookup_events"),
        (&["PublicKeyList"], "public_keys"),
    ];
    let names: Vec<&str> = names.into_iter().take(NAMES_KEPT).collect();
    let has = |wanted: &&str| names.contains(wanted);
    KINDS.iter().find(|(wanted, _)| wanted.iter().all(&has)).map_or(JSON, |(_, kind)| kind)
}

/// Kind of a file of zeros.
pub(crate) const ZEROS: &str = "zeros";
/// Kind of an XML or HTML page.
pub(crate) const MARKUP: &str = "markup";
/// Kind of the pointer that Git LFS stores in place of a large file.
pub(crate) const GIT_LFS_POINTER: &str = "git_lfs_pointer";
/// Kind of text of no other kind.
pub(crate) const TEXT: &str = "text";
/// Kinds of containers that were not opened.
pub(crate) const TAR: &str = "tar";
pub(crate) const ZIP: &str = "zip";
/// Kind of bytes of no other kind.
pub(crate) const BINARY: &str = "binary";

/// Beginnings of files with an unsupported compression, or that are compressed more often than is supported.
const COMPRESSED: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x5e", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\0\0sNaPpY", "snappy"),
    (b"LZIP", "lzip"),
    (b"\x1f\x9d", "compress"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
];

/// Beginnings of other known files.
const OTHERS: &[(&[u8], &str)] = &[
    (b"User name,AWS access key,", "console_csv"),
    (b"version https://git-lfs.", GIT_LFS_POINTER),
    (b"<", MARKUP),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", ZIP),
    (b"Obj\x01", "avro"),
    (b"%PDF", "pdf"),
    (b"\x7fELF", "program"),
];

/// Whether this is a kind of file with an unsupported compression.
pub(crate) fn is_compressed(kind: &str) -> bool {
    COMPRESSED.iter().any(|(_, known)| *known == kind)
}

/// A word for text that is not a JSON document.
pub(crate) fn foreign_text_kind(text: &[u8]) -> &'static str {
    let head = &text[..text.len().min(1_024)];
    let has_no_control = head.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t'));
    let is_utf8 = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    // Text in a legacy encoding is mostly ASCII all the same.
    let is_mostly_ascii = head.iter().filter(|byte| byte.is_ascii()).count() >= head.len() / 4 * 3;
    let is_text = has_no_control && (is_utf8 || (is_mostly_ascii && head.len() >= 16));
    let begins = |(start, _): &&(&[u8], &str)| text.starts_with(start);
    let compressed = COMPRESSED.iter().find(begins).filter(|_| !is_text);
    match compressed.or_else(|| OTHERS.iter().find(begins)) {
        Some((_, kind)) => kind,
        None if text.get(257..262) == Some(b"ustar") => TAR,
        None if is_text => TEXT,
        None if head.iter().all(|byte| *byte == 0) => ZEROS,
        None => BINARY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_json_has_a_kind() {
        for (text, kind) in [
            (&b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"[..], MARKUP),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", GIT_LFS_POINTER),
            (b"BZh91AY&SY\x0e\x09\xe2", "bzip2"),
            (b"BZh is how bzip2 begins", TEXT),
            (b"x^2 is text", TEXT),
            (b"\x78\x9c\xab\x56", "zlib"),
            (b"\0\0\0", ZEROS),
            (b"\0\x01", BINARY),
            (b"\x1f", BINARY),
            (b"7", TEXT),
        ] {
            assert_eq!(foreign_text_kind(text), kind, "{text:?}");
        }
        assert!(is_compressed("xz") && !is_compressed("zip"));
    }
}
