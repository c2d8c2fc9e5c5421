"""Asks DuckDB one question. In: its name, what to ask (`archives` or `lake`) and where that is. Out: one line of JSON
on stdout: seconds, bytes read, rows and a digest of the answer, which has to be the same from both. Never leaves out an
archive for the date in its key: events are delivered up to days late, so that date proves nothing.
"""

import argparse
import hashlib
import json
import time

from common import TEXT, TIME, duckdb_type, texts
from events_duckdb import connect, read
from usage_duckdb import PRODUCT_CODE, QUANTITY, USAGE_TIMESTAMP, answers

CALL = texts("eventSource", "eventName", "awsRegion", "sourceIPAddress", "errorCode")


def of_archives(options):
    def events(members):
        records = duckdb_type([members])
        return f"(SELECT unnest(Records) AS event FROM {read(options.folder, records, options.largest)})"

    key = CALL | {"eventTime": TIME, "eventID": TEXT, "userIdentity": {"accessKeyId": TEXT}}
    return {
        "key": f"""SELECT event.eventTime, event.eventID, event.eventSource, event.eventName, event.awsRegion,
                event.sourceIPAddress, event.errorCode
            FROM {events(key)}
            WHERE event.userIdentity.accessKeyId = '{options.key}' AND event.eventTime::DATE = DATE '{options.day}'""",
        "errors": f"""SELECT event.eventTime::DATE, event.eventSource, event.errorCode, count(*)
            FROM {events(texts("eventSource", "errorCode") | {"eventTime": TIME})}
            WHERE event.errorCode IS NOT NULL GROUP BY ALL""",
        "usage": f"""SELECT {PRODUCT_CODE}, answer.usageRecord.dimension, date_trunc('month', {USAGE_TIMESTAMP})::DATE,
                answer.status, count(*), sum({QUANTITY})
            FROM {answers(options.folder, texts("eventSource", "eventName"), options.largest)} GROUP BY ALL""",
    }


def of_lake(options):
    events = f"read_parquet('{options.folder}/events/*/*.parquet', hive_partitioning = true)"
    usage_records = f"read_parquet('{options.folder}/usage_records/*/*.parquet', hive_partitioning = true)"
    return {
        "key": f"""SELECT event_time::TIMESTAMP, event_id, event_source, event_name, aws_region, source_ip_address,
                error_code
            FROM {events}
            WHERE user_identity_access_key_id = '{options.key}' AND event_date = DATE '{options.day}'""",
        "errors": f"""SELECT event_date, event_source, error_code, count(*)
            FROM {events} WHERE error_code IS NOT NULL GROUP BY ALL""",
        "usage": f"""SELECT product_code, dimension, date_trunc('month', usage_timestamp::TIMESTAMP)::DATE, status,
                count(*), sum(quantity)
            FROM {usage_records} WHERE status IS NOT NULL GROUP BY ALL""",
        # Not a question of the bench: which key and day to ask about.
        "busiest": f"""SELECT user_identity_access_key_id, event_date, count(*) FROM {events}
            WHERE user_identity_access_key_id LIKE 'AKIA%' AND event_date IS NOT NULL
            GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 1""",
    }


def bytes_read():
    """What this process has read so far, from the page cache or not."""
    with open("/proc/self/io", encoding="ascii") as counters:
        return int(counters.readline().split()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("question")
    parser.add_argument("source", choices=["archives", "lake"])
    parser.add_argument("folder")
    parser.add_argument("--largest", type=int, default=0)
    parser.add_argument("--key")
    parser.add_argument("--day")
    options = parser.parse_args()
    statement = {"archives": of_archives, "lake": of_lake}[options.source](options)[options.question]
    connection = connect()
    read_before, start = bytes_read(), time.perf_counter()
    answer = connection.execute(statement).fetchall()
    seconds = time.perf_counter() - start
    lines = sorted(json.dumps([None if value is None else str(value) for value in row]) for row in answer)
    print(json.dumps({
        "seconds": seconds,
        "bytes_read": bytes_read() - read_before,
        "rows": len(lines),
        "digest": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "first": lines[0] if lines else None,
    }))
