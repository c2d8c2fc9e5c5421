-- Whose key is this?
-- Published: easttimor/aws-incident-response, "Find the IAM Principal and AWS Account associated with Access Key".
-- rows: 3
SELECT DISTINCT useridentity.principalid, useridentity.arn, useridentity.accountid, region
FROM cloudtrail_logs
WHERE useridentity.accesskeyid = 'AKIAOLEGLEAKEDEXAMPL' AND year = '2025' AND month = '06';
