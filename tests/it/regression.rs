//! One test per bug, named by its symptom. The first ones are bugs of other programs, which every converter of such
//! archives seems to have once.

use parquet::basic::BoundaryOrder;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use trailmill::schema::Table;

use crate::decoder::in_segments;
use crate::harness::{Workdir, data, event, gzip, int, records, text};
use crate::reference::Row;

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
    assert_eq!(workdir.convert("in", "--no-dedup").texts("events", "event_version"), ["1.10", "1.1", "1.01"]);
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
    let lake = workdir.convert("in", "--no-dedup");
    assert_eq!((lake.code, lake.texts("events", "event_id").concat()), (0, "abab".to_owned()), "{}", lake.stderr);
    assert!(lake.texts("events", "user_agent").iter().all(|text| text == "}{"));
}

/// Our own: the event after one without its closing brace was taken for a part of it.
#[test]
fn the_event_behind_a_missing_brace_is_kept() {
    let workdir = Workdir::new();
    workdir.copy(&data("corrupt/missing-closing-brace.json"), "in/a.json");
    let kept: Vec<i64> = workdir.convert("in", "").rows("events").iter().map(|row| int(row, "event_index")).collect();
    assert_eq!(kept, [0, 2, 3]);
}

/// Our own: with more than 16,384 different identities in a chunk, earlier events got those of later ones.
#[test]
fn many_identities_stay_with_their_events() {
    let workdir = Workdir::new();
    let events: Vec<String> = (0..20_000)
        .map(|at| format!(r#"{{"eventID":"{at}","userIdentity":{{"userName":"u{at}","type":"IAMUser"}}}}"#))
        .collect();
    workdir.gzip("in/a.json.gz", records(&events));
    let rows = workdir.convert("in", "").rows("events");
    assert_eq!(rows.len(), 20_000);
    for row in &rows {
        assert_eq!(text(row, "user_identity_user_name"), format!("u{}", text(row, "event_id")));
    }
}

/// Our own: identities of events that a selector left out filled the next rows' chunk, with more or less of them
/// depending on how many threads there were.
#[test]
fn filtered_events_leave_nothing_behind() {
    let workdir = Workdir::new();
    let event = |region: &str, arn: &str| {
        format!(r#"{{"eventTime":"2025-03-01T00:00:00Z","awsRegion":"{region}","userIdentity":{{"arn":"{arn}"}}}}"#)
    };
    let long = "x".repeat(900);
    for file in 0..44 {
        let events: Vec<String> = (0..900).map(|at| event("eu-west-1", &format!("{file}-{at}-{long}"))).collect();
        workdir.file(&format!("in/a{file}.json"), records(&events));
    }
    for file in 0..6 {
        let events: Vec<String> = (0..500).map(|at| event("us-east-1", &format!("{file}-{at}"))).collect();
        workdir.file(&format!("in/b{file}.json"), records(&events));
    }
    let parts = |threads: usize| {
        let run = workdir.run(&format!("convert in --out lake{threads} --region us-east-1 --threads {threads}"));
        run.expect(0);
        let files = workdir.snapshot(&format!("lake{threads}/events"));
        files.into_iter().map(|(path, (bytes, _))| (path, bytes)).collect::<Vec<_>>()
    };
    let one = parts(1);
    assert!(!one.is_empty());
    assert!(one == parts(2) && one == parts(7), "the bytes depend on the number of threads");
}

/// Our own: a text above 1 MiB that all usage records of a call share was written out for each of them, in one page.
#[test]
fn a_huge_text_that_records_share_is_written_once() {
    let workdir = Workdir::new();
    let usage: Vec<String> = (0..1_500).map(|at| format!(r#"{{"quantity":{at}}}"#)).collect();
    let call = event("a", &format!(r#""userAgent":"{}""#, "u".repeat(2_200_000)))
        .replace("\"eventSource\":\"", "\"eventSource\":\"metering-marketplace.amazonaws.com\",\"was\":\"")
        .replace("\"eventName\":\"", "\"eventName\":\"BatchMeterUsage\",\"wasNamed\":\"")
        .replacen('{', &format!(r#"{{"requestParameters":{{"usageRecords":[{}]}},"#, usage.join(",")), 1);
    workdir.file("in/a.json", records(&[call]));
    let lake = workdir.convert("in", "--memory-limit 64MiB");
    assert_eq!((lake.code, lake.count("/usage_records/written")), (0, 1_500), "{}", lake.stderr);
}

/// Our own, and the Parquet library's: bounds that were cut are not in the order of the texts they were cut from.
#[test]
fn pages_are_called_sorted_only_when_their_bounds_are() {
    let workdir = Workdir::new();
    let event = |message: &str| format!(r#"{{"eventTime":"2025-03-01T00:00:00Z","errorMessage":"{message}"}}"#);
    let start = format!("aaa{}", "b".repeat(252));
    // The second is the greater text, and its start that is cut off at a character is less than that of the first.
    let mut events = vec![event(&format!("{start}\u{7f}zzz")); 20_000];
    events.resize(25_000, event(&format!("{start}\u{80}")));
    workdir.file("in/a.json", records(&events));
    let lake = workdir.convert("in", "");
    let file = std::fs::File::open(&lake.parts("events")[0]).expect("a part");
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = reader.parse_and_finish(&file).expect("a Parquet file");
    let column = Table::Events.column_index("error_message").expect("a column");
    let index = metadata.page_index().and_then(|index| index.column_index(0, column)).expect("a column index");
    assert_eq!(index.get_boundary_order(), Some(BoundaryOrder::DESCENDING));
}

/// Our own: after a bad event that seemed to hold others, all events up to the next one of the usual form were lost
/// silently.
#[test]
fn a_bad_event_that_seems_to_hold_others_costs_no_other() {
    let workdir = Workdir::new();
    let bad = r#"{"eventVersion":"1.08","requestParameters":[1,{"eventVersion":02}]}"#;
    let unusual = r#"{"eventTime":"2025-03-01T08:15:00Z","eventVersion":"1.08"}"#;
    workdir.file("in/a.json", records(&[bad, unusual, &event("c", "")]));
    let lake = workdir.convert("in", "");
    assert_eq!(
        (lake.code, lake.count("/events/seen"), lake.count("/events/quarantined")),
        (1, 3, 1),
        "{}",
        lake.stderr
    );
    let kept: Vec<i64> = lake.rows("events").iter().map(|row| int(row, "event_index")).collect();
    assert_eq!(kept, [1, 2]);
}

/// Our own: a panic over damage that was taken to end before it began.
#[test]
fn damage_may_begin_with_the_comma_before_an_event() {
    let workdir = Workdir::new();
    workdir.file("in/a.json", format!("{}\n,{},{}]}}", records(&[event("a", "")]), event("b", ""), event("c", "")));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.texts("events", "event_id").concat()), (1, "abc".to_owned()), "{}", lake.stderr);
}

/// Our own: sound events were lost after 64 bad ones in a row, once one of them had lost an end.
#[test]
fn any_number_of_bad_events_may_follow_each_other() {
    let workdir = Workdir::new();
    let mut events = vec![r#"{"eventVersion":"1.08","x":{"#.to_owned()];
    events.resize(101, r#"{"eventVersion":01}"#.to_owned());
    events.push(event("sound", ""));
    workdir.file("in/a.json", records(&events));
    let lake = workdir.convert("in", "");
    assert_eq!((lake.code, lake.texts("events", "event_id").concat()), (1, "sound".to_owned()), "{}", lake.stderr);
}

/// Our own: the end of a window decided about a byte order mark between documents, about the message for damage, and
/// about events that a damaged one seemed to hold.
#[test]
fn it_does_not_matter_where_windows_end() {
    let usual = |id: &str| event(id, r#""requestParameters":{"a":[1]}"#);
    let unclosed = r#"{"eventVersion":"1.08","requestParameters":{"a":1},{"eventVersion":"1.08"}"#;
    for text in [
        format!("{}\u{feff}{}", records(&[usual("a")]), records(&[usual("b")])),
        format!("\u{feff}{}\u{feff}{}", " ".repeat(1_500), records(&[usual("a")])),
        format!("{}PK{}", " ".repeat(900), "\u{1}".repeat(500)),
        format!("{{\"Records\":[{}],]}}", usual("a")),
        format!("{{\"Records\":[{}] x, and much more behind it", usual("a")),
        records(&[unclosed, &usual("b"), &usual("c")]),
        records(&[&usual("a"), unclosed, &usual("c")]),
        records(&[r#"{"eventVersion":"1.08","a":[01,{"eventVersion":"1.08","b":[]}"#, &usual("b")]),
        records(&[r#"{"eventVersion":"1.08","a":[01,{"eventVersion":"1.08","b":[]}]}"#, &usual("b")]),
    ] {
        let at_once = in_segments(text.as_bytes(), text.len());
        for bytes in 1..text.len() {
            assert_eq!(in_segments(text.as_bytes(), bytes), at_once, "{bytes} bytes at a time: {text}");
        }
    }
}

/// Our own: a defect of a document with an event was not reported when the next document was damaged, too.
#[test]
fn damage_of_the_next_document_does_not_hide_that_of_the_first() {
    let message = |id: &str| serde_json::Value::from(event(id, "")).to_string();
    let first = format!("{{\"Message\":{},\"A\0\":\"1\"}}", message("a"));
    let second = format!("{{\"Message\":{},\"B\0\":\"2\"}}", message("b"));
    let sound = format!("{{\"Message\":{}}}", message("c"));
    let text = [first.as_str(), &second, &sound].join("\n");
    let found = in_segments(text.as_bytes(), text.len());
    assert_eq!(found.ids(), ["a", "b", "c"]);
    let offsets = [0, first.len() as u64 + 1].map(Some);
    assert_eq!(found.offsets(), offsets, "{found:?}");
    for bytes in 1..100 {
        assert_eq!(in_segments(text.as_bytes(), bytes), found, "{bytes} bytes at a time");
    }
}

/// Our own: of members that a metering call has twice, the first was lost or both counted.
#[test]
fn members_that_metering_has_twice_are_neither_lost_nor_counted_twice() {
    let workdir = Workdir::new();
    let call = |id: &str, name: &str, request: &str, response: &str| {
        format!(
            r#"{{"eventID":"{id}","eventSource":"metering-marketplace.amazonaws.com","eventName":"{name}","requestParameters":{request},"responseElements":{response}}}"#
        )
    };
    workdir.file(
        "in/a.json",
        records(&[
            call("a", "MeterUsage", r#"{"dryRun":true,"dryRun":false}"#, "{}"),
            call("b", "BatchMeterUsage", "null", r#"{"results":[{"usageRecord":{"dimension":"d"},"usageRecord":{}}]}"#),
            call(
                "c",
                "BatchMeterUsage",
                "null",
                r#"{"results":[{"status":"Success"}],"results":[{"status":"Success"}]}"#,
            ),
            call("d", "BatchMeterUsage", r#"{"usageRecords":[{"dimension":1,"dimension":"d"}]}"#, "{}"),
            call("e", "BatchMeterUsage", r#"{"omitted":null,"omitted":true}"#, "null"),
        ]),
    );
    let rows = workdir.convert("in", "").rows("usage_records");
    let shown = |row: &Row| {
        let dry_run = row.get("dry_run").map(|value| format!(" {value:?}")).unwrap_or_default();
        let texts = ["event_id", "outcome", "dimension", "unmapped"].map(|column| text(row, column));
        format!("{}{dry_run}", texts.join(" "))
    };
    let rows: Vec<String> = rows.iter().map(shown).collect();
    assert_eq!(
        rows,
        [
            r#"a unknown  {"requestParameters.dryRun":false} true"#,
            r#"b unknown d {"responseElements.results.usageRecord":{}}"#,
            r#"c success  {"responseElements.results":[{"status":"Success"}]}"#,
            r#"d unknown  {"requestParameters.usageRecords.dimension":1,"requestParameters.usageRecords.dimension":"d"}"#,
            r#"e omitted  {"requestParameters":{"omitted":null,"omitted":true}}"#,
        ]
    );
}

/// A metering call with these bodies.
fn batch_call(id: &str, request: &str, response: &str) -> String {
    format!(
        r#"{{"eventID":"{id}","eventSource":"metering-marketplace.amazonaws.com","eventName":"BatchMeterUsage","requestParameters":{request},"responseElements":{response}}}"#
    )
}

/// Our own: a record that was in a call twice, spelled in two ways, had the outcome of the other.
#[test]
fn records_that_are_spelled_differently_do_not_swap_outcomes() {
    let workdir = Workdir::new();
    let record =
        |time: &str, number: usize| format!(r#"{{"timestamp":"{time}","dimension":"d{number}","quantity":7}}"#);
    // So many that they are not compared one by one.
    let both = |at: usize| [record("Jan 2, 2025 3:00:00 AM", at % 2), record("2025-01-02T03:00:00Z", at % 2)];
    for pairs in [1, 2_000] {
        let requests: Vec<String> = (0..pairs).flat_map(both).collect();
        let result = |at: usize| format!(r#"{{"usageRecord":{},"status":"Success"}}"#, both(at)[1]);
        let results: Vec<String> = (0..pairs).map(result).collect();
        let unprocessed: Vec<String> = (0..pairs).map(|at| both(at)[0].clone()).collect();
        let call = |turn: &dyn Fn(&[String]) -> String| {
            let request = format!(r#"{{"usageRecords":[{}]}}"#, requests.join(","));
            let response =
                format!(r#"{{"results":[{}],"unprocessedRecords":[{}]}}"#, turn(&results), turn(&unprocessed));
            batch_call("a", &request, &response)
        };
        let as_they_are = |records: &[String]| records.join(",");
        let in_other_order = |records: &[String]| {
            let turned =
                records.iter().map(|record| record.replace(r#""quantity":7}"#, "}").replace(r#"","#, r#"", "#));
            let turned = turned.map(|record| record.replace(", }", r#","quantity":7}"#));
            turned.collect::<Vec<_>>().join(",")
        };
        for call in [call(&as_they_are), call(&in_other_order)] {
            workdir.file("in/a.json", records(&[call]));
            let _ = std::fs::remove_dir_all(workdir.at("lake"));
            let lake = workdir.convert("in", "");
            let rows = lake.rows("usage_records");
            assert_eq!((lake.code, rows.len()), (0, 2 * pairs), "{}", lake.stderr);
            for row in rows {
                let is_iso = text(&row, "usage_timestamp_text").starts_with("2025");
                assert_eq!(text(&row, "outcome"), if is_iso { "success" } else { "unprocessed" }, "{row:?}");
            }
        }
    }
}

/// Our own: calls whose members were spelled as the SDK spells them were taken for ones whose records AWS had left out.
#[test]
fn calls_in_another_letter_case_are_not_called_omitted() {
    let workdir = Workdir::new();
    let request = r#"{"ProductCode":"p","UsageRecords":[{"Dimension":"d","Quantity":2,"CustomerIdentifier":"c"}]}"#;
    let response = r#"{"Results":[{"UsageRecord":{"Dimension":"d","Quantity":2,"CustomerIdentifier":"c"},"MeteringRecordId":"m","Status":"Success"}]}"#;
    let calls = [
        batch_call("usual", &request.to_lowercase().replace("usager", "usageR"), "null"),
        batch_call("sdk", request, response),
        batch_call("lower", &request.to_lowercase(), &response.to_lowercase().replace("success", "Success")),
        batch_call("unread", r#"{"usage_records":[{"dimension":"d"}]}"#, "null"),
        batch_call("none", r#"{"productCode":"p"}"#, "null"),
        batch_call("absent", "null", "null"),
        batch_call("omitted", r#"{"omitted":true,"originalSize":149893}"#, "null"),
    ];
    workdir.file("in/a.json", records(&calls));
    let rows = workdir.convert("in", "").rows("usage_records");
    let shown =
        |row: &Row| ["event_id", "outcome", "dimension", "metering_record_id"].map(|it| text(row, it)).join(" ");
    assert_eq!(
        rows.iter().map(shown).collect::<Vec<_>>(),
        [
            "usual unknown d ",
            "sdk success d m",
            "lower success d m",
            "unread unknown  ",
            "none unknown  ",
            "absent omitted  ",
            "omitted omitted  ",
        ]
    );
}

/// The rows of a call with these records and answers, each as index, dimension, outcome, identifier and leftovers.
fn answered(request: &str, response: &str) -> Vec<String> {
    let workdir = Workdir::new();
    workdir.file("in/a.json", records(&[batch_call("a", request, response)]));
    let lake = workdir.convert("in", "");
    assert_eq!(lake.code, 0, "{}", lake.stderr);
    let shown = |row: &Row| {
        let index = row.get("record_index").map_or("-".to_owned(), |index| format!("{index:?}"));
        let texts = ["dimension", "outcome", "metering_record_id", "unmapped"].map(|column| text(row, column));
        format!("{index} {}", texts.join(" ")).trim_end().to_owned()
    };
    lake.rows("usage_records").iter().map(shown).collect()
}

const HOUR: &str = r#""timestamp":"2025-03-01T00:00:00Z""#;

/// Our own: an answer with the dimension only took a record from the answer that lacked just its quantity.
#[test]
fn answers_with_fewer_members_do_not_swap_records() {
    let record =
        |customer: &str| format!(r#"{{{HOUR},"customerIdentifier":"{customer}","dimension":"d","quantity":1}}"#);
    let (a, b) = (record("c1"), record("c2"));
    let request = format!(r#"{{"usageRecords":[{a},{b}]}}"#);
    let short = a.replace(r#","quantity":1"#, "");
    let result = |record: &str, status: &str, id: &str| {
        format!(r#"{{"usageRecord":{record},"status":"{status}","meteringRecordId":"{id}"}}"#)
    };
    let for_b = result(r#"{"dimension":"d"}"#, "Success", "for-B");
    let for_a = result(&short, "CustomerNotSubscribed", "for-A");
    for results in [format!("{for_b},{for_a}"), format!("{for_a},{for_b}")] {
        let rows = answered(&request, &format!(r#"{{"results":[{results}]}}"#));
        assert_eq!(rows, ["0 d customer_not_subscribed for-A", "1 d success for-B"]);
    }
    // It has most in common with the record that another answer needs.
    let rows = answered(
        r#"{"usageRecords":[{"dimension":"d","customerIdentifier":"c","quantity":1},{"dimension":"d","licenseArn":"l"}]}"#,
        r#"{"results":[{"usageRecord":{"dimension":"d","customerIdentifier":"c","quantity":1,"timestamp":0},"status":"Success"}],"unprocessedRecords":[{"dimension":"d","customerIdentifier":"c","licenseArn":"m"}]}"#,
    );
    assert_eq!(rows, ["0 d unprocessed", "1 d success"]);
}

/// The same with so many that the best assignment is not searched.
#[test]
fn thousands_of_answers_with_fewer_members_find_their_records() {
    // Two thousand are too many to be compared one by one: they have rows of their own.
    for count in [90, 600, 2_000] {
        let record = |at: usize| format!(r#"{{"customerIdentifier":"c{at}","dimension":"d","quantity":1}}"#);
        let requests: Vec<String> = (0..count).map(record).collect();
        let results: Vec<String> = (0..count)
            .rev()
            .map(|at| {
                let record = record(at).replace(r#","quantity":1"#, "");
                format!(r#"{{"usageRecord":{record},"status":"Success","meteringRecordId":"{at}"}}"#)
            })
            .collect();
        let rows = answered(
            &format!(r#"{{"usageRecords":[{}]}}"#, requests.join(",")),
            &format!(r#"{{"results":[{}]}}"#, results.join(",")),
        );
        let expected: Vec<String> = if count == 2_000 {
            let strays = (0..count).rev().map(|at| format!("- d success {at}"));
            (0..count).map(|at| format!("{at} d unknown")).chain(strays).collect()
        } else {
            (0..count).map(|at| format!("{at} d success {at}")).collect()
        };
        assert_eq!(rows, expected, "{count}");
    }
}

/// Our own: a record whose allocations or tags came back in another order was `unknown`, and its answer a second row.
#[test]
fn allocations_and_tags_may_come_back_in_another_order() {
    let record =
        |allocations: &str| format!(r#"{{{HOUR},"dimension":"d","quantity":3,"usageAllocations":[{allocations}]}}"#);
    let (one, two) = (r#"{"key":"k","value":"1"}"#, r#"{"key":"k","value":"2"}"#);
    let allocation =
        |quantity: u8, tags: &[&str]| format!(r#"{{"allocatedUsageQuantity":{quantity},"tags":[{}]}}"#, tags.join(","));
    let asked = record(&[allocation(1, &[one, two]), allocation(2, &[one])].join(","));
    let request = format!(r#"{{"usageRecords":[{asked}]}}"#);
    for record in [
        record(&[allocation(2, &[one]), allocation(1, &[one, two])].join(",")),
        record(&[allocation(1, &[two, one]), allocation(2, &[one])].join(",")),
        record(&[allocation(2, &[one]), allocation(1, &[two, one])].join(",")).replace(r#","quantity":3"#, ""),
    ] {
        let rows = answered(&request, &format!(r#"{{"results":[{{"usageRecord":{record},"status":"Success"}}]}}"#));
        assert_eq!(rows, ["0 d success"], "{record}");
    }
    let other = record(&[allocation(1, &[one]), allocation(2, &[one, two])].join(","));
    let rows = answered(&request, &format!(r#"{{"results":[{{"usageRecord":{other},"status":"Success"}}]}}"#));
    assert_eq!(rows, ["0 d unknown", "- d success"]);
}

/// Our own: where a list came in two spellings and the first was empty, the records and answers of the other had no rows.
#[test]
fn records_behind_an_empty_list_of_another_spelling_have_rows() {
    let rows = answered(
        r#"{"usageRecords":[],"UsageRecords":[{"dimension":"a"},{"dimension":"b"}]}"#,
        r#"{"Results":[],"results":[{"usageRecord":{"dimension":"a"},"status":"Success"}]}"#,
    );
    let left = r#"{"requestParameters.usageRecords":[],"responseElements.Results":[]}"#;
    assert_eq!(rows, [format!("0 a success  {left}"), format!("1 b unknown  {left}")]);
}

/// Our own: a member in another letter case before the usual one took its place.
#[test]
fn the_usual_spelling_of_a_member_counts() {
    let rows = answered(
        r#"{"usageRecords":[{"Dimension":"x","dimension":"d","Quantity":2,"quantity":1}]}"#,
        r#"{"results":[{"usageRecord":{"dimension":"d","quantity":1},"Status":"DuplicateRecord","status":"Success","MeteringRecordId":"x","meteringRecordId":"m"}]}"#,
    );
    let left = r#"{"requestParameters.usageRecords.Dimension":"x","requestParameters.usageRecords.Quantity":2,"responseElements.results.Status":"DuplicateRecord","responseElements.results.MeteringRecordId":"x"}"#;
    assert_eq!(rows, [format!("0 d success m {left}")]);
}

/// Our own: an answer that identified no record went to a record that was null or empty.
#[test]
fn an_answer_about_nothing_is_no_records_answer() {
    for empty in ["null", "{}", r#"{"other":1}"#, "7"] {
        let rows = answered(
            &format!(r#"{{"usageRecords":[{empty},{{"dimension":"a"}}]}}"#),
            r#"{"results":[{"status":"Success","meteringRecordId":"?"}],"unprocessedRecords":[null]}"#,
        );
        let outcomes: Vec<_> = rows.iter().map(|row| row.split(" {").next().unwrap_or_default().trim_end()).collect();
        assert_eq!(outcomes, ["0  unknown", "1 a unknown", "-  success ?", "-  unprocessed"], "{empty}");
    }
}

#[test]
fn a_name_with_half_a_pair_is_the_same_however_it_is_spelled() {
    let workdir = Workdir::new();
    let twice = r#""\udc00.a":1,"\uDC00.\u0061":2"#;
    let once = r#""\udc00.a":1,"\udc01.a":2"#;
    workdir.file("in/a.json", records(&[event("a", twice), event("b", once)]));
    let lake = workdir.convert("in", "");
    assert_eq!(lake.texts("events", "event_id"), ["b"], "{}", lake.stderr);
    assert_eq!(lake.texts("quarantine", "reason"), ["duplicate_key"]);
}
