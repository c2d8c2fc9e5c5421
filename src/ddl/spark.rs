//! Statements for Apache Spark SQL.
//!
//! In: the layout of a lake. Out: tables over its files, with registered partitions. Never: types that Spark would work out
//! from the names of folders: an account with a leading zero is no number.
//!
//! Source: Spark SQL reference, "CREATE DATASOURCE TABLE" and "REPAIR TABLE".

use super::dialect::{Dialect, StructField, hive_partition_type, hive_type};
use super::script::{DdlRequest, Script, escaped_literal, lines};
use crate::schema::Table;

/// Spark 3.4 or later.
#[derive(Debug)]
pub(super) struct Spark;

impl Dialect for Spark {
    fn quote(&self) -> char {
        '`'
    }

    fn text_type(&self) -> String {
        "STRING".to_owned()
    }

    fn map_type(&self) -> String {
        "MAP<STRING, STRING>".to_owned()
    }

    fn record_type(&self, members: &[StructField]) -> String {
        let members = members.iter().map(|member| format!("{}: {}", self.name(&member.name), member.data_type));
        format!("STRUCT<{}>", members.collect::<Vec<_>>().join(", "))
    }

    fn list_type(&self, element: &str) -> String {
        format!("ARRAY<{element}>")
    }

    fn record(&self, members: &[StructField], _: &str) -> String {
        let values = lines(members.iter().map(|member| format!("'{}', {}", member.name, member.expression)));
        format!("CASE WHEN {} THEN named_struct(\n{values}\n) END", self.is_present(members))
    }

    fn renamed(&self, list: &str, members: &[(&str, &str)]) -> String {
        let members = members.iter().map(|(_, new)| format!("{}: STRING", self.name(new)));
        format!("CAST({list} AS ARRAY<STRUCT<{}>>)", members.collect::<Vec<_>>().join(", "))
    }

    fn as_text(&self, expression: &str) -> String {
        format!("CAST({expression} AS STRING)")
    }

    fn time_text(&self, column: &str) -> String {
        // Functions that take an instant apart do so in the session's time zone, of which a view may see two: that of its
        // making and the current one. This never leaves UTC.
        let since = format!("make_dt_interval(0, 0, 0, unix_seconds({column}))");
        let seconds = format!("replace(CAST(TIMESTAMP_NTZ '1970-01-01 00:00:00' + {since} AS STRING), ' ', 'T')");
        let milliseconds = format!("lpad(pmod(unix_millis({column}), 1000), 3, '0')");
        format!("replace(concat({seconds}, '.', {milliseconds}, 'Z'), '.000Z', 'Z')")
    }

    fn map(&self, column: &str) -> String {
        format!("from_json({column}, 'MAP<STRING, STRING>')")
    }

    fn add_header(&self, request: &DdlRequest<'_>, script: &mut Script) {
        script.comment(
            "Tables and views of a trailmill lake for Spark SQL (3.4 or later).\n\
             They can be run again: a table that is there stays as it is, views are replaced. DROP TABLE removes no file,\n\
             should a table be out of date. Run them again after each conversion: MSCK REPAIR TABLE registers the new\n\
             partitions, whose rows are not seen without. A timestamp is an instant: SET TIME ZONE 'UTC' shows it in UTC, and\n\
             takes a text that it is compared with for one in UTC.",
        );
        script.comment(
            "WRONG TEXT, without an error: Spark before 3.5.7, and 4.0.0, lose parts of columns that have nulls (SPARK-52240).\n\
             There SET spark.sql.parquet.enableVectorizedReader = false in each session.",
        );
        let empty = request.lake.names_without_files(Table::is_partitioned);
        if !empty.is_empty() {
            script.comment(&format!(
                "STAYS EMPTY: {empty}, without a file so far, which MSCK REPAIR TABLE refuses. After the first conversion that\n\
                 adds one, make these statements anew, or its rows are not seen."
            ));
        }
        script.gap();
        if let Some(database) = request.database {
            script.statement(&format!("CREATE DATABASE IF NOT EXISTS `{database}`"));
            script.statement(&format!("USE `{database}`"));
        }
    }

    fn add_tables(&self, request: &DdlRequest<'_>, script: &mut Script) {
        for table in &request.lake.tables {
            add_table(*table, request, script);
        }
    }
}

/// Times are of the calendar that Spark 3 and 4 have, also before 1900, where Spark 3 has to be told so: files of Spark 2 have
/// another one there.
const REBASE: &str = "OPTIONS (datetimeRebaseMode = 'CORRECTED')";

fn add_table(table: Table, request: &DdlRequest<'_>, script: &mut Script) {
    script.comment(table.doc());
    let partitions = request.lake.partition_columns(table);
    let columns = request.lake.file_columns(table).map(|column| (column.name, hive_type(column.kind)));
    let columns = columns.chain(partitions.iter().map(|column| (column.as_str(), hive_partition_type(*column))));
    let columns = lines(columns.map(|(name, kind)| format!("`{name}` {kind}")));
    let names: Vec<String> = partitions.iter().map(|column| format!("`{column}`")).collect();
    let partitioned = if names.is_empty() { String::new() } else { format!("\nPARTITIONED BY ({})", names.join(", ")) };
    let folder = request.folder(table);
    let folder = if request.is_url() { folder } else { format!("file://{folder}") };
    let name = request.qualified(table.name(), '`');
    let location = escaped_literal(&folder);
    script.statement(&format!(
        "CREATE TABLE IF NOT EXISTS {name} (\n{columns}\n)\nUSING parquet\n{REBASE}{partitioned}\nLOCATION {location}"
    ));
    if !table.is_partitioned() {
        return;
    }
    if request.lake.has_files(table) {
        script.statement(&format!("MSCK REPAIR TABLE {name}"));
    } else {
        script.comment("It has no file yet, and so no partition: make these statements anew when it has.");
        script.gap();
    }
}
