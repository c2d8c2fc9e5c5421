-- When was root used by a person, rather than by a service on its behalf?
-- Published: threat hunting collections for Athena, "Root account usage" of the last days.
-- rows: 4
SELECT eventtime, eventsource, eventname, awsregion, sourceipaddress, useragent
FROM cloudtrail_logs
WHERE useridentity.type = 'Root'
  AND useridentity.invokedby IS NULL
  AND eventtype <> 'AwsServiceEvent'
  AND eventtime > date_format(date_add('day', -30, now()), '%Y-%m-%dT%H:%i:%sZ')
ORDER BY eventtime DESC
LIMIT 100;
