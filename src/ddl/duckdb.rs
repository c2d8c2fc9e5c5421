//! Statements for `DuckDB`.
//!
//! In: the layout of a lake. Out: views over its files. Never: types that `DuckDB` would work out from the names of folders:
//! an account with a leading zero is no number.
//!
//! Source: `DuckDB` documentation, "Hive partitioning" and "Querying Parquet files".

use super::dialect::{Dialect, StructField, view};
use super::script::{DdlRequest, Script, lines, literal};
use crate::model::PartitionColumn;
use crate::schema::{Column, Kind, Table};

/// `DuckDB`.
#[derive(Debug)]
pub(super) struct DuckDb;

impl Dialect for DuckDb {
    fn quote(&self) -> char {
        '"'
    }

    fn text_type(&self) -> String {
        "VARCHAR".to_owned()
    }

    fn map_type(&self) -> String {
        "MAP(VARCHAR, VARCHAR)".to_owned()
    }

    fn record_type(&self, members: &[StructField]) -> String {
        let members = members.iter().map(|member| format!("{} {}", self.name(&member.name), member.data_type));
        format!("STRUCT({})", members.collect::<Vec<_>>().join(", "))
    }

    fn list_type(&self, element: &str) -> String {
        format!("{element}[]")
    }

    fn record(&self, members: &[StructField], _: &str) -> String {
        let values = members.iter().map(|member| format!("{} := {}", self.name(&member.name), member.expression));
        format!("CASE WHEN {} THEN struct_pack(\n{}\n) END", self.is_present(members), lines(values))
    }

    fn renamed(&self, list: &str, members: &[(&str, &str)]) -> String {
        let values = members.iter().map(|(old, new)| format!("{} := element.{}", self.name(new), self.name(old)));
        let values = values.collect::<Vec<_>>().join(", ");
        format!("[CASE WHEN element IS NOT NULL THEN struct_pack({values}) END FOR element IN {list}]")
    }

    fn as_text(&self, expression: &str) -> String {
        format!("CAST({expression} AS VARCHAR)")
    }

    fn time_text(&self, column: &str) -> String {
        format!("replace(strftime({column}, '%Y-%m-%dT%H:%M:%S.%gZ'), '.000Z', 'Z')")
    }

    fn map(&self, column: &str) -> String {
        format!("TRY_CAST(TRY_CAST({column} AS JSON) AS {})", self.map_type())
    }

    fn add_header(&self, request: &DdlRequest<'_>, script: &mut Script) {
        script.comment(
            "Views of a trailmill lake for DuckDB (1.5 or later, since earlier ones refuse rows without a partition value).\n\
             They can be run again, and see what later conversions add. Times are UTC and have no zone: whatever the TimeZone\n\
             of a session, event_time >= '2025-06-01' finds the same rows.\n\
             WRONG ROWS, without an error, but in sessions in UTC: whatever has a zone, such as TIMESTAMPTZ, a datetime of Python\n\
             with tzinfo, or a time as the files have it. Turn it into UTC: event_time >= ? AT TIME ZONE 'UTC'. An offset in\n\
             text is passed over: write TIMESTAMPTZ '2025-06-01 00:00:00+02' AT TIME ZONE 'UTC'. For times elsewhere write\n\
             event_time AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin', since one zone alone makes it another moment.",
        );
        if request.is_url() {
            script.comment(
                "For S3: CREATE SECRET (TYPE s3, PROVIDER credential_chain) takes the credentials of the machine.",
            );
        }
        let empty = request.lake.names_without_files(|_| true);
        if !empty.is_empty() {
            script.comment(&format!(
                "STAYS EMPTY in DuckDB 1: {empty}, without a file so far, which only DuckDB 2 reads. After the first\n\
                 conversion that adds one, make these statements anew there, or its rows are not seen."
            ));
        }
        script.gap();
        if let Some(database) = request.database {
            script.statement(&format!("CREATE SCHEMA IF NOT EXISTS \"{database}\""));
            script.statement(&format!("USE \"{database}\""));
        }
    }

    fn add_functions(&self, script: &mut Script) {
        script.gap();
        script.add(include_str!("athena_functions.sql"));
    }

    fn add_tables(&self, request: &DdlRequest<'_>, script: &mut Script) {
        for table in &request.lake.tables {
            script.comment(table.doc());
            let query = if request.lake.has_files(*table) {
                query(self, *table, request)
            } else {
                script.comment("It has no file yet. DuckDB 2 sees those to come, DuckDB 1 does not.");
                query_without_files(self, *table, request)
            };
            script.statement(&view(self, request, table.name(), &query));
        }
    }
}

fn query(dialect: &DuckDb, table: Table, request: &DdlRequest<'_>) -> String {
    format!("SELECT\n{}\nFROM {}", columns(dialect, table, request), read_parquet(table, request, ""))
}

/// A query for a table that may have no file: those that are there, and columns with types whether there are any or not.
///
/// `DuckDB` 2 has `allow_empty` for it, with a column `empty` instead of the others; `DuckDB` 1 refuses both the
/// argument and a pattern that nothing matches, so that the text with them must not reach its binder. (DuckDB pull request
/// 22771; tried with 1.5.6 and 2.0.1.)
fn query_without_files(dialect: &DuckDb, table: Table, request: &DdlRequest<'_>) -> String {
    let files = literal(&format!("SELECT * FROM {}", read_parquet(table, request, ", allow_empty = true")));
    let none = literal("SELECT false AS empty WHERE false");
    let typed = request.lake.file_columns(table).map(|column| (column.name, type_of(column.kind)));
    let partitions = request.lake.partition_columns(table).iter();
    let typed = typed.chain(partitions.map(|column| (column.as_str(), partition_type(*column))));
    let typed = lines(typed.map(|(name, kind)| format!("CAST(NULL AS {kind}) AS {}", dialect.name(name))));
    let columns = columns(dialect, table, request);
    format!(
        "SELECT\n{columns}\nFROM (\nSELECT\n{typed}\nWHERE false\nUNION ALL BY NAME\nSELECT * FROM query(CASE\n  \
         WHEN version() LIKE 'v1.%' THEN {none}\n  ELSE {files}\nEND)\n)"
    )
}

fn columns(dialect: &DuckDb, table: Table, request: &DdlRequest<'_>) -> String {
    let columns = request.lake.file_columns(table).map(|column| column_of(column, &dialect.name(column.name)));
    let partitions = request.lake.partition_columns(table).iter();
    lines(columns.chain(partitions.map(|column| dialect.name(column.as_str()))))
}

/// A column of the files. An instant becomes the time in UTC, without a zone, so that no `TimeZone` of a session changes what
/// a condition means. `DuckDB` 2 still skips row groups by these functions; by `AT TIME ZONE` it skips none.
fn column_of(column: &Column, name: &str) -> String {
    match column.kind {
        Kind::Timestamp => format!("make_timestamp_ms(epoch_ms({name})) AS {name}"),
        _ => name.to_owned(),
    }
}

/// The files of a table; `more` are further arguments.
fn read_parquet(table: Table, request: &DdlRequest<'_>, more: &str) -> String {
    let partitions = request.lake.partition_columns(table).iter();
    let types = partitions.map(|column| format!("'{column}': {}", partition_type(*column)));
    let types = types.collect::<Vec<_>>().join(", ");
    let folder = request.folder(table);
    let files = if table.is_partitioned() {
        format!("{}, hive_partitioning = true, hive_types = {{{types}}}", literal(&format!("{folder}/**/*.parquet")))
    } else {
        format!("{}, hive_partitioning = false", literal(&format!("{folder}/*.parquet")))
    };
    format!("read_parquet({files}{more})")
}

const fn partition_type(column: PartitionColumn) -> &'static str {
    match column {
        PartitionColumn::EventDate => "DATE",
        _ => "VARCHAR",
    }
}

/// What `DuckDB` reads from the files.
const fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Json => "VARCHAR",
        Kind::Boolean { .. } => "BOOLEAN",
        Kind::Int => "INTEGER",
        Kind::Long => "BIGINT",
        Kind::Timestamp => "TIMESTAMP WITH TIME ZONE",
        Kind::Quantity => "DECIMAL(18,6)",
        Kind::Resources => "STRUCT(arn VARCHAR, account_id VARCHAR, \"type\" VARCHAR)[]",
        Kind::Allocations => {
            "STRUCT(allocated_usage_quantity DECIMAL(18,6), tags STRUCT(\"key\" VARCHAR, \"value\" VARCHAR)[])[]"
        }
        Kind::Binary => "BLOB",
    }
}
