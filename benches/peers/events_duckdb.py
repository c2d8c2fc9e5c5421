"""Archives to a table of events, by DuckDB. In: a folder of archives. Out: Parquet by event date.

Leaves out what is not in `EVENT`: nearly half of trailmill's columns, and every member that nobody expected. Two
things that are easily missed make DuckDB several times as fast as it is without: `records = true`, and for small
archives `json_transform`, since `read_json` prepares every typed column anew for every archive.
"""

import duckdb

from common import EVENT, THREADS, duckdb_structure, duckdb_type, worker

DEFAULT_OBJECT_SIZE = 16 << 20


def connect():
    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}; SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
    return connection


def read(archives, records, largest=0):
    """`Records` of all archives, as a list of the given type."""
    size = max(largest, DEFAULT_OBJECT_SIZE)
    return f"""read_json('{archives}/**/*.json.gz', columns = {{Records: '{records}'}}, records = true,
        maximum_object_size = {size})"""


def copy(connection, select, out):
    connection.execute(f"""COPY ({select}) TO '{out}'
        (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (event_date), OVERWRITE_OR_IGNORE)""")


def convert(connection, archives, out, options):
    if options.small:
        event = f"json_transform(unnest(Records), '{duckdb_structure(EVENT)}')"
        source = read(archives, "JSON[]", options.largest)
    else:
        event, source = "unnest(Records)", read(archives, duckdb_type([EVENT]), options.largest)
    events = f"(SELECT {event} AS event FROM {source})"
    copy(connection, f"SELECT event.*, event.eventTime::DATE AS event_date FROM {events}", out)


if __name__ == "__main__":
    worker(connect, convert)
