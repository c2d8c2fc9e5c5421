-- Who uses the keys of another account?
-- Published: AWS Architecture Blog, Field Notes, "Analyze Cross-Account AWS KMS Call Usage with AWS CloudTrail and Amazon Athena".
-- rows: 1
SELECT useridentity.accountid AS requester, resources[1].accountid AS key_owner, resources[1].arn AS key_arn,
       count(resources) AS calls
FROM cloudtrail_logs
WHERE eventsource = 'kms.amazonaws.com'
  AND "timestamp" BETWEEN '2025/06/05' AND '2025/06/30'
  AND eventname IN ('Decrypt', 'Encrypt', 'GenerateDataKey')
  AND useridentity.accountid != resources[1].accountid
GROUP BY useridentity.accountid, resources[1].accountid, resources[1].arn
ORDER BY calls DESC;
