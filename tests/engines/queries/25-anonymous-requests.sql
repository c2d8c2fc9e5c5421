-- What is read from a bucket anonymously?
-- Published: Amazon S3 User Guide, "Identifying Amazon S3 requests using CloudTrail".
-- rows: 2
SELECT *
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
  AND eventname IN ('GetObject')
  AND useridentity.accountid = 'anonymous'
  AND useridentity.arn IS NULL
  AND requestparameters LIKE '%ledger-exports%';
