-- What did this address do?
-- Published: easttimor/aws-incident-response, "Activity from potentially malicious source ip"; Securosis, "AWS Cloud Incident Analysis Query Cheatsheet".
-- rows: 25
SELECT eventtime, eventsource, eventname, awsregion, useridentity.arn, errorcode
FROM cloudtrail_logs
WHERE sourceipaddress = '198.51.100.77' AND year = '2025' AND month = '06' AND day = '24'
ORDER BY eventtime DESC
LIMIT 25;
