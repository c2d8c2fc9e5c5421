WITH accounts AS (
    SELECT account_id, NULLIF(aws_account_id, '') AS aws_account_id, NULLIF(encrypted_account_id, '') AS customer_identifier
    FROM (
        SELECT
            account_id,
            aws_account_id,
            encrypted_account_id,
            delete_date,
            ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY valid_from DESC, update_date DESC) AS version
        FROM accountfeed_v1
    ) AS versions
    WHERE version = 1 AND COALESCE(delete_date, '') = ''
),
identified AS (
    SELECT customer_identifier, MIN(aws_account_id) AS aws_account_id
    FROM accounts
    WHERE customer_identifier IS NOT NULL
    GROUP BY customer_identifier
    HAVING MIN(aws_account_id) = MAX(aws_account_id)
),
products AS (
    SELECT product_id, product_code
    FROM (
        SELECT
            product_id,
            product_code,
            delete_date,
            ROW_NUMBER() OVER (PARTITION BY product_id ORDER BY valid_from DESC, update_date DESC) AS version
        FROM productfeed_v1
    ) AS versions
    WHERE version = 1 AND COALESCE(delete_date, '') = ''
),
billing AS (
    SELECT *
    FROM (
        SELECT
            billingeventfeed_v1.*,
            ROW_NUMBER() OVER (PARTITION BY billing_event_id ORDER BY valid_from DESC, update_date DESC) AS version
        FROM billingeventfeed_v1
    ) AS versions
    WHERE version = 1 AND COALESCE(delete_date, '') = ''
),
invoiced AS (
    SELECT
        CAST(date_trunc('month', CAST(NULLIF(SUBSTR(billing.usage_period_start_date, 1, 10), '') AS DATE)) AS DATE) AS usage_month,
        accounts.aws_account_id,
        products.product_code,
        billing.currency,
        SUM(CAST(COALESCE(NULLIF(billing.amount, ''), '0') AS DECIMAL(38, 6))) AS amount
    FROM billing
    LEFT JOIN accounts ON accounts.account_id = billing.end_user_account_id
    LEFT JOIN products ON products.product_id = billing.product_id
    WHERE billing.action = 'INVOICED' AND billing.transaction_type = 'SELLER_REV_SHARE'
    GROUP BY 1, 2, 3, 4
),
metered AS (
    SELECT
        monthly.usage_period_start_date AS usage_month,
        COALESCE(monthly.customer_aws_account_id, identified.aws_account_id) AS aws_account_id,
        monthly.product_code,
        SUM(monthly.records) AS records,
        SUM(monthly.records_with_usage) AS records_with_usage,
        SUM(monthly.quantity) AS quantity
    FROM metering_monthly AS monthly
    LEFT JOIN identified ON identified.customer_identifier = monthly.customer_identifier
    GROUP BY 1, 2, 3
)
SELECT
    COALESCE(metered.usage_month, invoiced.usage_month) AS usage_month,
    COALESCE(metered.aws_account_id, invoiced.aws_account_id) AS aws_account_id,
    COALESCE(metered.product_code, invoiced.product_code) AS product_code,
    CASE
        WHEN invoiced.amount IS NULL THEN 'metered, not invoiced'
        WHEN metered.records IS NULL THEN 'invoiced, not metered'
        ELSE 'both'
    END AS seen,
    metered.records,
    metered.records_with_usage,
    metered.quantity,
    invoiced.amount,
    invoiced.currency
FROM metered
FULL OUTER JOIN invoiced
    ON invoiced.usage_month = metered.usage_month
    AND invoiced.aws_account_id = metered.aws_account_id
    AND invoiced.product_code = metered.product_code
ORDER BY usage_month, aws_account_id, product_code
