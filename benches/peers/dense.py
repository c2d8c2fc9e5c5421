"""Archives in which little repeats. In: `calls` or `sessions`, a folder, a number of archives, events of each. Out: archives.
The same arguments give the same bytes.

`trailmill generate` draws callers from a small company. Here every event has a session, an access key and an address of
its own, which is the other end of what trails are: `calls` of `BatchMeterUsage` with 13 records each, for 40,000 customers,
or events of 300 actions of 60 services. A generator of its own also shares no mistake with the other one.
"""

import gzip
import json
import random
import string
import sys
from pathlib import Path

RECORDS = 13
CUSTOMERS = 40_000
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2"]
BASE32 = string.ascii_uppercase + "234567"
ALPHANUMERIC = string.ascii_letters + string.digits
VERBS = ["Get", "List", "Describe", "Create", "Delete", "Put"]


class Drawing:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.accounts = [self.digits(12) for _ in range(20)]
        self.products = [self.word(string.ascii_lowercase + string.digits, 25) for _ in range(30)]
        self.customers = [(self.word(ALPHANUMERIC, 11), self.digits(12)) for _ in range(CUSTOMERS)]
        services = [self.word(string.ascii_lowercase, 8) for _ in range(60)]
        self.actions = [(f"{service}.amazonaws.com", self.random.choice(VERBS) + self.word(string.ascii_letters, 9))
                        for service in services for _ in range(5)]

    def word(self, letters, length):
        return "".join(self.random.choices(letters, k=length))

    def digits(self, length):
        return str(self.random.randrange(10 ** (length - 1), 10 ** length))

    def guid(self):
        number = f"{self.random.getrandbits(128):032x}"
        return "-".join([number[:8], number[8:12], "4" + number[13:16], "a" + number[17:20], number[20:]])

    def time(self, day, hour):
        return f"2025-06-{day:02}T{hour:02}:{self.random.randrange(60):02}:{self.random.randrange(60):02}Z"

    def event(self, account, region, day, hour, source, name, request, response):
        role, session = f"role-{self.random.getrandbits(24):06x}", f"{self.random.getrandbits(64):016x}"
        principal = "AROA" + self.word(BASE32, 17)
        issuer = {"type": "Role", "principalId": principal, "arn": f"arn:aws:iam::{account}:role/{role}",
                  "accountId": account, "userName": role}
        attributes = {"creationDate": self.time(day, hour), "mfaAuthenticated": "false"}
        identity = {"type": "AssumedRole", "principalId": f"{principal}:{session}",
                    "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}", "accountId": account,
                    "accessKeyId": "ASIA" + self.word(BASE32, 16),
                    "sessionContext": {"sessionIssuer": issuer, "attributes": attributes}}
        address = ".".join(str(self.random.randrange(1, 255)) for _ in range(4))
        agent = f"aws-sdk-java/2.{self.random.randrange(30)}.{self.random.randrange(100)}"
        return {"eventVersion": "1.11", "userIdentity": identity, "eventTime": self.time(day, hour), "eventSource": source,
                "eventName": name, "awsRegion": region, "sourceIPAddress": address, "userAgent": agent,
                "requestParameters": request, "responseElements": response, "requestID": self.guid(),
                "eventID": self.guid(), "readOnly": response is None, "eventType": "AwsApiCall", "managementEvent": True,
                "recipientAccountId": account, "eventCategory": "Management",
                "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
                               "clientProvidedHostHeader": source}}

    def call(self, account, region, day):
        hour = self.random.randrange(24)
        time = f"Jun {day}, 2025 {hour % 12 or 12}:00:00 {'AM' if hour < 12 else 'PM'}"
        records = []
        for _ in range(RECORDS):
            identifier, customer_account = self.random.choice(self.customers)
            customer = ("customerIdentifier", identifier) if self.random.random() < 0.6 else \
                ("customerAWSAccountId", customer_account)
            quantity = self.random.randrange(500 if self.random.random() < 0.8 else 1_000_000)
            records.append({"timestamp": time, customer[0]: customer[1],
                            "dimension": f"dimension-{self.random.randrange(40):02}", "quantity": quantity})
        results = [{"usageRecord": record, "meteringRecordId": self.guid(),
                    "status": "Success" if self.random.random() < 0.98 else "DuplicateRecord"} for record in records]
        request = {"productCode": self.random.choice(self.products), "usageRecords": records}
        return self.event(account, region, day, hour, "metering-marketplace.amazonaws.com", "BatchMeterUsage", request,
                          {"results": results, "unprocessedRecords": []})

    def session(self, account, region, day):
        source, name = self.random.choice(self.actions)
        parameters = {f"{name[:4].lower()}{at}": self.word(ALPHANUMERIC, 12) for at in range(self.random.randrange(1, 6))}
        response = None if name.startswith(("Get", "List", "Describe")) else {"requestId": self.guid()}
        return self.event(account, region, day, self.random.randrange(24), source, name, parameters, response)


def main(kind, folder, archives, events):
    drawing = Drawing(11)
    for archive in range(int(archives)):
        account, region, day = drawing.random.choice(drawing.accounts), drawing.random.choice(REGIONS), 1 + archive % 28
        draw = {"calls": drawing.call, "sessions": drawing.session}[kind]
        records = [draw(account, region, day) for _ in range(int(events))]
        path = Path(folder, "AWSLogs", account, "CloudTrail", region, "2025", "06", f"{day:02}")
        path.mkdir(parents=True, exist_ok=True)
        name = f"{account}_CloudTrail_{region}_202506{day:02}T{archive % 24:02}05Z_{drawing.word(ALPHANUMERIC, 16)}.json.gz"
        text = json.dumps({"Records": records}, separators=(",", ":"))
        # Without a time of day, so that the bytes are the same each time.
        path.joinpath(name).write_bytes(gzip.compress(text.encode(), 6, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
