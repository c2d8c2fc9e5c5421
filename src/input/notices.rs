//! Messages about new objects from CloudTrail, S3, other stores, SNS, SQS and EventBridge.
//!
//! In: a line. Out: the objects that it names; how many valid messages name none; and the errors of others.
//! Never: skips a message without counting it.

use std::path::PathBuf;

use serde_json::Value;

use crate::error::printable;
use crate::store::{COPY_IT, ObjectUrl, is_bucket_name, why_unreachable};

/// Maximum nesting of messages: an SNS notice in an SQS body in the output of `aws sqs receive-message` is three.
const MAX_DEPTH: usize = 8;

/// Sent by CloudTrail when a topic is set up (CloudTrail Processing Library).
const VALIDATION_MESSAGE: &str = "CloudTrail validation message.";

/// The name of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Object(ObjectUrl),
    Path(PathBuf),
}

/// The content of a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) references: Vec<Reference>,
    /// Messages that are understood and name nothing new: about a new topic, removed objects, or
    /// folders.
    pub(super) passed_over: u64,
    /// Errors of messages that are not understood.
    pub(super) wrong: Vec<String>,
}

impl Notice {
    /// Reads a line: the URL or path of an archive, or a message in JSON.
    pub(super) fn read(line: &str) -> Self {
        let mut notice = Self::default();
        // Concatenated lists have a byte order mark in the middle.
        let line = line.trim_start_matches('\u{feff}').trim();
        if !line.is_empty() && !notice.take_text(line, 0) {
            let path = PathBuf::from(line);
            match ObjectUrl::of(&path) {
                Ok(Some(_)) if line.ends_with('/') => {
                    notice.refuse("it names a folder; name objects, or give the folder as an input", line);
                }
                Ok(Some(url)) if url.key.is_empty() => notice.refuse("it names a bucket and no object in it", line),
                Ok(Some(url)) => notice.references.push(Reference::Object(url)),
                Ok(None) => notice.references.push(Reference::Path(path)),
                Err(error) => notice.refuse(&format!("{}{}", error.cause(), error.advice()), line),
            }
        }
        notice
    }

    fn refuse(&mut self, why: &str, named: &str) {
        self.wrong.push(format!("{why}: {}", printable(named)));
    }

    /// Takes a text that is a message; `false` when it is neither JSON nor known.
    fn take_text(&mut self, text: &str, depth: usize) -> bool {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text == VALIDATION_MESSAGE {
            self.passed_over += 1;
        } else if text.starts_with(['{', '[', '"']) {
            match serde_json::from_str(text) {
                Ok(value) => self.take(&value, depth),
                Err(error) => self.refuse(&format!("it is no JSON ({error})"), text),
            }
        } else {
            return false;
        }
        true
    }

    fn take(&mut self, value: &Value, depth: usize) {
        let inner = |name: &str| value.get(name).and_then(Value::as_str);
        if depth > MAX_DEPTH {
            return self.refuse("messages are nested too deep", "");
        }
        // A nested message: SQS in the form of its API and of Lambda, SNS, and SNS in the form of Lambda.
        if let Some(text) = value.as_str().or_else(|| inner("Body")).or_else(|| inner("body")) {
            if !self.take_text(text, depth + 1) {
                self.refuse("it is not a message about objects", text);
            }
        } else if let Some(text) = inner("Message") {
            let is_of_set_up = inner("Type").is_some_and(|kind| kind.ends_with("Confirmation"));
            if is_of_set_up {
                self.passed_over += 1;
            } else if !self.take_text(text, depth + 1) {
                self.refuse("it is not a message about objects", text);
            }
        } else if let Some(sns) = value.get("Sns") {
            self.take(sns, depth + 1);
        } else if let Some(messages) = value.as_array().or_else(|| value.get("Messages")?.as_array()) {
            for message in messages {
                self.take(message, depth + 1);
            }
        } else if let Some(records) = ["Records", "events"].iter().find_map(|name| value.get(name)?.as_array()) {
            // S3 and compatible stores; Alibaba Cloud's OSS.
            for record in records {
                self.take(record, depth + 1);
            }
        } else {
            self.take_notice(value);
        }
    }

    fn take_notice(&mut self, value: &Value) {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        if let (Some(bucket), Some(keys)) = (text("/s3Bucket"), value.get("s3ObjectKey")) {
            // CloudTrail (User Guide, "Configuring Amazon SNS notifications").
            let keys = keys.as_array().map_or(std::slice::from_ref(keys), Vec::as_slice);
            for key in keys {
                match key.as_str() {
                    Some(key) => self.add(bucket, key),
                    None => self.refuse("a key is no text", &key.to_string()),
                }
            }
        } else if let Some((bucket, key)) = object_of_store(value) {
            let event_name = text("/eventName");
            if event_name.is_some_and(is_of_no_new_object) {
                self.passed_over += 1;
            } else if let Some(name) = event_name.filter(|name| !is_of_new_object(name)) {
                self.refuse("it is about something unknown", name);
            } else if let Some(key) = form_decoded(key) {
                self.add(bucket, &key);
            } else {
                self.refuse("the key is not UTF-8 when it is decoded", key);
            }
        } else if let (Some(bucket), Some(key)) = (text("/detail/bucket/name"), text("/detail/object/key")) {
            // S3 via EventBridge (User Guide, "EventBridge event message structure"), where keys are not encoded.
            match text("/detail-type") {
                Some("Object Created" | "Object Restore Completed") => self.add(bucket, key),
                Some(kind) if kind.starts_with("Object ") => self.passed_over += 1,
                kind => self.refuse("it is about something unknown", kind.unwrap_or_default()),
            }
        } else if text("/Event") == Some("s3:TestEvent") {
            self.passed_over += 1;
        } else {
            self.refuse("it is not a message about objects", &value.to_string());
        }
    }

    fn add(&mut self, bucket: &str, key: &str) {
        if !is_bucket_name(bucket) || key.is_empty() {
            return self.refuse("it names no object that there can be", &format!("{bucket}/{key}"));
        }
        if let Some(why) = why_unreachable(key.strip_suffix('/').unwrap_or(key)) {
            return self.refuse(&format!("{why}; {COPY_IT}"), &format!("s3://{bucket}/{key}"));
        }
        if key.ends_with('/') {
            // It is the marker of a folder that someone has created.
            self.passed_over += 1;
            return;
        }
        self.references.push(Reference::Object(ObjectUrl { bucket: bucket.to_owned(), key: key.to_owned() }));
    }
}

/// Bucket and key in notices of stores: S3 (User Guide, "Event message structure") and compatible ones, Alibaba
/// Cloud's OSS and Huawei Cloud's OBS under their own names.
fn object_of_store(notice: &Value) -> Option<(&str, &str)> {
    ["s3", "oss", "obs"].iter().find_map(|store| {
        let named = notice.get(store)?;
        Some((named.pointer("/bucket/name")?.as_str()?, named.pointer("/object/key")?.as_str()?))
    })
}

/// Multipart events that OSS reports.
const UNFINISHED: [&str; 3] = ["InitiateMultipartUpload", "UploadPart", "UploadPartCopy"];

/// Whether an event of a store is known to mean that there is no new object.
fn is_of_no_new_object(event_name: &str) -> bool {
    const KINDS: [&str; 13] = [
        "ObjectRemoved",
        "ObjectRestore",
        "ObjectSynced",
        "ObjectTagging",
        "ObjectAcl",
        "ObjectAccessed",
        "ObjectDownloaded",
        "ObjectReplication",
        "ObjectLifecycle",
        "Replication",
        "LifecycleExpiration",
        "LifecycleTransition",
        "IntelligentTiering",
    ];
    let name = event_name.trim_start_matches("s3:");
    let (kind, how) = name.split_once(':').unwrap_or((name, ""));
    let is_unfinished = kind == "ObjectCreated" && UNFINISHED.contains(&how);
    let is_known = KINDS.contains(&kind) || kind == "ReducedRedundancyLostObject";
    is_unfinished || (is_known && !is_of_new_object(event_name))
}

/// Whether an event of a store means that there is a new object: a restored object can be read again, and the parts
/// that OSS reports are not objects yet.
fn is_of_new_object(event_name: &str) -> bool {
    match event_name.trim_start_matches("s3:").split_once(':') {
        Some(("ObjectCreated", how)) => !UNFINISHED.contains(&how),
        Some(("ObjectSynced", how)) => how == "Create",
        Some(("ObjectRestore", how)) => matches!(how, "Completed" | "FinishRestore"),
        _ => false,
    }
}

/// Decodes a key in a notice of S3, which is form-encoded: a plus means a blank.
fn form_decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        rest = after;
        match (first, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', None) => bytes.push(b' '),
            (first, None) => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, objects: &[&str], passed_over: u64) {
        let notice = Notice::read(line);
        let found: Vec<String> = notice
            .references
            .iter()
            .map(|reference| match reference {
                Reference::Object(url) => url.to_string(),
                Reference::Path(path) => path.display().to_string(),
            })
            .collect();
        assert_eq!((found.as_slice(), notice.passed_over), (objects.map_owned().as_slice(), passed_over), "{line}");
        assert!(notice.wrong.is_empty(), "{:?}", notice.wrong);
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }

    impl MapOwned for [&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|text| (*text).to_owned()).collect()
        }
    }

    /// A message as the text of a member.
    fn quoted(message: &str) -> String {
        Value::from(message).to_string()
    }

    const CLOUDTRAIL: &str = r#"{"s3Bucket":"trail","s3ObjectKey":["AWSLogs/1/a+b.json.gz","AWSLogs/1/b.json.gz"]}"#;
    const CREATED: &str = r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"trail"},"object":{"key":"AWSLogs/1/a+b%2Bc%C3%A9.json.gz"}}}]}"#;

    #[test]
    fn lines_are_names_as_typed() {
        check("s3://trail/AWSLogs/1/a b.json.gz\n", &["s3://trail/AWSLogs/1/a b.json.gz"], 0);
        check("./a/b.json.gz", &["./a/b.json.gz"], 0);
        check("  ", &[], 0);
    }

    #[test]
    fn messages_in_every_wrapping() {
        let of_cloudtrail: &[&str] = &["s3://trail/AWSLogs/1/a+b.json.gz", "s3://trail/AWSLogs/1/b.json.gz"];
        let of_s3: &[&str] = &["s3://trail/AWSLogs/1/a b+cé.json.gz"];
        for (message, objects) in [(CLOUDTRAIL, of_cloudtrail), (CREATED, of_s3)] {
            check(message, objects, 0);
            check(&quoted(message), objects, 0);
            let sns =
                format!(r#"{{"Type":"Notification","MessageId":"m","TopicArn":"t","Message":{}}}"#, quoted(message));
            check(&sns, objects, 0);
            for message in [message, &sns] {
                let body = quoted(message);
                check(&format!(r#"{{"MessageId":"m","ReceiptHandle":"r","Body":{body}}}"#), objects, 0);
                check(
                    &format!(r#"{{"Messages":[{{"Body":{body}}},{{"Body":{body}}}]}}"#),
                    &[objects, objects].concat(),
                    0,
                );
                check(
                    &format!(r#"{{"Records":[{{"messageId":"m","body":{body},"eventSource":"aws:sqs"}}]}}"#),
                    objects,
                    0,
                );
            }
            let sns = format!(r#"{{"Records":[{{"EventSource":"aws:sns","Sns":{{"Message":{}}}}}]}}"#, quoted(message));
            check(&sns, objects, 0);
        }
        let bridge = |kind: &str| {
            format!(
                r#"{{"version":"0","detail-type":"{kind}","source":"aws.s3","detail":{{"bucket":{{"name":"trail"}},"object":{{"key":"a+b%20c"}}}}}}"#
            )
        };
        check(&bridge("Object Created"), &["s3://trail/a+b%20c"], 0);
        check(&bridge("Object Deleted"), &[], 1);
    }

    #[test]
    fn notices_of_other_stores_are_read() {
        let notice = |name: &str, store: &str| {
            format!(
                r#"{{"eventVersion":"2.0","eventSource":"x","eventName":"{name}","{store}":{{"bucket":{{"name":"trail"}},"object":{{"key":"AWSLogs%2F1%2Fa.json.gz"}}}}}}"#
            )
        };
        let object: &[&str] = &["s3://trail/AWSLogs/1/a.json.gz"];
        for store in ["s3", "oss", "obs"] {
            let created = notice("s3:ObjectCreated:Put", store);
            let records = format!(
                r#"{{"EventName":"s3:ObjectCreated:Put","Key":"trail/AWSLogs/1/a.json.gz","Records":[{created}]}}"#
            );
            for line in [
                &created,
                &format!("[{created}]"),
                &records,
                &format!(r#"{{"events":[{created}]}}"#),
                &quoted(&records),
            ] {
                check(line, object, 0);
            }
            for new in
                ["ObjectCreated:PutObject", "ObjectCreated:CompleteMultipartUpload", "ObjectRestore:FinishRestore"]
            {
                check(&notice(new, store), object, 0);
            }
            for other in [
                "s3:ObjectRemoved:Delete",
                "ObjectCreated:UploadPart",
                "ObjectRestore:Post",
                "ObjectDownloaded:GetObject",
            ] {
                check(&notice(other, store), &[], 1);
            }
        }
    }

    #[test]
    fn messages_that_name_nothing_new_are_counted() {
        check("CloudTrail validation message.", &[], 1);
        check(r#"{"Type":"Notification","Message":"CloudTrail validation message."}"#, &[], 1);
        check(r#"{"Type":"SubscriptionConfirmation","Message":"You have chosen to subscribe"}"#, &[], 1);
        check(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"trail"}"#, &[], 1);
        check(&CREATED.replace("ObjectCreated:Put", "ObjectRemoved:Delete"), &[], 1);
        check(&CREATED.replace("ObjectCreated:Put", "s3:ObjectTagging:Put"), &[], 1);
        check(r#"{"Messages":[]}"#, &[], 0);
        check(r#"{"s3Bucket":"trail","s3ObjectKey":["AWSLogs/"]}"#, &[], 1);
    }

    #[test]
    fn errors_are_reported_and_the_rest_is_taken() {
        for (line, why) in [
            ("{", "no JSON"),
            ("s3://trail", "names a bucket"),
            ("gs://trail/a", "only s3://"),
            ("s3://trail/folder/", "names a folder"),
            (&CREATED.replace("ObjectCreated:Put", "OBJECT_CREATE"), "something unknown"),
            (&CREATED.replace("ObjectCreated:Put", ""), "something unknown"),
            (r#"{"Records":[{"eventVersion":"1.08","eventName":"GetObject"}]}"#, "not a message about objects"),
            (r#"{"Message":"hello"}"#, "not a message about objects"),
            (r#"{"s3Bucket":"","s3ObjectKey":["a"]}"#, "names no object"),
            (r#"{"s3Bucket":"2130706433#","s3ObjectKey":["a"]}"#, "names no object"),
            (r#"{"s3Bucket":"intranet:8443?","s3ObjectKey":["a"]}"#, "names no object"),
            ("s3://intranet:8443?/a", "no bucket can be called so"),
            (r#"{"s3Bucket":"trail","s3ObjectKey":["/a"]}"#, "begins with a slash"),
            (r#"{"s3Bucket":"trail","s3ObjectKey":["a//b"]}"#, "empty folder name"),
            (r#"{"s3Bucket":"b","s3ObjectKey":[7]}"#, "a key is no text"),
            (&CREATED.replace("%C3%A9", "%C3"), "not UTF-8"),
            ("{}", "not a message about objects"),
        ] {
            let notice = Notice::read(line);
            assert!(notice.references.is_empty() && notice.passed_over == 0, "{line}");
            assert!(notice.wrong.len() == 1 && notice.wrong[0].contains(why), "{line}: {:?}", notice.wrong);
        }
        let mixed = format!(r#"{{"Messages":[{{"Body":"hello"}},{{"Body":{}}}]}}"#, quoted(CLOUDTRAIL));
        let notice = Notice::read(&mixed);
        assert_eq!((notice.references.len(), notice.wrong.len()), (2, 1));
        let deep = (0..40).fold("1".to_owned(), |inner, _| format!("[{inner}]"));
        assert_eq!(Notice::read(&deep).wrong.len(), 1);
    }
}
