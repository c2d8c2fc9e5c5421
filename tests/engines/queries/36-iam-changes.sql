-- Who changes IAM, and how often?
-- Published: easttimor/aws-incident-response, "All IAM Changes".
-- rows: 13
SELECT useridentity.principalid, eventname, count(*) AS total
FROM cloudtrail_logs
WHERE eventsource = 'iam.amazonaws.com'
  AND eventname NOT LIKE 'Get%' AND eventname NOT LIKE 'List%' AND eventname NOT LIKE 'Generate%'
  AND year = '2025' AND month = '06' AND day >= '05'
GROUP BY useridentity.principalid, eventname
ORDER BY total DESC;
