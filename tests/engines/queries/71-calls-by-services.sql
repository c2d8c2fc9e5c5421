-- Which services act on behalf of others, and what for?
-- Published: noise reduction in hunting collections, by `invokedby`.
-- rows: 6
SELECT useridentity.invokedby, eventname, count(*) AS calls
FROM cloudtrail_logs
WHERE useridentity.invokedby IS NOT NULL AND month = '06' AND day > '04'
GROUP BY useridentity.invokedby, eventname
ORDER BY calls DESC, eventname;
