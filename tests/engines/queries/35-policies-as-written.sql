-- What do the policies allow that were written?
-- Published: privilege escalation hunts, which read the policy document inside of `requestparameters`.
-- rows: 3
SELECT eventtime, eventname,
       json_extract_scalar(json_extract_scalar(requestparameters, '$.policyDocument'), '$.Statement[0].Effect') AS effect,
       json_extract_scalar(json_extract_scalar(requestparameters, '$.policyDocument'), '$.Statement[0].Action') AS action
FROM cloudtrail_logs
WHERE eventsource = 'iam.amazonaws.com'
  AND eventname IN ('PutUserPolicy', 'PutRolePolicy', 'CreatePolicyVersion', 'UpdateAssumeRolePolicy')
ORDER BY eventtime;
