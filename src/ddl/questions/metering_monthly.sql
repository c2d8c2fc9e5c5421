WITH billable AS (
    SELECT
        accepted.usage_month,
        COALESCE(
            accepted.customer_aws_account_id,
            customers.customer_aws_account_id,
            CASE WHEN accepted.event_name = 'MeterUsage' THEN accepted.recipient_account_id END
        ) AS customer_aws_account_id,
        accepted.customer_identifier,
        COALESCE(accepted.product_code, licenses.product_code) AS product_code,
        accepted.license_arn,
        licenses.agreement_id,
        accepted.dimension,
        accepted.quantity
    FROM metering_accepted AS accepted
    LEFT JOIN metering_customers AS customers ON customers.customer_identifier = accepted.customer_identifier
    LEFT JOIN metering_licenses AS licenses ON licenses.license_arn = accepted.license_arn
),
totals AS (
    SELECT
        usage_month,
        customer_aws_account_id,
        customer_identifier,
        product_code,
        license_arn,
        agreement_id,
        COUNT(*) AS records,
        COUNT(CASE WHEN quantity = 0 THEN NULL ELSE 1 END) AS records_with_usage,
        COUNT(DISTINCT dimension) AS dimensions,
        CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity
    FROM billable
    GROUP BY usage_month, customer_aws_account_id, customer_identifier, product_code, license_arn, agreement_id
)
SELECT
    totals.usage_month AS usage_period_start_date,
    CAST(totals.usage_month + INTERVAL '1' MONTH - INTERVAL '1' DAY AS DATE) AS usage_period_end_date,
    totals.customer_aws_account_id,
    totals.customer_identifier,
    totals.product_code,
    totals.license_arn,
    totals.agreement_id,
    totals.records,
    totals.records_with_usage,
    totals.dimensions,
    totals.quantity,
    COALESCE(omitted.omitted_calls, 0) AS omitted_calls_of_month
FROM totals
LEFT JOIN metering_omitted AS omitted ON omitted.submitted_month = totals.usage_month
