-- What happened, in order: signing in, opening doors, taking things?
-- Published: incident timelines, several questions put together.
-- rows: 10
SELECT eventtime, 'sign-in' AS step, eventname, sourceipaddress FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin' AND sourceipaddress = '198.51.100.77' AND errormessage IS NULL
UNION ALL
SELECT eventtime, 'persistence', eventname, sourceipaddress FROM cloudtrail_logs
WHERE eventsource = 'iam.amazonaws.com' AND eventname LIKE 'Create%' AND sourceipaddress = '198.51.100.77'
UNION ALL
SELECT eventtime, 'impact', eventname, sourceipaddress FROM cloudtrail_logs
WHERE eventname IN ('DeleteObject', 'RunInstances') AND errorcode IS NULL AND sourceipaddress = '198.51.100.77'
ORDER BY eventtime;
