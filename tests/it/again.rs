//! Archives that are converted again: after a repair, after a change, with other selectors. Their rows are replaced,
//! nothing is doubled, and no event that the lake has had is lost.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::harness::{Lake, Workdir, event, files, gzip, int, records, text};

fn ids(lake: &Lake) -> Vec<String> {
    let mut ids = lake.texts("events", "event_id");
    ids.sort();
    ids
}

fn check(workdir: &Workdir, lake: &Lake) {
    lake.check_counts();
    workdir.run("check lake").expect(0);
    let archives = lake.texts("archives", "archive");
    let distinct: std::collections::BTreeSet<&String> = archives.iter().collect();
    assert_eq!(archives.len(), distinct.len(), "one row for each archive: {archives:?}");
}

fn metering(id: &str, customers: &[&str]) -> String {
    let record = |customer: &&str| format!(r#"{{"customerIdentifier":"{customer}","dimension":"d","quantity":1}}"#);
    let records: Vec<String> = customers.iter().map(record).collect();
    let more = format!(r#""requestParameters":{{"productCode":"p","usageRecords":[{}]}}"#, records.join(","));
    event(id, &more)
        .replace("ec2.amazonaws.com", "metering-marketplace.amazonaws.com")
        .replace("DescribeInstances", "BatchMeterUsage")
}

#[test]
fn a_repaired_archive_replaces_what_was_refused() {
    let workdir = Workdir::new();
    let whole = gzip(records(&[event("a", ""), metering("b", &["c1", "c2"])]).as_bytes());
    let mut damaged = whole.clone();
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    workdir.file("in/x.json.gz", damaged);
    workdir.gzip("in/y.json.gz", records(&[event("c", ""), "7".to_owned()]));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, ids(&lake)), (1, vec!["c".to_owned()]), "{}", lake.stderr);
    assert_eq!(lake.rows("quarantine").len(), 2);

    workdir.file("in/x.json.gz", whole);
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, ids(&lake).len()), (1, 1), "it is reported and left: {}", lake.stderr);
    assert!(lake.stderr.contains("--reconvert-changed"), "{}", lake.stderr);

    let lake = workdir.convert("in", "--retry-quarantined");
    assert_eq!((lake.code, ids(&lake)), (1, vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]), "{}", lake.stderr);
    assert_eq!(lake.rows("usage_records").len(), 2);
    let quarantine = lake.rows("quarantine");
    assert_eq!(quarantine.len(), 1, "the other one is refused again: {quarantine:?}");
    assert!(text(&quarantine[0], "archive").ends_with("y.json.gz"));
    check(&workdir, &lake);
    assert_eq!(text(&lake.archive(&workdir.at("in/x.json.gz")), "status"), "converted");
    // Nothing is left to do.
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.count("/archives/converted"), lake.rows("quarantine").len()), (0, 0, 1));
}

/// The events before the damage were kept; they are not doubled when the whole archive comes.
#[test]
fn a_truncated_archive_is_completed() {
    let workdir = Workdir::new();
    let events: Vec<String> =
        (0..400).map(|at| event(&format!("e{at:03}"), &format!(r#""requestID":"{}""#, at * 7_919))).collect();
    let whole = gzip(records(&events).as_bytes());
    workdir.file("in/x.json.gz", &whole[..whole.len() / 2]);
    workdir.gzip("in/z.json.gz", records(&[event("z", "")]));
    let kept = ids(&workdir.convert("in", "")).len();
    assert!(kept > 50 && kept < 400, "{kept}");
    workdir.file("in/x.json.gz", &whole);
    let lake = workdir.convert("in", "--retry-quarantined");
    assert_eq!((lake.code, ids(&lake).len(), lake.rows("quarantine").len()), (0, 401, 0), "{}", lake.stderr);
    check(&workdir, &lake);
    assert_eq!(int(&lake.archive(&workdir.at("in/x.json.gz")), "events_written"), 400);
}

#[test]
fn converting_again_gives_the_same_rows() {
    let workdir = Workdir::new();
    workdir.gzip("in/x.json.gz", records(&[event("a", ""), metering("b", &["c"]), "7".to_owned()]));
    workdir.gzip("in/y.json.gz", records(&[event("b", ""), event("c", "")]));
    let before = workdir.convert("in", "");
    let rows = |lake: &Lake| ["events", "usage_records"].map(|table| lake.rows(table));
    for _ in 0..2 {
        let after = workdir.convert("in", "--retry-quarantined");
        assert_eq!((after.code, after.count("/archives/converted")), (1, 1), "{}", after.stderr);
        assert_eq!(rows(&after).map(|rows| rows.len()), rows(&before).map(|rows| rows.len()));
        assert_eq!((ids(&after), after.rows("quarantine").len()), (ids(&before), 1));
        check(&workdir, &after);
    }
}

#[test]
fn an_archive_that_could_not_be_read_is_tried_again_by_every_run() -> std::io::Result<()> {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[event("a", "")]));
    std::os::unix::fs::symlink(workdir.at("elsewhere.json.gz"), workdir.at("in/b.json.gz"))?;
    for _ in 0..2 {
        let lake = workdir.convert("in", "");
        assert_eq!(
            (lake.code, lake.rows("archives").len(), lake.rows("quarantine").len()),
            (1, 2, 1),
            "{}",
            lake.stderr
        );
        check(&workdir, &lake);
    }
    std::fs::remove_file(workdir.at("in/b.json.gz"))?;
    workdir.gzip("in/b.json.gz", records(&[event("b", "")]));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.rows("archives").len(), lake.rows("quarantine").len()), (0, 2, 0), "{}", lake.stderr);
    assert_eq!(ids(&lake), ["a", "b"]);
    check(&workdir, &lake);
    Ok(())
}

/// Rows that the new form lacks stay: they may be the last trace of an event whose copies were dropped.
#[test]
fn a_changed_archive_adds_what_is_new_and_loses_nothing() {
    let workdir = Workdir::new();
    let nameless = |mark: &str| event("", &format!(r#""userAgent":"{mark}""#)).replace(r#""eventID":"","#, "");
    workdir.gzip("in/x.json.gz", records(&[event("a", ""), metering("b", &["c1", "c2"]), nameless("old")]));
    workdir.gzip("in/y.json.gz", records(&[event("a", ""), event("y", "")]));
    workdir.convert("in", "");
    workdir.gzip("in/x.json.gz", records(&[metering("n", &["c3"]), event("y", ""), nameless("new")]));
    let left = workdir.convert("in", "");
    assert_eq!((left.code, left.rows("events").len()), (1, 4), "{}", left.stderr);
    let lake = workdir.convert("in", "--reconvert-changed");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    assert_eq!(ids(&lake), ["", "a", "b", "n", "y"]);
    let marks: Vec<String> = lake.texts("events", "user_agent").into_iter().filter(|mark| !mark.is_empty()).collect();
    assert_eq!(marks, ["new"], "an event without identifier is replaced");
    assert_eq!(lake.rows("usage_records").len(), 3);
    check(&workdir, &lake);
    let row = lake.archive(&workdir.at("in/x.json.gz"));
    assert_eq!((int(&row, "events_written"), int(&row, "duplicates")), (4, 1), "{row:?}");
    assert_eq!(workdir.convert("in", "").code, 0, "it is known as it is now");
}

/// An archive that is refused now was converted before: its rows stay.
#[test]
fn a_change_for_the_worse_removes_no_rows() {
    let workdir = Workdir::new();
    let nameless = event("", "").replace(r#""eventID":"","#, "");
    workdir.gzip("in/x.json.gz", records(&[event("a", ""), metering("b", &["c1"]), nameless]));
    workdir.convert("in", "");
    workdir.file("in/x.json.gz", "\u{1f}\u{8b} no gzip any more");
    let lake = workdir.convert("in", "--reconvert-changed");
    assert_eq!((lake.rows("events").len(), lake.rows("usage_records").len()), (3, 1), "{}", lake.stderr);
    check(&workdir, &lake);
}

#[test]
fn what_selectors_left_out_is_added_later() {
    for partition_by in ["event_date", "region,event_source"] {
        let workdir = Workdir::new();
        let abroad = |id: &str| event(id, "").replace("us-east-1", "eu-west-1");
        workdir.gzip("in/x.json.gz", records(&[event("a", ""), abroad("b"), metering("c", &["c1"])]));
        workdir.gzip("in/y.json.gz", records(&[abroad("d"), abroad("a")]));
        let flags = format!("--partition-by {partition_by}");
        workdir.convert("in", &format!("{flags} --region us-east-1"));
        let lake = workdir.convert("in", &format!("{flags} --reconvert-changed"));
        assert_eq!((lake.code, ids(&lake)), (0, ["a", "b", "c", "d"].map(str::to_owned).into()), "{}", lake.stderr);
        assert_eq!(lake.rows("usage_records").len(), 1);
        check(&workdir, &lake);
        let clean = workdir.run(&format!("convert in --out clean {flags} --quiet")).expect(0);
        let rows = |lake: &str, table: &str| crate::reference::read_table(&workdir.at(lake), table);
        for table in ["events", "usage_records"] {
            crate::reference::compare_rows(&rows("clean", table), &rows("lake", table))
                .unwrap_or_else(|difference| panic!("{partition_by}: {table}: {difference}\n{}", clean.dump()));
        }
    }
}

/// It had rows, became unreadable, and came back.
#[test]
fn an_archive_that_comes_and_goes_is_there_once() -> std::io::Result<()> {
    for flags in ["--retry-quarantined", "--reconvert-changed"] {
        let workdir = Workdir::new();
        let path = workdir.gzip("in/x.json.gz", records(&[event("a", ""), metering("b", &["c1"]), "7".to_owned()]));
        workdir.convert("in", "");
        std::fs::rename(&path, workdir.at("aside"))?;
        std::os::unix::fs::symlink(workdir.at("nowhere"), &path)?;
        let lake = workdir.convert("in", flags);
        assert_eq!((ids(&lake).len(), lake.rows("usage_records").len()), (2, 1), "{flags}: {}", lake.stderr);
        check(&workdir, &lake);
        std::fs::remove_file(&path)?;
        std::fs::rename(workdir.at("aside"), &path)?;
        let lake = workdir.convert("in", "");
        assert_eq!((ids(&lake).len(), lake.rows("usage_records").len()), (2, 1), "{flags}: {}", lake.stderr);
        check(&workdir, &lake);
    }
    Ok(())
}

/// With any identity: an event that is gone now, or that a selector now leaves out, stays.
#[test]
fn rows_that_are_cut_off_or_left_out_now_stay() {
    let dated = |number: usize, has_id: bool| {
        let event = event(&number.to_string(), &format!(r#""requestID":"{}""#, number * 7_919));
        let event = event.replace("2025-03-01", &format!("2025-03-{:02}", number % 5 + 1));
        if has_id { event } else { event.replacen(&format!(r#""eventID":"{number}","#), "", 1) }
    };
    for (has_id, flags) in [(true, ""), (false, ""), (true, "--no-dedup"), (false, "--no-dedup")] {
        let workdir = Workdir::new();
        let events: Vec<String> = (0..400).map(|number| dated(number, has_id)).collect();
        let whole = gzip(records(&events).as_bytes());
        workdir.file("in/x.json.gz", &whole);
        workdir.convert("in", flags);
        workdir.file("in/x.json.gz", &whole[..whole.len() / 2]);
        for more in ["--reconvert-changed", "--retry-quarantined", "--retry-quarantined --from 2025-03-03"] {
            let lake = workdir.convert("in", &format!("{flags} {more}"));
            assert_eq!(lake.rows("events").len(), 400, "{has_id} {flags} {more}: {}", lake.stderr);
            check(&workdir, &lake);
        }
        workdir.file("in/x.json.gz", &whole);
        let lake = workdir.convert("in", &format!("{flags} --reconvert-changed"));
        assert_eq!((lake.code, lake.rows("events").len()), (0, 400), "{has_id} {flags}: {}", lake.stderr);
        check(&workdir, &lake);
    }
}

/// Values of every kind pass through unharmed.
#[test]
fn rows_of_others_are_carried_over_as_they_are() {
    let workdir = Workdir::new();
    workdir.copy(&crate::harness::data("golden"), "in/golden");
    for path in files(&workdir.at("in/golden")).into_iter().filter(|path| path.to_str().unwrap().contains("expected")) {
        std::fs::remove_file(workdir.at("in/golden").join(path)).expect("a file");
    }
    // Bad events among good ones, on every day that the others have.
    let days: Vec<String> = files(&workdir.at("in/golden"))
        .iter()
        .flat_map(|path| {
            std::fs::read_to_string(workdir.at("in/golden").join(path))
                .expect("text")
                .split("\"eventTime\"")
                .skip(1)
                .map(|rest| rest.split('"').nth(1).unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let events: Vec<String> = days
        .iter()
        .enumerate()
        .map(|(at, time)| event(&format!("new-{at}"), "").replace("2025-03-01T08:15:00Z", time))
        .chain(["7".to_owned()])
        .collect();
    workdir.gzip("in/x.json.gz", records(&events));
    for flags in ["", "--partition-by region,event_source,event_month --no-dedup"] {
        let before = workdir.convert("in", flags);
        assert!(before.parts("events").len() > 3);
        let rows: BTreeMap<&str, _> =
            ["events", "usage_records"].into_iter().map(|table| (table, before.rows(table))).collect();
        let parts = before.parts("events");
        let after = workdir.convert("in", &format!("{flags} --retry-quarantined"));
        assert!(after.parts("events").iter().filter(|path| !parts.contains(path)).count() > 3, "{}", after.stderr);
        for (table, before) in rows {
            crate::reference::compare_rows(&before, &after.rows(table))
                .unwrap_or_else(|difference| panic!("{table}: {difference}"));
        }
        check(&workdir, &after);
        std::fs::remove_dir_all(workdir.at("lake")).expect("a lake");
    }
}

/// A commit that replaces rows may itself be replaced; `check` must not look for the parts that it replaced.
#[test]
fn replaced_again_and_again() {
    let workdir = Workdir::new();
    for name in ["x", "y", "z"] {
        workdir.gzip(&format!("in/{name}.json.gz"), records(&[event(name, ""), "7".to_owned()]));
    }
    workdir.convert("in", "");
    for (at, name) in ["x", "y", "z"].into_iter().enumerate() {
        let mended = [event(name, ""), event(&format!("{name} mended"), "")];
        workdir.gzip(&format!("in/{name}.json.gz"), records(&mended));
        let lake = workdir.convert(&format!("in/{name}.json.gz"), "--reconvert-changed");
        assert_eq!(
            (lake.code, ids(&lake).len(), lake.rows("quarantine").len()),
            (0, 4 + at, 2 - at),
            "{}",
            lake.stderr
        );
        check(&workdir, &lake);
    }
}

/// Killed at each change on disk while rows are replaced, and finished by the next run.
#[test]
fn killed_while_replacing() {
    let workdir = Workdir::new();
    let content = |lake: &str| -> BTreeMap<PathBuf, Vec<u8>> {
        let files = ["events", "usage_records", "quarantine"].map(|table| {
            let files = workdir.snapshot(&format!("{lake}/{table}")).into_iter();
            files.map(move |(path, (bytes, _))| (PathBuf::from(table).join(path), bytes))
        });
        files.into_iter().flatten().collect()
    };
    let input = |workdir: &Workdir, is_mended: bool| {
        let bad = if is_mended { event("mended", "") } else { "7".to_owned() };
        workdir.gzip("in/x.json.gz", records(&[event("a", ""), metering("b", &["c"]), bad]));
        workdir.gzip("in/y.json.gz", records(&[event("a", ""), event("c", "")]));
        workdir.gzip("in/z.json.gz", records(&[event("d", "")]));
    };
    let run = |lake: &str| format!("convert in --out {lake} --retry-quarantined -q");
    let mut expected = None;
    for number in 0.. {
        input(&workdir, false);
        let _ = std::fs::remove_dir_all(workdir.at("lake"));
        workdir.run("convert in/x.json.gz in/y.json.gz --out lake -q").expect(1);
        input(&workdir, true);
        if number == 0 {
            workdir.run(&run("lake"));
            expected = Some(content("lake"));
            continue;
        }
        let killed = workdir.run_with_fault(&run("lake"), &format!("signal {number} 9"));
        if !killed.was_killed() {
            assert!(number > 50, "{}", killed.dump());
            break;
        }
        let next = workdir.run(&run("lake"));
        assert!(next.code() < 2, "killed at change {number}: {}", next.dump());
        let found = content("lake");
        let expected = expected.as_ref().expect("an uninterrupted run");
        assert!(found.keys().eq(expected.keys()), "killed at change {number}: {:?}", found.keys());
        assert!(found == *expected, "killed at change {number}");
        workdir.run("check lake").expect(0);
    }
}

/// A stray copy of a part is left alone: its rows are not carried over, and it stays.
#[test]
fn a_part_that_no_commit_lists_is_left_alone() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[event("first", ""), event("second", "")]));
    workdir.file("in/b.json", records(&[event("third", "")]));
    let lake = workdir.convert("in", "");
    let part = lake.parts("events").pop().expect("a part");
    let copy = part.with_file_name("copy.parquet");
    std::fs::copy(&part, &copy).expect("a copy");
    let before = std::fs::read(&copy).expect("a copy");
    workdir.file("in/a.json", records(&[event("first", ""), event("second", "\"x\":1")]));
    let lake = workdir.convert("in", "--reconvert-changed");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    assert_eq!(std::fs::read(&copy).expect("a copy"), before);
    std::fs::remove_file(&copy).expect("a copy");
    let mut ids = lake.texts("events", "event_id");
    ids.sort();
    assert_eq!(ids, ["first", "second", "third"]);
    workdir.run("check lake").expect(0);
}
