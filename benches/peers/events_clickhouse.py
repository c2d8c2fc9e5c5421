"""Archives to a table of events, by ClickHouse. In: a folder of archives. Out: Parquet by event date.

Leaves out what is not in `EVENT`: nearly half of trailmill's columns, and every member that nobody expected. The events
of small archives are brought together by sorting, because the Parquet writer is slow on batches of a few rows; those of
large ones are not, since it only costs memory there.
"""

from clickhouse import TIME_COLUMNS, columns, connect, events, insert
from common import EVENT, worker


def convert(connection, archives, out, options):
    members = columns((name for name in EVENT if name != "eventTime"), "event")
    order = "ORDER BY event_date" if options.small else ""
    insert(connection, out, f"SELECT {members}, {TIME_COLUMNS} FROM {events(archives, EVENT, options.small)} {order}")


if __name__ == "__main__":
    worker(connect, convert)
