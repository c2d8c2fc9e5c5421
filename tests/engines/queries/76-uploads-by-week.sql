-- How much was uploaded each week, and through which endpoint?
-- Published: usage reports of S3, by `bytesTransferredIn`.
-- rows: 2
SELECT date_trunc('week', from_iso8601_timestamp(eventtime)) AS week, vpcendpointid,
       sum(try_cast(json_extract_scalar(additionaleventdata, '$.bytesTransferredIn') AS bigint)) AS bytes
FROM cloudtrail_logs
WHERE eventname = 'PutObject' AND json_extract_scalar(requestparameters, '$.bucketName') = 'ledger-exports'
GROUP BY 1, 2
ORDER BY 1;
