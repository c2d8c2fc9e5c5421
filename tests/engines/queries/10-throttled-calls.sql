-- Which calls are throttled, minute by minute?
-- Published: AWS re:Post Knowledge Center on "Rate exceeded" errors, found with Athena.
-- rows: 2
SELECT date_trunc('minute', from_iso8601_timestamp(eventtime)) AS minute,
       eventsource, eventname, useridentity.sessioncontext.sessionissuer.username AS role,
       count(*) AS throttled
FROM cloudtrail_logs
WHERE errorcode IN ('Client.RequestLimitExceeded', 'ThrottlingException', 'Throttling', 'TooManyRequestsException')
  AND from_iso8601_timestamp(eventtime) BETWEEN timestamp '2025-06-23 00:00:00' AND timestamp '2025-06-24 00:00:00'
GROUP BY 1, 2, 3, 4
ORDER BY throttled DESC;
