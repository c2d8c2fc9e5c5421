-- Which events were delivered late or again?
-- Published: CloudTrail User Guide on `addendum`.
-- rows: 1
SELECT *
FROM cloudtrail_logs
WHERE addendum.reason IN ('DELIVERY_DELAY', 'UPDATED_DATA') AND account = '935027416683';
