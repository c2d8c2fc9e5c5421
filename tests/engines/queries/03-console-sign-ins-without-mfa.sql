-- Who came in by the console with a password alone?
-- Published: threat hunting collections for Athena, "Console logins without MFA".
-- rows: 3
SELECT eventtime,
       useridentity.username AS username,
       sourceipaddress,
       json_extract_scalar(additionaleventdata, '$.MFAUsed') AS mfa_used
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin'
  AND json_extract_scalar(responseelements, '$.ConsoleLogin') = 'Success'
  AND json_extract_scalar(additionaleventdata, '$.MFAUsed') <> 'Yes'
  AND useridentity.type = 'IAMUser'
ORDER BY eventtime;
