-- Who was given the run of the house?
-- Published: privilege escalation hunts for Athena; easttimor/aws-incident-response, "Adding permissions".
-- rows: 2
SELECT eventtime, eventname, useridentity.arn AS actor,
       coalesce(json_extract_scalar(requestparameters, '$.userName'), json_extract_scalar(requestparameters, '$.roleName')) AS target,
       json_extract_scalar(requestparameters, '$.policyArn') AS policy_arn
FROM cloudtrail_logs
WHERE eventname IN ('AttachUserPolicy', 'AttachRolePolicy', 'AttachGroupPolicy')
  AND json_extract_scalar(requestparameters, '$.policyArn') LIKE '%/AdministratorAccess'
ORDER BY eventtime;
