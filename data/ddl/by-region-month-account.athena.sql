-- Tables and views of a trailmill lake for Amazon Athena (engine version 3).
-- Athena runs one statement at a time, in the console or by aws athena start-query-execution: run them one after the
-- other, in this order. They can be run again: a table that is there keeps its columns and is pointed to the place
-- named here, views are replaced. DROP TABLE removes no file, should a table be out of date.
-- Partitions are registered: after each conversion run the MSCK REPAIR TABLE statements again, else rows in new
-- partitions are not seen. (Projection would need to know all values of the partition columns beforehand.)
-- Registered partitions keep their place: after moving the lake, DROP TABLE before running these again.
-- Choose the database trail there before running queries that do not name it.

CREATE DATABASE IF NOT EXISTS `trail`;

-- One row per CloudTrail event.
CREATE EXTERNAL TABLE IF NOT EXISTS `trail`.`events` (
  `event_time` timestamp,
  `event_id` string,
  `event_version` string,
  `event_source` string,
  `event_name` string,
  `event_type` string,
  `event_category` string,
  `aws_region` string,
  `recipient_account_id` string,
  `read_only` boolean,
  `management_event` boolean,
  `source_ip_address` string,
  `user_agent` string,
  `error_code` string,
  `error_message` string,
  `request_id` string,
  `api_version` string,
  `shared_event_id` string,
  `vpc_endpoint_id` string,
  `vpc_endpoint_account_id` string,
  `user_identity_type` string,
  `user_identity_principal_id` string,
  `user_identity_arn` string,
  `user_identity_account_id` string,
  `user_identity_access_key_id` string,
  `user_identity_user_name` string,
  `user_identity_invoked_by` string,
  `user_identity_identity_provider` string,
  `user_identity_credential_id` string,
  `user_identity_on_behalf_of_user_id` string,
  `user_identity_on_behalf_of_identity_store_arn` string,
  `user_identity_in_scope_of` string,
  `user_identity_invoked_by_delegate` string,
  `session_mfa_authenticated` boolean,
  `session_creation_date` timestamp,
  `session_source_identity` string,
  `session_ec2_role_delivery` string,
  `session_assumed_root` boolean,
  `session_sign_in_session_arn` string,
  `session_issuer_type` string,
  `session_issuer_principal_id` string,
  `session_issuer_arn` string,
  `session_issuer_account_id` string,
  `session_issuer_user_name` string,
  `session_web_id_federated_provider` string,
  `session_web_id_attributes` string,
  `request_parameters` string,
  `response_elements` string,
  `additional_event_data` string,
  `service_event_details` string,
  `insight_details` string,
  `edge_device_details` string,
  `event_context` string,
  `resources` array<struct<arn:string,account_id:string,type:string>>,
  `tls_version` string,
  `tls_cipher_suite` string,
  `tls_client_provided_host_header` string,
  `tls_key_exchange` string,
  `session_credential_from_console` boolean,
  `addendum_reason` string,
  `addendum_updated_fields` string,
  `addendum_original_request_id` string,
  `addendum_original_event_id` string,
  `unmapped` string,
  `archive` string,
  `event_index` int
)
PARTITIONED BY (`region` string, `event_month` string, `account` string)
STORED AS PARQUET
LOCATION 's3://bucket/lake/events/';

ALTER TABLE `trail`.`events` SET LOCATION 's3://bucket/lake/events/';

MSCK REPAIR TABLE `trail`.`events`;

-- One row per AWS Marketplace usage record (`BatchMeterUsage`, `MeterUsage`), joined to what AWS answered about it.
CREATE EXTERNAL TABLE IF NOT EXISTS `trail`.`usage_records` (
  `event_time` timestamp,
  `event_id` string,
  `event_version` string,
  `event_name` string,
  `aws_region` string,
  `recipient_account_id` string,
  `request_id` string,
  `record_index` int,
  `product_code` string,
  `license_arn` string,
  `customer_identifier` string,
  `customer_aws_account_id` string,
  `dimension` string,
  `quantity` decimal(18,6),
  `usage_timestamp` timestamp,
  `usage_timestamp_text` string,
  `usage_allocations` array<struct<allocated_usage_quantity:decimal(18,6),tags:array<struct<key:string,value:string>>>>,
  `dry_run` boolean,
  `client_token` string,
  `outcome` string,
  `status` string,
  `metering_record_id` string,
  `error_code` string,
  `error_message` string,
  `user_identity_type` string,
  `user_identity_arn` string,
  `user_identity_account_id` string,
  `user_identity_access_key_id` string,
  `user_identity_user_name` string,
  `user_identity_invoked_by` string,
  `session_issuer_arn` string,
  `source_ip_address` string,
  `user_agent` string,
  `additional_event_data` string,
  `unmapped` string,
  `archive` string,
  `event_index` int
)
PARTITIONED BY (`region` string, `event_month` string, `account` string)
STORED AS PARQUET
LOCATION 's3://bucket/lake/usage_records/';

ALTER TABLE `trail`.`usage_records` SET LOCATION 's3://bucket/lake/usage_records/';

MSCK REPAIR TABLE `trail`.`usage_records`;

-- One row per source archive: the manifest of the lake.
CREATE EXTERNAL TABLE IF NOT EXISTS `trail`.`archives` (
  `archive` string,
  `kind` string,
  `status` string,
  `etag_or_mtime` string,
  `compressed_bytes` bigint,
  `inflated_bytes` bigint,
  `events_seen` bigint,
  `events_written` bigint,
  `duplicates` bigint,
  `quarantined` bigint,
  `filtered` bigint,
  `usage_records_written` bigint,
  `oldest_event_time` timestamp,
  `newest_event_time` timestamp,
  `integrity` string,
  `sha256` string,
  `commit_id` string,
  `converted_at` timestamp
)
STORED AS PARQUET
LOCATION 's3://bucket/lake/archives/';

ALTER TABLE `trail`.`archives` SET LOCATION 's3://bucket/lake/archives/';

-- One row per rejected archive or event, with its original bytes.
CREATE EXTERNAL TABLE IF NOT EXISTS `trail`.`quarantine` (
  `archive` string,
  `event_index` int,
  `byte_offset` bigint,
  `reason` string,
  `message` string,
  `original` binary,
  `commit_id` string
)
STORED AS PARQUET
LOCATION 's3://bucket/lake/quarantine/';

ALTER TABLE `trail`.`quarantine` SET LOCATION 's3://bucket/lake/quarantine/';

-- Events under the names and types of the table that AWS documents for Athena (all scalars are texts, times too),
-- with the partition columns of its variants: region, year, month, day, account, timestamp (yyyy/MM/dd).
-- A condition on year or month reads the wanted months only. One on day, timestamp or eventtime reads all of them.
CREATE OR REPLACE VIEW "trail"."cloudtrail_logs" AS
SELECT
  "event_version" AS "eventversion",
  CASE WHEN "user_identity_type" IS NOT NULL OR "user_identity_principal_id" IS NOT NULL OR "user_identity_arn" IS NOT NULL OR "user_identity_account_id" IS NOT NULL OR "user_identity_invoked_by" IS NOT NULL OR "user_identity_access_key_id" IS NOT NULL OR "user_identity_user_name" IS NOT NULL OR "user_identity_on_behalf_of_user_id" IS NOT NULL OR "user_identity_on_behalf_of_identity_store_arn" IS NOT NULL OR "session_mfa_authenticated" IS NOT NULL OR "session_creation_date" IS NOT NULL OR "session_issuer_type" IS NOT NULL OR "session_issuer_principal_id" IS NOT NULL OR "session_issuer_arn" IS NOT NULL OR "session_issuer_account_id" IS NOT NULL OR "session_issuer_user_name" IS NOT NULL OR "session_ec2_role_delivery" IS NOT NULL OR "session_web_id_federated_provider" IS NOT NULL OR "session_web_id_attributes" IS NOT NULL THEN CAST(ROW(
    "user_identity_type",
    "user_identity_principal_id",
    "user_identity_arn",
    "user_identity_account_id",
    "user_identity_invoked_by",
    "user_identity_access_key_id",
    "user_identity_user_name",
    CASE WHEN "user_identity_on_behalf_of_user_id" IS NOT NULL OR "user_identity_on_behalf_of_identity_store_arn" IS NOT NULL THEN CAST(ROW(
      "user_identity_on_behalf_of_user_id",
      "user_identity_on_behalf_of_identity_store_arn"
    ) AS ROW("userid" VARCHAR, "identitystorearn" VARCHAR)) END,
    CASE WHEN "session_mfa_authenticated" IS NOT NULL OR "session_creation_date" IS NOT NULL OR "session_issuer_type" IS NOT NULL OR "session_issuer_principal_id" IS NOT NULL OR "session_issuer_arn" IS NOT NULL OR "session_issuer_account_id" IS NOT NULL OR "session_issuer_user_name" IS NOT NULL OR "session_ec2_role_delivery" IS NOT NULL OR "session_web_id_federated_provider" IS NOT NULL OR "session_web_id_attributes" IS NOT NULL THEN CAST(ROW(
      CASE WHEN "session_mfa_authenticated" IS NOT NULL OR "session_creation_date" IS NOT NULL THEN CAST(ROW(
        CAST("session_mfa_authenticated" AS VARCHAR),
        replace(concat(to_iso8601("session_creation_date"), 'Z'), '.000Z', 'Z')
      ) AS ROW("mfaauthenticated" VARCHAR, "creationdate" VARCHAR)) END,
      CASE WHEN "session_issuer_type" IS NOT NULL OR "session_issuer_principal_id" IS NOT NULL OR "session_issuer_arn" IS NOT NULL OR "session_issuer_account_id" IS NOT NULL OR "session_issuer_user_name" IS NOT NULL THEN CAST(ROW(
        "session_issuer_type",
        "session_issuer_principal_id",
        "session_issuer_arn",
        "session_issuer_account_id",
        "session_issuer_user_name"
      ) AS ROW("type" VARCHAR, "principalid" VARCHAR, "arn" VARCHAR, "accountid" VARCHAR, "username" VARCHAR)) END,
      "session_ec2_role_delivery",
      CASE WHEN "session_web_id_federated_provider" IS NOT NULL OR "session_web_id_attributes" IS NOT NULL THEN CAST(ROW(
        "session_web_id_federated_provider",
        TRY(CAST(json_parse("session_web_id_attributes") AS MAP(VARCHAR, VARCHAR)))
      ) AS ROW("federatedprovider" VARCHAR, "attributes" MAP(VARCHAR, VARCHAR))) END
    ) AS ROW("attributes" ROW("mfaauthenticated" VARCHAR, "creationdate" VARCHAR), "sessionissuer" ROW("type" VARCHAR, "principalid" VARCHAR, "arn" VARCHAR, "accountid" VARCHAR, "username" VARCHAR), "ec2roledelivery" VARCHAR, "webidfederationdata" ROW("federatedprovider" VARCHAR, "attributes" MAP(VARCHAR, VARCHAR)))) END
  ) AS ROW("type" VARCHAR, "principalid" VARCHAR, "arn" VARCHAR, "accountid" VARCHAR, "invokedby" VARCHAR, "accesskeyid" VARCHAR, "username" VARCHAR, "onbehalfof" ROW("userid" VARCHAR, "identitystorearn" VARCHAR), "sessioncontext" ROW("attributes" ROW("mfaauthenticated" VARCHAR, "creationdate" VARCHAR), "sessionissuer" ROW("type" VARCHAR, "principalid" VARCHAR, "arn" VARCHAR, "accountid" VARCHAR, "username" VARCHAR), "ec2roledelivery" VARCHAR, "webidfederationdata" ROW("federatedprovider" VARCHAR, "attributes" MAP(VARCHAR, VARCHAR))))) END AS "useridentity",
  replace(concat(to_iso8601("event_time"), 'Z'), '.000Z', 'Z') AS "eventtime",
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
  CAST("resources" AS ARRAY(ROW("arn" VARCHAR, "accountid" VARCHAR, "type" VARCHAR))) AS "resources",
  "event_type" AS "eventtype",
  "api_version" AS "apiversion",
  CAST("read_only" AS VARCHAR) AS "readonly",
  "recipient_account_id" AS "recipientaccountid",
  "service_event_details" AS "serviceeventdetails",
  "shared_event_id" AS "sharedeventid",
  "vpc_endpoint_id" AS "vpcendpointid",
  "vpc_endpoint_account_id" AS "vpcendpointaccountid",
  "event_category" AS "eventcategory",
  CASE WHEN "addendum_reason" IS NOT NULL OR "addendum_updated_fields" IS NOT NULL OR "addendum_original_request_id" IS NOT NULL OR "addendum_original_event_id" IS NOT NULL THEN CAST(ROW(
    "addendum_reason",
    "addendum_updated_fields",
    "addendum_original_request_id",
    "addendum_original_event_id"
  ) AS ROW("reason" VARCHAR, "updatedfields" VARCHAR, "originalrequestid" VARCHAR, "originaleventid" VARCHAR)) END AS "addendum",
  CAST("session_credential_from_console" AS VARCHAR) AS "sessioncredentialfromconsole",
  "edge_device_details" AS "edgedevicedetails",
  CASE WHEN "tls_version" IS NOT NULL OR "tls_cipher_suite" IS NOT NULL OR "tls_client_provided_host_header" IS NOT NULL THEN CAST(ROW(
    "tls_version",
    "tls_cipher_suite",
    "tls_client_provided_host_header"
  ) AS ROW("tlsversion" VARCHAR, "ciphersuite" VARCHAR, "clientprovidedhostheader" VARCHAR)) END AS "tlsdetails",
  "region" AS "region",
  substr("event_month", 1, 4) AS "year",
  substr("event_month", 6, 2) AS "month",
  substr(substr(replace(concat(to_iso8601("event_time"), 'Z'), '.000Z', 'Z'), 1, 10), 9, 2) AS "day",
  "account" AS "account",
  replace(substr(replace(concat(to_iso8601("event_time"), 'Z'), '.000Z', 'Z'), 1, 10), '-', '/') AS "timestamp"
FROM "trail"."events";
