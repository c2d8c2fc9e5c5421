-- Which permissions does a role really use?
-- Published: IAM policy generators for Athena: `service:Action` and the unnested resources of a role.
-- rows: 2
SELECT DISTINCT useridentity.sessioncontext.sessionissuer.arn AS role,
       concat(split_part(eventsource, '.', 1), ':', eventname) AS permission,
       resource.arn AS resource
FROM cloudtrail_logs
CROSS JOIN UNNEST(resources) AS t(resource)
WHERE regexp_like(useridentity.arn, 'ledger-app')
  AND NULLIF(errorcode, '') IS NULL
  AND eventcategory = 'Management';
