-- What was done with the credentials that a principal got by assuming roles?
-- Published: investigations that join `AssumeRole` to what its session did.
-- rows: 4
WITH issued AS (
  SELECT useridentity.arn AS caller,
         json_extract_scalar(requestparameters, '$.roleArn') AS role_arn,
         json_extract_scalar(responseelements, '$.credentials.accessKeyId') AS access_key
  FROM cloudtrail_logs
  WHERE eventname = 'AssumeRole' AND useridentity.accesskeyid IS NOT NULL
)
SELECT i.caller, i.role_arn, l.eventtime, l.eventsource, l.eventname, l.errorcode
FROM cloudtrail_logs l
JOIN issued i ON l.useridentity.accesskeyid = i.access_key
ORDER BY l.eventtime;
