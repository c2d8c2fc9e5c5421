//! Where rows go: partition folders, the requested tables, and what the selectors leave out.

use crate::harness::{Lake, Workdir, data, event, int, records, text};

/// Converts these events with flags; the partitions of `events`.
fn partitions(events: &[String], flags: &str) -> Vec<String> {
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(events));
    let lake = workdir.convert("in", flags);
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    lake.check_counts();
    lake.partitions("events")
}

/// An event of `event` with a member replaced, or dropped.
fn with(id: &str, from: &str, to: &str) -> String {
    let text = event(id, "");
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

const TIME: &str = r#""eventTime":"2025-03-01T08:15:00Z","#;
const REGION: &str = r#""awsRegion":"us-east-1","#;
const ACCOUNT: &str = r#","recipientAccountId":"123456789012""#;
const SOURCE: &str = r#""eventSource":"ec2.amazonaws.com","#;

#[test]
fn the_day_is_that_of_the_event_in_utc() {
    let at = |time: &str| with("1", TIME, &format!(r#""eventTime":"{time}","#));
    let events = [
        at("2025-03-01T00:00:00Z"),
        at("2025-02-28T23:59:59Z"),
        at("2025-03-01T23:30:00-01:00"),
        at("1969-12-31T23:59:59Z"),
        at("0001-01-01T00:00:00Z"),
        at("9999-12-31T23:59:59Z"),
    ];
    let days = ["0001-01-01", "1969-12-31", "2025-02-28", "2025-03-01", "2025-03-02", "9999-12-31"];
    assert_eq!(partitions(&events, ""), days.map(|day| format!("event_date={day}")));
}

#[test]
fn an_event_without_a_usable_time_has_a_partition_of_its_own() {
    let events = [
        with("1", TIME, ""),
        with("2", TIME, r#""eventTime":null,"#),
        with("3", TIME, r#""eventTime":"yesterday","#),
        with("4", TIME, r#""eventTime":1740816900,"#),
    ];
    assert_eq!(partitions(&events, ""), ["event_date=__HIVE_DEFAULT_PARTITION__"]);
}

#[test]
fn every_column_can_be_a_partition_and_so_can_several() {
    let events = [event("1", ""), with("2", TIME, "")];
    let null = "__HIVE_DEFAULT_PARTITION__";
    let check = |columns: &str, expected: &[String]| {
        assert_eq!(partitions(&events, &format!("--partition-by {columns}")), expected, "{columns}");
    };
    check("event_date", &["event_date=2025-03-01".into(), format!("event_date={null}")]);
    check("event_month", &["event_month=2025-03".into(), format!("event_month={null}")]);
    check("account", &["account=123456789012".into()]);
    check("region", &["region=us-east-1".into()]);
    check("event_source", &["event_source=ec2.amazonaws.com".into()]);
    let below = "region=us-east-1/account=123456789012/event_source=ec2.amazonaws.com";
    check(
        "region,account,event_source,event_month",
        &[format!("{below}/event_month=2025-03"), format!("{below}/event_month={null}")],
    );
}

#[test]
fn a_missing_or_empty_value_is_the_null_partition() {
    for (from, column) in [(REGION, "region"), (ACCOUNT, "account"), (SOURCE, "event_source")] {
        let (name, value) = from.trim_matches(',').split_once(':').expect("a member");
        let events = ["", &from.replace(value, "null"), &from.replace(value, "\"\""), &from.replace(value, "7")];
        let events = events.map(|to| with("1", from, to));
        let expected = format!("{column}=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(partitions(&events, &format!("--partition-by {column}")), [expected], "{name}");
    }
}

/// Text of an archive reaches no path unescaped, and can be read back from the path.
#[test]
fn values_are_escaped_and_stay_in_their_folder() {
    let values =
        ["../../../outside", "a/b=c", "..", ".", "per%cent", "blank and\ttab", "Zürich", "\u{1b}[31m", "*?<>|:\\\""];
    let events: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let value = serde_json::to_string(value).expect("text");
            with(&at.to_string(), REGION, &format!(r#""awsRegion":{value},"#))
        })
        .collect();
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&events));
    let lake = workdir.convert("in", "--partition-by region");
    lake.check_counts();
    let partitions = lake.partitions("events");
    assert_eq!(partitions.len(), values.len(), "{partitions:?}");
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte);
    for partition in &partitions {
        let value = partition.strip_prefix("region=").expect("one column");
        assert!(value.bytes().all(is_harmless) && !value.is_empty() && value != "." && value != "..", "{partition}");
    }
    // The rows have the values of the paths, once those are decoded.
    let rows = lake.rows("events");
    assert_eq!(rows.len(), values.len());
    assert!(rows.iter().all(|row| text(row, "region") == text(row, "aws_region")), "{rows:#?}");
    let outside: Vec<_> = std::fs::read_dir(workdir.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(outside.len(), 3, "in, lake and report.json: {outside:?}");
}

#[test]
fn a_value_too_long_for_a_path_loses_no_row() {
    let long = |last: &str| with(last, REGION, &format!(r#""awsRegion":"{}{last}","#, "é".repeat(400)));
    let workdir = Workdir::new();
    workdir.gzip("in/a.json.gz", records(&[long("1"), long("2")]));
    let lake = workdir.convert("in", "--partition-by region,event_date");
    assert_eq!((lake.code, lake.rows("events").len()), (0, 2), "{}", lake.stderr);
}

/// `(event_id, aws_region)` is `1a` and so on; days and accounts are those of the names.
fn selected(flags: &str) -> (Workdir, Lake, Vec<String>) {
    let at = |id: &str, day: &str, account: &str, region: &str| {
        let text = with(id, TIME, &format!(r#""eventTime":"2025-03-{day}T12:00:00Z","#));
        text.replace(ACCOUNT, &format!(r#","recipientAccountId":"{account}""#)).replace("us-east-1", region)
    };
    let workdir = Workdir::new();
    let events = [at("1", "01", "1", "us-east-1"), at("2", "02", "1", "eu-west-1"), at("3", "03", "2", "us-east-1")];
    workdir.gzip("in/a.json.gz", records(&events));
    // Keys with account, Region and day of delivery: an event may be delivered up to 31 days late, never early.
    let key = |account: &str, region: &str, day: &str| {
        format!(
            "in/AWSLogs/{account}/CloudTrail/{region}/2025/03/{day}/{account}_CloudTrail_{region}_202503{day}T1205Z_aB3dE5fG7hJ9kL1m.json.gz"
        )
    };
    workdir.gzip(&key("1", "us-east-1", "02"), records(&[at("4", "01", "1", "us-east-1")]));
    workdir.gzip(&key("2", "eu-west-1", "03"), records(&[at("5", "03", "2", "eu-west-1")]));
    let lake = workdir.convert("in", flags);
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    lake.check_counts();
    let mut ids = lake.texts("events", "event_id");
    ids.sort();
    (workdir, lake, ids)
}

#[test]
fn selectors_choose_by_the_values_of_the_event() {
    for (flags, expected) in [
        ("", "12345"),
        ("--from 2025-03-02", "235"),
        ("--to 2025-03-02", "124"),
        ("--from 2025-03-02 --to 2025-03-02", "2"),
        ("--account 1", "124"),
        ("--account 1 --account 2", "12345"),
        ("--region eu-west-1", "25"),
        ("--region eu-west-1 --account 2 --from 2025-03-01 --to 2025-03-31", "5"),
        ("--account 9", ""),
        ("--from 2026-01-01", ""),
    ] {
        assert_eq!(selected(flags).2.concat(), expected, "{flags}");
    }
}

#[test]
fn events_that_a_selector_leaves_out_are_counted_or_never_read() {
    let (_workdir, lake, _) = selected("--account 1");
    let manifest = lake.rows("archives");
    // The archive with account 2 in its key is skipped unread.
    assert_eq!(manifest.len(), 2, "{manifest:#?}");
    assert_eq!((lake.count("/events/seen"), lake.count("/events/filtered"), lake.count("/events/written")), (4, 1, 3));
    assert_eq!(manifest.iter().map(|row| int(row, "filtered")).sum::<i64>(), 1);
    assert_eq!(lake.count("/archives/seen"), 2);
}

#[test]
fn only_the_requested_tables_are_written() {
    let workdir = Workdir::new();
    workdir.copy(&data("sample"), "in");
    let both = workdir.convert("in", "");
    let (events, usage_records) = (both.rows("events").len(), both.rows("usage_records").len());
    assert!(events > 400 && usage_records > 100, "{events} {usage_records}");
    for (tables, wanted) in [
        ("usage_records,events", (events, usage_records)),
        ("events", (events, 0)),
        ("usage_records", (0, usage_records)),
    ] {
        let workdir = Workdir::new();
        workdir.copy(&data("sample"), "in");
        let lake = workdir.convert("in", &format!("--tables {tables}"));
        assert_eq!(lake.code, 0, "{}", lake.stderr);
        let found = (lake.rows("events").len(), lake.rows("usage_records").len());
        assert_eq!(found, wanted, "{tables}");
        assert_eq!(lake.rows("archives").len(), both.rows("archives").len());
        // Events are counted exactly, in the table or not.
        assert_eq!(lake.count("/events/seen"), events as u64, "{tables}");
    }
}
