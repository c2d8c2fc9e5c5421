-- Whose second factor was taken away?
-- Published: easttimor/aws-incident-response, "Remove MFA from an IAM User".
-- rows: 1
SELECT eventtime, eventname, useridentity.arn, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('DeactivateMFADevice', 'DeleteVirtualMFADevice');
