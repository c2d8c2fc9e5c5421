-- Which long-lived keys are used from more than one place?
-- Published: incident response guides on leaked access keys.
-- rows: 1
SELECT useridentity.accesskeyid AS access_key,
       array_agg(DISTINCT sourceipaddress) AS addresses,
       cardinality(array_agg(DISTINCT sourceipaddress)) AS how_many
FROM cloudtrail_logs
WHERE useridentity.accesskeyid LIKE 'AKIA%'
  AND regexp_like(sourceipaddress, '^\d+\.\d+\.\d+\.\d+$')
  AND "timestamp" BETWEEN '2025/06/05' AND '2025/06/30'
GROUP BY useridentity.accesskeyid
HAVING count(DISTINCT sourceipaddress) > 1;
