-- Who still comes with TLS 1.0 or 1.1?
-- Published: AWS Cloud Operations Blog, "Using AWS CloudTrail Lake to identify older TLS connections to AWS service endpoints"; AWS Security Blog on TLS 1.2.
-- rows: 2
SELECT eventsource, awsregion, useragent, tlsdetails.tlsversion, tlsdetails.ciphersuite, count(*) AS calls
FROM cloudtrail_logs
WHERE tlsdetails.tlsversion IN ('TLSv1', 'TLSv1.0', 'TLSv1.1')
GROUP BY eventsource, awsregion, useragent, tlsdetails.tlsversion, tlsdetails.ciphersuite
ORDER BY calls DESC;
