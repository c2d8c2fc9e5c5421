-- What did a user do for the first time this week?
-- Published: anomaly hunts by `row_number`.
-- rows: 33
SELECT eventname, eventtime, sourceipaddress
FROM (
  SELECT eventname, eventtime, sourceipaddress,
         row_number() OVER (PARTITION BY useridentity.arn, eventsource, eventname ORDER BY eventtime) AS nth
  FROM cloudtrail_logs
  WHERE useridentity.arn = 'arn:aws:iam::604118273950:user/oleg'
) AS calls
WHERE nth = 1 AND date(from_iso8601_timestamp(eventtime)) >= date '2025-06-24'
ORDER BY eventtime;
