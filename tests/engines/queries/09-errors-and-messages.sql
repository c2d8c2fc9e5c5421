-- What fails, and what is said of it?
-- Published: Athena User Guide and AWS Support articles on finding API errors; Security Lake sample queries, "unauthorized attempts".
-- rows: 18
SELECT errorcode, coalesce(errormessage, '') AS message, count(errorcode) AS total
FROM cloudtrail_logs
WHERE errorcode IS NOT NULL AND errorcode <> ''
  AND eventsource <> 'metering-marketplace.amazonaws.com'
  AND account = '604118273950'
GROUP BY errorcode, coalesce(errormessage, '')
ORDER BY total DESC, errorcode, message;
