-- What was changed in sessions without a second factor?
-- Published: hunting collections for Athena, by `sessioncontext.attributes.mfaauthenticated`.
-- rows: 3
SELECT useridentity.sessioncontext.sessionissuer.username AS role, eventname, count(*) AS changes
FROM cloudtrail_logs
WHERE useridentity.sessioncontext.attributes.mfaauthenticated = 'false'
  AND readonly = 'false'
  AND eventsource IN ('lambda.amazonaws.com', 'iam.amazonaws.com', 'cloudformation.amazonaws.com')
  AND eventtime > '2025-06-04'
GROUP BY 1, 2
ORDER BY 1, 2;
