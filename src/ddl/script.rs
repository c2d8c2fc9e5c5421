//! What statements have in common: where the lake is, names, quotes, and how they stand one after the other.
//!
//! In: a request, and statements. Out: text. Never: text that could end a literal or a comment before its time.

use std::fmt::Write;
use std::path::Path;

use jiff::civil::Date;

use super::layout::LakeLayout;
use super::{DdlConfig, Engine};
use crate::error::{Error, ErrorKind, Result, printable};
use crate::schema::Table;
use crate::store::ObjectUrl;

/// A request that was found to be in order.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) lake: &'a LakeLayout,
    pub(super) database: Option<&'a str>,
    pub(super) from: Option<Date>,
    pub(super) today: Date,
    /// A URL or an absolute path, without a slash at its end.
    location: String,
}

impl<'a> Request<'a> {
    /// # Errors
    ///
    /// A location that the engine cannot read or that cannot be quoted, and a database without a plain name.
    pub(super) fn new(config: &'a DdlConfig, lake: &'a LakeLayout) -> Result<Self> {
        let database = config.database.as_deref();
        if let Some(name) = database {
            check_database(name)?;
        }
        let location = location(config, lake)?;
        Ok(Self { lake, database, from: config.from, today: config.today, location })
    }

    /// Where the files of a table are, without a slash at the end.
    pub(super) fn folder(&self, table: Table) -> String {
        format!("{}/{table}", self.location)
    }

    /// Whether the location is a URL rather than a path.
    pub(super) fn is_url(&self) -> bool {
        self.location.contains("://")
    }

    /// A name in quotes, with that of the database if there is one.
    pub(super) fn qualified(&self, name: &str, quote: char) -> String {
        let database = self.database.map(|database| format!("{quote}{database}{quote}."));
        format!("{}{quote}{name}{quote}", database.unwrap_or_default())
    }
}

fn location(config: &DdlConfig, lake: &LakeLayout) -> Result<String> {
    let root = lake.root.to_str().ok_or_else(|| {
        Error::at(ErrorKind::LakeInvalid, &lake.root, "its path is not UTF-8").advise("give another with --location")
    });
    let location = config.location.as_deref().map_or(root, Ok)?.trim_end_matches('/');
    let wrong = |message: &str| {
        let message = format!("--location: {}: {message}", printable(location));
        Err(Error::new(ErrorKind::ConfigInvalid, message))
    };
    if config.engine == Engine::Athena && !location.starts_with("s3://") {
        let message = format!("Athena reads from S3 only, and the lake is at {}", printable(location));
        let advice = "say with --location s3://BUCKET/PREFIX where it is or will be";
        return Err(Error::new(ErrorKind::ConfigInvalid, message).advise(advice));
    }
    if config.location.as_deref().is_some_and(|typed| typed.starts_with("s3:") || typed.starts_with("s3a:")) {
        let typed = config.location.as_deref().unwrap_or_default();
        if let Err(error) = ObjectUrl::of(Path::new(typed)) {
            let message = format!("--location: {}: {}{}", printable(typed), error.cause(), error.advice());
            return Err(Error::new(ErrorKind::ConfigInvalid, message));
        }
    }
    if !location.contains("://") && !location.starts_with('/') {
        return wrong("neither a URL nor an absolute path");
    }
    // Engines take these for patterns, and have no way in common to say that one is meant as it stands.
    if location.contains(|character: char| character.is_control() || "*?[]{}\\".contains(character)) {
        return wrong("engines do not take it as it stands; use a place without any of * ? [ ] { } \\");
    }
    Ok(location.to_owned())
}

/// A name that every engine takes, in quotes or not; Glue keeps small letters only.
fn check_database(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    if starts_well && name.len() <= 128 && name.bytes().all(is_plain) {
        return Ok(());
    }
    let message = format!("--database: {:?} is no name of small letters, digits and _", printable(name));
    Err(Error::new(ErrorKind::ConfigInvalid, message))
}

/// Text as an SQL literal: a quote within it is doubled.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The same for engines that know escapes.
pub(super) fn escaped_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Statements and what is said of them.
#[derive(Debug, Default)]
pub(super) struct Script {
    text: String,
}

impl Script {
    /// Adds lines of a comment, before the statement that they are about.
    pub(super) fn comment(&mut self, text: &str) {
        for line in text.lines() {
            // Writing to a String cannot fail.
            let _ = writeln!(self.text, "{}", format!("-- {line}").trim_end());
        }
    }

    /// Adds an empty line.
    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Adds a statement. Only statements end a line with a semicolon.
    pub(super) fn statement(&mut self, statement: &str) {
        self.text.push_str(statement);
        self.text.push_str(";\n\n");
    }

    /// Adds statements as they are.
    pub(super) fn add(&mut self, statements: &str) {
        self.text.push_str(statements);
        self.gap();
    }

    /// All of it.
    pub(super) fn text(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        self.text
    }
}

/// Lines of a list, each item but the last with a comma, and all of them indented.
pub(super) fn lines(items: impl IntoIterator<Item = String>) -> String {
    let indented = |item: String| item.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    items.into_iter().map(indented).collect::<Vec<_>>().join(",\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal_before_its_time() {
        assert_eq!(literal("/o'brien/lake"), "'/o''brien/lake'");
        assert_eq!(escaped_literal("/o'brien/lake"), "'/o\\'brien/lake'");
        assert_eq!(escaped_literal("a\\'b"), "'a\\\\\\'b'");
    }

    #[test]
    fn names_of_databases_need_no_quotes() {
        for name in ["trail", "t_2", "a"] {
            assert!(check_database(name).is_ok(), "{name}");
        }
        for name in ["", "_t", "2t", "Trail", "a.b", "a`b", "a b", "\u{1b}[31m", &"a".repeat(129)] {
            assert!(check_database(name).is_err(), "{name}");
        }
    }
}
