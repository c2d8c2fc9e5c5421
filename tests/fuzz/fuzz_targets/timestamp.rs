//! Both parsers of timestamps against those of the reference, and against jiff where both know a form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailmill::stages::{parse_iso, parse_usage_timestamp};
use trailmill_fuzz::reference::time;

fuzz_target!(|text: &str| {
    let iso = parse_iso(text);
    assert_eq!(iso, time::iso(text).map(|instant| (instant.ms, instant.canonical)), "ISO 8601: {text:?}");
    assert_eq!(parse_usage_timestamp(text), time::usage_text(text), "of a usage record: {text:?}");
    if let (Some((ms, _)), Ok(instant)) = (iso, text.parse::<jiff::Timestamp>()) {
        assert_eq!(i128::from(ms), instant.as_nanosecond().div_euclid(1_000_000), "jiff: {text:?}");
    }
});
