-- Views of a trailmill lake for DuckDB (1.5 or later, since earlier ones refuse rows without a partition value).
-- They can be run again, and see what later conversions add. Times are UTC and have no zone: whatever the TimeZone
-- of a session, event_time >= '2025-06-01' finds the same rows.
-- WRONG ROWS, without an error, but in sessions in UTC: whatever has a zone, such as TIMESTAMPTZ, a datetime of Python
-- with tzinfo, or a time as the files have it. Turn it into UTC: event_time >= ? AT TIME ZONE 'UTC'. An offset in
-- text is passed over: write TIMESTAMPTZ '2025-06-01 00:00:00+02' AT TIME ZONE 'UTC'. For times elsewhere write
-- event_time AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin', since one zone alone makes it another moment.
-- For S3: CREATE SECRET (TYPE s3, PROVIDER credential_chain) takes the credentials of the machine.
-- STAYS EMPTY in DuckDB 1: quarantine, without a file so far, which only DuckDB 2 reads. After the first
-- conversion that adds one, make these statements anew there, or its rows are not seen.

CREATE SCHEMA IF NOT EXISTS "trail";

USE "trail";

-- One row per CloudTrail event.
CREATE OR REPLACE VIEW "trail"."events" AS
SELECT
  make_timestamp_ms(epoch_ms("event_time")) AS "event_time",
  "event_id",
  "event_version",
  "event_source",
  "event_name",
  "event_type",
  "event_category",
  "aws_region",
  "recipient_account_id",
  "read_only",
  "management_event",
  "source_ip_address",
  "user_agent",
  "error_code",
  "error_message",
  "request_id",
  "api_version",
  "shared_event_id",
  "vpc_endpoint_id",
  "vpc_endpoint_account_id",
  "user_identity_type",
  "user_identity_principal_id",
  "user_identity_arn",
  "user_identity_account_id",
  "user_identity_access_key_id",
  "user_identity_user_name",
  "user_identity_invoked_by",
  "user_identity_identity_provider",
  "user_identity_credential_id",
  "user_identity_on_behalf_of_user_id",
  "user_identity_on_behalf_of_identity_store_arn",
  "user_identity_in_scope_of",
  "user_identity_invoked_by_delegate",
  "session_mfa_authenticated",
  make_timestamp_ms(epoch_ms("session_creation_date")) AS "session_creation_date",
  "session_source_identity",
  "session_ec2_role_delivery",
  "session_assumed_root",
  "session_sign_in_session_arn",
  "session_issuer_type",
  "session_issuer_principal_id",
  "session_issuer_arn",
  "session_issuer_account_id",
  "session_issuer_user_name",
  "session_web_id_federated_provider",
  "session_web_id_attributes",
  "request_parameters",
  "response_elements",
  "additional_event_data",
  "service_event_details",
  "insight_details",
  "edge_device_details",
  "event_context",
  "resources",
  "tls_version",
  "tls_cipher_suite",
  "tls_client_provided_host_header",
  "tls_key_exchange",
  "session_credential_from_console",
  "addendum_reason",
  "addendum_updated_fields",
  "addendum_original_request_id",
  "addendum_original_event_id",
  "unmapped",
  "archive",
  "event_index",
  "event_date"
FROM read_parquet('s3://bucket/lake/events/**/*.parquet', hive_partitioning = true, hive_types = {'event_date': DATE});

-- One row per AWS Marketplace usage record (`BatchMeterUsage`, `MeterUsage`), joined to what AWS answered about it.
CREATE OR REPLACE VIEW "trail"."usage_records" AS
SELECT
  make_timestamp_ms(epoch_ms("event_time")) AS "event_time",
  "event_id",
  "event_version",
  "event_name",
  "aws_region",
  "recipient_account_id",
  "request_id",
  "record_index",
  "product_code",
  "license_arn",
  "customer_identifier",
  "customer_aws_account_id",
  "dimension",
  "quantity",
  make_timestamp_ms(epoch_ms("usage_timestamp")) AS "usage_timestamp",
  "usage_timestamp_text",
  "usage_allocations",
  "dry_run",
  "client_token",
  "outcome",
  "status",
  "metering_record_id",
  "error_code",
  "error_message",
  "user_identity_type",
  "user_identity_arn",
  "user_identity_account_id",
  "user_identity_access_key_id",
  "user_identity_user_name",
  "user_identity_invoked_by",
  "session_issuer_arn",
  "source_ip_address",
  "user_agent",
  "additional_event_data",
  "unmapped",
  "archive",
  "event_index",
  "event_date"
FROM read_parquet('s3://bucket/lake/usage_records/**/*.parquet', hive_partitioning = true, hive_types = {'event_date': DATE});

-- One row per source archive: the manifest of the lake.
CREATE OR REPLACE VIEW "trail"."archives" AS
SELECT
  "archive",
  "kind",
  "status",
  "etag_or_mtime",
  "compressed_bytes",
  "inflated_bytes",
  "events_seen",
  "events_written",
  "duplicates",
  "quarantined",
  "filtered",
  "usage_records_written",
  make_timestamp_ms(epoch_ms("oldest_event_time")) AS "oldest_event_time",
  make_timestamp_ms(epoch_ms("newest_event_time")) AS "newest_event_time",
  "integrity",
  "sha256",
  "commit_id",
  make_timestamp_ms(epoch_ms("converted_at")) AS "converted_at"
FROM read_parquet('s3://bucket/lake/archives/*.parquet', hive_partitioning = false);

-- One row per rejected archive or event, with its original bytes.
-- It has no file yet. DuckDB 2 sees those to come, DuckDB 1 does not.
CREATE OR REPLACE VIEW "trail"."quarantine" AS
SELECT
  "archive",
  "event_index",
  "byte_offset",
  "reason",
  "message",
  "original",
  "commit_id"
FROM (
SELECT
  CAST(NULL AS VARCHAR) AS "archive",
  CAST(NULL AS INTEGER) AS "event_index",
  CAST(NULL AS BIGINT) AS "byte_offset",
  CAST(NULL AS VARCHAR) AS "reason",
  CAST(NULL AS VARCHAR) AS "message",
  CAST(NULL AS BLOB) AS "original",
  CAST(NULL AS VARCHAR) AS "commit_id"
WHERE false
UNION ALL BY NAME
SELECT * FROM query(CASE
  WHEN version() LIKE 'v1.%' THEN 'SELECT false AS empty WHERE false'
  ELSE 'SELECT * FROM read_parquet(''s3://bucket/lake/quarantine/*.parquet'', hive_partitioning = false, allow_empty = true)'
END)
);

-- Events under the names and types of the table that AWS documents for Athena (all scalars are texts, times too),
-- with the partition columns of its variants: region, year, month, day, account, timestamp (yyyy/MM/dd).
-- A condition on year, month, day or timestamp reads the wanted days only. One on eventtime reads all of them.
CREATE OR REPLACE VIEW "trail"."cloudtrail_logs" AS
SELECT
  "event_version" AS "eventversion",
  CASE WHEN "user_identity_type" IS NOT NULL OR "user_identity_principal_id" IS NOT NULL OR "user_identity_arn" IS NOT NULL OR "user_identity_account_id" IS NOT NULL OR "user_identity_invoked_by" IS NOT NULL OR "user_identity_access_key_id" IS NOT NULL OR "user_identity_user_name" IS NOT NULL OR "user_identity_on_behalf_of_user_id" IS NOT NULL OR "user_identity_on_behalf_of_identity_store_arn" IS NOT NULL OR "session_mfa_authenticated" IS NOT NULL OR "session_creation_date" IS NOT NULL OR "session_issuer_type" IS NOT NULL OR "session_issuer_principal_id" IS NOT NULL OR "session_issuer_arn" IS NOT NULL OR "session_issuer_account_id" IS NOT NULL OR "session_issuer_user_name" IS NOT NULL OR "session_ec2_role_delivery" IS NOT NULL OR "session_web_id_federated_provider" IS NOT NULL OR "session_web_id_attributes" IS NOT NULL THEN struct_pack(
    "type" := "user_identity_type",
    "principalid" := "user_identity_principal_id",
    "arn" := "user_identity_arn",
    "accountid" := "user_identity_account_id",
    "invokedby" := "user_identity_invoked_by",
    "accesskeyid" := "user_identity_access_key_id",
    "username" := "user_identity_user_name",
    "onbehalfof" := CASE WHEN "user_identity_on_behalf_of_user_id" IS NOT NULL OR "user_identity_on_behalf_of_identity_store_arn" IS NOT NULL THEN struct_pack(
      "userid" := "user_identity_on_behalf_of_user_id",
      "identitystorearn" := "user_identity_on_behalf_of_identity_store_arn"
    ) END,
    "sessioncontext" := CASE WHEN "session_mfa_authenticated" IS NOT NULL OR "session_creation_date" IS NOT NULL OR "session_issuer_type" IS NOT NULL OR "session_issuer_principal_id" IS NOT NULL OR "session_issuer_arn" IS NOT NULL OR "session_issuer_account_id" IS NOT NULL OR "session_issuer_user_name" IS NOT NULL OR "session_ec2_role_delivery" IS NOT NULL OR "session_web_id_federated_provider" IS NOT NULL OR "session_web_id_attributes" IS NOT NULL THEN struct_pack(
      "attributes" := CASE WHEN "session_mfa_authenticated" IS NOT NULL OR "session_creation_date" IS NOT NULL THEN struct_pack(
        "mfaauthenticated" := CAST("session_mfa_authenticated" AS VARCHAR),
        "creationdate" := replace(strftime("session_creation_date", '%Y-%m-%dT%H:%M:%S.%gZ'), '.000Z', 'Z')
      ) END,
      "sessionissuer" := CASE WHEN "session_issuer_type" IS NOT NULL OR "session_issuer_principal_id" IS NOT NULL OR "session_issuer_arn" IS NOT NULL OR "session_issuer_account_id" IS NOT NULL OR "session_issuer_user_name" IS NOT NULL THEN struct_pack(
        "type" := "session_issuer_type",
        "principalid" := "session_issuer_principal_id",
        "arn" := "session_issuer_arn",
        "accountid" := "session_issuer_account_id",
        "username" := "session_issuer_user_name"
      ) END,
      "ec2roledelivery" := "session_ec2_role_delivery",
      "webidfederationdata" := CASE WHEN "session_web_id_federated_provider" IS NOT NULL OR "session_web_id_attributes" IS NOT NULL THEN struct_pack(
        "federatedprovider" := "session_web_id_federated_provider",
        "attributes" := TRY_CAST(TRY_CAST("session_web_id_attributes" AS JSON) AS MAP(VARCHAR, VARCHAR))
      ) END
    ) END
  ) END AS "useridentity",
  replace(strftime("event_time", '%Y-%m-%dT%H:%M:%S.%gZ'), '.000Z', 'Z') AS "eventtime",
  "event_source" AS "eventsource",
  "event_name" AS "eventname",
  "aws_region" AS "awsregion",
  "source_ip_address" AS "sourceipaddress",
  "user_agent" AS "useragent",
  "error_code" AS "errorcode",
  "error_message" AS "errormessage",
  "request_parameters" AS "requestparameters",
  "response_elements" AS "responseelements",
  "additional_event_data" AS "additionaleventdata",
  "request_id" AS "requestid",
  "event_id" AS "eventid",
  [CASE WHEN element IS NOT NULL THEN struct_pack("arn" := element."arn", "accountid" := element."account_id", "type" := element."type") END FOR element IN "resources"] AS "resources",
  "event_type" AS "eventtype",
  "api_version" AS "apiversion",
  CAST("read_only" AS VARCHAR) AS "readonly",
  "recipient_account_id" AS "recipientaccountid",
  "service_event_details" AS "serviceeventdetails",
  "shared_event_id" AS "sharedeventid",
  "vpc_endpoint_id" AS "vpcendpointid",
  "vpc_endpoint_account_id" AS "vpcendpointaccountid",
  "event_category" AS "eventcategory",
  CASE WHEN "addendum_reason" IS NOT NULL OR "addendum_updated_fields" IS NOT NULL OR "addendum_original_request_id" IS NOT NULL OR "addendum_original_event_id" IS NOT NULL THEN struct_pack(
    "reason" := "addendum_reason",
    "updatedfields" := "addendum_updated_fields",
    "originalrequestid" := "addendum_original_request_id",
    "originaleventid" := "addendum_original_event_id"
  ) END AS "addendum",
  CAST("session_credential_from_console" AS VARCHAR) AS "sessioncredentialfromconsole",
  "edge_device_details" AS "edgedevicedetails",
  CASE WHEN "tls_version" IS NOT NULL OR "tls_cipher_suite" IS NOT NULL OR "tls_client_provided_host_header" IS NOT NULL THEN struct_pack(
    "tlsversion" := "tls_version",
    "ciphersuite" := "tls_cipher_suite",
    "clientprovidedhostheader" := "tls_client_provided_host_header"
  ) END AS "tlsdetails",
  "aws_region" AS "region",
  substr(CAST("event_date" AS VARCHAR), 1, 4) AS "year",
  substr(CAST("event_date" AS VARCHAR), 6, 2) AS "month",
  substr(CAST("event_date" AS VARCHAR), 9, 2) AS "day",
  "recipient_account_id" AS "account",
  replace(CAST("event_date" AS VARCHAR), '-', '/') AS "timestamp"
FROM "trail"."events";


-- Functions of Athena (Trino) that published CloudTrail queries use: with them nearly every one runs as it stands. Some have
-- the name of one of DuckDB's and stand in its place here: date_diff counts whole units, element_at gives a map's value and no
-- list of it, and now(), today(), current_timestamp, current_date, current_time, localtimestamp and localtime are UTC, as all
-- times of the lake are. date_add takes what DuckDB's takes as well. For DuckDB's own write system.main.date_diff
-- and the like. date_parse takes formats that begin with %Y-%m-%d, and fails for others.
-- What they cannot mend: types written like array(json), and JSON paths with ["…"].

-- Text and numbers, null of an object or a list, where DuckDB's own gives its text, and of what is no JSON, where that fails.
CREATE OR REPLACE MACRO json_extract_scalar(document, path) AS
  CASE WHEN json_valid(document) AND json_type(document, path) NOT IN ('OBJECT', 'ARRAY')
    THEN json_extract_string(document, path) END;

-- The time of now, in UTC, as it is in Athena.
CREATE OR REPLACE MACRO now() AS (transaction_timestamp() AT TIME ZONE 'UTC');

-- What current_timestamp stands for.
CREATE OR REPLACE MACRO get_current_timestamp() AS (transaction_timestamp() AT TIME ZONE 'UTC');

CREATE OR REPLACE MACRO current_date() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS DATE);

CREATE OR REPLACE MACRO today() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS DATE);

-- What localtimestamp, localtime and current_time stand for.
CREATE OR REPLACE MACRO current_localtimestamp() AS (transaction_timestamp() AT TIME ZONE 'UTC');

CREATE OR REPLACE MACRO current_localtime() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS TIME);

CREATE OR REPLACE MACRO get_current_time() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS TIME);

-- UTC, whatever offset the text has, without one it is UTC.
CREATE OR REPLACE MACRO from_iso8601_timestamp(moment) AS
  CASE WHEN regexp_matches(moment, 'T.*(Z|[+-]\d\d(:?\d\d)?)$') THEN CAST(moment AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
    ELSE CAST(moment AS TIMESTAMP) END;

CREATE OR REPLACE MACRO from_iso8601_date(day) AS CAST(day AS DATE);

CREATE OR REPLACE MACRO to_unixtime(moment) AS epoch(moment);

-- CloudTrail's times are ISO 8601, and DuckDB takes no format that is not a constant.
CREATE OR REPLACE MACRO date_parse(moment, format) AS
  CASE WHEN starts_with(format, '%Y-%m-%d') THEN CAST(moment AS TIMESTAMP)
    ELSE CAST(error('date_parse: only formats that begin with %Y-%m-%d, not ' || format) AS TIMESTAMP) END;

-- MySQL's %M, %i and %s are %B, %M and %S here.
CREATE OR REPLACE MACRO date_format(moment, format) AS
  strftime(moment, replace(replace(replace(format, '%M', '%B'), '%i', '%M'), '%s', '%S'));

CREATE OR REPLACE MACRO date_add
  (unit, number, moment) AS moment + CAST(number || ' ' || unit AS INTERVAL),
  (moment, span) AS system.main.date_add(moment, span);

-- Whole units that have passed, DuckDB's own counts borders that were crossed.
CREATE OR REPLACE MACRO date_diff(unit, earlier, later) AS date_sub(unit, earlier, later);

CREATE OR REPLACE MACRO day_of_week(moment) AS isodow(moment);

CREATE OR REPLACE MACRO regexp_like(value, pattern) AS regexp_matches(value, pattern);

CREATE OR REPLACE MACRO approx_distinct(value) AS approx_count_distinct(value);

CREATE OR REPLACE MACRO array_join(list, separator) AS array_to_string(list, separator);

CREATE OR REPLACE MACRO element_at(list, place) AS list[place];
