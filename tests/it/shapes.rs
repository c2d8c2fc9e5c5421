//! Every form that people have CloudTrail in gives the same events.
//!
//! The files are `data/shapes`; `.docs/input.md` lists what is accepted, a row for each test here.

use crate::fixtures::shapes;
use crate::harness::{Workdir, gzip, int, text, uri};
use crate::reference::{Row, compare_rows};

/// Rows without their origin.
fn stripped(rows: Vec<Row>) -> Vec<Row> {
    let strip = |mut row: Row| {
        row.remove("archive");
        row
    };
    rows.into_iter().map(strip).collect()
}

/// The rows of the events as CloudTrail writes them.
fn expected() -> Vec<Row> {
    let workdir = Workdir::new();
    workdir.file("in/a.json", &shapes::shapes()[0].1);
    stripped(workdir.convert("in", "").rows("events"))
}

#[test]
fn every_shape_gives_the_same_events() {
    let expected = expected();
    assert_eq!(expected.len(), shapes::events().len());
    for (name, document) in shapes::shapes() {
        for (form, bytes) in [("plain", document.clone().into_bytes()), ("gzip", gzip(document.as_bytes()))] {
            let workdir = Workdir::new();
            let path = workdir.file("in/a", bytes);
            let lake = workdir.convert("in", "");
            assert_eq!(lake.code, 0, "{name} {form}: {}", lake.stderr);
            lake.check_counts();
            let archive = lake.archive(&path);
            let summary = (text(&archive, "status"), text(&archive, "kind"), int(&archive, "events_written"));
            assert_eq!(summary, ("converted", "log", 3), "{name} {form}");
            let rows = lake.rows("events");
            assert!(rows.iter().all(|row| text(row, "archive") == uri(&path)), "{name} {form}");
            compare_rows(&expected, &stripped(rows)).unwrap_or_else(|error| panic!("{name} {form}: {error}"));
        }
    }
}
