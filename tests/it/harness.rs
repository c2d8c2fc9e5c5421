//! What every test needs: a folder of its own, archives in it, the program, and its output as rows.
//!
//! A failing command shows what was run, where, what the folder held and what it said.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value as Json;

use crate::reference::{self, Row};

/// A folder that is gone when the test ends.
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

    /// Writes a file as it is; returns its path.
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

    /// Runs the program in the folder; its arguments are split at blanks.
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

    /// Converts `input` into `lake` with more flags; the lake.
    pub fn convert(&self, input: &str, flags: &str) -> Lake {
        let run = self.run(&format!("convert {input} --out lake --report report.json {flags}"));
        Lake { report: run.report("report.json"), code: run.code(), path: self.at("lake"), stderr: run.stderr() }
    }
}

/// Text as one gzip member.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// The name that the manifest gives a file.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
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

    /// Command, folder with all files in it, exit code and what was said.
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

    /// A number of the report, such as `/events/seen`.
    #[track_caller]
    pub fn count(&self, pointer: &str) -> u64 {
        self.report.pointer(pointer).and_then(Json::as_u64).unwrap_or_else(|| panic!("no {pointer} in {}", self.report))
    }

    /// Checks that the counts of the report, of the manifest and of the tables add up.
    #[track_caller]
    pub fn check_counts(&self) {
        let events = |name: &str| self.count(&format!("/events/{name}"));
        let told = events("written") + events("duplicates") + events("quarantined") + events("filtered");
        assert_eq!(events("seen"), told, "{}", self.report);
        let archives = |name: &str| self.count(&format!("/archives/{name}"));
        let told = archives("converted") + archives("already_converted") + archives("quarantined") + archives("foreign");
        assert_eq!(archives("seen"), told, "{}", self.report);
        let manifest = self.rows("archives");
        let sum = |name: &str| manifest.iter().map(|row| int(row, name)).sum::<i64>();
        for row in &manifest {
            let told = int(row, "events_written") + int(row, "duplicates") + int(row, "quarantined") + int(row, "filtered");
            assert_eq!(int(row, "events_seen"), told, "{row:?}");
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
