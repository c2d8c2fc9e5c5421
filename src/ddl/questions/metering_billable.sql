WITH accepted AS (
    SELECT
        usage_month,
        product_code,
        license_arn,
        customer,
        dimension,
        COUNT(*) AS records,
        CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity,
        COUNT(*) - COUNT(quantity) AS unread_quantities,
        CAST(SUM(times_accepted - 1) AS BIGINT) AS resent_records,
        COUNT(CASE WHEN is_accepted_twice_differently THEN 1 END) AS conflicting_records
    FROM metering_accepted
    GROUP BY usage_month, product_code, license_arn, customer, dimension
)
SELECT
    COALESCE(accepted.usage_month, omitted.submitted_month) AS usage_month,
    accepted.product_code,
    accepted.license_arn,
    accepted.customer,
    accepted.dimension,
    COALESCE(accepted.records, 0) AS records,
    accepted.quantity,
    COALESCE(accepted.unread_quantities, 0) AS unread_quantities,
    COALESCE(accepted.resent_records, 0) AS resent_records,
    COALESCE(accepted.conflicting_records, 0) AS conflicting_records,
    COALESCE(omitted.omitted_calls, 0) AS omitted_calls_of_month
FROM accepted
FULL OUTER JOIN metering_omitted AS omitted ON omitted.submitted_month = accepted.usage_month
