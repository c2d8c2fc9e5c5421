//! Timestamps, of events and of usage records, against the reference and `jiff`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailmill_fuzz::compare::check_rows;
use trailmill_fuzz::reference::{reference_archive, time};
use trailmill_fuzz::{URI, decode, metering_call};

fuzz_target!(|text: &str| {
    let quoted = serde_json::Value::from(text).to_string();
    let archive = metering_call(&quoted, &quoted, "1");
    check_rows(&reference_archive(URI, archive.as_bytes()), &decode(archive.as_bytes()), archive.as_bytes());
    if let (Some(instant), Ok(other)) = (time::iso(text), text.parse::<jiff::Timestamp>()) {
        assert_eq!(i128::from(instant.ms), other.as_nanosecond().div_euclid(1_000_000), "jiff: {text:?}");
    }
});
