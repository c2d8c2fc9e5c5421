WITH batches AS (
    SELECT *
    FROM metering_accepted
    WHERE event_name = 'BatchMeterUsage' AND usage_hour IS NOT NULL AND (quantity IS NULL OR quantity <> 0)
),
by_region AS (
    SELECT
        batches.*,
        ROW_NUMBER() OVER same_usage AS region_order,
        FIRST_VALUE(aws_region) OVER same_usage AS first_aws_region,
        FIRST_VALUE(quantity) OVER same_usage AS first_quantity,
        FIRST_VALUE(submitted_at) OVER same_usage AS first_accepted_at,
        FIRST_VALUE(metering_record_id) OVER same_usage AS first_metering_record_id
    FROM batches
    WHERE known_only_by IS NULL
    WINDOW same_usage AS (
        PARTITION BY agreement, customer, dimension, usage_hour
        ORDER BY {{earliest_first}}
    )
),
licensed AS (
    SELECT batches.*, COALESCE(batches.product_code, licenses.product_code) AS license_product_code
    FROM batches
    LEFT JOIN metering_licenses AS licenses ON licenses.license_arn = batches.license_arn
    WHERE batches.license_arn IS NOT NULL
)
SELECT
    'two_regions' AS reason,
    usage_hour,
    customer,
    dimension,
    product_code,
    license_arn,
    first_aws_region,
    first_quantity,
    first_accepted_at,
    first_metering_record_id,
    aws_region AS second_aws_region,
    quantity AS second_quantity,
    submitted_at AS second_accepted_at,
    metering_record_id AS second_metering_record_id
FROM by_region
WHERE region_order > 1
UNION ALL
SELECT
    'product_code_and_license' AS reason,
    by_product.usage_hour,
    by_product.customer,
    by_product.dimension,
    by_product.product_code,
    licensed.license_arn,
    by_product.aws_region AS first_aws_region,
    by_product.quantity AS first_quantity,
    by_product.submitted_at AS first_accepted_at,
    by_product.metering_record_id AS first_metering_record_id,
    licensed.aws_region AS second_aws_region,
    licensed.quantity AS second_quantity,
    licensed.submitted_at AS second_accepted_at,
    licensed.metering_record_id AS second_metering_record_id
FROM batches AS by_product
INNER JOIN licensed
    ON licensed.customer = by_product.customer
    AND licensed.dimension = by_product.dimension
    AND licensed.usage_hour = by_product.usage_hour
WHERE by_product.license_arn IS NULL
    AND COALESCE(licensed.license_product_code, by_product.product_code) = by_product.product_code
