//! Statements for Amazon Athena: tables in Hive's language, views in Trino's.
//!
//! In: the layout of a lake. Out: tables whose partitions Athena works out by itself where they follow from the calendar,
//! and registered ones elsewhere. Never: a projection that a later run outgrows (`enum`), or that refuses queries
//! (`injected`); rows that no table sees.
//!
//! Source: Athena User Guide, "Supported types for partition projection" and "Set up partition projection".

use jiff::Unit;
use jiff::civil::Date;

use super::dialect::{Dialect, StructField, hive_partition_type, hive_type, view};
use super::layout::LakeLayout;
use super::script::{DdlRequest, Script, escaped_literal, lines};
use crate::model::PartitionColumn;
use crate::rows::partition::NULL_PARTITION;
use crate::schema::Table;

/// Earliest that a range begins by itself, since each day of it is one more place to look in: CloudTrail was launched in
/// November 2013. What is dated long before has a wrong date.
const BEFORE_CLOUDTRAIL: &str = "2013-01-01";
/// Furthest that a range reaches beyond today, for clocks that are ahead: each day of it is one more place to look in.
const MOST_DAYS_AHEAD: i32 = 366;

/// Athena, engine version 3.
#[derive(Debug)]
pub(super) struct Athena;

/// Whether all partitions of a lake follow from the calendar.
///
/// Values of other columns are not known beforehand: an `enum` of those that the lake has would be outgrown by the next
/// run, whose rows nobody would see, and `injected` refuses every query that does not name one value.
pub(super) fn is_projected(lake: &LakeLayout) -> bool {
    calendar(lake).is_some()
}

/// The partition column that all partitions follow from.
fn calendar(lake: &LakeLayout) -> Option<PartitionColumn> {
    match lake.partition_by[..] {
        [column @ (PartitionColumn::EventDate | PartitionColumn::EventMonth)] => Some(column),
        _ => None,
    }
}

impl Dialect for Athena {
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
        format!("ROW({})", members.collect::<Vec<_>>().join(", "))
    }

    fn list_type(&self, element: &str) -> String {
        format!("ARRAY({element})")
    }

    fn record(&self, members: &[StructField], data_type: &str) -> String {
        let values = lines(members.iter().map(|member| member.expression.clone()));
        format!("CASE WHEN {} THEN CAST(ROW(\n{values}\n) AS {data_type}) END", self.is_present(members))
    }

    fn renamed(&self, list: &str, members: &[(&str, &str)]) -> String {
        let members = members.iter().map(|(_, new)| format!("{} VARCHAR", self.name(new)));
        format!("CAST({list} AS ARRAY(ROW({})))", members.collect::<Vec<_>>().join(", "))
    }

    fn as_text(&self, expression: &str) -> String {
        format!("CAST({expression} AS VARCHAR)")
    }

    fn time_text(&self, column: &str) -> String {
        format!("replace(concat(to_iso8601({column}), 'Z'), '.000Z', 'Z')")
    }

    fn map(&self, column: &str) -> String {
        format!("TRY(CAST(json_parse({column}) AS {}))", self.map_type())
    }

    fn add_header(&self, request: &DdlRequest<'_>, script: &mut Script) {
        script.comment(
            "Tables and views of a trailmill lake for Amazon Athena (engine version 3).\n\
             Athena runs one statement at a time, in the console or by aws athena start-query-execution: run them one after the\n\
             other, in this order. They can be run again: a table that is there keeps its columns and is pointed to the place\n\
             named here, views are replaced. DROP TABLE removes no file, should a table be out of date.",
        );
        if is_projected(request.lake) {
            script.comment(
                "Partitions are projected: rows of new days are seen at once. Rows of days before the range of a table are not\n\
                 seen. After converting archives older than all before, make these statements anew and run them again.",
            );
        } else {
            script.comment(
                "Partitions are registered: after each conversion run the MSCK REPAIR TABLE statements again, else rows in new\n\
                 partitions are not seen. (Projection would need to know all values of the partition columns beforehand.)\n\
                 Registered partitions keep their place: after moving the lake, DROP TABLE before running these again.",
            );
        }
        if let Some(database) = request.database {
            script
                .comment(&format!("Choose the database {database} there before running queries that do not name it."));
            script.gap();
            script.statement(&format!("CREATE DATABASE IF NOT EXISTS `{database}`"));
        } else {
            script.comment("Everything is made in the database that is chosen there.");
            script.gap();
        }
    }

    fn add_tables(&self, request: &DdlRequest<'_>, script: &mut Script) {
        for table in &request.lake.tables {
            match calendar(request.lake).filter(|_| table.is_partitioned()) {
                Some(column) => add_projected(self, *table, column, request, script),
                None => add_registered(*table, request, script),
            }
        }
    }
}

/// What to do before views that name tables without their database.
pub(super) fn add_choice_of_database(request: &DdlRequest<'_>, script: &mut Script) {
    let database = request.database.unwrap_or("NAME");
    script.comment(&format!(
        "The views that follow name tables without their database, so it has to be chosen before: in the console, or with\n\
         aws athena start-query-execution --query-execution-context Database={database}."
    ));
    script.gap();
}

/// A table of a table's files.
fn external_table(
    name: &str,
    table: Table,
    partitioned_by: &[String],
    folder: &str,
    request: &DdlRequest<'_>,
) -> String {
    let columns = request.lake.file_columns(table);
    let columns = lines(columns.map(|column| format!("`{}` {}", column.name, hive_type(column.kind))));
    let partitions = match partitioned_by {
        [] => String::new(),
        columns => format!("\nPARTITIONED BY ({})", columns.join(", ")),
    };
    let name = request.qualified(name, '`');
    let location = escaped_literal(&format!("{folder}/"));
    format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS {name} (\n{columns}\n){partitions}\nSTORED AS PARQUET\nLOCATION {location}"
    )
}

/// Points a table to its place, should it have been there with another one. No comment stands before it: Athena hands
/// it to Hive's language, which need not take one there.
fn add_location(name: &str, folder: &str, request: &DdlRequest<'_>, script: &mut Script) {
    let name = request.qualified(name, '`');
    let location = escaped_literal(&format!("{folder}/"));
    script.statement(&format!("ALTER TABLE {name} SET LOCATION {location}"));
}

/// A table with partitions that are registered, or with none.
fn add_registered(table: Table, request: &DdlRequest<'_>, script: &mut Script) {
    script.comment(table.doc());
    let partitions = request.lake.partition_columns(table).iter();
    let partitions: Vec<String> =
        partitions.map(|column| format!("`{column}` {}", hive_partition_type(*column))).collect();
    let folder = request.folder(table);
    script.statement(&external_table(table.name(), table, &partitions, &folder, request));
    add_location(table.name(), &folder, request, script);
    if table.is_partitioned() {
        script.statement(&format!("MSCK REPAIR TABLE {}", request.qualified(table.name(), '`')));
    }
}

/// A table with projected partitions, one for rows without a time, which no projection reaches, and a view of both.
fn add_projected(
    dialect: &Athena,
    table: Table,
    column: PartitionColumn,
    request: &DdlRequest<'_>,
    script: &mut Script,
) {
    let (dated, undated) = (format!("{table}_dated"), format!("{table}_undated"));
    let folder = request.folder(table);
    script.comment(table.doc());
    script
        .comment(&format!("Two tables that the view {table} puts together: projection reaches no row without a time."));
    let range = ProjectedRange::new(column, request);
    if !range.beyond.is_empty() {
        script.comment(&format!(
            "NOT SEEN, because the range does not reach them: {column} {}.",
            range.beyond.join(", ")
        ));
    }
    script.comment("ALTER TABLE gives a table that was there before the range and the place of now.");
    let range = escaped_literal(&range.words);
    let (format, unit) = match column {
        PartitionColumn::EventMonth => ("yyyy-MM", "MONTHS"),
        _ => ("yyyy-MM-dd", "DAYS"),
    };
    let template = escaped_literal(&format!("{folder}/{column}=${{{column}}}/"));
    let properties = lines([
        "'projection.enabled' = 'true'".to_owned(),
        format!("'projection.{column}.type' = 'date'"),
        format!("'projection.{column}.format' = '{format}'"),
        format!("'projection.{column}.interval' = '1'"),
        format!("'projection.{column}.interval.unit' = '{unit}'"),
        format!("'projection.{column}.range' = {range}"),
        format!("'storage.location.template' = {template}"),
    ]);
    let partitions = [format!("`{column}` string")];
    let statement = external_table(&dated, table, &partitions, &folder, request);
    script.statement(&format!("{statement}\nTBLPROPERTIES (\n{properties}\n)"));
    let name = request.qualified(&dated, '`');
    let properties =
        lines([format!("'projection.{column}.range' = {range}"), format!("'storage.location.template' = {template}")]);
    script.statement(&format!("ALTER TABLE {name} SET TBLPROPERTIES (\n{properties}\n)"));
    add_location(&dated, &folder, request, script);
    let folder = format!("{folder}/{column}={NULL_PARTITION}");
    script.statement(&external_table(&undated, table, &[], &folder, request));
    add_location(&undated, &folder, request, script);

    let columns: Vec<String> = request.lake.file_columns(table).map(|column| dialect.name(column.name)).collect();
    let select = |table: &str, value: String| {
        let value = format!("{value} AS {}", dialect.name(column.as_str()));
        let columns = lines(columns.iter().cloned().chain([value]));
        format!("SELECT\n{columns}\nFROM {}", request.qualified(table, '"'))
    };
    let (value, none) = match column {
        PartitionColumn::EventMonth => (dialect.name(column.as_str()), "CAST(NULL AS VARCHAR)"),
        _ => (format!("CAST({} AS date)", dialect.name(column.as_str())), "CAST(NULL AS date)"),
    };
    let query = format!("{}\nUNION ALL\n{}", select(&dated, value), select(&undated, none.to_owned()));
    script.statement(&view(dialect, request, table.name(), &query));
}

/// The dates that a projection reaches.
struct ProjectedRange {
    /// As a table property has it.
    words: String,
    /// Partitions of the lake that are outside.
    beyond: Vec<String>,
}

impl ProjectedRange {
    /// From the oldest partition of the lake that CloudTrail can have written, or the date that was asked for, to tomorrow,
    /// and further when the lake has days to come.
    fn new(column: PartitionColumn, request: &DdlRequest<'_>) -> Self {
        let is_by_month = column == PartitionColumn::EventMonth;
        let dates = &request.lake.dates;
        let length = if is_by_month { "2013-01".len() } else { "2013-01-01".len() };
        let units_ahead = |value: &String| {
            let date: Option<Date> = if is_by_month { format!("{value}-01") } else { value.clone() }.parse().ok();
            let unit = if is_by_month { Unit::Month } else { Unit::Day };
            let span = date?.since((unit, request.today)).ok()?;
            Some(if is_by_month { span.get_months() } else { span.get_days() })
        };
        let most = if is_by_month { MOST_DAYS_AHEAD / 28 } else { MOST_DAYS_AHEAD };
        let (within, after): (Vec<_>, Vec<_>) =
            dates.iter().partition(|value| units_ahead(value).is_some_and(|units| units <= most));
        let earliest = BEFORE_CLOUDTRAIL.get(..length).unwrap_or(BEFORE_CLOUDTRAIL);
        let oldest = within.iter().map(|value| value.as_str()).find(|value| *value >= earliest);
        let from = request.from.map_or_else(|| oldest.unwrap_or(earliest).to_owned(), |date| date.to_string());
        let from = from.get(..length).unwrap_or(&from).to_owned();
        let ahead = within.iter().filter_map(|value| units_ahead(value)).max().unwrap_or_default().max(1);
        let before = within.into_iter().filter(|value| **value < from);
        let unit = if is_by_month { "MONTHS" } else { "DAYS" };
        Self { words: format!("{from},NOW+{ahead}{unit}"), beyond: before.chain(after).cloned().collect() }
    }
}
