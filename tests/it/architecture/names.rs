//! One name, one type: a name says which type it is.

use std::collections::BTreeMap;

use super::{Source, sources};

/// The name of the type that a line declares. A `type` within an implementation or a trait belongs to that.
fn declared(line: &str) -> Option<&str> {
    let item = line.trim_start();
    let item = item.strip_prefix("pub").map_or(item, |item| match item.strip_prefix('(') {
        Some(within) => within.split_once(')').map_or("", |(_, item)| item),
        None => item,
    });
    let (keyword, name) = item.trim_start().trim_start_matches("unsafe ").split_once(' ')?;
    let is_indented = line.starts_with(' ');
    let is_type = matches!(keyword, "struct" | "enum" | "trait" | "union") || (keyword == "type" && !is_indented);
    let end = name.find(|it: char| !it.is_alphanumeric()).unwrap_or(name.len());
    (is_type && name.starts_with(char::is_uppercase)).then(|| &name[..end])
}

/// Names of more than one type, with their places.
fn doubles(sources: &[Source]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    // A stub for a module that a feature leaves out has its names, and is never built beside it.
    for source in sources.iter().filter(|source| !source.name.ends_with("/without.rs")) {
        for (at, line) in source.lines() {
            if let Some(name) = declared(line) {
                places.entry(name).or_default().push(format!("src/{}:{at}", source.name));
            }
        }
    }
    let doubles = places.into_iter().filter(|(_, places)| places.len() > 1);
    doubles.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect()
}

#[test]
fn no_two_types_have_one_name() {
    let doubles = doubles(&sources());
    assert!(doubles.is_empty(), "{} names of several types:\n{}", doubles.len(), doubles.join("\n"));
}

#[test]
fn a_name_of_two_types_is_found() {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned(), tests_at: text.len() };
    let one = source("a.rs", "pub(crate) struct Range<'a> {\n    type Item = u8;\n}\ntype Short = u8;\n// enum Short;");
    let two = source("b.rs", "    pub(in crate::b) enum Range {\n    type Item = u8;\n}\npub trait Wide: Sized {}");
    let three = source("b/without.rs", "pub trait Wide {}");
    assert_eq!(doubles(&[one, two, three]), ["Range: src/a.rs:1, src/b.rs:1"]);
}
