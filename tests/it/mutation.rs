//! Damage of all kinds: for every change to an archive the run ends normally, the counts add up, and the events before the
//! damage are kept.
//!
//! In: sound archives, each with one change drawn from a fixed seed. Out: nothing but the checks. What is still JSON
//! after the change must convert exactly as the reference says.

use std::collections::BTreeMap;

use crate::harness::{Workdir, event, gzip, int, records, text, uri};
use crate::reference::{self, Row, Value, compare_rows};

const MUTANTS: usize = 1_200;
const EVENTS: usize = 4;
/// Archives whose gzip is damaged.
const DAMAGED: usize = 300;

/// A small generator of its own (xorshift), so that the damage is the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("a small number")
    }
}

/// One archive, and its text before the change.
struct Mutant {
    bytes: Vec<u8>,
    /// First changed byte.
    changed_at: usize,
    is_one_byte: bool,
    what: String,
}

/// Bytes that mean something in JSON, or are wrong in it, and a sample of all others.
const BYTES: &[u8] = b"{}[]\",:\\ \n\x00\x1b\xff\xc3tfn0-9eE.ux";

fn mutants(text: &str) -> Vec<Mutant> {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut mutants = Vec::new();
    while mutants.len() < MUTANTS {
        let mut bytes = text.as_bytes().to_vec();
        let at = dice.below(bytes.len());
        let what = match mutants.len() % 6 {
            0 => {
                bytes[at] ^= 1 << dice.below(8);
                "a bit flipped"
            }
            1 => {
                bytes[at] = BYTES[dice.below(BYTES.len())];
                "a byte replaced"
            }
            2 => {
                bytes.insert(at, BYTES[dice.below(BYTES.len())]);
                "a byte put in"
            }
            3 => {
                let end = (at + 1 + dice.below(40)).min(bytes.len());
                bytes.drain(at..end);
                "some bytes lost"
            }
            4 => {
                bytes.truncate(at);
                "the end lost"
            }
            _ => {
                let end = (at + 1 + dice.below(200)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(end..end, copy);
                "some bytes doubled"
            }
        };
        let is_one_byte = mutants.len() % 6 < 3;
        let changed_at = bytes.iter().zip(text.as_bytes()).take_while(|(one, other)| one == other).count();
        mutants.push(Mutant { bytes, changed_at, is_one_byte, what: format!("{what} at byte {at}") });
    }
    mutants
}

fn sound() -> (String, Vec<usize>) {
    let more = r#""userIdentity":{"type":"IAMUser","sessionContext":{"attributes":{"mfaAuthenticated":"true"}}},"requestParameters":{"a":[1,2.50,"x\"\\}]"],"b":null},"resources":[{"ARN":"arn:x"}]"#;
    let events: Vec<String> = (0..EVENTS).map(|at| event(&format!("id-{at}"), more)).collect();
    let text = records(&events);
    let ends = events.iter().map(|event| text.find(event.as_str()).expect("an event") + event.len());
    let ends = ends.collect();
    (text, ends)
}

/// The result for a mutant.
struct Fate {
    uri: String,
    status: String,
    events: Vec<Row>,
    usage_records: Vec<Row>,
    quarantine: Vec<Row>,
}

impl Fate {
    fn ids(&self) -> Vec<&str> {
        self.events.iter().map(|row| text(row, "event_id")).collect()
    }
}

/// Converts all mutants in one run and checks each.
#[track_caller]
fn check_all(check: impl Fn(&Mutant, &[usize], &Fate) -> Result<(), String>) {
    let (text, ends) = sound();
    let mutants = mutants(&text);
    let workdir = Workdir::new();
    for (at, mutant) in mutants.iter().enumerate() {
        workdir.file(&format!("in/{at:04}.json"), &mutant.bytes);
    }
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    assert_eq!(lake.count("/archives/seen"), MUTANTS as u64);
    let [events, usage_records, quarantine, manifest] =
        ["events", "usage_records", "quarantine", "archives"].map(|table| by_archive(&lake.rows(table)));
    let damaged = manifest.keys().filter(|uri| quarantine.contains_key(*uri)).count();
    assert!((MUTANTS / 2..MUTANTS - 100).contains(&damaged), "{damaged} of {MUTANTS} are reported as damaged");
    let mut wrong = Vec::new();
    for (at, mutant) in mutants.iter().enumerate() {
        let uri = uri(&workdir.at(&format!("in/{at:04}.json")));
        let of = |table: &BTreeMap<String, Vec<Row>>| table.get(&uri).cloned().unwrap_or_default();
        let status = of(&manifest).iter().map(|row| crate::harness::text(row, "status")).collect();
        let (events, usage_records, quarantine) = (of(&events), of(&usage_records), of(&quarantine));
        if let Err(error) = check(mutant, &ends, &Fate { uri, status, events, usage_records, quarantine }) {
            wrong.push(format!("{}: {error}\n{}", mutant.what, String::from_utf8_lossy(&mutant.bytes)));
        }
    }
    let first = wrong[..wrong.len().min(3)].join("\n\n");
    assert!(wrong.is_empty(), "{} of {MUTANTS} mutants, the first:\n\n{first}", wrong.len());
}

fn by_archive(rows: &[Row]) -> BTreeMap<String, Vec<Row>> {
    let mut sorted: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows {
        sorted.entry(text(row, "archive").to_owned()).or_default().push(row.clone());
    }
    sorted
}

#[test]
fn mutants_convert_as_the_reference_says_or_are_reported() {
    check_all(|mutant, _, fate| {
        let reference = reference::reference_archive(&fate.uri, &mutant.bytes);
        match (reference.status, fate.status.as_str()) {
            ("invalid", "foreign") => Err("an archive with events is called foreign".to_owned()),
            ("invalid", _) if fate.quarantine.is_empty() => Err("it is not JSON, and nothing is reported".to_owned()),
            ("invalid", _) => Ok(()),
            (expected, found) if expected != found => Err(format!("status {found}, the reference says {expected}")),
            _ => compare_rows(&reference.events, &fate.events)
                .and_then(|()| compare_rows(&reference.usage_records, &fate.usage_records)),
        }
    });
}

#[test]
fn whole_events_before_the_damage_are_kept() {
    check_all(|mutant, ends, fate| {
        let certain = ends.iter().filter(|end| **end < mutant.changed_at).count() as i64;
        let kept: Vec<i64> = fate.events.iter().map(|row| int(row, "event_index")).collect();
        match (0..certain).find(|index| fate.status == "converted" && !kept.contains(index)) {
            Some(lost) => Err(format!("event {lost} is lost, the damage starts at byte {}", mutant.changed_at)),
            None => Ok(()),
        }
    });
}

/// Events after the damage are as certain as those before it: they begin and end as events do.
#[test]
fn one_wrong_byte_costs_one_event() {
    check_all(|mutant, ends, fate| {
        let Some(damaged) = ends.iter().position(|end| mutant.changed_at < *end) else { return Ok(()) };
        let ids = fate.ids();
        let mut others = (0..EVENTS).filter(|number| *number != damaged).map(|number| format!("id-{number}"));
        // Damage before the first event may leave no archive or no array.
        let is_inside = mutant.is_one_byte && mutant.changed_at > records(&[""]).len();
        match others.find(|id| is_inside && !ids.contains(&id.as_str())) {
            Some(lost) => Err(format!("{lost} is lost to damage of id-{damaged} at byte {}", mutant.changed_at)),
            None => Ok(()),
        }
    });
}

/// A row, or bytes in quarantine: an event is in neither only if its archive is foreign.
#[test]
fn every_event_is_in_a_row_or_in_quarantine() {
    check_all(|mutant, _, fate| {
        // Damage may put an event into another, so any text of a row counts.
        let mut kept = format!("{:?}", fate.events);
        for row in &fate.quarantine {
            if let Some(Value::Bytes(bytes)) = row.get("original") {
                kept.push_str(&String::from_utf8_lossy(bytes));
            }
        }
        let stands = String::from_utf8_lossy(&mutant.bytes);
        let mut present = (0..EVENTS).map(|number| format!("id-{number}")).filter(|id| stands.contains(id));
        match present.find(|id| fate.status != "foreign" && !kept.contains(id)) {
            Some(lost) => Err(format!("{lost} is neither in a row nor in quarantine")),
            None => Ok(()),
        }
    });
}

#[test]
fn no_damage_to_the_gzip_stops_the_run() {
    let stored = gzip(sound().0.repeat(40).as_bytes());
    let workdir = Workdir::new();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for at in 0..DAMAGED {
        let mut bytes = stored.clone();
        let place = dice.below(bytes.len());
        match at % 3 {
            0 => bytes[place] ^= 1 << dice.below(8),
            1 => bytes.truncate(place),
            _ => bytes.insert(place, 0x1f),
        }
        workdir.file(&format!("in/{at:03}.json.gz"), bytes);
    }
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake.check_counts();
    assert_eq!(lake.count("/archives/seen"), DAMAGED as u64);
    // A flipped bit may be in an unused part of the header; a lost end is always reported.
    let (quarantined, manifest) = (lake.texts("quarantine", "archive"), lake.rows("archives"));
    for at in (1..DAMAGED).step_by(3) {
        let uri = uri(&workdir.at(&format!("in/{at:03}.json.gz")));
        // Without the first two bytes it cannot be recognised as gzip.
        let is_foreign = manifest.iter().any(|row| text(row, "archive") == uri && text(row, "status") == "foreign");
        assert!(quarantined.contains(&uri) || is_foreign, "{uri}");
    }
}
