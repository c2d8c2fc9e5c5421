//! The metadata of a commit, kept in the footer of its part of `archives`.
//!
//! In: the request of a run and the parts it wrote; or the metadata of a part. Out: the other of the two. Never: rows.

use parquet::file::metadata::{FileMetaData, KeyValue};
use serde::{Deserialize, Serialize};

use crate::encode::part::StagedPart;
use crate::error::{Error, Result};
use crate::model::{PartitionColumn, Selection};
use crate::schema::{SCHEMA_VERSION, Table};

const SCHEMA_VERSION_KEY: &str = "trailmill.schema_version";
const TABLES_KEY: &str = "trailmill.tables";
const PARTITION_KEY: &str = "trailmill.partition_by";
const SELECTION_KEY: &str = "trailmill.selection";
const DEDUP_KEY: &str = "trailmill.dedup";
const PARTS_KEY: &str = "trailmill.parts";
const REPLACES_KEY: &str = "trailmill.replaces";

/// A part as its commit lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CommittedPart {
    /// Path below the lake.
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// XXH3, 128 bits, in hexadecimal.
    pub(crate) xxh3: String,
}

/// The settings of a run that decide which rows it writes and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Tables that are filled, as in `--tables`.
    pub(crate) tables: String,
    /// Partition columns, as in `--partition-by`.
    pub(crate) partition_by: String,
    /// Selectors; empty when everything is wanted.
    pub(crate) selection: String,
    pub(crate) dedup: bool,
}

/// Why commit metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InvalidMetadata {
    /// It was written by a later version of this program.
    TooNew(String),
    /// It is damaged, or missing.
    Invalid(String),
}

/// The metadata of a commit.
#[derive(Clone, Debug)]
pub(crate) struct CommitMetadata {
    pub(crate) settings: Settings,
    /// Its parts, except that of `archives`.
    pub(crate) parts: Vec<CommittedPart>,
    /// Parts of earlier commits that its own replace.
    pub(crate) replaces: Vec<String>,
}

impl Settings {
    pub(crate) fn new(tables: &[Table], partition_by: &[PartitionColumn], selection: &Selection, dedup: bool) -> Self {
        let join = |words: Vec<&str>| words.join(",");
        Self {
            tables: join(tables.iter().map(|table| table.name()).collect()),
            partition_by: join(partition_by.iter().map(|column| column.as_str()).collect()),
            selection: words(selection),
            dedup,
        }
    }

    /// The tables and partition columns in types; `None` for words that this version does not know.
    pub(crate) fn layout(&self) -> Option<(Vec<Table>, Vec<PartitionColumn>)> {
        let tables = self.tables.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let columns = self.partition_by.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        Some((tables, columns))
    }
}

/// Selectors as commits store them; empty when everything is wanted.
///
/// Lakes are compared by this text, so it stays as in the first version, and a test pins it letter by letter. A
/// new selector is added after `regions`, and only when it is set.
fn words(selection: &Selection) -> String {
    if selection.is_everything() {
        return String::new();
    }
    let Selection { from_day, to_day, accounts, regions } = selection;
    format!("Selection {{ from_day: {from_day:?}, to_day: {to_day:?}, accounts: {accounts:?}, regions: {regions:?} }}")
}

/// Whether a run with these selectors has taken everything that the wanted ones select, as far as the text shows: the same
/// accounts and Regions, at least on those days. Runs that begin a day later every night skip nothing for each other.
pub(crate) fn covers(kept: &str, wanted: &str) -> bool {
    kept == wanted
        || days_and_lists(kept)
            .zip(days_and_lists(wanted))
            .is_some_and(|(kept, wanted)| kept.0 <= wanted.0 && kept.1 >= wanted.1 && kept.2 == wanted.2)
}

/// First and last day of selectors, and the text of all others; `None` for text that this version does not know.
fn days_and_lists(words: &str) -> Option<(i64, i64, &str)> {
    let day = |word: &str, none| match word.strip_prefix("Some(") {
        Some(day) => day.strip_suffix(')')?.parse().ok(),
        None => (word == "None").then_some(none),
    };
    let (from, words) = words.strip_prefix("Selection { from_day: ")?.split_once(", to_day: ")?;
    let (to, lists) = words.split_once(", accounts: ")?;
    Some((day(from, i64::MIN)?, day(to, i64::MAX)?, lists))
}

impl CommitMetadata {
    /// The metadata of a commit with these parts.
    pub(crate) fn new(settings: Settings, parts: &[StagedPart], replaces: Vec<String>) -> Self {
        let recorded = |part: &StagedPart| CommittedPart {
            path: part.path.display().to_string(),
            rows: part.rows,
            bytes: part.bytes,
            xxh3: format!("{:032x}", part.hash),
        };
        Self { settings, parts: parts.iter().map(recorded).collect(), replaces }
    }

    /// The metadata as it is stored.
    ///
    /// # Errors
    ///
    /// A list that is not JSON, which is a bug.
    pub(crate) fn entries(&self) -> Result<Vec<KeyValue>> {
        let entries = [
            (TABLES_KEY, self.settings.tables.clone()),
            (PARTITION_KEY, self.settings.partition_by.clone()),
            (SELECTION_KEY, self.settings.selection.clone()),
            (DEDUP_KEY, self.settings.dedup.to_string()),
            (PARTS_KEY, json(&self.parts)?),
            (REPLACES_KEY, json(&self.replaces)?),
        ];
        Ok(entries.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec())
    }

    /// Reads the metadata from a part of `archives`.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub(crate) fn read(metadata: &FileMetaData) -> Result<Self, InvalidMetadata> {
        let entries = metadata.key_value_metadata().map_or(&[][..], Vec::as_slice);
        let value = |key: &str| {
            let entry = entries.iter().find(|entry| entry.key == key);
            let value = entry.and_then(|entry| entry.value.as_deref());
            value.ok_or_else(|| {
                InvalidMetadata::Invalid(format!("its metadata has no `{key}`, as an early version left it"))
            })
        };
        let version = value(SCHEMA_VERSION_KEY);
        let version = version.map_err(|_| InvalidMetadata::Invalid("it was not written by trailmill".to_owned()))?;
        if version.parse().is_ok_and(|version: u32| version > SCHEMA_VERSION) {
            let known = SCHEMA_VERSION;
            return Err(InvalidMetadata::TooNew(format!(
                "it has schema version {version}, this program knows {known}"
            )));
        }
        let wrong = |key: &str, error: serde_json::Error| InvalidMetadata::Invalid(format!("`{key}`: {error}"));
        let settings = Settings {
            tables: value(TABLES_KEY)?.to_owned(),
            partition_by: value(PARTITION_KEY)?.to_owned(),
            selection: value(SELECTION_KEY)?.to_owned(),
            dedup: value(DEDUP_KEY)? == "true",
        };
        let parts = serde_json::from_str(value(PARTS_KEY)?).map_err(|error| wrong(PARTS_KEY, error))?;
        let replaces = serde_json::from_str(value(REPLACES_KEY)?).map_err(|error| wrong(REPLACES_KEY, error))?;
        Ok(Self { settings, parts, replaces })
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_stored_in_the_text_of_the_first_version() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(words(&Selection::default()), "");
        let all = Selection {
            from_day: Some(19_783),
            to_day: Some(-1),
            accounts: texts(&["111122223333", "444455556666"]),
            regions: texts(&["eu-west-1", "a\"\\\u{e9}\n\u{1b}"]),
        };
        assert_eq!(
            words(&all),
            r#"Selection { from_day: Some(19783), to_day: Some(-1), accounts: ["111122223333", "444455556666"], regions: ["eu-west-1", "a\"\\é\n\u{1b}"] }"#
        );
        let one = Selection { accounts: texts(&["1"]), ..Selection::default() };
        assert_eq!(words(&one), r#"Selection { from_day: None, to_day: None, accounts: ["1"], regions: [] }"#);
    }

    #[test]
    fn selectors_cover_others_on_days_within_theirs() {
        let of = |from_day, to_day, account: Option<&str>| {
            let accounts = account.map(str::to_owned).into_iter().collect();
            words(&Selection { from_day, to_day, accounts, regions: Vec::new() })
        };
        let from = |day| of(Some(day), None, None);
        assert!(
            covers(&from(5), &from(5)) && covers(&from(5), &from(6)) && covers(&from(-5), &of(Some(5), Some(9), None))
        );
        assert!(!covers(&from(6), &from(5)) && !covers(&from(5), "") && !covers(&of(None, Some(9), None), &from(5)));
        let odd = Some("1\"], regions: [] }, to_day: None");
        assert!(covers(&of(Some(5), None, odd), &of(Some(6), Some(7), odd)));
        assert!(!covers(&of(Some(5), None, odd), &from(6)) && !covers(&from(5), &of(Some(6), None, odd)));
        assert!(covers("unknown", "unknown") && !covers("unknown", &from(5)) && !covers(&from(5), "unknown"));
    }
}
