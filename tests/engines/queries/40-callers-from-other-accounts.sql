-- Which other accounts come in here?
-- Published: AWS Storage Blog, "Amazon S3 audit logging, Part 2", cross-account access.
-- rows: 6
SELECT recipientaccountid, useridentity.accountid AS from_account, eventsource, eventname, count(*) AS calls
FROM cloudtrail_logs
WHERE useridentity.accountid <> recipientaccountid
  AND useridentity.accountid NOT IN ('anonymous')
  AND eventtime >= '2025-06-05'
GROUP BY recipientaccountid, useridentity.accountid, eventsource, eventname
ORDER BY calls DESC;
