-- Which address failed to sign in again and again, and then did not?
-- Published: detections for ATT&CK T1110 on Athena: failures of an address in an hour, then a success.
-- rows: 1
WITH attempts AS (
  SELECT sourceipaddress,
         date_trunc('hour', from_iso8601_timestamp(eventtime)) AS hour,
         coalesce(useridentity.username, useridentity.arn, 'unknown') AS who,
         json_extract_scalar(responseelements, '$.ConsoleLogin') AS outcome
  FROM cloudtrail_logs
  WHERE eventsource = 'signin.amazonaws.com' AND eventname = 'ConsoleLogin'
)
SELECT sourceipaddress, hour,
       count_if(outcome = 'Failure') AS failures,
       count_if(outcome = 'Success') AS successes,
       array_agg(DISTINCT who) AS tried
FROM attempts
GROUP BY sourceipaddress, hour
HAVING count_if(outcome = 'Failure') >= 5 AND count_if(outcome = 'Success') > 0;
