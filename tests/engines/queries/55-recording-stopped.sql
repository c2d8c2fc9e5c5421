-- Who tried to blind CloudTrail, Config or GuardDuty?
-- Published: easttimor/aws-incident-response, "CloudTrail Disruption", "GuardDuty Disruption" and Config's.
-- rows: 4
SELECT eventtime, eventsource, eventname, useridentity.arn, coalesce(errorcode, 'done') AS outcome
FROM cloudtrail_logs
WHERE eventname IN ('StopLogging', 'DeleteTrail', 'UpdateTrail', 'PutEventSelectors')
   OR (eventsource = 'config.amazonaws.com' AND regexp_like(eventname, '^(Stop|Delete)'))
   OR (eventsource = 'guardduty.amazonaws.com' AND eventname LIKE 'Delete%')
ORDER BY eventtime;
