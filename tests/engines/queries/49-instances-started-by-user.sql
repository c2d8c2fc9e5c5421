-- Who started instances, of which kinds, in which Regions?
-- Published: cryptomining hunts on `RunInstances`; AWS incident response playbooks.
-- rows: 1
SELECT useridentity.arn, count(*) AS runs,
       array_agg(DISTINCT json_extract_scalar(requestparameters, '$.instanceType')) AS kinds,
       array_agg(DISTINCT awsregion) AS regions
FROM cloudtrail_logs
WHERE eventname IN ('RunInstances', 'RequestSpotFleet', 'CreateFleet')
  AND eventtime BETWEEN '2025-06-01T00:00:00Z' AND '2025-06-30T00:00:00Z'
GROUP BY useridentity.arn
HAVING count(*) > 3;
