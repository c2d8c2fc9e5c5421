-- Who asks many services many questions within an hour?
-- Published: detections for Athena: many List, Describe and Get calls of one identity across services within an hour.
-- rows: 1
SELECT useridentity.arn AS identity,
       date_trunc('hour', from_iso8601_timestamp(eventtime)) AS hour,
       count(DISTINCT eventname) AS distinct_calls,
       count(DISTINCT eventsource) AS distinct_services,
       count_if(errorcode LIKE '%Denied%') AS refused
FROM cloudtrail_logs
WHERE regexp_like(eventname, '^(List|Describe|Get)')
  AND useridentity.type IN ('IAMUser', 'AssumedRole', 'Root', 'FederatedUser')
  AND sourceipaddress NOT LIKE '%.amazonaws.com'
GROUP BY 1, 2
HAVING count(DISTINCT eventname) >= 10 AND count(DISTINCT eventsource) >= 5;
