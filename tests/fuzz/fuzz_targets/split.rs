//! Text to events, at once and in segments of many sizes.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use trailmill::reader::{Decoder, ReadOptions};
use trailmill_fuzz::compare::{check_counts, check_same};
use trailmill_fuzz::{Decoded, archive_text, decode_by, decode_in_segments, is_no_plain_text, json};

fuzz_target!(|data: &[u8]| {
    let text = archive_text(data);
    if is_no_plain_text(&text) {
        return;
    }
    let at_once = in_segments(&text, usize::MAX / 8);
    check_counts(&at_once);
    // Byte by byte if that does not take too long.
    let smallest = 1 + text.len() * text.len() / 1_000_000;
    check_same(&at_once, &in_segments(&text, smallest), "at once and in the smallest segments");
    let found = decode_in_segments(&text);
    assert_eq!((at_once.events_seen, &at_once.findings), (found.events_seen, &found.findings), "both tables");
});

/// The positions of events.
fn in_segments(text: &[u8], bytes: usize) -> Decoded {
    let options = ReadOptions::default().columns(trailmill::schema::Table::Events, ["event_index"]).segment_bytes(bytes);
    decode_by(&mut Decoder::new(&options).expect("options that make sense"), text)
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { json::mutate_in_place(data, size, most, seed) });
