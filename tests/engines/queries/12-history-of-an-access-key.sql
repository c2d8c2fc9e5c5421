-- What was this access key used for, from first to last?
-- Published: AWS incident response playbooks, "Credential compromise"; easttimor/aws-incident-response, "All key usage".
-- rows: 49
SELECT eventtime, eventsource, eventname, awsregion, sourceipaddress, errorcode, useragent
FROM cloudtrail_logs
WHERE useridentity.accesskeyid = 'AKIAOLEGLEAKEDEXAMPL'
ORDER BY eventtime ASC;
