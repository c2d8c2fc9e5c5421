-- Who signed in from one place soon after another?
-- Published: impossible-travel hunts by `lag` over console sign-ins.
-- rows: 4
WITH sign_ins AS (
  SELECT useridentity.username AS username, eventtime, sourceipaddress,
         lag(sourceipaddress) OVER (PARTITION BY useridentity.username ORDER BY eventtime) AS former_address,
         lag(eventtime) OVER (PARTITION BY useridentity.username ORDER BY eventtime) AS former_time
  FROM cloudtrail_logs
  WHERE eventname = 'ConsoleLogin' AND useridentity.username IS NOT NULL
)
SELECT username, former_address, sourceipaddress,
       date_diff('hour', from_iso8601_timestamp(former_time), from_iso8601_timestamp(eventtime)) AS hours
FROM sign_ins
WHERE former_address <> sourceipaddress
ORDER BY hours;
