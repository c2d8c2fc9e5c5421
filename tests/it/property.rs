//! Random archives: the program writes what the slow reference expects, row by row.
//!
//! Archives are generated as text, so that spellings, order, white space and damage vary; see `reference/strategies`.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::harness::{Workdir, text, uri};
use crate::reference::{self, compare_rows, strategies};

/// Archives converted by one run of the program: starting it costs more than converting a small archive.
const ARCHIVES_PER_RUN: usize = 24;
const RUNS: u32 = 40;

#[test]
fn random_archives_convert_as_the_reference_says() {
    let archives = prop::collection::vec(strategies::archive_document(), ARCHIVES_PER_RUN);
    // A failing archive is checked alone; shrinking two dozen of them together is no use.
    let config = Config { cases: RUNS, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&archives, |archives| {
        if check(&archives).is_ok() {
            return Ok(());
        }
        let failing = archives.iter().find_map(|archive| Some((archive, check(std::slice::from_ref(archive)).err()?)));
        let message = match failing {
            Some((archive, difference)) => format!("{difference}\n\n{archive}"),
            None => "the archives fail together and pass one by one".to_owned(),
        };
        Err(TestCaseError::fail(message))
    });
    if let Err(TestError::Fail(message, _)) = result {
        panic!("{message}");
    }
}

fn check(archives: &[String]) -> Result<(), String> {
    let workdir = Workdir::new();
    let mut expected = (Vec::new(), Vec::new(), Vec::new());
    for (at, archive) in archives.iter().enumerate() {
        let path = workdir.gzip(&format!("in/{at:02}.json.gz"), archive);
        let reference = reference::reference_archive(&uri(&path), archive.as_bytes());
        if reference.status == "invalid" {
            return Err(format!("the strategy made text that is no JSON: {archive}"));
        }
        expected.0.extend(reference.events);
        expected.1.extend(reference.usage_records);
        let refused = reference.quarantined.into_iter();
        expected.2.extend(refused.map(|(index, reason)| (uri(&path), index.map(|index| index as i64), reason)));
    }
    let lake = workdir.convert("in", "--no-dedup");
    if !(0..=1).contains(&lake.code) {
        return Err(lake.stderr);
    }
    lake.check_counts();
    compare_rows(&expected.0, &lake.rows("events")).map_err(|difference| format!("events: {difference}"))?;
    compare_rows(&expected.1, &lake.rows("usage_records"))
        .map_err(|difference| format!("usage_records: {difference}"))?;
    let mut refused: Vec<_> = lake
        .rows("quarantine")
        .iter()
        .map(|row| {
            let index = row.contains_key("event_index").then(|| crate::harness::int(row, "event_index"));
            (text(row, "archive").to_owned(), index, text(row, "reason").to_owned())
        })
        .collect();
    refused.sort();
    let mut wanted: Vec<_> =
        expected.2.into_iter().map(|(uri, index, reason)| (uri, index, reason.to_owned())).collect();
    wanted.sort();
    if refused != wanted {
        return Err(format!("quarantine has {refused:#?}\nwanted {wanted:#?}"));
    }
    Ok(())
}
