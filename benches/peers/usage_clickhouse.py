"""Archives to a table of usage records, by ClickHouse. In: a folder of archives. Out: Parquet by event date.

One row per answer in `results[]` of `BatchMeterUsage`. Leaves out `MeterUsage`, failed calls, records that were not
processed or have no answer, the matching of requests to answers, tags as columns, and half of the caller.
"""

from clickhouse import TIME_COLUMNS, columns, connect, events, insert
from common import ANSWER, BODIES, METERING_CALL, METERING_SOURCE, USAGE_RECORD, clickhouse_type, worker


def convert(connection, archives, out, options):
    call = columns((name for name in METERING_CALL if name != "eventTime"), "event")
    answers = f"JSONExtract(assumeNotNull(event.responseElements), 'results', '{clickhouse_type([ANSWER])}')"
    insert(connection, out, f"""SELECT {call}, {columns(USAGE_RECORD, "answer.usageRecord")}, {TIME_COLUMNS},
            JSONExtract(assumeNotNull(event.requestParameters), 'productCode', 'Nullable(String)') AS product_code,
            toDecimal64OrNull(coalesce(quantityAsDecimal, quantity), 6) AS exact_quantity,
            parseDateTimeBestEffortOrNull(translateUTF8(timestamp, ',\u202f\u00a0', '   ')) AS usage_timestamp,
            answer.meteringRecordId AS metering_record_id, answer.status AS status
        FROM {events(archives, METERING_CALL | BODIES)}
        ARRAY JOIN {answers} AS answer
        WHERE event.eventSource = '{METERING_SOURCE}' AND event.eventName = 'BatchMeterUsage'""")


if __name__ == "__main__":
    worker(connect, convert)
