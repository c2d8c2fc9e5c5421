//! Which folder of `src/` may use which: a folder uses only those below it.

use std::fs;

use super::paths::paths;
use super::{Source, sources};

/// Folders and files at the top of `src/`, from the bottom to the top: each may use those before it, and none
/// after it. So there are no cycles. The longest name that fits a path counts.
const HOUSE: [(&str, &[&str]); 7] = [
    ("values, and what touches the world", &["error", "shell", "schema", "disk", "store", "model", "clock", "pool"]),
    ("text to rows", &["json", "columns", "flatten", "split", "rows"]),
    ("archives to text", &["input"]),
    ("archives to batches", &["verify", "report", "reader"]),
    ("batches to a lake, and back", &["encode", "lake", "dedup", "lake/write"]),
    ("commands", &["convert", "check", "restore", "inspect", "ddl"]),
    ("the binary", &["faults", "signals", "generate", "terminal", "progress", "cli"]),
];

/// The position of a path; `None` if the table does not name it.
fn storey(path: &[impl AsRef<str>]) -> Option<(usize, &'static str)> {
    let folders = HOUSE.iter().flat_map(|(_, folders)| folders.iter().copied()).enumerate();
    let fits = |folder: &str| folder.split('/').zip(path).filter(|(one, two)| *one == two.as_ref()).count();
    folders.filter(|(_, folder)| fits(folder) == folder.split('/').count()).max_by_key(|(_, folder)| folder.len())
}

/// What a file uses that is not below it.
fn arrows_up(source: &Source) -> Vec<String> {
    if matches!(source.name.as_str(), "lib.rs" | "main.rs") || source.name.ends_with("tests.rs") {
        return Vec::new();
    }
    let own: Vec<&str> = source.name.trim_end_matches(".rs").split('/').collect();
    let Some((own, own_name)) = storey(&own) else {
        return vec![format!("src/{}: the table has no place for it", source.name)];
    };
    let used = paths(&source.name, &source.text).into_iter();
    let wrong = used.filter_map(|used| {
        let (line, path) = (used.line, used.path.join("::"));
        match storey(&used.path) {
            Some((at, _)) if at <= own => None,
            Some((_, name)) => Some(format!("src/{}:{line}: {own_name} may not use {name}: {path}", source.name)),
            None => Some(format!("src/{}:{line}: the table has no place for {path}", source.name)),
        }
    });
    wrong.collect()
}

#[test]
fn no_folder_uses_one_above_it() {
    let wrong: Vec<String> = sources().iter().flat_map(arrows_up).collect();
    assert!(wrong.is_empty(), "{} arrows run up:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_names_every_folder_and_file() {
    let sources = sources();
    for folder in HOUSE.iter().flat_map(|(_, folders)| *folders) {
        let (file, below) = (format!("{folder}.rs"), format!("{folder}/"));
        let is_there = sources.iter().any(|source| source.name == file || source.name.starts_with(&below));
        assert!(is_there, "src/{folder} is in the table only");
    }
}

#[test]
fn the_architecture_document_has_the_same_table() {
    let library = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).expect("source text");
    let (_, house) = library.split_once("//! # The house").expect("a section");
    let (house, _) = house.split_once("//! # ").expect("a section behind it");
    let rows = house.lines().filter_map(|line| line.strip_prefix("//! | ")?.rsplit(" | ").nth(1));
    let named: Vec<String> =
        rows.filter_map(|name| Some(name.split('`').nth(1)?.trim_start_matches("mod@").replace("::", "/"))).collect();
    let library = HOUSE.iter().take_while(|(storey, _)| *storey != "the binary").flat_map(|(_, folders)| *folders);
    assert_eq!(named, library.copied().collect::<Vec<_>>());
}

#[test]
fn an_upward_dependency_is_found() {
    let arrows = |name: &str, text: &str| {
        arrows_up(&Source { name: name.to_owned(), text: text.to_owned(), tests_at: text.len() })
    };
    let found = |name: &str, text: &str, place: &str| {
        let arrows = arrows(name, text);
        assert!(arrows.len() == 1 && arrows[0].contains(place), "{name}: {text}: {arrows:?}");
    };
    assert_eq!(arrows("lake/write/commit.rs", "use super::site::Site;\nuse crate::lake::Root;"), [""; 0]);
    assert_eq!(arrows("rows/convert.rs", "use crate::json::tape::Parser;\nuse crate::error::Result;"), [""; 0]);
    found("json/tape.rs", "\nuse crate::lake::file::LakeFile;", "src/json/tape.rs:2: json may not use lake");
    found("lake/root.rs", "use crate::{error::Error, lake::{Root, write::Lake}};", "lake may not use lake/write");
    found("lake/mod.rs", "mod write;\nuse write::Lake;", "src/lake/mod.rs:2: lake may not use lake/write");
    found("split/cut/array.rs", "fn f() { super::super::super::rows::f() }", "split may not use rows");
    found("store/url.rs", "fn f(options: &crate::model::Selection) {}", "store may not use model");
    found("dedup/claims.rs", "type Kept = Option<crate::Error>;", "no place for Error");
    found("transform/cut.rs", "", "no place for it");
}
