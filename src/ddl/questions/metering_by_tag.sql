WITH allocations AS (
    SELECT usage_month, product_code, license_arn, customer, dimension, allocated_usage_quantity, tags
    FROM metering_accepted {{each usage_allocations allocated_usage_quantity tags}}
),
shares AS (
    SELECT
        usage_month,
        product_code,
        license_arn,
        customer,
        dimension,
        CASE WHEN tags IS NULL OR {{length tags}} = 0 THEN 'untagged' ELSE 'tagged' END AS share,
        key AS tag_key,
        value AS tag_value,
        allocated_usage_quantity AS quantity
    FROM allocations {{each_or_null tags key value}}
    UNION ALL
    SELECT
        usage_month,
        product_code,
        license_arn,
        customer,
        dimension,
        CASE
            WHEN usage_allocations IS NULL OR {{length usage_allocations}} = 0 THEN 'untagged'
            ELSE 'unallocated'
        END AS share,
        NULL AS tag_key,
        NULL AS tag_value,
        quantity - COALESCE(allocated_quantity, 0) AS quantity
    FROM metering_accepted
    WHERE quantity <> COALESCE(allocated_quantity, 0)
)
SELECT
    usage_month,
    product_code,
    license_arn,
    customer,
    dimension,
    share,
    tag_key,
    tag_value,
    COUNT(*) AS shares,
    CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity
FROM shares
GROUP BY usage_month, product_code, license_arn, customer, dimension, share, tag_key, tag_value
