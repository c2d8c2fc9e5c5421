WITH monthly AS (
    SELECT usage_month, product_code, license_arn, customer, dimension, quantity, CAST(0 AS DECIMAL(38, 6)) AS previous_quantity
    FROM metering_accepted
    WHERE usage_month IS NOT NULL
    UNION ALL
    SELECT
        CAST(usage_month + INTERVAL '1' MONTH AS DATE) AS usage_month,
        product_code,
        license_arn,
        customer,
        dimension,
        CAST(0 AS DECIMAL(38, 6)) AS quantity,
        quantity AS previous_quantity
    FROM metering_accepted
    WHERE usage_month IS NOT NULL
),
newest AS (
    SELECT MAX(usage_month) AS newest_month
    FROM metering_accepted
),
totals AS (
    SELECT
        usage_month,
        product_code,
        license_arn,
        customer,
        dimension,
        CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity,
        CAST(SUM(previous_quantity) AS DECIMAL(38, 6)) AS previous_quantity,
        CAST(SUM(quantity) AS DECIMAL(38, 6)) - CAST(SUM(previous_quantity) AS DECIMAL(38, 6)) AS change
    FROM monthly
    CROSS JOIN newest
    WHERE usage_month <= newest_month
    GROUP BY usage_month, product_code, license_arn, customer, dimension
)
SELECT
    usage_month,
    product_code,
    license_arn,
    customer,
    dimension,
    quantity,
    previous_quantity,
    change,
    RANK() OVER (PARTITION BY usage_month, product_code, dimension ORDER BY quantity DESC) AS quantity_rank,
    RANK() OVER (PARTITION BY usage_month, product_code, dimension ORDER BY ABS(change) DESC) AS change_rank
FROM totals
