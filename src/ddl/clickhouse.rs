//! Statements for `ClickHouse`.
//!
//! In: the layout of a lake. Out: views over table functions with the types of every column. Never: a type that
//! `ClickHouse` would work out itself: it takes a date for one, and fails where a row has none.
//!
//! Source: `ClickHouse` documentation, table functions `file` and `s3`, "Hive-style partitioning".

use super::dialect::{Dialect, StructField, view};
use super::script::{DdlRequest, Script, escaped_literal, lines};
use crate::model::PartitionColumn;
use crate::rows::partition::NULL_PARTITION;
use crate::schema::{Kind, Table};

/// `ClickHouse`.
#[derive(Debug)]
pub(super) struct ClickHouse;

impl Dialect for ClickHouse {
    fn quote(&self) -> char {
        '`'
    }

    fn text_type(&self) -> String {
        "Nullable(String)".to_owned()
    }

    fn map_type(&self) -> String {
        "Map(String, String)".to_owned()
    }

    fn record_type(&self, members: &[StructField]) -> String {
        let members = members.iter().map(|member| format!("{} {}", self.name(&member.name), member.data_type));
        format!("Tuple({})", members.collect::<Vec<_>>().join(", "))
    }

    fn list_type(&self, element: &str) -> String {
        format!("Array({element})")
    }

    fn record(&self, members: &[StructField], data_type: &str) -> String {
        let values = lines(members.iter().map(|member| member.expression.clone()));
        format!("CAST(tuple(\n{values}\n), {})", escaped_literal(data_type))
    }

    fn renamed(&self, list: &str, members: &[(&str, &str)]) -> String {
        let values = members.iter().map(|(old, _)| format!("element.{}", self.name(old)));
        let values = values.collect::<Vec<_>>().join(", ");
        let types = members.iter().map(|(_, new)| format!("{} Nullable(String)", self.name(new)));
        let types = format!("Tuple({})", types.collect::<Vec<_>>().join(", "));
        format!("arrayMap(element -> CAST(tuple({values}), {}), {list})", escaped_literal(&types))
    }

    fn as_text(&self, expression: &str) -> String {
        format!("toString({expression})")
    }

    fn time_text(&self, column: &str) -> String {
        format!("replace(concat(replace(toString({column}, 'UTC'), ' ', 'T'), 'Z'), '.000Z', 'Z')")
    }

    fn map(&self, column: &str) -> String {
        format!("JSONExtract(ifNull({column}, ''), {})", escaped_literal(&self.map_type()))
    }

    fn add_header(&self, request: &DdlRequest<'_>, script: &mut Script) {
        script.comment(
            "Views of a trailmill lake for ClickHouse (25.8 or later), clickhouse local and chdb.\n\
             They can be run again, and see what later conversions add. Lists and records are never null in ClickHouse:\n\
             an absent one is empty, and so are its members. Releases before 26.9 print a time before 1900 or after 2299 as the\n\
             nearest one in between, and toUnixTimestamp64Milli gives it as it is.",
        );
        script.comment(if request.is_url() {
            "The credentials are those of the server (use_environment_credentials), or of a named collection."
        } else {
            "A server reads files below its user_files_path only; clickhouse local and chdb read all of them."
        });
        script.gap();
        if let Some(database) = request.database {
            script.statement(&format!("CREATE DATABASE IF NOT EXISTS `{database}`"));
            script.statement(&format!("USE `{database}`"));
        }
    }

    fn add_tables(&self, request: &DdlRequest<'_>, script: &mut Script) {
        for table in &request.lake.tables {
            script.comment(table.doc());
            script.statement(&view(self, request, table.name(), &query(self, *table, request)));
        }
    }
}

fn query(dialect: &ClickHouse, table: Table, request: &DdlRequest<'_>) -> String {
    let partitions = request.lake.partition_columns(table);
    let columns = request.lake.file_columns(table).map(|column| dialect.name(column.name));
    let columns = lines(columns.chain(partitions.iter().map(|column| partition(dialect, *column))));
    let types = request.lake.file_columns(table).map(|column| (column.name, type_of(column.kind)));
    let types = types.chain(partitions.iter().map(|column| (column.as_str(), "String")));
    let types = lines(types.map(|(name, kind)| format!("{} {kind}", dialect.name(name))));
    let folder = request.folder(table);
    let (function, folder) = match folder.strip_prefix("file://") {
        Some(path) => ("file", path),
        None if request.is_url() => ("s3", &*folder),
        None => ("file", &*folder),
    };
    let files = if table.is_partitioned() { "**/*.parquet" } else { "*.parquet" };
    let files = escaped_literal(&format!("{folder}/{files}"));
    let types = escaped_literal(&format!("\n{types}\n"));
    // Folders above the lake may look like partitions, and are none of it. ClickHouse 26.1 to 26.5 lose the partition
    // columns of a query whose conditions they move to PREWHERE.
    let settings = if table.is_partitioned() {
        "SETTINGS use_hive_partitioning = 1, optimize_move_to_prewhere = 0"
    } else {
        "SETTINGS use_hive_partitioning = 0"
    };
    format!("SELECT\n{columns}\nFROM {function}({files}, 'Parquet', {types})\n{settings}")
}

/// A partition column, out of the name of a folder, which `ClickHouse` gives as it stands.
fn partition(dialect: &ClickHouse, column: PartitionColumn) -> String {
    let name = dialect.name(column.as_str());
    match column {
        PartitionColumn::EventDate => format!("toDate32OrNull({name}) AS {name}"),
        _ => format!("decodeURLComponent(nullIf({name}, '{NULL_PARTITION}')) AS {name}"),
    }
}

const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Json | Kind::Binary => "Nullable(String)",
        Kind::Boolean { .. } => "Nullable(Bool)",
        Kind::Int => "Nullable(Int32)",
        Kind::Long => "Nullable(Int64)",
        Kind::Timestamp => "Nullable(DateTime64(3, 'UTC'))",
        Kind::Quantity => "Nullable(Decimal(18, 6))",
        Kind::Resources => "Array(Tuple(arn Nullable(String), account_id Nullable(String), type Nullable(String)))",
        Kind::Allocations => {
            "Array(Tuple(allocated_usage_quantity Nullable(Decimal(18, 6)), tags Array(Tuple(key Nullable(String), value Nullable(String)))))"
        }
    }
}
