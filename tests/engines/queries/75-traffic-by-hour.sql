-- How many calls are there in each hour of the worst day?
-- Published: security dashboards on CloudTrail and Athena, calls by hour.
-- rows: 4
SELECT date_format(from_iso8601_timestamp(eventtime), '%Y-%m-%d %H:00') AS hour,
       count(*) AS calls,
       sum(count(*)) OVER (ORDER BY date_format(from_iso8601_timestamp(eventtime), '%Y-%m-%d %H:00')) AS so_far
FROM cloudtrail_logs
WHERE substr(eventtime, 1, 10) = '2025-06-24' AND account = '604118273950'
GROUP BY 1
ORDER BY 1;
