-- Who decrypted the documents of one department?
-- Published: envelope encryption audits, by `encryptionContext`.
-- rows: 6
SELECT eventtime, useridentity.arn,
       json_extract_scalar(requestparameters, '$.encryptionContext.doc') AS doc
FROM cloudtrail_logs
WHERE eventsource = 'kms.amazonaws.com'
  AND json_extract_scalar(requestparameters, '$.encryptionContext.department') = 'finance'
ORDER BY eventtime DESC;
