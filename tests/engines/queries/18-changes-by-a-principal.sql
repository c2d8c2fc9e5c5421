-- What did this user change, or try to?
-- Published: AWS incident response playbooks; Securosis query cheat sheet, "what did the identity do".
-- rows: 23
SELECT eventtime, eventname, eventsource, errorcode, requestparameters
FROM cloudtrail_logs
WHERE useridentity.arn = 'arn:aws:iam::604118273950:user/oleg'
  AND readonly = 'false'
  AND eventcategory = 'Management'
ORDER BY eventtime;
