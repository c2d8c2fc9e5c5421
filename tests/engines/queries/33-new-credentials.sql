-- Who made users, keys and passwords of late?
-- Published: easttimor/aws-incident-response, "Add/Update Credentials"; forensic sets, "Who created IAM credentials in the last 7 days".
-- rows: 4
SELECT eventtime, useridentity.arn AS who, eventname, requestparameters, sourceipaddress
FROM cloudtrail_logs
WHERE eventname IN ('CreateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile', 'CreateUser', 'UpdateAccessKey')
  AND from_iso8601_timestamp(eventtime) > current_timestamp - interval '7' day
ORDER BY eventtime DESC;
