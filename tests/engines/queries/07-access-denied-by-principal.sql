-- Who is refused most?
-- Published: easttimor/aws-incident-response, "Principals getting denied the most".
-- rows: 12
SELECT useridentity.principalid, useridentity.arn, count(*) AS denied
FROM cloudtrail_logs
WHERE errorcode IN ('AccessDenied', 'AccessDeniedException', 'Client.UnauthorizedOperation', 'VpceAccessDenied')
  AND region = 'us-east-1' AND year = '2025' AND month = '06'
GROUP BY useridentity.principalid, useridentity.arn
ORDER BY denied DESC
LIMIT 25;
