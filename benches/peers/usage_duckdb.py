"""Archives to a table of usage records, by DuckDB. In: a folder of archives. Out: Parquet by event date.

One row per answer in `results[]` of `BatchMeterUsage`. Leaves out `MeterUsage`, failed calls, records that were not
processed or have no answer, the matching of requests to answers, tags as columns, and half of the caller.
"""

from common import ANSWER, BODIES, METERING_CALL, METERING_SOURCE, USAGE_RECORD, duckdb_structure, duckdb_type, worker
from events_duckdb import connect, copy, read

PRODUCT_CODE = "event.requestParameters->>'productCode'"
QUANTITY = "coalesce(answer.usageRecord.quantityAsDecimal, answer.usageRecord.quantity)::DECIMAL(18, 6)"
# Spaces of Java are of three kinds; a number counts seconds or milliseconds.
USAGE_TIMESTAMP = """coalesce(
    try_strptime(translate(answer.usageRecord.timestamp, chr(8239) || chr(160), '  '),
        ['%b %-d, %Y %-I:%M:%S %p', '%b %-d, %Y, %-I:%M:%S %p', '%Y-%m-%dT%H:%M:%SZ', '%Y-%m-%dT%H:%M:%S.%gZ']),
    make_timestamp(try_cast(answer.usageRecord.timestamp AS BIGINT)
        * if(length(answer.usageRecord.timestamp) > 10, 1000, 1000000)))"""


def answers(archives, members, largest=0):
    """One row per answer: `event` with the members and bodies, `answer`."""
    structure = duckdb_structure({"results": [ANSWER]})
    return f"""(SELECT event, unnest(json_transform(event.responseElements, '{structure}').results) AS answer
        FROM (SELECT unnest(Records) AS event FROM {read(archives, duckdb_type([members | BODIES]), largest)})
        WHERE event.eventSource = '{METERING_SOURCE}' AND event.eventName = 'BatchMeterUsage')"""


def convert(connection, archives, out, options):
    call = ", ".join(f"event.{name}" for name in METERING_CALL)
    record = ", ".join(f'answer.usageRecord."{name}"' for name in USAGE_RECORD)
    copy(connection, f"""SELECT {call}, {record}, {PRODUCT_CODE} AS product_code, {QUANTITY} AS exact_quantity,
            {USAGE_TIMESTAMP} AS usage_timestamp, answer.meteringRecordId, answer.status,
            event.eventTime::DATE AS event_date
        FROM {answers(archives, METERING_CALL, options.largest)}""", out)


if __name__ == "__main__":
    worker(connect, convert)
