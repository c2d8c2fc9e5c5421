-- What is left of a principal's activity when the noise is taken out?
-- Published: easttimor/aws-incident-response, "Limit some noise".
-- rows: 11
SELECT eventname, count(*) AS total
FROM cloudtrail_logs
WHERE userIdentity.arn LIKE '%assumed-role/AWSReservedSSO_%'
  AND eventName NOT LIKE 'Describe%'
  AND eventName NOT LIKE 'List%'
  AND eventName NOT LIKE 'Get%'
GROUP BY eventname
ORDER BY total DESC, eventname;
