-- What did root do? All columns.
-- Published: easttimor/aws-incident-response, "Root Credential Use".
-- rows: 5
SELECT *
FROM cloudtrail_logs
WHERE useridentity.type = 'Root' AND year = '2025' AND month = '06';
