-- Who works at night or at weekends?
-- Published: anomaly hunts by hour and weekday.
-- rows: 12
SELECT useridentity.arn AS principal,
       hour(from_iso8601_timestamp(eventtime)) AS hour,
       day_of_week(from_iso8601_timestamp(eventtime)) AS weekday,
       count(*) AS calls
FROM cloudtrail_logs
WHERE useridentity.type = 'IAMUser' AND readonly = 'false'
  AND (day_of_week(from_iso8601_timestamp(eventtime)) > 5 OR hour(from_iso8601_timestamp(eventtime)) NOT BETWEEN 6 AND 20)
GROUP BY 1, 2, 3
ORDER BY 1, 2;
