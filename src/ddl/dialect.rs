//! What each engine has its own words for.
//!
//! In: columns and their types. Out: expressions, types and statements. Never: which columns there are; the schema tells.

use super::script::{DdlRequest, Script};
use crate::model::PartitionColumn;
use crate::schema::Kind;

/// A member of a record, as an expression and its type.
#[derive(Clone, Debug)]
pub(super) struct StructField {
    pub(super) name: String,
    pub(super) expression: String,
    pub(super) data_type: String,
    /// Columns that it is made of.
    pub(super) columns: Vec<String>,
}

/// An engine's SQL.
pub(super) trait Dialect: Sync {
    /// What quotes a name in a query.
    fn quote(&self) -> char;

    /// The type of a text in a query.
    fn text_type(&self) -> String;

    /// The type of an object whose members are texts.
    fn map_type(&self) -> String;

    /// The type of a record.
    fn record_type(&self, members: &[StructField]) -> String;

    /// The type of a list.
    fn list_type(&self, element: &str) -> String;

    /// A record of this type; none when none of its columns has a value.
    fn record(&self, members: &[StructField], data_type: &str) -> String;

    /// A list of records with other names for their members: pairs of the old and the new one.
    fn renamed(&self, list: &str, members: &[(&str, &str)]) -> String;

    /// A truth value or a date as text.
    fn as_text(&self, expression: &str) -> String;

    /// An instant as CloudTrail writes it, `2018-04-19T16:32:50Z`; milliseconds are there if there are any.
    fn time_text(&self, column: &str) -> String;

    /// JSON text to an object whose members are texts; none when it is something else.
    fn map(&self, column: &str) -> String;

    /// Adds what is to be known beforehand, and the database.
    fn add_header(&self, request: &DdlRequest<'_>, script: &mut Script);

    /// Adds the tables of the lake.
    fn add_tables(&self, request: &DdlRequest<'_>, script: &mut Script);

    /// Adds the functions of Athena that queries for `cloudtrail_logs` use, where the engine lacks them.
    fn add_functions(&self, _: &mut Script) {}

    /// A name in quotes.
    fn name(&self, name: &str) -> String {
        let quote = self.quote();
        format!("{quote}{name}{quote}")
    }

    /// Whether any column of some members has a value.
    fn is_present(&self, members: &[StructField]) -> String {
        let columns = members.iter().flat_map(|member| &member.columns);
        columns.map(|column| format!("{column} IS NOT NULL")).collect::<Vec<_>>().join(" OR ")
    }

    /// A column of an event as text.
    fn column_text(&self, kind: Kind, column: &str) -> String {
        match kind {
            Kind::Timestamp => self.time_text(column),
            Kind::Text | Kind::Json => column.to_owned(),
            _ => self.as_text(column),
        }
    }
}

/// A view of these columns.
pub(super) fn view(dialect: &dyn Dialect, request: &DdlRequest<'_>, name: &str, query: &str) -> String {
    format!("CREATE OR REPLACE VIEW {} AS\n{query}", request.qualified(name, dialect.quote()))
}

/// The types of Hive's language, which Athena and Spark have in common.
pub(super) const fn hive_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Json => "string",
        Kind::Boolean { .. } => "boolean",
        Kind::Int => "int",
        Kind::Long => "bigint",
        Kind::Timestamp => "timestamp",
        Kind::Quantity => "decimal(18,6)",
        Kind::Resources => "array<struct<arn:string,account_id:string,type:string>>",
        Kind::Allocations => {
            "array<struct<allocated_usage_quantity:decimal(18,6),tags:array<struct<key:string,value:string>>>>"
        }
        Kind::Binary => "binary",
    }
}

/// The type of a partition column in the same language, where partitions are registered.
pub(super) const fn hive_partition_type(column: PartitionColumn) -> &'static str {
    match column {
        PartitionColumn::EventDate => "date",
        _ => "string",
    }
}
