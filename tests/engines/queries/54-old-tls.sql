-- Who still comes with TLS 1.0 or 1.1?
-- Published: AWS Security Blog, "TLS 1.2 to become the minimum"; AWS re:Post, "How do I find callers with old TLS".
-- rows: 2
SELECT eventsource, awsregion, useragent, tlsdetails.tlsversion, tlsdetails.ciphersuite, count(*) AS calls
FROM cloudtrail_logs
WHERE tlsdetails.tlsversion IN ('TLSv1', 'TLSv1.0', 'TLSv1.1')
GROUP BY eventsource, awsregion, useragent, tlsdetails.tlsversion, tlsdetails.ciphersuite
ORDER BY calls DESC;
