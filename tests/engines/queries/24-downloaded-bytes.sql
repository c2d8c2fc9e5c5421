-- How much did each principal take out of a bucket?
-- Published: AWS incident response playbooks, data access; AWS Storage Blog, "Amazon S3 audit logging, Part 2".
-- rows: 4
SELECT useridentity.arn AS principal,
       sourceipaddress,
       count(*) AS downloads,
       sum(CAST(json_extract_scalar(additionaleventdata, '$.bytesTransferredOut') AS double)) AS bytes
FROM cloudtrail_logs
WHERE eventname = 'GetObject'
  AND json_extract_scalar(requestparameters, '$.bucketName') = 'ledger-exports'
  AND errorcode IS NULL
GROUP BY useridentity.arn, sourceipaddress
ORDER BY bytes DESC;
