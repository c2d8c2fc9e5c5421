//! Random archives as text, for the property tests.
//!
//! Everything is drawn from a tape of random words, read from left to right; a tape that has ended reads as zeros, and
//! zero is always the plainest choice. So a shorter tape with smaller words is a simpler archive, and proptest's
//! ordinary shrinking of a `Vec<u16>` finds small counterexamples. Text is generated, not `serde_json` values: number
//! spellings, escapes, white space, member order, explicit nulls and doubled names are what the tests are about.
//!
//! Most events are mostly valid. What the contract leaves open (the list in the reference's own documentation)
//! is not generated, so that a difference is a finding.

mod archives;
mod events;
mod metering;
mod spelling;
mod values;
pub mod zips;

use proptest::collection::vec;
use proptest::prelude::*;

/// A CloudTrail event, about one in four of them a metering call.
pub fn event() -> impl Strategy<Value = String> {
    from_tape(events::any_event)
}

/// An event of `BatchMeterUsage` (mostly) or `MeterUsage`.
pub fn metering_call() -> impl Strategy<Value = String> {
    from_tape(metering::metering_event)
}

/// The inflated text of an archive: mostly `{"Records":[…]}` with a handful of events, half of them metering calls.
pub fn archive_document() -> impl Strategy<Value = String> {
    // Events are strategies of their own here, so that shrinking takes whole events out.
    let events = vec(prop_oneof![event(), metering_call()], 0..7);
    (events, tape_words()).prop_map(|(events, words)| {
        let mut tape = Tape::new(&words);
        let text = archives::document(events, &mut tape);
        if tape.one_in(5) { spelling::Touches::draw(&mut tape).apply(&text) } else { text }
    })
}

/// Zips, and their mishaps: concatenated, appended to, after other bytes, cut, with bits flipped.
pub fn zip_file() -> impl Strategy<Value = zips::ZipFile> {
    vec(any::<u16>(), 0..120).prop_map(|words| zips::zip_of(&words))
}

/// An archive drawn from these words, for a fuzzer that changes them.
pub fn archive_of(words: &[u16]) -> String {
    let mut tape = Tape::new(words);
    let touches = spelling::Touches::draw(&mut tape);
    let is_spelled = tape.one_in(2);
    let count = tape.below(4);
    let event = |tape: &mut Tape| if tape.one_in(2) { metering::metering_event(tape) } else { events::any_event(tape) };
    let events = (0..count).map(|_| event(&mut tape)).collect();
    let text = archives::document(events, &mut tape);
    if is_spelled { touches.apply(&text) } else { text }
}

fn from_tape(write: fn(&mut Tape) -> String) -> impl Strategy<Value = String> {
    tape_words().prop_map(move |words| {
        let mut tape = Tape::new(&words);
        // The finishing touches come first, so that long events do not use up the tape before.
        let touches = spelling::Touches::draw(&mut tape);
        touches.apply(&write(&mut tape))
    })
}

fn tape_words() -> impl Strategy<Value = Vec<u16>> {
    prop_oneof![1 => vec(any::<u16>(), 0..80), 3 => vec(any::<u16>(), 0..1_500)]
}

/// Random words, then zeros.
struct Tape<'a> {
    words: std::slice::Iter<'a, u16>,
}

impl<'a> Tape<'a> {
    fn new(words: &'a [u16]) -> Self {
        Self { words: words.iter() }
    }

    fn word(&mut self) -> u16 {
        self.words.next().copied().unwrap_or(0)
    }

    /// A number from 0 to `end - 1`.
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.word()) % end
    }

    /// True once in `chances` times; false when the tape has ended.
    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == chances - 1
    }

    /// One of the options, the first when the tape has ended.
    fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in 1..items.len() {
            items.swap(index, index - self.below(index + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::super::{Row, Value, reference_archive};
    use super::*;

    #[test]
    fn an_empty_tape_is_the_plainest_of_all() {
        assert_eq!(archive_of(&[]), r#"{"Records":[]}"#);
        let plain = events::any_event(&mut Tape::new(&[]));
        let archive = reference_archive("a", format!("{{\"Records\":[{plain}]}}").as_bytes());
        assert_eq!((archive.status, archive.events.len()), ("converted", 1), "{plain}");
        assert_eq!(archive.events[0].get("unmapped"), None, "{plain}");
        let call = metering::metering_event(&mut Tape::new(&[]));
        let archive = reference_archive("a", format!("[{call}]").as_bytes());
        assert_eq!(archive.usage_records[0].get("outcome"), Some(&Value::Text("success".to_owned())), "{call}");
    }

    /// A generator that stopped producing some case would let every property test pass.
    #[test]
    fn generated_archives_cover_the_contract() {
        let mut runner = TestRunner::deterministic();
        let strategy = archive_document();
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..2_000 {
            let text = strategy.new_tree(&mut runner).expect("a value").current();
            let archive = reference_archive("a", text.as_bytes());
            *seen.entry(archive.status.to_owned()).or_default() += 1;
            for (_, reason) in &archive.quarantined {
                *seen.entry((*reason).to_owned()).or_default() += 1;
            }
            for row in &archive.events {
                count("events", row, &mut seen);
            }
            for row in &archive.usage_records {
                count("usage_records", row, &mut seen);
                let outcome = row["outcome"].as_text().expect("an outcome");
                *seen.entry(outcome.to_owned()).or_default() += 1;
            }
        }
        assert_eq!(seen.get("invalid"), None, "every generated text is JSON");
        for table in [trailmill::schema::Table::Events, trailmill::schema::Table::UsageRecords] {
            for column in table.columns() {
                let key = format!("{table}.{}", column.name);
                assert!(seen.get(&key).is_some_and(|rows| *rows > 20), "{key}: {seen:#?}");
            }
        }
        for (key, least) in [
            ("converted", 1_700),
            ("foreign", 20),
            ("quarantined", 10),
            ("records_not_array", 10),
            ("trailing_data", 20),
            ("event_not_object", 50),
            ("duplicate_key", 50),
            ("nesting_too_deep", 3),
            ("success", 3_000),
            ("customer_not_subscribed", 100),
            ("duplicate_record", 100),
            ("unprocessed", 300),
            ("request_error", 200),
            ("omitted", 60),
            ("unknown", 200),
        ] {
            assert!(seen.get(key).is_some_and(|count| *count >= least), "{key}: {seen:#?}");
        }
    }

    fn count(table: &str, row: &Row, seen: &mut BTreeMap<String, u32>) {
        if let Some(unmapped) = row.get("unmapped").and_then(Value::as_text) {
            assert_eq!(super::super::json::documents(unmapped), Some(vec![unmapped]), "one JSON document");
        }
        for column in row.keys() {
            *seen.entry(format!("{table}.{column}")).or_default() += 1;
        }
    }
}
