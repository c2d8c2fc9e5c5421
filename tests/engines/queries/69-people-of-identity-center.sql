-- What did a person do through IAM Identity Center?
-- Published: AWS incident response playbooks, Identity Center compromise.
-- rows: 2
SELECT useridentity.onbehalfof.userid, element_at(split(useridentity.arn, '/'), -1) AS email, count(*) AS calls
FROM cloudtrail_logs
WHERE useridentity.onbehalfof.userid IS NOT NULL AND eventtime > '2025-06-05'
GROUP BY 1, 2;
