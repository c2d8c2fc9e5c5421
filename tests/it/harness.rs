//! What every test needs: a folder of its own, archives in it, the program, and its output as rows.
//!
//! A failing command shows what was run, where, what the folder held and the output.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use crate::reference::{self, Row};

/// A folder that is removed when the test ends.
pub struct Workdir {
    folder: tempfile::TempDir,
}

impl Workdir {
    /// A new, empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Its path, absolute and without links, as the manifest has it.
    pub fn path(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).expect("the folder exists")
    }

    /// A path below it.
    pub fn at(&self, below: &str) -> PathBuf {
        self.path().join(below)
    }

    /// Writes a file verbatim; returns its path.
    pub fn file(&self, below: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(below);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// Writes text as one gzip member.
    pub fn gzip(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        self.file(below, gzip(text.as_ref()))
    }

    /// Copies a file or a folder to a path below.
    pub fn copy(&self, from: &Path, below: &str) {
        if from.is_dir() {
            for path in files(from) {
                let bytes = fs::read(from.join(&path)).expect("a readable file");
                self.file(&format!("{below}/{}", path.display()), bytes);
            }
        } else {
            self.file(below, fs::read(from).expect("a readable file"));
        }
    }

    /// Runs the program in the folder; its arguments are split at spaces.
    pub fn run(&self, arguments: &str) -> Run {
        self.run_with(arguments.split(' ').filter(|word| !word.is_empty()))
    }

    /// Runs the program in the folder.
    pub fn run_with<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_trailmill"))
            .args(&arguments)
            .current_dir(self.path())
            .output()
            .expect("the program runs");
        Run { command: format!("trailmill {}", arguments.join(" ")), folder: self.path(), output }
    }

    /// Runs the program with this standard input.
    pub fn run_with_input(&self, arguments: &str, input: &[u8]) -> Run {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_trailmill"))
            .args(arguments.split(' ').filter(|word| !word.is_empty()))
            .current_dir(self.path())
            .write_stdin(input)
            .output()
            .expect("the program runs");
        Run { command: format!("… | trailmill {arguments}"), folder: self.path(), output }
    }

    /// Runs the program with a fault at a change on disk, such as `signal 17 9`.
    pub fn run_with_fault(&self, arguments: &str, wish: &str) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_trailmill"))
            .args(arguments.split(' ').filter(|word| !word.is_empty()))
            .env("TRAILMILL_FAULT", wish)
            .current_dir(self.path())
            .output()
            .expect("the program runs");
        Run { command: format!("TRAILMILL_FAULT='{wish}' trailmill {arguments}"), folder: self.path(), output }
    }

    /// Runs the program after a shell command, such as `ulimit -n 24`.
    pub fn run_behind(&self, line: &str, arguments: &str) -> Run {
        let line = format!("{line} && exec {} {arguments}", env!("CARGO_BIN_EXE_trailmill"));
        let output = Command::new("sh").args(["-c", &line]).current_dir(self.path()).output().expect("a shell");
        Run { command: line, folder: self.path(), output }
    }

    /// Starts the program in the folder, with a fault unless it is empty.
    pub fn start(&self, arguments: &str, fault: &str) -> Started {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailmill"));
        command.args(arguments.split(' ')).current_dir(self.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if !fault.is_empty() {
            command.env("TRAILMILL_FAULT", fault);
        }
        let child = command.spawn().expect("the program runs");
        Started { command: format!("trailmill {arguments}"), folder: self.path(), child }
    }

    /// Runs the program in the folder with these variables, such as those of a store, and no others of AWS.
    pub fn run_in(&self, environment: &[(&'static str, String)], arguments: &str) -> Run {
        self.start_in(environment, arguments).end()
    }

    /// Starts the program in the folder with these variables, such as those of a store, and no others of AWS.
    pub fn start_in(&self, environment: &[(&'static str, String)], arguments: &str) -> Started {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailmill"));
        command.args(arguments.split(' ').filter(|word| !word.is_empty())).current_dir(self.path());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"AWS_")) {
            command.env_remove(name);
        }
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let variables: String = environment.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        let command = format!("{variables}trailmill {arguments}");
        Started { command, folder: self.path(), child: child.expect("the program runs") }
    }

    /// Converts `input` into `lake` with more flags; the lake.
    pub fn convert(&self, input: &str, flags: &str) -> Lake {
        let run = self.run(&format!("convert {input} --out lake --report report.json {flags}"));
        Lake { report: run.report("report.json"), code: run.code(), path: self.at("lake"), stderr: run.stderr() }
    }

    /// Every file below a path, with its bytes and the time it was last changed.
    pub fn snapshot(&self, below: &str) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
        let folder = self.at(below);
        let state = |path: &PathBuf| {
            let changed = fs::metadata(folder.join(path)).and_then(|metadata| metadata.modified());
            (fs::read(folder.join(path)).expect("a readable file"), changed.expect("a file's time"))
        };
        files(&folder).into_iter().map(|path| (path.clone(), state(&path))).collect()
    }
}

/// Text as one gzip member.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// The text of a gzip file; any other file is its own text.
pub fn inflated(stored: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    if !stored.starts_with(&[0x1f, 0x8b]) {
        return stored.to_owned();
    }
    flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut text).expect("sound gzip");
    text
}

/// An archive of these events, on one line as CloudTrail writes it.
pub fn records<T: AsRef<str>>(events: &[T]) -> String {
    let events: Vec<&str> = events.iter().map(AsRef::as_ref).collect();
    format!("{{\"Records\":[{}]}}", events.join(","))
}

/// A plain event of 2025-03-01 with this `eventID` and more members.
pub fn event(id: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(
        r#"{{"eventVersion":"1.08","eventTime":"2025-03-01T08:15:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"us-east-1","eventID":"{id}","eventType":"AwsApiCall","recipientAccountId":"123456789012"{comma}{more}}}"#
    )
}

/// The name that the manifest gives a file: a URI, so what a URI path may not hold is percent-encoded.
pub fn uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.to_str().expect("tests use UTF-8 paths").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,;=:@".contains(&byte) {
            uri.push(byte.into());
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// A path below the project's `data` folder.
pub fn data(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(below)
}

/// Prints something even when the test passes: the test runner captures `eprintln!`.
pub fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// A running process.
pub struct Started {
    command: String,
    folder: PathBuf,
    pub child: std::process::Child,
}

impl Started {
    /// A program other than ours.
    pub fn other(command: &mut Command, folder: PathBuf) -> Self {
        let words = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self { command: words, folder, child: child.expect("the program runs") }
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "{name} to {}", self.command);
    }

    /// Waits until it has ended.
    pub fn end(self) -> Run {
        let output = self.child.wait_with_output().expect("its end");
        Run { command: self.command, folder: self.folder, output }
    }
}

/// A run of the program.
pub struct Run {
    command: String,
    folder: PathBuf,
    pub output: Output,
}

impl Run {
    /// The exit code.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    /// Whether SIGKILL ended it.
    pub fn was_killed(&self) -> bool {
        std::os::unix::process::ExitStatusExt::signal(&self.output.status) == Some(9)
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}", self.dump());
        self
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The report that the run wrote.
    #[track_caller]
    pub fn report(&self, below: &str) -> Json {
        let text = fs::read_to_string(self.folder.join(below));
        let text = text.unwrap_or_else(|error| panic!("no report: {error}\n{}", self.dump()));
        serde_json::from_str(&text).expect("the report is JSON")
    }

    /// Command, folder with all files in it, exit code and output.
    pub fn dump(&self) -> String {
        let mut dump = format!("command: {}\nfolder:  {}\n", self.command, self.folder.display());
        for path in files(&self.folder) {
            let size = fs::metadata(self.folder.join(&path)).map_or(0, |metadata| metadata.len());
            let _ = writeln!(dump, "  {size:>9} {}", path.display());
        }
        let _ = write!(dump, "exit:    {}\nstdout:\n{}\nstderr:\n{}", self.code(), self.stdout(), self.stderr());
        dump
    }
}

/// All files below a folder, sorted, relative to it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else if let Ok(below) = entry.path().strip_prefix(folder) {
                files.push(below.to_owned());
            }
        }
    }
    files.sort();
    files
}

/// A lake after a run.
pub struct Lake {
    pub path: PathBuf,
    pub report: Json,
    pub code: i32,
    pub stderr: String,
}

impl Lake {
    /// All rows of a table.
    pub fn rows(&self, table: &str) -> Vec<Row> {
        reference::read_table(&self.path, table)
    }

    /// The Parquet files of a table, in path order.
    pub fn parts(&self, table: &str) -> Vec<PathBuf> {
        let folder = self.path.join(table);
        let parts = files(&folder).into_iter().filter(|path| path.extension().is_some_and(|name| name == "parquet"));
        parts.map(|path| folder.join(path)).collect()
    }

    /// The partition folders of a table, such as `event_date=2025-03-01`, in order.
    pub fn partitions(&self, table: &str) -> Vec<String> {
        let below = |path: &PathBuf| path.parent()?.strip_prefix(self.path.join(table)).ok().map(Path::to_owned);
        let mut folders: Vec<_> = self.parts(table).iter().filter_map(below).collect();
        folders.dedup();
        folders.iter().map(|folder| folder.display().to_string()).collect()
    }

    /// The texts of one column, in the order of the files.
    pub fn texts(&self, table: &str, column: &str) -> Vec<String> {
        self.rows(table).iter().map(|row| text(row, column).to_owned()).collect()
    }

    /// The manifest's row of an archive.
    #[track_caller]
    pub fn archive(&self, path: &Path) -> Row {
        let uri = uri(path);
        let row = self.rows("archives").into_iter().find(|row| text(row, "archive") == uri);
        row.unwrap_or_else(|| panic!("the manifest has no {uri}\n{}", self.stderr))
    }

    /// A number of the report, such as `/events/seen`.
    #[track_caller]
    pub fn count(&self, pointer: &str) -> u64 {
        self.report.pointer(pointer).and_then(Json::as_u64).unwrap_or_else(|| panic!("no {pointer} in {}", self.report))
    }

    /// Checks that the counts of the report, of the manifest and of the tables add up.
    #[track_caller]
    pub fn check_counts(&self) {
        let events = |name: &str| self.count(&format!("/events/{name}"));
        let accounted = events("written") + events("duplicates") + events("quarantined") + events("filtered");
        assert_eq!(events("seen"), accounted, "{}", self.report);
        let archives = |name: &str| self.count(&format!("/archives/{name}"));
        let accounted =
            archives("converted") + archives("already_converted") + archives("quarantined") + archives("foreign");
        assert_eq!(archives("seen"), accounted, "{}", self.report);
        let manifest = self.rows("archives");
        let sum = |name: &str| manifest.iter().map(|row| int(row, name)).sum::<i64>();
        for row in &manifest {
            let accounted =
                int(row, "events_written") + int(row, "duplicates") + int(row, "quarantined") + int(row, "filtered");
            assert_eq!(int(row, "events_seen"), accounted, "{row:?}");
        }
        assert_eq!(sum("events_written"), self.rows("events").len() as i64, "rows of events");
        assert_eq!(sum("usage_records_written"), self.rows("usage_records").len() as i64, "rows of usage_records");
    }
}

/// An integer of a row.
#[track_caller]
pub fn int(row: &Row, column: &str) -> i64 {
    match row.get(column) {
        Some(reference::Value::Int(value)) => *value,
        other => panic!("{column} is {other:?}"),
    }
}

/// A text of a row, empty when null.
pub fn text<'r>(row: &'r Row, column: &str) -> &'r str {
    match row.get(column) {
        Some(reference::Value::Text(value)) => value,
        _ => "",
    }
}
