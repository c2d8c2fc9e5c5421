//! The independent slow reference: what `convert` must produce, worked out a second time from the contract alone.
//!
//! In: the inflated text of an archive, or a finished lake. Out: plain rows, and the differences between two sets of
//! them. It shares nothing with the program but the column declarations, prefers the shortest form of a rule over a
//! fast one, and parses with `serde_json` where the program uses simd-json. A change of the contract is made here
//! first, from the words of the contract, never from the program's code.
//!
//! Where the contract is silent, the reference reads it like this: the first object of an array decides for all; a document
//! without events among others with events is refused; an event's own object is nesting level 1; too deep goes before a
//! doubled name; of a doubled name in a usage record, tag or resource the first value counts and the rest is a deviation;
//! names of members of the Metering API are case-insensitive, but of several spellings the usual one counts, unless it is an
//! empty list; instants outside the years 0000 to 9999 do not parse; hours of the Java form are 1 to 12; numbers in strings
//! follow JSON's grammar.
//!
//! ```text
//! zip       bytes -> members                          (each the text of an archive)
//! archive   text -> documents -> elements            (what is an archive, what is an event)
//! event     element -> one row of `events`           (columns, unmapped, quarantine)
//! metering  element -> rows of `usage_records`       (call -> record -> matching)
//! json, number, time                                 the values that all of these read
//! proof     digest files, log files -> what each is worth
//! lake      Parquet files -> rows                    compare: rows against rows
//! strategies                                         random archives, as text
//! ```

mod archive;
mod compare;
#[cfg(test)]
mod corpus;
mod event;
pub mod json;
pub mod lake;
mod matching;
mod metering;
pub mod number;
pub mod proof;
#[cfg(test)]
mod samples;
pub mod strategies;
pub mod time;
mod usage_record;
pub mod zip;

use std::collections::BTreeMap;
use std::fmt;

pub use archive::{reference_archive, source_events};
pub use compare::{compare_rows, expected_outcome_totals};
pub use lake::{read_table, rows_of_batch};

/// A row by column name. Null columns are left out.
pub type Row = BTreeMap<String, Value>;

/// A value of a column; null has no value at all. `Ord` only serves to sort rows before they are compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Bool(bool),
    Int(i64),
    /// Milliseconds since 1970 UTC.
    TimestampMs(i64),
    /// Millionths: DECIMAL(18,6) without its point.
    Decimal(i128),
    /// STRING, and STRING (JSON) as well.
    Text(String),
    Bytes(Vec<u8>),
    Resources(Vec<Option<Resource>>),
    Allocations(Vec<Option<Allocation>>),
}

/// An element of the `resources` column.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    pub arn: Option<String>,
    pub account_id: Option<String>,
    pub kind: Option<String>,
}

/// An element of the `usage_allocations` column.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allocation {
    /// Millionths.
    pub quantity: Option<i128>,
    pub tags: Option<Vec<Option<Tag>>>,
}

/// A tag of an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub key: Option<String>,
    pub value: Option<String>,
}

/// The expected result of one archive.
#[derive(Debug, Default)]
pub struct ReferenceArchive {
    /// `converted`, `foreign`, `quarantined` as in the `archives` table, or `invalid` for text that is not JSON: the
    /// reference does not decide what can be saved of it.
    pub status: &'static str,
    /// Rows of `events`, each with its partition under `event_date`.
    pub events: Vec<Row>,
    /// Rows of `usage_records`, likewise.
    pub usage_records: Vec<Row>,
    /// Index of the event (`None`: the archive itself) and reason.
    pub quarantined: Vec<(Option<u64>, &'static str)>,
    /// Elements found in the archive, the quarantined ones included.
    pub events_seen: u64,
}

/// Sets a column, or leaves it null.
fn set(row: &mut Row, column: &str, value: Option<Value>) {
    if let Some(value) = value {
        row.insert(column.to_owned(), value);
    }
}

impl Value {
    /// The text of a STRING value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::TimestampMs(ms) => write!(f, "{ms} ms ({})", time::date_of(*ms)),
            Self::Decimal(millionths) => write!(f, "{millionths} millionths"),
            // `{:?}` escapes invisible characters, which the tests are about.
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                write!(f, "x'{hex}'")
            }
            Self::Resources(list) => write!(f, "{list:?}"),
            Self::Allocations(list) => write!(f, "{list:?}"),
        }
    }
}
