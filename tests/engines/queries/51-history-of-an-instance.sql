-- What happened to this instance?
-- Published: easttimor/aws-incident-response, "Recent API calls with a specific instanceId as the target resource".
-- rows: 4
SELECT eventtime, eventname, eventsource, useridentity.arn
FROM cloudtrail_logs
WHERE (requestparameters LIKE '%i-0a1b2c3d4e5f60718%' OR responseelements LIKE '%i-0a1b2c3d4e5f60718%')
  AND eventname NOT LIKE 'Describe%'
  AND eventsource = 'ec2.amazonaws.com'
ORDER BY eventtime
LIMIT 25;
