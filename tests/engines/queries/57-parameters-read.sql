-- Which parameters were read, one by one?
-- Published: reviews of Parameter Store on `GetParameters`.
-- rows: 2
-- duckdb: translated
SELECT name, useridentity.username, count(*) AS reads
FROM cloudtrail_logs
CROSS JOIN UNNEST(CAST(json_extract(requestparameters, '$.names') AS array(varchar))) AS t(name)
WHERE eventsource = 'ssm.amazonaws.com' AND eventname = 'GetParameters'
GROUP BY name, useridentity.username
ORDER BY name;
