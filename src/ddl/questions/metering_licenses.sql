SELECT
    license_arn,
    CASE WHEN MIN(product_code) = MAX(product_code) THEN MIN(product_code) END AS product_code,
    CASE WHEN MIN(agreement_id) = MAX(agreement_id) THEN MIN(agreement_id) END AS agreement_id
FROM metering_sign_ups
WHERE license_arn IS NOT NULL
GROUP BY license_arn
