-- Which disks were given to other accounts?
-- Published: easttimor/aws-incident-response, "Share EBS Snapshot".
-- rows: 1
SELECT eventtime, useridentity.arn,
       json_extract_scalar(requestparameters, '$.snapshotId') AS snapshot,
       json_extract_scalar(requestparameters, '$.createVolumePermission.add.items[0].userId') AS given_to
FROM cloudtrail_logs
WHERE eventname = 'ModifySnapshotAttribute'
  AND json_array_length(json_extract(requestparameters, '$.createVolumePermission.add.items')) > 0;
