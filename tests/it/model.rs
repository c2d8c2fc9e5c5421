//! Random histories of a lake – archives that appear, overlap, change and break, runs that die at any moment – against a
//! simple model of what it must hold: every event once, whatever happened, and every count true.

mod plan;

use std::collections::{BTreeMap, BTreeSet};

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use self::plan::{Change, Event, Form, Harm, History, Plan, SLOTS};
use crate::harness::{Run, Workdir, int, say, text, uri};
use crate::reference::{Row, Value, read_table};

/// Histories that are played: `TRAILMILL_CASES`, or as many as take some seconds.
const CASES: u32 = 16;

#[test]
fn whatever_happens_each_event_is_in_the_lake_once() {
    let cases = std::env::var("TRAILMILL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let (mut runs, mut stopped) = (0, 0);
    let played = std::cell::RefCell::new((&mut runs, &mut stopped));
    let result = TestRunner::new(config).run(&plan::history(), |history| {
        let mut model = Model::new(history);
        let result = model.play();
        let mut played = played.borrow_mut();
        *played.0 += model.runs;
        *played.1 += model.stopped;
        result.map_err(TestCaseError::fail)
    });
    if let Err(TestError::Fail(message, history)) = result {
        panic!("{message}\n{history:?}");
    }
    say(&format!("model: {cases} histories of {runs} runs, of which {stopped} were stopped"));
}

/// The message as an error if the condition does not hold.
fn expect(is_so: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(message()) }
}

/// What a slot has held.
#[derive(Default)]
struct Slot {
    forms: Vec<Form>,
    /// The form on disk.
    current: Option<usize>,
    /// The forms that the manifest has listed, in that order.
    committed: Vec<usize>,
}

/// A copy of an event that the lake has.
struct Found {
    key: Option<String>,
    mark: String,
    archive: String,
}

struct Model {
    workdir: Workdir,
    history: History,
    slots: Vec<Slot>,
    /// The copy that is in the lake, by key.
    owners: BTreeMap<String, String>,
    runs: u32,
    stopped: u32,
}

impl Model {
    fn new(history: History) -> Self {
        let slots = (0..SLOTS).map(|_| Slot::default()).collect();
        Self { workdir: Workdir::new(), history, slots, owners: BTreeMap::new(), runs: 0, stopped: 0 }
    }

    fn play(&mut self) -> Result<(), String> {
        for (number, plan) in self.history.runs.clone().into_iter().enumerate() {
            for change in plan.changes.clone() {
                self.change(change);
            }
            self.run(&plan).map_err(|message| format!("run {number}: {message}"))?;
        }
        let last = Plan {
            changes: Vec::new(),
            input: "in",
            step_size: 1_000,
            threads: 2,
            flags: "--reconvert-changed --retry-quarantined",
            fault: None,
        };
        std::fs::create_dir_all(self.workdir.at("in")).expect("a folder");
        self.run(&last).map_err(|message| format!("last run: {message}"))?;
        for slot in self.slots.iter().filter(|slot| slot.current.is_some()) {
            expect(slot.current.as_ref() == slot.committed.last(), || format!("converted last: {:?}", slot.committed))?;
        }
        let before = self.workdir.snapshot("lake");
        let again = self.start(&Plan { flags: "", ..last });
        expect(again.code() == 0, || format!("nothing was left to be done: {}", again.dump()))?;
        let after = self.workdir.snapshot("lake");
        expect(before == after, || format!("files have changed without a cause: {}", again.dump()))
    }

    fn change(&mut self, change: Change) {
        let (at, elements, harm) = match change {
            Change::Write(at, elements, harm) => (at, elements, harm),
            Change::Mend(at) => match self.slots[at].current {
                Some(form) if self.slots[at].forms[form].harm != Harm::None => {
                    (at, self.slots[at].forms[form].elements.clone(), Harm::None)
                }
                _ => return,
            },
            Change::Remove(at) => {
                if self.slots[at].current.take().is_some() {
                    std::fs::remove_file(self.workdir.at(&plan::slot(at).0)).expect("an archive");
                }
                return;
            }
        };
        let slot = &mut self.slots[at];
        // Nothing shows whether an event without identifier from a whole archive is also in a part of it.
        let harm = if slot.forms.is_empty() || !matches!(harm, Harm::Truncated(_)) { harm } else { Harm::Corrupt };
        let is_new = |form: &Form| slot.forms.iter().all(|other| other.bytes.len() != form.bytes.len());
        let mut forms = (0..).map(|padding| Form::new(at, slot.forms.len(), elements.clone(), harm, padding));
        let form = forms.find(is_new).expect("a size of its own");
        self.workdir.file(&plan::slot(at).0, &form.bytes);
        slot.current = Some(slot.forms.len());
        slot.forms.push(form);
    }

    fn start(&mut self, plan: &Plan) -> Run {
        self.runs += 1;
        let History { partition_by, tables, .. } = &self.history;
        let Plan { input, step_size, threads, flags, .. } = plan;
        let arguments = format!(
            "convert {input} --out lake --partition-by {partition_by} --tables {tables} --step-size {step_size}B --threads {threads} -q {flags}"
        );
        for folder in input.split(' ') {
            std::fs::create_dir_all(self.workdir.at(folder)).expect("a folder");
        }
        match &plan.fault {
            Some(fault) => self.workdir.run_with_fault(&arguments, fault),
            None => self.workdir.run(&arguments),
        }
    }

    fn run(&mut self, plan: &Plan) -> Result<(), String> {
        let known: BTreeSet<String> = self.keys();
        let run = self.start(plan);
        let is_finished = matches!(run.code(), 0 | 1);
        if !is_finished {
            self.stopped += 1;
            let fault = plan.fault.as_deref().unwrap_or_default();
            let is_as_wished = match run.code() {
                2 => (fault.starts_with("error ") || fault.starts_with("full ")) && run.stderr().lines().count() == 1,
                143 => fault.ends_with(" 15") && run.stderr().lines().count() == 1,
                _ => fault.ends_with(" 9") && run.was_killed(),
            };
            expect(is_as_wished, || run.dump())?;
        }
        // Also after a crash: files with names that readers look at are whole, or this panics.
        let tables = ["events", "usage_records", "archives", "quarantine"];
        let rows = tables.map(|table| read_table(&self.workdir.at("lake"), table));
        let converted = self.note_commits(&rows[2])?;
        let is_replaced = |mark: &String| {
            let slot = (0..SLOTS).find(|at| mark.starts_with(&format!("slot {at},")));
            slot.is_some_and(|at| self.slots[at].committed.len() > 1 || plan.flags.contains("retry"))
        };
        self.owners.retain(|_, mark| !is_replaced(mark));
        if is_finished {
            self.check(&rows, &known, &converted).map_err(|message| format!("{message}\n{}", run.dump()))?;
            let check = self.workdir.run("check lake");
            let has_lake = self.workdir.at("lake").exists();
            expect(!has_lake || check.code() == 0, || check.dump())?;
        }
        Ok(())
    }

    /// Records which forms are in the lake now; returns the slots that are new there.
    fn note_commits(&mut self, manifest: &[Row]) -> Result<Vec<usize>, String> {
        let mut converted = Vec::new();
        for (at, slot) in self.slots.iter_mut().enumerate() {
            let uri = uri(&self.workdir.at(&plan::slot(at).0));
            for row in manifest.iter().filter(|row| text(row, "archive") == uri) {
                let size = int(row, "compressed_bytes");
                let form = slot.forms.iter().position(|form| form.bytes.len() as i64 == size);
                let form = form.ok_or_else(|| format!("{uri} never had {size} bytes"))?;
                if slot.committed.last() != Some(&form) {
                    slot.committed.push(form);
                    converted.push(at);
                }
            }
        }
        Ok(converted)
    }

    fn has(&self, table: &str) -> bool {
        self.history.tables.split(',').any(|name| name == table)
    }

    /// Whether an event leaves a trace in the written tables.
    fn is_recorded(&self, event: &Event) -> bool {
        self.has("events") || event.usage_records > 0
    }

    fn committed(&self) -> impl Iterator<Item = &Event> {
        let forms = self.slots.iter().flat_map(|slot| slot.committed.iter().map(|&form| &slot.forms[form]));
        forms.flat_map(|form| &form.events).filter(|event| self.is_recorded(event))
    }

    /// The keys that the lake has: of everything it has ever had.
    fn keys(&self) -> BTreeSet<String> {
        self.committed().filter_map(|event| event.key.clone()).collect()
    }

    fn check(&mut self, rows: &[Vec<Row>; 4], known: &BTreeSet<String>, converted: &[usize]) -> Result<(), String> {
        let found = self.found(rows)?;
        let mut owners = BTreeMap::new();
        for Found { key, mark, .. } in &found {
            let Some(key) = key else { continue };
            let is_copy = self.committed().any(|event| event.key.as_ref() == Some(key) && event.mark == *mark);
            expect(is_copy, || format!("{key} is not {mark}"))?;
            let other = owners.insert(key.clone(), mark.clone());
            expect(other.is_none(), || format!("{key} is there twice: {other:?} and {mark}"))?;
        }
        let keys: BTreeSet<String> = owners.keys().cloned().collect();
        let expected = self.keys();
        expect(keys == expected, || {
            let lost: Vec<_> = expected.difference(&keys).collect();
            format!("lost: {lost:?}, too many: {:?}", keys.difference(&expected).collect::<Vec<_>>())
        })?;
        for (key, mark) in &self.owners {
            expect(owners.get(key) == Some(mark), || format!("{key} was {mark} and is {:?}", owners.get(key)))?;
        }
        self.check_order(known, converted, &owners)?;
        self.check_nameless(&found)?;
        self.check_counts(rows, &found)?;
        self.owners = owners;
        Ok(())
    }

    /// Of the copies in this run, the first in the order of delivery and then of the path is kept. Archives that are
    /// converted again are in a commit of their own, whose position among the others is unknown.
    fn check_order(
        &self,
        known: &BTreeSet<String>,
        converted: &[usize],
        owners: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let mut order: Vec<usize> = converted.to_vec();
        order.sort_by_key(|&at| (plan::slot(at).1, plan::slot(at).0));
        let mut first: [BTreeMap<&String, &String>; 2] = [BTreeMap::new(), BTreeMap::new()];
        for slot in order.iter().map(|&at| &self.slots[at]) {
            let is_again = usize::from(slot.committed.len() > 1);
            let form = slot.committed.last().map(|&form| &slot.forms[form]);
            for event in form.iter().flat_map(|form| &form.events).filter(|event| self.is_recorded(event)) {
                if let Some(key) = event.key.as_ref().filter(|key| !known.contains(*key)) {
                    first[is_again].entry(key).or_insert(&event.mark);
                }
            }
        }
        for (key, mark) in first.iter().flatten() {
            let is_first = first.iter().any(|first| first.get(key) == Some(&&owners[*key]));
            expect(is_first, || format!("{key} is {}, and {mark} was first", owners[*key]))?;
        }
        Ok(())
    }

    /// The copies that the lake has, each with all of its usage records.
    fn found(&self, [events, usage_records, ..]: &[Vec<Row>; 4]) -> Result<Vec<Found>, String> {
        let of_row = |row: &Row| {
            let column = |name: &str| row.get(name).and_then(Value::as_text);
            let time = match row.get("event_time") {
                Some(Value::TimestampMs(ms)) => Some(*ms),
                _ => None,
            };
            let key = |id| plan::key(id, column("recipient_account_id"), time, text(row, "event_name"));
            let (mark, archive) = (text(row, "user_agent").to_owned(), text(row, "archive").to_owned());
            Found { key: column("event_id").map(key), mark, archive }
        };
        let mut calls: BTreeMap<String, (usize, Found)> = BTreeMap::new();
        for row in usage_records {
            calls.entry(text(row, "user_agent").to_owned()).or_insert_with(|| (0, of_row(row))).0 += 1;
        }
        if self.has("usage_records") {
            let copies = self.slots.iter().flat_map(|slot| &slot.forms).flat_map(|form| &form.events);
            let records: BTreeMap<&String, usize> = copies.map(|event| (&event.mark, event.usage_records)).collect();
            for (mark, (rows, _)) in &calls {
                expect(records.get(mark) == Some(rows), || format!("{rows} usage records of {mark}"))?;
            }
            let of_events = events.iter().map(|row| text(row, "user_agent"));
            let in_events: BTreeSet<&str> =
                of_events.filter(|mark| records.get(&(*mark).to_owned()) != Some(&0)).collect();
            let in_rows: BTreeSet<&str> = calls.keys().map(String::as_str).collect();
            expect(!self.has("events") || in_events == in_rows, || {
                format!("calls {in_events:?}, usage records of {in_rows:?}")
            })?;
        }
        let of_calls = calls.into_values().map(|(_, found)| found);
        Ok(if self.has("events") { events.iter().map(of_row).collect() } else { of_calls.collect() })
    }

    /// Events without identifier are there as often as in the last whole form of each archive.
    fn check_nameless(&self, found: &[Found]) -> Result<(), String> {
        let nameless = found.iter().filter(|found| found.key.is_none()).map(|found| found.mark.as_str());
        let mut left: Vec<&str> = nameless.collect();
        for slot in &self.slots {
            let of_form = |form: usize| {
                let events = slot.forms[form].events.iter();
                events.filter(|event| event.key.is_none() && self.is_recorded(event)).map(|event| event.mark.as_str())
            };
            let last = slot.committed.iter().rposition(|&form| !slot.forms[form].is_refused());
            let Some(last) = last else { continue };
            let is_sure = last + 1 == slot.committed.len() || slot.forms[slot.committed[last]].harm == Harm::None;
            for mark in of_form(slot.committed[last]) {
                let at = left.iter().position(|other| *other == mark);
                expect(at.is_some() || !is_sure, || format!("lost: {mark}"))?;
                at.map(|at| left.swap_remove(at));
            }
            // Events of an older form may stay when the last one is not whole.
            let is_whole = |form: &usize| slot.forms[*form].harm == Harm::None && slot.forms[*form].bad == 0;
            if !slot.committed.last().is_some_and(is_whole) {
                let older: Vec<&str> = slot.committed.iter().flat_map(|&form| of_form(form)).collect();
                for mark in older {
                    if let Some(at) = left.iter().position(|other| *other == mark) {
                        left.swap_remove(at);
                    }
                }
            }
        }
        expect(left.is_empty(), || format!("too many: {left:?}"))
    }

    /// One row of the manifest for each archive, and all counts add up.
    fn check_counts(
        &self,
        [_, usage_records, manifest, quarantine]: &[Vec<Row>; 4],
        found: &[Found],
    ) -> Result<(), String> {
        let sum = |name: &str| manifest.iter().map(|row| int(row, name)).sum::<i64>();
        expect(sum("usage_records_written") == usage_records.len() as i64, || format!("{manifest:?}"))?;
        for row in manifest {
            let accounted = ["events_written", "duplicates", "quarantined", "filtered"].map(|name| int(row, name));
            let is_whole = int(row, "events_seen") == accounted.iter().sum::<i64>() && int(row, "filtered") == 0;
            expect(is_whole, || format!("{row:?}"))?;
        }
        for (at, slot) in self.slots.iter().enumerate() {
            let uri = uri(&self.workdir.at(&plan::slot(at).0));
            let rows: Vec<&Row> = manifest.iter().filter(|row| text(row, "archive") == uri).collect();
            expect(rows.len() == usize::from(!slot.committed.is_empty()), || format!("{rows:?}"))?;
            let (Some(row), Some(&form)) = (rows.first(), slot.committed.last()) else { continue };
            let form = &slot.forms[form];
            // Without the events table only metering calls are read.
            if !self.has("events") {
                continue;
            }
            let here = || found.iter().filter(|found| found.archive == uri);
            expect(int(row, "events_written") == here().count() as i64, || {
                format!("{} rows of {row:?}", here().count())
            })?;
            if form.harm == Harm::None {
                let refused = quarantine.iter().filter(|row| text(row, "archive") == uri).count();
                let counts = (int(row, "quarantined"), refused as i64);
                expect(counts == (form.bad as i64, form.bad as i64), || format!("{counts:?}, {}: {row:?}", form.bad))?;
                let is_kept = |found: &&Found| {
                    form.events
                        .iter()
                        .all(|event| event.key != found.key || event.key.is_none() && event.mark != found.mark)
                };
                let seen = form.elements.len() + here().filter(is_kept).count();
                expect(int(row, "events_seen") == seen as i64, || format!("{seen} events: {row:?}"))?;
            }
        }
        Ok(())
    }
}
