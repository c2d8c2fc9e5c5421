//! Statements for engines: their exact text; that engines run them and find what is in the files; what is refused.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it ddl` rewrites the expected statements. `TRAILMILL_PYTHON` names an interpreter
//! with DuckDB, chdb, PySpark, sqlglot and pyarrow; without it the tests that run statements report that they were skipped.
//! Older releases are beside it, in `older/`: `tests/engines/versions.txt` lists them, `.ci/engines` installs them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Workdir, data, event, files, records, say};

const PYTHON: &str = "TRAILMILL_PYTHON";
const UPDATE: &str = "UPDATE_GOLDEN";
const ENGINES: [&str; 4] = ["athena", "spark", "duckdb", "clickhouse"];

/// The statements for an engine.
fn ddl(workdir: &Workdir, engine: &str, lake: &str, more: &str) -> String {
    workdir.run(&format!("ddl --engine {engine} {lake} {more}")).expect(0).stdout()
}

fn workdir_with_sample() -> Workdir {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("golden"), "in/golden");
    for path in files(&workdir.at("in/golden")) {
        if path.to_str().is_some_and(|path| path.ends_with(".expected.json")) {
            fs::remove_file(workdir.at("in/golden").join(path)).expect("a file");
        }
    }
    workdir
}

#[test]
fn statements_match_the_golden_files() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    let mut failed = Vec::new();
    for (name, flags) in [("by-date", ""), ("by-region-month-account", "--partition-by region,event_month,account")] {
        workdir.run(&format!("convert in --out {name} {flags}")).expect(0);
        for engine in ENGINES {
            let found = ddl(&workdir, engine, name, "--location s3://bucket/lake --database trail");
            let path = data("ddl").join(format!("{name}.{engine}.sql"));
            if std::env::var_os(UPDATE).is_some() {
                fs::create_dir_all(data("ddl")).expect("a folder");
                fs::write(&path, &found).expect("a file");
            }
            if fs::read_to_string(&path).unwrap_or_default() != found {
                failed.push(path.display().to_string());
            }
        }
    }
    assert!(failed.is_empty(), "{UPDATE}=1 writes them anew:\n{}", failed.join("\n"));
}

#[test]
fn engines_run_the_statements_and_find_what_is_in_the_files() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no engine has run any statement"));
        return;
    };
    let workdir = workdir_with_sample();
    // Values that are not plain folder names, a day in the future, and one long ago.
    let strange = [
        event("e1", r#""eventSource":"a/b=c%","recipientAccountId":"012345678901""#),
        event("e2", "").replace("2025-03-01T08:15:00Z", "2099-01-01T00:00:00Z"),
        event("e3", "").replace("2025-03-01T08:15:00Z", "1999-12-31T23:59:59.5Z"),
    ];
    workdir.gzip("strange/strange.json.gz", records(&strange));
    workdir.copy(&data("golden/insight.json"), "little/insight.json");
    let lakes = [
        ("by-date", "in", "--no-dedup"),
        ("by-month", "in", "--no-dedup --partition-by event_month"),
        ("by-three", "in", "--no-dedup --partition-by region,event_month,account"),
        ("env=it's/usage", "in", "--tables usage_records"),
        ("little", "little", ""),
        ("days", "strange", ""),
        ("strange", "strange", "--partition-by account,event_source,event_date"),
    ];
    let mut folders: Vec<PathBuf> =
        lakes.iter().map(|(name, input, flags)| lake_with_statements(&workdir, name, input, flags, "")).collect();
    folders.push(lake_that_grew(&workdir));
    workdir.copy(&data("long-ago"), "long-ago");
    folders.push(lake_with_statements(&workdir, "long-ago", "long-ago", "", "--views"));
    let (is_same, printed) = run_python(&python, "ddl.py", |command| command.args(&folders));
    assert!(is_same, "{printed}");
    say(&format!("ddl: {}", printed.lines().find(|line| line.contains("comparisons")).unwrap_or_default()));
}

/// A folder with a lake and the statements for each engine.
fn lake_with_statements(workdir: &Workdir, name: &str, input: &str, convert: &str, more: &str) -> PathBuf {
    let lake = format!("lakes/{name}/lake");
    workdir.run(&format!("convert {input} --out {lake} {convert}"));
    for engine in ENGINES {
        let place = if engine == "athena" { "--location s3://bucket/lake" } else { "" };
        // A seller's questions are not written for ClickHouse.
        let more = if engine == "clickhouse" { "" } else { more };
        workdir.file(&format!("lakes/{name}/{engine}.sql"), ddl(workdir, engine, &lake, &format!("{place} {more}")));
    }
    workdir.at("lakes").join(name)
}

/// Whether a script of `tests/engines` succeeded, and its output.
fn run_python(python: &OsStr, script: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines").join(script);
    let output = with(Command::new(python).arg(script).env("PYTHONDONTWRITEBYTECODE", "1")).output();
    let output = output.unwrap_or_else(|error| panic!("{PYTHON}={}: {error}", python.display()));
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

/// Environments of `tests/engines/versions.txt` beside the newest: their engine, release and folder name.
fn older_engines() -> Vec<(String, String, String)> {
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines/versions.txt"));
    let list = list.expect("a list of versions");
    let names = list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next());
    let older = names.filter_map(|name| Some((name.split_once('-')?, name)));
    older.map(|((engine, release), name)| (engine.to_owned(), release.to_owned(), name.to_owned())).collect()
}

#[test]
fn the_oldest_release_that_a_header_claims_is_tested() {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("e1", "")]));
    workdir.run("convert in --out lake").expect(0);
    for engine in ["spark", "duckdb", "clickhouse"] {
        let said = ddl(&workdir, engine, "lake", "");
        let (claim, _) = said.split_once(" or later").expect("a claim");
        let claim = claim.rsplit(['(', ' ']).next().expect("a release").to_owned();
        let number =
            |release: &str| release.split('.').map(|part| part.parse().expect("a number")).collect::<Vec<u32>>();
        let older = older_engines();
        let oldest = older.iter().filter(|(it, ..)| it == engine).map(|(_, release, _)| number(release)).min();
        assert_eq!(oldest, Some(number(&claim)), "{engine}");
    }
}

#[test]
fn older_releases_run_the_statements_too() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no older engine has run any statement"));
        return;
    };
    let workdir = workdir_with_sample();
    workdir.copy(&data("long-ago"), "long-ago");
    let folders = [
        lake_with_statements(&workdir, "by-two", "in", "--no-dedup --partition-by event_date,account", ""),
        lake_with_statements(&workdir, "long-ago", "long-ago", "", "--views"),
    ];
    for (engine, _, name) in older_engines() {
        let Some(older) = older_folder(&python, &name) else {
            say(&format!("skipped: {name}, which .ci/engines puts beside {}", python.display()));
            continue;
        };
        let (is_same, printed) = run_python(&python, "ddl.py", |command| {
            command.env("PYTHONPATH", older).args(["--only", engine.as_str()]).args(&folders)
        });
        assert!(is_same, "{name}: {printed}");
        say(&format!("ddl, {name}: {}", printed.lines().find(|line| line.contains("comparisons")).unwrap_or_default()));
    }
}

/// Where an older engine is, if installed.
fn older_folder(python: &OsStr, name: &str) -> Option<PathBuf> {
    let folder = Path::new(python).parent()?.parent()?.join("older").join(name);
    folder.is_dir().then_some(folder)
}

#[test]
fn duckdb_finds_the_same_rows_in_every_time_zone() {
    let Some(python) = std::env::var_os(PYTHON) else {
        say(&format!("skipped: {PYTHON} is not set, so no session has had a time zone"));
        return;
    };
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    workdir.run("convert in --out lake").expect(0);
    let statements = ddl(&workdir, "duckdb", "lake", "--views");
    let path = workdir.file("duckdb.sql", &statements);
    let (is_same, printed) = run_python(&python, "zones.py", |command| command.arg(workdir.at("lake")).arg(&path));
    assert!(is_same, "{printed}");
    say(&format!("ddl: {}", printed.trim()));
    // Instants are on another day in other zones.
    let instants = statements.replace("make_timestamp_ms(epoch_ms(\"event_time\"))", "\"event_time\"");
    let path = workdir.file("instants.sql", instants);
    let (is_same, printed) = run_python(&python, "zones.py", |command| command.arg(workdir.at("lake")).arg(&path));
    assert!(!is_same && printed.contains("events: event_time >= '2025-06-01': America/New_York finds"), "{printed}");
}

/// A lake that had only events when the statements for views were made, and now has rows in all tables.
fn lake_that_grew(workdir: &Workdir) -> PathBuf {
    let lake = "lakes/grown/lake";
    let make = |engine: &str| {
        let flags = if engine == "athena" { "--location s3://bucket/lake" } else { "" };
        workdir.file(&format!("lakes/grown/{engine}.sql"), ddl(workdir, engine, lake, flags));
    };
    workdir.copy(&data("golden/insight.json"), "growing/insight.json");
    workdir.run(&format!("convert growing --out {lake}")).expect(0);
    for engine in ["duckdb", "clickhouse"] {
        make(engine);
    }
    workdir.copy(&data("sample"), "growing/sample");
    workdir.gzip("growing/bad.json.gz", r#"{"Records":[{"eventVersion":"1.08"},7]}"#);
    workdir.run(&format!("convert growing --out {lake}"));
    for table in ["usage_records", "quarantine"] {
        assert!(files(&workdir.at(lake)).iter().any(|path| path.starts_with(table)), "{table}");
    }
    for engine in ["athena", "spark"] {
        make(engine);
    }
    workdir.at("lakes/grown")
}

#[test]
fn tables_that_stay_empty_are_named_in_the_header() {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("e1", "")]));
    workdir.run("convert in --out lake").expect(0);
    let header = |engine: &str, lake: &str| {
        let said = ddl(&workdir, engine, lake, "");
        said.split_once("\n\n").expect("a header").0.to_owned()
    };
    let duckdb = header("duckdb", "lake");
    assert!(duckdb.contains("STAYS EMPTY in DuckDB 1: usage_records and quarantine, without"), "{duckdb}");
    let spark = header("spark", "lake");
    assert!(spark.contains("STAYS EMPTY: usage_records, without"), "{spark}");
    workdir.copy(&data("sample"), "in/sample");
    workdir.run("convert in --out lake").expect(0);
    let duckdb = header("duckdb", "lake");
    assert!(duckdb.contains("STAYS EMPTY in DuckDB 1: quarantine, without"), "{duckdb}");
    let spark = header("spark", "lake");
    assert!(!spark.contains("STAYS EMPTY"), "{spark}");
}

#[test]
fn existing_tables_are_pointed_to_the_current_location() {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("e1", "")]));
    for flags in ["", "--partition-by region"] {
        workdir.run(&format!("convert in --out lake{} {flags}", flags.len())).expect(0);
        let said = ddl(&workdir, "athena", &format!("lake{}", flags.len()), "--location s3://bucket/lake");
        let mut tables = 0;
        for made in said.split(";\n").filter_map(|it| it.split_once("CREATE EXTERNAL TABLE IF NOT EXISTS `")) {
            let name = made.1.split_once('`').expect("a name").0;
            let place = made.1.split_once("LOCATION '").expect("a place").1.split_once('\'').expect("its end").0;
            let altered = format!("ALTER TABLE `{name}` SET LOCATION '{place}';\n");
            assert!(said.contains(&altered), "{altered}{said}");
            tables += 1;
        }
        assert_eq!(tables, if flags.is_empty() { 6 } else { 4 }, "{said}");
    }
    let said = ddl(&workdir, "athena", "lake0", "--location s3://bucket/lake");
    for table in ["events", "usage_records"] {
        let (_, altered) = said.split_once(&format!("ALTER TABLE `{table}_dated` SET TBLPROPERTIES (")).expect("it");
        let (altered, _) = altered.split_once(");\n").expect("its end");
        let template = format!("'storage.location.template' = 's3://bucket/lake/{table}/event_date=${{event_date}}/'");
        assert!(
            altered.contains(&template) && altered.contains("'projection.event_date.range' = '2025-03-01,"),
            "{altered}"
        );
    }
}

#[test]
fn projections_reach_what_the_lake_has_and_say_what_they_do_not_reach() {
    let workdir = Workdir::new();
    let at = |id: &str, time: &str| event(id, "").replace("2025-03-01T08:15:00Z", time);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let ahead = today.saturating_add(jiff::Span::new().days(30));
    let events = [
        at("e1", "1999-12-31T23:59:59Z"),
        at("e2", "2099-01-01T00:00:00Z"),
        at("e3", &format!("{ahead}T00:00:00Z")),
        at("e4", "no time at all"),
        at("e5", "2025-03-01T08:15:00Z"),
        at("e6", "0001-01-01T00:00:00Z"),
    ];
    workdir.gzip("in/a.json.gz", records(&events));
    workdir.run("convert in --out lake").expect(0);
    let said = ddl(&workdir, "athena", "lake", "--location s3://bucket/lake/");
    // A day may have passed since.
    let ranges = [29, 30].map(|days| format!("'projection.event_date.range' = '2025-03-01,NOW+{days}DAYS'"));
    assert!(ranges.iter().any(|range| said.matches(range.as_str()).count() == 4), "{said}");
    let unseen = "-- NOT SEEN, because the range does not reach them: event_date 0001-01-01, 1999-12-31, 2099-01-01.\n";
    assert!(said.contains(unseen), "{said}");
    assert!(said.contains("LOCATION 's3://bucket/lake/events/event_date=__HIVE_DEFAULT_PARTITION__/'"), "{said}");
    let said = ddl(&workdir, "athena", "lake", "--location s3://bucket/lake --from 2025-03-02");
    assert!(said.contains("'2025-03-02,NOW+"), "{said}");
    assert!(said.contains("event_date 0001-01-01, 1999-12-31, 2025-03-01, 2099-01-01.\n"), "{said}");
    // The request goes before what CloudTrail can have written.
    let said = ddl(&workdir, "athena", "lake", "--location s3://bucket/lake --from 1999-01-01");
    assert!(said.contains("'1999-01-01,NOW+"), "{said}");
    assert!(said.contains("event_date 0001-01-01, 2099-01-01.\n"), "{said}");

    workdir.run("convert in --out months --partition-by event_month").expect(0);
    let said = ddl(&workdir, "athena", "months", "--location s3://bucket/lake --from 2020-05-01");
    assert!(said.contains("'projection.event_month.range' = '2020-05,NOW+"), "{said}");
    assert!(said.contains("'projection.event_month.format' = 'yyyy-MM'"), "{said}");
    assert!(said.contains("event_month 0001-01, 1999-12, 2099-01.\n"), "{said}");
    let said = ddl(&workdir, "athena", "months", "--location s3://bucket/lake");
    assert!(said.contains("'projection.event_month.range' = '2025-03,NOW+"), "{said}");

    workdir.gzip("wrong/a.json.gz", records(&events[..2]));
    workdir.run("convert wrong --out wrong-days").expect(0);
    let said = ddl(&workdir, "athena", "wrong-days", "--location s3://bucket/lake");
    assert!(said.contains("'projection.event_date.range' = '2013-01-01,NOW+1DAYS'"), "{said}");
    workdir.run("convert wrong --out wrong-months --partition-by event_month").expect(0);
    let said = ddl(&workdir, "athena", "wrong-months", "--location s3://bucket/lake");
    assert!(said.contains("'projection.event_month.range' = '2013-01,NOW+1MONTHS'"), "{said}");
}

#[test]
fn only_statements_end_with_a_semicolon_and_only_some_follow_a_comment() {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("e1", "")]));
    workdir.run("convert in --out lake").expect(0);
    for engine in ENGINES {
        let said = ddl(&workdir, engine, "lake", "--location s3://bucket/lake --database trail");
        let without_comments =
            |text: &str| text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        // Splitting at semicolons, in comments or not, gives whole statements.
        let statements: Vec<String> = said.split(';').map(without_comments).collect();
        let statements: Vec<&str> = statements.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
        for statement in &statements {
            let words = ["CREATE", "ALTER TABLE", "MSCK REPAIR TABLE", "USE"];
            assert!(words.iter().any(|word| statement.starts_with(word)), "{engine}: {statement}");
            let is_again = ["IF NOT EXISTS", "OR REPLACE", "ALTER TABLE", "MSCK", "USE"];
            assert!(is_again.iter().any(|word| statement.contains(word)), "{engine}: {statement}");
        }
        assert!(statements.len() > 5, "{said}");
        // Athena need not take a comment before these.
        let lines: Vec<&str> = said.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[1].starts_with("ALTER") || pair[1].starts_with("MSCK")) {
            assert_eq!(pair[0], "", "{engine}: {}", pair[1]);
        }
        assert!(said.ends_with(";\n"), "{said}");
    }
}

#[test]
fn what_cannot_be_declared_is_refused() {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("e1", "")]));
    workdir.run("convert in --out lake").expect(0);
    workdir.run("convert in --out regions --partition-by region").expect(0);
    fs::create_dir_all(workdir.at("empty/archives")).expect("a folder");
    workdir.run("convert in --out la[k]e").expect(0);
    workdir.run("convert in --out Event_Date=2025-01-01/lake").expect(0);
    for (arguments, words) in [
        ("--engine athena lake", "/lake: Athena reads from S3 only; say with --location s3://BUCKET/PREFIX"),
        (
            "--engine athena lake --location https://bucket/lake",
            "--location: https://bucket/lake: Athena reads from S3 only",
        ),
        (
            "--engine athena lake --location s3://bucket/[lake]",
            "--location: s3://bucket/[lake]: engines do not take it",
        ),
        ("--engine duckdb lake --location bucket/lake", "neither a URL nor an absolute path"),
        ("--engine duckdb lake --location=", "--location: : neither a URL nor an absolute path"),
        ("--engine duckdb lake --location /la*e", "--location: /la*e: engines do not take it as it stands"),
        ("--engine duckdb lake --location s3:/bucket/lake", "--location: s3:/bucket/lake: it is neither a URL nor"),
        ("--engine duckdb la[k]e", "la[k]e: engines do not take it as it stands"),
        ("--engine duckdb Event_Date=2025-01-01/lake", "duckdb takes its folder Event_Date=2025-01-01 for a partition"),
        ("--engine clickhouse Event_Date=2025-01-01/lake", "give its value for Event_Date in all rows; say with --loc"),
        (
            "--engine duckdb lake --location s3://bucket/outcome=zz/lake",
            "--location: s3://bucket/outcome=zz/lake: duckdb",
        ),
        ("--engine duckdb regions --location /region=1", "for region in all rows; use a place without such a folder"),
        ("--engine duckdb lake --database a;b", "--database"),
        ("--engine duckdb lake --from 2020-01-01", "--from"),
        ("--engine athena regions --location s3://bucket/lake --from 2020-01-01", "--from"),
        ("--engine athena lake --location s3://bucket/lake --from yesterday", "no date"),
        ("--engine clickhouse lake --views", "written for athena, spark and duckdb, not for clickhouse"),
        ("--engine oracle lake", "there are athena, spark, duckdb, clickhouse"),
        ("--engine duckdb in", "not a usable lake"),
        ("--engine duckdb nowhere", "not a usable lake"),
        ("--engine duckdb empty", "no run of trailmill has begun a lake there"),
    ] {
        let run = workdir.run(&format!("ddl {arguments}")).expect(2);
        assert!(run.stderr().contains(words), "{arguments}: {}", run.stderr());
        assert_eq!(run.stdout(), "", "{arguments}");
        // Advice names only what was not typed.
        let printed = run.stderr();
        let cause = printed.split("; ").next().unwrap_or_default();
        assert!(arguments.contains("--location") || !cause.contains("--location"), "{cause}");
    }
    // Cases that another spelling of the location fixes, and cases with the same location.
    ddl(&workdir, "duckdb", "la[k]e", "--location /lake");
    ddl(&workdir, "duckdb", "Event_Date=2025-01-01/lake", "--location /lake");
    // Folders that are not columns, and engines that get the partitions explicitly.
    ddl(&workdir, "duckdb", "lake", "--location /env=prod/region=1/lake");
    ddl(&workdir, "spark", "Event_Date=2025-01-01/lake", "");
    ddl(&workdir, "athena", "lake", "--location s3://bucket/outcome=zz/lake");
    let said = ddl(&workdir, "athena", "lake", "--location S3://bucket/lake/");
    assert!(said.contains("LOCATION 's3://bucket/lake/archives/'"), "{said}");
}

#[test]
fn views_of_questions_follow_the_tables_that_they_query() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    workdir.run("convert in --out lake").expect(0);
    for engine in ["athena", "spark", "duckdb"] {
        let flags = "--location s3://bucket/lake --database trail";
        let tables = ddl(&workdir, engine, "lake", flags);
        let all = ddl(&workdir, engine, "lake", &format!("{flags} --views"));
        let views = all.strip_prefix(tables.trim_end()).expect("the same tables");
        for name in ["metering_billable", "metering_underbilled", "metering_unused_sign_ups"] {
            assert!(views.contains(&format!("CREATE OR REPLACE VIEW {name} AS")), "{engine}: {views}");
        }
        assert!(views.contains("CloudTrail shows submissions, not bills"), "{views}");
        let is_to_choose = views.contains("--query-execution-context Database=trail.\n");
        assert_eq!(is_to_choose, engine == "athena", "{engine}: {views}");
    }
    let help = workdir.run("ddl --help").expect(0).stdout();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "CloudTrail shows submissions, not bills",
        "For athena, spark and duckdb",
        "needs `events` and `usage_records`",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
    workdir.run("convert in --out events --tables events").expect(0);
    let run = workdir.run("ddl --engine duckdb events --views").expect(2);
    assert!(run.stderr().contains("the lake has no usage_records"), "{}", run.dump());
}
