//! What a document is, by its content.
//!
//! In: a parsed document, or the names of its first members. Out: whether it holds events, and a word for what it is
//! when it does not. Never: looks at a file name.

use super::tape::{Shape, Value};

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

/// Names that are enough to tell what a document is that holds no events.
pub(crate) const NAMES_KEPT: usize = 32;

/// Kind of an archive whose event arrays are all empty.
pub(crate) const EMPTY: &str = "empty";

/// What the elements of an event array are, by the first object among them: the kind of the archive, or as an error the
/// kind of foreign object. Notifications of S3, SNS and SQS come in arrays called `Records` too.
pub(crate) fn judge(value: Value<'_>) -> Result<&'static str, &'static str> {
    let mut is_event = false;
    let mut category = None;
    for member in value.members() {
        match member.name() {
            "eventSource" | "EventSource" => {
                if matches!(member.value().shape(), Shape::String(source) if source.starts_with("aws:")) {
                    return Err("notification");
                }
                is_event |= member.name() == "eventSource";
            }
            "eventVersion" | "eventTime" | "eventName" | "eventID" | "eventId" | "eventType" => is_event = true,
            "eventCategory" => {
                is_event = true;
                category = member.value().text();
            }
            _ => {}
        }
    }
    if is_event { Ok(kind_of_category(category)) } else { Err("json") }
}

/// The kind of archive that an object makes which certainly is an event, wherever it stands: it tells its version and what
/// it is about (CloudTrail User Guide, record contents). Notifications of S3 do so, too.
pub(crate) fn kind_of_event(value: Value<'_>) -> Option<&'static str> {
    const SUBJECTS: [&str; 4] = ["eventSource", "eventName", "eventType", "eventCategory"];
    let is_text = |name: &str| value.get(name).is_some_and(|member| matches!(member.value().shape(), Shape::String(_)));
    let is_certain = is_text("eventVersion") && SUBJECTS.into_iter().any(is_text);
    if is_certain { judge(value).ok() } else { None }
}

/// A word for a document without events, by the names of its first members.
pub(crate) fn foreign_kind<'n>(names: impl IntoIterator<Item = &'n str>) -> &'static str {
    // The first row whose names are all there wins, so the more telling ones come first.
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
    KINDS.iter().find(|(wanted, _)| wanted.iter().all(&has)).map_or("json", |(_, kind)| kind)
}

/// A word for what is no JSON document at all.
pub(crate) fn foreign_text_kind(text: &[u8]) -> &'static str {
    const STARTS: &[(&[u8], &str)] = &[
        (b"User name,AWS access key,", "console_csv"),
        (b"PAR1", "parquet"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\x1f\x8b", "gzip"),
        (b"Obj\x01", "avro"),
        (b"%PDF", "pdf"),
        (b"\x7fELF", "program"),
    ];
    let known = STARTS.iter().find(|(start, _)| text.starts_with(start));
    match known {
        Some((_, kind)) => kind,
        None if text.get(257..262) == Some(b"ustar") => "tar",
        None if text.iter().take(1_024).all(|byte| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t')) => "text",
        None => "binary",
    }
}
