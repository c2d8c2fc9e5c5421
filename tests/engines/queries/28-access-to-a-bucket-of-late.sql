-- Who touched this bucket in the last six days?
-- Published: investigation guides, "All access to a specific S3 bucket in the last 24 hours".
-- rows: 10
SELECT eventtime, useridentity.arn AS actor, eventname, sourceipaddress,
       json_extract_scalar(requestparameters, '$.key') AS object_key
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
  AND json_extract_scalar(requestparameters, '$.bucketName') = 'ledger-exports'
  AND from_iso8601_timestamp(eventtime) > current_timestamp - interval '144' hour
ORDER BY eventtime DESC;
