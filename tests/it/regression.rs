//! One test per bug, named by its symptom. The first ones are bugs of others, which every converter of such archives
//! seems to have once.

use crate::harness::{Workdir, data, event, gzip, int, records, text};

/// Seen in a JSON library: the fast parser refuses integers beyond 64 bits, and by then it has overwritten its input.
#[test]
fn a_huge_integer_spoils_neither_its_event_nor_those_around_it() {
    let workdir = Workdir::new();
    let huge =
        r#""requestParameters":{"n":123456789012345678901234567890,"s":"\u003d"},"unknown":-99999999999999999999"#;
    let plain = r#""requestParameters":{"n":1,"s":"\u003d"}"#;
    workdir.gzip("in/a.json.gz", records(&[event("a", plain), event("b", huge), event("c", plain)]));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.texts("events", "event_id").concat()), (0, "abc".to_owned()), "{}", lake.stderr);
    let rows = lake.rows("events");
    assert_eq!(text(&rows[1], "request_parameters"), r#"{"n":123456789012345678901234567890,"s":"\u003d"}"#);
    assert_eq!(text(&rows[1], "unmapped"), r#"{"unknown":-99999999999999999999}"#);
    for other in [&rows[0], &rows[2]] {
        assert_eq!(text(other, "request_parameters"), r#"{"n":1,"s":"\u003d"}"#);
    }
}

/// Seen in AWS's own library: versions compared as numbers, so that 1.10 is 1.1.
#[test]
fn version_1_10_is_not_version_1_1() {
    let workdir = Workdir::new();
    let version = |version: &str| event("a", "").replace("1.08", version);
    workdir.gzip("in/a.json.gz", records(&[version("1.10"), version("1.1"), version("1.01")]));
    assert_eq!(workdir.convert("in", "").texts("events", "event_version"), ["1.10", "1.1", "1.01"]);
}

/// Seen in a threat hunting tool: only the first gzip member of a merged archive is read.
#[test]
fn the_second_gzip_member_is_read_too() {
    let workdir = Workdir::new();
    let members = ["a", "b"].map(|id| gzip(records(&[event(id, "")]).as_bytes()));
    workdir.file("in/a.json.gz", members.concat());
    assert_eq!(workdir.convert("in", "").texts("events", "event_id"), ["a", "b"]);
}

/// Seen in a hand-written splitter: concatenated documents cut at the text `}{`, which strings may hold too.
#[test]
fn brackets_in_strings_are_text() {
    let workdir = Workdir::new();
    let tricky = r#""userAgent":"}{","requestParameters":{"a":"]},{\"eventVersion\":\"9\"","b":"\\"}"#;
    let document = records(&[event("a", tricky), event("b", tricky)]);
    workdir.file("in/a.json", format!("{document}{document}"));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.texts("events", "event_id").concat()), (0, "abab".to_owned()), "{}", lake.stderr);
    assert!(lake.texts("events", "user_agent").iter().all(|text| text == "}{"));
}

/// Our own: the event behind one without its closing brace was taken for a part of it.
#[test]
fn the_event_behind_a_missing_brace_is_kept() {
    let workdir = Workdir::new();
    workdir.copy(&data("corrupt/missing-closing-brace.json"), "in/a.json");
    let kept: Vec<i64> = workdir.convert("in", "").rows("events").iter().map(|row| int(row, "event_index")).collect();
    assert_eq!(kept, [0, 2, 3]);
}
