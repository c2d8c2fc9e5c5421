-- How often does each user sign in, from how many addresses, and when last?
-- Published: security dashboards on CloudTrail and Athena, sign-ins by user.
-- rows: 3
SELECT useridentity.username AS username,
       count(*) AS sign_ins,
       count(DISTINCT sourceipaddress) AS addresses,
       max(from_iso8601_timestamp(eventtime)) AS last_sign_in
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin'
  AND responseelements LIKE '%"ConsoleLogin":"Success"%'
  AND useridentity.username IS NOT NULL
GROUP BY 1
ORDER BY 2 DESC, 1;
