-- Which secrets were read from outside of the network?
-- Published: leak investigations on `GetSecretValue`, with partitions of region and year.
-- rows: 2
SELECT eventtime, useridentity.arn AS principal, sourceipaddress,
       json_extract_scalar(requestparameters, '$.secretId') AS secret
FROM cloudtrail_logs
WHERE eventsource = 'secretsmanager.amazonaws.com'
  AND eventname IN ('GetSecretValue', 'BatchGetSecretValue')
  AND sourceipaddress NOT LIKE '10.%'
  AND region = 'us-east-1' AND year IN ('2025', '2026') AND day > '04'
ORDER BY eventtime DESC
LIMIT 500;
