//! README.md and the pages that it links to: they describe what the program does.
//!
//! In: every page of Markdown, and the program. Out: broken links, unknown commands, missing files, different output.
//! Never: an opinion on prose.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it pages` rewrites the output of README's commands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use trailmill::schema::Table;

use crate::harness::{Workdir, data, files};

const UPDATE: &str = "UPDATE_GOLDEN";

/// Most words of README: more belongs on a page of its own.
const README_WORDS: usize = 4_000;

/// A page, by its path from the root of the repository.
struct Page {
    path: PathBuf,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// README first.
fn pages() -> Vec<Page> {
    let below = |folder: &str| {
        let all = files(&root().join(folder)).into_iter().map(|path| Path::new(folder).join(path)).collect::<Vec<_>>();
        all.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    };
    let paths =
        [PathBuf::from("README.md")].into_iter().chain([".docs", "data", "benches"].into_iter().flat_map(below));
    paths.map(|path| Page { text: read(&path), path }).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of a page: whether each is in a block of code, and the line.
fn lines(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut is_code = false;
    text.lines().map(move |line| {
        is_code ^= line.starts_with("```");
        (is_code && !line.starts_with("```"), line)
    })
}

/// Text between backticks in prose and tables.
fn code_spans(text: &str) -> Vec<&str> {
    let prose = lines(text).filter(|(is_code, line)| !is_code && !line.starts_with("```"));
    prose.flat_map(|(_, line)| line.split('`').skip(1).step_by(2)).collect()
}

/// Targets of links and images.
fn links(text: &str) -> Vec<&str> {
    let prose = lines(text).filter(|(is_code, _)| !is_code);
    let targets = prose.flat_map(|(_, line)| line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    targets.collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = lines(text).filter(|(is_code, line)| !is_code && line.starts_with('#'));
    let slug = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
        kept.map(|it| if it == ' ' { '-' } else { it }).collect::<String>()
    };
    headings.map(|(_, heading)| slug(heading)).collect()
}

/// The file that a link of a page names, from the root, without `..`.
fn target(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().expect("a folder").to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{}: {link} leaves the repository", page.display()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}

/// Links to pages and anchors: the page and the anchor of each.
fn relative_links(page: &Page) -> impl Iterator<Item = (PathBuf, Option<&str>)> {
    let relative = links(&page.text).into_iter().filter(|link| !link.contains("://"));
    relative.map(|link| {
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        (if file.is_empty() { page.path.clone() } else { target(&page.path, file) }, anchor)
    })
}

#[test]
fn every_link_leads_to_a_file_and_an_anchor_that_exist() {
    let mut count = 0;
    for page in pages() {
        for (file, anchor) in relative_links(&page) {
            count += 1;
            assert!(root().join(&file).exists(), "{}: no file {}", page.path.display(), file.display());
            let is_there = anchor.is_none_or(|anchor| anchors(&read(&file)).contains(anchor));
            assert!(is_there, "{}: no {anchor:?} in {}", page.path.display(), file.display());
        }
    }
    assert!(count > 30, "{count} links");
}

#[test]
fn every_page_is_reached_from_the_readme() {
    let pages = pages();
    let mut reached = BTreeSet::from([PathBuf::from("README.md")]);
    let mut to_read: Vec<&Page> = vec![&pages[0]];
    while let Some(page) = to_read.pop() {
        for (file, _) in relative_links(page) {
            if reached.insert(file.clone()) {
                to_read.extend(pages.iter().filter(|page| page.path == file));
            }
        }
    }
    for page in &pages {
        let is_below = page.path.ancestors().any(|path| reached.contains(path));
        assert!(is_below, "no link leads to {}", page.path.display());
    }
}

#[test]
fn the_readme_is_short() {
    let words = pages()[0].text.split_whitespace().count();
    assert!(words <= README_WORDS, "{words} words");
}

#[test]
fn files_named_on_the_pages_exist() {
    let folders = ["src", "tests", "benches", "data", ".ci", ".docs"];
    for page in pages() {
        for span in code_spans(&page.text) {
            let word = span.split_whitespace().next().unwrap_or_default();
            let is_path = folders.iter().any(|folder| word.starts_with(&format!("{folder}/")));
            if is_path && word.chars().all(|it| it.is_ascii_alphanumeric() || "/._-".contains(it)) {
                assert!(root().join(word).exists(), "{}: no {word}", page.path.display());
            }
        }
    }
}

/// Flags in a text: words that begin with two dashes.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|it: char| it.is_whitespace() || "[](),.=|`".contains(it));
    words.filter(|word| word.len() > 2 && word.starts_with("--"))
}

#[test]
fn commands_on_the_pages_use_existing_flags() {
    let workdir = Workdir::new();
    let help = |command: &str| workdir.run(&format!("{command} --help")).expect(0).stdout();
    let commands = ["convert", "check", "inspect", "restore", "verify", "schema", "ddl", "generate"];
    let all: Vec<(&str, BTreeSet<String>)> =
        commands.map(|command| (command, flags(&help(command)).map(str::to_owned).collect())).into();
    let has = |command: &str, flag: &str| all.iter().any(|(name, flags)| *name == command && flags.contains(flag));
    let mut count = 0;
    for page in pages() {
        let continued = page.text.replace("\\\n", " ");
        let blocks = lines(&continued).filter(|(is_code, _)| *is_code).map(|(_, line)| line);
        for line in blocks.chain(code_spans(&page.text)) {
            let line = line.split('#').next().unwrap_or_default();
            let Some(at) = line.find("trailmill ") else { continue };
            let mut words = line[at..].split('|').next().unwrap_or_default().split_whitespace().skip(1);
            let Some(command) = words.next().filter(|word| commands.contains(word)) else { continue };
            for flag in words.flat_map(flags) {
                count += 1;
                assert!(has(command, flag), "{}: {command} has no {flag}", page.path.display());
            }
        }
    }
    assert!(count > 20, "{count} flags of commands");
    // Flags by themselves, where no other program is mentioned.
    let others = ["benches", "contributing"];
    let ours = pages().into_iter().filter(|page| !others.iter().any(|it| page.path.to_string_lossy().contains(it)));
    for page in ours {
        for span in code_spans(&page.text).into_iter().filter(|span| span.starts_with("--")) {
            for flag in flags(span) {
                assert!(commands.iter().any(|command| has(command, flag)), "{}: no {flag}", page.path.display());
            }
        }
    }
}

#[test]
fn the_readme_names_each_table_and_each_feature() {
    let readme = &pages()[0].text;
    for table in Table::ALL {
        assert!(readme.contains(&format!("\n| `{table}` | ")), "{table}");
    }
    let manifest = read(Path::new("Cargo.toml"));
    let (_, features) = manifest.split_once("[features]\n").expect("features");
    let features = features.lines().take_while(|line| !line.starts_with('['));
    let names: Vec<&str> = features.filter_map(|line| line.split_once(" = [").map(|(name, _)| name)).collect();
    assert!(names.contains(&"default"), "{names:?}");
    for name in names.into_iter().filter(|name| *name != "default") {
        assert!(readme.contains(&format!("\n| `{name}` | ")), "{name}");
    }
}

#[test]
fn columns_md_has_each_outcome() {
    let page = read(Path::new("data/columns.md"));
    let outcome = Table::UsageRecords.columns().iter().find(|column| column.name == "outcome").expect("a column");
    let names: Vec<&str> = outcome.doc.split('`').skip(1).step_by(2).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("\n| `{name}` | ")), "{name}");
    }
}

/// Every file with a defect, container or shape is explained.
#[test]
fn data_readme_names_each_file() {
    let page = read(Path::new("data/README.md"));
    for folder in ["corrupt", "containers", "shapes"] {
        for path in files(&data(folder)) {
            let name = path.to_str().expect("a name");
            let is_named = page.contains(&format!("`{name}`")) || name.starts_with("foreign-");
            assert!(is_named, "data/README.md says nothing of {folder}/{name}");
        }
    }
}

/// A text with all times and sizes replaced, units included, since they differ from run to run.
fn without_measures(text: &str) -> String {
    let mut was_measure = false;
    let words = text.split_inclusive([' ', '\n']).map(|word| {
        let digits = word.trim_start_matches('(');
        let is_measure = digits.starts_with(|it: char| it.is_ascii_digit()) && digits.contains('.');
        let is_unit = std::mem::replace(&mut was_measure, is_measure);
        if is_measure || is_unit { "#" } else { word }
    });
    words.collect()
}

/// Output of a command of README, in a folder with `data/sample` that is shown as `/home/me`.
fn output(workdir: &Workdir, command: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_trailmill")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("PATH", format!("{}:{path}", program.display())).current_dir(workdir.path());
    let ran = shell.output().expect("a shell");
    let text = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    text.replace(&workdir.path().display().to_string(), "/home/me")
}

/// Blocks that begin with ```` ```console ````: a command after `$`, and what it prints.
#[test]
fn commands_of_the_readme_print_what_it_says() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "data/sample");
    let readme = pages().remove(0).text;
    let mut updated = String::new();
    let mut rest = readme.as_str();
    let mut count = 0;
    while let Some((before, block)) = rest.split_once("```console\n$ ") {
        let (block, after) = block.split_once("```\n").expect("an end");
        let (command, expected) = block.split_once('\n').expect("a command");
        let found = output(&workdir, command);
        let is_same = without_measures(expected.trim_end()) == without_measures(found.trim_end());
        if std::env::var_os(UPDATE).is_none() {
            assert!(is_same, "{UPDATE}=1 writes it anew: {command}\n{found}");
        }
        let kept = if is_same { expected } else { &found };
        updated += &format!("{before}```console\n$ {command}\n{}\n```\n", kept.trim_end());
        rest = after;
        count += 1;
    }
    assert!(count >= 5, "{count} commands");
    updated += rest;
    if updated != readme {
        fs::write(root().join("README.md"), updated).expect("README.md is written");
    }
}
