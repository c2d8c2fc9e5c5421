SELECT
    product_code,
    license_arn,
    customer,
    dimension,
    COUNT(*) AS records,
    CAST(SUM(attempts) AS BIGINT) AS attempts,
    CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity,
    MIN(usage_hour) AS first_usage_hour,
    MAX(usage_hour) AS last_usage_hour,
    MIN(first_submitted_at) AS first_submitted_at,
    MAX(last_submitted_at) AS last_submitted_at,
    MIN(omitted_call_at) AS omitted_call_at
FROM metering_never_accepted
WHERE outcome = 'customer_not_subscribed'
GROUP BY product_code, license_arn, customer, dimension
