-- With which programs is the key used?
-- Published: easttimor/aws-incident-response, "Look for user agent anomalies for key".
-- rows: 3
SELECT useragent, count(*) AS total
FROM cloudtrail_logs
WHERE useridentity.accesskeyid = 'AKIAOLEGLEAKEDEXAMPL'
GROUP BY useragent
ORDER BY total DESC;
