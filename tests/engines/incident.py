"""Writes CloudTrail archives of an invented month in three invented accounts, for `queries/` to find things in.

In: a folder. Out: `AWSLogs/<account>/CloudTrail/<region>/YYYY/MM/DD/*.json.gz` below it, as CloudTrail lays them out, the same
bytes each time. Never: reads anything, or copies an event from elsewhere.

    python tests/engines/incident.py FOLDER

The story: the access key of a user leaks; an attacker explores with it, opens doors, mines and takes data, while the company
works on around them.
"""

import gzip
import json
import sys
import uuid
from collections import defaultdict
from pathlib import Path

PRODUCTION, SANDBOX, AUDIT = '604118273950', '271849360517', '935027416683'
PARTNER = '518830062947'
OFFICE, HOME, THIEF, INSTANCE_IP = '203.0.113.10', '203.0.113.99', '198.51.100.77', '10.20.3.4'
LEAKED_KEY, IDA_KEY = 'AKIAOLEGLEAKEDEXAMPL', 'AKIAIDAIDAIDAEXAMPLE'
INSTANCE, MINER = 'i-0a1b2c3d4e5f60718', 'i-0fedcba9876543210'
BUCKET, LOG_BUCKET = 'ledger-exports', 'central-trail'
KEY_ARN = f'arn:aws:kms:us-east-1:{PRODUCTION}:key/7d1f0c52-93a4-4a0e-b1de-2f6c85aa0017'
SHARED_KEY_ARN = f'arn:aws:kms:eu-west-1:{SANDBOX}:key/0c3e6a94-6b1d-4f6e-9a77-c41b52d0e9f3'
CLI, BROWSER = 'aws-cli/2.15.30 md/Botocore#2.4.5 exe/x86_64.ubuntu.22', 'Mozilla/5.0 (X11; Linux x86_64)'
SDK, OLD_SDK = 'Boto3/1.34.84 md/Botocore#1.34.84', 'aws-sdk-java/1.11.160 Linux/4.14'
RUNNER = 'token.actions.githubusercontent.com'

EVENTS = []


def user(name, key=None, mfa=None, created='2025-06-01T06:00:00Z', account=PRODUCTION):
    """An IAM user; with `mfa` it is a session in the console."""
    identity = {
        'type': 'IAMUser', 'principalId': f'AIDA{name.upper():X<17}', 'arn': f'arn:aws:iam::{account}:user/{name}',
        'accountId': account, 'accessKeyId': key, 'userName': name,
    }
    if mfa is not None:
        identity['sessionContext'] = {
            'sessionIssuer': {}, 'webIdFederationData': {},
            'attributes': {'creationDate': created, 'mfaAuthenticated': mfa},
        }
    return {member: value for member, value in identity.items() if value is not None}


def role(name, session, key, account=PRODUCTION, created='2025-06-01T06:00:00Z', mfa='false', path='', **more):
    """A session of a role; `more` goes into its context."""
    principal = f'AROA{name.upper().replace("-", ""):X<17.17}'
    issuer = {
        'type': 'Role', 'principalId': principal, 'arn': f'arn:aws:iam::{account}:role/{path}{name}',
        'accountId': account, 'userName': name,
    }
    context = {'sessionIssuer': issuer, 'webIdFederationData': {},
               'attributes': {'creationDate': created, 'mfaAuthenticated': mfa}}
    return {
        'type': 'AssumedRole', 'principalId': f'{principal}:{session}',
        'arn': f'arn:aws:sts::{account}:assumed-role/{name}/{session}', 'accountId': account, 'accessKeyId': key,
        'sessionContext': context | more,
    }


def root(account=PRODUCTION, key=None):
    identity = {'type': 'Root', 'principalId': account, 'arn': f'arn:aws:iam::{account}:root', 'accountId': account}
    return identity | ({'accessKeyId': key} if key else {})


OLEG, IDA = user('oleg', LEAKED_KEY), user('ida', IDA_KEY)
IDA_CONSOLE = user('ida', 'ASIAIDACONSOLEEXAMPL', mfa='true', created='2025-06-09T08:00:05Z')
APP = role('ledger-app', INSTANCE, 'ASIAAPPAPPAPPEXAMPLE', ec2RoleDelivery='2.0')
OLD_APP = role('reports-app', MINER, 'ASIAREPORTSOLDEXAMPL', ec2RoleDelivery='1.0')
DEPLOY = role('deploy', 'build-4711', 'ASIADEPLOYRUNEXAMPLE', webIdFederationData={
    'federatedProvider': f'arn:aws:iam::{PRODUCTION}:oidc-provider/{RUNNER}',
    'attributes': {f'{RUNNER}:sub': 'repo:acme/ledger:ref:refs/heads/main', f'{RUNNER}:aud': 'sts.amazonaws.com'},
})
ADMIN = role('AWSReservedSSO_Administrator_8f3a1c', 'mira@example.com', 'ASIASSOADMINEXAMPLE1', mfa='true',
             path='aws-reserved/sso.amazonaws.com/') | {'onBehalfOf': {
                 'userId': '54f8e4d8-70c1-7041-55c5-1a2b3c4d5e6f',
                 'identityStoreArn': f'arn:aws:identitystore::{PRODUCTION}:identitystore/d-9067a1b2c3'}}
PARTNER_READER = role('partner-reader', 'nightly', 'ASIAPARTNERREADERXMP', account=PARTNER)
ANONYMOUS = {'type': 'AWSAccount', 'principalId': '', 'accountId': 'anonymous'}
SPOKE = role('spoke-loader', 'loader-1', 'ASIASPOKELOADEREXAMP')


def event(time, service, name, who, ip=OFFICE, agent=CLI, region='us-east-1', account=PRODUCTION, request=None,
          response=None, error=None, more=None, read_only=None, category='Management', tls='TLSv1.3', **members):
    """One event; `error` is a code and a message, `more` the additional event data."""
    is_read = name.startswith(('Get', 'List', 'Describe', 'Head')) if read_only is None else read_only
    code, message = error or (None, None)
    record = {
        'eventVersion': '1.11', 'userIdentity': who, 'eventTime': time, 'eventSource': f'{service}.amazonaws.com',
        'eventName': name, 'awsRegion': region, 'sourceIPAddress': ip, 'userAgent': agent,
        'errorCode': code, 'errorMessage': message,
    }
    record = {member: value for member, value in record.items() if value is not None}
    # CloudTrail writes these two as null when there is nothing to say.
    record |= {'requestParameters': request, 'responseElements': response}
    if more is not None:
        record['additionalEventData'] = more
    number = len(EVENTS)
    record |= {
        'requestID': str(uuid.uuid5(uuid.NAMESPACE_URL, f'request {number}')),
        'eventID': str(uuid.uuid5(uuid.NAMESPACE_URL, f'event {number}')),
        'readOnly': is_read, 'eventType': 'AwsApiCall', 'managementEvent': category == 'Management',
        'recipientAccountId': account, 'eventCategory': category,
    }
    if tls:
        cipher = {'TLSv1.3': 'TLS_AES_128_GCM_SHA256'}.get(tls, 'ECDHE-RSA-AES128-SHA')
        record['tlsDetails'] = {'tlsVersion': tls, 'cipherSuite': cipher,
                                'clientProvidedHostHeader': f'{service}.{region}.amazonaws.com'}
    EVENTS.append(record | members)


def sign_in(time, who, ip, mfa, outcome='Success', account=PRODUCTION, message='Failed authentication', **members):
    code = {} if outcome == 'Success' else {'errorMessage': message}
    event(time, 'signin', 'ConsoleLogin', who, ip, BROWSER, account=account, response={'ConsoleLogin': outcome},
          more={'LoginTo': 'https://console.aws.amazon.com/console/home', 'MobileVersion': 'No', 'MFAUsed': mfa},
          read_only=False, **{'eventType': 'AwsConsoleSignIn'} | code | members)


def s3(time, name, who, key, bucket=BUCKET, ip=OFFICE, out=0, into=0, version='SigV4', more=None, **members):
    extra = {'SignatureVersion': version, 'CipherSuite': 'TLS_AES_128_GCM_SHA256', 'bytesTransferredIn': into,
             'AuthenticationMethod': 'AuthHeader', 'bytesTransferredOut': out} | (more or {})
    resources = [{'type': 'AWS::S3::Object', 'ARN': f'arn:aws:s3:::{bucket}/{key}'},
                 {'accountId': PRODUCTION, 'type': 'AWS::S3::Bucket', 'ARN': f'arn:aws:s3:::{bucket}'}]
    event(time, 's3', name, who, ip, request={'bucketName': bucket, 'key': key, 'Host': f'{bucket}.s3.amazonaws.com'},
          more=extra, category='Data', resources=resources, **members)


def denied(action, who):
    return 'AccessDenied', f'User: {who["arn"]} is not authorized to perform: {action}'


def permissions(*rules):
    """The form of `ipPermissions` in EC2's events."""
    return {'items': [{'ipProtocol': protocol, 'fromPort': port, 'toPort': port, 'groups': {},
                       'ipRanges': {'items': [{'cidrIp': cidr}]}, 'prefixListIds': {}} for protocol, port, cidr in rules]}


def policy(effect, action, resource='*'):
    statement = {'Effect': effect, 'Action': action, 'Resource': resource}
    return json.dumps({'Version': '2012-10-17', 'Statement': [statement]})


def people_sign_in():
    ida, oleg, mira = user('ida'), user('oleg'), user('mira', account=SANDBOX)
    sign_in('2025-06-09T08:00:05Z', ida, OFFICE, 'Yes')
    sign_in('2025-06-10T08:03:41Z', ida, OFFICE, 'Yes')
    sign_in('2025-06-11T19:47:12Z', ida, HOME, 'Yes')
    sign_in('2025-06-10T08:31:09Z', oleg, OFFICE, 'No')
    sign_in('2025-06-12T08:29:58Z', mira, OFFICE, 'No', account=SANDBOX)
    hidden = {'type': 'IAMUser', 'principalId': 'AIDAOLEGXXXXXXXXXXXXX', 'accountId': PRODUCTION, 'accessKeyId': '',
              'userName': 'oleg'}
    nobody = {'type': 'IAMUser', 'accountId': PRODUCTION, 'accessKeyId': '', 'userName': 'HIDDEN_DUE_TO_SECURITY_REASONS'}
    for minute in (2, 3, 4, 6, 9):
        sign_in(f'2025-06-24T02:{minute:02}:17Z', hidden, THIEF, 'No', 'Failure')
    no_such_user = 'No username found in supplied account'
    sign_in('2025-06-24T02:11:40Z', nobody, THIEF, 'No', 'Failure', errorCode='N/A', message=no_such_user)
    sign_in('2025-06-24T02:14:33Z', oleg, THIEF, 'No')
    sign_in('2025-06-11T08:00:01Z', nobody, OFFICE, 'No', 'Failure', message=no_such_user)
    # Federated people sign in with the role that they chose.
    sign_in('2025-06-16T07:58:20Z', ADMIN, OFFICE, 'No')
    event('2025-06-09T08:00:02Z', 'signin', 'CheckMfa', ida, OFFICE, BROWSER, response={'CheckMfa': 'Success'},
          more={'MfaType': 'Virtual MFA'}, read_only=False, eventType='AwsConsoleSignIn')


def root_is_used():
    sign_in('2025-06-17T21:05:00Z', root(), HOME, 'No')
    event('2025-06-17T21:07:30Z', 'iam', 'CreateAccessKey', root(key='ASIAROOTSESSIONEXAMP'), HOME, BROWSER,
          response={'accessKey': {'userName': '', 'accessKeyId': 'AKIAROOTROOTEXAMPLE1', 'status': 'Active'}},
          sessionCredentialFromConsole='true')
    event('2025-06-18T04:30:00Z', 'support', 'DescribeTrustedAdvisorChecks', root() | {'invokedBy': 'AWS Internal'},
          'AWS Internal', 'AWS Internal', request={'language': 'en'}, tls=None)
    event('2025-06-19T05:00:00Z', 'budgets', 'ViewBudget', root(SANDBOX, 'ASIAROOTSANDBOXEXAMP'), HOME, BROWSER,
          account=SANDBOX, read_only=True)


def the_thief_looks_around():
    calls = [('sts', 'GetCallerIdentity'), ('iam', 'ListUsers'), ('iam', 'ListRoles'), ('iam', 'GetAccountSummary'),
             ('s3', 'ListBuckets'), ('ec2', 'DescribeInstances'), ('ec2', 'DescribeSecurityGroups'),
             ('secretsmanager', 'ListSecrets'), ('kms', 'ListKeys'), ('lambda', 'ListFunctions20150331'),
             ('rds', 'DescribeDBInstances'), ('organizations', 'ListAccounts')]
    refused = {'ListRoles', 'GetAccountSummary', 'ListKeys', 'ListAccounts'}
    for number, (service, name) in enumerate(calls):
        error = denied(f'{service}:{name}', OLEG) if name in refused else None
        event(f'2025-06-24T01:{10 + number}:0{number % 10}Z', service, name, OLEG, THIEF,
              SDK if number % 4 else 'python-requests/2.31', error=error)
    # The same key, as its owner uses it.
    for day in (9, 10, 11, 23):
        event(f'2025-06-{day:02}T09:15:00Z', 'ec2', 'DescribeInstances', OLEG, OFFICE, request={'instancesSet': {}})
    event('2025-06-10T09:20:00Z', 's3', 'ListBuckets', OLEG, OFFICE)


def the_thief_opens_doors():
    event('2025-06-24T02:20:00Z', 'iam', 'CreateUser', OLEG, THIEF, request={'userName': 'support-tool'},
          response={'user': {'userName': 'support-tool', 'arn': f'arn:aws:iam::{PRODUCTION}:user/support-tool',
                             'userId': 'AIDASUPPORTTOOLEXAMPL', 'createDate': 'Jun 24, 2025 2:20:00 AM'}})
    event('2025-06-24T02:20:30Z', 'iam', 'CreateAccessKey', OLEG, THIEF, request={'userName': 'support-tool'},
          response={'accessKey': {'userName': 'support-tool', 'accessKeyId': 'AKIASUPPORTTOOLEXMPL', 'status': 'Active'}})
    event('2025-06-24T02:21:00Z', 'iam', 'CreateLoginProfile', OLEG, THIEF,
          request={'userName': 'support-tool', 'passwordResetRequired': False})
    event('2025-06-24T02:22:00Z', 'iam', 'AttachUserPolicy', OLEG, THIEF,
          request={'userName': 'support-tool', 'policyArn': 'arn:aws:iam::aws:policy/AdministratorAccess'})
    event('2025-06-24T02:23:00Z', 'iam', 'PutUserPolicy', OLEG, THIEF, request={
        'userName': 'support-tool', 'policyName': 'all', 'policyDocument': policy('Allow', '*')})
    event('2025-06-24T02:24:00Z', 'iam', 'UpdateAssumeRolePolicy', OLEG, THIEF, request={
        'roleName': 'ledger-app', 'policyDocument': policy('Allow', 'sts:AssumeRole', f'arn:aws:iam::{PARTNER}:root')},
        error=denied('iam:UpdateAssumeRolePolicy', OLEG))
    event('2025-06-24T02:25:00Z', 'iam', 'DeactivateMFADevice', OLEG, THIEF,
          request={'userName': 'ida', 'serialNumber': f'arn:aws:iam::{PRODUCTION}:mfa/ida'})
    event('2025-06-24T02:30:00Z', 'ec2', 'AuthorizeSecurityGroupIngress', OLEG, THIEF, request={
        'groupId': 'sg-0aa11bb22cc33dd44', 'ipPermissions': permissions(('tcp', 22, '0.0.0.0/0'), ('tcp', 3389, '0.0.0.0/0'))},
        response={'_return': True})
    event('2025-06-24T02:31:00Z', 'ec2', 'ModifySnapshotAttribute', OLEG, THIEF, request={
        'snapshotId': 'snap-0123456789abcdef0', 'attributeType': 'CREATE_VOLUME_PERMISSION',
        'createVolumePermission': {'add': {'items': [{'userId': PARTNER}]}}}, response={'_return': True})
    event('2025-06-24T02:40:00Z', 'cloudtrail', 'StopLogging', OLEG, THIEF,
          request={'name': f'arn:aws:cloudtrail:us-east-1:{PRODUCTION}:trail/central'},
          error=denied('cloudtrail:StopLogging', OLEG))
    event('2025-06-24T02:41:00Z', 'cloudtrail', 'PutEventSelectors', OLEG, THIEF, request={'trailName': 'central'})
    event('2025-06-24T02:42:00Z', 'guardduty', 'DeleteDetector', OLEG, THIEF, region='eu-west-1',
          request={'detectorId': '12abc34d567e8fa901bc2d34e56789f0'})
    event('2025-06-24T02:43:00Z', 'config', 'StopConfigurationRecorder', OLEG, THIEF,
          request={'configurationRecorderName': 'default'})


def the_thief_mines_and_takes():
    for number, (region, kind) in enumerate([('ap-southeast-2', 'p4d.24xlarge'), ('ap-southeast-2', 'g5.48xlarge'),
                                             ('us-east-1', 'p4d.24xlarge')]):
        items = [{'instanceId': f'i-0fedcba98765432{number}{at}', 'instanceType': kind} for at in range(2)]
        event(f'2025-06-24T03:0{number}:00Z', 'ec2', 'RunInstances', OLEG, THIEF, region=region, request={
            'instancesSet': {'items': [{'imageId': 'ami-0123456789abcdef0', 'minCount': 2, 'maxCount': 2}]},
            'instanceType': kind}, response={'instancesSet': {'items': items}})
    event('2025-06-24T03:03:00Z', 'ec2', 'RunInstances', OLEG, THIEF, region='ap-southeast-2',
          request={'instanceType': 'p5.48xlarge'}, error=('Client.VcpuLimitExceeded', 'You have requested more vCPU capacity'))
    event('2025-06-24T03:04:00Z', 'ec2', 'RunInstances', OLEG, THIEF,
          request={'instanceType': 'p5.48xlarge'}, error=('Client.UnauthorizedOperation', 'You are not authorized'))
    for minute, secret in ((10, 'prod/ledger/db'), (12, 'prod/ledger/api')):
        event(f'2025-06-24T03:{minute}:00Z', 'secretsmanager', 'GetSecretValue', OLEG, THIEF, request={'secretId': secret})
    event('2025-06-24T03:11:00Z', 'ssm', 'GetParameters', OLEG, THIEF,
          request={'names': ['/prod/db/password', '/prod/api/token'], 'withDecryption': True})
    for number, size in enumerate((73400320, 52428800, 1048576)):
        s3(f'2025-06-24T03:2{number}:00Z', 'GetObject', OLEG, f'2025/0{number + 1}.csv', ip=THIEF, out=size, agent=SDK)
    for number in range(3):
        s3(f'2025-06-24T03:3{number}:00Z', 'DeleteObject', OLEG, f'2025/0{number + 1}.csv', ip=THIEF)
    event('2025-06-24T03:35:00Z', 's3', 'DeleteBucketPolicy', OLEG, THIEF, request={'bucketName': BUCKET, 'policy': ''})
    event('2025-06-24T03:36:00Z', 's3', 'DeleteBucket', OLEG, THIEF, request={'bucketName': LOG_BUCKET},
          error=('BucketNotEmpty', 'The bucket you tried to delete is not empty'))
    event('2025-06-24T03:37:00Z', 's3', 'PutBucketPublicAccessBlock', OLEG, THIEF, request={
        'bucketName': BUCKET, 'PublicAccessBlockConfiguration': {'BlockPublicAcls': False, 'BlockPublicPolicy': False}})
    # The instance's own role, from where the instance is not.
    event('2025-06-24T04:00:00Z', 's3', 'ListBuckets', OLD_APP, THIEF, SDK, error=denied('s3:ListAllMyBuckets', OLD_APP))
    event('2025-06-24T04:01:00Z', 'iam', 'ListUsers', OLD_APP, THIEF, SDK, error=denied('iam:ListUsers', OLD_APP))


def roles_are_assumed():
    def assume(time, who, account, name, session, issued, ip=OFFICE, region='us-east-1', recipient=PRODUCTION, **members):
        event(time, 'sts', 'AssumeRole', who, ip, region=region, account=recipient,
              request={'roleArn': f'arn:aws:iam::{account}:role/{name}', 'roleSessionName': session},
              response={'credentials': {'accessKeyId': issued, 'expiration': 'Jun 24, 2025 4:00:00 AM'},
                        'assumedRoleUser': {'assumedRoleId': f'AROA{name.upper().replace("-", ""):X<17.17}:{session}',
                                            'arn': f'arn:aws:sts::{account}:assumed-role/{name}/{session}'}},
              resources=[{'accountId': account, 'type': 'AWS::IAM::Role', 'ARN': f'arn:aws:iam::{account}:role/{name}'}],
              read_only=True, **members)

    ec2 = {'type': 'AWSService', 'invokedBy': 'ec2.amazonaws.com'}
    assume('2025-06-09T06:00:00Z', ec2, PRODUCTION, 'ledger-app', INSTANCE, 'ASIAAPPAPPAPPEXAMPLE', 'ec2.amazonaws.com', tls=None)
    assume('2025-06-23T06:00:00Z', ec2, PRODUCTION, 'ledger-app', INSTANCE, 'ASIAAPPAPPAPPEXAMPL2', 'ec2.amazonaws.com', tls=None)
    assume('2025-06-05T06:00:00Z', IDA, PRODUCTION, 'old-reporting', 'ida', 'ASIAOLDREPORTEXAMPLE')
    assume('2025-06-24T02:50:00Z', OLEG, PRODUCTION, 'deploy', 'x', 'ASIASTOLENDEPLOYXMPL', THIEF)
    # One action, delivered to both accounts.
    for recipient in (SANDBOX, PRODUCTION):
        assume('2025-06-12T10:00:00Z', DEPLOY, SANDBOX, 'sandbox-deploy', 'from-build', 'ASIASANDBOXDEPLOYXMP',
               recipient=recipient, sharedEventID='3c1f8f0e-1a54-4f6a-8d6e-0b7a53c9d001')
    caller = {'type': 'AWSAccount', 'principalId': 'AROAPARTNERXXXXXXXXXX:nightly', 'accountId': PARTNER}
    for day in (10, 11, 12):
        assume(f'2025-06-{day}T01:00:00Z', caller, PRODUCTION, 'partner-reader', 'nightly', f'ASIAPARTNERDAY{day}EXAM',
               '192.0.2.45', sharedEventID=f'3c1f8f0e-1a54-4f6a-8d6e-0b7a53c9d0{day}')
    stolen = role('deploy', 'x', 'ASIASTOLENDEPLOYXMPL', created='2025-06-24T02:50:00Z')
    event('2025-06-24T02:52:00Z', 'lambda', 'UpdateFunctionCode20150331v2', stolen, THIEF,
          request={'functionName': 'invoice', 'dryRun': False})
    event('2025-06-24T02:53:00Z', 'iam', 'PassRole', stolen, THIEF, error=denied('iam:PassRole', stolen))
    sandbox = role('sandbox-deploy', 'from-build', 'ASIASANDBOXDEPLOYXMP', SANDBOX)
    event('2025-06-12T10:02:00Z', 'cloudformation', 'CreateStack', sandbox, account=SANDBOX, request={'stackName': 'ledger'})
    provider = f'arn:aws:iam::{PRODUCTION}:oidc-provider/{RUNNER}'
    web = {'type': 'WebIdentityUser', 'principalId': f'{provider}:sts.amazonaws.com:repo:acme/ledger',
           'userName': 'repo:acme/ledger:ref:refs/heads/main', 'identityProvider': RUNNER}
    event('2025-06-12T09:59:00Z', 'sts', 'AssumeRoleWithWebIdentity', web, '192.0.2.80', 'github-runner', read_only=True,
          request={'roleArn': f'arn:aws:iam::{PRODUCTION}:role/deploy', 'roleSessionName': 'build-4711'},
          response={'subjectFromWebIdentityToken': 'repo:acme/ledger:ref:refs/heads/main', 'audience': 'sts.amazonaws.com'})


def keys_encrypt_and_decrypt():
    def use(time, name, who, arn, owner, context, ip=INSTANCE_IP, region='us-east-1', account=PRODUCTION, **members):
        event(time, 'kms', name, who, ip, SDK, region=region, account=account, read_only=True,
              request={'encryptionAlgorithm': 'SYMMETRIC_DEFAULT', 'encryptionContext': context},
              resources=[{'accountId': owner, 'type': 'AWS::KMS::Key', 'ARN': arn}], **members)

    for hour in range(6, 12):
        context = {'department': 'finance', 'doc': f'invoice-{hour}'}
        use(f'2025-06-10T{hour:02}:30:00Z', 'Decrypt', APP, KEY_ARN, PRODUCTION, context,
            vpcEndpointId='vpce-0b1c2d3e4f5a6b7c8', vpcEndpointAccountId=PRODUCTION)
    use('2025-06-10T06:31:00Z', 'GenerateDataKey', APP, KEY_ARN, PRODUCTION, {'aws:s3:arn': f'arn:aws:s3:::{BUCKET}/2025/01.csv'})
    use('2025-06-24T03:20:00Z', 'Decrypt', OLEG, KEY_ARN, PRODUCTION, {'aws:s3:arn': f'arn:aws:s3:::{BUCKET}/2025/01.csv'}, THIEF)
    for number, (day, name) in enumerate([(10, 'GenerateDataKey'), (11, 'GenerateDataKey'), (11, 'Decrypt')]):
        for recipient in (SANDBOX, PRODUCTION):
            use(f'2025-06-{day}T12:0{number}:00Z', name, SPOKE, SHARED_KEY_ARN, SANDBOX, {'department': 'lake'},
                region='eu-west-1', account=recipient, sharedEventID=f'9e0f77a2-6a0c-4c8e-8f11-7d5f1a2b3c0{number}')
    event('2025-06-11T12:10:00Z', 'kms', 'ScheduleKeyDeletion', ADMIN, request={'keyId': KEY_ARN, 'pendingWindowInDays': 7},
          response={'keyId': KEY_ARN, 'deletionDate': 'Jun 18, 2025 12:10:00 PM'},
          resources=[{'accountId': PRODUCTION, 'type': 'AWS::KMS::Key', 'ARN': KEY_ARN}], sessionCredentialFromConsole='true')
    event('2025-06-20T00:10:00Z', 'kms', 'RotateKey', {'accountId': PRODUCTION, 'invokedBy': 'AWS Internal'}, 'AWS Internal',
          'AWS Internal', tls=None, eventType='AwsServiceEvent', serviceEventDetails={'keyId': KEY_ARN.rsplit('/', 1)[1]},
          resources=[{'accountId': PRODUCTION, 'type': 'AWS::KMS::Key', 'ARN': KEY_ARN}])


def people_work():
    event('2025-06-09T08:10:00Z', 'ec2', 'AuthorizeSecurityGroupIngress', IDA_CONSOLE, agent=BROWSER, request={
        'groupId': 'sg-0aa11bb22cc33dd44', 'ipPermissions': permissions(('tcp', 443, '203.0.113.0/24'))},
        response={'_return': True}, sessionCredentialFromConsole='true')
    event('2025-06-09T08:12:00Z', 'ec2', 'RevokeSecurityGroupIngress', IDA_CONSOLE, agent=BROWSER, request={
        'groupId': 'sg-0aa11bb22cc33dd44', 'ipPermissions': permissions(('tcp', 8080, '203.0.113.0/24'))},
        response={'_return': True}, sessionCredentialFromConsole='true')
    event('2025-06-09T08:20:00Z', 'ec2', 'RunInstances', IDA_CONSOLE, agent=BROWSER, request={'instanceType': 't3.micro'},
          response={'instancesSet': {'items': [{'instanceId': INSTANCE, 'instanceType': 't3.micro'}]}},
          sessionCredentialFromConsole='true')
    event('2025-06-25T07:00:00Z', 'ec2', 'TerminateInstances', ADMIN, agent=BROWSER, sessionCredentialFromConsole='true',
          request={'instancesSet': {'items': [{'instanceId': INSTANCE}, {'instanceId': MINER}]}},
          response={'instancesSet': {'items': [{'instanceId': INSTANCE, 'currentState': {'code': 32, 'name': 'shutting-down'}}]}})
    event('2025-06-25T07:05:00Z', 'iam', 'UpdateAccessKey', ADMIN,
          request={'userName': 'oleg', 'accessKeyId': LEAKED_KEY, 'status': 'Inactive'})
    event('2025-06-25T07:06:00Z', 'iam', 'DeleteUser', ADMIN, request={'userName': 'support-tool'},
          error=('DeleteConflictException', 'Cannot delete entity, must remove access keys first'))
    event('2025-06-25T07:10:00Z', 'ec2', 'CreateTags', ADMIN, request={'resourcesSet': {'items': [{'resourceId': INSTANCE}]}})
    event('2025-06-11T14:00:00Z', 'iam', 'AttachRolePolicy', ADMIN,
          request={'roleName': 'deploy', 'policyArn': 'arn:aws:iam::aws:policy/AdministratorAccess'})
    event('2025-06-11T14:01:00Z', 'iam', 'CreatePolicyVersion', ADMIN, request={
        'policyArn': f'arn:aws:iam::{PRODUCTION}:policy/ledger', 'policyDocument': policy('Allow', 's3:GetObject'),
        'setAsDefault': True},
        response={'policyVersion': {'versionId': 'v4', 'isDefaultVersion': True}})
    event('2025-06-11T14:05:00Z', 's3', 'PutBucketPolicy', ADMIN, request={'bucketName': BUCKET, 'bucketPolicy': {
        'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{PARTNER}:root'},
                                                'Action': 's3:GetObject', 'Resource': f'arn:aws:s3:::{BUCKET}/*'}]}})
    event('2025-06-28T23:30:00Z', 'ec2', 'StopInstances', IDA_CONSOLE, HOME, BROWSER,
          request={'instancesSet': {'items': [{'instanceId': INSTANCE}]}, 'force': False}, sessionCredentialFromConsole='true')


def programs_work():
    for day in (9, 10, 11, 23, 27):
        s3(f'2025-06-{day:02}T06:05:00Z', 'PutObject', APP, f'2025/06/{day:02}.csv', ip=INSTANCE_IP, into=4096 * day,
           vpcEndpointId='vpce-0b1c2d3e4f5a6b7c8', vpcEndpointAccountId=PRODUCTION)
        s3(f'2025-06-{day:02}T06:06:00Z', 'GetObject', APP, 'settings.json', ip=INSTANCE_IP, out=512,
           vpcEndpointId='vpce-0b1c2d3e4f5a6b7c8', vpcEndpointAccountId=PRODUCTION)
    s3('2025-06-11T01:05:00Z', 'GetObject', PARTNER_READER, '2025/05.csv', ip='192.0.2.45', out=2048, tls='TLSv1.2')
    s3('2025-06-12T01:05:00Z', 'GetObject', PARTNER_READER, '2025/05.csv', ip='192.0.2.45', out=2048, version='SigV2',
       agent=OLD_SDK, tls='TLSv1')
    s3('2025-06-13T03:00:00Z', 'GetObject', ANONYMOUS, 'public/logo.png', ip='192.0.2.200', out=9000, more={'aclRequired': 'Yes'})
    s3('2025-06-13T03:00:09Z', 'GetObject', ANONYMOUS, '2025/05.csv', ip='192.0.2.200', error=('AccessDenied', 'Access Denied'))
    for minute in range(4):
        event(f'2025-06-23T09:0{minute}:00Z', 'dynamodb', 'DescribeTable', OLD_APP, INSTANCE_IP, OLD_SDK, tls='TLSv1.1',
              request={'tableName': 'ledger'})
    for second in range(0, 50, 10):
        event(f'2025-06-23T10:00:{second:02}Z', 'ec2', 'DescribeInstances', APP, INSTANCE_IP, SDK,
              error=('Client.RequestLimitExceeded', 'Request limit exceeded.'))
        event(f'2025-06-23T10:01:{second:02}Z', 'cloudwatch', 'PutMetricData', APP, INSTANCE_IP, SDK, read_only=False,
              error=('ThrottlingException', 'Rate exceeded') if second else None)
    for day, function in [(5, 'invoice'), (9, 'invoice'), (23, 'invoice'), (6, 'forgotten'), (28, 'nightly')]:
        arn = f'arn:aws:lambda:us-east-1:{PRODUCTION}:function:{function}'
        event(f'2025-06-{day:02}T22:00:00Z', 'lambda', 'Invoke', {'type': 'AWSService', 'invokedBy': 'events.amazonaws.com'},
              'events.amazonaws.com', 'events.amazonaws.com', category='Data', tls=None, read_only=False,
              request={'functionName': arn, 'invocationType': 'Event'},
              resources=[{'accountId': PRODUCTION, 'type': 'AWS::Lambda::Function', 'ARN': arn}])
    for day in (9, 23):
        event(f'2025-06-{day:02}T06:07:00Z', 'secretsmanager', 'GetSecretValue', APP, INSTANCE_IP, SDK,
              request={'secretId': 'prod/ledger/db', 'versionStage': 'AWSCURRENT'})
    event('2025-06-12T10:05:00Z', 'lambda', 'UpdateFunctionCode20150331v2', DEPLOY, '192.0.2.80',
          request={'functionName': 'invoice', 'dryRun': False})
    event('2025-06-12T10:06:00Z', 'ecr', 'GetAuthorizationToken', DEPLOY, '192.0.2.80')
    # One with nearly everything that an event can have.
    auditor = role('auditor', 'sweep', 'ASIAAUDITSWEEPEXAMPL', AUDIT, ec2RoleDelivery='2.0', webIdFederationData={
        'federatedProvider': 'cognito-identity.amazonaws.com',
        'attributes': {'cognito-identity.amazonaws.com:amr': 'authenticated'}})
    auditor |= {'userName': 'auditor', 'invokedBy': 'athena.amazonaws.com', 'onBehalfOf': ADMIN['onBehalfOf']}
    event('2025-06-16T08:00:00Z', 'logs', 'FilterLogEvents', auditor, account=AUDIT, region='eu-west-1', read_only=True,
          request={'limit': 10000, 'interleaved': True, 'startTime': 1750060800000, 'filterPattern': '"ERROR" \\d'},
          response={'nextToken': None, 'searched': 0.5},
          error=('InvalidParameterException', 'Sägewerk: "limit" must not exceed 10000'),
          more={'vpc': 'none'}, resources=[{'accountId': AUDIT, 'type': 'AWS::Logs::LogGroup',
                                            'ARN': f'arn:aws:logs:eu-west-1:{AUDIT}:log-group:central'}, {'type': 'AWS::Other'}],
          apiVersion='2014-03-28', sharedEventID='3c1f8f0e-1a54-4f6a-8d6e-0b7a53c9d0ff', sessionCredentialFromConsole='true',
          vpcEndpointId='vpce-0777ccc666ddd555e', vpcEndpointAccountId=AUDIT, serviceEventDetails={'part': [1, 2]},
          edgeDeviceDetails={'type': 'snowball', 'id': 7}, addendum={
              'reason': 'UPDATED_DATA', 'updatedFields': 'responseElements',
              'originalRequestID': 'c0ffee00-0000-4000-8000-000000000001',
              'originalEventID': 'c0ffee00-0000-4000-8000-000000000002'})
    partner = {'type': 'AWSAccount', 'principalId': 'AROAPARTNER', 'accountId': PARTNER}
    event('2025-06-20T11:00:00Z', 'sqs', 'ReceiveMessage', partner, '10.99.1.1', region='eu-west-1', category='NetworkActivity',
          eventType='AwsVpceEvent', tls=None,
          error=('VpceAccessDenied', 'The request was denied due to a VPC endpoint policy'),
          vpcEndpointId='vpce-0999aaa888bbb777c', vpcEndpointAccountId=PRODUCTION)


def write(folder):
    """One archive for each account, Region and day, five minutes after its last event or at the end of the day."""
    archives = defaultdict(list)
    for record in sorted(EVENTS, key=lambda record: record['eventTime']):
        archives[record['recipientAccountId'], record['awsRegion'], record['eventTime'][:10]].append(record)
    for (account, region, day), records in archives.items():
        place = Path(folder, 'AWSLogs', account, 'CloudTrail', region, *day.split('-'))
        place.mkdir(parents=True, exist_ok=True)
        suffix = uuid.uuid5(uuid.NAMESPACE_URL, f'{account} {region} {day}').hex[:16]
        name = f'{account}_CloudTrail_{region}_{day.replace("-", "")}T2355Z_{suffix}.json.gz'
        text = json.dumps({'Records': records}, separators=(',', ':'), ensure_ascii=False)
        (place / name).write_bytes(gzip.compress(text.encode(), mtime=0))


def main():
    for part in (people_sign_in, root_is_used, the_thief_looks_around, the_thief_opens_doors, the_thief_mines_and_takes,
                 roles_are_assumed, keys_encrypt_and_decrypt, people_work, programs_work):
        part()
    write(sys.argv[1])


if __name__ == '__main__':
    main()
