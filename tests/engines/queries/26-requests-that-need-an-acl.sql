-- Which requests would fail if access control lists were switched off?
-- Published: Amazon S3 User Guide, on requests that need access control lists (`aclRequired`).
-- rows: 1
SELECT eventtime, eventname,
       json_extract_scalar(requestparameters, '$.bucketName') AS bucket,
       json_extract_scalar(requestparameters, '$.key') AS object_key,
       json_extract_scalar(additionaleventdata, '$.aclRequired') AS acl_required
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
  AND json_extract_scalar(additionaleventdata, '$.aclRequired') = 'Yes'
ORDER BY eventtime;
