-- What was changed by hand in the console?
-- Published: detections of changes in the console, by `sessionCredentialFromConsole`.
-- rows: 12
SELECT eventtime, eventname, useridentity.arn,
       useridentity.sessioncontext.attributes.mfaauthenticated AS mfa,
       useridentity.sessioncontext.attributes.creationdate AS session_started
FROM cloudtrail_logs
WHERE sessioncredentialfromconsole = 'true' AND readonly = 'false'
ORDER BY eventtime;
