SELECT customer_identifier, MIN(customer_aws_account_id) AS customer_aws_account_id
FROM metering_sign_ups
WHERE customer_identifier IS NOT NULL
GROUP BY customer_identifier
HAVING MIN(customer_aws_account_id) = MAX(customer_aws_account_id)
