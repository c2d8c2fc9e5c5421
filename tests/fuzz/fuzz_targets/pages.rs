//! The writers of pages against the Parquet library, which reads them back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|tape: &[u8]| {
    trailmill_fuzz::pages::check(tape);
});
