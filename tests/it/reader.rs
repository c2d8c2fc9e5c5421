//! The library: archives to Arrow batches, against a lake converted from the same archives.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatchReader as _;
use futures_util::StreamExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::Value as Json;
use trailmill::reader::{ArchiveEnd, ReadOptions, Reader, Sink, TableBatch};
use trailmill::report::{Progress, Summary};
use trailmill::schema::Table;

use crate::harness::{Lake, Workdir, data, event, gzip, int, records, text};
use crate::large::damaged_archives;
use crate::reference::{Row, rows_of_batch};

/// Rows as they were returned, by table.
struct Found {
    rows: BTreeMap<&'static str, Vec<Row>>,
    summary: Summary,
}

fn read(options: &ReadOptions) -> Found {
    let mut reader = Reader::new(options).expect("archives");
    let mut rows: BTreeMap<&'static str, Vec<Row>> = BTreeMap::new();
    for batch in &mut reader {
        let TableBatch { table, rows: batch, .. } = batch.expect("rows");
        assert_eq!(Some(batch.schema()), reader_schema(options, table));
        rows.entry(table.name()).or_default().extend(rows_of_batch(batch, &Row::new()));
    }
    Found { rows, summary: reader.finish().expect("counts that add up") }
}

fn reader_schema(options: &ReadOptions, table: Table) -> Option<arrow::datatypes::SchemaRef> {
    let empty = Workdir::new();
    let mut nothing = options.clone();
    nothing.inputs = vec![empty.file("nothing.json", "{}")];
    Reader::new(&nothing).expect("a file").schema(table)
}

fn both(input: PathBuf) -> ReadOptions {
    ReadOptions::new([input]).tables([Table::Events, Table::UsageRecords])
}

/// Where a row comes from, which determines the order of rows.
fn place(row: &Row) -> (String, i64, Option<i64>) {
    let record = row.contains_key("record_index").then(|| int(row, "record_index"));
    (text(row, "archive").to_owned(), int(row, "event_index"), record)
}

/// Rows of a lake without partition columns, in the order of their archives and events.
fn lake_rows(lake: &Lake, table: Table) -> Vec<Row> {
    let mut rows = lake.rows(table.name());
    for row in &mut rows {
        row.retain(|name, _| table.column_index(name).is_some());
    }
    rows.sort_by_key(place);
    rows
}

/// What both report about archives, events and findings.
fn check_counts(summary: &Summary, lake: &Lake) {
    let read = serde_json::to_value(summary).expect("numbers");
    for part in ["archives", "events", "usage_records", "findings", "first_findings", "foreign_kinds"] {
        assert_eq!(read.get(part), lake.report.get(part), "{part}");
    }
    assert!(read.get("events").is_some_and(Json::is_object));
}

fn check(workdir: &Workdir, input: PathBuf, flags: &str) {
    let lake = workdir.convert(&input.display().to_string(), &format!("--no-dedup {flags}"));
    let found = read(&both(input));
    for table in [Table::Events, Table::UsageRecords] {
        let expected = lake_rows(&lake, table);
        let mut rows = found.rows.get(table.name()).cloned().unwrap_or_default();
        rows.sort_by_key(place);
        assert_eq!(rows.len(), expected.len(), "{}", table.name());
        for (row, expected) in rows.iter().zip(&expected) {
            assert_eq!(row, expected, "{}", table.name());
        }
    }
    check_counts(&found.summary, &lake);
}

#[test]
fn batches_are_the_rows_of_a_lake_and_counts_are_those_of_its_run() {
    check(&Workdir::new(), data("sample"), "");
}

#[test]
fn damaged_large_archives_give_the_rows_of_a_lake() {
    let workdir = Workdir::new();
    for (name, bytes) in damaged_archives() {
        workdir.file(&format!("in/{name}"), bytes);
        workdir.gzip(&format!("in/{name}-"), records(&[event("neighbour", "")]));
    }
    check(&workdir, workdir.at("in"), "");
    // Without memory for waiting rows, archives are read to their end before any row is returned.
    let narrow = both(workdir.at("in")).memory_limit(64 << 20);
    let (wide, narrow) = (read(&both(workdir.at("in"))), read(&narrow));
    assert_eq!(wide.rows, narrow.rows);
}

#[test]
fn rows_come_in_the_order_of_archives_and_events_whatever_the_threads() {
    let options = both(data("sample"));
    let found = read(&options.clone().threads(1));
    let many = read(&options.threads(5));
    assert_eq!(found.rows, many.rows);
    for (table, rows) in &found.rows {
        let places: Vec<_> = rows.iter().map(place).collect();
        let mut archives: Vec<&String> = places.iter().map(|(archive, ..)| archive).collect();
        archives.dedup();
        let in_a_row = archives.len();
        archives.sort();
        archives.dedup();
        assert_eq!(in_a_row, archives.len(), "{table}: an archive's rows stand apart");
        let rises = |pair: &[(String, i64, Option<i64>)]| {
            pair[0].0 != pair[1].0 || (pair[0].1, pair[0].2) < (pair[1].1, pair[1].2)
        };
        assert!(places.windows(2).all(rises), "{table}: events out of order");
    }
}

#[test]
fn selected_columns_have_the_same_values_as_among_all() {
    let names = ["event_time", "user_identity_arn", "response_elements"];
    let options = ReadOptions::new([data("sample")]);
    let all = read(&options);
    let some = read(&options.clone().columns(Table::Events, names));
    let expected: Vec<Row> = all.rows["events"]
        .iter()
        .map(|row| {
            row.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
        })
        .collect();
    assert_eq!(some.rows["events"], expected);
    assert!(expected.iter().any(|row| row.contains_key("response_elements")));
    let none = Reader::new(&options.columns(Table::Events, [])).expect("archives");
    let rows: usize = none.map(|batch| batch.expect("rows").rows.num_rows()).sum();
    assert_eq!(rows, expected.len());
}

#[test]
fn one_table_is_a_reader_of_record_batches() {
    let options = ReadOptions::new([data("sample")]).columns(Table::Events, ["event_name"]);
    let mut reader = Reader::new(&options).expect("archives").into_table().expect("one table");
    assert_eq!(reader.schema().fields().len(), 1);
    let rows: u64 = reader.by_ref().map(|batch| batch.expect("rows").num_rows() as u64).sum();
    assert_eq!(rows, reader.finish().expect("counts").events.written);
    let two = Reader::new(&both(data("sample"))).expect("archives").into_table();
    assert!(two.err().is_some_and(|error| error.to_string().contains("exactly one table")));
}

#[test]
fn a_sink_is_called_with_the_rows_of_an_archive_before_its_end() {
    #[derive(Default)]
    struct Counting {
        waiting: u64,
        archives: Vec<(String, &'static str, u64)>,
        findings: usize,
    }
    impl Sink for Counting {
        fn rows(&mut self, batch: TableBatch) -> trailmill::Result<()> {
            self.waiting += batch.rows.num_rows() as u64;
            Ok(())
        }

        fn archive(&mut self, archive: ArchiveEnd) -> trailmill::Result<()> {
            let good = archive.events - archive.findings.iter().filter(|finding| finding.is_event()).count() as u64;
            assert!(self.waiting >= good, "{}: rows come after the archive", archive.archive);
            self.waiting -= good;
            self.findings += archive.findings.len();
            self.archives.push((archive.archive, archive.status, archive.events));
            Ok(())
        }
    }
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("1", ""), event("2", ""), "{\"eventVersion\":1".to_owned()]));
    workdir.gzip("in/b.json.gz", records(&[event("3", "")]));
    let mut torn = gzip(records(&[event("4", "")]).as_bytes());
    torn.truncate(30);
    workdir.file("in/c.json.gz", torn);
    let mut sink = Counting::default();
    let summary = Reader::new(&ReadOptions::new([workdir.at("in")])).expect("archives").run(&mut sink).expect("rows");
    assert_eq!((sink.waiting, sink.archives.len()), (0, 3));
    assert_eq!(summary.archives.seen, 3);
    assert!(sink.findings >= 2, "{:?}", sink.archives);
}

#[test]
fn a_stream_gives_the_same_rows_and_dropping_it_ends_the_reading() {
    let options = both(data("sample"));
    let expected = read(&options);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut rows: BTreeMap<&'static str, Vec<Row>> = BTreeMap::new();
        let mut stream = Reader::new(&options).expect("archives").into_stream().expect("a thread");
        while let Some(batch) = stream.next().await {
            let batch = batch.expect("rows");
            rows.entry(batch.table.name()).or_default().extend(rows_of_batch(batch.rows, &Row::new()));
        }
        assert_eq!(rows, expected.rows);
        let summary = stream.finish().await.expect("counts");
        assert_eq!(summary.events.written, expected.summary.events.written);

        let progress = Arc::new(Progress::default());
        let left =
            Reader::with_progress(&options, Arc::clone(&progress)).expect("archives").into_stream().expect("a thread");
        drop(left);
        assert!(progress.is_stopping());
    });
}

#[test]
fn objects_of_the_callers_store_are_read_like_files() {
    let workdir = Workdir::new();
    let store = Arc::new(InMemory::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for number in 0..20 {
        let name = format!("{}/{number:02}.json.gz", if number % 2 == 0 { "even" } else { "odd" });
        let stored = gzip(records(&[event(&number.to_string(), ""), event("both", "")]).as_bytes());
        workdir.file(&format!("in/{name}"), &stored);
        let key = Path::from(format!("logs/{name}"));
        runtime.block_on(store.put(&key, stored.into())).expect("memory");
    }
    let of_files = read(&both(workdir.at("in")));
    let of = |url: &str| both(url.into()).object_store("archive", Arc::clone(&store) as Arc<dyn ObjectStore>);
    let of_objects = read(&of("s3://archive/logs/"));
    let ids = |found: &Found| -> Vec<String> {
        found.rows["events"].iter().map(|row| text(row, "event_id").to_owned()).collect()
    };
    assert_eq!(ids(&of_objects), ids(&of_files));
    assert_eq!(ids(&of_objects).len(), 40);
    assert_eq!(text(&of_objects.rows["events"][0], "archive"), "s3://archive/logs/even/00.json.gz");
    let one = read(&of("s3://archive/logs/odd/01.json.gz"));
    assert_eq!(ids(&one), ["1", "both"]);
}

#[test]
fn a_stopped_reader_has_no_complete_count() {
    let progress = Arc::new(Progress::default());
    let mut reader = Reader::with_progress(&both(data("sample")), Arc::clone(&progress)).expect("archives");
    assert!(reader.next().is_some_and(|batch| batch.is_ok()));
    progress.stop();
    let error = reader.by_ref().find_map(Result::err).expect("it was stopped");
    assert!(reader.next().is_none());
    let again = reader.finish().expect_err("no counts");
    assert_eq!((again.kind(), again.to_string()), (error.kind(), error.to_string()));
    assert!(!again.to_string().contains("published"), "{again}");
}

#[test]
fn invalid_options_are_refused_by_name() {
    let refused = |options: ReadOptions| Reader::new(&options).err().expect("an error").to_string();
    let unknown = refused(ReadOptions::new([data("sample")]).columns(Table::Events, ["nonsense"]));
    assert!(unknown.contains("events: there is no column `nonsense`"), "{unknown}");
    let table = refused(ReadOptions::new([data("sample")]).tables([Table::Archives]));
    assert!(table.contains("archives: only events and usage_records"), "{table}");
    let gone = refused(ReadOptions::new([PathBuf::from("/nowhere/at/all")]));
    assert!(gone.contains("/nowhere/at/all"), "{gone}");
}
