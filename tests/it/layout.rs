//! The files of a lake as Parquet readers see them: types, ids, codecs, indexes, filters and metadata, as declared here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use parquet::file::statistics::Statistics;
use parquet::schema::types::{SchemaDescriptor, Type};
use trailmill::schema::Table;

use crate::harness::{Lake, Workdir, data, event, records};

/// Columns that people look single rows up by, and no other.
const LOOKUP: [&str; 6] = [
    "event_id",
    "request_id",
    "metering_record_id",
    "customer_aws_account_id",
    "license_arn",
    "user_identity_access_key_id",
];

/// Long texts by which no reader prunes.
const WITHOUT_STATISTICS: [&str; 10] = [
    "request_parameters",
    "response_elements",
    "additional_event_data",
    "service_event_details",
    "insight_details",
    "edge_device_details",
    "event_context",
    "unmapped",
    "message",
    "original",
];

/// Random identifiers: no reader can prune by their bounds, only by a filter.
const WITHOUT_BOUNDS: [&str; 7] = [
    "event_id",
    "request_id",
    "metering_record_id",
    "shared_event_id",
    "addendum_original_request_id",
    "addendum_original_event_id",
    "client_token",
];

/// A lake with rows in all four tables.
fn full_lake(workdir: &Workdir, flags: &str) -> Lake {
    workdir.copy(&data("sample"), "in/sample");
    workdir.copy(&data("corrupt"), "in/corrupt");
    workdir.copy(&data("golden"), "in/golden");
    let lake = workdir.convert("in", flags);
    assert_eq!(lake.code, 1, "{}", lake.stderr);
    lake
}

fn open(path: &Path) -> SerializedFileReader<File> {
    let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
    SerializedFileReader::new_with_options(File::open(path).expect("a part"), options).expect("a Parquet file")
}

fn each_part(lake: &Lake, mut check: impl FnMut(Table, &Path, &ParquetMetaData)) {
    for table in Table::ALL {
        let parts = lake.parts(table.name());
        assert!(!parts.is_empty(), "no part of {table}");
        for path in parts {
            check(table, &path, open(&path).metadata());
        }
    }
}

/// A node as `name: type` with the nodes below it in braces, all optional.
fn describe(node: &Type) -> String {
    let info = node.get_basic_info();
    let list = info.logical_type_ref() == Some(&LogicalType::List);
    let expected = if info.name() == "list" { Repetition::REPEATED } else { Repetition::OPTIONAL };
    assert_eq!(info.repetition(), expected, "{}", info.name());
    if node.is_group() {
        let below: Vec<String> = node.get_fields().iter().map(|field| describe(field)).collect();
        let kind = if list { "LIST " } else { "" };
        return format!("{}: {kind}{{{}}}", info.name(), below.join(", "));
    }
    let kind = match (node.get_physical_type(), info.logical_type_ref()) {
        (Physical::BYTE_ARRAY, Some(LogicalType::String)) => "STRING",
        (Physical::BYTE_ARRAY, None) => "BINARY",
        (Physical::BOOLEAN, None) => "BOOLEAN",
        (Physical::INT32, None) => "INT",
        (Physical::INT64, None) => "BIGINT",
        (Physical::INT64, Some(LogicalType::Timestamp(timestamp)))
            if timestamp.is_adjusted_to_u_t_c && timestamp.unit == TimeUnit::MILLIS =>
        {
            "TIMESTAMP"
        }
        (Physical::INT64, Some(LogicalType::Decimal(decimal))) if (decimal.precision, decimal.scale) == (18, 6) => {
            "DECIMAL(18,6)"
        }
        other => panic!("{}: {other:?} is no type of the contract", info.name()),
    };
    format!("{}: {kind}", info.name())
}

#[test]
fn columns_have_the_types_of_the_contract() {
    let workdir = Workdir::new();
    let lake = full_lake(&workdir, "");
    each_part(&lake, |table, path, metadata| {
        let expected: Vec<String> = table
            .columns()
            .iter()
            .map(|column| {
                let kind = match column.kind.label() {
                    "STRING (JSON)" => "STRING",
                    "LIST<STRUCT<arn, account_id, type>>" => {
                        "LIST {list: {element: {arn: STRING, account_id: STRING, type: STRING}}}"
                    }
                    "LIST<STRUCT<allocated_usage_quantity, tags LIST<STRUCT<key, value>>>>" => {
                        "LIST {list: {element: {allocated_usage_quantity: DECIMAL(18,6), tags: LIST {list: {element: {key: STRING, value: STRING}}}}}}"
                    }
                    plain => plain,
                };
                format!("{}: {kind}", column.name)
            })
            .collect();
        let schema = metadata.file_metadata().schema_descr();
        let found: Vec<String> = schema.root_schema().get_fields().iter().map(|field| describe(field)).collect();
        assert_eq!(found, expected, "{}", path.display());
    });
}

/// Every node but the repeated one of a list, by path.
fn field_ids(schema: &SchemaDescriptor) -> BTreeMap<String, i32> {
    fn visit(node: &Type, path: &str, ids: &mut BTreeMap<String, i32>) {
        let info = node.get_basic_info();
        let path = format!("{path}.{}", info.name());
        if info.has_id() {
            assert!(ids.insert(path.clone(), info.id()).is_none(), "{path}");
        } else {
            assert_eq!(info.name(), "list", "{path} has no field id");
        }
        if node.is_group() {
            node.get_fields().iter().for_each(|field| visit(field, &path, ids));
        }
    }
    let mut ids = BTreeMap::new();
    schema.root_schema().get_fields().iter().for_each(|field| visit(field, "", &mut ids));
    ids
}

#[test]
fn field_ids_are_unique_and_never_change() {
    let workdir = Workdir::new();
    let lake = full_lake(&workdir, "");
    each_part(&lake, |table, path, metadata| {
        let ids = field_ids(metadata.file_metadata().schema_descr());
        let distinct: BTreeSet<i32> = ids.values().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "{}: {ids:?}", path.display());
        for column in table.columns() {
            assert_eq!(ids.get(&format!(".{}", column.name)), Some(&column.id), "{}", path.display());
        }
        // A few that must never change, whatever is declared.
        let fixed: &[(&str, i32)] = match table {
            Table::Events => &[
                (".event_time", 1),
                (".unmapped", 64),
                (".archive", 65),
                (".event_index", 66),
                (".resources", 54),
                (".resources.list.element", 5_400),
                (".resources.list.element.type", 5_403),
            ],
            Table::UsageRecords => &[
                (".event_time", 1),
                (".quantity", 14),
                (".outcome", 20),
                (".event_index", 37),
                (".usage_allocations.list.element.allocated_usage_quantity", 1_701),
                (".usage_allocations.list.element.tags.list.element.value", 1_705),
            ],
            Table::Archives => &[(".archive", 1), (".status", 3), (".converted_at", 18)],
            Table::Quarantine => &[(".archive", 1), (".original", 6), (".commit_id", 7)],
        };
        for (name, id) in fixed {
            assert_eq!(ids.get(*name), Some(id), "{table}{name} in {ids:?}");
        }
    });
}

#[test]
fn every_file_of_a_table_has_the_same_schema() {
    let workdir = Workdir::new();
    full_lake(&workdir, "");
    workdir.gzip("in/later.json.gz", records(&[event("later", "")]));
    let lake = workdir.convert("in", "--compression snappy");
    assert!(lake.parts("archives").len() == 2 && lake.parts("events").len() > 5);
    let mut schemas: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    each_part(&lake, |table, _, metadata| {
        let mut text = Vec::new();
        parquet::schema::printer::print_schema(&mut text, metadata.file_metadata().schema());
        let ids = field_ids(metadata.file_metadata().schema_descr());
        let text = format!("{}\n{ids:?}", String::from_utf8_lossy(&text));
        schemas.entry(table.name()).or_default().insert(text);
    });
    assert!(schemas.values().all(|schemas| schemas.len() == 1), "{schemas:#?}");
}

#[test]
fn each_compression_is_the_requested_one() {
    let check = |flags: &str, expected: fn(Compression) -> bool| {
        let workdir = Workdir::new();
        each_part(&full_lake(&workdir, flags), |_, path, metadata| {
            for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
                assert!(expected(column.compression()), "{flags}: {:?} in {}", column.compression(), path.display());
            }
        });
    };
    check("", |codec| matches!(codec, Compression::ZSTD(_)));
    check("--compression zstd:19", |codec| matches!(codec, Compression::ZSTD(_)));
    check("--compression snappy", |codec| codec == Compression::SNAPPY);
    // Not Hadoop's framing, which only Hadoop reads.
    check("--compression lz4", |codec| codec == Compression::LZ4_RAW);
    check("--compression none", |codec| codec == Compression::UNCOMPRESSED);
}

#[test]
fn every_column_has_its_indexes_and_look_up_columns_a_filter() {
    let workdir = Workdir::new();
    let mut filters = BTreeSet::new();
    each_part(&full_lake(&workdir, ""), |table, path, metadata| {
        for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
            let name = column.column_path().parts()[0].as_str();
            let place = format!("{name} in {}", path.display());
            assert!(column.offset_index_offset().is_some(), "no offset index: {place}");
            // Where the tables repeat an identifier, in `usage_records`, it is a dictionary and has bounds.
            let is_random =
                WITHOUT_BOUNDS.contains(&name) && !column.encodings().any(|it| it == Encoding::RLE_DICTIONARY);
            let has_bounds = !is_random && !WITHOUT_STATISTICS.contains(&name);
            assert_eq!(column.column_index_offset().is_some(), has_bounds, "column index: {place}");
            let nulls = column.statistics().and_then(Statistics::null_count_opt);
            let rows = u64::try_from(column.num_values()).expect("a count");
            let has_min = column.statistics().is_some_and(|it| it.min_bytes_opt().is_some());
            if table.is_partitioned() {
                assert!(nulls.is_some(), "nulls are counted: {place}");
                assert_eq!(has_min, has_bounds && nulls != Some(rows), "bounds: {place}");
            } else {
                assert_eq!(column.statistics().is_some(), has_bounds, "statistics: {place}");
            }
            let is_lookup = LOOKUP.contains(&name);
            assert_eq!(column.bloom_filter_offset().is_some(), is_lookup, "bloom filter: {place}");
            filters.extend(is_lookup.then(|| format!("{table}.{name}")));
        }
    });
    let expected = [
        "events.event_id",
        "events.request_id",
        "events.user_identity_access_key_id",
        "usage_records.customer_aws_account_id",
        "usage_records.event_id",
        "usage_records.license_arn",
        "usage_records.metering_record_id",
        "usage_records.request_id",
        "usage_records.user_identity_access_key_id",
    ];
    assert_eq!(filters.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn filters_contain_the_values_that_are_there_and_few_others() {
    let workdir = Workdir::new();
    let ids: Vec<String> = (0..1_000).map(|at| format!("00000000-0000-4000-8000-{at:012}")).collect();
    let events: Vec<String> = ids.iter().map(|id| event(id, "")).collect();
    workdir.gzip("in/a.json.gz", records(&events));
    let lake = workdir.convert("in", "");
    let reader = open(&lake.parts("events")[0]);
    let at = Table::Events.column_index("event_id").expect("a column");
    let row_group = reader.get_row_group(0).expect("a row group");
    let filter = row_group.get_column_bloom_filter(at).expect("a bloom filter");
    assert!(ids.iter().all(|id| filter.check(&id.as_str())));
    let wrong = (0..1_000).filter(|at| filter.check(&format!("11111111-0000-4000-8000-{at:012}").as_str())).count();
    assert!(wrong < 60, "{wrong} of 1000 values that are not there");
}

#[test]
fn metadata_names_tool_schema_version_and_table_and_has_no_arrow_schema() {
    let workdir = Workdir::new();
    each_part(&full_lake(&workdir, ""), |table, path, metadata| {
        let file = metadata.file_metadata();
        let entries = file.key_value_metadata().expect("key-value metadata");
        let mut entries: BTreeMap<&str, &str> =
            entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap_or_default())).collect();
        let schema_version = trailmill::schema::SCHEMA_VERSION.to_string();
        let mut expected = vec![
            ("trailmill.schema_version", schema_version.as_str()),
            ("trailmill.table", table.name()),
            ("trailmill.version", env!("CARGO_PKG_VERSION")),
        ];
        if table == trailmill::schema::Table::Archives {
            // What a later run has to match; otherwise it is refused.
            expected.extend([
                ("trailmill.dedup", "true"),
                ("trailmill.partition_by", "event_date"),
                ("trailmill.replaces", "[]"),
                ("trailmill.selection", ""),
                ("trailmill.tables", "usage_records,events"),
            ]);
            // And what has to exist for the lake to be whole.
            let parts = entries.remove("trailmill.parts").expect("a list of parts");
            let parts: Vec<serde_json::Value> = serde_json::from_str(parts).expect("JSON");
            for part in &parts {
                let path = path.ancestors().nth(2).expect("the lake").join(part["path"].as_str().expect("a path"));
                let bytes = std::fs::metadata(&path).expect("a part").len();
                assert_eq!(part["bytes"].as_u64(), Some(bytes), "{part}");
                let rows = open(&path).metadata().file_metadata().num_rows() as u64;
                assert_eq!(part["rows"].as_u64(), Some(rows), "{part}");
            }
            assert!(parts.len() > 20, "{parts:?}");
        }
        assert_eq!(entries, BTreeMap::from_iter(expected), "{}", path.display());
        assert!(file.created_by().is_some_and(|name| name.starts_with("trailmill")), "{:?}", file.created_by());
    });
}

fn columns_in_files(partition_by: &str) -> BTreeSet<String> {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    let lake = workdir.convert("in", &format!("--partition-by {partition_by}"));
    let parts = lake.parts("events").into_iter().chain(lake.parts("usage_records"));
    let columns = parts.flat_map(|path| {
        let reader = open(&path);
        let fields = reader.metadata().file_metadata().schema().get_fields();
        fields.iter().map(|field| field.name().to_owned()).collect::<Vec<_>>()
    });
    columns.collect()
}

#[test]
fn partition_columns_are_in_the_path_only() {
    for column in ["event_date", "event_month", "account", "region", "region,account,event_month"] {
        let columns = columns_in_files(column);
        assert!(column.split(',').all(|name| !columns.contains(name)), "{column} in {columns:?}");
    }
}

#[test]
fn the_partition_column_event_source_is_in_the_path_only() {
    let columns = columns_in_files("event_source");
    assert!(!columns.contains("event_source"), "partition and file both have event_source, which Athena refuses");
}

/// DuckDB scans row groups of 122,880 rows best; readers skip pages of 20,000 rows.
#[test]
fn full_row_groups_have_the_declared_number_of_rows() {
    let workdir = Workdir::new();
    let times = (0..130_000).map(|at| format!(r#"{{"eventTime":"2025-03-01T00:00:{:02}Z"}}"#, at % 60));
    workdir.file("in/a.json", records(&times.collect::<Vec<_>>()));
    let lake = workdir.convert("in", "--tables events");
    let [part] = lake.parts("events").try_into().expect("one part");
    let reader = open(&part);
    let rows: Vec<i64> = reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [122_880, 7_120]);
}
