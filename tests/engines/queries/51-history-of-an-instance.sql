-- What happened to this instance?
-- Published: AWS re:Post, "Who terminated my instance"; easttimor/aws-incident-response, "calls with a specific instanceId as the target".
-- rows: 4
SELECT eventtime, eventname, eventsource, useridentity.arn
FROM cloudtrail_logs
WHERE (requestparameters LIKE '%i-0a1b2c3d4e5f60718%' OR responseelements LIKE '%i-0a1b2c3d4e5f60718%')
  AND eventname NOT LIKE 'Describe%'
  AND eventsource = 'ec2.amazonaws.com'
ORDER BY eventtime
LIMIT 25;
