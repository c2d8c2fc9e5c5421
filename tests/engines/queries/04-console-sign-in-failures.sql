-- From where, and as whom, did signing in fail more than once?
-- Published: incident walk-throughs with Athena, "Failed login detection" and "Users with failed logins".
-- rows: 1
SELECT useridentity.username, sourceipaddress, errormessage,
       count(*) AS failures, min(eventtime) AS first_seen, max(eventtime) AS last_seen
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin'
  AND errormessage IN ('Failed authentication', 'No username found in supplied account')
GROUP BY useridentity.username, sourceipaddress, errormessage
HAVING count(*) > 1
ORDER BY failures DESC;
