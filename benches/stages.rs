//! Each stage by itself, in inflated bytes a second on one thread.
//!
//! `cargo bench --bench stages`, with `-- --test` for one round of each. Within a group one property varies, and the
//! first case is the control.

#![expect(clippy::unwrap_used, reason = "a bench that fails has nothing to tell")]

mod generated;

use std::io::Write as _;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use trailmill::config::{Compression, Config};
use trailmill::schema::Table;
use trailmill::stages::{ArchiveConverter, ArchiveInflater, encode, inflate};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BOTH: &[Table] = &[Table::UsageRecords, Table::Events];

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
                let mut inflater = ArchiveInflater::default();
                let length = inflate(&mut inflater, &std::fs::read(path).unwrap()).unwrap();
                return inflater.text(length).to_vec();
            }
        }
    }
    Vec::new()
}

/// The same with a blank behind each comma between members, as some tools write it: no event has the usual form.
fn spaced(text: &[u8]) -> Vec<u8> {
    String::from_utf8(text.to_vec()).unwrap().replace(",\"", ", \"").into_bytes()
}

fn gzip(text: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn inflating(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inflate");
    let text = text("org", 2_500);
    group.throughput(Throughput::Bytes(text.len() as u64));
    for (name, stored) in [
        ("level 6", gzip(&text, 6)),
        ("level 1", gzip(&text, 1)),
        ("two members", [gzip(&text[..text.len() / 2], 6), gzip(&text[text.len() / 2..], 6)].concat()),
    ] {
        let mut inflater = ArchiveInflater::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(inflate(&mut inflater, &stored).unwrap(), text.len()));
        });
    }
    group.finish();
}

fn cutting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cut");
    for (name, mix, events) in
        [("2,500 events", "org", 2_500), ("6 events", "org", 6), ("1,000 metering calls", "metering", 1_000)]
    {
        let text = text(mix, events);
        let mut converter = ArchiveConverter::new(BOTH);
        let expected = converter.cut(&text);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |bencher, text| {
            bencher.iter(|| assert_eq!(converter.cut(text), expected));
        });
    }
    group.finish();
}

fn converting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cut, read and flatten");
    let (org, metering) = (text("org", 2_500), text("metering", 1_000));
    for (name, text, tables) in [
        ("events", &org, &[Table::Events][..]),
        ("events, not in their usual form", &spaced(&org), &[Table::Events]),
        ("usage records", &org, &[Table::UsageRecords]),
        ("usage records of metering calls", &metering, &[Table::UsageRecords]),
        ("both tables", &org, BOTH),
    ] {
        let mut converter = ArchiveConverter::new(tables);
        let first = converter.convert(text).unwrap();
        let expected = tables.iter().map(|table| first.rows(*table)).sum::<usize>();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let batches = converter.convert(text).unwrap();
                assert_eq!(tables.iter().map(|table| batches.rows(*table)).sum::<usize>(), expected);
            });
        });
    }
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode and write");
    group.sample_size(20);
    let text = text("org", 20_000);
    let batches = ArchiveConverter::new(BOTH).convert(&text).unwrap();
    group.throughput(Throughput::Bytes(text.len() as u64));
    for (name, compression) in [
        ("zstd 1", Compression::Zstd(1)),
        ("zstd 3", Compression::Zstd(3)),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("none", Compression::None),
    ] {
        let mut config = Config::new(Vec::new(), "lake".into());
        config.compression = compression;
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || tempfile::tempdir().unwrap(),
                |folder| {
                    assert!(encode(&config, &batches, folder.path()).unwrap() > 0);
                    folder
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(stages, inflating, cutting, converting, encoding);
criterion_main!(stages);
