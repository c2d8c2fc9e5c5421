//! `trailmill restore` returns what was converted: every event, equal as JSON, in any form.
//!
//! An independent comparison decides (`reference::json::plain`): numbers by their digits, strings by their content, `null`
//! like absent.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::harness::{Workdir, data, event, files, inflated, records, say, text};
use crate::reference::{Row, compare_rows, json, source_events, strategies};

/// How often an event is there, by a hash of its content.
#[derive(Debug, Default, PartialEq, Eq)]
struct Events(BTreeMap<u64, i64>);

impl Events {
    fn count(&mut self, event: &str, times: i64) {
        let mut hasher = DefaultHasher::new();
        json::plain(event).hash(&mut hasher);
        let count = self.0.entry(hasher.finish()).or_default();
        *count += times;
        if *count == 0 {
            self.0.remove(&hasher.finish());
        }
    }
}

fn texts_of(events: &[String]) -> impl Iterator<Item = &str> + Clone {
    events.iter().map(String::as_str)
}

/// Checks that lines are the events, each as often, in any order; returns their number.
fn compare<'t>(
    sources: impl IntoIterator<Item = &'t str> + Clone,
    lines: impl IntoIterator<Item = &'t str> + Clone,
) -> Result<usize, String> {
    let mut balance = Events::default();
    let mut count = 0;
    for source in sources.clone() {
        balance.count(source, 1);
        count += 1;
    }
    lines.clone().into_iter().for_each(|line| balance.count(line, -1));
    if balance == Events::default() {
        return Ok(count);
    }
    let first = |mut events: Box<dyn Iterator<Item = &'t str> + '_>, sign: i64| {
        let is_it = |event: &&str| {
            let mut alone = Events::default();
            alone.count(event, 1);
            alone.0.keys().any(|hash| balance.0.get(hash).is_some_and(|count| count.signum() == sign))
        };
        events.find(is_it).unwrap_or("none").chars().take(5_000).collect::<String>()
    };
    let (lost, strange) = (first(Box::new(sources.into_iter()), 1), first(Box::new(lines.into_iter()), -1));
    Err(format!("an event was not given back\n  source   {lost}\n  restored {strange}"))
}

/// Converts `in` with these flags and restores it; returns the lines.
fn round_trip(workdir: &Workdir, flags: &str) -> Result<String, String> {
    let lake = workdir.convert("in", &format!("--no-dedup --tables events,usage_records {flags}"));
    if !(0..=1).contains(&lake.code) {
        return Err(lake.stderr);
    }
    let run = workdir.run("restore lake");
    fs::remove_dir_all(&lake.path).map_err(|error| error.to_string())?;
    if run.code() == 0 { Ok(run.stdout()) } else { Err(run.dump()) }
}

/// Checks that everything in a folder comes back; returns the number of events.
#[track_caller]
fn check_folder(folder: &Path, flags: &str) -> usize {
    let workdir = Workdir::new();
    let mut texts = Vec::new();
    for path in files(folder) {
        let bytes = fs::read(folder.join(&path)).expect("a file");
        let text = if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut text = Vec::new();
            let mut decoder = flate2::read::MultiGzDecoder::new(bytes.as_slice());
            if std::io::Read::read_to_end(&mut decoder, &mut text).is_err() {
                continue;
            }
            text
        } else {
            bytes.clone()
        };
        if source_events(&text).is_empty() {
            continue;
        }
        workdir.file(&format!("in/{}", path.display()), bytes);
        texts.push(text);
    }
    let sources: Vec<String> = texts.iter().flat_map(|text| source_events(text)).collect();
    let lines = round_trip(&workdir, flags).unwrap_or_else(|error| panic!("{error}"));
    compare(texts_of(&sources), lines.lines()).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

#[test]
fn the_whole_corpus_comes_back() {
    let Some(corpus) = std::env::var_os("TRAILMILL_CORPUS") else {
        say("skipped: TRAILMILL_CORPUS is not set, so no real data is restored");
        return;
    };
    let events = check_folder(Path::new(&corpus), "");
    assert!(events > 2_000, "{events} events are too few to say anything");
    say(&format!("restore: {events} events of the corpus are given back"));
}

#[test]
fn golden_archives_and_the_sample_come_back() {
    for flags in ["", "--partition-by event_source,region", "--partition-by account,event_month"] {
        assert!(check_folder(&data("golden"), flags) > 50);
        assert!(check_folder(&data("sample"), flags) > 500);
    }
}

/// 20,000 events of all mixes, or as many as `TRAILMILL_SCALE` says.
#[test]
fn generated_trails_come_back() {
    let wanted = std::env::var("TRAILMILL_SCALE").map_or(20_000, |events| events.parse().expect("a number of events"));
    for (mix, share, per_archive) in [("org", 8, 500), ("metering", 1, 100), ("tiny", 1, 6)] {
        let archives = usize::div_ceil(wanted * share / 10, per_archive);
        let workdir = Workdir::new();
        let sizes = format!("--archives {archives} --events-per-archive {per_archive} --days 9");
        workdir.run(&format!("generate --out in --mix {mix} --seed 11 {sizes}")).expect(0);
        workdir.convert("in", "--no-dedup");
        let lines = workdir.run("restore lake").expect(0).stdout();
        let texts: Vec<Vec<u8>> = files(&workdir.at("in"))
            .iter()
            .map(|path| inflated(&fs::read(workdir.at("in").join(path)).expect("an archive")))
            .collect();
        let sources: Vec<String> = texts.iter().flat_map(|text| source_events(text)).collect();
        let count = compare(texts_of(&sources), lines.lines()).unwrap_or_else(|error| panic!("{mix}: {error}"));
        assert_eq!(count, archives * per_archive);
    }
}

#[test]
fn random_archives_come_back() {
    const ARCHIVES_PER_RUN: usize = 24;
    let archives = prop::collection::vec(strategies::archive_document(), ARCHIVES_PER_RUN);
    let flags = prop::sample::select(vec!["", "--partition-by event_source", "--partition-by account,region"]);
    let config = Config { cases: 40, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let check = |archives: &[String], flags: &str| {
        let workdir = Workdir::new();
        for (at, archive) in archives.iter().enumerate() {
            workdir.file(&format!("in/{at:02}.json"), archive);
        }
        let sources: Vec<String> = archives.iter().flat_map(|archive| source_events(archive.as_bytes())).collect();
        let lines = round_trip(&workdir, flags)?;
        compare(texts_of(&sources), lines.lines())
    };
    let result = TestRunner::new(config).run(&(archives, flags), |(archives, flags)| {
        if check(&archives, flags).is_ok() {
            return Ok(());
        }
        let alone = |archive| check(std::slice::from_ref(archive), flags).err();
        let message = archives.iter().find_map(alone).unwrap_or_else(|| "they fail together alone".to_owned());
        Err(TestCaseError::fail(message))
    });
    if let Err(TestError::Fail(message, _)) = result {
        panic!("{message}");
    }
}

/// Events with any value in the place of another.
fn hostile() -> Vec<String> {
    let mut events: Vec<String> = Vec::new();
    let odd = ["\"x\"", "[]", "{}", "3", "true", "\"\"", "[{\"a\":[null]}]", "{\"a\":{\"b\":null}}", "{\"a.b\":1}"];
    let objects = [
        "userIdentity",
        "userIdentity.onBehalfOf",
        "userIdentity.sessionContext",
        "userIdentity.sessionContext.attributes",
        "userIdentity.sessionContext.sessionIssuer",
        "userIdentity.sessionContext.webIdFederationData",
        "tlsDetails",
        "addendum",
    ];
    let columns = trailmill::schema::Table::Events.columns().iter().map(|column| column.source);
    let nested = |path: &str, value: &str| {
        let mut names = path.split('.').rev();
        let innermost = format!("{{\"{}\":{value}}}", names.next().unwrap_or_default());
        names.fold(innermost, |inner, name| format!("{{\"{name}\":{inner}}}"))
    };
    for path in objects.into_iter().chain(columns.filter(|source| !source.is_empty())) {
        events.extend(odd.iter().map(|value| nested(path, value)));
        events.push(nested(&format!("{path}.type"), "1.10"));
        events.push(nested(&format!("{path}.new"), "\"\\u003d\""));
    }
    let names =
        ["", ".", "a.b", "\\\\", "\\\\.", "\\\"", "\\u0001", "\\ud800", "\\ud800.\\\\", "😀", "userIdentity.type"];
    for name in names {
        events.push(format!("{{\"{name}\":1}}"));
        events.push(format!("{{\"tlsDetails\":{{\"tlsVersion\":\"x\",\"{name}\":{{\"{name}\":[]}}}}}}"));
    }
    for more in [
        r#""resources":[{"ARN":"a","ARN":null},{"arn":"b"},{"type":7}]"#,
        r#""resources":[{"ARN":"a","accountId":"","type":null},{}]"#,
        r#""resources":[null,{"ARN":"a"}]"#,
        r#""resources":[[]]"#,
        r#""eventId":"0""#,
        r#""eventId":"1""#,
        r#""eventId":7"#,
        r#""requestParameters":{"n":123456789012345678901234567890,"e":-1E-400,"z":-0.0,"d":1,"d":2}"#,
        r#""requestParameters":"\ud800","errorMessage":"a\ud800","userAgent":"\u0000\n\"\\😀""#,
        r#""responseElements":[ 1 ,{ "a" : "\/" } ]"#,
        "\"additionalEventData\":{\n\t\"a\" :\r\n [1,\n2] }, \"new\" : [\n]",
        r#""readOnly":"false","managementEvent":"True","sessionCredentialFromConsole":true"#,
        r#""userIdentity":{"type":"x","sessionContext":{"attributes":{"mfaAuthenticated":"TRUE","creationDate":"20131102T010628Z"}}}"#,
        r#""userIdentity":{"sessionContext":{"sessionIssuer":{},"webIdFederationData":{"attributes":{}}}}"#,
        r#""userIdentity":{"arn":null,"sessionContext":{"attributes":{"creationDate":null}}}"#,
    ] {
        events.push(event("0", more));
    }
    for time in
        ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2025-03-01T01:00:00+02:00", "1969-12-31T23:59:59.5Z", "x"]
    {
        events.push(format!("{{\"eventTime\":\"{time}\"}}"));
    }
    let long = "é".repeat(60);
    for source in ["", "__HIVE_DEFAULT_PARTITION__", "../../x", "a%2Fb", "%41", &long] {
        events.push(format!("{{\"eventSource\":\"{source}\",\"eventName\":\"x\"}}"));
    }
    events.push("{}".to_owned());
    events
}

#[test]
fn hostile_events_come_back() {
    let events = hostile();
    for flags in ["", "--partition-by event_source", "--partition-by region,account,event_source"] {
        let workdir = Workdir::new();
        // The first event makes it an archive.
        let all: Vec<String> = std::iter::once(event("0", "")).chain(events.iter().cloned()).collect();
        workdir.file("in/a.json", records(&all));
        let lines = round_trip(&workdir, flags).unwrap_or_else(|error| panic!("{flags}: {error}"));
        let count = compare(all.iter().map(String::as_str), lines.lines());
        assert_eq!(count, Ok(all.len()), "{flags}");
    }
}

/// The rows of `events` without their archive.
fn rows_without_origin(rows: Vec<Row>) -> Vec<Row> {
    let without = |mut row: Row| {
        row.remove("archive");
        row.remove("event_index");
        row
    };
    rows.into_iter().map(without).collect()
}

#[test]
fn a_restored_tree_is_read_like_the_original_archives() {
    let workdir = Workdir::new();
    workdir.run("generate --out in/org --mix org --archives 6 --events-per-archive 300 --days 3 --seed 4").expect(0);
    workdir.copy(&data("golden"), "in/golden");
    // A file with one event is an archive only if that looks like an event.
    let marked = |event: String| match event.strip_prefix('{') {
        Some("}") => "{\"eventVersion\":\"1.0\"}".to_owned(),
        Some(rest) if !event.contains("\"event") => format!("{{\"eventVersion\":\"1.0\",{rest}"),
        _ => event,
    };
    let all: Vec<String> = std::iter::once(event("0", "")).chain(hostile().into_iter().map(marked)).collect();
    workdir.file("in/hostile.json", records(&all));
    let lake = workdir.convert("in", "--no-dedup");
    let before = rows_without_origin(lake.rows("events"));
    workdir.run("restore lake --out tree").expect(0);
    for path in files(&workdir.at("tree")) {
        let path = path.to_str().expect("text").to_owned();
        let names: Vec<&str> = path.split('/').collect();
        let ["AWSLogs", account, kind, region, year, month, day, file] = names[..] else { panic!("{path}") };
        assert!(file.starts_with(&format!("{account}_{kind}_{region}_{year}{month}{day}T")), "{path}");
        let unique = file.strip_suffix(".json.gz").and_then(|name| name.rsplit('_').next()).unwrap_or_default();
        assert!(unique.len() == 16 && unique.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{path}");
        let stored = inflated(&fs::read(workdir.at("tree").join(&path)).expect("an archive"));
        let text = String::from_utf8(stored).expect("UTF-8");
        assert!(text.starts_with("{\"Records\":[{") && text.ends_with("}]}") && !text.contains('\n'), "{path}");
    }
    let kinds = fs::read_dir(workdir.at("tree/AWSLogs")).expect("accounts").flatten().flat_map(|account| {
        let kinds = fs::read_dir(account.path()).expect("kinds").flatten();
        kinds.map(|kind| kind.file_name().into_string().expect("text")).collect::<Vec<_>>()
    });
    let kinds: std::collections::BTreeSet<String> = kinds.collect();
    assert!(
        ["CloudTrail", "CloudTrail-Aggregated", "CloudTrail-Insight", "CloudTrail-NetworkActivity"]
            .iter()
            .all(|kind| kinds.contains(*kind)),
        "{kinds:?}"
    );
    fs::remove_dir_all(&lake.path).expect("a lake");
    let again = workdir.convert("tree", "--no-dedup");
    assert_eq!(again.code, 0, "{}", again.stderr);
    // Members in another order are in another order in `unmapped`.
    let order = |rows: Vec<Row>| -> Vec<Row> {
        let ordered = |mut row: Row| {
            let unmapped = text(&row, "unmapped").to_owned();
            if !unmapped.is_empty() {
                let said = crate::reference::Value::Text(format!("{:?}", json::plain(&unmapped)));
                row.insert("unmapped".to_owned(), said);
            }
            // Its JSON is on one line now.
            for value in row.values_mut() {
                if let crate::reference::Value::Text(text) = value {
                    *text = text.replace(['\n', '\r'], " ");
                }
            }
            row
        };
        rows.into_iter().map(ordered).collect()
    };
    compare_rows(&order(before), &order(rows_without_origin(again.rows("events"))))
        .unwrap_or_else(|difference| panic!("{difference}"));
    let quarantined: Vec<String> = again.rows("quarantine").iter().map(|row| text(row, "message").to_owned()).collect();
    assert!(quarantined.is_empty(), "{quarantined:?}");
}

#[test]
fn event_text_cannot_choose_a_path() {
    let workdir = Workdir::new();
    let hostile =
        ["../../../../../../tmp/x", "/etc", "..", ".", "a\\u0000b", "", "CON", &"x".repeat(5_000), "é/\\\\:*?"];
    let events: Vec<String> = hostile
        .iter()
        .flat_map(|text| {
            ["recipientAccountId", "awsRegion", "eventCategory"]
                .map(|member| format!("{{\"eventName\":\"a\",\"{member}\":\"{text}\"}}"))
        })
        .collect();
    workdir.file("in/a.json", records(&events));
    workdir.convert("in", "--no-dedup");
    let before = files(&workdir.path()).len();
    workdir.run("restore lake --out tree").expect(0);
    let tree = files(&workdir.at("tree"));
    assert_eq!(files(&workdir.path()).len(), before + tree.len(), "nothing outside the tree");
    for path in &tree {
        let is_harmless = |name: &str| {
            name.len() < 255 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        assert!(path.iter().all(|name| name.to_str().is_some_and(is_harmless)), "{}", path.display());
        assert_eq!(path.iter().count(), 8, "{}", path.display());
    }
    let texts: Vec<Vec<u8>> =
        tree.iter().map(|path| inflated(&fs::read(workdir.at("tree").join(path)).expect("an archive"))).collect();
    let restored: Vec<String> = texts.iter().flat_map(|text| source_events(text)).collect();
    assert_eq!(compare(texts_of(&events), texts_of(&restored)), Ok(events.len()));
}

/// As CloudTrail writes them: a search for how events begin finds them.
#[test]
fn events_begin_with_their_version() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    workdir.convert("in", "");
    let lines = workdir.run("restore lake").expect(0).stdout();
    assert!(lines.lines().count() > 500);
    assert!(lines.lines().all(|line| line.starts_with("{\"eventVersion\":")), "{}", &lines[..200]);
}
