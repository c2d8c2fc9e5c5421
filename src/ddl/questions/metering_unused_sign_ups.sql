WITH usage AS (
    SELECT
        customer,
        customer_identifier,
        product_code,
        license_arn,
        MAX(submitted_at) AS last_accepted_at
    FROM metering_attempts
    WHERE outcome = 'success'
    GROUP BY customer, customer_identifier, product_code, license_arn
),
by_license AS (
    SELECT license_arn, MAX(last_accepted_at) AS last_accepted_at
    FROM usage
    WHERE license_arn IS NOT NULL
    GROUP BY license_arn
),
by_account AS (
    SELECT customer, product_code, MAX(last_accepted_at) AS last_accepted_at
    FROM usage
    WHERE customer IS NOT NULL AND product_code IS NOT NULL
    GROUP BY customer, product_code
),
by_identifier AS (
    SELECT customer_identifier, product_code, MAX(last_accepted_at) AS last_accepted_at
    FROM usage
    WHERE customer_identifier IS NOT NULL AND product_code IS NOT NULL
    GROUP BY customer_identifier, product_code
),
by_any AS (
    SELECT customer, MAX(last_accepted_at) AS last_accepted_at
    FROM usage
    WHERE customer IS NOT NULL
    GROUP BY customer
)
SELECT
    signed_up.customer_aws_account_id,
    signed_up.customer_identifier,
    signed_up.product_code,
    signed_up.license_arn,
    signed_up.agreement_id,
    signed_up.signed_up_at,
    signed_up.last_resolved_at,
    signed_up.times_resolved,
    by_any.last_accepted_at AS last_usage_of_account_at
FROM metering_sign_ups AS signed_up
LEFT JOIN by_license ON by_license.license_arn = signed_up.license_arn
LEFT JOIN by_account
    ON by_account.customer = signed_up.customer_aws_account_id
    AND by_account.product_code = signed_up.product_code
LEFT JOIN by_identifier
    ON by_identifier.customer_identifier = signed_up.customer_identifier
    AND by_identifier.product_code = signed_up.product_code
LEFT JOIN by_any ON by_any.customer = signed_up.customer_aws_account_id
WHERE COALESCE(by_license.last_accepted_at < signed_up.signed_up_at, TRUE)
    AND COALESCE(by_account.last_accepted_at < signed_up.signed_up_at, TRUE)
    AND COALESCE(by_identifier.last_accepted_at < signed_up.signed_up_at, TRUE)
