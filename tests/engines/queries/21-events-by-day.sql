-- How many events come in each day?
-- Published: "Total event count validation" and daily volumes of most Athena walk-throughs.
-- rows: 16
SELECT year, month, day, count(*) AS events
FROM cloudtrail_logs
WHERE account = '604118273950' AND year = '2025' AND month = '06'
GROUP BY year, month, day
ORDER BY year, month, day;
