"""A view `cloudtrail_logs` over a lake, until the program itself writes one.

    python tests/engines/stop_gap.py duckdb|spark LAKE
"""
import sys
engine, lake = sys.argv[1:]
TS = {'duckdb': lambda c: f"strftime({c} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')", 'spark': lambda c: f"date_format({c}, \"yyyy-MM-dd'T'HH:mm:ss'Z'\")"}
def struct(e, fields):
    if e == 'duckdb': return 'struct_pack(' + ', '.join(f'"{n}" := {x}' for n, x in fields) + ')'
    return 'named_struct(' + ', '.join(f"'{n}', {x}" for n, x in fields) + ')'
def view(e):
    s = lambda c: f'CAST({c} AS VARCHAR)' if e == 'duckdb' else f'CAST({c} AS STRING)'
    att = "CAST(session_web_id_attributes::JSON AS MAP(VARCHAR, VARCHAR))" if e == 'duckdb' else "from_json(session_web_id_attributes, 'map<string,string>')"
    day = {'duckdb': lambda f: f"strftime(event_time AT TIME ZONE 'UTC', '{f}')", 'spark': lambda f: "date_format(event_time, '%s')" % f.replace('%Y','yyyy').replace('%m','MM').replace('%d','dd')}[e]
    res = ("list_transform(resources, lambda r: struct_pack(arn := r.arn, accountid := r.account_id, \"type\" := r.\"type\"))" if e == 'duckdb'
       else "transform(resources, r -> named_struct('arn', r.arn, 'accountid', r.account_id, 'type', r.type))")
    ui = struct(e, [('type','user_identity_type'),('principalid','user_identity_principal_id'),('arn','user_identity_arn'),('accountid','user_identity_account_id'),('invokedby','user_identity_invoked_by'),('accesskeyid','user_identity_access_key_id'),('username','user_identity_user_name'),
      ('onbehalfof', struct(e, [('userid','user_identity_on_behalf_of_user_id'),('identitystorearn','user_identity_on_behalf_of_identity_store_arn')])),
      ('sessioncontext', struct(e, [
         ('attributes', struct(e, [('mfaauthenticated', s('session_mfa_authenticated')),('creationdate', TS[e]('session_creation_date'))])),
         ('sessionissuer', struct(e, [(n, f'session_issuer_{c}') for n, c in [('type','type'),('principalid','principal_id'),('arn','arn'),('accountid','account_id'),('username','user_name')]])),
         ('ec2roledelivery','session_ec2_role_delivery'),
         ('webidfederationdata', struct(e, [('federatedprovider','session_web_id_federated_provider'),('attributes', att)]))]))])
    q = (lambda n: f'"{n}"') if e == 'duckdb' else (lambda n: f'`{n}`')
    cols = [('event_version','eventversion'),(ui,'useridentity'),(TS[e]('event_time'),'eventtime'),('event_source','eventsource'),('event_name','eventname'),('aws_region','awsregion'),('source_ip_address','sourceipaddress'),('user_agent','useragent'),('error_code','errorcode'),('error_message','errormessage'),('request_parameters','requestparameters'),('response_elements','responseelements'),('additional_event_data','additionaleventdata'),('request_id','requestid'),('event_id','eventid'),(res,'resources'),('event_type','eventtype'),('api_version','apiversion'),(s('read_only'),'readonly'),('recipient_account_id','recipientaccountid'),('service_event_details','serviceeventdetails'),('shared_event_id','sharedeventid'),('vpc_endpoint_id','vpcendpointid'),('vpc_endpoint_account_id','vpcendpointaccountid'),('event_category','eventcategory'),
     (struct(e,[('reason','addendum_reason'),('updatedfields','addendum_updated_fields'),('originalrequestid','addendum_original_request_id'),('originaleventid','addendum_original_event_id')]),'addendum'),
     (s('session_credential_from_console'),'sessioncredentialfromconsole'),('edge_device_details','edgedevicedetails'),
     (struct(e,[('tlsversion','tls_version'),('ciphersuite','tls_cipher_suite'),('clientprovidedhostheader','tls_client_provided_host_header')]),'tlsdetails'),
     ('recipient_account_id','account'),('aws_region','region'),(day('%Y'),'year'),(day('%m'),'month'),(day('%d'),'day'),(day('%Y/%m/%d'),'timestamp')]
    return 'CREATE VIEW cloudtrail_logs AS SELECT\n' + ',\n'.join(f'  {x} AS {q(n)}' for x, n in cols) + '\nFROM events;\n'
if engine == 'duckdb':
    print(f"CREATE VIEW events AS SELECT * FROM read_parquet('{lake}/events/**/*.parquet', hive_partitioning = true);")
else:
    print(f"CREATE TABLE events USING parquet LOCATION '{lake}/events';\nMSCK REPAIR TABLE events;")
print(view(engine))
