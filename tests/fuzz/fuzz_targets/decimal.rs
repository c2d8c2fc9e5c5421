//! Quantities, and instants as numbers, against the reference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailmill_fuzz::compare::check_rows;
use trailmill_fuzz::reference::number::Number;
use trailmill_fuzz::reference::reference_archive;
use trailmill_fuzz::{URI, decode, metering_call};

fuzz_target!(|text: &str| {
    let quoted = serde_json::Value::from(text).to_string();
    // A valid JSON number is also used as one.
    let plain = Number::parse(text).filter(|_| serde_json::from_str::<serde_json::Number>(text).is_ok());
    for quantity in plain.map(|_| text).into_iter().chain([quoted.as_str()]) {
        let archive = metering_call("\"2025-06-01T00:00:00Z\"", quantity, quantity);
        check_rows(&reference_archive(URI, archive.as_bytes()), &decode(archive.as_bytes()), archive.as_bytes());
    }
});
