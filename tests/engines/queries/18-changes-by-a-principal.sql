-- What did this user change, or try to?
-- Published: Securosis, "AWS Cloud Incident Analysis Query Cheatsheet"; investigation guides, "All non-read-only actions by a specific principal".
-- rows: 23
SELECT eventtime, eventname, eventsource, errorcode, requestparameters
FROM cloudtrail_logs
WHERE useridentity.arn = 'arn:aws:iam::604118273950:user/oleg'
  AND readonly = 'false'
  AND eventcategory = 'Management'
ORDER BY eventtime;
