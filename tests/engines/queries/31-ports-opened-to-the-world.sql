-- Which ports were opened to everybody?
-- Published: incident response collections on `AuthorizeSecurityGroupIngress`.
-- rows: 2
-- duckdb: translated
SELECT t.eventtime, t.useridentity.arn AS who,
       json_extract_scalar(t.requestparameters, '$.groupId') AS security_group,
       json_extract_scalar(rule, '$.fromPort') AS port
FROM cloudtrail_logs t
CROSS JOIN UNNEST(CAST(json_extract(t.requestparameters, '$.ipPermissions.items') AS array(json))) AS u(rule)
WHERE t.eventname = 'AuthorizeSecurityGroupIngress'
  AND json_extract_scalar(rule, '$.ipRanges.items[0].cidrIp') = '0.0.0.0/0'
ORDER BY t.eventtime;
