WITH resolved AS (
    SELECT
        {{utc event_time}} AS signed_up_at,
        recipient_account_id,
        NULLIF({{json response_elements customerIdentifier}}, '') AS customer_identifier,
        NULLIF(COALESCE(
            {{json response_elements customerAWSAccountId}},
            {{json response_elements customerAWSAccountID}},
            {{json response_elements customerAwsAccountId}}
        ), '') AS customer_aws_account_id,
        NULLIF({{json response_elements productCode}}, '') AS product_code,
        NULLIF({{json response_elements licenseArn}}, '') AS license_arn,
        NULLIF({{json response_elements metadata.agreementId}}, '') AS agreement_id
    FROM events
    WHERE event_source LIKE 'metering-marketplace.%'
        AND event_name = 'ResolveCustomer'
        AND response_elements IS NOT NULL
)
SELECT
    customer_identifier,
    customer_aws_account_id,
    product_code,
    license_arn,
    agreement_id,
    recipient_account_id,
    MIN(signed_up_at) AS signed_up_at,
    MAX(signed_up_at) AS last_resolved_at,
    COUNT(*) AS times_resolved
FROM resolved
WHERE customer_identifier IS NOT NULL OR customer_aws_account_id IS NOT NULL OR license_arn IS NOT NULL
GROUP BY
    customer_identifier, customer_aws_account_id, product_code, license_arn, agreement_id, recipient_account_id
