-- Which instances still get their credentials from version 1 of the metadata service?
-- Published: reviews of instance metadata version 1, by `ec2RoleDelivery`.
-- rows: 19
SELECT useridentity.sessioncontext.sessionissuer.arn AS role_arn,
       split(useridentity.principalid, ':')[2] AS instance_id,
       count(*) AS calls
FROM cloudtrail_logs
WHERE useridentity.sessioncontext.ec2roledelivery = '1.0'
GROUP BY 1, 2;
