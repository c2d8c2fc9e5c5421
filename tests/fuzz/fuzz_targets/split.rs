//! The cutter: text to events, at once and window by window.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use trailmill::stages::CutArchive;
use trailmill_fuzz::compare::{check_same, shown};
use trailmill_fuzz::{archive_text, json, window_sizes, with_converter};

fuzz_target!(|data: &[u8]| {
    let text = archive_text(data);
    let at_once = with_converter(|converter| converter.cut_in_windows(&text, || usize::MAX));
    check_counts(&at_once);
    check_places(&at_once, &text);
    // Byte by byte as long as that does not take too long.
    let smallest = 1 + text.len() * text.len() / 1_000_000;
    let sizes: [Box<dyn FnMut() -> usize>; 2] = [Box::new(move || smallest), Box::new(window_sizes(&text))];
    for size in sizes {
        let piecewise = with_converter(|converter| converter.cut_in_windows(&text, size));
        check_same(&at_once.verdict, &piecewise.verdict, "at once and window by window");
        assert_eq!(at_once.events, piecewise.events, "at once and window by window");
    }
});

fn check_counts(CutArchive { events, verdict }: &CutArchive) {
    assert!(verdict.status.is_some(), "the text ends and more is asked for");
    assert_eq!(verdict.events_seen, events.len() as u64 + verdict.quarantined, "{}", shown(verdict));
    assert!(verdict.status != Some("foreign") || events.is_empty(), "{}", shown(verdict));
}

/// Checks that what was found stands in the text one behind the other, and that nothing between is passed over.
fn check_places(CutArchive { events, verdict }: &CutArchive, text: &[u8]) {
    let mut indexes = Vec::new();
    let mut places = Vec::new();
    for finding in &verdict.findings {
        let start = usize::try_from(finding.byte_offset.expect("a place")).expect("a small text");
        indexes.extend(finding.event_index);
        places.push((start, start + finding.original.len(), finding.is_event()));
    }
    for (index, range) in events {
        assert!(matches!(text[range.start], b'{' | b'"'), "event {index}");
        indexes.push(*index);
        places.push((range.start, range.end, true));
    }
    indexes.sort_unstable();
    assert!((0..).zip(&indexes).all(|(at, index)| at == *index), "indexes {indexes:?}");
    places.sort_unstable();
    let is_plain = text.starts_with(b"{\"Records\":[{\"eventVersion\"") && !text.windows(2).any(|pair| pair == b"}{");
    for pair in places.windows(2) {
        let [(start, end, is_event), (next, ..)] = pair else { continue };
        if !is_event && next < end {
            // What is wrong with a document whose parts were read all the same.
            continue;
        }
        if text[*start] == b'"' && start == next {
            // Several events in one string, or what is refused of it.
            continue;
        }
        let between = text.get(*end..*next).unwrap_or_else(|| panic!("{start}..{end} and {next}.. overlap"));
        // Behind an event comes the end of its array or a comma, and behind that the next one or something refused.
        let between = between.trim_ascii();
        // What brings events stands around them.
        let is_passed_over =
            is_plain && *is_event && !between.starts_with(b"]") && !matches!(between, b"" | b",");
        assert!(!is_passed_over, "passed over behind {end}: {}\n{}", shown(verdict), String::from_utf8_lossy(between));
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { json::mutate_in_place(data, size, most, seed) });
