SELECT
    CAST(date_trunc('month', submitted_on) AS DATE) AS submitted_month,
    COUNT(*) AS omitted_calls,
    MIN(submitted_at) AS first_omitted_at,
    MAX(submitted_at) AS last_omitted_at
FROM metering_submissions
WHERE outcome = 'omitted'
GROUP BY CAST(date_trunc('month', submitted_on) AS DATE)
