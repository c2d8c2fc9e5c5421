//! The pools that names, ids and addresses come from. In: nothing. Out: a table of templates, each with how many
//! entries it has and who shares them. Never holds the entries: they are made when asked for (see [`super::template`]).

/// Who shares the entries of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One set for the whole organisation.
    Organisation,
    /// A set for each account.
    Account,
    /// A set for each account and region.
    Region,
    /// No set at all: a new value each time. Such a "pool" is just a named template.
    Fresh,
}

/// One pool.
#[derive(Debug)]
pub(super) struct ValuePool {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) entries: usize,
    pub(super) template: &'static str,
}

const fn pool(name: &'static str, scope: Scope, entries: usize, template: &'static str) -> ValuePool {
    ValuePool { name, scope, entries, template }
}

use Scope::{Account, Fresh, Organisation, Region};

#[rustfmt::skip]
pub(super) const POOLS: &[ValuePool] = &[
    // Words.
    pool("word", Fresh, 0, "<pick:orders|invoice|catalog|search|session|payment|ledger|profile|media|report|metrics|audit|import|export|notify|mailer|fraud|risk|pricing|quote|shipping|stock|returns|loyalty|survey|feature|model|train|score|ingest|stream|replay|archive|backup|index|cache|queue|relay|portal|gateway|tenant|license|usage|meter|billing|tax|rates|geo|image|video|thumb|render|export-eu|sandbox|canary|blue|green|atlas|hermes|orion|phoenix|kraken|falcon>"),
    pool("stage", Fresh, 0, "<pick:prod|prod|prod|prod|staging|staging|dev|dev|test|sandbox>"),
    pool("team", Fresh, 0, "<pick:platform|payments|data|growth|security|mobile|ml|core|retail|logistics|finance|sre>"),
    pool("first", Fresh, 0, "<pick:anna|bert-jan|carlos|chen|deepa|elif|fatima|george|hannah|ivan|jose|kenji|lena|maria|nina|oleg|priya|quentin|rosa|sam|tomasz|uma|viktor|wei|ximena|yusuf|zoe>"),
    pool("last", Fresh, 0, "<pick:almeida|becker|chowdhury|dubois|eriksson|fischer|garcia|haddad|ito|jensen|kowalski|larsson|moreau|novak|okafor|patel|quinn|rossi|schmidt|tanaka|ueda|vargas|weber|xu|yamada|zimmer>"),
    pool("sentence", Fresh, 0, "<pick:Managed by terraform|created by pipeline|Nächtlicher Lauf für Köln|temporary \\u2013 remove after migration|キャッシュ再構築|do not delete!|see RFC-<num:100:999>|обновление отчёта|R\\u00e9gion Île-de-France|owner: <first>.<last>@example.com|\\\"<word>\\\" backfill of <num:2:90> days|<word> & <word> sync \\u003d on>"),
    // Identities.
    pool("role", Account, 36, "<pick:<word>-<pick:api|worker|ingest|deploy|reader|writer|scheduler|gateway|exporter|runner>-<stage>|<word>-<stage>-role-<lower:8>|<word>-lambda|<team>-<word>|ecsTaskExecutionRole>"),
    pool("sso_role", Account, 6, "AWSReservedSSO_<pick:AdministratorAccess|ReadOnlyAccess|PowerUserAccess|DataEngineer|Billing|SecurityAudit>_<hex:16>"),
    pool("service_role", Account, 12, "aws-service-role/<pick:autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling|rds.amazonaws.com/AWSServiceRoleForRDS|config.amazonaws.com/AWSServiceRoleForConfig|securityhub.amazonaws.com/AWSServiceRoleForSecurityHub|guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty|ecs.amazonaws.com/AWSServiceRoleForECS|eks.amazonaws.com/AWSServiceRoleForAmazonEKS|trustedadvisor.amazonaws.com/AWSServiceRoleForTrustedAdvisor>"),
    pool("user", Account, 14, "<pick:<first>.<last>|<first>|svc-<word>-<pick:ci|backup|legacy>|<last><num:1:99>>"),
    pool("mail", Organisation, 120, "<first>.<last><maybe:20:<num:2:9>>@example.com"),
    pool("idp_user", Organisation, 120, "<hex:10>-<guid>"),
    pool("other_account", Organisation, 40, "<digits:12>"),
    // Places.
    pool("address", Account, 60, "<pick:<num:3:54>.<num:0:255>.<num:0:255>.<num:1:254>|<num:52:99>.<num:0:255>.<num:0:255>.<num:1:254>|10.<num:0:63>.<num:0:255>.<num:1:254>|10.<num:0:63>.<num:0:255>.<num:1:254>|172.31.<num:0:255>.<num:1:254>|2600:1f18:<hex:4>:<hex:4>:<hex:4>:<hex:4>:<hex:4>:<hex:4>>"),
    pool("office", Organisation, 12, "<num:80:217>.<num:0:255>.<num:0:255>.<num:1:254>"),
    pool("vpce", Region, 5, "vpce-0<hex:16>"),
    // Resources.
    pool("instance", Region, 48, "i-0<hex:16>"),
    pool("volume", Region, 60, "vol-0<hex:16>"),
    pool("snapshot", Region, 80, "snap-0<hex:16>"),
    pool("image", Region, 10, "ami-0<hex:16>"),
    pool("vpc", Region, 4, "vpc-0<hex:16>"),
    pool("subnet", Region, 12, "subnet-0<hex:16>"),
    pool("group", Region, 24, "sg-0<hex:16>"),
    pool("route_table", Region, 10, "rtb-0<hex:16>"),
    pool("interface", Region, 90, "eni-0<hex:16>"),
    pool("key", Region, 14, "<pick:<guid>|<guid>|<guid>|mrk-<hex:32>>"),
    pool("bucket", Account, 22, "<pick:acme|acme|contoso|examplecorp>-<word>-<stage>-<pick:<account>|<lower:8>|eu-west-1|data|logs>"),
    pool("object", Fresh, 0, "<pick:<word>/year\\u003d2025/month\\u003d0<num:1:9>/day\\u003d<num:10:28>/part-000<num:10:99>-<guid>.c000.snappy.parquet|<word>/<word>/<num:1:400>.json|<word>/config.json|AWSLogs/<account>/elasticloadbalancing/<region>/2025/06/<num:10:28>/<account>_elasticloadbalancing_<region>_app.<word>-<stage>.<hex:16>_<basic:-900:0>_10.<num:0:63>.<num:0:255>.<num:1:254>_<lower:8>.log.gz|<word>/<guid>/<num:1:40>.json|uploads/<hex:2>/<hex:2>/<hex:40>|<word>/<word>-<num:1:5000>.csv|tenants/<num:1:800>/<word>/latest.json|models/<word>/<num:1:60>/model.tar.gz|Rechnungen/März/Rechnung-<num:10000:99999>.pdf|帳票/<num:1:12>月/<word>.xlsx|tmp/<word> copy (<num:1:9>).txt>"),
    pool("prefix", Account, 40, "<word>/<maybe:60:year\\u003d2025/month\\u003d0<num:1:9>/><maybe:30:day\\u003d<num:10:28>/>"),
    pool("table", Region, 14, "<pick:<word>-<stage>|<word>_<word>|<stage>-<word>-events|terraform-locks>"),
    pool("function", Region, 40, "<word>-<pick:handler|worker|api|trigger|resizer|authorizer>-<stage>"),
    pool("queue", Region, 20, "<word>-<pick:jobs|events|dlq|inbox>-<stage>"),
    pool("topic", Region, 12, "<word>-<pick:alerts|events|fanout>"),
    pool("log_group", Region, 50, "<pick:/aws/lambda/<word>-<pick:handler|worker|api>-<stage>|/aws/ecs/<word>-<stage>|/aws/eks/<word>/cluster|/aws/codebuild/<word>|API-Gateway-Execution-Logs_<lower:10>/<stage>|/aws/rds/instance/<word>-<num:1:4>/postgresql>"),
    pool("secret", Region, 20, "<stage>/<word>/<pick:db|api-key|oauth|tls>"),
    pool("parameter", Region, 60, "/<stage>/<word>/<pick:db/url|feature-flags|image-tag|timeout|endpoint|config>"),
    pool("cluster", Region, 5, "<word>-<stage>"),
    pool("repository", Region, 24, "<team>/<word>"),
    pool("stack", Region, 24, "<word>-<stage>-<pick:network|service|pipeline|data|iam>"),
    pool("database", Region, 10, "<word>-<stage>-<pick:aurora|postgres|mysql>"),
    pool("alarm", Region, 40, "<word>-<pick:cpu-high|5xx|latency-p99|dlq-depth|disk-full>-<stage>"),
    pool("dns_zone", Account, 8, "Z<upper:20>"),
    pool("load_balancer", Region, 10, "app/<word>-<stage>/<hex:16>"),
    pool("policy", Account, 20, "<word>-<pick:read|write|deploy|boundary>-policy"),
    pool("tags", Fresh, 0, "{\"key\":\"Name\",\"value\":\"<word>-<stage>\"},{\"key\":\"Environment\",\"value\":\"<stage>\"}<maybe:50:,{\"key\":\"Team\",\"value\":\"<team>\"}><maybe:40:,{\"key\":\"CostCenter\",\"value\":\"<num:1000:1040>\"}><maybe:12:,{\"key\":\"Description\",\"value\":\"<sentence>\"}><maybe:30:,{\"key\":\"terraform:workspace\",\"value\":\"<stage>-<region>\"}>"),
    pool("identity", Fresh, 0, "\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"<id:AIDA:u>\",\"arn\":\"arn:aws:iam::<account>:user/<@u>\",\"accountId\":\"<account>\",\"accessKeyId\":\"<id:AKIA:u>\",\"userName\":\"<@u>\""),
    pool("credentials", Fresh, 0, "\"credentials\":{\"accessKeyId\":\"ASIA<b32:16>\",\"sessionToken\":\"<session_token>\",\"expiration\":\"<java:900:43200>\"}"),
    pool("statement", Fresh, 0, "{\\n      \\\"Sid\\\": \\\"<word><num:1:99>\\\",\\n      \\\"Effect\\\": \\\"<pick:Allow|Allow|Allow|Deny>\\\",\\n      \\\"Action\\\": [<many:1:5:\\n        \\\"<pick:s3:GetObject|s3:PutObject|s3:ListBucket|dynamodb:GetItem|dynamodb:Query|kms:Decrypt|sqs:SendMessage|logs:PutLogEvents|ec2:Describe*|secretsmanager:GetSecretValue>\\\">\\n      ],\\n      \\\"Resource\\\": \\\"<pick:*|arn:aws:s3:::<bucket>/*|arn:aws:dynamodb:<region>:<account>:table/<table>>\\\"\\n    }"),
    pool("policy_text", Fresh, 0, "{\\n  \\\"Version\\\": \\\"2012-10-17\\\",\\n  \\\"Statement\\\": [\\n    <many:1:6:<statement>>\\n  ]\\n}"),
    pool("session_token", Fresh, 0, "IQoJb3JpZ2luX2VjE<b64:260:380><pick:|\\u003d|\\u003d\\u003d>"),
];
