SELECT
    usage_hour,
    unread_timestamp,
    aws_region,
    product_code,
    license_arn,
    customer,
    dimension,
    quantity,
    attempts,
    times_unknown,
    first_submitted_at,
    last_submitted_at,
    age_seconds,
    error_code,
    error_message,
    omitted_call_at,
    request_id,
    event_id,
    record_index
FROM metering_never_accepted
WHERE outcome = 'request_error'
