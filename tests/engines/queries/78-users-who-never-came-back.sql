-- Which users signed in this month, but did not call anything?
-- Published: inactive user reviews by NOT EXISTS.
-- rows: 1
SELECT DISTINCT s.useridentity.username
FROM cloudtrail_logs s
WHERE s.eventname = 'ConsoleLogin' AND s.useridentity.type = 'IAMUser' AND s.useridentity.arn IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM cloudtrail_logs c
    WHERE c.useridentity.arn = s.useridentity.arn AND c.eventsource <> 'signin.amazonaws.com'
  );
