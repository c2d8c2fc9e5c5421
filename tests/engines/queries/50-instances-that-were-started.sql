-- Which instances came of it?
-- Published: cryptomining hunts on `RunInstances`.
-- rows: 6
-- duckdb: translated
SELECT eventtime, awsregion,
       json_extract_scalar(instance, '$.instanceId') AS instance_id,
       json_extract_scalar(instance, '$.instanceType') AS instance_type
FROM cloudtrail_logs
CROSS JOIN UNNEST(CAST(json_extract(responseelements, '$.instancesSet.items') AS array(json))) AS t(instance)
WHERE eventname = 'RunInstances' AND useridentity.username = 'oleg'
ORDER BY eventtime, instance_id;
