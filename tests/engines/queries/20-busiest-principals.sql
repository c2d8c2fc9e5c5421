-- Who makes the most calls of the last week?
-- Published: log analytics collections for Athena, "Top 10 API callers in the last 7 days".
-- rows: 2
SELECT useridentity.arn AS caller, count(*) AS calls
FROM cloudtrail_logs
WHERE eventtime >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%dT%H:%i:%sZ')
  AND useridentity.arn IS NOT NULL
GROUP BY useridentity.arn
ORDER BY calls DESC
LIMIT 2;
