-- When did each Lambda function last run?
-- Published: the find-unused-lambda-functions sample for Athena.
-- rows: 3
SELECT json_extract_scalar(requestparameters, '$.functionName') AS function_name, max(eventtime) AS "Last Run"
FROM cloudtrail_logs
WHERE eventname = 'Invoke'
  AND year = '2025'
  AND from_iso8601_timestamp(eventtime) > current_timestamp - interval '1' month
  AND json_extract_scalar(requestparameters, '$.functionName') LIKE 'arn:aws:lambda:us-east-1:604118273950:%'
GROUP BY json_extract_scalar(requestparameters, '$.functionName')
ORDER BY 2;
