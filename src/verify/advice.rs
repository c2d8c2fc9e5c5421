//! What may be done about a digest file without a signature, as a command.
//!
//! In: a digest file's own bucket and key, and where the copy has it. Out: a command for a shell, or words. Never: a command
//! that a shell would take apart: bucket and key are those of a digest file that nothing proves, and people paste commands.

use crate::error::printable_path;
use crate::shell::{is_plain, word};

/// How to get a signature that a copy has lost. `path` is a file, or an object of S3, which is written only when there is
/// something to write.
pub(super) fn fetch_signature(bucket: &str, object: &str, path: &str) -> String {
    // Quotes do not keep a flag from being one.
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

/// A text as one word of a command; `None` when people could not read it.
fn readable(text: &str) -> Option<String> {
    let is_readable = !text.is_empty() && printable_path(text) == text;
    is_readable.then(|| word(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_made_of_words_that_a_shell_leaves_as_they_are() {
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
    fn no_command_is_made_of_what_cannot_be_one() {
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
