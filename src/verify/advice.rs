//! How to get the missing signature of a digest file, as a command.
//!
//! In: a digest file's own bucket and key, and its path in the copy. Out: a command for a shell, or words. Never: a command
//! open to shell injection: bucket and key come from an unproved digest file, and users paste commands.

use crate::error::printable_path;
use crate::shell::{is_plain, word};

/// How to get a signature that a copy has lost. `path` is a file, or an object of S3, which is written only when there is
/// something to write.
pub(super) fn fetch_signature(bucket: &str, object: &str, path: &str) -> String {
    // Quotes do not keep a word from being read as a flag.
    if !is_plain(bucket.as_bytes()) || [bucket, object].iter().any(|text| text.starts_with('-')) {
        return in_words();
    }
    let copied = format!("{path}.metadata.json");
    let (Some(object), Some(copied)) = (readable(object), readable(&copied)) else { return in_words() };
    let head = format!("aws s3api head-object --bucket {bucket} --key {object}");
    if path.starts_with("s3://") {
        format!("answer=$({head}) && printf %s \"$answer\" | aws s3 cp - {copied}")
    } else {
        format!("{head} > {copied}")
    }
}

fn in_words() -> String {
    "keep what `aws s3api head-object` prints for it beside it, as <digest file>.metadata.json".to_owned()
}

/// A text as one word of a command; `None` when it would not be readable.
fn readable(text: &str) -> Option<String> {
    let is_readable = !text.is_empty() && printable_path(text) == text;
    is_readable.then(|| word(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_are_safe_for_a_shell() {
        let plain = fetch_signature("bucket", "AWSLogs/1/d.json.gz", "/copy/d.json.gz");
        let head = "aws s3api head-object --bucket bucket --key AWSLogs/1/d.json.gz";
        assert_eq!(plain, format!("{head} > /copy/d.json.gz.metadata.json"));
        let stored = fetch_signature("bucket", "AWSLogs/1/d.json.gz", "s3://copies/one/d.json.gz");
        let put = "aws s3 cp - s3://copies/one/d.json.gz.metadata.json";
        assert_eq!(stored, format!("answer=$({head}) && printf %s \"$answer\" | {put}"));
        for (path, word) in [
            ("/my copy/d", "'/my copy/d.metadata.json'"),
            ("/it's/d", r"'/it'\''s/d.metadata.json'"),
            ("/$(reboot)/`x`;\"*", "'/$(reboot)/`x`;\"*.metadata.json'"),
        ] {
            assert_eq!(fetch_signature("b", "k", path), format!("aws s3api head-object --bucket b --key k > {word}"));
            let key = fetch_signature("b", path, "p");
            assert!(key.contains(&word.replace(".metadata.json", "")), "{key}");
        }
    }

    #[test]
    fn unsafe_names_give_no_command() {
        for bad in ["", "a b", "$(reboot)", "a;b", "-x", "a'b", "é"] {
            assert!(fetch_signature(bad, "k", "p").contains("<digest file>"), "{bad}");
        }
        for bad in ["a\nb", "\u{1b}[2J", "\u{202e}"] {
            assert!(fetch_signature("b", bad, "p").contains("<digest file>"), "{bad}");
            assert!(fetch_signature("b", "k", bad).contains("<digest file>"), "{bad}");
        }
        assert!(fetch_signature("b", "", "p").contains("<digest file>"));
        assert!(fetch_signature("b", "-k", "p").contains("<digest file>"));
    }
}
