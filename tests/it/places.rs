//! A path or URL is read or written where it points, or refused as typed: no command makes a folder named `s3:`.

use std::collections::BTreeMap;

use crate::harness::{Workdir, event, records};
use crate::s3::server::Server;
use crate::s3::store::Store;

/// Places that no command can read or write.
const NOWHERE: [&str; 15] = [
    "s3://lakes//",
    "s3://lakes//lead",
    "s3://lakes/a//b",
    "s3://lakes/a//",
    "s3://lakes/a/../b",
    "s3://lakes/./b",
    "s3://lakes/a\u{1}b",
    "s3://",
    "s3:/lakes/a",
    "S3N://lakes/a",
    "gs://lakes/a",
    "https://example.com/a",
    "file:///tmp/a",
    "hdfs+x.y-z://lakes/a",
    "s3://la:kes/a",
];

/// Places that are fine where buckets are accepted.
const REMOTE: [&str; 3] = ["s3://lakes/a", "s3://lakes/a/", "S3A://lakes/a"];

/// A complete command: values of its arguments by name, flags with a dash.
fn needed(command: &str) -> Vec<(&'static str, &'static str)> {
    match command {
        "convert" => vec![("inputs", "in"), ("--out", "lake")],
        "inspect" => vec![("inputs", "in")],
        "check" | "restore" => vec![("lake", "other")],
        "verify" => vec![("inputs", "in"), ("--public-keys", "keys.json")],
        "ddl" => vec![("lake", "other"), ("--engine", "duckdb")],
        "generate" => vec![("--out", "lake"), ("--archives", "1")],
        _ => Vec::new(),
    }
}

/// Path arguments by command, as the program lists them for a shell: clap knows which are paths.
fn path_arguments(workdir: &Workdir) -> BTreeMap<String, Vec<String>> {
    let script = workdir.run("completions zsh").expect(0).stdout();
    let mut command = String::new();
    let mut arguments: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in script.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('(').and_then(|line| line.strip_suffix(')')) {
            name.clone_into(&mut command);
        } else if line.contains(":_files") {
            let line = line.trim_start_matches(['\'', '*', ':']);
            let end = line.find(['=', '+', ' ', '[']).expect("a name");
            if line.starts_with("--") || !line.starts_with('-') {
                arguments.entry(command.clone()).or_default().push(line[..end].to_owned());
            }
        }
    }
    arguments
}

#[test]
fn no_argument_of_any_command_makes_a_folder_of_a_url() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("a", "")]));
    workdir.file("keys.json", "{}");
    workdir.run("convert in --out other -q").expect(0);
    let arguments = path_arguments(&workdir);
    let count: usize = arguments.values().map(Vec::len).sum();
    assert!(count >= 12 && arguments.len() == 7, "{arguments:?}");
    // Where buckets are accepted the URL is requested; other tests cover the result.
    let in_buckets =
        ["convert inputs", "convert --out", "check lake", "inspect inputs", "restore lake", "verify inputs"];
    let before = workdir.snapshot(".");
    for (command, argument) in
        arguments.iter().flat_map(|(command, arguments)| arguments.iter().map(move |argument| (command, argument)))
    {
        let name = format!("{command} {argument}");
        let is_remote = in_buckets.contains(&name.as_str()) || name == "ddl lake";
        let refused = NOWHERE.into_iter().chain(REMOTE.into_iter().filter(|_| !is_remote));
        for url in refused {
            let mut words = vec![command.as_str()];
            let mut needed = needed(command);
            needed.retain(|(other, _)| other != argument);
            needed.push((argument.as_str(), url));
            for (name, value) in needed {
                words.extend(Some(name).filter(|name| name.starts_with('-')));
                words.push(value);
            }
            if name == "convert --public-keys" {
                words.push("--verify");
            }
            let run = workdir.run_with(words).expect(2);
            let printed = run.stderr();
            let typed = url.replace('\u{1}', "\\u{1}");
            let called = match argument.as_str() {
                "inputs" => ["INPUT", "PATH"],
                "lake" => ["LAKE", "LAKE"],
                flag => [flag, flag],
            };
            assert!(called.iter().any(|called| printed.contains(&format!("{called}: "))), "{name}: {}", run.dump());
            assert!(printed.contains(&typed) && printed.lines().count() == 1, "{name}: {}", run.dump());
            assert!(workdir.snapshot(".") == before && !workdir.at("s3:").exists(), "{name}: {}", run.dump());
        }
    }
}

#[test]
fn a_location_that_no_engine_could_read_is_refused() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("a", "")]));
    workdir.run("convert in --out lake -q").expect(0);
    for url in ["s3://lakes//lead", "s3://lakes/a//b", "s3://lakes/../b", "s3:/lakes/a"] {
        let run = workdir.run(&format!("ddl lake --engine duckdb --location {url}")).expect(2);
        assert!(run.stderr().contains("--location: ") && run.stderr().contains(url), "{}", run.dump());
    }
    workdir.run("ddl lake --engine duckdb --location s3://lakes/a/").expect(0);
}

#[test]
fn lines_with_keys_that_cannot_be_requested_are_refused_verbatim() {
    let server = Server::with_bucket("trail");
    server.put("trail", "lead", records(&[event("a", "")]).as_bytes());
    let workdir = Workdir::new();
    let lines = ["s3://trail//lead", "s3://trail/a/../lead", "gs://trail/lead", "file:///lead", "s3:/trail/lead"];
    let notice = serde_json::json!({"s3Bucket": "trail", "s3ObjectKey": ["a/../lead", "/lead", "lead"]}).to_string();
    workdir.file("lines", format!("{}\n{notice}\n", lines.join("\n")));
    let run = workdir.run_in(&server.environment(), "convert --inputs-from lines --out lake --report report.json");
    let run = run.expect(1);
    let report = run.report("report.json");
    assert_eq!(report["notices"]["wrong"], 7, "{}", run.dump());
    assert_eq!(report["events"]["written"], 1, "{}", run.dump());
    let wrong = report["wrong_notices"].to_string();
    for typed in lines.into_iter().chain(["s3://trail/a/../lead", "s3://trail//lead"]) {
        assert!(wrong.contains(typed), "{typed}: {wrong}");
    }
    assert!(wrong.contains("aws s3 cp"), "{wrong}");
}

/// A program that embeds the library has no command line that checks first.
#[test]
fn the_library_makes_no_folder_of_a_url_either() {
    use trailmill::restore::{OutFolder, RestoreConfig, restore};
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("a", "")]));
    workdir.run("convert in --out lake -q").expect(0);
    for url in ["s3://lakes/a", "gs://lakes/a", "s3:/lakes/a"] {
        let mut config = RestoreConfig::new(workdir.at("lake"));
        config.out = Some(OutFolder { path: url.into(), may_hold_files: true });
        let error = restore(&config, &mut Vec::new()).expect_err("it is no folder");
        assert!(error.to_string().contains(url), "{error}");
        assert!(!std::path::Path::new("s3:").exists() && !std::path::Path::new("gs:").exists());
    }
}
