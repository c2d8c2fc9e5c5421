-- Which access keys were made, for whom and by whom?
-- Published: AWS incident response playbooks, credential compromise.
-- rows: 2
SELECT eventtime, useridentity.arn AS made_by,
       json_extract_scalar(responseelements, '$.accessKey.userName') AS made_for,
       json_extract_scalar(responseelements, '$.accessKey.accessKeyId') AS access_key
FROM cloudtrail_logs
WHERE eventname = 'CreateAccessKey' AND errorcode IS NULL
ORDER BY eventtime;
