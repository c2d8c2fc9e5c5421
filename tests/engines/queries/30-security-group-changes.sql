-- Who changed a security group?
-- Published: AWS Managed Services (Accelerate) change records; easttimor/aws-incident-response, "Network Access".
-- rows: 3
SELECT eventname, useridentity.username, sourceipaddress, eventtime, requestparameters
FROM cloudtrail_logs
WHERE requestparameters LIKE '%sg-0aa11bb22cc33dd44%'
  AND eventtime > '2025-06-01T00:00:00Z'
ORDER BY eventtime ASC;
