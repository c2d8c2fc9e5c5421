//! Actions of the services that decide who may do what: STS, IAM, KMS, Secrets Manager, sign-in, Identity Center.

use super::action::{Action, read, write};
use crate::generate::identity::Who;

const WORKLOADS: &[Who] = &[Who::Workload, Who::Workload, Who::Instance, Who::Automation, Who::OtherAccount];
const PEOPLE: &[Who] = &[Who::SingleSignOn, Who::SingleSignOn, Who::ConsoleUser, Who::User, Who::Pipeline];
const KEY_RESOURCE: &str =
    r#"[{"accountId":"<account>","type":"AWS::KMS::Key","ARN":"arn:aws:kms:<region>:<account>:key/<@k>"}]"#;

#[rustfmt::skip]
pub(super) const ACTIONS: &[Action] = &[
    read(26, "sts", "AssumeRole", ASSUME_ROLE_REQUEST).by(WORKLOADS).answer(ASSUME_ROLE_RESPONSE)
        .resources(r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<@role>"}]"#)
        .host("sts.<region>.amazonaws.com"),
    read(22, "sts", "AssumeRole", r#"<let:role:<service_role>><let:sn:<pick:AutoScaling|ECSServiceScheduler|ConfigRecorder|<word>-session|securityhub-<digits:6>>>{"roleArn":"arn:aws:iam::<account>:role/<@role>","roleSessionName":"<@sn>"<maybe:4:,"policy":"<policy_text>">,"durationSeconds":<pick:900|3600>}"#)
        .answer(ASSUME_ROLE_RESPONSE)
        .resources(r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<@role>"}]"#)
        .by_service(&[Who::Service], "autoscaling.amazonaws.com"),
    read(30, "sts", "AssumeRole", r#"<let:role:<role>><let:sn:<function>>{"roleArn":"arn:aws:iam::<account>:role/<@role>","roleSessionName":"<@sn>"<maybe:30:,"sourceArn":"arn:aws:lambda:<region>:<account>:function:<@sn>">}"#)
        .answer(ASSUME_ROLE_RESPONSE)
        .resources(r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<@role>"}]"#)
        .by_service(&[Who::Service], "lambda.amazonaws.com"),
    read(9, "sts", "AssumeRoleWithWebIdentity", r#"<let:role:<role>><let:sn:<pick:GitHubActions|botocore-session-17<digits:8>|17<digits:17>>>{"roleArn":"arn:aws:iam::<account>:role/<@role>","roleSessionName":"<@sn>","durationSeconds":3600}"#)
        .answer(r#"{<credentials>,"subjectFromWebIdentityToken":"repo:examplecorp/<word>:ref:refs/heads/main","assumedRoleUser":{"assumedRoleId":"<id:AROA:role>:<@sn>","arn":"arn:aws:sts::<account>:assumed-role/<@role>/<@sn>"},"provider":"arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com","audience":"sts.amazonaws.com"}"#)
        .resources(r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<@role>"}]"#)
        .additional(r#"{"identityProviderConnectionVerificationMethod":"IAMTrustStore"}"#)
        .by(&[Who::Web]),
    read(5, "sts", "AssumeRoleWithSAML", r#"<let:role:<role>>{"sAMLAssertionID":"_<hex:8>-<hex:4>-<hex:4>-<hex:4>-<hex:12>","roleSessionName":"<mail>","durationSeconds":<pick:3600|28800>,"roleArn":"arn:aws:iam::<account>:role/<@role>","principalArn":"arn:aws:iam::<account>:saml-provider/Okta"}"#)
        .answer(r#"{<credentials>,"issuer":"http://www.okta.com/exk<alnum:17>","audience":"https://signin.aws.amazon.com/saml","nameQualifier":"<b64:27:27>\u003d","subjectType":"unspecified","subject":"<mail>"}"#)
        .by(&[Who::Saml]),
    read(22, "sts", "GetCallerIdentity", ""),
    read(3, "sts", "GetFederationToken", r#"{"name":"<first>","durationSeconds":43200,"policy":"<policy_text>"}"#).by(&[Who::User]),
    read(4, "sts", "AssumeRoot", r#"{"targetPrincipal":"<other_account>","taskPolicyArn":{"arn":"arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"}}"#).by(&[Who::SingleSignOn, Who::AssumedRoot]),
    read(150, "kms", "Decrypt", r#"<let:k:<key>>{<maybe:30:"keyId":"arn:aws:kms:<region>:<account>:key/<@k>",>"encryptionContext":{<pick:"aws:s3:arn":"arn:aws:s3:::<bucket>/<object>"|"PARAMETER_ARN":"arn:aws:ssm:<region>:<account>:parameter<parameter>"|"aws:lambda:FunctionArn":"arn:aws:lambda:<region>:<account>:function:<function>"|"SecretARN":"arn:aws:secretsmanager:<region>:<account>:secret:<secret>-Ab12Cd","SecretVersionId":"<guid>">},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#)
        .resources(KEY_RESOURCE)
        .by_service(&[Who::OnBehalf, Who::OnBehalf, Who::OnBehalf, Who::Service], "secretsmanager.amazonaws.com"),
    read(60, "kms", "Decrypt", r#"<let:k:<key>>{"encryptionContext":{"<pick:purpose|tenant|aws:dynamodb:tableName>":"<word>"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#)
        .additional(r#"{"keyMaterialId":"<hex:64>"}"#)
        .resources(KEY_RESOURCE).fails("AccessDenied", "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."),
    read(70, "kms", "GenerateDataKey", r#"<let:k:<key>>{"keyId":"arn:aws:kms:<region>:<account>:key/<@k>","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::<bucket>/<object>"},"keySpec":"AES_256"}"#)
        .resources(KEY_RESOURCE)
        .by_service(&[Who::OnBehalf, Who::Service], "s3.amazonaws.com"),
    read(8, "kms", "Encrypt", r#"<let:k:<key>>{"encryptionContext":{"<word>":"<word>"},"keyId":"alias/<word>","encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#).resources(KEY_RESOURCE),
    write(5, "kms", "CreateGrant", r#"<let:k:<key>>{"retiringPrincipal":"rds.<region>.amazonaws.com","keyId":"arn:aws:kms:<region>:<account>:key/<@k>","operations":["Decrypt","Encrypt","GenerateDataKey","ReEncryptFrom","ReEncryptTo","CreateGrant","RetireGrant","DescribeKey"],"granteePrincipal":"rds.<region>.amazonaws.com","constraints":{"encryptionContextSubset":{"aws:rds:db-id":"db-<b32:26>"}}}"#, r#"{"grantId":"<hex:64>","keyId":"arn:aws:kms:<region>:<account>:key/<@k>"}"#)
        .resources(KEY_RESOURCE).by_service(&[Who::OnBehalf], "rds.amazonaws.com"),
    read(14, "kms", "DescribeKey", r#"<let:k:<key>>{"keyId":"<pick:alias/aws/<pick:s3|ebs|rds|secretsmanager>|arn:aws:kms:<region>:<account>:key/<@k>>"}"#).resources(KEY_RESOURCE),
    read(8, "kms", "ListAliases", r#"{"limit":<pick:50|100>,"keyId":"<guid>"}"#),
    write(1, "kms", "RotateKey", "", "").of_type("AwsServiceEvent").details(r#"{"keyId":"<guid>","rotationType":"AUTOMATIC"}"#).by_service(&[Who::ServiceEvent], "AWS Internal"),
    read(44, "secretsmanager", "GetSecretValue", SECRET_REQUEST).fails("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
    read(12, "secretsmanager", "DescribeSecret", SECRET_REQUEST),
    write(4, "secretsmanager", "PutSecretValue", r#"<let:n:<secret>>{"clientRequestToken":"<GUID>","secretId":"arn:aws:secretsmanager:<region>:<account>:secret:<@n>-Kd82Qx"}"#, r#"{"arn":"arn:aws:secretsmanager:<region>:<account>:secret:<@n>-Kd82Qx"}"#),
    write(2, "secretsmanager", "RotationSucceeded", "", "").of_type("AwsServiceEvent").additional(r#"{"SecretId":"arn:aws:secretsmanager:<region>:<account>:secret:<secret>-Kd82Qx"}"#).by_service(&[Who::ServiceEvent], "secretsmanager.amazonaws.com"),
    read(14, "iam", "GetRole", r#"{"roleName":"<role>"}"#).global().fails("NoSuchEntityException", "The role with name <role> cannot be found."),
    read(8, "iam", "ListAttachedRolePolicies", r#"{"roleName":"<role>"}"#).global(),
    read(8, "iam", "ListRolePolicies", r#"{"roleName":"<role>"<maybe:10:,"maxItems":100>}"#).global(),
    read(6, "iam", "GetPolicyVersion", r#"{"policyArn":"arn:aws:iam::<account>:policy/<policy>","versionId":"v<num:1:5>"}"#).global(),
    read(5, "iam", "ListUsers", r#"{<maybe:50:"maxItems":<pick:100|1000>>}"#).global().by(PEOPLE),
    read(3, "iam", "GetAccountAuthorizationDetails", r#"{"filter":["Role","LocalManagedPolicy"],"maxItems":1000,"marker":"<b64:280:420>"}"#).global(),
    write(2, "iam", "CreateRole", r#"<let:role:<role>>{"path":"/","roleName":"<@role>","description":"<sentence>","assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"<pick:lambda|ec2|ecs-tasks|glue>.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"<maybe:30:,\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"<account>\"}}>}]}","maxSessionDuration":3600,"tags":[<tags>]}"#, r#"{"role":{"path":"/","roleName":"<@role>","roleId":"<id:AROA:role>","arn":"arn:aws:iam::<account>:role/<@role>","createDate":"<java:0:0>","assumeRolePolicyDocument":"%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22lambda.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D","tags":[<tags>]}}"#).global().by(PEOPLE)
        .fails("EntityAlreadyExistsException", "Role with name <role> already exists."),
    write(3, "iam", "PutRolePolicy", r#"{"roleName":"<role>","policyName":"<policy>","policyDocument":"<policy_text>"}"#, "").global().by(PEOPLE)
        .fails("MalformedPolicyDocumentException", "Syntax errors in policy."),
    write(2, "iam", "CreatePolicyVersion", r#"{"policyArn":"arn:aws:iam::<account>:policy/<policy>","policyDocument":"<policy_text>","setAsDefault":true}"#, r#"{"policyVersion":{"versionId":"v<num:2:40>","isDefaultVersion":true,"createDate":"<java:0:0>"}}"#).global().by(PEOPLE),
    write(2, "iam", "AttachRolePolicy", r#"{"roleName":"<role>","policyArn":"arn:aws:iam::<pick:aws|<account>>:policy/<policy>"}"#, "").global().by(PEOPLE),
    write(1, "iam", "CreateAccessKey", r#"<let:u:<user>>{"userName":"<@u>"}"#, r#"{"accessKey":{"accessKeyId":"AKIA<b32:16>","status":"Active","userName":"<@u>","createDate":"<java:0:0>"}}"#).global().by(PEOPLE),
    write(4, "signin", "ConsoleLogin", "", r#"{"ConsoleLogin":"<pick:Success|Success|Success|Success|Success|Failure>"}"#).global().of_type("AwsConsoleSignIn")
        .additional(r#"{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue\u0026state\u003dhashArgsFromTB_<region>_<hex:16>","MobileVersion":"No","MFAIdentifier":"arn:aws:iam::<account>:mfa/<first>","MFAUsed":"<pick:Yes|Yes|No>"}"#)
        .by(&[Who::ConsoleUser, Who::SingleSignOn, Who::SingleSignOn, Who::Root]).host("<region>.signin.aws.amazon.com"),
    write(2, "signin", "SwitchRole", "", r#"{"SwitchRole":"Success"}"#).global().of_type("AwsConsoleSignIn")
        .additional(r#"{"SwitchFrom":"arn:aws:iam::<account>:user/<user>","RedirectTo":"https://console.aws.amazon.com/ec2/v2/home?region\u003d<region>#Instances:sort\u003dinstanceId"}"#).by(&[Who::ConsoleUser, Who::SingleSignOn]),
    read(6, "sso", "ListProfilesForApplication", "").by(&[Who::Unknown, Who::IdentityCenter]),
    read(5, "sso", "GetRoleCredentials", "").additional(r#"{"CredentialType":"PASSWORD"}"#).of_type("AwsServiceEvent").by(&[Who::Unknown, Who::Directory]).details(r#"{"role_name":"<sso_role>","account_id":"<account>"}"#),
    write(3, "signin", "UserAuthentication", "", "").of_type("AwsServiceEvent").additional(r#"{"AuthWorkflowID":"<guid>","LoginTo":"https://d-<hex:10>.awsapps.com/start/","CredentialType":"EXTERNAL_IDP"}"#).details(r#"{"UserAuthentication":"Success"}"#).by(&[Who::Unknown, Who::IdentityCenter]),
    read(6, "kms", "Decrypt", "").network().by(&[Who::Workload, Who::Instance, Who::Role]).fails("VpceAccessDenied", "The request was denied due to a VPC endpoint policy"),
    read(3, "secretsmanager", "GetSecretValue", "").network().by(&[Who::Workload, Who::Instance]).fails("VpceAccessDenied", "The request was denied due to a VPC endpoint policy"),
];

const ASSUME_ROLE_REQUEST: &str = r#"<let:role:<role>><let:sn:<pick:<word>-<num:1:40>|botocore-session-17<digits:8>|DatadogAWSIntegration|<team>-automation>>{"roleArn":"arn:aws:iam::<account>:role/<@role>","roleSessionName":"<@sn>"<maybe:20:,"externalId":"<hex:32>"><maybe:60:,"durationSeconds":3600><maybe:5:,"policy":"<policy_text>"><maybe:8:,"tags":[<tags>],"transitiveTagKeys":["Team"]>}"#;
const ASSUME_ROLE_RESPONSE: &str = r#"{<credentials>,"assumedRoleUser":{"assumedRoleId":"<id:AROA:role>:<@sn>","arn":"arn:aws:sts::<account>:assumed-role/<@role>/<@sn>"}}"#;

const SECRET_REQUEST: &str = r#"{"secretId":"<pick:<secret>|arn:aws:secretsmanager:<region>:<account>:secret:<secret>-Kd82Qx>"<maybe:25:,"versionStage":"AWSCURRENT">}"#;
