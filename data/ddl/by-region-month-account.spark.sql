-- Tables and views of a trailmill lake for Spark SQL (3.4 or later).
-- They can be run again: a table that is there stays as it is, views are replaced. DROP TABLE removes no file,
-- should a table be out of date. Run them again after each conversion: MSCK REPAIR TABLE registers the new
-- partitions, whose rows are not seen without. A timestamp is an instant: SET TIME ZONE 'UTC' shows it in UTC, and
-- takes a text that it is compared with for one in UTC.
-- WRONG TEXT, without an error: Spark before 3.5.7, and 4.0.0, lose parts of columns that have nulls (SPARK-52240).
-- There SET spark.sql.parquet.enableVectorizedReader = false in each session.

CREATE DATABASE IF NOT EXISTS `trail`;

USE `trail`;

-- One row per CloudTrail event.
CREATE TABLE IF NOT EXISTS `trail`.`events` (
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
  `event_index` int,
  `region` string,
  `event_month` string,
  `account` string
)
USING parquet
OPTIONS (datetimeRebaseMode = 'CORRECTED')
PARTITIONED BY (`region`, `event_month`, `account`)
LOCATION 's3://bucket/lake/events';

MSCK REPAIR TABLE `trail`.`events`;

-- One row per AWS Marketplace usage record (`BatchMeterUsage`, `MeterUsage`), joined to what AWS answered about it.
CREATE TABLE IF NOT EXISTS `trail`.`usage_records` (
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
  `event_index` int,
  `region` string,
  `event_month` string,
  `account` string
)
USING parquet
OPTIONS (datetimeRebaseMode = 'CORRECTED')
PARTITIONED BY (`region`, `event_month`, `account`)
LOCATION 's3://bucket/lake/usage_records';

MSCK REPAIR TABLE `trail`.`usage_records`;

-- One row per source archive: the manifest of the lake.
CREATE TABLE IF NOT EXISTS `trail`.`archives` (
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
USING parquet
OPTIONS (datetimeRebaseMode = 'CORRECTED')
LOCATION 's3://bucket/lake/archives';

-- One row per rejected archive or event, with its original bytes.
CREATE TABLE IF NOT EXISTS `trail`.`quarantine` (
  `archive` string,
  `event_index` int,
  `byte_offset` bigint,
  `reason` string,
  `message` string,
  `original` binary,
  `commit_id` string
)
USING parquet
OPTIONS (datetimeRebaseMode = 'CORRECTED')
LOCATION 's3://bucket/lake/quarantine';

-- Events under the names and types of the table that AWS documents for Athena (all scalars are texts, times too),
-- with the partition columns of its variants: region, year, month, day, account, timestamp (yyyy/MM/dd).
-- A condition on year or month reads the wanted months only. One on day, timestamp or eventtime reads all of them.
CREATE OR REPLACE VIEW `trail`.`cloudtrail_logs` AS
SELECT
  `event_version` AS `eventversion`,
  CASE WHEN `user_identity_type` IS NOT NULL OR `user_identity_principal_id` IS NOT NULL OR `user_identity_arn` IS NOT NULL OR `user_identity_account_id` IS NOT NULL OR `user_identity_invoked_by` IS NOT NULL OR `user_identity_access_key_id` IS NOT NULL OR `user_identity_user_name` IS NOT NULL OR `user_identity_on_behalf_of_user_id` IS NOT NULL OR `user_identity_on_behalf_of_identity_store_arn` IS NOT NULL OR `session_mfa_authenticated` IS NOT NULL OR `session_creation_date` IS NOT NULL OR `session_issuer_type` IS NOT NULL OR `session_issuer_principal_id` IS NOT NULL OR `session_issuer_arn` IS NOT NULL OR `session_issuer_account_id` IS NOT NULL OR `session_issuer_user_name` IS NOT NULL OR `session_ec2_role_delivery` IS NOT NULL OR `session_web_id_federated_provider` IS NOT NULL OR `session_web_id_attributes` IS NOT NULL THEN named_struct(
    'type', `user_identity_type`,
    'principalid', `user_identity_principal_id`,
    'arn', `user_identity_arn`,
    'accountid', `user_identity_account_id`,
    'invokedby', `user_identity_invoked_by`,
    'accesskeyid', `user_identity_access_key_id`,
    'username', `user_identity_user_name`,
    'onbehalfof', CASE WHEN `user_identity_on_behalf_of_user_id` IS NOT NULL OR `user_identity_on_behalf_of_identity_store_arn` IS NOT NULL THEN named_struct(
      'userid', `user_identity_on_behalf_of_user_id`,
      'identitystorearn', `user_identity_on_behalf_of_identity_store_arn`
    ) END,
    'sessioncontext', CASE WHEN `session_mfa_authenticated` IS NOT NULL OR `session_creation_date` IS NOT NULL OR `session_issuer_type` IS NOT NULL OR `session_issuer_principal_id` IS NOT NULL OR `session_issuer_arn` IS NOT NULL OR `session_issuer_account_id` IS NOT NULL OR `session_issuer_user_name` IS NOT NULL OR `session_ec2_role_delivery` IS NOT NULL OR `session_web_id_federated_provider` IS NOT NULL OR `session_web_id_attributes` IS NOT NULL THEN named_struct(
      'attributes', CASE WHEN `session_mfa_authenticated` IS NOT NULL OR `session_creation_date` IS NOT NULL THEN named_struct(
        'mfaauthenticated', CAST(`session_mfa_authenticated` AS STRING),
        'creationdate', replace(concat(replace(CAST(TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, unix_seconds(`session_creation_date`)) AS STRING), ' ', 'T'), '.', lpad(pmod(unix_millis(`session_creation_date`), 1000), 3, '0'), 'Z'), '.000Z', 'Z')
      ) END,
      'sessionissuer', CASE WHEN `session_issuer_type` IS NOT NULL OR `session_issuer_principal_id` IS NOT NULL OR `session_issuer_arn` IS NOT NULL OR `session_issuer_account_id` IS NOT NULL OR `session_issuer_user_name` IS NOT NULL THEN named_struct(
        'type', `session_issuer_type`,
        'principalid', `session_issuer_principal_id`,
        'arn', `session_issuer_arn`,
        'accountid', `session_issuer_account_id`,
        'username', `session_issuer_user_name`
      ) END,
      'ec2roledelivery', `session_ec2_role_delivery`,
      'webidfederationdata', CASE WHEN `session_web_id_federated_provider` IS NOT NULL OR `session_web_id_attributes` IS NOT NULL THEN named_struct(
        'federatedprovider', `session_web_id_federated_provider`,
        'attributes', from_json(`session_web_id_attributes`, 'MAP<STRING, STRING>')
      ) END
    ) END
  ) END AS `useridentity`,
  replace(concat(replace(CAST(TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, unix_seconds(`event_time`)) AS STRING), ' ', 'T'), '.', lpad(pmod(unix_millis(`event_time`), 1000), 3, '0'), 'Z'), '.000Z', 'Z') AS `eventtime`,
  `event_source` AS `eventsource`,
  `event_name` AS `eventname`,
  `aws_region` AS `awsregion`,
  `source_ip_address` AS `sourceipaddress`,
  `user_agent` AS `useragent`,
  `error_code` AS `errorcode`,
  `error_message` AS `errormessage`,
  `request_parameters` AS `requestparameters`,
  `response_elements` AS `responseelements`,
  `additional_event_data` AS `additionaleventdata`,
  `request_id` AS `requestid`,
  `event_id` AS `eventid`,
  CAST(`resources` AS ARRAY<STRUCT<`arn`: STRING, `accountid`: STRING, `type`: STRING>>) AS `resources`,
  `event_type` AS `eventtype`,
  `api_version` AS `apiversion`,
  CAST(`read_only` AS STRING) AS `readonly`,
  `recipient_account_id` AS `recipientaccountid`,
  `service_event_details` AS `serviceeventdetails`,
  `shared_event_id` AS `sharedeventid`,
  `vpc_endpoint_id` AS `vpcendpointid`,
  `vpc_endpoint_account_id` AS `vpcendpointaccountid`,
  `event_category` AS `eventcategory`,
  CASE WHEN `addendum_reason` IS NOT NULL OR `addendum_updated_fields` IS NOT NULL OR `addendum_original_request_id` IS NOT NULL OR `addendum_original_event_id` IS NOT NULL THEN named_struct(
    'reason', `addendum_reason`,
    'updatedfields', `addendum_updated_fields`,
    'originalrequestid', `addendum_original_request_id`,
    'originaleventid', `addendum_original_event_id`
  ) END AS `addendum`,
  CAST(`session_credential_from_console` AS STRING) AS `sessioncredentialfromconsole`,
  `edge_device_details` AS `edgedevicedetails`,
  CASE WHEN `tls_version` IS NOT NULL OR `tls_cipher_suite` IS NOT NULL OR `tls_client_provided_host_header` IS NOT NULL THEN named_struct(
    'tlsversion', `tls_version`,
    'ciphersuite', `tls_cipher_suite`,
    'clientprovidedhostheader', `tls_client_provided_host_header`
  ) END AS `tlsdetails`,
  `region` AS `region`,
  substr(`event_month`, 1, 4) AS `year`,
  substr(`event_month`, 6, 2) AS `month`,
  substr(substr(replace(concat(replace(CAST(TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, unix_seconds(`event_time`)) AS STRING), ' ', 'T'), '.', lpad(pmod(unix_millis(`event_time`), 1000), 3, '0'), 'Z'), '.000Z', 'Z'), 1, 10), 9, 2) AS `day`,
  `account` AS `account`,
  replace(substr(replace(concat(replace(CAST(TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, unix_seconds(`event_time`)) AS STRING), ' ', 'T'), '.', lpad(pmod(unix_millis(`event_time`), 1000), 3, '0'), 'Z'), '.000Z', 'Z'), 1, 10), '-', '/') AS `timestamp`
FROM `trail`.`events`;
