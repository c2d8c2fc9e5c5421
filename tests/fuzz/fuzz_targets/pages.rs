//! The page writers against the Parquet library, which reads the pages back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|tape: &[u8]| {
    trailmill_fuzz::pages::check(tape);
});
