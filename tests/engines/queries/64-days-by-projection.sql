-- What came in on given days, by the projected partition?
-- Published: Athena User Guide, "Create a table for CloudTrail logs in Athena using partition projection".
-- rows: 3
SELECT "timestamp", count(*) AS events, count(DISTINCT eventname) AS calls
FROM cloudtrail_logs
WHERE "timestamp" >= '2025/06/23' AND "timestamp" < '2025/06/26'
GROUP BY "timestamp"
ORDER BY "timestamp";
