-- What did services do by themselves?
-- Published: dashboards on service events, by `serviceeventdetails`.
-- rows: 1
SELECT eventtime, eventsource, eventname,
       json_extract_scalar(serviceeventdetails, '$.keyId') AS key_id
FROM cloudtrail_logs
WHERE eventtype = 'AwsServiceEvent' AND eventname = 'RotateKey' AND account = '604118273950';
