//! What a person at a terminal sees: help, errors that name what to fix, exit codes, and no raw text of an archive.

use std::fs;

use serde_json::Value as Json;

use crate::harness::{Run, Workdir, data, event, files, records, text};

const COMMANDS: [&str; 7] = ["convert", "check", "inspect", "schema", "generate", "completions", "man"];

/// A folder with one sound archive at `in/a.json.gz`.
fn workdir() -> Workdir {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("a", "")]));
    workdir
}

/// Control characters other than line ends move the cursor, recolour the terminal, or worse.
#[track_caller]
fn check_printable(run: &Run) {
    for text in [run.stdout(), run.stderr()] {
        let bad = text.chars().find(|it| (it.is_control() && *it != '\n') || ('\u{202a}'..='\u{202e}').contains(it));
        assert_eq!(bad, None, "{}", run.dump());
    }
}

#[test]
fn help_says_what_it_does_with_defaults_and_an_example() {
    let workdir = Workdir::new();
    let top = workdir.run("--help").expect(0);
    assert!(COMMANDS.iter().all(|command| top.stdout().contains(command)), "{}", top.dump());
    assert!(top.stdout().contains("Exit codes: 0") && top.stderr().is_empty(), "{}", top.dump());
    for command in COMMANDS {
        let help = workdir.run(&format!("{command} --help")).expect(0).stdout();
        assert!(help.contains(&format!("Usage: trailmill {command}")), "{help}");
        assert!(help.contains(&format!("Example: trailmill {command}")), "{help}");
        // The short form says the same in less.
        let short = workdir.run(&format!("{command} -h")).expect(0).stdout();
        assert!(short.len() <= help.len() && short.contains("Usage:"), "{short}");
    }
    let help = workdir.run("convert --help").expect(0).stdout();
    for flag in [
        "--out",
        "--tables",
        "--partition-by",
        "--compression",
        "--threads",
        "--memory-limit",
        "--from",
        "--to",
        "--account",
        "--region",
        "--on-bad",
        "--report",
        "--progress",
        "--dry-run",
        "--verbose",
        "--quiet",
        "--max-inflated",
        "--no-dedup",
        "--step-size",
        "--retry-quarantined",
        "--reconvert-changed",
    ] {
        assert!(help.contains(flag), "{flag} is not in\n{help}");
    }
    for default in
        ["[default: usage_records,events]", "[default: event_date]", "[default: quarantine]", "[default: auto]"]
    {
        assert!(help.contains(default), "{default} is not in\n{help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = Workdir::new().run("--version").expect(0).stdout();
    assert_eq!(version.trim(), format!("trailmill {}", env!("CARGO_PKG_VERSION")));
}

/// An error names the flag or the file to fix, fits on one screen, and nothing was published.
#[test]
fn errors_name_the_flag_or_file_to_fix() {
    let workdir = workdir();
    workdir.file("file", "");
    workdir.file("other/archives/part-000001-00000.parquet", "no Parquet");
    for (arguments, named) in [
        ("", "Usage"),
        ("convrt in --out lake", "convert"),
        ("convert --out lake", "INPUT"),
        ("convert in", "--out"),
        ("convert in --out lake --tables event", "--tables"),
        ("convert in --out lake --tables archives", "--tables"),
        ("convert in --out lake --partition-by day", "--partition-by"),
        ("convert in --out lake --partition-by event_date,event_date", "--partition-by"),
        ("convert in --out lake --compression gzip", "--compression"),
        ("convert in --out lake --compression zstd:23", "--compression"),
        ("convert in --out lake --threads 0", "--threads"),
        ("convert in --out lake --threads many", "--threads"),
        ("convert in --out lake --memory-limit 1KiB", "--memory-limit"),
        ("convert in --out lake --memory-limit lots", "--memory-limit"),
        ("convert in --out lake --max-inflated x", "--max-inflated"),
        ("convert in --out lake --part-size x", "--part-size"),
        ("convert in --out lake --from 2025-02-30", "--from"),
        ("convert in --out lake --to yesterday", "--to"),
        ("convert in --out lake --from 2025-02-02 --to 2025-02-01", "--from"),
        ("convert in --out lake --on-bad ignore", "--on-bad"),
        ("convert in --out lake --progress always", "--progress"),
        ("convert in --out lake --quiet --verbose", "--verbose"),
        ("convert in --out lake --nonsense", "--nonsense"),
        ("convert in nowhere --out lake", "nowhere"),
        ("convert in --out file", "file"),
        ("convert in --out file/lake", "file/lake"),
        ("convert in --out other", "other/archives/part-000001-00000.parquet"),
        ("schema --table lake", "--table"),
        ("schema --format yaml", "--format"),
        ("generate", "--out"),
        ("generate --out x --mix all", "--mix"),
        ("generate --out file", "file"),
        ("completions tcsh", "tcsh"),
    ] {
        let run = workdir.run(arguments).expect(2);
        assert!(run.stderr().contains(named) && run.stdout().is_empty(), "wanted {named:?}\n{}", run.dump());
        assert!(run.stderr().lines().count() < 20 || arguments.is_empty(), "{}", run.dump());
        assert!(!run.stderr().contains("panicked"), "{}", run.dump());
        let published = files(&workdir.at("lake"));
        assert!(published.iter().all(|path| path.starts_with("_trailmill")), "{arguments}: {published:?}");
    }
}

/// A tip is for a typo: a command that does something else is no tip, and a flag is never taken for a path.
#[test]
fn an_unknown_command_or_flag_gets_no_misleading_tip() {
    let workdir = workdir();
    for (arguments, tip) in [
        ("convrt in --out lake", Some("'convert'")),
        ("verfy in", Some("'verify'")),
        ("restor lake", Some("'restore'")),
        ("query lake", None),
        ("select lake", None),
        ("stats lake", None),
        ("restore lake --ip 192.0.2.1", None),
        ("restore lake --user alice", None),
        ("restore lake --source 192.0.2.1", Some("'--source-ip'")),
        ("restore lake --eventname GetObject", Some("'--event-name'")),
        ("convert in --output lake", Some("'--out'")),
        ("convert in --out lake --thread 2", Some("'--threads'")),
    ] {
        let run = workdir.run(arguments).expect(2);
        let typed =
            arguments.split(' ').rfind(|word| run.stderr().contains(&format!("'{word}'"))).expect("what is wrong");
        let said = run.stderr();
        let tips: Vec<&str> = said.lines().filter(|line| line.contains("tip:")).collect();
        match tip {
            Some(tip) => assert!(tips.len() == 1 && tips[0].contains(tip), "{typed}: {}", run.dump()),
            None => assert!(tips.is_empty(), "{typed}: {}", run.dump()),
        }
        assert!(said.contains("Usage: trailmill"), "{}", run.dump());
    }
}

#[test]
fn an_error_of_generate_names_the_output() {
    let workdir = workdir();
    workdir.file("file", "");
    for out in ["file", "file/below"] {
        let run = workdir.run(&format!("generate --out {out} --archives 1")).expect(2);
        let said = run.stderr();
        assert!(said.starts_with("error: cannot write the output: ") && !said.contains("lake"), "{}", run.dump());
        assert!(said.contains(out) && said.contains("--out"), "{}", run.dump());
    }
    let run = workdir.run("generate --out s3://bucket/x --archives 1").expect(2);
    assert!(run.stderr().contains("--out") && !run.stderr().contains("to the lake"), "{}", run.dump());
}

/// One of something is not in the plural.
#[test]
fn one_of_something_is_not_a_plural() {
    let workdir = Workdir::new();
    let mut said = workdir.run("generate --out in --archives 1 --events-per-archive 1").expect(0).stderr();
    // The same event twice.
    let copy = files(&workdir.at("in")).remove(0);
    workdir.file("in/copy.json.gz", fs::read(workdir.at("in").join(copy)).expect("an archive"));
    said += &workdir.run("convert in --out lake").expect(0).stderr();
    said += &workdir.run("convert in --out copies --no-dedup --tables events").expect(0).stderr();
    for arguments in
        ["check lake", "inspect lake", "restore lake", "restore lake --out tree", "inspect in", "check copies"]
    {
        let run = workdir.run(arguments).expect(0);
        said += &(run.stdout() + &run.stderr());
    }
    let wrong = ["archives", "events", "files", "commits", "duplicates", "usage records", "rows"];
    let words: Vec<&str> = said.split([' ', '\n', ',']).collect();
    let found = words.windows(2).find(|pair| pair[0] == "1" && wrong.contains(&pair[1]));
    assert_eq!(found, None, "{said}");
    for right in ["1 archive, 1 event", "1 duplicate", "1 commit", "of 1 file", "1 event is there more than once"] {
        assert!(said.contains(right), "{right:?} is not in\n{said}");
    }
}

/// Exit code 2 says that nothing was published, so every failure has to come before that.
#[test]
fn a_report_that_cannot_be_written_publishes_nothing() {
    let workdir = workdir();
    let run = workdir.run("convert in --out lake --report nowhere/report.json").expect(2);
    assert!(run.stderr().contains("--report") && run.stderr().contains("nowhere/report.json"), "{}", run.dump());
    let published = files(&workdir.at("lake"));
    assert!(published.iter().all(|path| path.starts_with("_trailmill")), "{}", run.dump());
}

#[test]
fn exit_codes_say_whether_all_some_or_nothing_was_converted() {
    let workdir = workdir();
    workdir.run("convert in --out lake").expect(0);
    workdir.run("convert in --out lake").expect(0);
    workdir.file("in/foreign.txt", "no archive");
    workdir.run("convert in --out lake").expect(0);
    workdir.copy(&data("corrupt/json-cut.json"), "in/json-cut.json");
    workdir.run("convert in --out lake").expect(1);
    workdir.run("convert nowhere --out lake").expect(2);
}

#[test]
fn the_summary_is_on_stderr_and_ends_with_the_next_command() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("corrupt"), "in/corrupt");
    let run = workdir.run("convert in --out lake").expect(1);
    assert_eq!(run.stdout(), "", "{}", run.dump());
    for printed in [
        "archives",
        "foreign",
        "events",
        "quarantined",
        "usage records",
        "312 success",
        "7 customer_not_subscribed",
        "1 unprocessed",
        "json_truncated",
        "gzip_corrupt",
        "lake",
        "next: duckdb -c \"select outcome",
        "lake/usage_records/**/*.parquet",
    ] {
        assert!(run.stderr().contains(printed), "{printed:?} is not printed\n{}", run.dump());
    }
    check_printable(&run);
    let again = workdir.run("convert in --out lake").expect(0);
    assert!(again.stderr().contains("already"), "{}", again.dump());
}

#[test]
fn quiet_says_nothing_and_verbose_says_more() {
    let workdir = workdir();
    let quiet = workdir.run("convert in --out quiet -q").expect(0);
    assert_eq!((quiet.stdout(), quiet.stderr()), (String::new(), String::new()), "{}", quiet.dump());
    let plain = workdir.run("convert in --out plain").expect(0);
    let verbose = workdir.run("convert in --out verbose -v").expect(0);
    assert!(verbose.stderr().lines().count() > plain.stderr().lines().count(), "{}", verbose.dump());
    assert_eq!(verbose.stdout(), "");
    // An error is printed all the same.
    assert!(!workdir.run("convert nowhere --out quiet -q").expect(2).stderr().is_empty());
}

#[test]
fn untrusted_text_reaches_the_terminal_escaped() {
    let workdir = Workdir::new();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\u{202e}";
    workdir.gzip(&format!("in/{evil}.json.gz"), "{\"Records\":[");
    workdir.gzip("in/line\nfeed.json.gz", "{\"Records\":[1,");
    let name = serde_json::to_string(evil).expect("text");
    workdir
        .gzip("in/0-shown-first.json.gz", format!("{{\"Records\":[{}]}}", event("a", &format!("{name}:1,{name}:2"))));
    workdir.gzip("in/broken.json.gz", format!("{{\"Records\":[{},\u{1b}[31m]}}", event("b", "")));
    workdir.gzip("in/not-array.json.gz", format!("{{\"Records\":\"{evil}\"}}"));
    let run = workdir.run("convert in --out lake --report report.json -v").expect(1);
    check_printable(&run);
    assert!(run.stderr().contains("u{1b}"), "it is printed, escaped: {}", run.dump());
    let error = workdir.run_with(["convert", "in", evil, "--out", "lake"]).expect(2);
    check_printable(&error);
    let on_bad = workdir.run("convert in --out other --on-bad fail").expect(2);
    check_printable(&on_bad);
    // A lake with such a name is printed, too.
    let lake = format!("lake {evil}");
    check_printable(&workdir.run_with(["convert", "in", "--out", &lake]).expect(1));
}

#[test]
fn the_report_has_the_counts_of_the_contract() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("corrupt"), "in/corrupt");
    let lake = workdir.convert("in", "");
    lake.check_counts();
    for counts in [
        "archives/seen archives/converted archives/already_converted archives/quarantined archives/foreign",
        "events/seen events/written events/duplicates events/quarantined events/filtered usage_records/written",
        "bytes/compressed bytes/inflated bytes/written parts elapsed_ms span_cpu_ms peak_rss_bytes",
    ] {
        for pointer in counts.split(' ') {
            lake.count(&format!("/{pointer}"));
        }
    }
    let stages = lake.report["stages_cpu_ms"].as_object().expect("stages");
    assert!(stages.len() > 3 && stages.values().all(Json::is_u64), "{stages:?}");
    let quarantined: u64 = lake.rows("quarantine").iter().filter(|row| row.contains_key("event_index")).count() as u64;
    assert_eq!(lake.count("/events/quarantined"), quarantined);
    let stored: u64 = files(&workdir.at("in"))
        .iter()
        .map(|path| fs::metadata(workdir.at("in").join(path)).expect("a file").len())
        .sum();
    assert_eq!(lake.count("/bytes/compressed"), stored);
}

#[test]
fn completions_and_the_manual_are_printed() {
    let workdir = Workdir::new();
    for (shell, start) in [("bash", "_trailmill()"), ("zsh", "#compdef trailmill"), ("fish", "complete -c trailmill")] {
        let script = workdir.run(&format!("completions {shell}")).expect(0).stdout();
        assert!(script.contains(start) && script.contains("partition-by"), "{script}");
    }
    let man = workdir.run("man").expect(0).stdout();
    assert!(man.contains(".TH trailmill 1") && man.contains(".SH NAME"), "{man}");
}

#[test]
fn generated_archives_depend_on_the_seed_alone() {
    let workdir = Workdir::new();
    let make = |out: &str, flags: &str| {
        let run = workdir.run(&format!("generate --out {out} --archives 4 --events-per-archive 5 {flags}")).expect(0);
        assert!(run.stdout().is_empty() && run.stderr().contains("4 archives, 20 events"), "{}", run.dump());
        let files = workdir.snapshot(out).into_iter().map(|(path, (bytes, _))| (path, bytes));
        files.collect::<Vec<_>>()
    };
    let one = make("a", "--seed 7 --threads 1");
    assert_eq!(one, make("b", "--seed 7 --threads 3"));
    assert_ne!(one, make("c", "--seed 8"));
    for mix in ["org", "metering", "tiny"] {
        let files = make(mix, &format!("--mix {mix}"));
        let is_key = |path: &std::path::Path| {
            path.starts_with("AWSLogs") && path.to_str().is_some_and(|it| it.ends_with(".json.gz"))
        };
        assert!(files.len() == 4 && files.iter().all(|(path, _)| is_key(path)), "{mix}");
    }
}

/// The examples of `trailmill generate --help` and `convert --help` work verbatim.
#[test]
fn generated_archives_convert_without_a_finding() {
    let workdir = Workdir::new();
    for mix in ["org", "metering", "tiny"] {
        workdir.run(&format!("generate --out in/{mix} --mix {mix} --archives 16 --events-per-archive 40")).expect(0);
    }
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/events/written")), (0, 3 * 16 * 40), "{}", lake.stderr);
    lake.check_counts();
    assert!(lake.rows("archives").iter().all(|row| text(row, "status") == "converted"));
}
