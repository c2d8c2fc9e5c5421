-- What comes through VPC endpoints?
-- Published: data perimeter reviews, by VPC endpoint.
-- rows: 3
SELECT vpcendpointid, vpcendpointaccountid, eventsource, count(*) AS calls, count(DISTINCT useridentity.arn) AS principals
FROM cloudtrail_logs
WHERE vpcendpointid IS NOT NULL AND account = '604118273950'
GROUP BY vpcendpointid, vpcendpointaccountid, eventsource
ORDER BY calls DESC;
