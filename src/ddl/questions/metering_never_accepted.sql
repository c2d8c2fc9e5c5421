SELECT *
FROM metering_attempts
WHERE answer_order = 1 AND times_accepted = 0 AND times_duplicate = 0 AND outcome <> 'unknown'
