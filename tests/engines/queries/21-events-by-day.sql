-- How many events come in each day?
-- Published: incident walk-throughs with Athena, "Total event count validation".
-- rows: 16
SELECT year, month, day, count(*) AS events
FROM cloudtrail_logs
WHERE account = '604118273950' AND year = '2025' AND month = '06'
GROUP BY year, month, day
ORDER BY year, month, day;
