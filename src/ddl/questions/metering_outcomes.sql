SELECT
    submitted_on,
    aws_region,
    event_name,
    outcome,
    status,
    error_code,
    is_dry_run,
    COUNT(*) AS records,
    COUNT(DISTINCT event_id) AS calls,
    CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity
FROM metering_submissions
GROUP BY submitted_on, aws_region, event_name, outcome, status, error_code, is_dry_run
