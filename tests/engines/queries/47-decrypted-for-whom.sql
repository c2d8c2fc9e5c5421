-- Who decrypted the documents of one department?
-- Published: AWS KMS Developer Guide on encryption context in CloudTrail; envelope encryption audits.
-- rows: 6
SELECT eventtime, useridentity.arn,
       json_extract_scalar(requestparameters, '$.encryptionContext.doc') AS doc
FROM cloudtrail_logs
WHERE eventsource = 'kms.amazonaws.com'
  AND json_extract_scalar(requestparameters, '$.encryptionContext.department') = 'finance'
ORDER BY eventtime DESC;
