-- Which network activity did an endpoint policy deny?
-- Published: CloudTrail User Guide on network activity events.
-- rows: 1
SELECT eventtime, eventsource, eventname, useridentity.accountid, vpcendpointid, errorcode, errormessage
FROM cloudtrail_logs
WHERE eventcategory = 'NetworkActivity' AND errorcode = 'VpceAccessDenied' AND year = '2025' AND account = '604118273950';
