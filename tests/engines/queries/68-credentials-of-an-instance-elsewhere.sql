-- Are an instance's credentials used where the instance is not?
-- Published: hunts for stolen instance credentials; easttimor/aws-incident-response, "EC2 Instance Compromise".
-- rows: 12
SELECT split_part(useridentity.principalid, ':', 2) AS instance_id,
       array_agg(DISTINCT sourceipaddress) AS addresses
FROM cloudtrail_logs
WHERE regexp_like(useridentity.principalid, ':i-[0-9a-f]+$')
  AND NOT regexp_like(sourceipaddress, 'amazonaws\.com$')
GROUP BY split_part(useridentity.principalid, ':', 2)
HAVING count(DISTINCT sourceipaddress) > 1;
