//! One event's text to rows: by the quick way, by way of what is known, and by the parser, against the reference.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use trailmill::stages::ConvertedArchive;
use trailmill_fuzz::compare::{check_counts, check_rows, shown};
use trailmill_fuzz::reference::{self, ReferenceArchive};
use trailmill_fuzz::{URI, json, with_converter};

fuzz_target!(|event: &[u8]| {
    // What the cutter hands on.
    let event = event.trim_ascii_end();
    if event.len() < 2 || event[0] != b'{' {
        return;
    }
    // An archive is judged by its first event. The second of the same is known already; white space is never the usual
    // form; and what comes behind one that is refused must not know about it.
    let plain = b"{\"eventName\":\"x\"}".as_slice();
    let spaced = [b"{ ", &event[1..]].concat();
    let mut text = b"{\"Records\":[".to_vec();
    let mut places = Vec::new();
    for form in [plain, event, event, &spaced, event, plain] {
        if !places.is_empty() {
            text.push(b',');
        }
        places.push(text.len()..text.len() + form.len());
        text.extend_from_slice(form);
    }
    text.extend_from_slice(b"]}");
    let archive = with_converter(|converter| converter.convert_events(URI, &text, places).expect("no internal error"));
    check_counts(&archive);
    match expected(event, &text) {
        Some(expected) => check(&expected, &archive, &text),
        // No JSON: refused in every form.
        None => assert_eq!(archive.verdict.quarantined, 4, "{}", shown(&archive.verdict)),
    }
});

/// What the reference says when the event is JSON.
fn expected(event: &[u8], text: &[u8]) -> Option<ReferenceArchive> {
    let event = std::str::from_utf8(event).ok()?;
    let documents = reference::json::documents(event)?;
    (documents == [event]).then(|| reference::reference_archive(URI, text))
}

fn check(expected: &ReferenceArchive, archive: &ConvertedArchive, text: &[u8]) {
    assert_eq!(expected.status, "converted");
    let found =
        archive.verdict.findings.iter().map(|finding| (finding.event_index.map(u64::from), finding.reason.as_str()));
    assert_eq!(found.collect::<Vec<_>>(), expected.quarantined, "{}", String::from_utf8_lossy(text));
    check_rows(expected, archive, text);
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { json::mutate_in_place(data, size, most, seed) });
