WITH calls AS (
    SELECT
        submitted_on,
        recipient_account_id,
        principal_arn,
        access_key_id,
        user_agent,
        source_ip_address,
        COUNT(*) AS records,
        COUNT(CASE WHEN outcome = 'success' AND NOT is_dry_run THEN 1 END) AS accepted_records,
        MIN(submitted_at) AS submitted_at
    FROM metering_submissions
    GROUP BY
        {{call}}, submitted_on, recipient_account_id, principal_arn, access_key_id, user_agent, source_ip_address
),
daily AS (
    SELECT
        submitted_on,
        recipient_account_id,
        principal_arn,
        access_key_id,
        user_agent,
        source_ip_address,
        COUNT(*) AS calls,
        CAST(SUM(records) AS BIGINT) AS records,
        CAST(SUM(accepted_records) AS BIGINT) AS accepted_records,
        MIN(submitted_at) AS first_submitted_at,
        MAX(submitted_at) AS last_submitted_at
    FROM calls
    GROUP BY submitted_on, recipient_account_id, principal_arn, access_key_id, user_agent, source_ip_address
)
SELECT
    daily.*,
    MIN(submitted_on) OVER (PARTITION BY recipient_account_id, principal_arn) AS principal_first_seen_on,
    MIN(submitted_on) OVER (PARTITION BY recipient_account_id, source_ip_address) AS address_first_seen_on
FROM daily
