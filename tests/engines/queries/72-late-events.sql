-- Which events were delivered late or again?
-- Published: CloudTrail User Guide, `addendum`.
-- rows: 1
SELECT eventid, eventtime, addendum.reason, addendum.originaleventid
FROM cloudtrail_logs
WHERE addendum.reason IS NOT NULL AND account = '935027416683';
