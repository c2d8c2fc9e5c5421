//! A table of a finished lake, read back into rows.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Allocation, Resource, Row, Tag, Value, set};

/// Every row of `lake/<table>/`, files in path order. Partition values (`event_date=…`) become columns of the rows. A
/// table without a folder has no rows; what is broken panics with the file's name.
pub fn read_table(lake: &Path, table: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    read_folder(&lake.join(table), &Row::new(), &mut rows);
    rows
}

fn read_folder(folder: &Path, partition: &Row, rows: &mut Vec<Row>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a UTF-8 name");
        // Engines do not see these either.
        if name.starts_with(['_', '.']) {
            continue;
        }
        if path.is_dir() {
            let mut partition = partition.clone();
            if let Some((column, value)) = name.split_once('=') {
                set(&mut partition, column, Some(Value::Text(percent_decoded(value))));
            }
            read_folder(&path, &partition, rows);
        } else if name.ends_with(".parquet") {
            read_file(&path, partition, rows);
        }
    }
}

fn read_file(path: &Path, partition: &Row, rows: &mut Vec<Row>) {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for batch in reader {
        let batch = batch.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        rows.extend(rows_of_batch(batch, partition));
    }
}

/// The rows of a batch, each with the values of its partition.
pub fn rows_of_batch(batch: RecordBatch, partition: &Row) -> Vec<Row> {
    let batch = StructArray::from(batch);
    let row = |index| {
        let mut row = partition.clone();
        for (position, column) in batch.column_names().into_iter().enumerate() {
            set(&mut row, column, value(batch.column(position), index));
        }
        row
    };
    (0..batch.len()).map(row).collect()
}

/// The value of one cell, `None` when it is null.
fn value(array: &dyn Array, index: usize) -> Option<Value> {
    if array.is_null(index) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(index).to_owned()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(index).to_vec()),
        DataType::Boolean => Value::Bool(array.as_boolean().value(index)),
        DataType::Int32 => Value::Int(array.as_primitive::<Int32Type>().value(index).into()),
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(index)),
        DataType::Timestamp(TimeUnit::Millisecond, Some(zone)) if &**zone == "UTC" => {
            Value::TimestampMs(array.as_primitive::<TimestampMillisecondType>().value(index))
        }
        DataType::Decimal128(18, 6) => Value::Decimal(array.as_primitive::<Decimal128Type>().value(index)),
        DataType::List(_) => {
            let elements = array.as_list::<i32>().value(index);
            let elements = elements.as_struct();
            let resources = elements.column_by_name("arn").is_some();
            let each = |index| elements.is_valid(index).then_some(index);
            if resources {
                let read = (0..elements.len()).map(|index| each(index).map(|index| resource(elements, index)));
                Value::Resources(read.collect())
            } else {
                let read = (0..elements.len()).map(|index| each(index).map(|index| allocation(elements, index)));
                Value::Allocations(read.collect())
            }
        }
        other => panic!("no table has a column of type {other}"),
    })
}

fn resource(elements: &StructArray, index: usize) -> Resource {
    Resource {
        arn: text_of(elements, "arn", index),
        account_id: text_of(elements, "account_id", index),
        kind: text_of(elements, "type", index),
    }
}

fn allocation(elements: &StructArray, index: usize) -> Allocation {
    let quantity = match member_of(elements, "allocated_usage_quantity", index) {
        Some(Value::Decimal(millionths)) => Some(millionths),
        None => None,
        Some(other) => panic!("a quantity of {other:?}"),
    };
    let lists = elements.column_by_name("tags").expect("tags").as_list::<i32>();
    let tags = lists.is_valid(index).then(|| {
        let tags = lists.value(index);
        let tags = tags.as_struct();
        let tag = |index| Tag { key: text_of(tags, "key", index), value: text_of(tags, "value", index) };
        (0..tags.len()).map(|index| tags.is_valid(index).then(|| tag(index))).collect()
    });
    Allocation { quantity, tags }
}

fn member_of(elements: &StructArray, name: &str, index: usize) -> Option<Value> {
    let member = elements.column_by_name(name).unwrap_or_else(|| panic!("no member is called {name}"));
    value(member, index)
}

fn text_of(elements: &StructArray, name: &str, index: usize) -> Option<String> {
    member_of(elements, name, index).map(|value| value.as_text().expect("a STRING member").to_owned())
}

/// A partition value as it was before it became part of a path.
fn percent_decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let (b'%', Some(byte)) = (first, escaped) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).expect("a UTF-8 partition value")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Int32Array, Int64Array, ListArray, StringArray,
        TimestampMillisecondArray, new_null_array,
    };
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::datatypes::{Field, Schema};
    use parquet::arrow::ArrowWriter;
    use trailmill::schema::Table;

    use super::*;

    fn write(path: &Path, schema: &Arc<Schema>, columns: Vec<(&str, ArrayRef)>) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        let rows = columns.first().map_or(1, |(_, column)| column.len());
        let arrays = schema.fields().iter().map(|field| {
            let given = columns.iter().find(|(name, _)| name == field.name());
            given.map_or_else(|| new_null_array(field.data_type(), rows), |(_, array)| Arc::clone(array))
        });
        let batch = RecordBatch::try_new(Arc::clone(schema), arrays.collect()).expect("a batch");
        let file = File::create(path).expect("a new file");
        let mut writer = ArrowWriter::try_new(file, Arc::clone(schema), None).expect("a writer");
        writer.write(&batch).expect("a written batch");
        writer.close().expect("a closed file");
    }

    /// The struct array of a list type, with a null struct at the end.
    fn structs(data_type: &DataType, columns: Vec<ArrayRef>) -> ArrayRef {
        let DataType::Struct(fields) = data_type else { panic!("{data_type} is no struct") };
        let rows = columns[0].len();
        let valid = NullBuffer::from_iter((0..rows).map(|row| row + 1 < rows));
        Arc::new(StructArray::new(fields.clone(), columns, Some(valid)))
    }

    /// A list column of one row that holds all of these elements.
    fn one_list(element: &Arc<Field>, elements: ArrayRef) -> ArrayRef {
        Arc::new(ListArray::new(Arc::clone(element), OffsetBuffer::from_lengths([elements.len()]), elements, None))
    }

    fn element_of(data_type: &DataType) -> &Arc<Field> {
        let DataType::List(element) = data_type else { panic!("{data_type} is no list") };
        element
    }

    #[test]
    fn events_and_their_partitions_are_read_back() {
        let lake = tempfile::tempdir().expect("a folder");
        let schema = Table::Events.arrow_schema();
        let resources = schema.field_with_name("resources").expect("a column");
        let element = element_of(resources.data_type());
        let texts = |first: &str| -> ArrayRef { Arc::new(StringArray::from(vec![Some(first), None])) };
        let elements = structs(element.data_type(), vec![texts("a"), texts("1"), texts("t")]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("event_name", Arc::new(StringArray::from(vec!["x"]))),
            ("event_time", Arc::new(TimestampMillisecondArray::from(vec![5]).with_timezone("UTC"))),
            ("read_only", Arc::new(BooleanArray::from(vec![true]))),
            ("event_index", Arc::new(Int32Array::from(vec![3]))),
            ("resources", one_list(element, elements)),
        ];
        write(&lake.path().join("events/event_date=2018-04-19/part-0.parquet"), &schema, columns);
        write(&lake.path().join("events/event_date=a%2Fb/part-0.parquet"), &schema, vec![]);
        write(&lake.path().join("events/_trailmill/part-0.parquet"), &schema, vec![]);
        let expected = Row::from(
            [
                ("event_date", Value::Text("2018-04-19".to_owned())),
                ("event_name", Value::Text("x".to_owned())),
                ("event_time", Value::TimestampMs(5)),
                ("read_only", Value::Bool(true)),
                ("event_index", Value::Int(3)),
                (
                    "resources",
                    Value::Resources(vec![
                        Some(Resource {
                            arn: Some("a".to_owned()),
                            account_id: Some("1".to_owned()),
                            kind: Some("t".to_owned()),
                        }),
                        None,
                    ]),
                ),
            ]
            .map(|(column, value)| (column.to_owned(), value)),
        );
        let null_row = Row::from([("event_date".to_owned(), Value::Text("a/b".to_owned()))]);
        assert_eq!(read_table(lake.path(), "events"), [expected, null_row]);
        assert_eq!(read_table(lake.path(), "nothing"), Vec::<Row>::new());
    }

    #[test]
    fn quantities_and_allocations_are_read_back() {
        let lake = tempfile::tempdir().expect("a folder");
        let schema = Table::UsageRecords.arrow_schema();
        let element = element_of(schema.field_with_name("usage_allocations").expect("a column").data_type());
        let decimals = |values: Vec<Option<i128>>| -> ArrayRef {
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 6).expect("a decimal type"))
        };
        let DataType::Struct(members) = element.data_type() else { panic!("no struct") };
        let tag_element = element_of(members[1].data_type());
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("k"), None, None]));
        let tags = structs(tag_element.data_type(), vec![Arc::clone(&texts), texts]);
        let tag_lists: ArrayRef = Arc::new(ListArray::new(
            Arc::clone(tag_element),
            OffsetBuffer::from_lengths([3, 0, 0]),
            tags,
            Some(NullBuffer::from(vec![true, false, true])),
        ));
        let allocations = structs(element.data_type(), vec![decimals(vec![Some(7), None, None]), tag_lists]);
        let columns: Vec<(&str, ArrayRef)> =
            vec![("quantity", decimals(vec![Some(-1)])), ("usage_allocations", one_list(element, allocations))];
        write(&lake.path().join("usage_records/part-0.parquet"), &schema, columns);
        let tag = |text: Option<&str>| Some(Tag { key: text.map(str::to_owned), value: text.map(str::to_owned) });
        let expected = vec![
            Some(Allocation { quantity: Some(7), tags: Some(vec![tag(Some("k")), tag(None), None]) }),
            Some(Allocation { quantity: None, tags: None }),
            None,
        ];
        let rows = read_table(lake.path(), "usage_records");
        assert_eq!(rows[0]["quantity"], Value::Decimal(-1));
        assert_eq!(rows[0]["usage_allocations"], Value::Allocations(expected));
        assert_eq!(rows[0].len(), 2);
    }

    #[test]
    fn bytes_and_big_integers_are_read_back() {
        let lake = tempfile::tempdir().expect("a folder");
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("original", Arc::new(BinaryArray::from(vec![&[0xff, 0][..]]))),
            ("byte_offset", Arc::new(Int64Array::from(vec![i64::MAX]))),
        ];
        write(&lake.path().join("quarantine/part-0.parquet"), &Table::Quarantine.arrow_schema(), columns);
        let rows = read_table(lake.path(), "quarantine");
        assert_eq!(format!("{rows:?}"), r#"[{"byte_offset": 9223372036854775807, "original": x'ff00'}]"#);
    }
}
