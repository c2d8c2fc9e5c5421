//! One event to one row of `events`.

use std::sync::LazyLock;

use trailmill::schema::{Column, Kind, Table};

use super::json::{self, Name, Unmapped};
use super::{Resource, Row, Value, set, time};

/// Objects whose members have columns of their own.
const FLATTENED: [&str; 8] = [
    "userIdentity",
    "userIdentity.onBehalfOf",
    "userIdentity.sessionContext",
    "userIdentity.sessionContext.attributes",
    "userIdentity.sessionContext.sessionIssuer",
    "userIdentity.sessionContext.webIdFederationData",
    "tlsDetails",
    "addendum",
];

/// Columns that are read from the event, by the names on their way. (Splitting 66 paths for each member is too slow even
/// for a slow reference.)
static COLUMNS: LazyLock<Vec<(Vec<Name>, &Column)>> = LazyLock::new(|| {
    let read = Table::Events.columns().iter().filter(|column| !column.source.is_empty());
    read.map(|column| (names(column.source), column)).collect()
});

/// Hive's name for the partition of rows without a value.
pub const NO_DATE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Levels of objects and arrays an event may have, itself included.
const DEEPEST: usize = 1_000;

/// The row of an event, or the reason why it has to go to quarantine.
pub fn event_row(archive: &str, event_index: u64, event: &str) -> Result<Row, &'static str> {
    if json::depth(event) > DEEPEST {
        return Err("nesting_too_deep");
    }
    let mut row = Row::new();
    let mut unmapped = Unmapped::default();
    flatten(&[], event, &mut row, &mut unmapped)?;
    // Aggregated events spell the id differently. The member is in `unmapped` by now, so its own name is not lost.
    if json::member(event, "eventID").is_none() {
        set(&mut row, "event_id", json::member(event, "eventId").and_then(json::text).map(Value::Text));
    } else if let (Some(usual), Some(other)) = (json::member(event, "eventID"), json::member(event, "eventId"))
        && json::text(usual).is_some()
        && json::text(usual) == json::text(other)
    {
        // Two members with one value: the column could be either's.
        unmapped.push(&[json::name("eventID")], usual);
    }
    set(&mut row, "unmapped", unmapped.into_text().map(Value::Text));
    let date = match row.get("event_time") {
        Some(&Value::TimestampMs(ms)) => time::date_of(ms),
        _ => NO_DATE.to_owned(),
    };
    set(&mut row, "event_date", Some(Value::Text(date)));
    set(&mut row, "archive", Some(Value::Text(archive.to_owned())));
    set(&mut row, "event_index", Some(Value::Int(i64::try_from(event_index).expect("an index"))));
    Ok(row)
}

/// Puts every member of an object below `path` into its column or into `unmapped`.
fn flatten(path: &[Name], object: &str, row: &mut Row, unmapped: &mut Unmapped) -> Result<(), &'static str> {
    let members = json::members(object).expect("only objects are flattened");
    for (position, (name, _)) in members.iter().enumerate() {
        if members[..position].iter().any(|(earlier, _)| earlier == name) {
            return Err("duplicate_key");
        }
    }
    for (name, value) in members {
        if json::is_null(value) {
            continue;
        }
        let path = [path, &[name]].concat();
        if is_flattened(&path) && value.starts_with('{') {
            flatten(&path, value, row, unmapped)?;
            let members = json::members(value).expect("an object");
            if members.iter().all(|(_, value)| json::is_null(value)) {
                unmapped.push(&path, value);
            }
            continue;
        }
        let column = COLUMNS.iter().find(|(source, _)| *source == path);
        let fit = match column.map(|(_, column)| column) {
            Some(column) => {
                let (fit, exact) = read(column.kind, value);
                set(row, column.name, fit);
                exact
            }
            None => false,
        };
        if !fit {
            unmapped.push(&path, value);
        }
    }
    Ok(())
}

/// The names of a declared path. A member whose own name contains a `.` is at no such path.
fn names(path: &str) -> Vec<Name> {
    path.split('.').map(json::name).collect()
}

fn is_flattened(path: &[Name]) -> bool {
    FLATTENED.iter().any(|flattened| names(flattened) == path)
}

/// A non-null value as a column of this kind holds it, and whether the column holds all of it.
fn read(kind: Kind, value: &str) -> (Option<Value>, bool) {
    match kind {
        Kind::Text => {
            let text = json::text(value);
            let exact = text.is_some();
            (text.map(Value::Text), exact)
        }
        Kind::Json => (Some(Value::Text(value.to_owned())), true),
        Kind::Boolean { as_text } => match json::boolean(value) {
            Some((boolean, was_text)) => (Some(Value::Bool(boolean)), was_text == as_text),
            None => (None, false),
        },
        Kind::Timestamp => match json::text(value).and_then(|text| time::iso(&text)) {
            Some(instant) => (Some(Value::TimestampMs(instant.ms)), instant.canonical),
            None => (None, false),
        },
        Kind::Resources => match json::elements(value) {
            Some(elements) => {
                let read: Vec<(Option<Resource>, bool)> = elements.into_iter().map(read_resource).collect();
                let exact = read.iter().all(|(_, exact)| *exact);
                (Some(Value::Resources(read.into_iter().map(|(resource, _)| resource).collect())), exact)
            }
            None => (None, false),
        },
        other => unreachable!("no member of an event has a column of kind {other:?}"),
    }
}

/// The part of an element that fits, and whether that is all of it.
fn read_resource(element: &str) -> (Option<Resource>, bool) {
    let Some(members) = json::members(element) else {
        return (None, false);
    };
    let known = ["ARN", "accountId", "type"].map(json::name);
    let mut exact = true;
    let said: Vec<&(Name, &str)> = members.iter().filter(|(_, value)| !json::is_null(value)).collect();
    for (position, (name, value)) in said.iter().enumerate() {
        let twice = said[..position].iter().any(|(earlier, _)| earlier == name);
        exact &= known.contains(name) && json::text(value).is_some() && !twice;
    }
    let text = |name: &str| json::member(element, name).and_then(json::text);
    let arn = if json::member(element, "ARN").is_some() { text("ARN") } else { text("arn") };
    (Some(Resource { arn, account_id: text("accountId"), kind: text("type") }), exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_of(event: &str) -> Row {
        event_row("file:///a.json.gz", 3, event).expect("a row")
    }

    /// Checks columns (as `Debug` shows them) and `unmapped` of an event.
    #[track_caller]
    fn check(event: &str, columns: &[(&str, &str)], unmapped: Option<&str>) {
        let mut row = row_of(event);
        for column in ["archive", "event_index", "event_date"] {
            row.remove(column);
        }
        let found = row.remove("unmapped");
        assert_eq!(found.as_ref().and_then(Value::as_text), unmapped, "unmapped of {event}");
        let shown: Vec<(String, String)> =
            row.into_iter().map(|(column, value)| (column, format!("{value:?}"))).collect();
        let expected: Vec<(String, String)> =
            columns.iter().map(|&(column, value)| (column.to_owned(), value.to_owned())).collect();
        assert_eq!(shown, expected, "columns of {event}");
    }

    #[test]
    fn flattened_objects_are_those_that_the_declared_sources_go_through() {
        let mut parents: Vec<&str> = Vec::new();
        for column in Table::Events.columns() {
            for (dot, _) in column.source.match_indices('.') {
                parents.push(&column.source[..dot]);
            }
        }
        parents.sort_unstable();
        parents.dedup();
        let mut flattened = FLATTENED.to_vec();
        flattened.sort_unstable();
        assert_eq!(flattened, parents);
    }

    #[test]
    fn every_row_knows_its_origin_and_partition() {
        let row = row_of(r#"{"eventTime":"2018-04-19T23:59:59Z"}"#);
        assert_eq!(row["archive"], Value::Text("file:///a.json.gz".to_owned()));
        assert_eq!(row["event_index"], Value::Int(3));
        assert_eq!(row["event_date"], Value::Text("2018-04-19".to_owned()));
        let late = row_of(r#"{"eventTime":"2018-04-19T23:59:59-01:00"}"#);
        assert_eq!(late["event_date"], Value::Text("2018-04-20".to_owned()));
        assert_eq!(row_of("{}")["event_date"], Value::Text(NO_DATE.to_owned()));
    }

    #[test]
    fn texts_are_unescaped_and_other_types_are_kept_aside() {
        check(r#"{"eventName":"a\u003db","eventVersion":null}"#, &[("event_name", "\"a=b\"")], None);
        check(r#"{"eventName": 1.10 }"#, &[], Some(r#"{"eventName":1.10}"#));
        check(r#"{"eventName":"\ud800"}"#, &[], Some(r#"{"eventName":"\ud800"}"#));
        check(r#"{"event\u004eame":"x"}"#, &[("event_name", "\"x\"")], None);
        check(r#"{"eventname":"x"}"#, &[], Some(r#"{"eventname":"x"}"#));
    }

    #[test]
    fn booleans_have_one_usual_form_each() {
        check(r#"{"readOnly":true}"#, &[("read_only", "true")], None);
        check(r#"{"readOnly":"true"}"#, &[("read_only", "true")], Some(r#"{"readOnly":"true"}"#));
        check(r#"{"readOnly":"True"}"#, &[], Some(r#"{"readOnly":"True"}"#));
        check(r#"{"readOnly":0}"#, &[], Some(r#"{"readOnly":0}"#));
        check(r#"{"sessionCredentialFromConsole":"true"}"#, &[("session_credential_from_console", "true")], None);
        check(
            r#"{"userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":false},"assumedRoot":"false"}}}"#,
            &[("session_assumed_root", "false"), ("session_mfa_authenticated", "false")],
            Some(r#"{"userIdentity.sessionContext.attributes.mfaAuthenticated":false}"#),
        );
    }

    #[test]
    fn timestamps_of_another_form_are_kept_aside_as_well() {
        let time = ("event_time", "1524155571000 ms (2018-04-19)");
        check(r#"{"eventTime":"2018-04-19T16:32:51Z"}"#, &[time], None);
        check(r#"{"eventTime":"2018-04-19T16:32:5\u0031Z"}"#, &[time], None);
        check(r#"{"eventTime":"20180419T163251Z"}"#, &[time], Some(r#"{"eventTime":"20180419T163251Z"}"#));
        check(r#"{"eventTime":1524155571}"#, &[], Some(r#"{"eventTime":1524155571}"#));
        check(r#"{"eventTime":"soon"}"#, &[], Some(r#"{"eventTime":"soon"}"#));
    }

    #[test]
    fn json_columns_hold_the_source_text() {
        check(
            r#"{"requestParameters": {"a" :1.10,"a":"\u003d", "b":null} ,"responseElements":"text"}"#,
            &[
                ("request_parameters", r#""{\"a\" :1.10,\"a\":\"\\u003d\", \"b\":null}""#),
                ("response_elements", r#""\"text\"""#),
            ],
            None,
        );
    }

    #[test]
    fn unmapped_follows_the_source_order() {
        check(
            r#"{"z":1,"userIdentity":{"type":5,"a.b":[1, 2],"sessionContext":{ },"onBehalfOf":{"userId":null}},"addendum":[],"tlsDetails":null,"y":{"z":null}}"#,
            &[],
            Some(
                r#"{"z":1,"userIdentity.type":5,"userIdentity.a\\.b":[1, 2],"userIdentity.sessionContext":{ },"userIdentity.onBehalfOf":{"userId":null},"addendum":[],"y":{"z":null}}"#,
            ),
        );
        check(r#"{"userIdentity":{"type":null}}"#, &[], Some(r#"{"userIdentity":{"type":null}}"#));
        check(r#"{"userIdentity.type":"x"}"#, &[], Some(r#"{"userIdentity\\.type":"x"}"#));
    }

    #[test]
    fn aggregated_events_have_an_id_of_another_name() {
        check(r#"{"eventId":"x"}"#, &[("event_id", "\"x\"")], Some(r#"{"eventId":"x"}"#));
        check(r#"{"eventId":"x","eventID":null}"#, &[("event_id", "\"x\"")], Some(r#"{"eventId":"x"}"#));
        check(r#"{"eventId":"x","eventID":"y"}"#, &[("event_id", "\"y\"")], Some(r#"{"eventId":"x"}"#));
        check(
            r#"{"eventID":"\u0078","eventId":"x"}"#,
            &[("event_id", "\"x\"")],
            Some(r#"{"eventId":"x","eventID":"\u0078"}"#),
        );
        check(r#"{"eventId":7}"#, &[], Some(r#"{"eventId":7}"#));
    }

    #[test]
    fn resources_keep_what_fits_and_deviations_as_a_whole() {
        let check = |array: &str, expected: &str, exact: bool| {
            let unmapped = format!(r#"{{"resources":{array}}}"#);
            check(&format!(r#"{{"resources":{array}}}"#), &[("resources", expected)], (!exact).then_some(&unmapped));
        };
        let plain = r#"[Some(Resource { arn: Some("a"), account_id: Some("1"), kind: Some("t") })]"#;
        check(r#"[{"ARN":"a","accountId":"1","type":"t"}]"#, plain, true);
        check(r#"[{"arn":"a","accountId":"1","type":"t"}]"#, plain, false);
        check(r#"[{"ARN":"a","arn":"b","accountId":"1","type":"t"}]"#, plain, false);
        check(r#"[{"ARN":"a","accountId":"1","type":"t","x":null}]"#, plain, true);
        check(r#"[{"ARN":"a","accountId":"1","type":"t","ARNPrefix":"x"}]"#, plain, false);
        let empty = "[Some(Resource { arn: None, account_id: None, kind: None })]";
        check("[{}]", empty, true);
        check(r#"[{"ARN":5}]"#, empty, false);
        check(r#"[{"ARN":5,"arn":"a"}]"#, empty, false);
        check("[]", "[]", true);
        check("[null]", "[None]", false);
    }

    #[test]
    fn resources_that_are_no_array_are_kept_aside() {
        check(r#"{"resources":{"ARN":"a"}}"#, &[], Some(r#"{"resources":{"ARN":"a"}}"#));
    }

    #[test]
    fn a_name_twice_in_a_flattened_object_is_quarantined() {
        for event in [
            r#"{"eventName":"a","eventName":"a"}"#,
            r#"{"new":null,"new":null}"#,
            r#"{"eventName":"a","event\u004eame":null}"#,
            r#"{"userIdentity":{"sessionContext":{"attributes":{"a":1,"a":2}}}}"#,
        ] {
            assert_eq!(event_row("a", 0, event), Err("duplicate_key"), "{event}");
        }
        row_of(r#"{"requestParameters":{"a":1,"a":2},"userIdentity":{"inScopeOf":{"a":1,"a":2}},"new":{"a":1,"a":2}}"#);
    }

    #[test]
    fn a_thousand_levels_are_enough() {
        let event = |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        row_of(&event(1_000));
        assert_eq!(event_row("a", 0, &event(1_001)), Err("nesting_too_deep"));
    }
}
