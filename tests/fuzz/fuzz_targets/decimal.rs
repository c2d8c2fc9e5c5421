//! The parser of quantities against that of the reference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailmill::stages::{parse_quantity, parse_usage_timestamp};
use trailmill_fuzz::reference::number::Number;
use trailmill_fuzz::reference::time;

fuzz_target!(|text: &str| {
    let number = Number::parse(text);
    assert_eq!(parse_quantity(text), number.as_ref().and_then(Number::millionths), "{text:?}");
    // An instant as a number has a scale of its own.
    if number.is_some() {
        assert_eq!(parse_usage_timestamp(text), time::epoch(text), "{text:?}");
    }
});
