//! The four tables, each column declared once.
//!
//! In: nothing but the declarations below. Out: everything that must agree about a column: the Arrow schema, the
//! flattening (which follows [`Column::source`]), the Parquet properties, `trailmill schema` and the tables of
//! `data/columns.md`. Never: a column described in a second place.

mod archives;
mod events;
mod quarantine;
mod render;
mod usage_records;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};

pub use render::{SchemaFormat, render};

/// Version of the column layout, kept in every file's key-value metadata. It rises when a column changes its meaning
/// or type; a new column alone does not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// Where the Parquet library looks for the id of a field.
const FIELD_ID: &str = "PARQUET:field_id";

/// Digits before and after the point of every quantity: Marketplace allows ten before and six after (Metering Service API Reference), an
/// INT64 holds eighteen.
pub const QUANTITY_PRECISION: u8 = 18;
/// Digits after the point of every quantity.
pub const QUANTITY_SCALE: i8 = 6;

/// One of the lake's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row per usage record of a metering call.
    UsageRecords,
    /// One row per CloudTrail event.
    Events,
    /// One row per source archive: the manifest.
    Archives,
    /// One row per rejected archive or event, with its original bytes.
    Quarantine,
}

impl Table {
    /// Every table, in the order the documentation lists them.
    pub const ALL: [Self; 4] = [Self::Events, Self::UsageRecords, Self::Archives, Self::Quarantine];

    /// The folder of the table in a lake, which is also its name everywhere else.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UsageRecords => "usage_records",
            Self::Events => "events",
            Self::Archives => "archives",
            Self::Quarantine => "quarantine",
        }
    }

    /// What one row is, in a sentence.
    #[must_use]
    pub const fn doc(self) -> &'static str {
        match self {
            Self::UsageRecords => {
                "One row per AWS Marketplace usage record (`BatchMeterUsage`, `MeterUsage`), joined to what AWS answered about it."
            }
            Self::Events => "One row per CloudTrail event.",
            Self::Archives => "One row per source archive: the manifest of the lake.",
            Self::Quarantine => "One row per rejected archive or event, with its original bytes.",
        }
    }

    /// Whether the table's files lie in partition folders.
    #[must_use]
    pub const fn is_partitioned(self) -> bool {
        matches!(self, Self::UsageRecords | Self::Events)
    }

    /// The declared columns in file order.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::UsageRecords => usage_records::COLUMNS,
            Self::Events => events::COLUMNS,
            Self::Archives => archives::COLUMNS,
            Self::Quarantine => quarantine::COLUMNS,
        }
    }

    /// Position of a column in [`Table::columns`], or `None` when the table has no such column.
    #[must_use]
    pub const fn column_index(self, name: &str) -> Option<usize> {
        let columns = self.columns();
        let mut at = 0;
        while at < columns.len() {
            if is_same(columns[at].name, name) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    /// The Arrow schema of every file of the table, Parquet field ids included.
    #[must_use]
    pub fn arrow_schema(self) -> Arc<Schema> {
        let fields: Fields = self.columns().iter().map(Column::arrow_field).collect();
        Arc::new(Schema::new(fields))
    }
}

/// The position of a column that is known when the program is built: a name that the table does not declare does not compile.
macro_rules! column_at {
    ($table:ident.$column:ident) => {
        const {
            let at = $crate::schema::Table::$table.column_index(stringify!($column));
            assert!(at.is_some(), concat!(stringify!($table), " has no column ", stringify!($column)));
            if let Some(at) = at { at } else { 0 }
        }
    };
}
pub(crate) use column_at;

/// Whether two texts are the same; `==` cannot be used at compile time.
pub(crate) const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Table {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|table| table.name() == name)
            .ok_or_else(|| format!("no table is called {name:?}; there are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// The type of a column, in the terms of the contract; Arrow, Parquet and flattening types follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text, JSON escapes resolved.
    Text,
    /// UTF-8 text that holds a JSON value exactly as it stood in the archive.
    Json,
    /// A truth value. CloudTrail writes some of them as JSON strings: `as_text` says which form is the usual one.
    Boolean {
        /// Whether the usual form in an archive is `"true"` rather than `true`.
        as_text: bool,
    },
    /// A 32-bit integer.
    Int,
    /// A 64-bit integer.
    Long,
    /// An instant in UTC with millisecond precision.
    Timestamp,
    /// `DECIMAL(18,6)`.
    Quantity,
    /// `LIST<STRUCT<arn, account_id, type>>`.
    Resources,
    /// `LIST<STRUCT<allocated_usage_quantity, tags LIST<STRUCT<key, value>>>>`.
    Allocations,
    /// Bytes.
    Binary,
}

impl Kind {
    /// The type as the column tables print it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Json => "STRING (JSON)",
            Self::Boolean { .. } => "BOOLEAN",
            Self::Int => "INT",
            Self::Long => "BIGINT",
            Self::Timestamp => "TIMESTAMP",
            Self::Quantity => "DECIMAL(18,6)",
            Self::Resources => "LIST<STRUCT<arn, account_id, type>>",
            Self::Allocations => "LIST<STRUCT<allocated_usage_quantity, tags LIST<STRUCT<key, value>>>>",
            Self::Binary => "BINARY",
        }
    }

    /// The Arrow type; `next_id` numbers the nodes below the column itself.
    fn arrow_type(self, next_id: &mut i32) -> DataType {
        match self {
            Self::Text | Self::Json => DataType::Utf8,
            Self::Boolean { .. } => DataType::Boolean,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Self::Quantity => DataType::Decimal128(QUANTITY_PRECISION, QUANTITY_SCALE),
            Self::Resources => {
                list_of_struct(next_id, &[("arn", Self::Text), ("account_id", Self::Text), ("type", Self::Text)])
            }
            Self::Allocations => {
                let id = take(next_id);
                let quantity = node(take(next_id), "allocated_usage_quantity", Self::Quantity.arrow_type(next_id));
                let tags_id = take(next_id);
                let tags =
                    node(tags_id, "tags", list_of_struct(next_id, &[("key", Self::Text), ("value", Self::Text)]));
                let element = DataType::Struct(Fields::from(vec![quantity, tags]));
                DataType::List(Arc::new(node(id, "element", element)))
            }
            Self::Binary => DataType::Binary,
        }
    }
}

fn list_of_struct(next_id: &mut i32, members: &[(&str, Kind)]) -> DataType {
    let id = take(next_id);
    let fields: Fields =
        members.iter().map(|(name, kind)| node(take(next_id), name, kind.arrow_type(&mut 0))).collect();
    DataType::List(Arc::new(node(id, "element", DataType::Struct(fields))))
}

fn take(next_id: &mut i32) -> i32 {
    let id = *next_id;
    *next_id += 1;
    id
}

fn node(id: i32, name: &str, data_type: DataType) -> Field {
    let metadata = HashMap::from([(FIELD_ID.to_owned(), id.to_string())]);
    Field::new(name, data_type, true).with_metadata(metadata)
}

/// How a column is best stored, decided by what its values look like in real archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Few distinct values: dictionary.
    Repeats,
    /// Nearly every value differs: plain, no dictionary to build and throw away.
    Unique,
    /// An identifier people look single rows up by, different in nearly every row: plain, with a bloom filter.
    Lookup,
    /// An identifier people look rows up by that many rows share: dictionary, with a bloom filter.
    LookupRepeats,
    /// Long text: plain, without min/max statistics, which prune nothing and cost space.
    Bulk,
    /// Slowly rising numbers: delta encoding.
    Rising,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Parquet field id; never reused, never changed.
    pub id: i32,
    /// Column name, lower snake case.
    pub name: &'static str,
    /// Path of the member in the event (member names joined by `.`), or empty when the tool itself fills the column.
    pub source: &'static str,
    /// Type.
    pub kind: Kind,
    /// One line for the column tables.
    pub doc: &'static str,
    /// Storage.
    pub hint: Hint,
}

impl Column {
    /// Whether its text repeats, so that a batch keeps each distinct value once and a number for each row.
    pub(crate) const fn is_dictionary_encoded(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Json) && matches!(self.hint, Hint::Repeats | Hint::LookupRepeats)
    }

    fn arrow_field(&self) -> Field {
        // Nodes below a column take ids from a range of their own, so that a new column never renumbers them.
        let mut below = self.id * 100;
        node(self.id, self.name, self.kind.arrow_type(&mut below))
    }
}

/// Shorthand for the declarations: keeps a column on one line.
const fn column(
    id: i32,
    name: &'static str,
    source: &'static str,
    kind: Kind,
    hint: Hint,
    doc: &'static str,
) -> Column {
    Column { id, name, source, kind, doc, hint }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "lake")]
    #[test]
    fn fields_have_their_ids_where_the_parquet_library_looks_for_them() {
        assert_eq!(super::FIELD_ID, parquet::arrow::PARQUET_FIELD_ID_META_KEY);
    }
}
