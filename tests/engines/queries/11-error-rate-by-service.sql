-- Which share of the calls to each service fails?
-- Published: log analytics collections for Athena: share of failed calls.
-- rows: 11
SELECT split_part(eventsource, '.', 1) AS service,
       count(*) AS calls,
       count_if(errorcode IS NOT NULL) AS errors,
       round(100.0 * count_if(errorcode IS NOT NULL) / count(*), 1) AS percent
FROM cloudtrail_logs
WHERE "timestamp" >= '2025/06/05'
GROUP BY split_part(eventsource, '.', 1)
HAVING count_if(errorcode IS NOT NULL) > 0
ORDER BY percent DESC;
