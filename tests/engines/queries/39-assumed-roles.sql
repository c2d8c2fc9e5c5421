-- Which roles were assumed by whom?
-- Published: Securosis, "AWS Cloud Incident Analysis Query Cheatsheet"; AWS incident response playbooks, STS token abuse.
-- rows: 7
SELECT eventtime,
       coalesce(useridentity.arn, useridentity.invokedby, useridentity.principalid) AS caller,
       json_extract_scalar(requestparameters, '$.roleArn') AS role_arn,
       json_extract_scalar(requestparameters, '$.roleSessionName') AS session_name,
       json_extract_scalar(responseelements, '$.credentials.accessKeyId') AS issued_key
FROM cloudtrail_logs
WHERE eventsource = 'sts.amazonaws.com' AND eventname = 'AssumeRole'
  AND json_extract_scalar(requestparameters, '$.roleArn') LIKE 'arn:aws:iam::604118273950:%'
ORDER BY eventtime;
