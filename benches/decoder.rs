//! Stored bytes to Arrow batches, in inflated bytes a second on one thread.
//!
//! `cargo bench --bench decoder`, with `-- --test` for one round of each. Within a group one property varies, and the
//! first case is the control.

#![expect(clippy::unwrap_used, reason = "a bench that fails has nothing to report")]

mod generated;

use std::io::{Read as _, Write as _};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use trailmill::reader::{Decoder, ReadOptions};
use trailmill::schema::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BOTH: &[Table] = &[Table::UsageRecords, Table::Events];

/// Three columns that need no JSON to be copied.
const FEW: [&str; 3] = ["event_time", "event_name", "recipient_account_id"];

/// The text of an archive of about this many events.
fn text(mix: &str, events: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    generated::generate(mix, Some((1, events)), folder.path()).unwrap();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let (mut text, stored) = (Vec::new(), std::fs::File::open(path).unwrap());
                flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut text).unwrap();
                return text;
            }
        }
    }
    Vec::new()
}

/// The same with a space after each comma between members, as some tools write it: no event has the usual form.
fn spaced(text: &[u8]) -> Vec<u8> {
    String::from_utf8(text.to_vec()).unwrap().replace(",\"", ", \"").into_bytes()
}

fn gzip(text: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Rows of a sound archive.
fn decode(decoder: &mut Decoder, stored: &[u8]) -> usize {
    decoder.begin("file:///bench.json.gz");
    decoder.decode(stored).unwrap();
    let mut rows = 0;
    while let Some(batch) = decoder.flush().unwrap() {
        rows += batch.rows.num_rows();
    }
    assert!(decoder.finish().unwrap().iter().all(|archive| archive.findings.is_empty()));
    rows
}

fn packed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packed");
    let text = text("org", 2_500);
    group.throughput(Throughput::Bytes(text.len() as u64));
    let mut decoder = Decoder::new(&ReadOptions::default()).unwrap();
    let expected = decode(&mut decoder, &text);
    for (name, stored) in [
        ("not at all", text.clone()),
        ("level 6", gzip(&text, 6)),
        ("level 1", gzip(&text, 1)),
        ("two members", [gzip(&text[..text.len() / 2], 6), gzip(&text[text.len() / 2..], 6)].concat()),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| assert_eq!(decode(&mut decoder, &stored), expected)));
    }
    group.finish();
}

fn tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tables");
    let (org, metering) = (text("org", 2_500), text("metering", 1_000));
    for (name, text, tables) in [
        ("events", &org, &[Table::Events][..]),
        ("events, not in their usual form", &spaced(&org), &[Table::Events]),
        ("usage records", &org, &[Table::UsageRecords]),
        ("usage records of metering calls", &metering, &[Table::UsageRecords]),
        ("both tables", &org, BOTH),
    ] {
        let mut decoder = Decoder::new(&ReadOptions::default().tables(tables.iter().copied())).unwrap();
        let expected = decode(&mut decoder, text);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| assert_eq!(decode(&mut decoder, text), expected)));
    }
    group.finish();
}

fn columns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("columns of events");
    let text = text("org", 2_500);
    group.throughput(Throughput::Bytes(text.len() as u64));
    let all = ReadOptions::default();
    for (name, options) in [
        ("all", all.clone()),
        ("three", all.clone().columns(Table::Events, FEW)),
        ("none", all.columns(Table::Events, [])),
    ] {
        let mut decoder = Decoder::new(&options).unwrap();
        let expected = decode(&mut decoder, &text);
        group.bench_function(name, |bencher| bencher.iter(|| assert_eq!(decode(&mut decoder, &text), expected)));
    }
    group.finish();
}

criterion_group!(decoder, packed, tables, columns);
criterion_main!(decoder);
