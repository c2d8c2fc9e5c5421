WITH ranked AS (
    SELECT
        usage_month,
        aws_region,
        submitted_at,
        submitted_on,
        age_seconds,
        CAST(usage_month + INTERVAL '1' MONTH AS DATE) AS next_month,
        ROW_NUMBER() OVER (PARTITION BY usage_month, aws_region ORDER BY age_seconds) AS place,
        COUNT(*) OVER (PARTITION BY usage_month, aws_region) AS records
    FROM metering_accepted
    WHERE age_seconds IS NOT NULL
)
SELECT
    usage_month,
    aws_region,
    COUNT(*) AS records,
    MIN(age_seconds) AS fastest_seconds,
    MIN(CASE WHEN place * 2 >= records THEN age_seconds END) AS median_seconds,
    MIN(CASE WHEN place * 10 >= records * 9 THEN age_seconds END) AS p90_seconds,
    MIN(CASE WHEN place * 100 >= records * 99 THEN age_seconds END) AS p99_seconds,
    MAX(age_seconds) AS slowest_seconds,
    COUNT(CASE WHEN age_seconds > 3600 THEN 1 END) AS later_than_1h,
    COUNT(CASE WHEN age_seconds > 21600 THEN 1 END) AS later_than_6h,
    COUNT(CASE WHEN age_seconds > 82800 THEN 1 END) AS later_than_23h,
    COUNT(CASE WHEN submitted_on >= next_month THEN 1 END) AS after_month_end,
    COUNT(
        CASE
            WHEN submitted_on > next_month THEN 1
            WHEN submitted_on = next_month AND EXTRACT(HOUR FROM submitted_at) >= 6 THEN 1
        END
    ) AS after_month_end_0600
FROM ranked
GROUP BY usage_month, aws_region
