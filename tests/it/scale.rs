//! Many events: the program and the reference convert a generated organisation trail alike.
//!
//! 20,000 events by default, as many as `TRAILMILL_SCALE` says otherwise. Rows are compared as sums of hashes, archive by
//! archive, so that half a million of them fit in memory; where a sum differs, the rows themselves are compared.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Instant;

use crate::harness::{Lake, Workdir, files, inflated, say, text, uri};
use crate::reference::{self, ReferenceArchive, Row, Value, compare_rows, read_table};

const SCALE: &str = "TRAILMILL_SCALE";
const DEFAULT_EVENTS: usize = 20_000;
const EVENTS_PER_ARCHIVE: usize = 500;
/// One partition is held in memory at a time.
const DAYS: usize = 25;

const TABLES: [&str; 2] = ["events", "usage_records"];

/// Rows of an archive in one table: how many, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Print {
    rows: u64,
    sum: u128,
}

impl Print {
    fn add(&mut self, row: &Row) {
        let text = format!("{row:?}");
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &text).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        self.rows += 1;
        self.sum = self.sum.wrapping_add(half(0) << 64 | half(1));
    }
}

/// By archive, for each table.
type Prints = [BTreeMap<String, Print>; 2];

#[test]
fn a_generated_trail_converts_as_the_reference_says() {
    let wanted = match std::env::var(SCALE) {
        Ok(events) => events.parse().unwrap_or_else(|_| panic!("{SCALE} is a number of events")),
        Err(_) => DEFAULT_EVENTS,
    };
    let archives = wanted.div_ceil(EVENTS_PER_ARCHIVE);
    let workdir = Workdir::new();
    let sizes = format!("--archives {archives} --events-per-archive {EVENTS_PER_ARCHIVE} --days {DAYS}");
    workdir.run(&format!("generate --out in --mix org --seed 5 {sizes}")).expect(0);
    let started = Instant::now();
    let lake = workdir.convert("in", "--no-dedup");
    let converted_in = started.elapsed();
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    let events = (archives * EVENTS_PER_ARCHIVE) as u64;
    assert_eq!((lake.count("/events/seen"), lake.count("/events/written")), (events, events));

    let compared = Instant::now();
    let expected = expected(&workdir.at("in"));
    let found = found(&lake);
    for (at, table) in TABLES.into_iter().enumerate() {
        let of = |prints: &BTreeMap<String, Print>| prints.values().map(|print| print.rows).sum::<u64>();
        assert_eq!(of(&found[at]), of(&expected[at]), "rows of {table}");
        let differing = expected[at].iter().find(|(archive, print)| found[at].get(*archive) != Some(print));
        if let Some((archive, _)) = differing {
            panic!("{table}: {}", difference(&lake, table, archive));
        }
    }
    let rows = expected[1].values().map(|print| print.rows).sum::<u64>();
    assert_eq!(lake.count("/usage_records/written"), rows);
    assert!(rows > events / 1_000, "{rows} usage records are too few to say anything");
    say(&format!(
        "scale: {events} events and {rows} usage records are as the reference says; converted in {:.1} s, compared in {:.1} s",
        converted_in.as_secs_f64(),
        compared.elapsed().as_secs_f64()
    ));
}

fn reference_of(path: &Path) -> ReferenceArchive {
    reference::reference_archive(&uri(path), &inflated(&fs::read(path).expect("a readable file")))
}

/// The sums of the reference, computed on two threads.
fn expected(folder: &Path) -> Prints {
    let paths = files(folder);
    let (left, right) = paths.split_at(paths.len() / 2);
    let of_half = |paths: &[std::path::PathBuf]| {
        let mut prints = Prints::default();
        for path in paths {
            let archive = reference_of(&folder.join(path));
            assert_eq!((archive.status, archive.quarantined.len()), ("converted", 0), "{}", path.display());
            let tables = [&archive.events, &archive.usage_records];
            for (table, rows) in prints.iter_mut().zip(tables) {
                add_all(table, rows);
            }
        }
        prints
    };
    let [left, right] = std::thread::scope(|scope| {
        let right = scope.spawn(|| of_half(right));
        [of_half(left), right.join().expect("the other half")]
    });
    let mut prints = left;
    for (table, more) in prints.iter_mut().zip(right) {
        table.extend(more);
    }
    prints
}

fn add_all(table: &mut BTreeMap<String, Print>, rows: &[Row]) {
    for row in rows {
        let archive = text(row, "archive");
        if let Some(print) = table.get_mut(archive) {
            print.add(row);
        } else {
            table.entry(archive.to_owned()).or_default().add(row);
        }
    }
}

/// The rows of one partition, with the partition value as a column.
fn partition(lake: &Lake, table: &str, folder: &str) -> Vec<Row> {
    let mut rows = read_table(&lake.path, &format!("{table}/{folder}"));
    let (column, value) = folder.split_once('=').expect("a partition folder");
    for row in &mut rows {
        row.insert(column.to_owned(), Value::Text(value.to_owned()));
    }
    rows
}

fn found(lake: &Lake) -> Prints {
    let mut prints = Prints::default();
    for (prints, table) in prints.iter_mut().zip(TABLES) {
        for folder in lake.partitions(table) {
            add_all(prints, &partition(lake, table, &folder));
        }
    }
    prints
}

/// The differences in one archive, as a message.
fn difference(lake: &Lake, table: &str, archive: &str) -> String {
    let path = archive.strip_prefix("file://").expect("a file");
    let reference = reference_of(Path::new(path));
    let expected = if table == "events" { reference.events } else { reference.usage_records };
    let folders = lake.partitions(table);
    let rows = folders.iter().flat_map(|folder| partition(lake, table, folder));
    let found: Vec<Row> = rows.filter(|row| text(row, "archive") == archive).collect();
    match compare_rows(&expected, &found) {
        Ok(()) => format!("{archive}: the hashes differ and the rows do not"),
        Err(difference) => difference,
    }
}
