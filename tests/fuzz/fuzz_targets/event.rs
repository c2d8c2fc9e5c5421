//! One event's text to rows: by the fast path, by the identity cache, and by the parser, against the reference.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use trailmill_fuzz::compare::{check_counts, check_rows, refused};
use trailmill_fuzz::reference::{self, ReferenceArchive};
use trailmill_fuzz::{Decoded, URI, decode, json};

fuzz_target!(|event: &[u8]| {
    let event = event.trim_ascii_end();
    if event.len() < 2 || event[0] != b'{' {
        return;
    }
    // The first event decides about an archive. The second of the same is cached already; white space is never the usual
    // form; and events after a refused one must not be affected by it.
    let plain = b"{\"eventName\":\"x\"}".as_slice();
    let spaced = [b"{ ", &event[1..]].concat();
    let text = [b"{\"Records\":[", [plain, event, event, &spaced, event, plain].join(&b',').as_slice(), b"]}"].concat();
    let archive = decode(&text);
    check_counts(&archive);
    // The end of text that is not JSON is undefined.
    if let Some(expected) = expected(event, &text) {
        check(&expected, &archive, &text);
    }
});

fn expected(event: &[u8], text: &[u8]) -> Option<ReferenceArchive> {
    let event = std::str::from_utf8(event).ok()?;
    let documents = reference::json::documents(event)?;
    (documents == [event]).then(|| reference::reference_archive(URI, text))
}

fn check(expected: &ReferenceArchive, archive: &Decoded, text: &[u8]) {
    assert_eq!(expected.status, "converted");
    let mut wanted = expected.quarantined.clone();
    wanted.sort_unstable();
    assert_eq!(refused(archive), wanted, "{}", String::from_utf8_lossy(text));
    check_rows(expected, archive, text);
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { json::mutate_in_place(data, size, most, seed) });
