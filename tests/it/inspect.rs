//! What `inspect` reports about archives and lakes, against the reference, which counts independently.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};
use trailmill::ErrorKind;
use trailmill::inspect::InspectConfig;
use trailmill::report::Progress;

use crate::harness::{Run, Workdir, data, event, files, gzip, inflated, records, uri};
use crate::reference::{Row, Value, reference_archive, time};

const FIELDS: [&str; 8] = [
    "event_date",
    "recipient_account_id",
    "aws_region",
    "event_version",
    "event_source",
    "event_name",
    "error_code",
    "user_identity_type",
];

/// What the reference finds in archives.
#[derive(Default)]
struct Expected {
    by_status: BTreeMap<&'static str, u64>,
    seen: u64,
    refused: u64,
    stored: u64,
    inflated: u64,
    events: Vec<Row>,
    outcomes: BTreeMap<String, u64>,
}

impl Expected {
    /// Of all files below a folder; the reference does not cover text that is not JSON.
    fn of(folder: &Path) -> Self {
        let mut expected = Self::default();
        for path in files(folder) {
            let path = folder.join(path);
            let stored = fs::read(&path).expect("a readable file");
            let text = inflated(&stored);
            let archive = reference_archive(&uri(&path), &text);
            assert_ne!(archive.status, "invalid", "{}", path.display());
            *expected.by_status.entry(archive.status).or_default() += 1;
            expected.seen += archive.events_seen;
            expected.refused += archive.quarantined.iter().filter(|(index, _)| index.is_some()).count() as u64;
            expected.stored += stored.len() as u64;
            expected.inflated += text.len() as u64;
            expected.events.extend(archive.events);
            for record in archive.usage_records {
                let outcome = record["outcome"].as_text().expect("an outcome").to_owned();
                *expected.outcomes.entry(outcome).or_default() += 1;
            }
        }
        expected
    }

    /// Values by frequency, and how many events have none.
    fn values(&self, field: &str) -> (Vec<(String, u64)>, u64) {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut absent = 0;
        for row in &self.events {
            let value = match (field, row.get(field), row.get("event_time")) {
                ("event_date", _, Some(Value::TimestampMs(ms))) => Some(time::date_of(*ms)),
                (_, Some(Value::Text(text)), _) if field != "event_date" => Some(text.clone()),
                _ => None,
            };
            match value {
                Some(value) => *counts.entry(value).or_default() += 1,
                None => absent += 1,
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|(one, a), (two, b)| b.cmp(a).then_with(|| one.cmp(two)));
        (counts, absent)
    }

    /// Compares everything that a report says about archives.
    #[track_caller]
    fn check(&self, contents: &Json, top: usize) {
        let number = |pointer: &str| contents.pointer(pointer).and_then(Json::as_u64);
        let status = |name| Some(self.by_status.get(name).copied().unwrap_or_default());
        for name in ["converted", "foreign", "quarantined"] {
            assert_eq!(number(&format!("/archives/{name}")), status(name), "{name}");
        }
        assert_eq!(number("/archives/seen"), Some(self.by_status.values().sum()));
        let found = self.events.len() as u64;
        for (name, expected) in
            [("seen", self.seen), ("found", found), ("refused", self.refused), ("filtered", 0), ("duplicates", 0)]
        {
            assert_eq!(number(&format!("/events/{name}")), Some(expected), "{name}");
        }
        assert_eq!((number("/rows"), &contents["counted"]), (Some(found), &json!("events")));
        assert_eq!((number("/bytes/stored"), number("/bytes/inflated")), (Some(self.stored), Some(self.inflated)));
        let outcomes: BTreeMap<String, u64> =
            serde_json::from_value(contents["usage_records"]["by_outcome"].clone()).expect("counts by outcome");
        let outcomes: BTreeMap<_, _> = outcomes.into_iter().filter(|(_, rows)| *rows > 0).collect();
        assert_eq!(outcomes, self.outcomes);
        let kinds = contents["kinds"].as_array().expect("kinds");
        let sum = |name: &str| kinds.iter().map(|kind| kind[name].as_u64().expect("a number")).sum::<u64>();
        assert_eq!((sum("archives"), sum("events")), (self.by_status.values().sum(), self.seen));
        let fields = contents["fields"].as_array().expect("fields");
        assert_eq!(fields.iter().map(|field| field["field"].as_str().expect("a name")).collect::<Vec<_>>(), FIELDS);
        for field in fields {
            let (values, absent) = self.values(field["field"].as_str().expect("a name"));
            let counts = (&field["distinct"], &field["is_exact"], &field["absent"]);
            assert_eq!(counts, (&json!(values.len()), &json!(true), &json!(absent)), "{field}");
            let float = |number: u64| f64::from(u32::try_from(number).expect("few events"));
            let share = |events: u64| (float(events) * 10_000.0 / float(found)).round() / 100.0;
            let expected: Vec<Json> = values
                .iter()
                .take(top)
                .map(|(value, events)| json!({"value": value, "events": events, "percent": share(*events)}))
                .collect();
            assert_eq!(field["top"], json!(expected), "{}", field["field"]);
        }
        let times = self.events.iter().filter_map(|row| match row.get("event_time") {
            Some(Value::TimestampMs(ms)) => Some(*ms),
            _ => None,
        });
        let times: BTreeSet<i64> = times.collect();
        let instant = |name: &str| contents[name].as_str().and_then(time::iso).map(|instant| instant.ms);
        let last = (instant("first_event_time"), instant("last_event_time"));
        assert_eq!(last, (times.first().copied(), times.last().copied()));
        let bars = contents["histogram"]["bars"].as_array().expect("bars");
        let dated: u64 = bars.iter().map(|bar| bar["events"].as_u64().expect("a number")).sum();
        assert_eq!(dated, found - self.values("event_date").1);
        assert!(bars.len() <= 40 && bars.is_sorted_by_key(|bar| bar["date"].as_str()), "{bars:?}");
    }
}

#[track_caller]
fn report(run: &Run) -> Json {
    serde_json::from_str(&run.stdout()).unwrap_or_else(|error| panic!("{error}\n{}", run.dump()))
}

/// A lake's report without what archives cannot have.
fn contents(lake: &Json) -> Json {
    let mut contents = lake.clone();
    let members = contents.as_object_mut().expect("an object");
    for name in ["lake", "commits", "partition_by", "tables"] {
        assert!(members.remove(name).is_some(), "{name}");
    }
    contents
}

/// The golden archives, those of the sample, and every shape.
fn inputs() -> Workdir {
    let workdir = Workdir::new();
    for path in files(&data("golden")).iter().filter(|path| !path.to_string_lossy().ends_with(".expected.json")) {
        let path = path.display();
        workdir.copy(&data(&format!("golden/{path}")), &format!("in/golden/{path}"));
    }
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("shapes"), "in/shapes");
    workdir
}

#[test]
fn counts_are_those_of_the_reference() {
    let workdir = inputs();
    for folder in ["golden", "sample", "shapes"] {
        let run = workdir.run(&format!("inspect in/{folder} --format json --top 3"));
        let report = report(&run);
        Expected::of(&workdir.at("in").join(folder)).check(&report["archives"], 3);
        assert_eq!(report["lakes"], json!([]));
        let has_findings = report["archives"]["findings"] != json!([]);
        assert_eq!(run.code(), i32::from(has_findings), "{}", run.dump());
        assert_eq!(run.stderr(), "");
    }
}

#[test]
fn many_generated_events_on_any_number_of_threads() {
    let workdir = Workdir::new();
    workdir.run("generate --out in/org --mix org --archives 60 --events-per-archive 90 --days 70 --seed 3").expect(0);
    workdir.run("generate --out in/metering --mix metering --archives 12 --events-per-archive 90 --seed 4").expect(0);
    let run = |threads| workdir.run(&format!("inspect in --format json --threads {threads}")).expect(0).stdout();
    let one = run(1);
    Expected::of(&workdir.at("in")).check(&serde_json::from_str::<Json>(&one).expect("JSON")["archives"], 10);
    assert_eq!([run(2), run(5)], [one.clone(), one]);
    let text = |threads| workdir.run(&format!("inspect in --threads {threads}")).expect(0).stdout();
    assert_eq!(text(1), text(3));
    assert!(text(1).contains("6,480 found") && text(1).contains("by month"), "{}", text(1));
}

/// Every number of the JSON is in the table, with thousands separators.
#[test]
fn the_table_and_the_json_agree() {
    let workdir = inputs();
    let text = workdir.run("inspect in/sample").expect(0).stdout();
    let report = report(&workdir.run("inspect in/sample --format json").expect(0));
    let contents = &report["archives"];
    for field in contents["fields"].as_array().expect("fields") {
        let name = field["field"].as_str().expect("a name");
        let block = text.split("\n\n").find(|block| block.starts_with(&format!("{name}: ")));
        let block = block.unwrap_or_else(|| panic!("no {name} in\n{text}"));
        assert!(block.starts_with(&format!("{name}: {} value", field["distinct"])), "{block}");
        let listed = if name == "event_date" { &contents["histogram"]["bars"] } else { &field["top"] };
        for value in listed.as_array().expect("values") {
            let name = value["value"].as_str().or(value["date"].as_str()).expect("a value");
            let percent = format!("{:.2}%", value["percent"].as_f64().expect("a number"));
            let is_shown =
                |line: &str| line.split_whitespace().take(3).eq([name, &value["events"].to_string(), &percent]);
            assert!(block.lines().any(is_shown), "{value} is not in\n{block}");
        }
    }
    let widths = |name: &str| {
        let block = text.split("\n\n").find(|block| block.starts_with(name)).expect("a block");
        let ends = block.lines().skip(1).filter_map(|line| line.find('%')).collect::<BTreeSet<_>>();
        ends.len()
    };
    assert_eq!((widths("event_name"), widths("event_date")), (1, 1), "not aligned:\n{text}");
    for printed in ["13: 13 CloudTrail", "616 found", "335: 312 success", "2018-04-19T17:04:12Z to "] {
        assert!(text.contains(printed), "{printed:?} is not in\n{text}");
    }
}

#[test]
fn a_lake_and_its_archives_have_the_same_report() {
    let workdir = inputs();
    workdir.copy(&data("corrupt"), "in/corrupt");
    let archives = report(&workdir.run("inspect in --format json").expect(1))["archives"].clone();
    for (at, flags) in ["", "--partition-by event_source,account", "--partition-by event_month", "--step-size 30KB"]
        .into_iter()
        .enumerate()
    {
        let convert = format!("convert in --out lake{at} --no-dedup -q {flags}");
        workdir.run(&convert).expect(1);
        for threads in [1, 3] {
            let report = report(&workdir.run(&format!("inspect lake{at} --format json --threads {threads}")).expect(0));
            let lake = &report["lakes"][0];
            assert_eq!((&report["archives"], &contents(lake)), (&Json::Null, &archives), "{flags}");
            let is_in_steps = flags.starts_with("--step-size");
            assert_eq!(lake["commits"].as_u64().expect("commits") > 1, is_in_steps, "{lake}");
            for table in lake["tables"].as_array().expect("tables") {
                let folder = workdir.at(&format!("lake{at}")).join(table["table"].as_str().expect("a name"));
                let parts = files(&folder);
                let bytes: u64 = parts.iter().map(|part| fs::metadata(folder.join(part)).expect("a part").len()).sum();
                assert_eq!((&table["parts"], &table["bytes"]), (&json!(parts.len()), &json!(bytes)), "{table}");
            }
        }
    }
    let text = workdir.run("inspect lake0").expect(0).stdout();
    for printed in ["lake0, 1 commit, partitioned by event_date", "usage_records", "quarantine", "event_name: "] {
        assert!(text.contains(printed), "{printed:?} is not in\n{text}");
    }
}

/// Duplicates are counted in archives; a lake has dropped them, and says so.
#[test]
fn nothing_is_deduplicated() {
    let workdir = Workdir::new();
    let archive = records(&[event("a", ""), event("a", ""), event("b", "")]);
    workdir.gzip("in/a.json.gz", &archive);
    workdir.gzip("in/b.json.gz", &archive);
    let events = |run: Run, pointer: &str| report(&run).pointer(pointer).cloned().expect("events");
    let expected = |found: u64, duplicates: u64| json!({"seen": 6, "found": found, "duplicates": duplicates, "refused": 0, "filtered": 0});
    assert_eq!(events(workdir.run("inspect in --format json"), "/archives/events"), expected(6, 0));
    workdir.run("convert in --out lake").expect(0);
    assert_eq!(events(workdir.run("inspect lake --format json"), "/lakes/0/events"), expected(2, 4));
    let help = workdir.run("inspect --help").expect(0).stdout();
    assert!(help.contains("nothing is de-duplicated"), "{help}");
}

#[test]
fn selectors_leave_out_the_same_events_of_archives_and_lakes() {
    let workdir = Workdir::new();
    // Under names that prove nothing, so that no archive is skipped as a whole.
    for (number, path) in files(&data("sample")).iter().enumerate() {
        workdir.copy(&data("sample").join(path), &format!("in/{number}.json.gz"));
    }
    workdir.run("convert in --out lake --no-dedup -q").expect(0);
    for selectors in [
        "--from 2025-06-01 --to 2025-06-02",
        "--account 693736224437 --region us-east-1",
        "--region us-west-2 --region eu-west-1",
    ] {
        let run = |input: &str| report(&workdir.run(&format!("inspect {input} --format json {selectors}")).expect(0));
        let archives = run("in")["archives"].clone();
        let lake = run("lake")["lakes"][0].clone();
        assert_eq!(contents(&lake), archives, "{selectors}");
        let events = |name: &str| lake["events"][name].as_u64().expect("a number");
        assert!(events("found") > 0 && events("filtered") > 0, "{lake}");
        assert_eq!(events("seen"), events("found") + events("filtered"), "{lake}");
    }
}

#[test]
fn lakes_without_events_or_commits_are_reported() {
    let workdir = inputs();
    workdir.run("convert in/sample --out usage --tables usage_records -q").expect(0);
    let lake = report(&workdir.run("inspect usage --format json").expect(0))["lakes"][0].clone();
    assert_eq!((&lake["counted"], &lake["rows"]), (&json!("usage_records"), &json!(335)));
    assert_eq!(lake["usage_records"]["by_outcome"]["success"], 312);
    let names: Vec<&Json> = lake["fields"].as_array().expect("fields").iter().map(|field| &field["field"]).collect();
    assert!(!names.contains(&&json!("event_source")) && names.contains(&&json!("event_name")), "{names:?}");
    let text = workdir.run("inspect usage").expect(0).stdout();
    assert!(text.contains("usage records, since the lake has no events"), "{text}");
    workdir.run("convert in/sample --out none --region nowhere -q").expect(0);
    fs::create_dir_all(workdir.at("begun/_trailmill")).expect("a folder");
    for lake in ["none", "begun"] {
        let text = workdir.run(&format!("inspect {lake}")).expect(0).stdout();
        assert!(text.contains("it has no rows of events or usage records"), "{text}");
    }
}

/// A part that no commit lists does not count, and a damaged one is reported.
#[test]
fn only_parts_that_commits_list_count() {
    let workdir = inputs();
    workdir.run("convert in/sample --out lake -q").expect(0);
    let before = workdir.run("inspect lake --format json").expect(0).stdout();
    let part = files(&workdir.at("lake/events")).remove(0);
    let part = workdir.at("lake/events").join(part);
    fs::copy(&part, part.with_file_name("part-000002-00000.parquet")).expect("a copy");
    fs::write(part.with_file_name("notes.parquet"), "not Parquet").expect("a file");
    assert_eq!(workdir.run("inspect lake --format json").expect(0).stdout(), before);
    let bytes = fs::read(&part).expect("a part");
    fs::write(&part, &bytes[..bytes.len() / 2]).expect("a file");
    let run = workdir.run("inspect lake").expect(2);
    assert!(run.stdout().is_empty() && run.stderr().contains("part-000001-00000.parquet"), "{}", run.dump());
    fs::remove_file(&part).expect("a part");
    workdir.run("inspect lake").expect(2);
}

#[test]
fn containers_and_standard_input_are_looked_into() {
    let workdir = Workdir::new();
    let mut builder = tar::Builder::new(Vec::new());
    for number in 0..3 {
        let bytes = gzip(records(&[event(&format!("event {number}"), "")]).as_bytes());
        workdir.file(&format!("plain/{number}.json.gz"), &bytes);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, format!("{number}.json.gz"), bytes.as_slice()).expect("memory");
    }
    let tar = builder.into_inner().expect("memory");
    workdir.file("in/a.tar.gz", gzip(&tar));
    let plain = report(&workdir.run("inspect plain --format json").expect(0))["archives"].clone();
    let contained = report(&workdir.run("inspect in --format json").expect(0))["archives"].clone();
    let piped = report(&workdir.run_with_input("inspect - --format json", &tar).expect(0))["archives"].clone();
    for archives in [&contained, &piped] {
        for name in ["events", "fields", "histogram", "rows"] {
            assert_eq!(archives[name], plain[name], "{name}");
        }
        assert_eq!(archives["bytes"]["inflated"], plain["bytes"]["inflated"]);
        let kinds = json!([
            {"kind": "log", "status": "converted", "archives": 3, "events": 3},
            {"kind": "tar", "status": "converted", "archives": 1, "events": 0},
        ]);
        assert_eq!(archives["kinds"], kinds);
    }
    workdir.run("convert in --out lake -q").expect(0);
    let lake = report(&workdir.run("inspect lake --format json").expect(0))["lakes"][0].clone();
    assert_eq!(contents(&lake), contained);
}

#[test]
fn inputs_of_all_kinds_at_once() {
    let workdir = inputs();
    workdir.run("convert in/sample --out one -q").expect(0);
    workdir.run("convert in/shapes --out two -q").expect(0);
    let archive = records(&[event("piped", "")]);
    let run = workdir
        .run_with_input("inspect one in/sample - two in/shapes in/sample ./one --format json", archive.as_bytes());
    let report = report(&run.expect(0));
    let expected =
        Expected::of(&workdir.at("in/sample")).events.len() + Expected::of(&workdir.at("in/shapes")).events.len();
    assert_eq!(report["archives"]["rows"], json!(expected + 1));
    let lakes: Vec<PathBuf> = report["lakes"]
        .as_array()
        .expect("lakes")
        .iter()
        .map(|lake| lake["lake"].as_str().expect("a path").into())
        .collect();
    assert_eq!(lakes, [workdir.at("one"), workdir.at("two")]);
}

#[test]
fn bad_input_is_reported_and_sets_the_exit_code() {
    let workdir = Workdir::new();
    workdir.copy(&data("corrupt"), "in");
    let run = workdir.run("inspect in").expect(1);
    for printed in ["3 × gzip_corrupt", "6 refused", "foreign", "console_csv: ", "duplicate-key.json", "more"] {
        assert!(run.stdout().contains(printed), "{printed:?} is not printed\n{}", run.dump());
    }
    let lake = workdir.convert("in", "--no-dedup");
    let contents = report(&workdir.run("inspect in --format json").expect(1))["archives"].clone();
    for name in ["seen", "converted", "quarantined", "foreign"] {
        assert_eq!(contents["archives"][name], lake.count(&format!("/archives/{name}")), "{name}");
    }
    for (name, as_converted) in [("findings", "findings"), ("first_findings", "first_findings")] {
        assert_eq!(contents[name], lake.report[as_converted], "{name}");
    }
    workdir
        .file("in/huge.json.gz", gzip(records(&[event("a", &format!("\"x\":\"{}\"", "y".repeat(9_000)))]).as_bytes()));
    let run = workdir.run("inspect in/huge.json.gz --max-inflated 5KB").expect(1);
    assert!(run.stdout().contains("inflated_too_large"), "{}", run.dump());
    for (arguments, named) in [
        ("inspect", "PATH"),
        ("inspect nowhere", "nowhere"),
        ("inspect in --threads 0", "--threads"),
        ("inspect in --memory-limit 1KiB", "--memory-limit"),
        ("inspect in --from 2025-02-02 --to 2025-02-01", "--from"),
        ("inspect in --top many", "--top"),
        ("inspect in --format yaml", "--format"),
    ] {
        let run = workdir.run(arguments).expect(2);
        assert!(run.stderr().contains(named) && run.stdout().is_empty(), "wanted {named:?}\n{}", run.dump());
    }
    fs::create_dir(workdir.at("empty")).expect("a folder");
    let run = workdir.run("inspect empty").expect(0);
    assert!(run.stdout().contains("no file was found"), "{}", run.dump());
}

#[test]
fn untrusted_text_is_escaped() {
    let workdir = Workdir::new();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{202e}";
    let name = serde_json::to_string(evil).expect("text");
    let sound = event("a", "")
        .replace("\"DescribeInstances\"", &name)
        .replace("\"us-east-1\"", &name)
        .replace("\"1.08\"", "\"\"");
    let long = event("b", "").replace("DescribeInstances", &"z".repeat(10_000));
    workdir.gzip("in/a.json.gz", records(&[sound, long, event("c", &format!("{name}:1,{name}:2"))]));
    workdir.gzip(&format!("in/{evil}.json.gz"), "{\"Records\":[");
    let check = |run: &Run| {
        let text = run.stdout() + &run.stderr();
        let bad = text.chars().find(|it| (it.is_control() && *it != '\n') || ('\u{202a}'..='\u{202e}').contains(it));
        assert_eq!(bad, None, "{}", run.dump());
        assert!(text.contains("u{1b}") && text.lines().all(|line| line.chars().count() < 900), "{}", run.dump());
    };
    check(&workdir.run("inspect in").expect(1));
    let lake = format!("lake {}", evil.replace(['\r', '\n'], ""));
    workdir.run_with(["convert", "in", "--out", &lake, "-q", "--partition-by", "event_source"]).expect(1);
    check(&workdir.run_with(["inspect", &lake]).expect(0));
    let report = report(&workdir.run("inspect in --format json").expect(1));
    let names = report["archives"]["fields"][5]["top"].as_array().expect("names").clone();
    assert!(names.iter().any(|value| value["value"] == evil), "JSON holds it as it is: {names:?}");
    assert!(names.iter().any(|value| value["value"].as_str().is_some_and(|it| it.ends_with(')') && it.len() < 400)));
}

/// A large archive is counted piece by piece; one whose checksum is wrong leaves nothing behind.
#[test]
fn large_archives_count_as_a_whole_or_not_at_all() {
    let workdir = Workdir::new();
    let padded = |number: usize| event(&format!("{number}"), &format!("{}\"x\":1", " ".repeat(50_000)));
    let text = records(&(0..200).map(padded).collect::<Vec<_>>());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(text.as_bytes()).expect("memory");
    let sound = encoder.finish().expect("memory");
    workdir.file("in/large.json.gz", &sound);
    workdir.gzip("in/small.json.gz", records(&[event("a", "")]));
    let rows = |run: Run| report(&run)["archives"]["rows"].clone();
    for threads in [1, 2, 5] {
        let run = workdir.run(&format!("inspect in --format json --threads {threads}")).expect(0);
        Expected::of(&workdir.at("in")).check(&report(&run)["archives"], 10);
    }
    let mut wrong = sound.clone();
    wrong[sound.len() - 8] ^= 1;
    workdir.file("in/large.json.gz", &wrong);
    assert_eq!(rows(workdir.run("inspect in --format json").expect(1)), json!(1));
}

/// More values than are counted: the report is certain, and the same on any number of threads.
#[test]
fn more_values_than_are_counted_are_reported_as_such() {
    let workdir = Workdir::new();
    let call = |name: &str| event("", "").replace("DescribeInstances", name).replace("\"eventID\":\"\",", "");
    for archive in 0..12 {
        let events: Vec<String> = (0..12_000)
            .map(|number| if number % 3 == 0 { call("Often") } else { call(&format!("Name{archive}x{number}")) })
            .collect();
        workdir.gzip(&format!("in/{archive:02}.json.gz"), records(&events));
    }
    let run = |input: &str, threads| {
        let run = workdir.run(&format!("inspect {input} --format json --top 2 --threads {threads}")).expect(0).stdout();
        serde_json::from_str::<Json>(&run).expect("JSON")
    };
    let archives = run("in", 1)["archives"].clone();
    assert_eq!(run("in", 4)["archives"], archives);
    let check = |contents: &Json| {
        let names = &contents["fields"][5];
        let distinct = names["distinct"].as_u64().expect("a number");
        assert!((10_000..96_000).contains(&distinct) && names["is_exact"] == json!(false), "{names}");
        let often = &names["top"][0];
        assert_eq!((&often["value"], &often["events"]), (&json!("Often"), &json!(48_000)));
        assert!(names["others_at_most"].as_u64().is_some_and(|most| most < 20), "{names}");
        assert_eq!(contents["fields"][2]["is_exact"], json!(true));
    };
    // The smallest memory limit holds fewer.
    let memory = "--memory-limit 64MiB";
    check(&run(&format!("in {memory}"), 2)["archives"]);
    let text = workdir.run(&format!("inspect in {memory}")).expect(0).stdout();
    assert!(text.contains("event_name: more than ") && text.contains("; no other has more"), "{text}");
    workdir.run("convert in --out lake -q").expect(0);
    let lake = format!("lake {memory}");
    check(&run(&lake, 1)["lakes"][0]);
    assert_eq!(run(&lake, 1), run(&lake, 4));
}

#[test]
fn an_inspection_can_be_cancelled() {
    let workdir = inputs();
    workdir.run("convert in/sample --out lake -q").expect(0);
    let progress = Progress::default();
    progress.stop();
    for input in ["in/sample", "lake"] {
        let error = trailmill::inspect(&InspectConfig::new(vec![workdir.at(input)]), &progress).expect_err("stopped");
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
    // A run that waits for its input is asked to stop, gets the input, and does not read it.
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailmill"));
    command.args(["inspect", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    let status = format!("/proc/{}/status", child.id());
    let catches = || {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
        u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask >> 1 & 1 == 1)
    };
    while !catches() {
        assert!(child.try_wait().expect("its state").is_none(), "it ended early");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("its end");
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0), "{printed}");
    assert_eq!(printed, "error: stopped: asked to stop\n");
}
