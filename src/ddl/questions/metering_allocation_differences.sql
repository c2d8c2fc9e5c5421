SELECT
    usage_hour,
    aws_region,
    product_code,
    license_arn,
    customer,
    dimension,
    quantity,
    CAST(COALESCE(allocated_quantity, 0) AS DECIMAL(38, 6)) AS allocated_quantity,
    CAST(quantity - COALESCE(allocated_quantity, 0) AS DECIMAL(38, 6)) AS difference,
    metering_record_id,
    event_id,
    record_index
FROM metering_accepted
WHERE {{length usage_allocations}} > 0 AND quantity <> COALESCE(allocated_quantity, 0)
