-- Who deleted what from which bucket?
-- Published: AWS re:Post, "How do I find out who deleted objects in my S3 bucket"; AWS Storage Blog, S3 audit logging part 2.
-- rows: 4
SELECT eventtime, useridentity.arn, eventname,
       json_extract_scalar(requestparameters, '$.bucketName') AS bucket,
       json_extract_scalar(requestparameters, '$.key') AS object_key,
       errorcode
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
  AND eventname IN ('DeleteObject', 'DeleteObjects', 'DeleteBucket')
ORDER BY eventtime;
