//! Actions of the services that keep things: S3, `DynamoDB`, SQS, SNS, Kinesis, RDS, Glue, Athena.

use super::action::{Action, DYNAMO_REQUEST, S3_REQUEST, read, write};
use crate::generate::identity::Who;

const S3_READERS: &[Who] = &[
    Who::Workload,
    Who::Workload,
    Who::Instance,
    Who::User,
    Who::Automation,
    Who::SingleSignOn,
    Who::OtherAccount,
    Who::Scoped,
    Who::Workload,
    Who::User,
    Who::Delegate,
];
const OBJECT: &str = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::<@b>/<@o>"},{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<@b>"}]"#;
const OBJECT_PREFIX: &str = r#"[{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::<@b>/<@p>"},{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<@b>"}]"#;
const BUCKET: &str = r#"[{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<@b>"}]"#;
const GET_EXTRA: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"<pick:TLS_AES_128_GCM_SHA256|TLS_AES_128_GCM_SHA256|ECDHE-RSA-AES128-GCM-SHA256>","bytesTransferredIn":0,<maybe:60:"SSEApplied":"<pick:Default_SSE_S3|SSE_KMS>",>"AuthenticationMethod":"AuthHeader","x-amz-id-2":"<b64:75:75>\u003d","bytesTransferredOut":<num:0:9000000>}"#;
const PUT_EXTRA: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":<num:10:9000000>,"SSEApplied":"<pick:Default_SSE_S3|SSE_KMS>","AuthenticationMethod":"<pick:AuthHeader|AuthHeader|QueryString>","x-amz-id-2":"<b64:75:75>\u003d","bytesTransferredOut":0}"#;
const S3_HOST: &str = "<@b>.s3.<region>.amazonaws.com";
const TABLE: &str = r#"[{"accountId":"<account>","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:<region>:<account>:table/<@t>"}]"#;

#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    read(118, "s3", "GetObject", r#"<let:b:<bucket>><let:o:<object>>{"bucketName":"<@b>","Host":"<@b>.s3.<region>.amazonaws.com","key":"<@o>"<maybe:6:,"X-Amz-Date":"<basic:-60:0>","X-Amz-Algorithm":"AWS4-HMAC-SHA256","x-amz-checksum-mode":"ENABLED","X-Amz-SignedHeaders":"host","X-Amz-Expires":"<num:60:43200>">}"#)
        .data().by(S3_READERS).additional(GET_EXTRA).resources(OBJECT).request_id(S3_REQUEST).host(S3_HOST).fails("NoSuchKey", "The specified key does not exist."),
    write(40, "s3", "PutObject", r#"<let:b:<bucket>><let:o:<object>>{"bucketName":"<@b>","Host":"<@b>.s3.<region>.amazonaws.com","key":"<@o>"<maybe:30:,"x-amz-acl":"bucket-owner-full-control"><maybe:20:,"x-amz-server-side-encryption":"aws:kms">}"#, r#"{<maybe:60:"x-amz-server-side-encryption":"AES256","x-amz-expiration":"expiry-date\u003d\"Sat, 28 Jun 2025 00:00:00 GMT\", rule-id\u003d\"<word>\"",>"x-amz-version-id":"<alnum:32>"}"#)
        .data().by(S3_READERS).additional(PUT_EXTRA).resources(OBJECT).request_id(S3_REQUEST).host(S3_HOST),
    read(30, "s3", "HeadObject", r#"<let:b:<bucket>><let:o:<object>>{"bucketName":"<@b>","Host":"<@b>.s3.<region>.amazonaws.com","key":"<@o>"}"#)
        .data().by(S3_READERS).additional(GET_EXTRA).resources(OBJECT).request_id(S3_REQUEST).host(S3_HOST).fails("NoSuchKey", "The specified key does not exist."),
    read(26, "s3", "ListObjects", r#"<let:b:<bucket>><let:p:<prefix>>{"list-type":"2","bucketName":"<@b>","encoding-type":"url","prefix":"<@p>"<maybe:60:,"max-keys":"<pick:1000|100|1>"><maybe:30:,"delimiter":"/">,"Host":"<@b>.s3.<region>.amazonaws.com"<maybe:12:,"continuation-token":"<b64:80:140>\u003d">}"#)
        .data().by(S3_READERS).additional(GET_EXTRA).resources(OBJECT_PREFIX).request_id(S3_REQUEST).host(S3_HOST),
    read(4, "s3", "GetObject", r#"<let:b:<bucket>><let:o:static/<word>/<word>.<pick:js|css|png>>{"bucketName":"<@b>","Host":"<@b>.s3.amazonaws.com","key":"<@o>"}"#)
        .data().by(&[Who::Anonymous]).additional(r#"{"CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"x-amz-id-2":"<b64:75:75>\u003d","bytesTransferredOut":<num:0:90000>}"#).resources(OBJECT).request_id(S3_REQUEST).host("<@b>.s3.amazonaws.com"),
    write(8, "s3", "DeleteObjects", r#"<let:b:<bucket>>{"delete":"","bucketName":"<@b>","Host":"<@b>.s3.<region>.amazonaws.com"}"#, "").data().by(S3_READERS).additional(PUT_EXTRA)
        .resources(r#"[{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<@b>"},{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::<@b>/"}]"#).request_id(S3_REQUEST).host(S3_HOST),
    read(12, "s3", "GetBucketAcl", r#"<let:b:<bucket>>{"acl":"","bucketName":"<@b>","Host":"<@b>.s3.<region>.amazonaws.com"}"#).by_service(&[Who::Service, Who::OnBehalf], "config.amazonaws.com").additional(GET_EXTRA).resources(BUCKET).request_id(S3_REQUEST),
    read(12, "s3", "GetBucketLocation", r#"<let:b:<bucket>>{"location":"","bucketName":"<@b>","Host":"<@b>.s3.<region>.amazonaws.com"}"#).additional(GET_EXTRA).resources(BUCKET).request_id(S3_REQUEST).host(S3_HOST),
    read(7, "s3", "GetBucketPolicyStatus", r#"<let:b:<bucket>>{"bucketName":"<@b>","policyStatus":"","Host":"s3.<region>.amazonaws.com"}"#).additional(GET_EXTRA).resources(BUCKET).request_id(S3_REQUEST).fails("NoSuchBucketPolicy", "The bucket policy does not exist"),
    read(7, "s3", "GetBucketPublicAccessBlock", r#"<let:b:<bucket>>{"publicAccessBlock":"","bucketName":"<@b>","Host":"<@b>.s3.<region>.amazonaws.com"}"#).additional(GET_EXTRA).resources(BUCKET).request_id(S3_REQUEST).host(S3_HOST).fails("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
    read(6, "s3", "ListBuckets", r#"{"Host":"s3.<region>.amazonaws.com"}"#).additional(GET_EXTRA).request_id(S3_REQUEST),
    write(1, "s3", "PutBucketPolicy", r#"<let:b:<bucket>>{"bucketPolicy":{"Version":"2012-10-17","Statement":[<many:1:4:{"Sid":"<word>","Effect":"<pick:Allow|Deny>","Principal":{"AWS":"arn:aws:iam::<other_account>:root"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::<@b>/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}>]},"bucketName":"<@b>","policy":"","Host":"<@b>.s3.<region>.amazonaws.com"}"#, "").by(&[Who::Pipeline, Who::SingleSignOn]).additional(PUT_EXTRA).resources(BUCKET).request_id(S3_REQUEST).host(S3_HOST),
    read(30, "dynamodb", "GetItem", r#"<let:t:<table>>{"tableName":"<@t>","key":{"<pick:pk|id|tenantId>":"HIDDEN_DUE_TO_SECURITY_REASONS"<maybe:40:,"sk":"HIDDEN_DUE_TO_SECURITY_REASONS">},"consistentRead":<pick:true|false>}"#).data().resources(TABLE).request_id(DYNAMO_REQUEST).api_version("2012-08-10").by(&[Who::Workload, Who::Workload, Who::Instance, Who::Pipeline]),
    read(22, "dynamodb", "Query", r#"<let:t:<table>>{"tableName":"<@t>","indexName":"gsi<num:1:3>","keyConditionExpression":"(#pk \u003d :pk) AND begins_with(#sk, :sk)","limit":<pick:1|25|100>,"scanIndexForward":false}"#).data().resources(TABLE).request_id(DYNAMO_REQUEST).api_version("2012-08-10").by(&[Who::Workload, Who::Workload, Who::Instance])
        .fails("ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."),
    write(16, "dynamodb", "PutItem", r#"<let:t:<table>>{"tableName":"<@t>","key":{"pk":"HIDDEN_DUE_TO_SECURITY_REASONS"},"items":["pk","sk",<many:1:6:"<word>">],"conditionExpression":"attribute_not_exists(pk)"}"#, "").data().resources(TABLE).request_id(DYNAMO_REQUEST).api_version("2012-08-10").by(&[Who::Workload, Who::Instance, Who::User])
        .fails("ConditionalCheckFailedException", "The conditional request failed"),
    read(14, "dynamodb", "DescribeTable", r#"<let:t:<table>>{"tableName":"<@t>"}"#).resources(TABLE).request_id(DYNAMO_REQUEST).api_version("2012-08-10").fails("ResourceNotFoundException", "Requested resource not found: Table: <table> not found"),
    write(1, "dynamodb", "UpdateTable", r#"<let:t:<table>>{"tableName":"<@t>","provisionedThroughput":{"readCapacityUnits":<num:5:4000>.0,"writeCapacityUnits":<num:5:4000>.0}}"#, r#"{"tableDescription":{"tableName":"<@t>","tableStatus":"UPDATING","creationDateTime":"<java:-90000000:-900000>","itemCount":<num:0:90000000>,"tableSizeBytes":<num:0:90000000000>,"provisionedThroughput":{"numberOfDecreasesToday":0,"readCapacityUnits":<num:5:4000>,"writeCapacityUnits":<num:5:4000>},"tableArn":"arn:aws:dynamodb:<region>:<account>:table/<@t>"}}"#).resources(TABLE).request_id(DYNAMO_REQUEST).api_version("2012-08-10").by_service(&[Who::OnBehalf], "dynamodb.application-autoscaling.amazonaws.com"),
    write(14, "sqs", "SendMessage", r#"<let:q:<queue>>{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<@q>","messageBody":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#, r#"{"messageId":"<guid>","mD5OfMessageBody":"<hex:32>"}"#).data().by(&[Who::Workload, Who::Instance, Who::User]).resources(r#"[{"accountId":"<account>","type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:<region>:<account>:<@q>"}]"#),
    read(18, "sqs", "GetQueueAttributes", r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<queue>","attributeNames":["<pick:All|ApproximateNumberOfMessages>"]}"#).fails("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
    read(5, "sns", "GetTopicAttributes", r#"{"topicArn":"arn:aws:sns:<region>:<account>:<topic>"}"#).api_version("2010-03-31"),
    write(8, "sns", "Publish", r#"{"topicArn":"arn:aws:sns:<region>:<account>:<topic>","message":"HIDDEN_DUE_TO_SECURITY_REASONS","subject":"HIDDEN_DUE_TO_SECURITY_REASONS","messageAttributes":{"severity":{"dataType":"Number","stringValue":"<num:1:5>"}}}"#, r#"{"messageId":"<guid>"}"#).data().by(&[Who::Workload, Who::Service]).resources(r#"[{"accountId":"<account>","type":"AWS::SNS::Topic","ARN":"arn:aws:sns:<region>:<account>:<topic>"}]"#),
    read(6, "kinesis", "GetShardIterator", r#"{"streamName":"<word>-<stage>","shardId":"shardId-0000000000<num:10:99>","shardIteratorType":"AT_SEQUENCE_NUMBER","startingSequenceNumber":<pick:"495903<digits:50>"|"495903<digits:50>"|495903<digits:50>>}"#),
    read(12, "rds", "DescribeDBInstances", r#"{<pick:"dBInstanceIdentifier":"<database>"|"maxRecords":100<maybe:30:,"marker":"<b64:120:180>\u003d">|"filters":[{"name":"db-cluster-id","values":["<database>"]}]>}"#).fails("DBInstanceNotFoundFault", "DBInstance <database> not found."),
    read(5, "rds", "DescribeDBClusters", r#"{"dBClusterIdentifier":"<database>","includeShared":false}"#),
    write(1, "rds", "CreateDBSnapshot", r#"<let:d:<database>><let:n:<@d>-<iso:0:0>>{"dBSnapshotIdentifier":"<@d>-<digits:8>","dBInstanceIdentifier":"<@d>"}"#, r#"{"dBSnapshotIdentifier":"<@d>-<digits:8>","dBInstanceIdentifier":"<@d>","engine":"postgres","allocatedStorage":<num:20:4000>,"status":"creating","port":5432,"availabilityZone":"<region>a","vpcId":"<vpc>","masterUsername":"<first>","engineVersion":"15.<num:2:7>","licenseModel":"postgresql-license","snapshotType":"manual","iops":3000,"percentProgress":0,"storageType":"gp3","encrypted":true,"kmsKeyId":"arn:aws:kms:<region>:<account>:key/<key>","dBSnapshotArn":"arn:aws:rds:<region>:<account>:snapshot:<@d>-<digits:8>","dbiResourceId":"db-<b32:26>","tagList":[],"originalSnapshotCreateTime":"<java:0:0>","storageThroughput":0,"multiTenant":false}"#).by(&[Who::Automation, Who::Pipeline]),
    read(10, "glue", "GetTable", r#"{"catalogId":"<account>","databaseName":"<word>_<stage>","name":"<word>_<word>"}"#).fails("EntityNotFoundException", "Entity Not Found"),
    read(8, "glue", "GetPartitions", r#"{"databaseName":"<word>_<stage>","tableName":"<word>","expression":"(dt \u003e\u003d '2025-06-<num:10:28>') AND (region IN ('eu','us'))","segment":{"segmentNumber":<num:0:9>,"totalSegments":10},"excludeColumnSchema":true}"#),
    write(7, "athena", "StartQueryExecution", r#"{"queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","clientRequestToken":"<guid>","queryExecutionContext":{"database":"<word>_<stage>","catalog":"AwsDataCatalog"},"workGroup":"<pick:primary|<team>>","resultConfiguration":{"outputLocation":"s3://<bucket>/<prefix>"}}"#, r#"{"queryExecutionId":"<guid>"}"#),
    read(12, "athena", "GetQueryExecution", r#"{"queryExecutionId":"<guid>"}"#),
];
