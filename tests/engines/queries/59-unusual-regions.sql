-- Is anything changed where nothing should be?
-- Published: incident walk-throughs with Athena, "Unusual region activity".
-- rows: 1
SELECT awsregion, eventname, useridentity.arn, count(*) AS calls
FROM cloudtrail_logs
WHERE region NOT IN ('us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1')
  AND readonly = 'false'
  AND account = '604118273950'
GROUP BY awsregion, eventname, useridentity.arn;
