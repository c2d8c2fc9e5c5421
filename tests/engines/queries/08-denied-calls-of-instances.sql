-- Which calls are EC2 instances denied?
-- Published: easttimor/aws-incident-response, "All EC2 Instance Profiles - most denied event names".
-- rows: 2
SELECT eventsource, eventname, count(*) AS total
FROM cloudtrail_logs
WHERE useridentity.principalid LIKE '%:i-%'
  AND eventname <> 'AssumeRole'
  AND errorcode = 'AccessDenied'
GROUP BY eventsource, eventname
ORDER BY total DESC
LIMIT 25;
