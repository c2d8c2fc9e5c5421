//! What statements have in common: where the lake is, names, quotes, and how they stand one after the other.
//!
//! In: a request, and statements. Out: text. Never: text that could end a literal or a comment before its time.

use std::fmt::Write;
use std::path::Path;

use jiff::civil::Date;

use super::layout::LakeLayout;
use super::{DdlConfig, Engine};
use crate::error::{Error, ErrorKind, Result, printable, printable_path};
use crate::schema::Table;
use crate::store::ObjectUrl;

/// A request that was found to be in order.
#[derive(Debug)]
pub(super) struct DdlRequest<'a> {
    pub(super) lake: &'a LakeLayout,
    pub(super) database: Option<&'a str>,
    pub(super) from: Option<Date>,
    pub(super) today: Date,
    /// A URL or an absolute path, without a slash at its end.
    location: String,
}

impl<'a> DdlRequest<'a> {
    /// # Errors
    ///
    /// A location that the engine cannot read or that cannot be quoted, and a database without a plain name.
    pub(super) fn new(config: &'a DdlConfig, lake: &'a LakeLayout) -> Result<Self> {
        let database = config.database.as_deref();
        if let Some(name) = database {
            check_database(name)?;
        }
        let location = location(config, lake)?;
        check_folders(config, lake, &location)?;
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
    let Some(typed) = config.location.as_deref() else { return location_of_lake(config, lake) };
    let wrong = |message: &str| {
        let message = format!("--location: {}: {message}", printable_path(typed));
        Error::new(ErrorKind::ConfigInvalid, message)
    };
    let url = if typed.get(..2).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3")) {
        ObjectUrl::of(Path::new(typed)).map_err(|error| wrong(&format!("{}{}", error.cause(), error.advice())))?
    } else {
        None
    };
    if config.engine == Engine::Athena {
        let url = url.ok_or_else(|| wrong(ATHENA).advise("write s3://BUCKET/PREFIX"))?;
        return as_it_stands(&url.to_string()).map_err(|message| wrong(message).advise(ANOTHER_PLACE));
    }
    if !typed.contains("://") && !typed.starts_with('/') {
        return Err(wrong("neither a URL nor an absolute path"));
    }
    as_it_stands(typed).map_err(|message| wrong(message).advise(ANOTHER_PLACE))
}

/// The place that was typed as the lake, as a location.
fn location_of_lake(config: &DdlConfig, lake: &LakeLayout) -> Result<String> {
    let wrong = |message: &str| {
        let message = format!("LAKE: {}: {message}", printable_path(&lake.root.to_string_lossy()));
        Error::new(ErrorKind::ConfigInvalid, message)
    };
    let root = lake.root.to_str().ok_or_else(|| wrong("its path is not UTF-8").advise(ANOTHER_NAME))?;
    if config.engine == Engine::Athena && !root.starts_with("s3://") {
        return Err(wrong(ATHENA).advise("say with --location s3://BUCKET/PREFIX where it is or will be"));
    }
    as_it_stands(root).map_err(|message| wrong(message).advise(ANOTHER_NAME))
}

/// Why Athena cannot have a location.
const ATHENA: &str = "Athena reads from S3 only";
/// What to do about one that no engine takes.
const ANOTHER_PLACE: &str = "use a place without any of them";
/// The same for the lake itself.
const ANOTHER_NAME: &str =
    "say with --location by which other name the engine finds it, such as that of a link, or move it";

/// A location without slashes at its end, if engines do not take it for a pattern: they have no way in common to say that
/// one is meant as it stands.
fn as_it_stands(location: &str) -> std::result::Result<String, &'static str> {
    if location.contains(|character: char| character.is_control() || "*?[]{}\\".contains(character)) {
        return Err("engines do not take it as it stands, since it has one of * ? [ ] { } \\ or a control character");
    }
    Ok(location.trim_end_matches('/').to_owned())
}

/// Refuses a folder that looks like a partition by a column of the lake, where the engine takes whatever is in a path for one:
/// `DuckDB` and `ClickHouse` then put its value in the place of the column's, in all rows. Others are told which folders are.
fn check_folders(config: &DdlConfig, lake: &LakeLayout, location: &str) -> Result<()> {
    if !matches!(config.engine, Engine::DuckDb | Engine::ClickHouse) {
        return Ok(());
    }
    let partitioned = || lake.tables.iter().filter(|table| table.is_partitioned());
    let is_column = |name: &str| {
        let mut columns = partitioned().flat_map(|table| table.columns()).map(|column| column.name);
        let mut partitions = lake.partition_by.iter().map(|column| column.as_str());
        columns.any(|column| column.eq_ignore_ascii_case(name))
            || partitions.any(|column| column.eq_ignore_ascii_case(name))
    };
    let folder = location.split('/').find_map(|folder| {
        let (name, _) = folder.split_once('=')?;
        is_column(name).then_some((folder, name))
    });
    let Some((folder, name)) = folder else { return Ok(()) };
    let what = if config.location.is_some() { "--location" } else { "LAKE" };
    let (place, folder, name) = (printable_path(location), printable(folder), printable(name));
    let message = format!(
        "{what}: {place}: {} takes its folder {folder} for a partition, and would give its value for {name} in all rows",
        config.engine
    );
    let advice = if config.location.is_some() { "use a place without such a folder" } else { ANOTHER_NAME };
    Err(Error::new(ErrorKind::ConfigInvalid, message).advise(advice))
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
