-- What fails, and what is said of it?
-- Published: easttimor/aws-incident-response, "Most common error codes" and "API Errors".
-- rows: 18
SELECT errorcode, coalesce(errormessage, '') AS message, count(errorcode) AS total
FROM cloudtrail_logs
WHERE errorcode IS NOT NULL AND errorcode <> ''
  AND eventsource <> 'metering-marketplace.amazonaws.com'
  AND account = '604118273950'
GROUP BY errorcode, coalesce(errormessage, '')
ORDER BY total DESC, errorcode, message;
