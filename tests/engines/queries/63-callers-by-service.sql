-- How many callers has each service, roughly?
-- Published: usage overviews by `approx_distinct`.
-- rows: 5
SELECT eventsource, approx_distinct(useridentity.principalid) AS callers
FROM cloudtrail_logs
WHERE account = '604118273950' AND "timestamp" > '2025/06/20'
GROUP BY eventsource
HAVING approx_distinct(useridentity.principalid) > 1
ORDER BY eventsource;
