//! The columns of the contract, as printed by the program and in `data/columns.md`.

use std::fs;

use serde_json::Value as Json;

use crate::harness::{Workdir, data};

/// The columns as they were promised, in a shorthand of their own.
const EVENTS: &str = "event_time event_id event_version event_source event_name event_type event_category aws_region
    recipient_account_id read_only management_event source_ip_address user_agent error_code error_message request_id
    api_version shared_event_id vpc_endpoint_id vpc_endpoint_account_id
    user_identity_{type,principal_id,arn,account_id,access_key_id,user_name,invoked_by,identity_provider,credential_id,on_behalf_of_user_id,on_behalf_of_identity_store_arn}
    user_identity_in_scope_of user_identity_invoked_by_delegate
    session_{mfa_authenticated,creation_date,source_identity,ec2_role_delivery,assumed_root,sign_in_session_arn}
    session_issuer_{type,principal_id,arn,account_id,user_name}
    session_web_id_federated_provider session_web_id_attributes
    request_parameters response_elements additional_event_data service_event_details insight_details
    edge_device_details event_context resources tls_{version,cipher_suite,client_provided_host_header,key_exchange}
    session_credential_from_console addendum_{reason,updated_fields,original_request_id,original_event_id}
    unmapped archive event_index";
const USAGE_RECORDS: &str = "event_time event_id event_version event_name aws_region recipient_account_id request_id
    record_index product_code license_arn customer_identifier customer_aws_account_id dimension quantity
    usage_timestamp usage_timestamp_text usage_allocations dry_run client_token outcome status metering_record_id
    error_code error_message user_identity_{type,arn,account_id,access_key_id,user_name,invoked_by}
    session_issuer_arn source_ip_address user_agent additional_event_data unmapped archive event_index";
const ARCHIVES: &str = "archive kind status etag_or_mtime compressed_bytes inflated_bytes events_seen events_written
    duplicates quarantined filtered usage_records_written oldest_event_time newest_event_time integrity sha256
    commit_id converted_at";
const QUARANTINE: &str = "archive event_index byte_offset reason message original commit_id";
const TABLES: [(&str, &str); 4] =
    [("events", EVENTS), ("usage_records", USAGE_RECORDS), ("archives", ARCHIVES), ("quarantine", QUARANTINE)];

/// `tls_{a,b} x` as `tls_a`, `tls_b`, `x`.
fn expanded(shorthand: &str) -> Vec<String> {
    let names = shorthand.split_whitespace().flat_map(|word| match word.split_once('{') {
        None => vec![word.to_owned()],
        Some((prefix, list)) => list.trim_end_matches('}').split(',').map(|name| format!("{prefix}{name}")).collect(),
    });
    names.collect()
}

fn json_schema() -> Json {
    let run = Workdir::new().run("schema --format json").expect(0);
    serde_json::from_str(&run.stdout()).expect("JSON")
}

#[test]
fn the_tables_have_the_columns_of_the_contract_in_their_order() {
    let schema = json_schema();
    for (table, columns) in TABLES {
        let found = schema["tables"][table]["columns"].as_array().expect("columns");
        let found: Vec<&str> = found.iter().map(|column| column["name"].as_str().expect("a name")).collect();
        assert_eq!(found, expanded(columns), "{table}");
    }
}

#[test]
fn types_are_those_of_the_contract() {
    let schema = json_schema();
    let kind = |table: &str, name: &str| {
        let columns = schema["tables"][table]["columns"].as_array().expect("columns");
        let column = columns.iter().find(|column| column["name"] == name).expect("a column");
        column["type"].as_str().expect("a type").to_owned()
    };
    for name in [
        "request_parameters",
        "response_elements",
        "additional_event_data",
        "service_event_details",
        "insight_details",
        "edge_device_details",
        "event_context",
        "user_identity_in_scope_of",
        "user_identity_invoked_by_delegate",
        "session_web_id_attributes",
        "unmapped",
    ] {
        assert_eq!(kind("events", name), "STRING (JSON)", "{name}");
    }
    for name in [
        "read_only",
        "management_event",
        "session_mfa_authenticated",
        "session_assumed_root",
        "session_credential_from_console",
    ] {
        assert_eq!(kind("events", name), "BOOLEAN", "{name}");
    }
    for (table, name, expected) in [
        ("events", "event_time", "TIMESTAMP"),
        ("events", "session_creation_date", "TIMESTAMP"),
        ("events", "resources", "LIST<STRUCT<arn, account_id, type>>"),
        ("events", "event_index", "INT"),
        ("usage_records", "record_index", "INT"),
        ("usage_records", "quantity", "DECIMAL(18,6)"),
        ("usage_records", "usage_timestamp", "TIMESTAMP"),
        ("usage_records", "usage_timestamp_text", "STRING"),
        ("usage_records", "dry_run", "BOOLEAN"),
        ("usage_records", "usage_allocations", "LIST<STRUCT<allocated_usage_quantity, tags LIST<STRUCT<key, value>>>>"),
        ("archives", "converted_at", "TIMESTAMP"),
        ("archives", "events_seen", "BIGINT"),
        ("quarantine", "byte_offset", "BIGINT"),
        ("quarantine", "original", "BINARY"),
    ] {
        assert_eq!(kind(table, name), expected, "{table}.{name}");
    }
}

#[test]
fn every_format_has_every_column() {
    let workdir = Workdir::new();
    for format in ["text", "markdown", "json"] {
        let all = workdir.run(&format!("schema --format {format}")).expect(0).stdout();
        for (table, columns) in TABLES {
            let one = workdir.run(&format!("schema --format {format} --table {table}")).expect(0).stdout();
            for name in expanded(columns) {
                let says =
                    |text: &str| text.split(|at: char| !at.is_alphanumeric() && at != '_').any(|word| word == name);
                assert!(says(&one) && says(&all), "{format} {table}.{name}");
            }
            let others = TABLES.iter().filter(|(other, _)| *other != table);
            assert!(
                format != "markdown" || others.into_iter().all(|(other, _)| !one.contains(&format!("#### `{other}`")))
            );
        }
    }
    assert_eq!(workdir.run("schema").expect(0).stdout(), workdir.run("schema --format text").expect(0).stdout());
}

#[test]
fn every_reason_is_documented() {
    let markdown = Workdir::new().run("schema --format markdown --table quarantine").expect(0).stdout();
    for reason in trailmill::error::Reason::ALL {
        assert!(markdown.contains(&format!("| `{reason}` | {} |", reason.doc())), "{reason}");
    }
}

#[test]
fn columns_md_has_the_column_tables_word_for_word() {
    let page = fs::read_to_string(data("columns.md")).expect("data/columns.md");
    let tables = Workdir::new().run("schema --format markdown").expect(0).stdout();
    let missing = tables.lines().find(|line| !page.lines().any(|other| other == *line));
    assert!(
        page.contains(tables.trim_end()),
        "data/columns.md and `trailmill schema --format markdown` differ; the first line it lacks: {missing:?}"
    );
}
