"""What the peers' workers share: the members they read, as types of each engine, and the clock.

In: a function that converts. Out: one line of JSON on stdout, the seconds that it took. Never counts the start of the
interpreter, imports or the opening of a connection, and imports no engine itself.
"""

import argparse
import json
import time

THREADS = 2
METERING_SOURCE = "metering-marketplace.amazonaws.com"
NO_DATE = "__HIVE_DEFAULT_PARTITION__"

TEXT, BOOLEAN, TIME, JSON = "text", "boolean", "time", "json"
_CLICKHOUSE = {TEXT: "Nullable(String)", BOOLEAN: "Nullable(Bool)", TIME: "Nullable(String)", JSON: "Nullable(String)"}
_DUCKDB = {TEXT: "VARCHAR", BOOLEAN: "BOOLEAN", TIME: "TIMESTAMP", JSON: "JSON"}


def texts(*names):
    return dict.fromkeys(names, TEXT)


# The members that published table definitions for trails have, 39 leaf columns. A session's creation date is text,
# because old events spell it in the basic form, which the engines refuse as a time.
_ISSUER = texts("type", "principalId", "arn", "accountId", "userName")
_SESSION = {"sessionIssuer": _ISSUER, "attributes": texts("creationDate", "mfaAuthenticated")}
_IDENTITY = texts("type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy")
EVENT = {
    "eventVersion": TEXT,
    "userIdentity": _IDENTITY | {"sessionContext": _SESSION},
    "eventTime": TIME,
    **texts("eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage"),
    "requestParameters": JSON,
    "responseElements": JSON,
    "additionalEventData": JSON,
    "resources": [texts("accountId", "type", "ARN")],
    **texts("requestID", "eventID"),
    "readOnly": BOOLEAN,
    "eventType": TEXT,
    "managementEvent": BOOLEAN,
    **texts("recipientAccountId", "eventCategory"),
    "tlsDetails": texts("tlsVersion", "cipherSuite", "clientProvidedHostHeader"),
}

# A metering call and one answer of it. Request and response of other services may be anything, so they are text until
# the metering calls are picked out.
METERING_CALL = {
    "eventVersion": TEXT,
    "userIdentity": JSON,
    "eventTime": TIME,
    **texts("eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "requestID", "eventID"),
    "recipientAccountId": TEXT,
}
BODIES = {"requestParameters": JSON, "responseElements": JSON}
USAGE_RECORD = {
    **texts("dimension", "timestamp", "customerIdentifier", "customerAWSAccountId", "licenseArn", "quantity"),
    "quantityAsDecimal": TEXT,
    "usageAllocations": JSON,
}
ANSWER = {"usageRecord": USAGE_RECORD, "meteringRecordId": TEXT, "status": TEXT}


def clickhouse_type(member):
    if isinstance(member, list):
        return f"Array({clickhouse_type(member[0])})"
    if isinstance(member, dict):
        return f"Tuple({', '.join(f'{name} {clickhouse_type(inner)}' for name, inner in member.items())})"
    return _CLICKHOUSE[member]


def duckdb_type(member):
    if isinstance(member, list):
        return f"{duckdb_type(member[0])}[]"
    if isinstance(member, dict):
        return "STRUCT(" + ", ".join(f'"{name}" {duckdb_type(inner)}' for name, inner in member.items()) + ")"
    return _DUCKDB[member]


def duckdb_structure(member):
    """The same for `json_transform`, which takes the type as a JSON value."""

    def names(inner):
        if isinstance(inner, list):
            return [names(inner[0])]
        return {name: names(value) for name, value in inner.items()} if isinstance(inner, dict) else _DUCKDB[inner]

    return json.dumps(names(member))


def worker(connect, convert):
    """Runs `convert(connection, archives, out, options)` for what the command line says, and tells the seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("archives")
    parser.add_argument("out")
    parser.add_argument("--largest", type=int, required=True, help="inflated bytes of the largest archive")
    parser.add_argument("--small", action="store_true", help="the archives are many and small")
    options = parser.parse_args()
    connection = connect()
    start = time.perf_counter()
    convert(connection, options.archives, options.out, options)
    print(json.dumps({"seconds": time.perf_counter() - start}))
