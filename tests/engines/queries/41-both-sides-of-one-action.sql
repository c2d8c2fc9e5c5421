-- Which actions were delivered to two accounts?
-- Published: CloudTrail User Guide on `sharedEventID`.
-- rows: 4
SELECT sharedeventid, min(eventname) AS eventname,
       array_join(array_sort(array_agg(DISTINCT recipientaccountid)), ', ') AS accounts
FROM cloudtrail_logs
WHERE sharedeventid IS NOT NULL
GROUP BY sharedeventid
HAVING count(DISTINCT recipientaccountid) > 1
ORDER BY sharedeventid;
