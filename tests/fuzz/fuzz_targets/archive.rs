//! Whole archives, damaged and sound, against the reference.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use trailmill_fuzz::compare::check_archive;
use trailmill_fuzz::{archive_text, is_no_plain_text, json};

fuzz_target!(|data: &[u8]| {
    let text = archive_text(data);
    if !is_no_plain_text(&text) {
        check_archive(&text);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { json::mutate_in_place(data, size, most, seed) });
