WITH duplicates AS (
    SELECT
        metering_attempts.*,
        COUNT(*) OVER (PARTITION BY {{key}}) AS duplicates,
        ROW_NUMBER() OVER (PARTITION BY {{key}} ORDER BY {{latest_first}}) AS duplicate_order
    FROM metering_attempts
    WHERE is_refused_as_duplicate
)
SELECT
    usage_hour,
    unread_timestamp,
    aws_region,
    product_code,
    license_arn,
    customer,
    dimension,
    quantity,
    submitted_at,
    duplicates,
    accepted_quantity,
    accepted_at,
    accepted_metering_record_id,
    quantity - accepted_quantity AS missing_quantity,
    event_id,
    record_index
FROM duplicates
WHERE duplicate_order = 1
    AND (quantity IS NULL OR accepted_quantity IS NULL OR quantity <> accepted_quantity)
