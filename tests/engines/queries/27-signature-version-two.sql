-- Who signs S3 requests the old way?
-- Published: Amazon S3 User Guide, "Identifying Amazon S3 Signature Version 2 requests by using CloudTrail".
-- rows: 1
SELECT eventsource, eventname, awsregion, useragent, useridentity.arn,
       json_extract_scalar(additionaleventdata, '$.SignatureVersion') AS signature
FROM cloudtrail_logs
WHERE region = 'us-east-1' AND year = '2025' AND month = '06'
  AND json_extract_scalar(additionaleventdata, '$.SignatureVersion') = 'SigV2';
