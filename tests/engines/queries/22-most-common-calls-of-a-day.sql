-- What happens on a given day?
-- Published: easttimor/aws-incident-response, "Most common API actions for a given day".
-- rows: 7
SELECT eventname, count(*) AS total
FROM cloudtrail_logs
WHERE year = '2025' AND month = '06' AND day = '24' AND region IN ('us-east-1', 'ap-southeast-2')
GROUP BY eventname
HAVING count(*) > 1
ORDER BY total DESC;
