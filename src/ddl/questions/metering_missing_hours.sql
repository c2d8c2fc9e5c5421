WITH metered AS (
    SELECT DISTINCT product_code, license_arn, customer, dimension, usage_hour, usage_hour_number
    FROM metering_accepted
    WHERE usage_hour IS NOT NULL
),
newest AS (
    SELECT MAX(usage_hour_number) AS newest_hour_number, MAX(usage_hour) AS newest_hour
    FROM metered
),
followed AS (
    SELECT
        metered.*,
        LEAD(usage_hour_number) OVER series AS next_hour_number,
        LEAD(usage_hour) OVER series AS next_hour
    FROM metered
    WINDOW series AS (
        PARTITION BY product_code, license_arn, customer, dimension
        ORDER BY usage_hour_number
    )
),
gaps AS (
    SELECT
        product_code,
        license_arn,
        customer,
        dimension,
        usage_hour + INTERVAL '1' HOUR AS first_missing_hour,
        COALESCE(next_hour - INTERVAL '1' HOUR, newest_hour) AS last_missing_hour,
        COALESCE(next_hour_number - 1, newest_hour_number) - usage_hour_number AS missing_hours,
        next_hour IS NULL AS is_open
    FROM followed
    CROSS JOIN newest
)
SELECT
    gaps.*,
    COALESCE(omitted.omitted_calls, 0) AS omitted_calls_of_month
FROM gaps
LEFT JOIN metering_omitted AS omitted
    ON omitted.submitted_month = CAST(date_trunc('month', CAST(gaps.first_missing_hour AS DATE)) AS DATE)
WHERE missing_hours > 0
