-- Who deleted what from which bucket?
-- Published: AWS Storage Blog, "Amazon S3 audit logging, Part 2", delete operation auditing.
-- rows: 4
SELECT eventtime, useridentity.arn, eventname,
       json_extract_scalar(requestparameters, '$.bucketName') AS bucket,
       json_extract_scalar(requestparameters, '$.key') AS object_key,
       errorcode
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
  AND eventname IN ('DeleteObject', 'DeleteObjects', 'DeleteBucket')
ORDER BY eventtime;
