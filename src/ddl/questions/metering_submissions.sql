WITH submitted AS (
    SELECT
        {{utc event_time}} AS submitted_at,
        CAST({{utc event_time}} AS DATE) AS submitted_on,
        {{utc usage_timestamp}} AS usage_time,
        {{utc_hour usage_timestamp}} AS usage_hour,
        {{hours_since_1970 usage_timestamp}} AS usage_hour_number,
        {{utc_month usage_timestamp}} AS usage_month,
        CASE WHEN usage_timestamp IS NULL THEN usage_timestamp_text END AS unread_timestamp,
        {{seconds_from usage_timestamp event_time}} AS age_seconds,
        aws_region,
        recipient_account_id,
        product_code,
        NULLIF(license_arn, '') AS license_arn,
        COALESCE(NULLIF(license_arn, ''), product_code) AS agreement,
        NULLIF(usage_records.customer_aws_account_id, '') AS customer_aws_account_id,
        NULLIF(usage_records.customer_identifier, '') AS customer_identifier,
        COALESCE(
            NULLIF(usage_records.customer_aws_account_id, ''),
            customers.customer_aws_account_id,
            NULLIF(usage_records.customer_identifier, ''),
            CASE WHEN event_name = 'MeterUsage' THEN recipient_account_id END
        ) AS customer,
        CASE WHEN event_name = 'MeterUsage' AND NULLIF(client_token, '') IS NULL THEN user_identity_arn END AS metered_by,
        NULLIF(client_token, '') AS client_token,
        dimension,
        CASE
            WHEN quantity IS NULL AND unmapped IS NULL AND outcome <> 'omitted' THEN CAST(0 AS DECIMAL(18, 6))
            ELSE quantity
        END AS quantity,
        usage_allocations,
        COALESCE(dry_run, FALSE) AS is_dry_run,
        outcome,
        outcome = 'duplicate_record'
            OR COALESCE(
                event_name = 'MeterUsage'
                    AND (error_code LIKE '%DuplicateRequest%' OR error_code LIKE '%IdempotencyConflict%'),
                FALSE
            ) AS is_refused_as_duplicate,
        status,
        metering_record_id,
        error_code,
        error_message,
        event_name,
        event_id,
        request_id,
        record_index,
        COALESCE(session_issuer_arn, user_identity_arn) AS principal_arn,
        user_identity_access_key_id AS access_key_id,
        source_ip_address,
        user_agent,
        archive,
        event_index
    FROM usage_records
    LEFT JOIN metering_customers AS customers ON customers.customer_identifier = usage_records.customer_identifier
)
SELECT
    submitted.*,
    CASE
        WHEN usage_hour IS NULL AND unread_timestamp IS NULL THEN COALESCE(metering_record_id, event_id, archive)
        WHEN outcome = 'success' AND (agreement IS NULL OR customer IS NULL OR dimension IS NULL) THEN metering_record_id
    END AS known_only_by,
    CASE
        WHEN usage_hour IS NULL AND unread_timestamp IS NULL AND metering_record_id IS NULL THEN record_index
    END AS known_only_by_index
FROM submitted
