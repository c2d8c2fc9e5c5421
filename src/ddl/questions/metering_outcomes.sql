WITH calls AS (
    SELECT
        submitted_on,
        aws_region,
        event_name,
        outcome,
        status,
        error_code,
        is_dry_run,
        COUNT(*) AS records,
        SUM(quantity) AS quantity
    FROM metering_submissions
    GROUP BY {{call}}, submitted_on, aws_region, event_name, outcome, status, error_code, is_dry_run
)
SELECT
    submitted_on,
    aws_region,
    event_name,
    outcome,
    status,
    error_code,
    is_dry_run,
    CAST(SUM(records) AS BIGINT) AS records,
    COUNT(*) AS calls,
    CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity
FROM calls
GROUP BY submitted_on, aws_region, event_name, outcome, status, error_code, is_dry_run
