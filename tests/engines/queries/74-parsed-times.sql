-- What happened within the hour of the break-in?
-- Published: usage dashboards and role reviews that read `eventtime` by `date_parse`.
-- rows: 10
SELECT date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ') AS happened, eventname
FROM cloudtrail_logs
WHERE date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ') BETWEEN timestamp '2025-06-24 02:00:00' AND timestamp '2025-06-24 02:21:00'
  AND account = '604118273950' AND "timestamp" = '2025/06/24'
ORDER BY happened;
