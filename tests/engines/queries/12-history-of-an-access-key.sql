-- What was this access key used for, from first to last?
-- Published: easttimor/aws-incident-response, "All key usage"; AWS incident response playbooks, credential compromise.
-- rows: 49
SELECT eventtime, eventsource, eventname, awsregion, sourceipaddress, errorcode, useragent
FROM cloudtrail_logs
WHERE useridentity.accesskeyid = 'AKIAOLEGLEAKEDEXAMPL'
ORDER BY eventtime ASC;
