-- Which roles were assumed this month, but not in the last fortnight?
-- Published: least-privilege reviews with Athena: when was each role last assumed.
-- rows: 3
SELECT role_arn, max(assumed) AS last_assumed,
       date_diff('day', max(assumed), current_timestamp) AS days_ago
FROM (
  SELECT json_extract_scalar(requestparameters, '$.roleArn') AS role_arn,
         from_iso8601_timestamp(eventtime) AS assumed
  FROM cloudtrail_logs
  WHERE eventname LIKE 'AssumeRole%' AND errorcode IS NULL AND month = '06' AND day > '04'
)
GROUP BY role_arn
HAVING max(assumed) < current_timestamp - interval '14' day
ORDER BY role_arn;
