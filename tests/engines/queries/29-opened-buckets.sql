-- Whose buckets were opened, and how?
-- Published: easttimor/aws-incident-response, API watch list of S3.
-- rows: 3
SELECT eventtime, eventname, useridentity.principalid,
       json_extract_scalar(requestparameters, '$.bucketName') AS bucket,
       json_extract_scalar(requestparameters, '$.bucketPolicy.Statement[0].Principal.AWS') AS granted_to,
       json_extract_scalar(requestparameters, '$.PublicAccessBlockConfiguration.BlockPublicPolicy') AS blocks_policies
FROM cloudtrail_logs
WHERE eventname IN ('PutBucketPolicy', 'DeleteBucketPolicy', 'PutBucketAcl', 'PutBucketPublicAccessBlock', 'DeleteBucketPublicAccessBlock')
ORDER BY eventtime;
