SELECT
    metering_attempts.*,
    {{allocated usage_allocations}} AS allocated_quantity
FROM metering_attempts
WHERE outcome = 'success' AND acceptance_order = 1
