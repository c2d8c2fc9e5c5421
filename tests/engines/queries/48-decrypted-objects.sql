-- For which objects were data keys asked for?
-- Published: reviews of S3's use of KMS, by `aws:s3:arn` of the encryption context.
-- rows: 2
-- duckdb: translated
SELECT json_extract_scalar(requestparameters, '$.encryptionContext["aws:s3:arn"]') AS object_arn,
       useridentity.arn AS principal, count(*) AS calls
FROM cloudtrail_logs
WHERE eventsource = 'kms.amazonaws.com'
  AND requestparameters LIKE '%aws:s3:arn%'
  AND account = '604118273950'
GROUP BY 1, 2;
