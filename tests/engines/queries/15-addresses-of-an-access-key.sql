-- From where is the key used, and since when?
-- Published: easttimor/aws-incident-response, "Look for source ip anomalies".
-- rows: 2
SELECT sourceipaddress,
       count(*) AS total,
       min_by(eventname, eventtime) AS first_call,
       max_by(eventname, eventtime) AS last_call,
       date_diff('minute', min(from_iso8601_timestamp(eventtime)), max(from_iso8601_timestamp(eventtime))) AS minutes
FROM cloudtrail_logs
WHERE useridentity.accesskeyid = 'AKIAOLEGLEAKEDEXAMPL'
GROUP BY sourceipaddress
ORDER BY total DESC;
