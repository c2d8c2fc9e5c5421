-- Which instances came of it?
-- Published: incident response runbooks that read `responseelements.instancesSet`.
-- rows: 6
-- duckdb: translated
SELECT eventtime, awsregion,
       json_extract_scalar(instance, '$.instanceId') AS instance_id,
       json_extract_scalar(instance, '$.instanceType') AS instance_type
FROM cloudtrail_logs
CROSS JOIN UNNEST(CAST(json_extract(responseelements, '$.instancesSet.items') AS array(json))) AS t(instance)
WHERE eventname = 'RunInstances' AND useridentity.username = 'oleg'
ORDER BY eventtime, instance_id;
