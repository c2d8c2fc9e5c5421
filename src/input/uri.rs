//! Names as URIs.
//!
//! In: names of files, keys and members, any bytes. Out: text. Never: the same text for two names.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

/// Escapes bytes that a URI cannot hold, and the exclamation mark, which separates a container and its member.
pub(super) fn push_escaped(uri: &mut String, name: &OsStr) {
    for byte in name.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~$&'()*+,;=:@".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
}
