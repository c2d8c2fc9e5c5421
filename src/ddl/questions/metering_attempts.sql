WITH submitted AS (
    SELECT
        metering_submissions.*,
        MIN(CASE WHEN outcome = 'omitted' THEN submitted_at END) OVER (
            PARTITION BY recipient_account_id, aws_region
            ORDER BY submitted_at DESC NULLS LAST
        ) AS omitted_call_at
    FROM metering_submissions
    WHERE NOT is_dry_run
)
SELECT
    submitted.*,
    COUNT(*) OVER same_key AS attempts,
    COUNT(CASE WHEN outcome = 'success' THEN 1 END) OVER same_key AS times_accepted,
    COUNT(CASE WHEN is_refused_as_duplicate THEN 1 END) OVER same_key AS times_duplicate,
    COUNT(CASE WHEN outcome = 'unknown' THEN 1 END) OVER same_key AS times_unknown,
    MIN(submitted_at) OVER same_key AS first_submitted_at,
    MAX(submitted_at) OVER same_key AS last_submitted_at,
    FIRST_VALUE(CASE WHEN outcome = 'success' THEN submitted_at END) OVER accepted_first AS accepted_at,
    FIRST_VALUE(CASE WHEN outcome = 'success' THEN quantity END) OVER accepted_first AS accepted_quantity,
    FIRST_VALUE(CASE WHEN outcome = 'success' THEN metering_record_id END) OVER accepted_first
        AS accepted_metering_record_id,
    COALESCE(
        MIN(CASE WHEN outcome = 'success' THEN quantity END) OVER same_key
            <> MAX(CASE WHEN outcome = 'success' THEN quantity END) OVER same_key,
        FALSE
    ) AS is_accepted_twice_differently,
    ROW_NUMBER() OVER accepted_first AS acceptance_order,
    ROW_NUMBER() OVER answered_last AS answer_order
FROM submitted
WHERE outcome <> 'omitted'
WINDOW
    same_key AS (PARTITION BY {{key}}),
    accepted_first AS (
        PARTITION BY {{key}}
        ORDER BY CASE WHEN outcome = 'success' THEN 0 ELSE 1 END, {{earliest_first}}
    ),
    answered_last AS (
        PARTITION BY {{key}}
        ORDER BY CASE WHEN outcome = 'unknown' THEN 1 ELSE 0 END, {{latest_first}}
    )
