-- How often is each KMS key used, and for what?
-- Published: policy generators and key reviews that unnest `resources`.
-- rows: 6
SELECT resource.arn AS key_arn, eventname, count(*) AS calls
FROM cloudtrail_logs
CROSS JOIN UNNEST(resources) AS t(resource)
WHERE eventsource = 'kms.amazonaws.com'
  AND resource.type = 'AWS::KMS::Key'
  AND eventtime BETWEEN '2025-06-05' AND '2025-06-30'
GROUP BY resource.arn, eventname
ORDER BY calls DESC, eventname;
